"""What a name in a stranger's folder may lead to."""

import os

import pytest

from lopsided.data import DataError, read_coco, read_listing, read_nus_wide, read_open_images, read_table, read_voc
from lopsided.data.readers.arff.reader import read_arff
from lopsided.files.regular import check_regular, read_bytes
from tests.data.readers.voc.voc_files import write_voc

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names here")


@pytest.fixture(params=["pipe", "device", "folder", "loop"])
def put(request):
    """Puts what is no file into the place of one."""

    def put(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        match request.param:
            case "pipe":
                os.mkfifo(path)
            case "device":
                path.symlink_to("/dev/zero")
            case "folder":
                path.mkdir()
            case _:
                path.symlink_to(path.name)
        return path

    return put


WORDS = "expected .*got|cannot be read"


def test_what_has_no_end_is_neither_read_nor_waited_for(put, tmp_path):
    with pytest.raises(
        DataError, match="expected a file, got a (device or pipe|folder)|cannot be read: Too many levels"
    ):
        read_bytes(put(tmp_path / "x"))


def test_a_link_to_a_file_is_that_file(tmp_path):
    (tmp_path / "x").write_bytes(b"abc")
    (tmp_path / "y").symlink_to("x")
    assert read_bytes(tmp_path / "y") == b"abc"
    assert check_regular(tmp_path / "y").st_size == 3


def test_a_file_may_have_a_largest_size(tmp_path):
    (tmp_path / "x").write_bytes(b"abc")
    with pytest.raises(DataError, match="expected a file of at most 2 bytes, got 3"):
        read_bytes(tmp_path / "x", at_most=2)


@pytest.mark.parametrize("name", ["t.csv", "t.parquet", "t.npz"])
def test_a_table_that_is_no_file_is_refused(put, tmp_path, name):
    with pytest.raises(DataError, match=WORDS):
        read_table(put(tmp_path / name))


@pytest.mark.parametrize("name", ["l.csv", "l.parquet", "l.jsonl"])
def test_a_listing_that_is_no_file_is_refused(put, tmp_path, name):
    with pytest.raises(DataError, match=WORDS):
        read_listing(put(tmp_path / name))


@pytest.mark.parametrize("name", ["x.arff", "x.xml"])
def test_a_part_of_a_mulan_data_set_that_is_no_file_is_refused(put, tmp_path, name):
    (tmp_path / "x.arff").write_text("@attribute a numeric\n@attribute b {0,1}\n@data\n1,1\n")
    (tmp_path / "x.xml").write_text('<labels><label name="b"/></labels>')
    put(tmp_path / name)
    with pytest.raises(DataError, match=WORDS):
        read_arff(tmp_path / "x")


@pytest.mark.parametrize("name", ["ImageSets/Main/train.txt", "Annotations/a.xml"])
def test_a_part_of_voc_that_is_no_file_is_refused(put, tmp_path, name):
    put(write_voc(tmp_path, {"train": ["a"]}, {"a": ["dog"]}) / name)
    with pytest.raises(DataError, match=WORDS):
        read_voc(tmp_path)


def test_annotations_of_coco_that_are_no_file_are_refused(put, tmp_path):
    put(tmp_path / "annotations" / "instances_train2017.json")
    with pytest.raises(DataError, match=WORDS):
        read_coco(tmp_path)


@pytest.mark.parametrize("name", ["Concepts81.txt", "TrainImagelist.txt", "Labels_sky_Train.txt", "nus_wid_data.csv"])
def test_a_list_of_nus_wide_that_is_no_file_is_refused(put, tmp_path, name):
    if name != "nus_wid_data.csv":
        for other, content in (("Concepts81.txt", "sky\n"), ("TrainImagelist.txt", "a\\b.jpg\n")):
            (tmp_path / other).write_text(content)
        for part in ("Test", "Train"):
            (tmp_path / f"Labels_sky_{part}.txt").write_text("1\n")
        (tmp_path / "TestImagelist.txt").write_text("a\\c.jpg\n")
    put(tmp_path / name)
    with pytest.raises(DataError, match=WORDS):
        read_nus_wide(tmp_path)


@pytest.mark.parametrize(
    "name",
    ["oidv6-class-descriptions.csv", "oidv6-classes-trainable.txt", "oidv6-test-annotations-human-imagelabels.csv"],
)
def test_a_file_of_open_images_that_is_no_file_is_refused(put, tmp_path, name):
    (tmp_path / "oidv6-class-descriptions.csv").write_text("LabelName,DisplayName\n/m/1,Cat\n")
    (tmp_path / "oidv6-classes-trainable.txt").write_text("/m/1\n")
    (tmp_path / "oidv6-test-annotations-human-imagelabels.csv").write_text("ImageID,LabelName,Confidence\n")
    (tmp_path / "test").mkdir()
    (tmp_path / "test" / "00000000000000fe.jpg").touch()
    put(tmp_path / name)
    with pytest.raises(DataError, match=WORDS):
        read_open_images(tmp_path)
