"""Files as people have them, read without rewriting them: the counts that must come out, and the errors one wants."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lopsided.data import DataOptions, read_source
from lopsided.data.checks.remarks import recognised
from lopsided.data.checks.summary import summarise
from lopsided.files.errors import DataError

WHOLE = {"validation_share": 0.0}


@pytest.fixture
def listing(tmp_path):
    """Write a file with a picture for each name, and read it with options."""

    def read(text, *, name="train.csv", pictures=(), folder="", encoding="utf-8", **options):
        (tmp_path / folder).mkdir(exist_ok=True)
        for picture in pictures:
            (tmp_path / folder / picture).write_bytes(b"")
        if isinstance(text, str):
            (tmp_path / name).write_text(text, encoding=encoding)
        return read_source(f"listing:{tmp_path / name}", DataOptions(**WHOLE, **options))

    return read


@pytest.fixture
def table(tmp_path):
    def read(text, *, name="t.csv", **options):
        (tmp_path / name).write_text(text, encoding="utf-8")
        return read_source(f"table:{tmp_path / name}", DataOptions(**WHOLE, **options))

    return read


def positives(data):
    dense = data.labels.dense(range(len(data)))[0]
    return [[data.labels.names[k] for k in np.flatnonzero(row)] for row in dense]


def unknown(data):
    mask = data.labels.dense(range(len(data)))[1]
    return [] if mask is None else [(row, data.labels.names[k]) for row, k in np.argwhere(~mask).tolist()]


CHEST = """Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age
1_0.png,Cardiomegaly|Effusion,0,1,58
1_1.png,No Finding,1,1,58
2_0.png,Effusion,0,2,81
"""


def test_a_table_of_chest_x_rays(listing):
    data = listing(CHEST, pictures=["1_0.png"], no_label="No Finding")
    assert positives(data) == [["Cardiomegaly", "Effusion"], [], ["Effusion"]]
    assert data.groups.tolist() == ["1", "1", "2"]
    assert recognised(data) == (
        "columns: input 'Image Index', labels 'Finding Labels', group 'Patient ID', not read 'Follow-up #, Patient "
        "Age', no label 'No Finding'",
    )


def test_no_label_beside_a_label_or_nowhere_is_refused(listing):
    with pytest.raises(DataError, match=r"line 3: expected 'No Finding' alone, which means no label, got 'Effusion'"):
        listing(CHEST.replace("No Finding", "No Finding|Effusion"), pictures=["1_0.png"], no_label="No Finding")
    with pytest.raises(DataError, match="'No finding' of data.no_label in some cell, got none; did you mean 'No Find"):
        listing(CHEST, pictures=["1_0.png"], no_label="No finding")


def test_a_table_of_tags_joined_by_spaces_with_ids_in_a_folder(listing):
    text = "image_name,tags\ntrain_0,haze primary\ntrain_1,agriculture clear primary\ntrain_2,clear primary\n"
    with pytest.raises(DataError, match="joined by spaces: say --data.separator ' '"):
        listing(text, pictures=["train_0.jpg"], folder="train-jpg", image_folder="train-jpg", suffix=".jpg")
    options = {"image_folder": "train-jpg", "suffix": ".jpg", "separator": " "}
    data = listing(text, pictures=["train_0.jpg"], folder="train-jpg", **options)
    assert data.labels.names == ("agriculture", "clear", "haze", "primary")
    assert data.path(0).name == "train_0.jpg"
    assert data.root.name == "train-jpg"


def test_names_with_an_ending_keep_it(listing):
    data = listing("id,labels\na.JPG,x\nb,y\n", pictures=["a.JPG"], suffix=".jpg")
    assert data.paths.tolist() == ["a.JPG", "b.jpg"]


def test_a_missing_ending_or_folder_is_named(listing):
    with pytest.raises(DataError, match=r"names without an ending want --data.suffix .jpg\), got none of the"):
        listing("id,labels\na,x\nb,y\n", pictures=["a.jpg"])
    with pytest.raises(DataError, match="expected data.image_folder to be a folder, got none: 'pics'"):
        listing("id,labels\na,x\n", pictures=["a.jpg"], image_folder="pics")


def test_ids_of_labels_joined_by_spaces(listing):
    data = listing("id,attribute_ids\n1a,147 616\n1b,147\n", pictures=["1a.png"], suffix=".png", separator=" ")
    assert positives(data) == [["147", "616"], ["147"]]


def test_quoted_names_joined_by_commas_are_not_taken_for_one_name(listing):
    rows = [f'{k}.jpg,"{", ".join(names)}"' for k, names in enumerate([["sea", "sun"], ["sun", "sky"], ["sea", "sky"]])]
    text = "filename,tags\n" + "\n".join(rows) + "\n"
    with pytest.raises(DataError, match="joined by commas: say --data.separator ','"):
        listing(text, pictures=["0.jpg"])
    assert len(listing(text, pictures=["0.jpg"], separator=",").labels.names) == 3


FLAGS = "image,Cat,Dog,Edema\na.jpg,1,0,-1\nb.jpg,,1,u\nc.jpg,0,0,\n"


def test_one_column_for_each_label_with_blank_and_uncertain_cells(listing):
    columns = {"label_columns": "Cat,Dog,Edema"}
    with pytest.raises(DataError, match=r"line 2: column 'Edema': .* got '-1': say what it means by --data.uncertain"):
        listing(FLAGS, pictures=["a.jpg"], **columns)
    data = listing(FLAGS, pictures=["a.jpg"], uncertain="unknown", **columns)
    assert positives(data) == [["Cat"], ["Dog"], []]
    assert unknown(data) == [(0, "Edema"), (1, "Cat"), (1, "Edema"), (2, "Edema")]
    data = listing(FLAGS, pictures=["a.jpg"], uncertain="negative,Edema=positive", blank="negative", **columns)
    assert positives(data) == [["Cat", "Edema"], ["Dog", "Edema"], []]
    assert unknown(data) == []
    data = listing(FLAGS, pictures=["a.jpg"], uncertain="negative", blank="unknown,Cat=negative", **columns)
    assert unknown(data) == [(2, "Edema")]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"uncertain": "maybe"}, "expected data.uncertain to be unknown, positive or negative, .* got 'maybe'"),
        ({"blank": "positive"}, "expected data.blank to be unknown or negative, .* got 'positive'"),
        ({"uncertain": "negative,Edma=positive"}, "to name labels of the data, got 'Edma'; did you mean 'Edema'?"),
        ({"uncertain": "negative,positive"}, "expected one data.uncertain for all labels, got 'negative,positive'"),
        ({"uncertain": "negative", "no_label": "x"}, "expected no data.no_label with 0/1 columns"),
    ],
)
def test_policies_that_are_none_are_refused(listing, options, message):
    with pytest.raises(DataError, match=message):
        listing(FLAGS, pictures=["a.jpg"], label_columns="Cat,Dog,Edema", **options)


def test_an_empty_cell_of_names_is_without_labels_or_unknown(listing):
    text = "path,labels\na.jpg,cat\nb.jpg,\nc.jpg,none of them\n"
    options = {"pictures": ["a.jpg"], "no_label": "none of them"}
    assert unknown(listing(text, **options)) == []
    assert unknown(listing(text, blank="unknown", **options)) == [(1, "cat")]


@pytest.mark.parametrize("cells", [["['sea', 'sun']", "[]", "['sun']"], ['["sea", "sun"]', "", '["sun"]']])
def test_lists_written_as_text_are_lists(listing, cells):
    rows = "".join('{}.jpg,"{}"\n'.format(k, cell.replace('"', '""')) for k, cell in enumerate(cells))
    data = listing(f"path,labels\n{rows}", pictures=["0.jpg"])
    assert positives(data) == [["sea", "sun"], [], ["sun"]]
    assert data.notes == ("the column 'labels' holds lists written as text: read as lists",)


def test_lists_among_other_texts_are_refused(listing):
    with pytest.raises(DataError, match="a list written as text"):
        listing("path,labels\na.jpg,\"['x', 'y']\"\nb.jpg,\"['x']\"\nc.jpg,x\n", pictures=["a.jpg"])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_cells_are_separated_and_encoded_in_any_usual_way(listing, encoding, delimiter):
    text = "path,labels,patient\na.jpg,école|sea,7\nb.jpg,sea,8\n".replace(",", delimiter)
    data = listing(text, pictures=["a.jpg"], encoding=encoding)
    assert positives(data) == [["sea", "école"], ["sea"]]
    assert data.groups.tolist() == ["7", "8"]


def test_cells_separated_by_bars_want_another_separator_of_names(listing):
    data = listing("path|labels\na.jpg|x y\nb.jpg|x\n", pictures=["a.jpg"], separator=" ")
    assert positives(data) == [["x", "y"], ["x"]]


def test_json_as_lines_or_as_one_list(listing):
    rows = [{"id": 7, "labels": ["x", "y"], "patient": 3}, {"id": 8, "labels": [], "patient": 3}]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    for text, name in ((lines, "a.jsonl"), (json.dumps(rows), "a.json"), (json.dumps(rows, indent=2), "b.json")):
        data = listing(text, name=name, pictures=["7.jpg"], suffix=".jpg")
        assert positives(data) == [["x", "y"], []]
        assert data.groups.tolist() == ["3", "3"]


def test_parquet_by_the_same_names(listing, tmp_path):
    columns = {"Image Index": ["a.png", "b.png"], "Finding Labels": [["x"], ["x", "y"]], "Patient ID": [4, 5]}
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    data = listing(None, name="t.parquet", pictures=["a.png"])
    assert positives(data) == [["x"], ["x", "y"]]
    assert data.groups.tolist() == ["4", "5"]


@pytest.fixture
def stored(tmp_path, monkeypatch):
    """A Parquet file as Hugging Face's data sets write it: images as bytes, numbers of classes and their names."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def write(images, labels, names=("sea", "sun")):
        image = pa.array(images, pa.struct([("bytes", pa.binary()), ("path", pa.string())]))
        table = pa.table({"image": image, "labels": pa.array(labels, pa.list_(pa.int64()))})
        feature = {"labels": {"feature": {"names": list(names), "_type": "ClassLabel"}, "_type": "Sequence"}}
        about = {"huggingface": json.dumps({"info": {"features": feature}})}
        pq.write_table(table.replace_schema_metadata(about if names else None), tmp_path / "t.parquet")
        return tmp_path / "t.parquet"

    return write


def test_images_and_class_numbers_stored_in_parquet(stored, tmp_path):
    images = [{"bytes": b"one", "path": "a.PNG"}, {"bytes": b"two", "path": None}]
    file = stored(images, [[1, 0], []])
    for _ in range(2):
        data = read_source(f"listing:{file}", DataOptions(**WHOLE))
        assert positives(data) == [["sea", "sun"], []]
        assert [data.path(row).read_bytes() for row in (0, 1)] == [b"one", b"two"]
        assert data.paths.tolist() == ["0000000.png", "0000001.img"]
        assert data.root.is_relative_to(tmp_path / "cache")
    data.path(1).unlink()
    (data.root / ".whole").unlink()  # as a kill while they are written leaves them
    assert read_source(f"listing:{file}", DataOptions(**WHOLE)).path(1).read_bytes() == b"two"


def test_stored_images_and_numbers_that_say_nothing_are_refused(stored):
    image = {"bytes": b"one", "path": "a.png"}
    with pytest.raises(DataError, match="row 1.*expected an image as bytes, got none"):
        read_source(f"listing:{stored([image, {'bytes': None, 'path': 'b.png'}], [[0], [1]])}")
    with pytest.raises(DataError, match="expected numbers of 2 classes in column 'labels', got 2"):
        read_source(f"listing:{stored([image], [[2]])}")
    with pytest.raises(DataError, match="expected column 'labels' to hold names, got list<"):
        read_source(f"listing:{stored([image], [[0]], names=())}")
    with pytest.raises(DataError, match="expected no data.suffix and no data.image_folder where the file holds the im"):
        read_source(f"listing:{stored([image], [[0]])}", DataOptions(suffix=".png"))


def test_numbered_folds_are_splits_called_by_their_number(listing):
    data = listing("path,labels,fold\na.jpg,x,0\nb.jpg,x,1\n", pictures=["a.jpg"])
    assert data.split_names == ("fold0", "fold1")


def test_an_empty_cell_of_groups_is_refused(listing):
    with pytest.raises(DataError, match="line 3: expected a group for each sample, got an empty cell"):
        listing("path,labels,patient\na.jpg,x,1\nb.jpg,x,\n", pictures=["a.jpg"])


def test_a_table_with_flags_patients_and_columns_that_do_not_matter(table):
    text = "id,age,Cat,Dog,patient\ns1,3.5,1,0,p1\ns2,4,0,1,p2\n"
    with pytest.raises(DataError, match="expected a column 'labels' or columns 'label:NAME', .* --data.label_columns"):
        table(text)
    with pytest.raises(
        DataError, match="expected column 'id', a feature, .* got 's1'; if it is no feature, say --data"
    ):
        table(text, label_columns="Cat,Dog")
    data = table(text, label_columns="Cat,Dog", group_column="patient", ignored_columns="id")
    assert data.feature_names == ("age",)
    assert positives(data) == [["Cat"], ["Dog"]]
    assert data.groups.tolist() == ["p1", "p2"]


def test_a_table_in_json_as_lines_or_as_one_list(table):
    rows = [{"a": 1, "b": 0.5, "labels": ["x"], "split": "train"}, {"a": 2, "b": -1e3, "labels": "y|x"}]
    rows[1]["split"] = "test"
    for text, name in (("".join(json.dumps(row) + "\n" for row in rows), "t.jsonl"), (json.dumps(rows), "t.json")):
        data = table(text, name=name)
        assert (data.feature_names, data.features.tolist()) == (("a", "b"), [[1, 0.5], [2, -1000]])
        assert (positives(data), data.splits.tolist()) == ([["x"], ["x", "y"]], ["train", "test"])
    for wrong in ("null", '"3"', "true, 1", "NaN", "[1]"):
        with pytest.raises(
            DataError, match="line 2: expected 'a', a feature, to hold a number, got|expected an object"
        ):
            table('{"a": 1, "labels": "x"}\n' + f'{{"a": {wrong}, "labels": "x"}}\n', name="t.jsonl")
    with pytest.raises(DataError, match="expected column 'a', a feature, to hold numbers, got nothing in row 1"):
        table('{"a": 1, "labels": "x"}\n{"labels": "x"}\n', name="t.jsonl")


def test_options_of_columns_are_refused_where_they_do_nothing(tmp_path):
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat" / "a.jpg").write_bytes(b"")
    with pytest.raises(DataError, match="expected no data.suffix with a folder, got '.jpg'"):
        read_source(f"listing:{tmp_path}", DataOptions(suffix=".jpg"))
    with pytest.raises(DataError, match="expected no data.input_column with the source table, got 'x': it is for list"):
        read_source("table:t.csv", DataOptions(input_column="x"))
    np.savez(tmp_path / "t.npz", features=np.zeros((2, 1), np.float32), labels=np.eye(2))
    with pytest.raises(DataError, match="expected no data.group_column with NPZ, got 'g'"):
        read_source(f"table:{tmp_path / 't.npz'}", DataOptions(group_column="g"))


def test_what_may_be_a_mistake_is_said_by_name(table):
    rows = "".join(f"{k},{1 if k else 0},0,1\n" for k in range(4))
    notes = summarise(table(f"x,label:a,label:never,label:always\n{rows}"))["notes"]
    assert "1 of 3 labels without a positive training sample: 'never'" in notes
    assert "1 of 3 labels that every training sample has, as far as known: 'always'" in notes
    notes = summarise(table("x,label:a\n1,1\n2,0\n3,0\n"))["notes"]
    assert "2 of 3 training samples have no label" in notes
