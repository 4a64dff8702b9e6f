from pathlib import Path

import pytest

from lopsided.data import DataError
from lopsided.data.images.files import check_each_once, folder_of_images, relative_path


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("a.jpg", "a.jpg"),
        ("./train//a b.jpg", "train/a b.jpg"),
        ("train\\Übung\\🦊.jpg", "train/Übung/🦊.jpg"),
        ("a..jpg", "a..jpg"),
        (".hidden/..a.jpg", ".hidden/..a.jpg"),
    ],
)
def test_a_path_becomes_its_parts_joined_by_slashes(text, path):
    assert relative_path(text) == path


@pytest.mark.parametrize(
    "text",
    ["../a.jpg", "train/../../a.jpg", "/etc/passwd", "\\\\server\\a.jpg", "C:\\a.jpg", "c:a.jpg", "a\\..\\b.jpg"],
)
def test_a_path_that_may_leave_its_folder_is_refused(text):
    with pytest.raises(DataError, match=r"^expected a path that stays in its folder, got '"):
        relative_path(text)


@pytest.mark.parametrize("text", ["", ".", "./", "a\0.jpg", "\ud83e.jpg"])
def test_what_names_no_file_is_refused(text):
    with pytest.raises(DataError, match=r"^expected the path of a file, got '"):
        relative_path(text)


def test_the_folder_is_the_one_that_holds_most_of_the_files(tmp_path):
    names = [f"{i}.jpg" for i in range(10)]
    for folder, count in (("few", 2), ("most", 9)):
        (tmp_path / folder).mkdir()
        for name in names[:count]:
            (tmp_path / folder / name).touch()
    assert folder_of_images(tmp_path, names, folders=["none", "few", "most", ""], origin="of pets") == "most"


def test_files_in_the_middle_of_a_long_list_are_enough(tmp_path):
    for i in range(500, 540):
        (tmp_path / f"{i}.jpg").touch()
    assert folder_of_images(tmp_path, [f"{i}.jpg" for i in range(1000)], folders=["a", ""], origin="of pets") == ""


def test_without_any_file_the_error_says_what_was_looked_for_and_where(tmp_path):
    (tmp_path / "a.jpg").mkdir()  # a folder is no image
    with pytest.raises(DataError) as caught:
        folder_of_images(tmp_path, ["a.jpg", "b.jpg"], folders=["train", ""], origin="of pets.json")
    assert str(caught.value) == (
        f"{tmp_path}: expected images such as train/a.jpg (of pets.json), got none of the 2 looked for in train, ."
    )


@pytest.mark.parametrize(
    ("splits", "places"), [("train train", "twice in train"), ("train test", "in train and in test")]
)
def test_an_image_that_comes_again_is_named_with_its_splits(splits, places):
    check_each_once(["a.jpg", "b.jpg"], splits.split(), path=Path("pets"))
    with pytest.raises(DataError, match=rf"^pets: expected each image once, got 'a\.jpg' {places}$"):
        check_each_once(["a.jpg", "a.jpg"], splits.split(), path=Path("pets"))
