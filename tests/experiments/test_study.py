import dataclasses
import math

import optuna
import pytest

from lopsided.experiments.claims import FileClaims, without_password
from lopsided.experiments.plan import points
from lopsided.experiments.study import Study, sqlite_at
from lopsided.metrics.catalogue import undefined
from lopsided.runs.formats import FORMAT
from tests.experiments.test_plan import row_of


def test_rows_come_back_as_they_were_kept(tmp_path, sweep):
    storage = sqlite_at(tmp_path / "study.db")
    rows = [row_of(point, 0.1 + 0.01 * number) for number, point in enumerate(points(sweep, {}))]
    rows[3] = dataclasses.replace(rows[3], val_mAP=math.nan, test=undefined())
    with Study(storage, "a") as study:
        study.add(rows, sweep.settings)
    with Study(storage, "a") as again, Study(storage, "b") as other:
        found = again.rows()
        assert other.rows() == {}
    assert list(found) == [row.key for row in rows]
    assert [repr(row) for row in found.values()] == [repr(row) for row in rows]


def test_a_row_is_a_trial_with_its_settings_and_its_validation(tmp_path, sweep):
    storage = sqlite_at(tmp_path / "study.db")
    rows = [row_of(point, 0.25) for point in points(sweep, {})]
    rows[0] = dataclasses.replace(rows[0], val_mAP=math.nan)
    with Study(storage, "a") as study:
        study.add(rows, sweep.settings)
    trials = optuna.load_study(study_name="a", storage=storage).get_trials()
    states = [trial.state.name for trial in trials]
    assert states == ["FAIL"] + ["COMPLETE"] * (len(rows) - 1)
    last = trials[-1]
    assert last.value == 0.25
    axes = {"learning_rate": 0.04, "weight_decay": 1e-4, "seed": 1, "missing": 0.0, "unknown": 0.0}
    assert last.params == {**axes, "gamma_neg": 2.0, "margin": 0.0}
    assert last.user_attrs["setting"] == "asymmetric gamma_neg=2 margin=0"


@pytest.mark.parametrize("storage", ["study.db", "mysql://host/lab", "postgresql://", "sqlite://relative.db"])
def test_other_storages_are_refused(storage):
    with pytest.raises(ValueError, match=f"to be sqlite:///FILE or postgresql://USER@HOST/DATABASE, got '{storage}'"):
        Study(storage, "a")


def test_a_server_that_is_not_there_is_one_line_without_the_password(tmp_path):
    pytest.importorskip("psycopg")
    with pytest.raises(ValueError, match=r"the storage postgresql://me@/lab.* to be reachable, got") as caught:
        Study(f"postgresql://me:secret@/lab?host={tmp_path}", "a")
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_claim_is_held_by_one_at_a_time_and_free_afterwards(tmp_path):
    first, second = FileClaims(tmp_path / "claims"), FileClaims(tmp_path / "claims")
    with first.claim("unit") as mine:
        assert mine
        with second.claim("unit") as other:
            assert not other
        with second.claim("another") as other:
            assert other
    with second.claim("unit") as mine:
        assert mine


def test_an_error_inside_a_claim_frees_it(tmp_path):
    claims = FileClaims(tmp_path)
    with pytest.raises(RuntimeError, match="out of luck"), claims.claim("unit"):
        raise RuntimeError("out of luck")
    with claims.claim("unit") as mine:
        assert mine


def test_an_address_without_a_password_stays_as_it_is():
    assert without_password("postgresql://host/lab") == "postgresql://host/lab"


def test_a_study_says_its_format_and_one_of_a_newer_version_is_refused(tmp_path):
    storage = sqlite_at(tmp_path / "study.db")
    with Study(storage, "a") as study:
        assert study.study.user_attrs == {"format": FORMAT}
        study.study.set_user_attr("format", FORMAT + 1)
    with pytest.raises(ValueError, match=r"the study a has format [0-9]+, made by a newer lopsided .*: upgrade it"):
        Study(storage, "a")


def test_a_study_from_before_there_were_formats_goes_on(tmp_path, sweep):
    storage = sqlite_at(tmp_path / "study.db")
    rows = [row_of(point, 0.25) for point in points(sweep, {})]
    with Study(storage, "a") as study:
        study.add(rows, sweep.settings)
        study.study._storage.set_study_user_attr(study.study._study_id, "format", None)
    with Study(storage, "a") as again:
        assert list(again.rows()) == [row.key for row in rows]


def test_runs_of_a_version_with_other_defaults_are_not_gone_on_with(tmp_path, sweep):
    storage = sqlite_at(tmp_path / "study.db")
    with Study(storage, "a", sweep.settings[:1]):
        pass
    with Study(storage, "a", sweep.settings):  # more of them are added
        pass
    study = optuna.load_study(study_name="a", storage=storage)
    kept = study.user_attrs["losses"]
    assert set(kept) == {setting.name for setting in sweep.settings}
    last = sweep.settings[-1].name
    assert kept[last] == {"gamma_pos": 0.0, "gamma_neg": 2.0, "margin": 0.0, "detach_focus": False}
    for other, message in (({"gamma_pos": 1.0}, "to have gamma_pos 0.0, got 1.0"), ({"slope": 2}, "slope none, got 2")):
        study.set_user_attr("losses", {**kept, last: {**kept[last], **other}})
        with pytest.raises(ValueError, match=f"expected the runs of {last} .*{message}: a version of lopsided with"):
            Study(storage, "a", sweep.settings)


def test_runs_of_a_version_that_wrote_no_weight_decay_have_that_of_the_sweep(tmp_path, sweep):
    storage = sqlite_at(tmp_path / "study.db")
    rows = [row_of(point) for point in points(sweep, {})]
    with Study(storage, "a") as study:
        study.add(rows[:1], sweep.settings)
        (trial,) = study.study.trials
        plain = dict(trial.user_attrs["row"])
    del plain["unknown"], plain["weight_decay"]
    with Study(storage, "old") as old:
        old.study.add_trial(optuna.trial.create_trial(value=0.5, user_attrs={"row": plain}))
    with Study(storage, "old", weight_decay=0.3) as again:
        assert list(again.rows()) == [rows[0].key._replace(weight_decay=0.3)]


def test_a_unit_whose_worker_died_among_its_trials_is_there_whole(tmp_path, sweep, monkeypatch):
    storage = sqlite_at(tmp_path / "study.db")
    rows = [row_of(point, 0.25) for point in points(sweep, {})]

    class Killed(BaseException):
        pass

    def die(*_):
        raise Killed

    with Study(storage, "a") as study, Study(storage, "a") as other:
        study.add(rows[:2], sweep.settings)
        monkeypatch.setattr(study.study, "add_trial", die)
        with pytest.raises(Killed):
            study.add(rows[2:6], sweep.settings)
        assert list(other.rows()) == [row.key for row in rows[:6]]
        other.add(rows[6:], sweep.settings)
        assert len(other.study.trials) == len(other.rows()) == len(rows)


def test_a_storage_that_cannot_be_written_is_named(tmp_path, sweep):
    path = tmp_path / "study.db"
    path.write_text(
        "no database, but text that is longer than the header of one, so that nobody takes it for empty" * 9
    )
    with pytest.raises(ValueError, match=r"the storage sqlite:.*study.db to be usable, got: file is not a database"):
        Study(sqlite_at(path), "a")
