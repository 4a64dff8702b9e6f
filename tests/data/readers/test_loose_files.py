import os
from pathlib import Path

import pytest

from lopsided.data import DataError
from lopsided.data.readers.loose_files import loose_images


@pytest.fixture
def pictures(tmp_path):
    for name in (
        "b.jpg",
        "a/B.PNG",
        "a/c.webp",
        "a/.hidden.jpg",
        ".cache/d.jpg",
        "notes.txt",
        "a/b/e.tiff",
        "only/x.md",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def names(manifest):
    return [str(path) for path in manifest.paths]


def test_a_folder_gives_its_visible_images_in_the_order_of_their_names(pictures):
    manifest = loose_images([pictures], label_names=["cat", "dog"])
    assert names(manifest) == ["b.jpg", "a/B.PNG", "a/c.webp", "a/b/e.tiff"]
    assert manifest.root == pictures
    assert manifest.split_names == ("test",)
    assert manifest.labels.names == ("cat", "dog")
    assert not manifest.labels.dense(range(4))[1].any()
    assert all(manifest.path(row).is_file() for row in range(4))


def test_files_keep_their_order_whatever_they_are_called(pictures):
    manifest = loose_images(
        [pictures / "notes.txt", pictures / "a/c.webp", pictures / "a/.hidden.jpg"], label_names="ab"
    )
    assert names(manifest) == ["notes.txt", "a/c.webp", "a/.hidden.jpg"]


def test_the_root_is_the_deepest_common_folder(pictures):
    manifest = loose_images([str(pictures / "a/c.webp"), pictures / "a/b"], label_names=["cat"])
    assert manifest.root == pictures / "a"
    assert names(manifest) == ["c.webp", "b/e.tiff"]
    assert loose_images([pictures / "a/b/e.tiff"], label_names=["cat"]).root == pictures / "a/b"


def test_a_file_that_is_named_twice_counts_once(pictures):
    manifest = loose_images([pictures / "a/c.webp", pictures / "a", pictures / "a/b/../c.webp"], label_names=["cat"])
    assert names(manifest) == ["c.webp", "B.PNG", "b/e.tiff"]


def test_relative_paths_are_found_from_anywhere(pictures, monkeypatch):
    monkeypatch.chdir(pictures / "a")
    manifest = loose_images([Path("../b.jpg"), Path()], label_names=["cat"])
    assert names(manifest)[0] == "b.jpg"
    monkeypatch.chdir("/")
    assert manifest.path(0).is_file()


def test_what_is_not_there_is_refused(pictures):
    with pytest.raises(
        DataError, match=r"missing\.jpg: expected an image file or a folder of them, got nothing of that name"
    ):
        loose_images([pictures / "b.jpg", pictures / "missing.jpg"], label_names=["cat"])
    with pytest.raises(DataError, match=r"only: expected images \(\.jpg, .*\), got none in this folder"):
        loose_images([pictures / "only"], label_names=["cat"])
    with pytest.raises(DataError, match="expected at least one image file or folder, got none"):
        loose_images([], label_names=["cat"])


def test_a_name_that_is_no_text_is_refused(tmp_path):
    path = os.fsencode(tmp_path) + b"/\xff.jpg"
    try:
        open(path, "wb").close()
    except OSError:
        pytest.skip("file names are always text here")
    with pytest.raises(DataError, match=r"expected file names that are text, got '\\udcff\.jpg'"):
        loose_images([tmp_path], label_names=["cat"])
