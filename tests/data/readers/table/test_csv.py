from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lopsided.data import DataError
from tests.data.readers.for_run import read_table


@pytest.fixture
def read(tmp_path):
    def write_and_read(text, **options):
        path = tmp_path / "pets.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_table(path, **options)

    return write_and_read


def test_labels_joined_by_bars_become_columns_sorted_by_name(read):
    table = read("size,labels,split\n1.5,dog|cat,train\n2,,test\n-3e2,cat,train\n")
    assert table.name == "pets"
    assert table.labels.names == ("cat", "dog")
    assert table.labels.positives.toarray().tolist() == [[True, True], [False, False], [True, False]]
    assert table.features.tolist() == [[1.5], [2.0], [-300.0]]
    assert table.features.dtype == np.float32
    assert table.feature_names == ("size",)
    assert table.splits.tolist() == ["train", "test", "train"]
    assert table.labels.unknown is None


def test_label_columns_keep_their_order_and_leave_unknown_what_is_empty_or_a_question_mark(read):
    table = read("label:dog,size,label:cat\n1,0,\n0,0,?\n1.0,0,0.0\nTrue,0,false\n")
    assert table.labels.names == ("dog", "cat")
    assert table.labels.positives.toarray().tolist() == [[True, False], [False, False], [True, False], [True, False]]
    assert table.labels.unknown.toarray().tolist() == [[False, True], [False, True], [False, False], [False, False]]


def test_without_a_split_column_everything_is_train(read):
    assert read("a,labels\n1,x\n2,y\n").split_names == ("train",)


def test_other_words_for_validation_are_understood(read):
    rows = "".join(f"1,x,{word}\n" for word in ("validation", "Valid", "dev", "VAL", "training", "testing", "Extra"))
    assert read("a,labels,split\n" + rows).splits.tolist() == ["val"] * 4 + ["train", "test", "Extra"]


def test_unknown_labels_can_be_listed(read):
    table = read("a,labels,unknown\n1,cat,dog|bird\n2,dog,\n")
    assert table.labels.names == ("bird", "cat", "dog")
    assert table.labels.unknown.toarray().tolist() == [[True, False, True], [False, False, False]]


def test_listed_unknowns_and_empty_cells_go_together(read):
    table = read("a,label:cat,label:dog,unknown\n1,0,,cat\n2,1,0,\n")
    assert table.labels.unknown.toarray().tolist() == [[True, True], [False, False]]


def test_names_may_hold_blanks_commas_quotes_and_emoji(read):
    table = read('a,labels\n1,"blue sky| sea, calm |🦊|say ""hi"""\n')
    assert table.labels.names == ("blue sky", 'say "hi"', "sea, calm", "🦊")
    assert read('"label:sea, calm",a\n1,1\n').labels.names == ("sea, calm",)


def test_a_byte_order_mark_windows_line_ends_and_blank_lines_do_not_matter(read):
    table = read(b"\xef\xbb\xbfa,labels\r\n1,x\r\n\r\n2,\r\n")
    assert table.feature_names == ("a",)
    assert len(table) == 2


def test_names_that_are_listed_get_the_order_of_the_run_and_are_negative_where_never_listed(read):
    table = read("a,labels,unknown\n1,cat|ant,\n2,,cat\n", label_names=["dog", "cat", "ant"])
    assert table.labels.names == ("dog", "cat", "ant")
    assert table.labels.positives.toarray().tolist() == [[False, True, True], [False, False, False]]
    assert table.labels.unknown.toarray().tolist() == [[False, False, False], [False, True, False]]


def test_only_empty_cells_are_negative_for_a_run(read):
    labels = read("a,labels\n1,\n2,\n", label_names=["dog", "cat"]).labels
    assert labels.names == ("dog", "cat")
    assert labels.positives.nnz == 0
    assert labels.unknown is None


def test_label_columns_get_the_order_of_the_run_and_are_unknown_where_absent(read):
    table = read("label:cat,a,label:ant\n1,5,0\n?,6,1\n", label_names=("ant", "bee", "cat"))
    assert table.labels.names == ("ant", "bee", "cat")
    assert table.labels.positives.toarray().tolist() == [[False, False, True], [True, False, False]]
    assert table.labels.unknown.toarray().tolist() == [[False, True, False], [False, True, True]]
    assert table.features.tolist() == [[5], [6]]


@pytest.mark.parametrize(
    ("text", "splits"),
    [("a,b\n0,1\n1,2\n", ["train", "train"]), ("a,split,b\n0,new,1\n1,test,2\n", ["new", "test"])],
)
def test_a_run_needs_no_labels_and_then_knows_none(read, text, splits):
    table = read(text, label_names=["dog", "cat"])
    assert table.splits.tolist() == splits
    assert table.feature_names == ("a", "b")
    assert table.features.tolist() == [[0, 1], [1, 2]]
    assert table.labels.names == ("dog", "cat")
    assert table.labels.positives.nnz == 0
    assert not table.labels.dense(range(len(table)))[1].any()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,labels\n1,zebra|cat\n2,ant|bee|dog\n", r"got also 'ant' \(and 3 more\)$"),
        ("a,label:zebra,label:dog\n1,0,1\n", "got also 'zebra'$"),
        ("a,unknown\n1,zebra\n", "got also 'zebra'$"),
        ("a,labels,label:dog\n1,dog,1\n", "expected a column 'labels' or columns 'label:NAME', got both"),
    ],
)
def test_labels_that_a_run_does_not_know_are_refused(read, text, message):
    with pytest.raises(DataError, match=message) as caught:
        read(text, label_names=["dog"])
    assert "pets.csv" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a first line of column names"),
        ("a,labels\n", "expected rows below the column names"),
        ("a,b\n1,2\n", "expected a column 'labels' or columns 'label:NAME', got only 'a, b'"),
        ("a,labels,label:x\n1,x,1\n", "got both"),
        ("a,labels\n1,\n2,\n", "at least one label, got only empty cells"),
        ("a,labels\n1,x\n2\n", r"line 3: expected 2 cells, got 1"),
        ("a,labels\n1,x\n2,y,z\n", r"line 3: expected 2 cells, got 3"),
        ("a,b,labels\n1,2,x\n1,red,x\n", r"line 3: expected column 'b', a feature, to hold numbers, got 'red'"),
        ("a,b,labels\n1,,x\n", r"line 2: expected column 'b', a feature, to hold numbers, got an empty cell"),
        ("a,b,labels\n1,nan,x\n", "line 2: expected column 'b', a feature, to hold numbers, got nan"),
        ("a,b,labels\n1,1e39,x\n", r"got inf in row 0 \(from 0\), column 'b'"),
        ("a,label:x\n1,2\n", r"line 2: column 'label:x': expected 0, 1 or, where unknown, nothing, got '2'"),
        ("a,a,labels\n1,2,x\n", "distinct column names, got 'a' 2 times"),
        (",labels\n1,x\n", "a name for each column, got an empty one"),
        ("label:x,label: x,a\n1,1,1\n", "one column per label"),
        ("label:,a\n1,1\n", "not empty"),
        ("labels\nx\n", "line 1: expected at least one column of features"),
        ("a,labels,split\n1,x,\n", "line 2: expected the name of a split"),
        ("a,labels,unknown\n1,x,x\n", "line 2: expected a label to be positive or unknown, got both for 'x'"),
        ("a,label:x,unknown\n1,0,y\n", "line 2: expected a column 'label:y'"),
        ('a,labels\n1,"x\n2,y\n', "line 2: expected a quote that closes, got no end of it"),
        ("a,labels\n1,caf\xe9\n".encode("latin-1"), r"line 2: expected text in UTF-8"),
    ],
)
def test_a_file_that_is_no_table_is_refused_in_one_line(read, text, message):
    with pytest.raises(DataError, match=message) as caught:
        read(text)
    assert "pets.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


VALID = b'a,b,label:x,"label:y, z",split,unknown\n1,2.5,1,0,train,\n-3,1e3,?,,val,"x|y, z"\n0,0,0,1,test,x\n'


@given(
    st.lists(st.tuples(st.integers(0, len(VALID)), st.integers(0, 4), st.binary(max_size=4)), max_size=4),
    st.sampled_from([None, ["y, z", "x", "w"]]),
)
@settings(max_examples=200, deadline=None)
def test_damaged_bytes_give_a_table_or_our_error(refusal, tmp_path_factory, edits, label_names):
    content = VALID
    for position, removed, added in edits:
        content = content[:position] + added + content[position + removed :]
    path = tmp_path_factory.getbasetemp() / "damaged.csv"
    path.write_bytes(content)
    assert "\n" not in refusal(partial(read_table, label_names=label_names), path)


@pytest.mark.parametrize(
    "name", ["Unnamed: 0", "Unnamed: 0.1", "unnamed: 12", "__index_level_0__", "Unnamed: 1_level_0"]
)
def test_a_column_without_a_name_of_its_own_is_no_feature(read, name):
    with pytest.raises(DataError, match=rf"line 1: expected a name for each column, got '{name}', as pandas"):
        read(f"{name},a,labels\n0,1,x\n")


@pytest.mark.parametrize("name", ["Labels", "SPLIT", "Unknown"])
def test_a_role_in_other_case_is_no_feature(read, name):
    with pytest.raises(DataError, match=f"expected '{name.lower()}' as the name of a column, got '{name}'"):
        read(f"{name},a,label:x\n0,1,1\n")


@pytest.mark.parametrize("cell", ["nan", "inf", "1_000", "0,5", "None", "1e999"])
def test_a_feature_that_is_no_number_is_refused_with_its_line(read, cell):
    with pytest.raises(DataError, match=r"line 3: expected column 'b', a feature, to hold numbers, got"):
        read(f'a,b,labels\n1,2,x\n1,"{cell}",y\n')


def test_unix_times_stay_apart(read):
    times = [1_732_752_000 + 7 * row for row in range(50)]
    table = read("when,a,labels\n" + "".join(f"{time},{row}.1,x\n" for row, time in enumerate(times)))
    assert table.features[:, 0].tolist() == times
