import pytest

from lopsided.data import DataError, DataOptions, read_source
from lopsided.data.readers.image_folders.yolo import read_yolo
from tests.data.readers.layout_files import read, touch, write

BOX = " 0.5 0.5 0.1 0.1\n"
NAMES = (
    "path: ../datasets/pets\ntrain: images/train\nval: images/val\ntest:  # optional\nnc: 3\nnames: [cat, dog, cow]\n"
)


@pytest.fixture
def folder(tmp_path):
    write(tmp_path, {"data.yaml": NAMES, "labels/train/a.txt": f"0{BOX}1{BOX}0{BOX}", "labels/val/c.txt": "2\n0\n"})
    return touch(tmp_path, "images/train/a.jpg", "images/train/b.jpg", "images/val/c.png")


def test_the_classes_of_all_lines_are_labels(folder):
    data = read_yolo(folder)
    assert read(data) == {
        "images/train/a.jpg": ("train", ["cat", "dog"]),
        "images/train/b.jpg": ("train", []),
        "images/val/c.png": ("val", ["cat", "cow"]),
    }
    assert data.notes == (
        "1 of 3 images have no file of labels and count as images without labels (--data.unannotated)",
    )
    assert list(read(read_yolo(folder, unannotated="drop"))) == ["images/train/a.jpg", "images/val/c.png"]


def test_folders_of_splits_may_be_the_outer_ones_and_names_have_numbers(tmp_path):
    names = "train: ../train/images\nval: ../valid/images\ntest: ../test/images\nnames:\n  1: dog\n  0: cat\n"
    write(tmp_path, {"data.yaml": names, "train/labels/a.txt": f"1{BOX}", "valid/labels/b.txt": ""})
    touch(tmp_path, "train/images/a.jpg", "valid/images/b.jpg")
    data = read_yolo(tmp_path)
    assert read(data) == {"train/images/a.jpg": ("train", ["dog"]), "valid/images/b.jpg": ("val", [])}
    assert data.notes == ("the images of test are not there (data.yaml): '../test/images'",)


def test_images_may_stand_in_lists_of_another_machine(folder):
    write(
        folder, {"data.yaml": NAMES.replace("images/train", "train.txt"), "train.txt": "/home/x/images/train/a.jpg\n"}
    )
    assert list(read(read_yolo(folder))) == ["images/train/a.jpg", "images/val/c.png"]
    write(folder, {"train.txt": "./images/train/a.jpg\n./images/train/z.jpg\n"})
    with pytest.raises(DataError, match=r"train.txt, line 2: expected an image below .*, got './images/train/z.jpg'"):
        read_yolo(folder)


def test_without_yaml_names_are_lines_and_all_images_are_train(tmp_path):
    write(tmp_path, {"classes.txt": "cat\ndog\n", "labels/a.txt": f"1{BOX}"})
    touch(tmp_path, "images/a.jpg")
    data = read_yolo(tmp_path)
    assert read(data) == {"images/a.jpg": ("train", ["dog"])}
    assert data.labels.names == ("cat", "dog")


def test_the_innermost_folder_of_images_has_the_labels_beside_it(tmp_path):
    write(tmp_path, {"classes.txt": "cat\ndog\n", "images/train/labels/a.txt": "1\n"})
    touch(tmp_path, "images/train/images/a.jpg")
    assert read(read_yolo(tmp_path)) == {"images/train/images/a.jpg": ("train", ["dog"])}


def test_a_label_of_the_run_that_has_no_number_is_unknown(folder):
    data = read_source(f"yolo:{folder}", DataOptions(validation_share=0), label_names=["cow", "cat", "dog", "ant"])
    assert read(data)["images/train/a.jpg"] == ("train", ["cat", "dog", "ant?"])


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            {"labels/train/a.txt": "0\n3\n"},
            "labels/train/a.txt, line 2: expected a class below 3, as there are names, got 3",
        ),
        ({"labels/train/a.txt": "cat\n"}, "a.txt, line 1: expected the number of a class first, got 'cat'"),
        ({"labels/train/a.txt": "-1\n"}, "a.txt, line 1: expected the number of a class first, got '-1'"),
        ({"labels/train/a.txt": "0.5\n"}, "a.txt, line 1: expected the number of a class first, got '0.5'"),
        (
            {"labels/train/a.txt": "0 2\n"},
            "a.txt, line 1: expected a class on each line, alone or with a box, got '0 2'",
        ),
        (
            {"labels/train/a.txt": "0 1 2 1 2\n"},
            "a.txt, line 1: expected coordinates in [0, 1] behind the class, got '2'",
        ),
        (
            {"labels/train/a.txt": "0 nan 0 0 0\n"},
            "a.txt, line 1: expected coordinates in [0, 1] behind the class, got 'n",
        ),
        ({"labels/train/a.txt": b"\xff\xfe0"}, "a.txt: expected numbers, got other bytes"),
        ({"data.yaml": "names: [cat, cat]\n"}, "data.yaml: expected distinct names of classes, got 'cat' twice"),
        (
            {"data.yaml": "names: {0: cat, 2: dog}\n"},
            "data.yaml: expected the numbers of classes from 0 to 1, got '0, 2'",
        ),
        ({"data.yaml": "nc: 2\nnames: [cat]\n"}, "data.yaml: expected nc to be the number of names (1), got 2"),
        ({"data.yaml": "names: [cat\ntrain: x\n"}, "data.yaml, line 2: expected YAML, got"),
        ({"data.yaml": "names: [cat, [a]]\n"}, "data.yaml: expected a name for each class, got an empty one"),
        (
            {"data.yaml": "names: [cat]\ntrain: {a: 1}\n"},
            "data.yaml: expected the folder of images of train, or a list of",
        ),
        (
            {"data.yaml": "names: [cat]\ntrain: nowhere\n"},
            "data.yaml: expected images where the file says that they are, ",
        ),
        (
            {"data.yaml": NAMES.replace("images/val", "images/train")},
            "expected each image once, got 'images/train/a.jpg' in",
        ),
        ({"other.yaml": NAMES}, "expected one YAML file with names, got data.yaml and other.yaml"),
        ({"data.yaml": "train: images/train\n"}, "expected data.yaml with names, or classes.txt, got neither"),
    ],
)
def test_what_contradicts_itself_is_named_with_its_line(folder, files, message):
    write(folder, files)
    with pytest.raises(DataError) as error:
        read_yolo(folder)
    assert message in str(error.value)


def test_a_folder_without_any_labels_says_where_they_should_be(tmp_path):
    write(tmp_path, {"classes.txt": "cat\n"})
    touch(tmp_path, "images/a.jpg")
    with pytest.raises(DataError, match=r"expected files of labels such as labels/a.txt, got none for 1 images"):
        read_yolo(tmp_path)
