import pytest

from lopsided.data import DataError
from lopsided.data.readers.collector import Collector
from tests.data.readers.layout_files import read, touch


@pytest.fixture
def found(tmp_path):
    return Collector(touch(tmp_path, "a.jpg", "b/c.jpg"), tmp_path / "list")


def test_labels_that_occur_are_sorted_and_positive_wins_over_unknown(found):
    found.add("b/c.jpg", ["dog", "cat", "dog"], unknown=["cow", "cat"], split="val", group="x")
    found.add("./a.jpg", ["ant"], unknown=[])
    data = found.manifest("pets", label_names=["bee"])
    assert data.labels.names == ("ant", "bee", "cat", "cow", "dog")
    assert read(data) == {"b/c.jpg": ("val", ["cat", "cow?", "dog"]), "a.jpg": ("train", ["ant"])}
    assert data.groups.tolist() == ["x", ""]


def test_names_in_another_unicode_form_are_one_label(found):
    found.add("a.jpg", ["cafe\u0301", "caf\u00e9 "])
    assert found.manifest("pets").labels.names == ("caf\u00e9",)


def test_a_whole_list_of_labels_keeps_its_order_and_admits_no_others(found):
    found.add("a.jpg", ["dog"])
    assert found.manifest("pets", label_names=["dog", "cat"], is_whole=True).labels.names == ("dog", "cat")
    with pytest.raises(DataError, match=r"list: expected only the labels cat, cow, got 'dog'"):
        found.manifest("pets", label_names=["cat", "cow"], is_whole=True)


def test_files_that_are_not_there_are_counted_and_all_of_them_are_too_many(found, tmp_path):
    found.add("z/a.jpg", ["dog"])
    with pytest.raises(DataError, match=r"expected images such as z/a.jpg, got none of 1"):
        found.manifest("pets")
    found.add("a.jpg", [])
    assert found.manifest("pets").notes == (
        "1 of 2 listed images are not there, such as z/a.jpg: training skips and names them (--data.unreadable refuse: "
        "they are an error)",
    )
    assert found.manifest("pets").groups is None


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        (["a.jpg", "./a.jpg"], "expected each image once, got 'a.jpg' twice in train"),
        (["/a.jpg"], "expected a path that stays in its folder, got '/a.jpg'"),
        ([""], "expected the path of a file, got ''"),
    ],
)
def test_an_image_is_added_once_and_lies_below_the_folder(found, paths, message):
    for path in paths[:-1]:
        found.add(path, [])
    with pytest.raises(DataError) as error:
        found.add(paths[-1], [])
    assert str(error.value) == message


def test_no_image_and_no_label_are_refused_by_the_file(found):
    with pytest.raises(DataError, match=r"list: expected at least one image, got none"):
        found.manifest("pets")
    found.add("a.jpg", [])
    with pytest.raises(DataError, match=r"list: expected at least one label, got none"):
        found.manifest("pets")
