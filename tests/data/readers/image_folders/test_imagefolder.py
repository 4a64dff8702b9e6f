import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lopsided.data import DataError, DataOptions, read_source
from lopsided.data.readers.image_folders.imagefolder import read_imagefolder
from tests.data.readers.layout_files import read, touch, write


def test_each_split_has_its_folder_and_its_kind_of_file(tmp_path):
    write(
        tmp_path,
        {
            "train/metadata.csv": "file_name,labels\na.jpg,cat|dog\nsub/b.jpg,\n",
            "validation/metadata.jsonl": '{"file_name": "a.jpg", "labels": ["cow"]}\n',
        },
    )
    touch(tmp_path, "train/a.jpg", "train/sub/b.jpg", "validation/a.jpg", "test/c.jpg")
    pq.write_table(pa.table({"file_name": ["c.jpg"], "labels": [["cat"]]}), tmp_path / "test/metadata.parquet")
    data = read_imagefolder(tmp_path)
    assert read(data) == {
        "test/c.jpg": ("test", ["cat"]),
        "train/a.jpg": ("train", ["cat", "dog"]),
        "train/sub/b.jpg": ("train", []),
        "validation/a.jpg": ("val", ["cow"]),
    }
    assert data.labels.names == ("cat", "cow", "dog")


def test_one_file_may_hold_all_images_of_folders_called_like_splits(tmp_path):
    write(tmp_path, {"metadata.csv": "file_name,tags\ntrain/a.jpg,cat\ntest/b.jpg,dog\n"})
    touch(tmp_path, "train/a.jpg", "test/b.jpg")
    assert read_imagefolder(tmp_path).splits.tolist() == ["train", "test"]


def test_a_column_of_splits_goes_before_the_names_of_folders(tmp_path):
    write(tmp_path, {"metadata.csv": "file_name,tags,split\ntrain/a.jpg,cat,val\ntrain/b.jpg,dog,train\n"})
    touch(tmp_path, "train/a.jpg", "train/b.jpg")
    assert read_imagefolder(tmp_path).splits.tolist() == ["val", "train"]


def test_files_may_lie_below_data_and_labels_have_columns(tmp_path):
    files = {
        "data/train/metadata.csv": "file_name,label:cat,label:dog\na.jpg,1,0\n",
        "data/test/metadata.csv": "file_name,label:cat\nb.jpg,1\n",
    }
    write(tmp_path, files)
    touch(tmp_path, "data/train/a.jpg", "data/test/b.jpg")
    assert read(read_imagefolder(tmp_path)) == {
        "data/test/b.jpg": ("test", ["cat", "dog?"]),
        "data/train/a.jpg": ("train", ["cat"]),
    }
    assert np.count_nonzero(read_imagefolder(tmp_path).splits == "train") == 1


def test_a_file_without_labels_has_unknown_ones_and_empty_lists_are_none(tmp_path):
    files = {
        "train/metadata.csv": "file_name,labels\na.jpg,cat|dog\n",
        "test/metadata.csv": "file_name\nb.jpg\n",
        "validation/metadata.jsonl": '{"file_name": "c.jpg", "labels": []}',
    }
    write(tmp_path, files)
    touch(tmp_path, "train/a.jpg", "test/b.jpg", "validation/c.jpg")
    assert read(read_imagefolder(tmp_path)) == {
        "test/b.jpg": ("test", ["cat?", "dog?"]),
        "train/a.jpg": ("train", ["cat", "dog"]),
        "validation/c.jpg": ("val", []),
    }


def test_columns_may_be_named_as_in_any_listing(tmp_path):
    write(tmp_path, {"train/metadata.csv": "file_name,mood,patient\na.jpg,sunny warm,7\nb.jpg,nothing,8\n"})
    touch(tmp_path, "train/a.jpg", "train/b.jpg")
    options = DataOptions(labels_column="mood", separator=" ", no_label="nothing", validation_share=0)
    data = read_source(f"imagefolder:{tmp_path}", options)
    assert read(data) == {"train/a.jpg": ("train", ["sunny", "warm"]), "train/b.jpg": ("train", [])}
    assert data.groups.tolist() == ["7", "8"]
    assert data.columns["labels"] == "mood"


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            {"metadata.csv": "file_name,labels\n", "metadata.jsonl": ""},
            "expected one file of metadata, got metadata.csv an",
        ),
        (
            {"metadata.csv": "file_name,labels\n../a.jpg,cat\n"},
            "metadata.csv, line 2: expected a path that stays in its f",
        ),
        (
            {"metadata.csv": "picture,labels\na.jpg,cat\n"},
            "metadata.csv, line 1: expected a column 'path', or one of image, f",
        ),
        (
            {"train/metadata.jsonl": '{"file_name": ["a"], "labels": []}'},
            "line 1: expected 'file_name' to hold text, got ['a']",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_file(tmp_path, files, message):
    write(tmp_path, files)
    touch(tmp_path, "a.jpg", "train/a.jpg")
    with pytest.raises(DataError) as error:
        read_imagefolder(tmp_path)
    assert message in str(error.value)


def test_a_folder_for_each_label_is_another_source(tmp_path):
    touch(tmp_path, "cat/a.jpg")
    with pytest.raises(DataError, match=r"got none; did you mean listing:.* \(a folder for each label\)\?"):
        read_imagefolder(tmp_path)
