import os
import re

import pytest

from lopsided.data import DataError
from tests.data.readers.for_run import read_listing


@pytest.fixture
def read(tmp_path):
    def write_and_read(*names, **options):
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_bytes(b"")
        return read_listing(tmp_path, **options)

    return write_and_read


def found(manifest):
    targets = manifest.labels.dense(range(len(manifest)))[0]
    names = [[name for name, has in zip(manifest.labels.names, row, strict=True) if has] for row in targets]
    return list(zip(manifest.splits.tolist(), manifest.paths.tolist(), names, strict=True))


def test_each_folder_is_a_label(read, tmp_path):
    manifest = read("dog/a.jpg", "cat/b.PNG", "cat/more/c.tiff", "🦊 red/d.webp")
    assert manifest.name == tmp_path.name
    assert manifest.labels.names == ("cat", "dog", "🦊 red")
    assert found(manifest) == [
        ("train", "cat/b.PNG", ["cat"]),
        ("train", "cat/more/c.tiff", ["cat"]),
        ("train", "dog/a.jpg", ["dog"]),
        ("train", "🦊 red/d.webp", ["🦊 red"]),
    ]
    assert manifest.labels.num_unknown == 0


@pytest.mark.parametrize(
    "words", [("train", "val", "test"), ("Training", "valid", "Testing"), ("train", "validation", "test")]
)
def test_folders_above_them_may_be_splits(read, words):
    train, val, test = words
    manifest = read(f"{train}/cat/a.jpg", f"{val}/cat/a.jpg", f"{test}/dog/b.jpg")
    assert sorted(found(manifest)) == [
        ("test", f"{test}/dog/b.jpg", ["dog"]),
        ("train", f"{train}/cat/a.jpg", ["cat"]),
        ("val", f"{val}/cat/a.jpg", ["cat"]),
    ]


def test_a_folder_called_like_a_split_is_a_label_beside_others(read):
    assert read("test/a.jpg", "cat/b.jpg").labels.names == ("cat", "test")


def test_hidden_files_and_those_that_are_no_image_do_not_count(read):
    manifest = read("cat/a.jpg", "cat/._a.jpg", ".git/x.jpg", "__MACOSX/cat/._a.jpg", "train/.DS_Store", "labels.txt")
    assert manifest.paths.tolist() == ["cat/a.jpg"]


def test_one_file_in_two_folders_is_two_samples(read):
    assert len(read("cat/a.jpg", "dog/a.jpg")) == 2


def test_links_are_followed_but_not_in_circles(read, tmp_path):
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat" / "up").symlink_to(tmp_path)
    (tmp_path / "dog").symlink_to(tmp_path / "cat")
    assert read("cat/a.jpg").paths.tolist() == ["cat/a.jpg", "dog/a.jpg"]


def test_an_image_outside_of_a_label_is_refused(read):
    with pytest.raises(DataError, match=r"called by its label, got 'preview\.jpg' outside of one"):
        read("cat/a.jpg", "preview.jpg")
    with pytest.raises(DataError, match=r"got 'preview\.jpg' outside"):
        read()


def test_in_splits_an_image_outside_of_a_label_is_refused_too(read):
    with pytest.raises(DataError, match=r"got 'test/1\.jpg' outside of one"):
        read("train/cat/a.jpg", "test/1.jpg")


def test_a_run_knows_nothing_of_images_outside_of_its_labels(read):
    manifest = read("cat/a.jpg", "b.jpg", label_names=["dog", "cat"])
    targets, mask = manifest.labels.dense([0, 1])
    assert manifest.paths.tolist() == ["b.jpg", "cat/a.jpg"]
    assert targets.tolist() == [[False, False], [False, True]]
    assert mask.tolist() == [[False, False], [False, True]]
    with pytest.raises(DataError, match="got also 'cat'"):
        read(label_names=["dog"])


def test_a_run_may_be_applied_to_a_folder_of_images_without_labels(read):
    manifest = read("a.jpg", "b.jpg", label_names=["dog", "cat"])
    assert not manifest.labels.dense([0, 1])[1].any()


def test_a_folder_without_images_is_refused(read, tmp_path):
    with pytest.raises(DataError, match=re.escape(f"{tmp_path}: expected images (.jpg, .jpeg")):
        read("cat/a.txt")


@pytest.mark.skipif(os.name == "nt", reason="names of files are bytes only under POSIX")
def test_a_name_that_is_no_text_is_refused_in_words(read, tmp_path):
    (tmp_path / "cat").mkdir()
    with open(os.fsencode(tmp_path / "cat") + b"/\xff.jpg", "wb"):
        pass
    with pytest.raises(DataError, match="expected names of files in UTF-8"):
        read()
