"""What evaluate takes and prints of rankings, and what the pages show of them."""

import json
import re

import numpy as np
import pytest

from lopsided.cli.main import main
from lopsided.cli.rankings import about_frequency


def write_scores(path, *, labels, train=True):
    """Probabilities of 60 samples with their truth; every third one is of the training split."""
    draw = np.random.default_rng(0)
    truth = draw.random((60, labels)) < 2 / np.arange(2, labels + 2)
    scores = np.clip(truth * 0.4 + draw.random((60, labels)) * 0.5, 0, 1)
    split = np.array(["train" if train and row % 3 == 0 else "test" for row in range(60)])
    names = np.array([f"tag{number}" for number in range(labels)])
    np.savez(path, scores=scores, label_names=names, labels=truth, split=split)
    return f"scores:{path}"


@pytest.fixture
def said(capsys):
    def say(*words, code=0):
        assert main(list(words)) == code
        captured = capsys.readouterr()
        return captured.out if code == 0 else captured.err

    return say


SAID = ("--scores", "probabilities")


def test_a_handful_is_printed_and_the_rest_where_it_is_asked_for(tmp_path, said):
    few = write_scores(tmp_path / "few.npz", labels=8)
    usual = said("evaluate", few, *SAID)
    assert "PSP@3" not in usual
    assert "P@k, nDCG@k, mAP of head, medium and tail labels and others: --all" in usual
    everything = said("evaluate", few, *SAID, "--all")
    assert {f"{name}@{k}" for name in ("P", "nDCG", "PSP") for k in (1, 3, 5)} <= set(everything.split())
    assert everything.index("ECE") < everything.index("mAP head")
    assert "--all" not in everything


def test_a_hundred_labels_have_the_rest_without_being_asked(tmp_path, said):
    assert "P@1" in said("evaluate", write_scores(tmp_path / "many.npz", labels=100), *SAID)
    assert "P@1" not in said("evaluate", write_scores(tmp_path / "fewer.npz", labels=99), *SAID)


def test_other_ks_are_printed_instead_and_stand_beside_the_usual_ones_in_json(tmp_path, said):
    name = write_scores(tmp_path / "a.npz", labels=12)
    printed = said("evaluate", name, *SAID, "--all", "--at-k", "2,10").split()
    assert {"P@2", "PSP@10"} <= set(printed)
    assert "P@3" not in printed
    about = json.loads(said("evaluate", name, *SAID, "--at-k", "2,10", "--json"))
    assert {"p_at_1", "p_at_3", "p_at_5", "p_at_2", "p_at_10"} <= set(about)
    assert about["intervals"]["p_at_10"][0] <= about["p_at_10"] <= about["intervals"]["p_at_10"][1]


def test_propensities_have_both_options(tmp_path, said):
    name = write_scores(tmp_path / "a.npz", labels=12)
    usual = json.loads(said("evaluate", name, *SAID, "--json"))
    for option in ("--propensity-a", "--propensity-b"):
        other = json.loads(said("evaluate", name, *SAID, "--json", option, "0.4"))
        assert other["psp_at_1"] != usual["psp_at_1"]
        assert other["p_at_1"] == usual["p_at_1"]


def test_scores_without_a_train_split_say_what_is_missing(tmp_path, said):
    name = write_scores(tmp_path / "a.npz", labels=8, train=False)
    out = said("evaluate", name, *SAID, "--all")
    assert "not known: how frequent labels are in training, which PSP@k and mAP of head, medium and tail need" in out
    assert re.search(r"PSP@1 +–", out)
    assert json.loads(said("evaluate", name, *SAID, "--json"))["psp_at_1"] is None


@pytest.mark.parametrize("given", ["0", "1,1", "1,x", "-3"])
def test_wrong_ks_are_refused_with_an_example(tmp_path, said, given):
    name = write_scores(tmp_path / "a.npz", labels=8)
    error = said("evaluate", name, *SAID, f"--at-k={given}", code=2)
    assert "expected --at-k to be distinct whole numbers from 1 with commas between them, such as 1,3,5" in error
    assert error.count("\n") == 1


def test_more_ranks_than_labels_are_refused(tmp_path, said):
    name = write_scores(tmp_path / "a.npz", labels=8)
    error = said("evaluate", name, *SAID, "--at-k", "9", code=1)
    assert "expected k to lie in 1 to 8, the number of labels, got 9" in error


def test_groups_are_told_by_their_positives():
    groups = {"head": (2, 50), "medium": (0, 50), "tail": (7, 0)}
    found = {name: {"labels": labels, "at_least": least} for name, (labels, least) in groups.items()}
    (line,) = about_frequency({"frequency": {"groups": found}})
    assert line.endswith("head 2 labels (50 or more), medium 0 labels, tail 7 labels (0 to 49)")


def test_the_page_of_scores_shows_further_rankings_and_each_label_with_its_group(tmp_path, said):
    name = write_scores(tmp_path / "a.npz", labels=70)
    said("report", name, *SAID, "--out", str(tmp_path / "page.html"))
    page = (tmp_path / "page.html").read_text()
    about = json.loads(said("evaluate", name, *SAID, "--json"))
    low, high = about["intervals"]["psp_at_3"]
    assert f"<td>{100 * about['psp_at_3']:.1f}</td><td>{100 * low:.1f} to {100 * high:.1f}</td>" in page
    assert "10 between them are in" in page
    ordered = sorted(range(70), key=lambda label: -about["per_label"]["training_positives"][label])
    first = page.index(f">tag{ordered[0]}<")
    assert first < page.index(f">tag{ordered[-1]}<")
    assert f">tag{ordered[35]}<" not in page
    assert "Labels are sorted by their positives in training" in page


def test_a_page_says_that_a_map_over_labels_that_are_always_true_says_nothing(tmp_path, said):
    np.savez(
        tmp_path / "a.npz",
        scores=np.random.default_rng(0).random((9, 2)),
        label_names=np.array(["sky", "sea"]),
        labels=np.repeat([[1, 0]], 9, axis=0),
    )
    said("report", f"scores:{tmp_path / 'a.npz'}", *SAID, "--out", str(tmp_path / "page.html"))
    page = (tmp_path / "page.html").read_text()
    assert "says nothing about a network: the only label that has a positive there is true in each sample" in page
