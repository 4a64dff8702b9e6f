import pytest

from lopsided.data import DataError
from lopsided.data.readers.annotation_tools.fiftyone import read_fiftyone
from tests.data.readers.layout_files import read, touch, write


def classes(*names):
    return {
        "_cls": "Classifications",
        "classifications": [{"_id": {"$oid": "5f"}, "_cls": "Classification", "label": name} for name in names],
    }


def sample(name, tags=(), **fields):
    about = {"_id": {"$oid": "60"}, "_media_type": "image", "metadata": {"_cls": "ImageMetadata", "width": 3}}
    return {**about, "filepath": f"data/{name}", "tags": list(tags), **fields}


@pytest.fixture
def folder(tmp_path):
    return touch(tmp_path, "data/a.jpg", "data/b.jpg", "data/c.png", "data/sub/d.jpg")


def read_samples(folder, *samples, **options):
    return read_fiftyone(write(folder, {"samples.json": {"samples": list(samples)}}), **options)


def test_classifications_are_labels_and_tags_may_be_splits(folder):
    data = read_samples(
        folder,
        sample("a.jpg", ["train", "odd"], ground_truth=classes("cat", "dog")),
        sample("b.jpg", ["validation"], ground_truth=classes()),
        sample("c.png", ground_truth=classes("cat")),
    )
    assert read(data) == {
        "data/a.jpg": ("train", ["cat", "dog"]),
        "data/b.jpg": ("val", []),
        "data/c.png": ("train", ["cat"]),
    }


def test_images_whose_field_is_empty_are_left_out_unless_they_are_to_be_kept(folder):
    samples = (sample("a.jpg", truth=classes("cat")), sample("b.jpg", truth=None), sample("c.png"))
    data = read_samples(folder, *samples)
    assert list(read(data)) == ["data/a.jpg"]
    assert data.notes == ("2 of 3 images have no labels yet and are left out (--data.unannotated keep)",)
    assert len(read_samples(folder, *samples, unannotated="keep")) == 3


def test_of_several_fields_one_is_chosen(folder):
    boxes = {"_cls": "Detections", "detections": [{"_cls": "Detection", "label": "cow", "bounding_box": [0, 0, 1, 1]}]}
    one = sample("a.jpg", truth=classes("cat"), boxes=boxes)
    with pytest.raises(
        DataError, match=r"got 'boxes' \(1 samples\) and 'truth' \(1 samples\): say --data.labels_column"
    ):
        read_samples(folder, one)
    assert read(read_samples(folder, one, labels_column="boxes"))["data/a.jpg"] == ("train", ["cow"])
    with pytest.raises(DataError, match=r"expected labels in the field 'metadata' \(data.labels_column\), got 'boxes'"):
        read_samples(folder, one, labels_column="metadata")


def test_labels_json_has_numbers_of_classes_by_names_without_ending(folder):
    labels = {"a": [0, 2], "b": [], "c": None, "sub/d": 1}
    write(folder, {"labels.json": {"classes": ["cat", "dog", "cow"], "labels": labels}})
    data = read_fiftyone(folder)
    assert read(data) == {
        "data/a.jpg": ("train", ["cat", "cow"]),
        "data/b.jpg": ("train", []),
        "data/sub/d.jpg": ("train", ["dog"]),
    }
    assert data.labels.names == ("cat", "dog", "cow")


def test_labels_json_without_classes_has_names_alone_or_with_more(folder):
    labels = {
        "a": ["cat", "dog"],
        "b": {"label": "dog", "confidence": 0.5},
        "c": [{"label": "cow", "bounding_box": [0]}],
    }
    write(folder, {"labels.json": {"labels": labels}})
    assert [labels for _, labels in read(read_fiftyone(folder)).values()] == [["cat", "dog"], ["dog"], ["cow"]]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            {"labels.json": {"classes": ["cat"], "labels": {"a": 1}}},
            "expected the number of a class below 1, got 1 for the",
        ),
        ({"labels.json": {"classes": ["cat"], "labels": {"a": -1}}}, "expected the number of a class below 1, got -1"),
        ({"labels.json": {"labels": {"a": 1}}}, "expected the number of a class where the file lists classes, got 1"),
        ({"labels.json": {"classes": ["cat"], "labels": {"a": "dog"}}}, "expected one of the classes 'cat', got 'dog'"),
        (
            {"labels.json": {"labels": {"a": [True]}}},
            "expected the name or number of a class, got True for the image 'a'",
        ),
        ({"labels.json": {"labels": []}}, 'expected an object with "labels", an object with the name of each image'),
        ({"labels.json": {"classes": 3, "labels": {}}}, "expected classes, a list of names, got 3"),
        ({"labels.json": '{"labels": {"a": "x", "a": "y"}}'}, "expected each member once, got 'a' twice in one object"),
        ({"labels.json": "[" * 100_000}, "expected JSON, got lists in lists without end"),
        ({"samples.json": {"samples": 3}}, "expected samples, a list of objects, got 3"),
        (
            {"samples.json": {"samples": [{"filepath": 3}]}},
            "expected one field of classifications or detections, got none",
        ),
        ({"samples.json": [{"t": classes("a")}]}, "expected a filepath in each sample, got None in number 0 (from 0)"),
        ({"samples.json": [sample("a.jpg", t=classes(3))]}, "expected an object with the name of a label, got {"),
        (
            {"samples.json": [sample("a.jpg", ["train", "test"], t=classes("a"))]},
            "expected one split among the tags of",
        ),
        ({"samples.json": [sample("../a.jpg", t=classes("a"))]}, "expected a path that stays in its folder"),
        (
            {"samples.json": [sample("a.jpg", t=classes("a"))] * 2},
            "expected each image once, got 'data/a.jpg' twice in tr",
        ),
        (
            {"samples.json": [], "labels.json": {}},
            "expected samples.json or labels.json, as FiftyOne exports them, got s",
        ),
        ({}, "expected samples.json or labels.json, as FiftyOne exports them, got none"),
    ],
)
def test_what_is_no_export_is_refused_by_its_place(folder, files, message):
    write(folder, files)
    with pytest.raises(DataError) as error:
        read_fiftyone(folder)
    assert message in str(error.value)
