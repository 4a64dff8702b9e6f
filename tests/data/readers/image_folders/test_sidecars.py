import pytest

from lopsided.data import DataError
from lopsided.data.readers.image_folders.sidecars import read_sidecars
from tests.data.readers.layout_files import read, touch, write


def with_images(folder, files):
    """Files of tags, and the image beside each."""
    for name in files:
        touch(folder, f"{name.rpartition('.')[0].removesuffix('.jpg')}.jpg")
    return write(folder, files)


def test_tags_joined_by_commas_are_labels_and_it_is_said_so(tmp_path):
    with_images(tmp_path, {"a.txt": "1girl, long hair,solo,\n", "sub/b.txt": "solo", "c.jpg.txt": ""})
    data = read_sidecars(tmp_path)
    assert read(data) == {
        "a.jpg": ("train", ["1girl", "long hair", "solo"]),
        "c.jpg": ("train", []),
        "sub/b.jpg": ("train", ["solo"]),
    }
    assert data.notes == ("tags are read as joined by commas (--data.separator)",)


def test_a_tag_on_each_line_may_hold_blanks(tmp_path):
    with_images(tmp_path, {"a.txt": "\ufefflong hair\r\n\r\nsolo\r\n", "b.txt": "solo\n"})
    data = read_sidecars(tmp_path)
    assert read(data) == {"a.jpg": ("train", ["long hair", "solo"]), "b.jpg": ("train", ["solo"])}
    assert data.notes == ("tags are read as one on each line (--data.separator)",)


def test_commas_here_and_lines_there_are_refused_until_an_option_decides(tmp_path):
    with_images(tmp_path, {"a.txt": "sea, sky", "b.txt": "sea\nsun, moon\n"})
    with pytest.raises(DataError) as error:
        read_sidecars(tmp_path)
    assert str(error.value) == (
        f"{tmp_path}/a.txt: expected tags joined by commas, or a tag on each line, got commas here and several lines "
        r"in b.txt: say --data.separator ',' or --data.separator '\n' (a tag on each line)"
    )
    assert read_sidecars(tmp_path, separator=",").labels.names == ("moon", "sea", "sky", "sun")
    for lines in ("\n", r"\n"):
        assert read_sidecars(tmp_path, separator=lines).labels.names == ("sea", "sea, sky", "sun, moon")
    assert read_sidecars(tmp_path, separator=",").notes == ()


@pytest.mark.parametrize(("text", "sign"), [("sea sky", "' '"), ("sea;sky", "';'"), ("sea|sky", "'|'")])
def test_another_sign_in_most_files_is_refused_until_an_option_decides(tmp_path, text, sign):
    with_images(tmp_path, {"a.txt": text, "b.txt": text, "c.txt": "sea"})
    with pytest.raises(DataError) as error:
        read_sidecars(tmp_path)
    assert f"got '{text}', perhaps joined by" in str(error.value)
    assert f"say --data.separator {sign} or, if that is one tag, --data.separator" in str(error.value)
    assert read_sidecars(tmp_path, separator=sign[1:-1]).labels.names == ("sea", "sky")


def test_json_beside_images_holds_names_flags_or_shapes(tmp_path):
    with_images(
        tmp_path,
        {
            "a.json": {"labels": ["cat", "dog"], "width": 3},
            "b.json": {"labels": {"cat": True, "dog": False, "cow": None}},
            "c.json": ["cow"],
            "d.json": {"labels": "dog"},
        },
    )
    assert read(read_sidecars(tmp_path)) == {
        "a.jpg": ("train", ["cat", "dog"]),
        "b.jpg": ("train", ["cat", "cow?"]),
        "c.jpg": ("train", ["cow"]),
        "d.jpg": ("train", ["dog"]),
    }


def test_files_of_labelme_have_shapes_or_flags(tmp_path):
    about = {"version": "5", "imagePath": "a.jpg", "imageData": "aGVsbG8="}
    shapes = [{"label": "cat", "points": [[1, 2]], "group_id": None, "flags": {}}, {"label": "cat", "points": []}]
    with_images(
        tmp_path, {"a.json": {**about, "flags": {}, "shapes": shapes}, "b.json": {**about, "shapes": [], "flags": {}}}
    )
    assert [labels for _, labels in read(read_sidecars(tmp_path)).values()] == [["cat"], []]
    write(tmp_path, {"b.json": {**about, "shapes": [], "flags": {"sunny": True, "cold": False}}})
    with pytest.raises(
        DataError, match=r"got 'shapes' in a.json and 'flags' in b.json: say --data.labels_column shapes"
    ):
        read_sidecars(tmp_path)
    with pytest.raises(DataError, match=r"a.json: expected a member 'tags', got only 'version, imagePath,"):
        read_sidecars(tmp_path, labels_column="tags")


def test_images_without_tags_and_tags_without_images_are_counted(tmp_path):
    with_images(tmp_path, {"train/a.txt": "cat,dog", "val/b.txt": "cat"})
    touch(tmp_path, "train/c.jpg", "val/d.jpg", "train/e.txt")
    data = read_sidecars(tmp_path)
    assert read(data) == {"train/a.jpg": ("train", ["cat", "dog"]), "val/b.jpg": ("val", ["cat"])}
    assert data.notes[1:] == (
        "1 files end as tags do, but lie beside no image, such as train/e.txt",
        "2 of 4 images have no file of tags and are left out (--data.unannotated)",
    )
    assert len(read_sidecars(tmp_path, unannotated="keep")) == 4
    assert list(read(read_sidecars(tmp_path, unannotated="drop_train"))) == ["train/a.jpg", "val/b.jpg", "val/d.jpg"]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a.txt": b"caf\xe9"}, "a.txt: expected tags in UTF-8, got other bytes"),
        ({"a.txt": "a", "a.json": []}, "expected one file of tags beside a.jpg, got a.txt and a.json"),
        ({"a.json": "{"}, "a.json, line 1: expected JSON, got"),
        ({"a.json": 3}, "a.json: expected a list of labels, or an object, got 3"),
        ({"a.json": {"caption": "x"}}, "a.json: expected a member 'labels or tags', got only 'caption'"),
        ({"a.json": {"labels": [3]}}, "a.json: expected names of labels, got 3"),
        ({"a.json": {"labels": 3}}, "a.json: expected names of labels, got 3"),
        ({"a.json": {"labels": {"cat": "yes"}}}, "a.json: expected true, false or null for each label, got 'yes' for"),
        (
            {"a.json": {"labels": "cat, dog"}},
            "a.json: expected a list of names, got the text 'cat, dog': say by --data.s",
        ),
        (
            {"a.json": {"labels": ["a"], "tags": ["b"]}},
            "expected one member that holds labels, got 'labels' in a.json and",
        ),
        ({"a.txt": "a\x07b"}, "expected a label name to be one line of text without control characters"),
    ],
)
def test_a_file_that_means_nothing_is_named(tmp_path, files, message):
    with_images(tmp_path, files)
    with pytest.raises(DataError) as error:
        read_sidecars(tmp_path)
    assert message in str(error.value)


def test_a_folder_without_tags_says_what_was_looked_for(tmp_path):
    touch(tmp_path, "a.jpg")
    with pytest.raises(DataError, match=r"expected files such as a.txt or a.json beside a.jpg, got none"):
        read_sidecars(tmp_path)
