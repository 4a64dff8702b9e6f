import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csr_array

from lopsided.cli.main import main
from lopsided.data import imbalance, summarise
from lopsided.data.checks.summary import always_true, set_aside
from lopsided.data.splits.validation import with_validation


def test_the_summary_has_the_agreed_form(make_table):
    summary = summarise(make_table(["train"] * 7 + ["test"] * 2))
    assert summary == {
        "labels": 2,
        "splits": {
            "train": {"samples": 7, "positives_per_sample": 1.0, "labels_without_positives": 0, "unknown": 0},
            "test": {"samples": 2, "positives_per_sample": 0.5, "labels_without_positives": 1, "unknown": 0},
        },
        "in_two_splits": 0,
        "notes": [],
    }
    assert json.loads(json.dumps(summary)) == summary


def test_numbers_are_rounded_to_four_decimals(make_table):
    assert summarise(make_table(["train"] * 3))["splits"]["train"]["positives_per_sample"] == 1.0
    assert summarise(make_table(["train"] * 3 + ["val"] * 3))["splits"]["val"]["positives_per_sample"] == 0.6667


def test_unknown_elements_are_counted_and_are_neither_positive_nor_negative(make_table):
    unknown = np.zeros((6, 2), dtype=bool)
    unknown[1:4, 0] = True
    table = make_table(["train"] * 6, unknown=unknown)
    assert summarise(table)["splits"]["train"]["unknown"] == 3
    assert imbalance(table, "train").tolist() == [0.5, 2.0]  # cats at 0 and 4, none at 5; dogs at 0 and 3
    negatives = csr_array(~table.labels.positives.toarray() & ~unknown)
    listed = replace(table, labels=replace(table.labels, unknown=None, negatives=negatives))
    assert summarise(listed) == summarise(table)
    assert imbalance(listed, "train").tolist() == [0.5, 2.0]


def test_leaks_are_counted(make_table):
    features = np.zeros((2, 1), np.float32)
    assert summarise(make_table(["train", "test"], features=features))["in_two_splits"] == 1


@pytest.mark.parametrize("split", ["val"])
def test_a_label_without_a_positive_is_infinitely_imbalanced(make_table, split):
    assert imbalance(make_table(["train", "val"]), split).tolist() == [np.inf, np.inf]


def test_what_is_set_aside_is_what_training_moves(make_table):
    table = make_table(["train"] * 20, features=np.arange(20, dtype=np.float32)[:, None])
    aside = set_aside(table, share=0.25, seed=3)
    moved = summarise(with_validation(table, share=0.25, seed=3))["splits"]
    assert aside == {"share": 0.25, "of": 20, **moved["val"]}
    assert (aside["samples"], moved["train"]["samples"]) == (5, 15)
    assert set_aside(make_table(["train", "val"]), share=0.25, seed=3) is None
    equal = make_table(["train"] * 3, features=np.zeros((3, 1), np.float32))
    assert set_aside(equal, share=0.25, seed=3) is None


def test_a_label_is_always_true_where_nothing_known_is_negative(make_table):
    table = make_table(["train"] * 2 + ["test"])
    names, dense = table.labels.names, table.labels.dense(range(3))[0]
    assert always_true(table, "test") == [name for name, has in zip(names, dense[2], strict=True) if has]
    hidden = np.zeros((3, 2), dtype=bool)
    hidden[:2] = ~dense[:2]  # every negative
    assert always_true(make_table(["train"] * 2 + ["test"], unknown=hidden), "train") == [
        name for name, has in zip(names, dense[:2].any(axis=0), strict=True) if has
    ]


def test_groups_are_counted_and_those_in_two_splits_named(tmp_path, capsys):
    path = tmp_path / "visits.csv"
    rows = [f"{row}.5,{'cat' if row % 2 else 'dog'},{'train' if row < 9 else 'test'},p{row // 4}" for row in range(12)]
    path.write_text("\n".join(["size,labels,split,patient", *rows]) + "\n")
    words = ["inspect", f"table:{path}", "--data.group_column", "patient"]
    assert main([*words, "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert (summary["groups"], summary["groups_in_two_splits"]) == (3, 1)
    assert main(words) == 0
    printed = capsys.readouterr()
    assert "1 of 3 groups lie in two splits" in printed.out
    assert "groups that lie in two splits: 'p2'" in printed.err
    assert main([*words[:2], "--data.ignored_columns", "patient", "--json"]) == 0
    assert "groups" not in json.loads(capsys.readouterr().out)
