import json
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lopsided.data import DataError
from tests.data.readers.for_run import read_listing

CLIPART = Path(__file__).parents[5] / "shared" / "data" / "clipart" / "labels.csv"


@pytest.fixture
def read(tmp_path):
    for name in ("a.jpg", "b/c.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")

    def write_and_read(content, *, name=None, **options):
        path = tmp_path / (name or ("pets.parquet" if isinstance(content, dict) else "pets.csv"))
        if isinstance(content, dict):
            pq.write_table(pa.table(content), path)
        elif isinstance(content, list):
            path = path.with_suffix(".jsonl")
            path.write_text("".join(json.dumps(row) + "\n" for row in content))
        else:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_listing(path, **options)

    return write_and_read


def states_of(manifest):
    targets, mask = manifest.labels.dense(range(len(manifest)))
    known = targets | True if mask is None else mask
    return [[int(t) if k else 2 for t, k in zip(*row, strict=True)] for row in zip(targets, known, strict=True)]


SAME = [
    "path,labels,split,unknown,width\na.jpg,dog| cat,train,,3\nb/c.png,,dev,dog,4\n",
    [
        {"path": "a.jpg", "labels": ["dog", "cat"], "split": "training", "width": 3},
        {"width": 4, "path": "b/c.png", "labels": None, "unknown": "dog", "split": "valid"},
    ],
    {
        "path": ["a.jpg", "b/c.png"],
        "labels": [["dog", "cat"], None],
        "split": pa.array(["train", "val"]).dictionary_encode(),
        "unknown": pa.array([None, "dog"]),
        "width": [3, 4],
    },
    {"path": ["a.jpg", "b/c.png"], "labels": ["cat|dog", ""], "split": ["train", "val"], "unknown": [[], ["dog"]]},
    {"image": ["a.jpg", "b/c.png"], "label:cat": [1, 0], "split": ["train", "val"], "label:dog": [1.0, None]},
    "filename,label:cat,label:dog,split\na.jpg,1,true,TRAIN\nb/c.png,0,?,validation\n",
    {
        "path": pa.chunked_array([["a.jpg"], ["b/c.png"]]),
        "label:cat": pa.array([True, False]),
        "label:dog": pa.array(["1", "?"]).dictionary_encode(),
        "split": ["train", "val"],
    },
    [
        {"file_name": "a.jpg", "label:cat": True, "label:dog": "1", "split": "train"},
        {"file_name": "b/c.png", "label:cat": 0.0, "split": "val"},
    ],
]


@pytest.mark.parametrize("content", SAME)
def test_every_form_says_the_same(read, content):
    manifest = read(content)
    assert manifest.name == "pets"
    assert manifest.paths.tolist() == ["a.jpg", "b/c.png"]
    assert manifest.labels.names == ("cat", "dog")
    assert manifest.splits.tolist() == ["train", "val"]
    assert states_of(manifest) == [[1, 1], [0, 2]]
    assert manifest.path(0).is_file()


@pytest.mark.skipif(not CLIPART.is_file(), reason="the drawings are not at ../shared/data/clipart")
def test_drawings_with_keywords_are_read():
    manifest = read_listing(CLIPART)
    assert {split: len(manifest.rows(split)) for split in manifest.split_names} == {
        "train": 5841,
        "val": 639,
        "test": 1246,
    }
    assert len(manifest.labels.names) == 110
    assert round(manifest.labels.positives.nnz / len(manifest), 1) == 3.2
    assert manifest.path(0).is_file()


@pytest.mark.parametrize("name", ["pets.tsv", "PETS.TSV"])
def test_a_file_may_be_separated_by_tabs(read, name):
    assert read("path\tlabels\na.jpg\tcat, small|dog\n", name=name).labels.names == ("cat, small", "dog")


@pytest.mark.parametrize("name", ["pets.ndjson", "pets.json"])
def test_json_lines_have_several_names_and_blank_lines_do_not_matter(read, name):
    text = '\ufeff{"path": "a.jpg", "tags": "cat"}\n\n  \n{"path": "b/c.png"}\n'
    assert states_of(read(text, name=name)) == [[1], [0]]


def test_names_in_one_text_are_split_where_others_stand_in_lists(read):
    rows = [{"path": "a.jpg", "labels": "dog; cat"}, {"path": "b/c.png", "labels": ["dog"]}]
    assert read(rows, separator=";").labels.names == ("cat", "dog")


@pytest.mark.parametrize("name", ["", " ", "Unnamed: 0"])
def test_a_column_without_a_name_plays_no_role(read, name):
    content = {"path": ["a.jpg", "b/c.png"], "labels": ["cat", "dog"]}
    assert states_of(read({name: [1, 2], **content})) == states_of(read(content))


@pytest.mark.parametrize("column", ["path", "image", "filename", "file_name", "filepath", "Path", "FileName"])
def test_the_column_of_paths_has_several_names(read, column):
    assert read(f"id,{column},Tags\n1,a.jpg,cat\n").labels.names == ("cat",)


def test_of_several_columns_the_one_called_path_counts_and_labels_go_before_tags(read):
    manifest = read("image,path,tags,labels\nx,a.jpg,big,cat\n")
    assert manifest.paths.tolist() == ["a.jpg"]
    assert manifest.labels.names == ("cat",)
    assert read("path,tags,label:cat\na.jpg,big,1\n").labels.names == ("cat",)


def test_names_may_hold_commas_quotes_blanks_and_emoji(read):
    manifest = read('path,labels,note\na.jpg,"sea, calm |🦊|say ""hi""","two\nlines"\nb/c.png,🦊,\n'.encode() + b"\n")
    assert manifest.labels.names == ('say "hi"', "sea, calm", "🦊")
    assert states_of(manifest) == [[1, 1, 1], [0, 0, 1]]


def test_a_name_in_a_list_may_hold_a_bar_and_blanks_around_it_do_not_matter(read):
    assert read({"path": ["a.jpg"], "labels": [["this|that", " x ", "", "x", None]]}).labels.names == ("this|that", "x")
    assert read([{"path": "a.jpg", "labels": ["this|that", " x ", "", "x", None]}]).labels.names == ("this|that", "x")


def test_columns_may_come_and_go_from_line_to_line_of_json(read, monkeypatch):
    monkeypatch.setattr("lopsided.data.readers.columns.json_lines._CHUNK", 1)
    rows = [
        {"path": "a.jpg", "label:x": 1},
        {"label:y": False, "path": "b/c.png"},
        {"path": "d", "label:x": float("nan")},
    ]
    manifest = read(rows)
    assert manifest.labels.names == ("x", "y")
    assert states_of(manifest) == [[1, 2], [2, 0], [2, 2]]


def test_where_most_labels_are_unknown_the_negatives_are_listed(read):
    labels = read("path,label:x,label:y\na.jpg,,0\nb/c.png,1,\nd.jpg,,\n").labels
    assert labels.unknown is None
    assert (labels.positives.nnz, labels.negatives.nnz, labels.num_unknown) == (1, 1, 4)


def test_columns_of_parquet_may_have_dots_in_their_names(read):
    manifest = read({"path": ["a.jpg", "b/c.png"], "label:St. Bernard": [1, 0], "label:St": [1, 1]})
    assert manifest.labels.names == ("St. Bernard", "St")
    assert states_of(manifest) == [[1, 1], [0, 1]]


def test_a_label_of_which_nothing_is_known_is_a_label(read):
    columns = {"path": ["a.jpg", "b/c.png"], "label:x": [1, 0], "label:y": pa.nulls(2), "label:z": [0, 0]}
    assert states_of(read(columns)) == [[1, 2, 0], [0, 2, 0]]


def test_labels_can_be_unknown_beside_columns_of_flags(read):
    assert states_of(read("path,label:x,label:y,unknown\na.jpg,1,0,y\nb/c.png,1,0,\n")) == [[1, 2], [1, 0]]


def test_without_a_column_of_splits_all_is_train(read):
    assert read("path,labels\na.jpg,cat\n").split_names == ("train",)


def test_a_run_gets_its_labels_in_its_order(read):
    names = ["yak", "dog", "cat"]
    assert states_of(read("path,labels\na.jpg,cat\nb/c.png,\n", label_names=names)) == [[0, 0, 1], [0, 0, 0]]
    assert states_of(read("path,label:cat\na.jpg,1\nb/c.png,0\n", label_names=names)) == [[2, 2, 1], [2, 2, 0]]
    assert states_of(read("path,other\na.jpg,1\n", label_names=names)) == [[2, 2, 2]]
    for text in ("path,labels\na.jpg,gnu\n", "path,label:gnu\na.jpg,0\n", "path,unknown\na.jpg,gnu\n"):
        with pytest.raises(DataError, match=r"pets\.csv: expected the labels of the run, got also 'gnu'$"):
            read(text, label_names=names)


def test_some_images_may_be_missing_but_not_all(read):
    assert len(read("path,labels\ngone.jpg,cat\na.jpg,cat\n")) == 2
    with pytest.raises(DataError, match=r"expected images such as gone\.jpg .*got none of the 2"):
        read("path,labels\ngone.jpg,cat\ngone too.jpg,cat\n")


def test_a_file_that_is_not_there_or_of_another_kind_is_refused(tmp_path, read):
    with pytest.raises(DataError, match=r"nowhere\.csv: expected a listing or a folder"):
        read_listing(tmp_path / "nowhere.csv")
    with pytest.raises(DataError, match=r"expected a listing \.csv, .* or a folder, got '\.xlsx'"):
        read("", name="pets.xlsx")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "expected a first line of column names, got none"),
        ("path,labels\n", "expected rows, got none"),
        ("labels,x\ncat,1\n", "expected a column 'path', or one of image, .* got 'labels, x'"),
        (
            "image,filename,labels\na,b,cat\n",
            "expected one column of path, .*, got 'image' and 'filename': say which by --data.i",
        ),
        ("path,x\na.jpg,1\n", "expected a column 'labels' or columns 'label:NAME', got only 'path, x'"),
        ("path,labels,label:cat\na.jpg,cat,1\n", "got both"),
        ("path,labels,labels\na.jpg,cat,1\n", "distinct column names, got 'labels' 2 times"),
        ("path,label\na.jpg,1\n", "expected no column 'label'; did you mean 'labels'"),
        ("path,labels,splits\na.jpg,cat,test\n", "expected no column 'splits'; did you mean 'split'"),
        ("path,labels\na.jpg,\n", "at least one label, got only empty cells"),
        ("path,labels\na.jpg,cat\nb/c.png\n", "line 3: expected 2 cells, got 1"),
        ("path,labels\na.jpg,cat\nb/c.png,sea, calm\n", "line 3: expected 2 cells, got 3"),
        ("path,labels\n,cat\n", "line 2: expected the path of an image, got an empty cell"),
        ("path,labels\na.jpg,cat\nb/c.png,x\na.jpg,dog\n", r"each image once, got 'a.jpg' in rows 0 and 2 \(from 0\)"),
        ("path,labels,split\na.jpg,cat,train\nb,cat,\n", "line 3: expected the name of a split"),
        ("path,label:x\na.jpg,1\nb,2\n", "line 3: column 'label:x': expected 0, 1 or, where unknown"),
        (
            "path,labels,unknown\na.jpg,cat,cat\n",
            "line 2: expected a label to be positive or unknown, got both for 'cat'",
        ),
        (
            "path,label:cat,unknown\na.jpg,1,cat\n",
            "line 2: expected a label to be positive or unknown, got both for 'cat'",
        ),
        ("path,label:cat,unknown\na.jpg,1,dog\n", "line 2: expected a column 'label:dog'"),
        ('path,labels\na.jpg,"cat\nb/c.png,dog\n', "line 2: expected a quote that closes, got no end of it"),
        ("path,labels\na.jpg,caf\xe9\n".encode("latin-1"), "line 2: expected text in UTF-8"),
        ("path,labels\na.jpg,café\n".encode("latin-1"), "line 2: expected text in UTF-8, got the byte 0xE9"),
        ({"path": ["a.jpg"], "labels": [3]}, "expected column 'labels' to hold names, got int64"),
        ({"path": ["a.jpg"], "labels": [[3]]}, "expected column 'labels' to hold names, got list"),
        ({"path": [["a.jpg"]], "labels": ["x"]}, "expected column 'path' to hold text, got list"),
        ({"path": ["a.jpg"], "label:x": [2]}, "expected 0, 1 or, where unknown"),
        ({"path": ["a.jpg"], "label:x": [[1]]}, "expected column 'label:x' to hold 0 and 1, got list"),
        ({"path": pa.array([], pa.string()), "labels": pa.array([], pa.string())}, "expected rows, got none"),
        ([{"path": "a.jpg", "labels": 3}], "line 1: expected 'labels' to hold names, got 3"),
        ([{"path": "a.jpg", "labels": ["x", 3]}], "line 1: expected 'labels' to hold names"),
        ([{"path": 3.5, "labels": "x"}], "line 1: expected 'path' to hold text, got 3.5"),
        ([{"path": "a.jpg", "label:x": [1]}], "line 1: expected 'label:x' to hold 0 or 1"),
        ([{"path": "a.jpg", "labels": "\ud800"}], r"line 1: .* \(a lone surrogate, '\\ud800'\) in '\\ud800'"),
        ([{"path": "a.jpg", "labels": "x"}, [1]], "line 2: expected an object in JSON on each line"),
        ([], "expected a column 'path'"),
    ],
)
def test_a_file_that_is_no_listing_is_refused_in_one_line(read, content, message):
    with pytest.raises(DataError, match=message) as caught:
        read(content)
    assert "pets." in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nonsense\n", "line 1: expected an object in JSON"),
        ("[" * 100_000 + "\n", "expected a list of objects in JSON, got lists within lists without end"),
        ('[\n{"path": "a.jpg"},\n3]\n', "expected a list of objects in JSON, got 3 at place 1"),
        ('[{"path": "a.jpg"}', "line 1: expected a list of objects in JSON, got Expecting ',' delimiter"),
        ('[{"path": "a.jpg", "path": "b"}]', "expected each member once, got 'path' twice in one object"),
    ],
)
def test_json_that_is_neither_objects_nor_a_list_of_them_is_refused(read, text, message):
    with pytest.raises(DataError, match=message):
        read(text, name="pets.jsonl")


VALID = {
    "csv": b'path,label:x,"label:y, z",split,unknown\na.jpg,1,0,train,\nb,?,,val,"x|y, z"\nc,0,1,test,x\n',
    "jsonl": b'{"path": "a.jpg", "labels": ["x"], "split": "val"}\n{"path": "b", "labels": "y|z", "unknown": null}\n',
}


@given(
    st.sampled_from(["csv", "jsonl"]),
    st.lists(st.tuples(st.integers(0, 100), st.integers(0, 4), st.binary(max_size=4)), max_size=4),
    st.sampled_from([None, ["y, z", "x", "w"]]),
)
@settings(max_examples=200, deadline=None)
def test_damaged_bytes_give_a_listing_or_our_error(refusal, tmp_path_factory, kind, edits, label_names):
    content = VALID[kind]
    for position, removed, added in edits:
        content = content[:position] + added + content[position + removed :]
    path = tmp_path_factory.getbasetemp() / f"damaged.{kind}"
    path.with_name("a.jpg").write_bytes(b"")
    path.write_bytes(content)
    assert "\n" not in refusal(partial(read_listing, label_names=label_names), path)


@given(st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 255)), min_size=1, max_size=6), st.integers(0, 3000))
@settings(max_examples=100, deadline=None, derandomize=True)  # Arrow's own C++ is not what is tried here
def test_damaged_parquet_gives_a_listing_or_our_error(refusal, tmp_path_factory, edits, length):
    path = tmp_path_factory.getbasetemp() / "damaged.parquet"
    path.with_name("a.jpg").write_bytes(b"")
    pq.write_table(pa.table({"path": ["a.jpg", "b"], "labels": [["x"], ["y"]], "size": [1, 2]}), path)
    content = bytearray(path.read_bytes())
    for position, byte in edits:
        content[position % len(content)] = byte
    path.write_bytes(content if length % 3 else content[: length % len(content)])
    assert "\n" not in refusal(read_listing, path)


def test_a_file_of_numbers_alone_is_no_listing(read):
    with pytest.raises(DataError, match=r"expected a column 'path', or one of .* got 'width, height'"):
        read("width,height\n3,4\n")


def test_a_member_of_json_that_is_no_text_is_refused(read):
    with pytest.raises(DataError, match=r"l.jsonl, line 1: expected names of members that are whole characters"):
        read('{"\\ud800": 1, "path": "a.jpg", "labels": "cat"}\n', name="l.jsonl")
