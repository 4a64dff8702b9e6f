import pytest

from lopsided.data import DataError
from lopsided.data.readers.voc.layout import find_voc
from tests.data.readers.voc.voc_files import write_voc

LISTS = {"train": ["1"], "val": ["2"], "trainval": ["1", "2"]}
OBJECTS = {"1": ["cat"], "2": ["dog"]}


@pytest.mark.parametrize("place", [".", "VOC2007", "VOCdevkit/VOC2007", "a/VOCdevkit/VOC2007"])
def test_the_folder_may_lie_up_to_three_levels_below(tmp_path, place):
    write_voc(tmp_path / "VOC2007" / place, LISTS, OBJECTS)
    files = find_voc(tmp_path / "VOC2007")
    assert (files.name, files.year) == ("PASCAL VOC 2007", 2007)
    assert sorted(files.lists) == ["train", "trainval", "val"]
    assert sorted(files.annotations) == sorted(files.images) == ["1", "2"]


@pytest.mark.parametrize("beside", ["VOCdevkit_test/VOC2007", "VOCtest_06-Nov-2007/VOCdevkit/VOC2007"])
def test_parts_of_a_year_that_were_unpacked_beside_each_other_are_one(tmp_path, beside):
    write_voc(tmp_path / "VOCdevkit/VOC2007", LISTS, OBJECTS)
    write_voc(tmp_path / beside, {"test": ["3"]}, {"3": []})
    files = find_voc(tmp_path)
    assert sorted(files.lists) == ["test", "train", "trainval", "val"]
    assert sorted(files.images) == ["1", "2", "3"]


def test_lists_of_single_classes_are_no_splits(tmp_path):
    write_voc(tmp_path / "VOC2007", {**LISTS, "cat_train": ["1  1"], "cat_trainval": ["1  1"]}, OBJECTS)
    assert sorted(find_voc(tmp_path).lists) == ["train", "trainval", "val"]


def test_where_two_years_are_there_one_must_be_chosen(tmp_path):
    for year in (2012, 2007):
        write_voc(tmp_path / f"VOC{year}", LISTS, OBJECTS)
    with pytest.raises(DataError, match=r"expected one year, got VOC2007, VOC2012; choose by --data\.year 2007$"):
        find_voc(tmp_path)
    assert find_voc(tmp_path, year=2012).lists["val"] == tmp_path / "VOC2012/ImageSets/Main/val.txt"
    with pytest.raises(DataError, match=r"expected a folder VOC2010 \(host.*\), got VOC2007, VOC2012$"):
        find_voc(tmp_path, year=2010)


def test_a_data_set_of_another_name_has_no_year(tmp_path):
    for name in ("pets", "cars"):
        write_voc(tmp_path / name, LISTS, OBJECTS)
    files = find_voc(tmp_path / "pets")
    assert (files.name, files.year) == ("pets", None)
    with pytest.raises(DataError, match=r"expected one data set, got cars, pets$"):
        find_voc(tmp_path)


def test_a_picture_counts_before_other_files_of_its_name(tmp_path):
    pictures = write_voc(tmp_path / "pets", LISTS, OBJECTS) / "JPEGImages"
    (pictures / "2.jpg").rename(pictures / "2.PNG")
    for name in ("1.json", "1.png", "2.JSON", "._2.jpg"):
        (pictures / name).touch()
    assert {name: path.name for name, path in find_voc(tmp_path).images.items()} == {"1": "1.jpg", "2": "2.PNG"}


def test_a_folder_without_lists_is_refused_with_what_is_wanted(tmp_path):
    (tmp_path / "VOC2007/JPEGImages").mkdir(parents=True)
    with pytest.raises(
        DataError, match=r"expected a folder such as VOCdevkit/VOC2007 with ImageSets/Main \(host\.robots"
    ):
        find_voc(tmp_path)
    with pytest.raises(DataError, match=r"none: cannot be read: No such file or directory"):
        find_voc(tmp_path / "none")
