import csv
import json
import re

import pytest

from lopsided.reports.tuning.figures import history_figure, parameters_of, title_of
from lopsided.reports.tuning.page import summary_of, warnings_about, write_tuning_report
from lopsided.reports.tuning.reading import read_tuning
from lopsided.runs.formats import FORMAT

SHARED = ("trial", "state", "val_mAP", "best_epoch", "epochs_made", "seconds", "loss")
HEAD = (*SHARED, "learning_rate", "weight_decay", "epochs", "loss.gamma_neg")
TRIALS = [
    (0, "complete", 0.30, 5, 5, 1.0, "cross_entropy", 0.1, 1.0, 5, ""),
    (1, "complete", 0.34, 4, 5, 1.0, "asymmetric", 0.02, 0.1, 5, 2.0),
    (2, "pruned", 0.20, 1, 1, 0.2, "asymmetric", 0.002, 0.1, 5, 4.0),
    (4, "diverged", "", 1, 5, 1.0, "cross_entropy", 0.5, 0.1, 5, ""),
    (5, "complete", 0.33, 4, 5, 1.0, "asymmetric", 0.04, 0.1, 5, 1.0),
]


def about(**other):
    return {
        "format": FORMAT,
        "asked": {"source": "table:<b>.csv", "losses": ["asymmetric", "cross_entropy"], "rates": None},
        "trials": 5,
        "pruned": 1,
        "diverged": 1,
        "best": {"trial": 1, "learning_rate": 0.02, "weight_decay": 0.1},
        "test": {"mAP": 0.31, "micro_AP": None},
        "test_read": 1,
        "ranges": {"learning_rate": [0.002, 0.5], "weight_decay": [0.0001, 3]},
        "at_edge": [],
        "importances": {"learning_rate": 0.7, "loss": 0.3},
        "importances_of_best_loss": {"asymmetric.gamma_neg": 1.0},
        **other,
    }


@pytest.fixture
def folder(tmp_path):
    return written(tmp_path / "photos")


def written(path, **other):
    path.mkdir(exist_ok=True)
    (path / "tune.json").write_text(json.dumps(about(**other)))
    with (path / "trials.csv").open("w", newline="") as file:
        csv.writer(file).writerows([HEAD, *TRIALS])
    return path


def test_the_page_opens_without_a_network_and_shows_names_as_they_are(folder):
    page = write_tuning_report(folder).read_text(encoding="utf-8")
    assert not re.search(r'(src|href)="(?!data:|#)', page)
    assert "table:&lt;b&gt;.csv" in page
    assert "<b>" not in page
    assert f"lopsided train --config {folder / 'best.yaml'} --out runs/photos" in page
    assert page.count("<figure") == 4


def test_the_summary_says_what_was_found_and_how_far_behind_the_next_loss_is(folder):
    text = summary_of(read_tuning(folder))
    assert text.startswith("Of 5 trials the best is asymmetric, γ+ = 0, γ− = 2, m = 0.2, learning rate 0.02, ")
    assert "1 were ended early, 1 diverged." in text
    assert "The best of another loss, cross-entropy, is 4.0 points behind it there." in text
    assert text.endswith("The test split was read once: test mAP 31.0\u00a0%.")


def test_without_a_test_split_the_summary_says_so(folder):
    text = summary_of(read_tuning(written(folder, test={}, test_read=0)))
    assert text.endswith("There is no test split, so nothing says how good it is on data it was not chosen by.")


def test_what_casts_doubt_on_the_numbers_stands_on_top(folder):
    assert warnings_about(read_tuning(folder))[0] == "5 trials: luck decides much of what is found in so few."
    found = warnings_about(read_tuning(written(folder, trials=50, at_edge=["learning_rate"], test_read=2)))
    assert found[0].startswith("The best learning rate, 0.02, lies at the end of its range (0.002 to 0.5)")
    assert found[1].startswith("The test split was read 2 times")


def test_parameters_are_those_that_took_two_values(folder):
    assert parameters_of(read_tuning(folder)) == ["learning_rate", "weight_decay", "asymmetric.gamma_neg"]
    assert title_of("asymmetric.gamma_neg") == "asymmetric: γ−"


def test_a_search_that_has_not_ended_is_refused(folder):
    (folder / "trials.csv").unlink()
    with pytest.raises(ValueError, match="to be the folder of a search that has ended, got one without trials.csv"):
        write_tuning_report(folder)


def test_a_search_of_a_newer_version_is_refused(folder):
    with pytest.raises(ValueError, match="made by a newer lopsided"):
        read_tuning(written(folder, format=FORMAT + 1))


def test_at_most_a_quarter_of_the_trials_lies_below_the_figure(folder):
    lines = [(n, "pruned", 0.02 * n, 1, 1, 0.2, "asymmetric", 0.002, 0.1, 5, 4.0) for n in range(5, 15)]
    with (folder / "trials.csv").open("w", newline="") as file:
        csv.writer(file).writerows([HEAD, *TRIALS, *lines])
    figure = history_figure(read_tuning(folder))
    low, _ = figure.axes[0].get_ylim()
    values = [100 * line[2] for line in [*TRIALS, *lines] if line[2] != ""]
    assert sum(value < low for value in values) <= len(values) / 4
