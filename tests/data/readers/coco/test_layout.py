from pathlib import Path

import pytest

from lopsided.data import DataError
from lopsided.data.readers.coco.layout import find_annotations
from tests.data.readers.coco.coco_files import touch


def found(folder, **settings):
    name, files = find_annotations(folder, **settings)
    return name, {file.split: file.path.relative_to(folder).as_posix() for file in files}


@pytest.mark.parametrize("place", ["annotations", ".", "annotations_trainval2014/annotations", "Annotations"])
def test_published_annotations_lie_where_archives_are_unpacked_to(tmp_path, place):
    touch(tmp_path / place, "instances_train2014.json", "instances_val2014.json", "captions_val2014.json")
    name, files = found(tmp_path)
    assert name == "MS-COCO 2014"
    assert files == {
        split: (Path(place) / f"instances_{split}2014.json").as_posix().removeprefix("./") for split in ("train", "val")
    }


def test_one_split_is_enough(tmp_path):
    touch(tmp_path, "annotations/instances_val2017.json")
    assert found(tmp_path) == ("MS-COCO 2017", {"val": "annotations/instances_val2017.json"})


def test_where_two_years_are_there_one_must_be_chosen(tmp_path):
    touch(tmp_path, "annotations/instances_val2017.json", "instances_train2014.json")
    with pytest.raises(DataError, match=r"expected one year, got 2014 and 2017; choose by --data\.year 2014$"):
        find_annotations(tmp_path)
    assert found(tmp_path, year=2014) == ("MS-COCO 2014", {"train": "instances_train2014.json"})
    assert found(tmp_path, year=2017) == ("MS-COCO 2017", {"val": "annotations/instances_val2017.json"})


@pytest.mark.parametrize(
    ("there", "came"),
    [("annotations/instances_val2017.json", "only the year 2017"), ("train/_annotations.coco.json", "none")],
)
def test_a_year_that_is_not_there_is_refused_with_what_would_be_it(tmp_path, there, came):
    touch(tmp_path, there)
    with pytest.raises(DataError) as caught:
        find_annotations(tmp_path, year=2014)
    assert str(caught.value) == (
        f"{tmp_path}: expected instances_train2014.json or instances_val2014.json, of "
        f'"2014 Train/Val annotations" of cocodataset.org, got {came}'
    )


def test_other_files_of_instances_say_their_split_in_their_names(tmp_path):
    touch(tmp_path, "annotations/instances_Train.json", "annotations/instances_validation.json", "info.json")
    files = {"train": "annotations/instances_Train.json", "val": "annotations/instances_validation.json"}
    assert found(tmp_path) == (tmp_path.name, files)


@pytest.mark.parametrize("name", ["instances_default.json", "annotations/labels.json", "result.JSON", "trainval.json"])
def test_a_single_file_may_say_nothing_and_is_training(tmp_path, name):
    touch(tmp_path, name)
    assert found(tmp_path)[1] == {"train": name}


@pytest.mark.parametrize(
    ("names", "splits"),
    [
        (["train2018.json", "val2018.json"], ["train", "val"]),
        (["annotations/test_labels.json", "annotations/train_labels.json"], ["test", "train"]),
        (["pets-dev.json", "pets-train.json"], ["val", "train"]),
    ],
)
def test_files_without_the_word_instances_say_their_split_in_their_names_too(tmp_path, names, splits):
    touch(tmp_path, *names)
    assert found(tmp_path)[1] == dict(zip(splits, names, strict=True))


def test_a_folder_per_split_holds_images_and_their_annotations(tmp_path):
    touch(tmp_path, "train/_annotations.coco.json", "valid/_annotations.coco.json", "test/_annotations.coco.json")
    touch(tmp_path, "readme.json", "train/metadata.json", "valid/._annotations.coco.json", "other/a.json")
    _, files = find_annotations(tmp_path)
    assert [(file.split, file.path.parent.name) for file in files] == [
        ("test", "test"),
        ("train", "train"),
        ("val", "valid"),
    ]
    assert [file.image_folders[0] for file in files] == ["test", "train", "valid"]


def test_images_are_looked_for_where_they_usually_lie(tmp_path):
    touch(tmp_path, "annotations/instances_val2017.json")
    (file,) = find_annotations(tmp_path)[1]
    assert file.image_folders[0] == "val2017"
    assert {"images/val2017", "val2017/val2017", "val", "images/val", "images", "", "data"} < set(file.image_folders)
    assert file.origin == '"2017 Val images" of cocodataset.org'


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "got no JSON file"),
        (
            ["annotations/captions_train2014.json", "annotations/person_keypoints_val2014.json"],
            "got captions_train2014",
        ),
        (["train2014/a.jpg"], '"2014 Train/Val annotations" of cocodataset.org, or another JSON file of instances'),
    ],
)
def test_without_annotations_the_error_says_what_they_are_called_and_where_they_come_from(tmp_path, names, message):
    touch(tmp_path, *names)
    with pytest.raises(DataError, match=r"expected annotations/instances_train2014\.json or the like.*") as caught:
        find_annotations(tmp_path)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["a.json", "train.json"], "expected train, val or test in the name of each of a.json, train.json, got a.json"),
        (["train.json", "train_val.json"], "got train_val.json"),
        (["train.json", "train2.json"], "expected one file of annotations for train, got train.json and train2.json"),
        (
            ["train/a.json", "train/b.json"],
            "expected one file of annotations for train, got train/a.json and train/b.json",
        ),
        (["val/a.json", "valid/a.json"], "expected one file of annotations for val, got val/a.json and valid/a.json"),
    ],
)
def test_files_that_are_not_one_per_split_are_refused(tmp_path, names, message):
    touch(tmp_path, *names)
    with pytest.raises(DataError) as caught:
        find_annotations(tmp_path)
    assert message in str(caught.value)


def test_a_folder_that_is_missing_or_a_file_is_named(tmp_path):
    touch(tmp_path, "coco.json")
    with pytest.raises(DataError, match=r"none: cannot be read: No such file or directory"):
        find_annotations(tmp_path / "none")
    with pytest.raises(DataError, match=r"coco\.json: cannot be read: Not a directory"):
        find_annotations(tmp_path / "coco.json")
