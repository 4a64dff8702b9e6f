"""Cells mean the same in tables and listings, whatever file they stand in."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lopsided.data import DataError, DataOptions, read_source
from tests.data.readers.for_run import read_arff, read_listing, read_table

KINDS = ["table.csv", "table.tsv", "table.parquet", "listing.csv", "listing.tsv", "listing.parquet", "listing.jsonl"]
IN_LINES = [kind for kind in KINDS if not kind.endswith("parquet")]


@pytest.fixture
def read(tmp_path):
    def write_and_read(kind, columns, **options):
        """Columns of texts beside a feature or a path."""
        rows = len(next(iter(columns.values())))
        first = {"size": [f"{row}.5" for row in range(rows)]}
        if kind.startswith("listing"):
            first = {"path": [f"{row}.jpg" for row in range(rows)]}
            for name in first["path"]:
                (tmp_path / name).write_bytes(b"")
        _write(tmp_path / kind, first | columns)
        return (read_table if kind.startswith("table") else read_listing)(tmp_path / kind, **options)

    return write_and_read


def _write(path, columns):
    rows = list(zip(*columns.values(), strict=True))
    match path.suffix:
        case ".parquet":
            if "size" in columns:
                columns = columns | {"size": list(map(float, columns["size"]))}
            pq.write_table(pa.table(columns), path)
        case ".jsonl":
            path.write_text("".join(json.dumps(dict(zip(columns, row, strict=True))) + "\n" for row in rows))
        case suffix:
            separator = "," if suffix == ".csv" else "\t"
            lines = [separator.join(f'"{cell}"' for cell in row) for row in [tuple(columns), *rows]]
            path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _positives(data):
    return [
        [name for name, there in zip(data.labels.names, row, strict=True) if there]
        for row in data.labels.positives.toarray()
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_names_joined_by_something_else_are_refused_until_it_is_said(read, kind):
    cells = ["sun", "house, sun, tree", "house", "", "sea, tree", "sea"]
    with pytest.raises(DataError, match=r"joined by commas: say --data.separator ','"):
        read(kind, {"labels": cells})
    data = read(kind, {"labels": cells}, separator=",")
    assert data.labels.names == ("house", "sea", "sun", "tree")
    assert _positives(data)[1] == ["house", "sun", "tree"]
    assert read(kind, {"labels": cells}, separator="|").labels.names[1] == "house, sun, tree"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("word", ["nan", "NaN", "None", "NULL", "null", "NA", "N/A", "<NA>", "n/a"])
def test_a_word_for_a_missing_value_is_no_label_and_said(read, kind, word):
    data = read(kind, {"labels": ["sun", word, f" {word} ", "sea|sun"]})
    assert data.labels.names == ("sea", "sun")
    assert _positives(data) == [["sun"], [], [], ["sea", "sun"]]
    assert data.notes == (f"2 cells of the column 'labels' hold '{word}': read as empty, without a label",)


@pytest.mark.parametrize("kind", KINDS)
def test_a_word_for_a_missing_value_among_labels_is_refused(read, kind):
    with pytest.raises(DataError, match="got 'NA', a word for a missing value, among others") as error:
        read(kind, {"labels": ["sun", "sea|NA"]})
    assert ("line 2" if kind.endswith("jsonl") else "line 3" if kind in IN_LINES else "row 1") in str(error.value)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("word", ["nan", "None", "<NA>"])
def test_a_word_for_a_missing_value_is_no_split(read, kind, word):
    with pytest.raises(DataError, match=f"expected the name of a split, got '{word}'") as error:
        read(kind, {"labels": ["sun", "sea", "sun"], "split": ["train", "test", word]})
    assert ("line 3" if kind.endswith("jsonl") else "line 4" if kind in IN_LINES else "row 2") in str(error.value)


@pytest.mark.parametrize("kind", KINDS)
def test_two_unicode_forms_of_a_name_are_one_label(read, kind):
    data = read(kind, {"labels": ["café", "cafe\u0301", "sun|cafe\u0301"]})
    assert data.labels.names == ("café", "sun")
    assert _positives(data) == [["café"], ["café"], ["café", "sun"]]
    with pytest.raises(DataError, match="expected one column per label"):
        read(kind, {"label:café": ["0"], "label:cafe\u0301": ["1"]})


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_knows_its_labels_in_any_unicode_form(read, kind):
    data = read(kind, {"labels": ["café", "sun"]}, label_names=["sun", "cafe\u0301"])
    assert data.labels.names == ("sun", "cafe\u0301")
    assert data.labels.positives.toarray().tolist() == [[False, True], [True, False]]


@pytest.mark.parametrize("kind", KINDS)
def test_flags_are_any_numbers_equal_to_0_or_1(read, kind):
    data = read(kind, {"label:x": ["1.00", "0.0", "nan", "TRUE"], "label:y": ["0", "1e0", "", "01"]})
    targets, mask = data.labels.dense(range(4))
    assert targets.tolist() == [[True, False], [False, True], [False, False], [True, True]]
    assert mask.tolist() == [[True, True], [True, True], [False, False], [True, True]]
    with pytest.raises(
        DataError, match=r"column 'label:x': expected 0, 1 or, where unknown, nothing, got '0.5'"
    ) as error:
        read(kind, {"label:x": ["1", "0.5"]})
    assert ("line 2" if kind.endswith("jsonl") else "line 3" if kind in IN_LINES else "row 1") in str(error.value)


@pytest.mark.parametrize("kind", ["table.parquet", "listing.parquet"])
@pytest.mark.parametrize(
    "type_", [pa.decimal128(5, 2), pa.float16(), pa.float32(), pa.bool_(), pa.int64(), pa.uint8(), "dictionary"]
)
def test_flags_of_parquet_may_be_of_any_type_of_numbers(read, kind, type_):
    flags = pa.array(["1.00", "0", None]).dictionary_encode()
    if type_ != "dictionary":
        flags = pa.array(np.array([1, 0, 0]), mask=np.array([False, False, True])).cast(pa.float64()).cast(type_)
    targets, mask = read(kind, {"label:x": flags}).labels.dense(range(3))
    assert (targets.tolist(), mask.tolist()) == ([[True], [False], [False]], [[True], [True], [False]])


def test_lists_and_texts_of_json_lines_may_stand_in_one_file(tmp_path):
    path = tmp_path / "listing.jsonl"
    rows = [["rock, paper"], "sun|sea", None, ["a|b"], float("nan")]
    for row in range(len(rows)):
        (tmp_path / f"{row}.jpg").write_bytes(b"")
    path.write_text("".join(json.dumps({"path": f"{i}.jpg", "labels": row}) + "\n" for i, row in enumerate(rows)))
    assert _positives(read_listing(path)) == [["rock, paper"], ["sea", "sun"], [], ["a|b"], []]


def test_a_member_twice_in_one_object_is_refused(tmp_path):
    (tmp_path / "listing.jsonl").write_text('{"path": "a.jpg", "labels": "x", "labels": "y"}\n')
    with pytest.raises(DataError, match="line 1: expected each member once, got 'labels' twice"):
        read_listing(tmp_path / "listing.jsonl")


def test_the_separator_is_for_files_with_joined_names(tmp_path):
    np.savez(tmp_path / "t.npz", features=np.ones((2, 1)), labels=np.eye(2))
    options = DataOptions(separator=",", validation_share=0)
    for source in (f"table:{tmp_path / 't.npz'}", f"listing:{tmp_path}", f"coco:{tmp_path}"):
        with pytest.raises(DataError, match="expected no data.separator with"):
            read_source(source, options)
    (tmp_path / "t.csv").write_text('a,labels\n1,"x,y"\n2,x\n')
    assert read_source(f"table:{tmp_path / 't.csv'}", options).labels.names == ("x", "y")
    with pytest.raises(DataError, match="expected data.separator to be at least one character"):
        DataOptions(separator="")


@pytest.mark.parametrize(
    "content",
    [
        b"sep=,\npath,size,labels\n0.jpg,1.5,x\n1.jpg,2,y\n",
        b"\npath,size,labels\n0.jpg,1.5,x\n1.jpg,2,y\n",
        b"path,size,labels,\n0.jpg,1.5,x,\n1.jpg,2,y,\n",
        b"path, size, labels\r0.jpg, 1.5, x\r1.jpg, 2, y\r",
        b"path;size;labels\n0.jpg;1.5;x\n1.jpg;2;y\n",
        "path,size,labels\r\n0.jpg,1.5,x\r\n1.jpg,2,y\r\n".encode("utf-16"),
    ],
)
def test_tables_and_listings_take_the_same_files(tmp_path, content):
    for row in range(2):
        (tmp_path / f"{row}.jpg").write_bytes(b"")
    (tmp_path / "both.csv").write_bytes(content)
    listing = read_listing(tmp_path / "both.csv")
    assert listing.paths.tolist() == ["0.jpg", "1.jpg"]
    assert _positives(listing) == [["x"], ["y"]]
    for word, number in ((b"0.jpg", b"0.5"), (b"1.jpg", b"1.5"), ("0.jpg", "0.5"), ("1.jpg", "1.5")):
        if isinstance(word, str):
            word, number = word.encode("utf-16-le"), number.ljust(5, "0").encode("utf-16-le")
        content = content.replace(word, number)
    (tmp_path / "both.csv").write_bytes(content)
    table = read_table(tmp_path / "both.csv")
    assert table.features.tolist() == [[0.5, 1.5], [1.5, 2.0]]
    assert table.feature_names == ("path", "size")
    assert _positives(table) == [["x"], ["y"]]


def test_large_numbers_of_arff_stay_apart(tmp_path):
    times = [1_732_752_000 + 7 * row for row in range(20)]
    rows = "".join(f"{time},1\n" for time in times)
    head = "@relation r\n@attribute when numeric\n@attribute x {0,1}\n@data\n"
    (tmp_path / "r.arff").write_text(head + rows)
    (tmp_path / "r.xml").write_text('<labels xmlns="http://mulan.sourceforge.net/labels"><label name="x"/></labels>')
    assert read_arff(tmp_path / "r").features[:, 0].tolist() == times
