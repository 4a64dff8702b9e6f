from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from lopsided.data import DataError
from tests.data.readers.for_run import read_arff

MULAN = Path(__file__).parents[5] / "shared" / "data" / "mulan"
real = pytest.mark.skipif(not MULAN.is_dir(), reason="the Mulan files are not at ../shared/data/mulan")

HEADER = "@relation r\n@attribute x numeric\n@attribute cat {0,1}\n@attribute 'big dog' {0,1}\n@data\n"


@pytest.fixture
def write(tmp_path):
    """Writes Toy.xml for the labels cat and 'big dog', and the ARFF files given; tells the stem."""

    def write_files(*, labels=("cat", "big dog"), **files):
        names = "".join(f'<label name="{name}"></label>' for name in labels)
        (tmp_path / "Toy.xml").write_text(f'<labels xmlns="http://mulan.sourceforge.net/labels">{names}</labels>')
        for part, text in files.items():
            (tmp_path / f"Toy{part.replace('_', '-')}.arff").write_text(text)
        return tmp_path / "Toy"

    return write_files


def labels_of(table):
    return table.labels.positives.toarray().astype(int).tolist()


def test_train_and_test_become_splits_of_one_table(write):
    table = read_arff(write(_train=HEADER + "1.5,1,0\n2,0,1\n", _test=HEADER + "{0 3}\n"))
    assert table.name == "Toy"
    assert table.splits.tolist() == ["train", "train", "test"]
    assert table.features.tolist() == [[1.5], [2.0], [3.0]]
    assert table.features.dtype == np.float32
    assert table.feature_names == ("x",)
    assert table.labels.names == ("cat", "big dog")
    assert labels_of(table) == [[1, 0], [0, 1], [0, 0]]
    assert table.labels.unknown is None


def test_a_single_file_is_all_train(write):
    assert read_arff(write(**{"": HEADER + "1,1,0\n"})).split_names == ("train",)


def test_the_stem_may_be_in_another_case_and_the_files_may_say_more(write, tmp_path):
    write(_train_sparse=HEADER + "{0 3}\n", _test_sparse=HEADER + "{0 4}\n")
    for stem in ("toy", "TOY", "Toy.xml", "toy.arff"):
        assert read_arff(tmp_path / stem).name == "Toy"


def test_of_two_files_the_one_without_an_addition_is_read(write):
    table = read_arff(write(_train=HEADER + "1,1,0\n", _train_sparse=HEADER + "{0 9}\n"))
    assert table.features.tolist() == [[1.0]]


def test_a_stem_that_begins_another_is_not_mixed_up_with_it(write, tmp_path):
    stem = write(_train=HEADER + "1,1,0\n")
    (tmp_path / "Toy-500-train.arff").write_text(HEADER + "9,0,0\n")
    (tmp_path / "Toys-train.arff").write_text(HEADER + "9,0,0\n")
    assert read_arff(stem).features.tolist() == [[1.0]]
    (tmp_path / "Toy-train.arff").rename(tmp_path / "Toys.arff")
    with pytest.raises(DataError, match=r"expected Toy-train\*\.arff or Toy\.arff, got "):
        read_arff(stem)


def test_labels_may_stand_first_and_keep_the_order_of_the_xml(write):
    text = "@relation r\n@attribute cat {0,1}\n@attribute 'big dog' {0,1}\n@attribute x numeric\n@data\n1,0,7\n"
    table = read_arff(write(labels=("big dog", "cat"), _train=text))
    assert table.labels.names == ("big dog", "cat")
    assert labels_of(table) == [[0, 1]]
    assert table.features.tolist() == [[7.0]]


def test_nominal_features_are_numbers_when_0_or_1_and_one_column_per_value_otherwise(write):
    text = (
        "@relation r\n@attribute a {0,1}\n@attribute c {red,'light green',blue}\n@attribute b {1,0}\n"
        "@attribute id string\n@attribute cat {0,1}\n@attribute x real\n@attribute 'big dog' {0,1}\n@data\n"
        "1,blue,1,'some text',0,2.5,0\n{}\n{1 'light green',2 0,5 -1}\n"
    )
    table = read_arff(write(_train=text))
    assert table.feature_names == ("a", "c=red", "c=light green", "c=blue", "b", "x")
    assert table.features.tolist() == [[1, 0, 0, 1, 1, 2.5], [0, 1, 0, 0, 1, 0], [0, 0, 1, 0, 0, -1]]


@pytest.mark.parametrize(
    ("declared", "cells", "targets"),
    [
        ("{0,1}", ["0", "1"], [0, 1]),
        ("{1,0}", ["0", "1"], [0, 1]),
        ("{NO,YES}", ["NO", "YES"], [0, 1]),
        ("{YES,NO}", ["NO", "YES"], [0, 1]),
        ("{TRUE,FALSE}", ["TRUE", "FALSE"], [1, 0]),
        ("{neg,pos}", ["pos", "neg"], [1, 0]),
        ("{absent,present}", ["absent", "present"], [0, 1]),
        ("{T,F}", ["T", "F"], [1, 0]),
        ("{f,t}", ["t", "f"], [1, 0]),
        ("{Y,N}", ["Y", "N"], [1, 0]),
        ("{on,off}", ["on", "off"], [1, 0]),
        ("{ja,nein}", ["ja", "nein"], [1, 0]),
        ("{'+','-'}", ["'+'", "-"], [1, 0]),
        ("{-,+}", ["+", "-"], [1, 0]),
        ("{1,-1}", ["1", "-1"], [1, 0]),
        ("{-1,+1}", ["+1", "-1"], [1, 0]),
        ("{1.0,0.0}", ["1.0", "0.0"], [1, 0]),
        ("{0}", ["0", "0"], [0, 0]),
        ("{F}", ["F", "F"], [0, 0]),
        ("{1}", ["1", "1"], [1, 1]),
        ("numeric", ["0", "1"], [0, 1]),
    ],
)
def test_the_positive_value_of_a_label_is_found(write, declared, cells, targets):
    text = f"@relation r\n@attribute x numeric\n@attribute cat {declared}\n@data\n" + "".join(f"1,{c}\n" for c in cells)
    assert labels_of(read_arff(write(labels=("cat",), _train=text))) == [[target] for target in targets]


def test_in_a_sparse_row_a_label_left_out_has_the_first_value_even_when_that_is_positive(write):
    header = HEADER.replace("cat {0,1}", "cat {1,0}")
    table = read_arff(write(_train=header + "{}\n{1 0}\n{1 ?,2 1}\n"))
    assert labels_of(table) == [[1, 0], [0, 0], [0, 1]]
    assert table.labels.unknown.toarray().tolist() == [[False, False], [False, False], [True, False]]


@pytest.mark.parametrize(("declared", "targets"), [("{T,F}", [1, 0, 1]), ("{F,T}", [0, 0, 1])])
def test_in_a_sparse_row_words_too_are_the_first_where_left_out(write, declared, targets):
    header = HEADER.replace("cat {0,1}", f"cat {declared}")
    table = read_arff(write(labels=("cat",), _train=header + "{0 3}\n{1 F}\n{1 T}\n"))
    assert labels_of(table) == [[target] for target in targets]


def test_values_that_are_no_known_pair_need_a_word_which_is_positive(write):
    text = HEADER.replace("cat {0,1}", "cat {high,low}") + "1,high,1\n1,low,0\n"
    with pytest.raises(
        DataError, match=r"Toy-train\.arff, line 3: .* got 'high,low'; say it by --data\.positive 'low' or 'high'$"
    ):
        read_arff(write(_train=text))
    assert labels_of(read_arff(write(_train=text), positive="high")) == [[1, 1], [0, 0]]
    assert labels_of(read_arff(write(_train=text), positive=" low | 0 ")) == [[0, 0], [1, 1]]


def test_a_validation_file_is_a_split(write):
    table = read_arff(write(_train=HEADER + "1,1,0\n", _valid=HEADER + "2,1,0\n", _test=HEADER + "3,0,0\n"))
    assert table.splits.tolist() == ["train", "val", "test"]
    assert table.features.tolist() == [[1], [2], [3]]


def test_a_part_beside_the_whole_file_is_refused_and_not_left_out(write):
    with pytest.raises(DataError, match=r"expected Toy-train\*\.arff beside Toy-test\.arff, got Toy\.arff"):
        read_arff(write(**{"": HEADER + "1,1,0\n", "_test": HEADER + "1,1,0\n"}))


@pytest.mark.parametrize(
    ("relation", "names", "splits"),
    [
        ("'Toy: -C 1'", ("cat",), "train train train train"),
        ("'Toy: -C -2'", ("b", "a"), "train train train train"),
        ('"Toy: -C -2 -split-number 3"', ("b", "a"), "train train train test"),
        ("'Toy:-split-percentage 50.0 -C 1'", ("cat",), "train train test test"),
    ],
)
def test_the_relation_of_meka_names_labels_and_splits_without_an_xml_file(tmp_path, relation, names, splits):
    attributes = "@attribute cat {T,F}\n@attribute x numeric\n@attribute b {0,1}\n@attribute a {0,1}\n"
    (tmp_path / "Toy.arff").write_text(f"@relation {relation}\n{attributes}@data\n" + "T,5,0,1\n" * 4)
    table = read_arff(tmp_path / "Toy")
    assert table.labels.names == names
    assert labels_of(table)[0] == ([1] if names == ("cat",) else [0, 1])
    assert table.splits.tolist() == splits.split()


def test_the_relation_and_the_xml_file_must_name_the_same_labels(write):
    text = HEADER.replace("relation r", "relation 'r: -C -2'") + "1,1,0\n"
    assert read_arff(write(labels=("big dog", "cat"), _train=text)).labels.names == ("big dog", "cat")
    with pytest.raises(DataError, match=r"Toy\.xml: expected the 2 labels that -C in .* 'big dog' is a label of one"):
        read_arff(write(labels=("cat",), _train=text))
    with pytest.raises(DataError, match=r"Toy-test\.arff: expected the -C of Toy-train\.arff"):
        read_arff(write(_train=text, _test=HEADER + "1,1,0\n"))


def test_a_question_mark_makes_a_label_unknown(write):
    table = read_arff(write(_train=HEADER + "1,?,1\n1,1,0\n"))
    assert labels_of(table) == [[0, 1], [1, 0]]
    assert table.labels.unknown.toarray().tolist() == [[True, False], [False, False]]


def test_many_features_that_are_mostly_zero_stay_sparse(write):
    attributes = "".join(f"@attribute f{i} numeric\n" for i in range(2000))
    header = "@relation r\n@attribute cat {0,1}\n" + attributes + "@data\n"
    table = read_arff(write(labels=("cat",), _train=header + "{0 1,1 2.5}\n{2000 1}\n" * 300))
    assert isinstance(table.features, csr_array)
    assert table.features.dtype == np.float32
    assert table.features.shape == (600, 2000)
    assert table.features[[0]].toarray()[0, 0] == 2.5
    assert table.features[[1]].toarray()[0, 1999] == 1


def test_labels_get_the_order_of_the_run_and_are_unknown_where_absent(write):
    stem = write(_train=HEADER + "1,?,1\n", _test=HEADER + "2,1,0\n")
    labels = read_arff(stem, label_names=["big dog", "cow", "cat"]).labels
    assert labels.names == ("big dog", "cow", "cat")
    assert labels.positives.toarray().astype(int).tolist() == [[1, 0, 0], [0, 0, 1]]
    assert labels.unknown.toarray().astype(int).tolist() == [[0, 1, 1], [0, 1, 0]]


def test_for_a_run_a_label_of_the_xml_need_not_be_an_attribute(write):
    table = read_arff(write(_train=HEADER.replace("cat", "age") + "1,1,0\n"), label_names=["cat", "big dog"])
    assert table.feature_names == ("x", "age")
    assert table.labels.unknown.toarray().tolist() == [[True, False]]


def test_for_a_run_the_xml_may_be_missing_and_its_labels_are_known_by_name(write, tmp_path):
    stem = write(_train=HEADER + "1,1,0\n")
    (tmp_path / "Toy.xml").unlink()
    table = read_arff(stem, label_names=["big dog", "cat"])
    assert table.name == "Toy"
    assert table.feature_names == ("x",)
    assert labels_of(table) == [[0, 1]]
    assert table.labels.unknown is None


@pytest.mark.parametrize("with_xml", [True, False])
def test_a_run_needs_no_labels_and_then_knows_none(write, tmp_path, with_xml):
    stem = write(**{"": "@relation r\n@attribute x numeric\n@data\n5\n6\n"})
    if not with_xml:
        (tmp_path / "Toy.xml").unlink()
    table = read_arff(stem, label_names=["cat", "big dog"])
    assert table.features.tolist() == [[5], [6]]
    assert table.labels.names == ("cat", "big dog")
    assert table.labels.positives.nnz == 0
    assert not table.labels.dense(range(len(table)))[1].any()


def test_labels_that_a_run_does_not_know_are_refused(write):
    with pytest.raises(DataError, match=r"Toy: expected the labels of the run, got also 'cat' \(and 1 more\)$"):
        read_arff(write(_train=HEADER + "1,0,0\n"), label_names=["cow"])


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, r"expected Toy-train\*.arff or Toy.arff, got Toy.xml"),
        ({"_test": HEADER + "1,0,0\n"}, "expected Toy-train"),
        (
            {"_train_a": HEADER, "_train_b": HEADER},
            "expected one file Toy-train.*, got Toy-train-a.arff, Toy-train-b.arff",
        ),
        ({"_train": HEADER + "?,0,0\n"}, "Toy-train.arff, line 6: expected a value of feature 'x', got ?"),
        ({"_train": HEADER + "1,0,0\n\ninf,0,0\n"}, "line 8: expected a value of feature 'x', got inf"),
        ({"_train": HEADER + "1,0,0\n", "_test": HEADER + "nan,0,0\n"}, "Toy-test.arff, line 6: expected a value"),
        ({"_train": HEADER + "1e39,0,0\n"}, "expected features to be finite float32 numbers, got inf"),
        (
            {"_train": HEADER.replace("cat {0,1}", "cat real") + "1,2,0\n"},
            "line 6: expected 0, 1 or [?] for label 'cat', got 2",
        ),
        (
            {"_train": HEADER.replace("cat {0,1}", "cat {a,b,c}") + "1,a,0\n"},
            "expected label 'cat' to have two values, got 'a,b,c'",
        ),
        (
            {"_train": HEADER.replace("cat {0,1}", "cat string") + "1,a,0\n"},
            "expected label 'cat' to have two values, got 'string'",
        ),
        (
            {"_train": HEADER.replace("x numeric", "cat {0,1}") + "1,0,0\n"},
            "expected label 'cat' to be one attribute, got 2",
        ),
        (
            {"_train": HEADER.replace("cat", "cow") + "1,0,0\n"},
            "expected only attributes of Toy-train.arff, got the label 'cat'",
        ),
        ({"_train": HEADER.replace("x numeric", "x string") + "1,0,0\n"}, "at least one sample and one feature"),
        (
            {"_train": HEADER + "1,0,0\n", "_test": HEADER.replace("x numeric", "y numeric") + "1,0,0\n"},
            "Toy-test.arff: expected the attributes of Toy-train.arff, there 'x numeric', got 'y numeric'",
        ),
        (
            {"_train": HEADER + "1,0,0\n", "_test": HEADER.replace("@data", "@attribute y real\n@data") + "1,0,0,1\n"},
            "there 3 attributes, got 4",
        ),
    ],
)
def test_files_that_do_not_fit_are_refused_in_one_line(write, files, message):
    with pytest.raises(DataError, match=message) as caught:
        read_arff(write(**files))
    assert "\n" not in str(caught.value)


def test_a_missing_xml_file_is_said(write, tmp_path):
    stem = write(_train=HEADER + "1,0,0\n")
    (tmp_path / "Toy.xml").unlink()
    with pytest.raises(
        DataError, match=r"expected Toy\.xml, which names the labels, or .* -C 3.*, got 'r' in Toy-train\.arff"
    ):
        read_arff(stem)


def test_a_label_named_twice_is_refused(write):
    with pytest.raises(DataError, match="distinct, got 'cat' twice"):
        read_arff(write(labels=("cat", "cat"), _train=HEADER + "1,0,0\n"))


def test_a_missing_folder_is_said(tmp_path):
    with pytest.raises(DataError, match="nowhere: cannot be read"):
        read_arff(tmp_path / "nowhere" / "Toy")


def test_a_large_dense_file_is_read_whole(write):
    header = (
        "@relation r\n" + "".join(f"@attribute f{i} numeric\n" for i in range(100)) + "@attribute cat {0,1}\n@data\n"
    )
    stem = write(labels=("cat",), _train=header + (",".join(f"0.{i}5" for i in range(100)) + ",1\n") * 5000)
    features = read_arff(stem).features
    assert features.shape == (5000, 100)
    np.testing.assert_allclose(features[[0, 2500, 4999]], [[float(f"0.{i}5") for i in range(100)]] * 3, rtol=1e-6)


VALID = (
    HEADER.replace("x numeric", "x {a,'b c'}\n@attribute y real") + "a,1.5,0,1\n{0 'b c',3 1}\n{1 2,2 ?}\n"
).encode()
XML = b'<labels xmlns="m"><label name="cat"><label name="big dog"/></label></labels>'


@given(
    st.lists(st.tuples(st.integers(0, len(VALID)), st.integers(0, 5), st.binary(max_size=4)), max_size=4),
    st.lists(st.tuples(st.integers(0, len(XML)), st.integers(0, 5), st.binary(max_size=4)), max_size=1),
)
@settings(max_examples=300, deadline=None)
def test_damaged_bytes_give_a_table_or_our_error(refusal, tmp_path_factory, edits, xml_edits):
    for name, content, changes in (("fuzz-train.arff", VALID, edits), ("fuzz.xml", XML, xml_edits)):
        for position, removed, added in changes:
            content = content[:position] + added + content[position + removed :]
        (tmp_path_factory.getbasetemp() / name).write_bytes(content)
    assert "\n" not in refusal(read_arff, tmp_path_factory.getbasetemp() / "fuzz")


@real
@pytest.mark.parametrize(
    ("stem", "name", "train", "test", "features", "labels", "positives_per_sample"),
    [("corel5k", "Corel5k", 4500, 500, 499, 374, 3.5), ("bibtex", "bibtex", 4880, 2515, 1836, 159, 2.4)],
)
def test_the_published_numbers_of_mulan_sets_come_out(stem, name, train, test, features, labels, positives_per_sample):
    table = read_arff(MULAN / stem)
    assert table.name == name
    assert (len(table.rows("train")), len(table.rows("test"))) == (train, test)
    assert table.features.shape == (train + test, features)
    assert isinstance(table.features, csr_array)
    assert set(np.unique(table.features.data)) == {1.0}
    assert len(table.labels.names) == labels
    assert table.labels.positives.sum() / len(table) == pytest.approx(positives_per_sample, abs=0.05)
    assert table.labels.unknown is None


@real
def test_a_sample_of_corel5k_is_what_its_line_says():
    table = read_arff(MULAN / "Corel5k")
    assert table.features[[0]].nonzero()[1].tolist() == [19, 93, 143, 149, 259, 329, 379, 461]
    assert [table.labels.names[i] for i in table.labels.positives[[0]].nonzero()[1]] == [
        "city",
        "mountain",
        "sky",
        "sun",
    ]
