import pyarrow as pa
import pytest

from lopsided.data.readers.listing.paths import relative_paths


def paths(folder, *texts):
    return relative_paths(pa.array(texts, pa.large_string()), folder).tolist()


def test_paths_are_written_in_one_way(tmp_path):
    texts = ("a b.jpg", "x\\y\\z.jpg", "./c.jpg", "x//d.jpg", "x/./e.jpg", ".hidden/f.jpg", "x/..g.jpg", "🦊/ h.jpg")
    wanted = ["a b.jpg", "x/y/z.jpg", "c.jpg", "x/d.jpg", "x/e.jpg", ".hidden/f.jpg", "x/..g.jpg", "🦊/ h.jpg"]
    assert paths(tmp_path, *texts) == wanted


def test_absolute_paths_within_the_folder_become_relative(tmp_path, monkeypatch):
    folder = tmp_path / "🦊 data"
    folder.mkdir()
    (tmp_path / "link").symlink_to(folder)
    assert paths(folder, f"{folder}/a.jpg", f"{folder}/x/b.jpg", "c.jpg") == ["a.jpg", "x/b.jpg", "c.jpg"]
    assert paths(tmp_path / "link", f"{tmp_path}/link/a.jpg", f"{folder}/b.jpg") == ["a.jpg", "b.jpg"]
    monkeypatch.chdir(folder)
    assert paths(folder.relative_to(folder), f"{folder}/a.jpg") == ["a.jpg"]


@pytest.mark.parametrize(
    "text", ["../a.jpg", "x/../../a.jpg", "/etc/a.jpg", "C:\\x\\a.jpg", "..\\a.jpg", "//server/a.jpg"]
)
def test_paths_outside_of_the_folder_are_refused_with_what_to_do(tmp_path, text):
    with pytest.raises(
        ValueError, match=r"row 1 \(from 0\): .*stays in its folder, got .* put the listing into a folder"
    ):
        paths(tmp_path, "a.jpg", text)


def test_a_folder_whose_name_only_begins_like_it_is_outside(tmp_path):
    with pytest.raises(ValueError, match="stays in its folder"):
        paths(tmp_path / "data", f"{tmp_path}/data2/a.jpg")


@pytest.mark.parametrize("text", [".", "./", "x\0y"])
def test_what_no_file_can_be_called_is_refused(tmp_path, text):
    with pytest.raises(ValueError, match=r"row 0 \(from 0\): expected the path of a file((?!put the listing).)*$"):
        paths(tmp_path, text)


@pytest.mark.parametrize("text", ["", "  "])
def test_an_empty_path_is_refused(tmp_path, text):
    with pytest.raises(ValueError, match=r"row 1 \(from 0\): expected the path of an image, got an empty cell"):
        paths(tmp_path, "a.jpg", text)


def test_a_path_that_stands_there_twice_is_refused_however_it_is_written(tmp_path):
    with pytest.raises(ValueError, match=r"got 'x/a.jpg' in rows 1 and 3 \(from 0\)"):
        paths(tmp_path, "b.jpg", "x/a.jpg", "c.jpg", f"{tmp_path}/x\\.\\a.jpg", "b.jpg")
    with pytest.raises(ValueError, match=r"got 'a.jpg' in rows 0 and 1 \(from 0\)"):
        paths(tmp_path, "a.jpg", "a.jpg", "b.jpg", "c.jpg")
