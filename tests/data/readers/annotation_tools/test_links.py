import pytest

from lopsided.data import DataError
from lopsided.data.readers.annotation_tools.links import ImageFinder
from tests.data.readers.layout_files import touch


@pytest.mark.parametrize(
    ("link", "path"),
    [
        ("/home/ann/pets/data/train/a.jpg", "data/train/a.jpg"),
        ("data/train/a.jpg", "data/train/a.jpg"),
        (r"C:\pets\a.jpg", "data/a.jpg"),
        ("gs://bucket/x/a.jpg", "data/a.jpg"),
        ("https://host/x/b%20c.jpg?token=1", "data/b c.jpg"),
        ("/data/upload/1/0a1b2c3d-a.jpg", "data/a.jpg"),
        ("nowhere/z.jpg", "z.jpg"),
    ],
)
def test_the_longest_end_of_a_link_that_is_a_file_is_found(tmp_path, link, path):
    touch(tmp_path, "data/a.jpg", "data/train/a.jpg", "data/b c.jpg")
    assert ImageFinder(tmp_path, folders=("", "data")).path(link) == path


@pytest.mark.parametrize("link", ["a/../../b.jpg", "", "https://host/%2e%2e/%2e%2e/a.jpg"])
def test_a_link_that_leads_out_of_the_folder_is_refused(tmp_path, link):
    with pytest.raises(DataError, match="expected a path that stays in its folder|expected the path of a file"):
        ImageFinder(tmp_path, folders=("",)).path(link)
