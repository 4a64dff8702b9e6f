import pytest

from lopsided.training import Config, LossOptions, TrainingOptions


def test_a_saved_configuration_reads_back_as_it_was(tmp_path):
    config = Config(source="table:a b.csv", loss=LossOptions(name="focal", gamma=3.0), seed=7)
    config.save(tmp_path / "config.yaml")
    assert Config.load(tmp_path / "config.yaml") == config
    assert "gamma_neg" not in (tmp_path / "config.yaml").read_text()


@pytest.mark.parametrize("text", ["", "[1, 2]", "source: digits", "{", "source: !!python/object:os.system x", "\0"])
def test_a_file_that_is_no_configuration_is_refused(tmp_path, text):
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(ValueError, match=r"config\.yaml.* to hold the configuration of a run|config\.yaml.*: expected"):
        Config.load(tmp_path / "config.yaml")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"name": "hinge"},
            "expected loss.name to be one of cross_entropy, focal, asymmetric, adaptive, hill, .*, got 'hinge'",
        ),
        (
            {"name": "focal", "gamma_neg": 4.0},
            "expected no loss.gamma_neg with loss.name=focal, which takes loss.gamma",
        ),
        ({"name": "cross_entropy", "margin": 0.1}, "expected no loss.margin .* which takes no settings"),
    ],
)
def test_an_option_that_would_do_nothing_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        LossOptions(**options)


@pytest.mark.parametrize(
    "options",
    [
        {"epochs": 0},
        {"batch_size": 0},
        {"learning_rate": 0.0},
        {"weight_decay": -1.0},
        {"ema_decay": 1.0},
        {"workers": -1},
    ],
)
def test_a_value_out_of_range_is_refused_by_name(options):
    name = next(iter(options))
    with pytest.raises(ValueError, match=rf"expected training\.{name} to "):
        TrainingOptions(**options)
