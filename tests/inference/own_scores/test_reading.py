"""Files of scores as they come, and what is wrong with some."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lopsided.data import DataError
from lopsided.inference.own_scores.reading import read_scores

CSV = """id,score:cat,score:dog,label:cat,label:dog,split,fold
a,0.9,0.2,1,0,val,0
b,0.1,0.7,0,,val,1
c,0.3,0.25,0,1,test,0
"""


def write(folder, text, name="model.csv"):
    (folder / name).write_text(text)
    return folder / name


def test_a_csv_file_says_scores_truth_split_and_fold(tmp_path):
    found = read_scores(write(tmp_path, CSV), kind="probabilities")
    assert found.values.tolist() == [[0.9, 0.2], [0.1, 0.7], [0.3, 0.25]]
    assert found.data.labels.names == ("cat", "dog")
    targets, mask = found.data.labels.dense(found.rows)
    assert targets.tolist() == [[True, False], [False, False], [False, True]]
    assert mask.tolist() == [[True, True], [True, False], [True, True]]
    assert found.split_names == ("val", "test")
    assert list(found.folds) == ["0", "1", "0"]
    assert [found.data.sample_name(row) for row in found.rows] == ["a", "b", "c"]
    assert found.of_split("test").values.tolist() == [[0.3, 0.25]]


@pytest.mark.parametrize("form", ["parquet", "lists", "npz"])
def test_parquet_and_npz_say_the_same(tmp_path, form):
    scores = np.array([[2.0, -1.0], [-3.0, 0.5]], np.float32)
    truth = np.array([[1, 0], [0, 1]])
    flags = {"label:cat": truth[:, 0], "label:dog": truth[:, 1]}
    path = tmp_path / f"model.{'npz' if form == 'npz' else 'parquet'}"
    if form == "parquet":
        pq.write_table(
            pa.table({"id": ["a", "b"], "score:cat": scores[:, 0], "score:dog": scores[:, 1], **flags}), path
        )
    elif form == "lists":
        pq.write_table(pa.table({"id": ["a", "b"], "scores": scores.tolist(), **flags}), path)
    else:
        names = np.array(["cat", "dog"])
        np.savez(path, scores=scores, label_names=names, labels=truth, ids=np.array(["a", "b"]))
    found = read_scores(path, kind="logits")
    assert found.values.tolist() == scores.tolist()
    assert found.data.labels.names == ("cat", "dog")
    assert found.data.labels.dense(found.rows)[0].tolist() == truth.astype(bool).tolist()
    assert found.data.sample_name(1) == "b"


def test_truth_is_joined_to_a_source_by_the_number_of_a_row(tmp_path):
    write(tmp_path, "x,label:dog,label:cat,split\n1,0,1,test\n2,1,0,test\n3,1,1,val\n", "table.csv")
    path = write(tmp_path, "id,score:cat,score:dog\n2,0.1,0.2\n0,0.9,0.3\n")
    found = read_scores(path, kind="probabilities", source=f"table:{tmp_path}/table.csv")
    assert found.rows.tolist() == [0, 2]
    assert found.values.tolist() == [[0.9, 0.3], [0.1, 0.2]]
    assert found.data.labels.names == ("cat", "dog")
    assert found.data.labels.dense(found.rows)[0].tolist() == [[True, False], [True, True]]
    assert found.splits.tolist() == ["test", "val"]


def test_rows_without_any_score_are_left_out_and_told(tmp_path, capsys):
    found = read_scores(write(tmp_path, CSV.replace("b,0.1,0.7", "b,,")), kind="probabilities")
    assert len(found.values) == 2
    assert "left out 1 row without any score, the first of 'b'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("old", "new", "kind", "message"),
    [
        (
            "0.9",
            "1.9",
            "probabilities",
            r"model.csv, line 2: expected a probability in \[0, 1\] for 'cat' of 'a', got 1.9",
        ),
        ("0.7", "", "logits", "line 3: expected a finite number for 'dog' of 'b', got nothing"),
        ("0.7", "inf", "logits", "line 3: expected a finite number for 'dog' of 'b', got inf"),
        ("0.7", "high", "logits", "line 3: expected a number in column 'score:dog', got 'high'"),
        ("c,", "a,", "logits", "expected each sample once, got 'a' twice"),
        ("fold", "flod", "logits", "got 'flod'; did you mean fold?"),
        ("score:", "", "logits", "expected scores in columns 'score:LABEL', in 'p:LABEL' or in one of lists"),
        ("score:dog", "p:dog", "logits", "expected scores in columns .*got score: and p:"),
        ("score:dog", "score:cow", "logits", "expected the truth of every label with a score, got none of 'cow'"),
        ("score:", "p:", "logits", "expected logits in columns score:LABEL, got p:LABEL, which are probabilities"),
        ("score:", "p:", "probabilities", "its labels are what lopsided predict decided"),
        ("id,", "row,path,", "logits", "cells"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path, old, new, kind, message):
    with pytest.raises(DataError, match=message):
        read_scores(write(tmp_path, CSV.replace(old, new)), kind=kind)


def test_the_kind_of_scores_is_never_guessed(tmp_path):
    with pytest.raises(ValueError, match="expected scores to be one of logits, probabilities, got 'odds'"):
        read_scores(write(tmp_path, CSV), kind="odds")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("score:cat,score:dog\n0.1,0.2\n", "expected a column id or path or row, by which to join"),
        ("id,score:cat,score:dog\n7,0.1,0.2\n", "model.csv, line 2: expected the row of a sample of table:.*got '7'"),
        ("id,score:cat,score:dog,label:cat,label:dog\n0,0.1,0.2,1,1\n", "the truth in the file or in table:.*got both"),
        ("id,score:cat,score:cow\n0,0.1,0.2\n", "expected the labels of the scores, got also 'dog'"),
    ],
)
def test_rows_that_do_not_fit_a_source_are_refused(tmp_path, text, message):
    write(tmp_path, "x,label:dog,label:cat\n1,0,1\n2,1,0\n", "table.csv")
    with pytest.raises(DataError, match=message):
        read_scores(write(tmp_path, text), kind="logits", source=f"table:{tmp_path}/table.csv")


@pytest.mark.parametrize("name", ["model.xlsx", "model"])
def test_another_kind_of_file_is_refused(tmp_path, name):
    with pytest.raises(DataError, match="expected scores in .csv, .tsv, .parquet or .npz"):
        read_scores(write(tmp_path, CSV, name), kind="logits")
