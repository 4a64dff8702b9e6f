import numpy as np
import pytest

from lopsided.data import DataError
from tests.data.readers.coco.coco_files import CATEGORIES, instances, touch, write
from tests.data.readers.for_run import read_coco

TRAIN = {"COCO_train2014_01.jpg": [3, 1, 1], "COCO_train2014_02.jpg": [], "COCO_train2014_03.jpg": [90]}
VAL = {"COCO_val2014_04.jpg": [], "COCO_val2014_05.jpg": [1]}


@pytest.fixture
def coco(tmp_path):
    """Three training and two validation images of 2014, one of each without annotations."""
    for split, images in (("train", TRAIN), ("val", VAL)):
        write(tmp_path / "annotations" / f"instances_{split}2014.json", instances(images))
        touch(tmp_path / f"{split}2014", *images)
    return tmp_path


def shown(manifest):
    """Of each image its path, its split and its positive labels."""
    targets = manifest.labels.positives.toarray()
    return [
        (str(path), str(split), [name for name, hit in zip(manifest.labels.names, row, strict=True) if hit])
        for path, split, row in zip(manifest.paths, manifest.splits, targets, strict=True)
    ]


def rewrite(coco, split, **parts):
    images = {"train": TRAIN, "val": VAL}[split]
    write(coco / "annotations" / f"instances_{split}2014.json", instances(images, **parts))


def test_images_have_the_labels_of_their_annotations_in_the_order_of_identifiers(coco):
    manifest = read_coco(coco)
    assert manifest.name == "MS-COCO 2014"
    assert manifest.labels.names == ("person", "car", "toothbrush")
    assert manifest.labels.num_unknown == 0
    assert shown(manifest) == [
        ("train2014/COCO_train2014_01.jpg", "train", ["person", "car"]),
        ("train2014/COCO_train2014_03.jpg", "train", ["toothbrush"]),
        ("val2014/COCO_val2014_04.jpg", "val", []),
        ("val2014/COCO_val2014_05.jpg", "val", ["person"]),
    ]
    assert all(manifest.path(row).is_file() for row in range(4))


def test_images_that_are_left_out_for_want_of_annotations_are_counted(coco):
    (note,) = read_coco(coco).notes
    assert note.startswith("1 of 3 train images have no annotation and are left out (--data.unannotated keep")
    assert len(read_coco(coco, unannotated="drop").notes) == 2
    assert read_coco(coco, unannotated="keep").notes == ()


@pytest.mark.parametrize(("unannotated", "numbers"), [("drop_train", "1345"), ("drop", "135"), ("keep", "12345")])
def test_images_without_annotations_are_dropped_or_kept(coco, unannotated, numbers):
    paths = read_coco(coco, unannotated=unannotated).paths.tolist()
    assert "".join(path[-5] for path in paths) == numbers


def test_a_crowd_or_a_small_object_that_does_not_count_leaves_a_negative_and_no_gap(coco):
    annotation = {"image_id": 11, "category_id": 3, "area": 4.0, "iscrowd": 1}
    rewrite(coco, "train", annotations=[annotation])
    image = ("train2014/COCO_train2014_02.jpg", "train")
    assert shown(read_coco(coco))[0] == (*image, ["car"])
    assert shown(read_coco(coco, crowd=False))[0] == (*image, [])
    assert shown(read_coco(coco, min_area=4.5))[0] == (*image, [])


@pytest.mark.parametrize(
    "place",
    ["train2014", "images/train2014", "train2014/train2014", "images", "train", "images/train", "", "annotations"],
)
def test_images_are_found_wherever_they_lie(tmp_path, place):
    write(tmp_path / "annotations/instances_train2014.json", instances(TRAIN))
    touch(tmp_path / place, *TRAIN)
    manifest = read_coco(tmp_path)
    assert manifest.split_names == ("train",)
    assert manifest.path(1) == tmp_path / place / "COCO_train2014_03.jpg"
    assert manifest.path(1).is_file()


def test_file_names_may_have_folders(tmp_path):
    write(tmp_path / "instances_val2017.json", instances({"val2017\\1.jpg": [1], "./val2017/2.jpg": [3]}))
    touch(tmp_path / "val2017", "1.jpg", "2.jpg")
    assert read_coco(tmp_path).paths.tolist() == ["val2017/1.jpg", "val2017/2.jpg"]


def test_an_image_that_is_missing_is_found_out_when_it_is_opened(coco):
    (coco / "train2014/COCO_train2014_01.jpg").unlink()
    assert len(read_coco(coco)) == 4


def test_images_that_are_all_missing_are_named_with_where_they_come_from(coco):
    for path in (coco / "val2014").iterdir():
        path.unlink()
    with pytest.raises(
        DataError,
        match=r'expected images such as val2014/COCO_val2014_04\.jpg \("2014 Val images" of .*\), got none',
    ):
        read_coco(coco)


def test_a_folder_per_split_of_other_categories_is_read(tmp_path):
    categories = [
        {"id": 0, "name": "hats", "supercategory": "none"},
        {"id": 1, "name": "hats", "supercategory": "hats"},
        {"id": 2, "name": "cap", "supercategory": "hats"},
    ]
    for split, images in (("train", {"a.jpg": [1, 2]}), ("valid", {"b.jpg": []}), ("test", {"c.jpg": [2]})):
        write(tmp_path / split / "_annotations.coco.json", instances(images, categories=categories))
        touch(tmp_path / split, *images)
    manifest = read_coco(tmp_path)
    assert manifest.name == tmp_path.name
    assert manifest.labels.names == ("hats", "cap")
    assert shown(manifest) == [
        ("test/c.jpg", "test", ["cap"]),
        ("train/a.jpg", "train", ["hats", "cap"]),
        ("valid/b.jpg", "val", []),
    ]


def test_categories_that_group_each_other_without_annotations_are_labels(tmp_path):
    categories = [{"id": 1, "name": "a", "supercategory": "b"}, {"id": 2, "name": "b", "supercategory": "a"}]
    write(tmp_path / "all.json", instances({"1.jpg": []}, categories=categories))
    touch(tmp_path / "images", "1.jpg")
    assert read_coco(tmp_path, unannotated="keep").labels.names == ("a", "b")


def test_labels_of_a_run_come_in_its_order_and_unknown_where_absent(coco):
    labels = read_coco(coco, label_names=["toothbrush", "zebra", "car", "person"]).labels
    targets, mask = labels.dense([0])
    assert labels.names == ("toothbrush", "zebra", "car", "person")
    assert targets.tolist() == [[False, False, True, True]]
    assert mask is not None
    assert mask.tolist() == [[True, False, True, True]]
    with pytest.raises(DataError, match="expected the labels of the run, got also 'toothbrush'"):
        read_coco(coco, label_names=["person", "car"])


def test_categories_are_matched_by_name_whatever_their_identifiers(coco):
    turned = [{"id": 1, "name": "car"}, {"id": 3, "name": "toothbrush"}, {"id": 90, "name": "person"}]
    rewrite(coco, "val", categories=turned)
    manifest = read_coco(coco)
    assert manifest.labels.names == ("person", "car", "toothbrush")
    assert manifest.labels.num_unknown == 0
    assert shown(manifest)[3] == ("val2014/COCO_val2014_05.jpg", "val", ["car"])


def test_names_in_two_forms_of_a_letter_are_one(coco):
    rewrite(coco, "train", categories=[{"id": 1, "name": "caf\u00e9"}, *CATEGORIES[:2]])
    rewrite(coco, "val", categories=[{"id": 1, "name": " cafe\u0301"}, *CATEGORIES[:2]])
    labels = read_coco(coco).labels
    assert labels.names == ("caf\u00e9", "car", "toothbrush")
    assert labels.num_unknown == 0


def test_a_category_that_a_file_does_not_list_is_unknown_in_its_images(coco):
    rewrite(coco, "val", categories=[{"id": 5, "name": "bicycle"}, {"id": 1, "name": "person"}])
    manifest = read_coco(coco)
    assert manifest.labels.names == ("person", "car", "toothbrush", "bicycle")
    assert shown(manifest)[3][2] == ["person"]
    targets, mask = manifest.labels.dense(range(4))
    assert targets[:, 3].tolist() == [False] * 4
    assert mask is not None
    assert mask.astype(int).tolist() == [[1, 1, 1, 0]] * 2 + [[1, 0, 0, 1]] * 2


def test_files_without_a_category_in_common_are_refused(coco):
    rewrite(coco, "val", annotations=[], categories=[{"id": 1, "name": "people"}])
    with pytest.raises(
        DataError,
        match=r"val2014\.json: expected categories of annotations/instances_train2014\.json, such as 'car', got only "
        "others, such as 'people'$",
    ):
        read_coco(coco)


def test_labels_are_in_the_order_of_the_train_file_and_files_are_named_with_their_folder(tmp_path):
    first, second = [{"id": 1, "name": "sea"}, {"id": 2, "name": "boat"}], [{"id": 7, "name": "boat"}]
    for split, categories in (("test", second), ("train", first)):
        images = {f"{split}.jpg": [categories[-1]["id"]]}
        write(tmp_path / split / "_annotations.coco.json", instances(images, categories=categories))
        touch(tmp_path / split, *images)
    manifest = read_coco(tmp_path)
    assert manifest.labels.names == ("sea", "boat")
    assert [row[2] for row in shown(manifest)] == [["boat"], ["boat"]]
    other = instances({"test.jpg": []}, categories=[{"id": 1, "name": "cat"}])
    write(tmp_path / "test" / "_annotations.coco.json", other)
    with pytest.raises(
        DataError, match=r"test/_annotations\.coco\.json: .* of train/_annotations\.coco\.json, such as"
    ):
        read_coco(tmp_path, unannotated="keep")


def test_a_group_that_one_file_has_annotations_of_is_a_label_in_all(tmp_path):
    categories = [{"id": 1, "name": "boat"}, {"id": 2, "name": "sea", "supercategory": "boat"}]
    for split, images in (("train", {"a.jpg": [2]}), ("test", {"b.jpg": [1, 2]})):
        write(tmp_path / split / "_annotations.coco.json", instances(images, categories=categories))
        touch(tmp_path / split, *images)
    assert read_coco(tmp_path).labels.names == ("boat", "sea")
    (tmp_path / "test/_annotations.coco.json").unlink()
    assert read_coco(tmp_path).labels.names == ("sea",)
    assert read_coco(tmp_path, label_names=["boat", "sea"]).labels.num_unknown == 0


def test_an_image_in_two_files_is_refused(tmp_path):
    for split in ("train", "val"):
        write(tmp_path / f"instances_{split}.json", instances({"a.jpg": [1], f"{split}.jpg": [3]}))
    touch(tmp_path / "images", "a.jpg", "train.jpg", "val.jpg")
    with pytest.raises(DataError, match=r"expected each image once, got 'images/a\.jpg' in train and in val$"):
        read_coco(tmp_path)


def test_a_name_of_two_categories_is_refused(coco):
    for split in ("train", "val"):
        rewrite(coco, split, categories=[*CATEGORIES, {"id": 4, "name": "car"}])
    with pytest.raises(DataError, match=r"train2014\.json: expected label names to be distinct, got 'car' twice"):
        read_coco(coco)


def test_images_that_are_all_dropped_are_an_error_that_says_how_to_keep_them(tmp_path):
    write(tmp_path / "train.json", instances({"a.jpg": []}))
    touch(tmp_path, "a.jpg")
    with pytest.raises(DataError, match=r"expected images with annotations, got none; with data\.unannotated keep"):
        read_coco(tmp_path)


def test_settings_out_of_range_are_refused(coco):
    with pytest.raises(DataError, match="expected unannotated to be one of drop_train, drop, keep, got 'none'"):
        read_coco(coco, unannotated="none")  # pyright: ignore[reportArgumentType]
    for area in (-1.0, float("nan"), float("inf")):
        with pytest.raises(DataError, match="expected min_area to be at least 0"):
            read_coco(coco, min_area=area)


def test_many_annotations_add_up_to_what_was_written(tmp_path):
    random = np.random.default_rng(0)
    categories = [{"id": int(i), "name": f"label {i}"} for i in random.permutation(300)[:80]]
    targets = random.random((500, 80)) < 0.04
    images = {
        f"{row}.jpg": [categories[i]["id"] for i in np.flatnonzero(targets[row])] * int(random.integers(1, 3))
        for row in range(500)
    }
    write(tmp_path / "instances_val2017.json", instances(images, categories=categories))
    touch(tmp_path, *images)
    order = np.argsort([category["id"] for category in categories])
    labels = read_coco(tmp_path).labels
    assert labels.names == tuple(categories[i]["name"] for i in order)
    assert np.array_equal(labels.positives.toarray(), targets[:, order])
