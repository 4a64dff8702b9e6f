"""What is said of data that is read as it stands there."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from lopsided.data import Labels, Manifest, Table, read_table
from lopsided.data.checks.remarks import look_alikes, remarks


@pytest.fixture
def said(tmp_path):
    def write_and_remark(text):
        (tmp_path / "t.csv").write_text(text)
        return remarks(read_table(tmp_path / "t.csv"))

    return write_and_remark


@pytest.mark.parametrize("other", ["DOG", "dog\u200b", "d\u00adog", "ｄｏｇ"])
def test_names_that_look_alike_are_named(said, other):
    (line,) = said(f"a,label:dog,label:{other}\n1.5,1,0\n2.5,0,1\n")
    assert line.startswith("labels whose names look alike: 'dog' and ")


def test_blanks_that_nobody_sees_make_no_other_name():
    assert look_alikes(("a b", "a  b", "a\u00a0b", "ab")) == [("a b", "a  b", "a\u00a0b")]


@pytest.mark.parametrize("name", ["id", "ID", "row_number", "index", "level_0", "sample id"])
def test_features_called_like_row_numbers_are_named(said, name):
    assert f"features that may be row numbers: '{name}';" in said(f"{name},a,labels\n8,1.5,x\n3,2.5,\n")[0]


@pytest.mark.parametrize("first", [0, 1, 1000])
def test_features_that_count_the_rows_are_named(said, first):
    rows = "".join(f"{first + row},{row % 3},{'xy'[row % 2]}\n" for row in range(12))
    assert said("n,a,labels\n" + rows) == (
        "features that may be row numbers: 'n'; remove such columns, a network learns nothing true from them",
    )


def test_a_label_called_like_a_missing_value_is_named(said):
    assert said("a,label:NA,label:x\n1.5,1,0\n2,0,1\n") == (
        "labels called like a missing value: 'NA'; they stay labels",
    )


def test_nothing_is_said_of_plain_data(tmp_path, said):
    assert said("a,idea,labels\n1.5,2,x\n2.5,1,y\n") == ()
    labels = Labels(("x",), csr_array(np.arange(12)[:, None] % 2 > 0))
    nameless = Table("t", np.arange(12.0, dtype=np.float32)[:, None], labels, np.array(["train"] * 12))
    assert remarks(nameless) == ()
    paths = np.array([f"{row}.png" for row in range(12)], dtype=np.dtypes.StringDType())
    assert remarks(Manifest("t", tmp_path, paths, labels, nameless.splits)) == ()
