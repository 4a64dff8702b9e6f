import pytest

from lopsided.data import DataError
from lopsided.data.readers.voc.reader import CLASSES
from tests.data.readers.for_run import read_voc
from tests.data.readers.voc.voc_files import write_voc

LISTS = {
    "train": ["000001", "000003"],
    "val": ["000002"],
    "trainval": ["000001", "000002", "000003"],
    "test": ["000004"],
}
OBJECTS = {"000001": ["dog", "dog", "person"], "000002": ["cat?", "cat"], "000003": ["cow?", "dog"], "000004": []}


@pytest.fixture
def voc(tmp_path):
    """Two training images, of which the second has a difficult cow, one for validation and one for testing."""
    write_voc(tmp_path / "VOCdevkit/VOC2007", LISTS, OBJECTS)
    return tmp_path


def shown(manifest):
    """Of each image its path's end, its split, its positive labels and its unknown ones."""
    targets, mask = manifest.labels.dense(range(len(manifest)))
    unknown = ~mask if mask is not None else targets & False

    def names(row):
        return " ".join(name for name, hit in zip(manifest.labels.names, row, strict=True) if hit)

    rows = zip(manifest.paths.tolist(), manifest.splits.tolist(), targets, unknown, strict=True)
    return [(path[-10:], split, names(target), names(hidden)) for path, split, target, hidden in rows]


def test_images_have_the_labels_of_their_objects_in_the_splits_of_the_lists(voc):
    manifest = read_voc(voc)
    assert manifest.name == "PASCAL VOC 2007"
    assert manifest.labels.names == CLASSES
    assert len(CLASSES) == 20
    assert list(CLASSES) == sorted(CLASSES)
    assert shown(manifest) == [
        ("000001.jpg", "train", "dog person", ""),
        ("000003.jpg", "train", "dog", "cow"),
        ("000002.jpg", "val", "cat", ""),
        ("000004.jpg", "test", "", ""),
    ]
    assert manifest.path(1) == voc / "VOCdevkit/VOC2007/JPEGImages/000003.jpg"


@pytest.mark.parametrize(
    ("difficult", "positive", "unknown"),
    [("unknown", "dog", "cow"), ("negative", "dog", ""), ("positive", "cow dog", "")],
)
def test_a_label_with_nothing_but_difficult_objects_is_what_one_asks_for(voc, difficult, positive, unknown):
    manifest = read_voc(voc, difficult=difficult)
    assert shown(manifest)[1][2:] == (positive, unknown)
    assert shown(manifest)[2][2:] == ("cat", "")
    assert (manifest.labels.num_unknown > 0) == bool(unknown)


def test_parts_unpacked_beside_each_other_are_read_as_one(tmp_path):
    write_voc(
        tmp_path / "VOCtrainval_06-Nov-2007/VOCdevkit/VOC2007", {"train": ["1"], "val": ["2"]}, {"1": [], "2": []}
    )
    write_voc(tmp_path / "VOCtest_06-Nov-2007/VOCdevkit/VOC2007", {"test": ["3"]}, {"3": ["cat"]})
    manifest = read_voc(tmp_path)
    assert manifest.split_names == ("train", "val", "test")
    assert all(manifest.path(row).is_file() for row in range(3))


@pytest.mark.parametrize(
    ("lists", "splits"),
    [
        ({"trainval": "123"}, {"train": "123"}),
        ({"trainval": "123", "val": "2"}, {"train": "13", "val": "2"}),
        ({"trainval": "123", "train": "3"}, {"train": "3", "val": "12"}),
        ({"train": "1", "val": "2", "test": "3"}, {"train": "1", "val": "2", "test": "3"}),
        ({"val": "33\n \n1"}, {"val": "31"}),
    ],
)
def test_splits_are_completed_from_the_list_of_both(tmp_path, lists, splits):
    write_voc(tmp_path / "pets", lists, {"1": ["cat"], "2": [], "3": []})
    found = {}
    for path, split in zip(
        *(part.tolist() for part in (read_voc(tmp_path).paths, read_voc(tmp_path).splits)), strict=True
    ):
        found[split] = found.get(split, "") + path[-5]
    assert found == splits


@pytest.mark.parametrize(
    ("lists", "message"),
    [
        ({"train": "1", "val": "12"}, r"Main: expected each image once, got '1' in train and in val$"),
        ({"train": "1", "val": "2", "test": "23"}, "got '2' in val and in test$"),
        ({"train": "1", "val": "2", "trainval": "123"}, r"trainval\.txt: expected .*, got 1 others, such as '3'$"),
    ],
)
def test_an_image_in_two_lists_or_in_that_of_both_alone_is_refused(tmp_path, lists, message):
    write_voc(tmp_path / "pets", lists, {"1": ["cat"], "2": [], "3": []})
    with pytest.raises(DataError, match=message):
        read_voc(tmp_path)


@pytest.mark.parametrize("annotated", [[], ["9"]])
def test_test_images_of_2012_are_left_out_because_their_labels_were_never_published(tmp_path, annotated):
    objects = {"1": ["cat"], **{name: ["person"] for name in annotated}}
    write_voc(tmp_path / "VOC2012", {"train": ["1"], "test": ["8", "9"]}, objects)
    assert read_voc(tmp_path).split_names == ("train",)


def test_a_test_image_of_2007_without_annotations_is_an_error_unless_all_are(voc):
    (voc / "VOCdevkit/VOC2007/ImageSets/Main/test.txt").write_text("000004\n000005\n")
    with pytest.raises(DataError, match=r"test\.txt: expected Annotations/000005\.xml \(host.*\), got none"):
        read_voc(voc)
    (voc / "VOCdevkit/VOC2007/Annotations/000004.xml").unlink()
    assert read_voc(voc).split_names == ("train", "val")


def test_other_objects_are_labels_by_their_names(tmp_path):
    write_voc(tmp_path / "VOC2007", {"train": ["1"]}, {"1": ["Übung 🦊", "cat"]})
    assert read_voc(tmp_path).labels.names == ("cat", "Übung 🦊")


def test_a_data_set_of_another_name_has_the_labels_that_occur(tmp_path):
    write_voc(tmp_path / "pets", {"train": ["1"]}, {"1": ["dog", "cat?"]})
    assert read_voc(tmp_path).labels.names == ("cat", "dog")
    labels = read_voc(tmp_path, label_names=["dog", "cow", "cat"]).labels
    assert labels.names == ("dog", "cow", "cat")
    assert labels.dense([0])[1].tolist() == [[True, True, False]]  # pyright: ignore[reportOptionalMemberAccess]
    with pytest.raises(DataError, match="expected the labels of the run, got also 'dog'"):
        read_voc(tmp_path, label_names=["cat"])


def test_labels_of_a_run_that_are_no_class_are_unknown(voc):
    labels = read_voc(voc, label_names=["zebra", *reversed(CLASSES)]).labels
    assert labels.names[:2] == ("zebra", "tvmonitor")
    assert labels.num_unknown == 4 + 1


def test_lists_of_other_systems_are_read(voc):
    (voc / "VOCdevkit/VOC2007/ImageSets/Main/train.txt").write_bytes(b"\xef\xbb\xbf000001 \r\n\r\n000003\r\n")
    assert [row[0] for row in shown(read_voc(voc))][:2] == ["000001.jpg", "000003.jpg"]


def test_an_image_that_is_missing_is_found_out_when_it_is_opened(voc):
    pictures = voc / "VOCdevkit/VOC2007/JPEGImages"
    (pictures / "000001.jpg").unlink()
    assert read_voc(voc).path(0) == pictures / "000001.jpg"
    for path in pictures.iterdir():
        path.unlink()
    with pytest.raises(DataError, match=r"expected images such as JPEGImages/000001\.jpg \(host.*\), got none of 4$"):
        read_voc(voc)


@pytest.mark.parametrize("name", ["000009", "../Annotations/000001", "/etc/passwd"])
def test_an_image_without_annotations_is_named_with_the_list(voc, name):
    (voc / "VOCdevkit/VOC2007/ImageSets/Main/val.txt").write_text(f"{name}\n")
    with pytest.raises(DataError, match=rf"val\.txt: expected Annotations/{name}\.xml \(host.*\), got none$"):
        read_voc(voc)


def test_a_folder_without_usable_lists_is_refused(tmp_path):
    for lists, came in (({"test": ["1"], "cat_train": ["1 1"]}, "test.txt"), ({"cat_train": ["1 1"]}, "none")):
        write_voc(tmp_path / came / "VOC2012", lists, {})
        with pytest.raises(
            DataError, match=rf"expected train\.txt, val\.txt or test\.txt of annotated images, got {came}$"
        ):
            read_voc(tmp_path / came)


def test_a_list_that_is_no_text_is_refused(voc):
    path = voc / "VOCdevkit/VOC2007/ImageSets/Main/val.txt"
    path.write_bytes(b"\xff\xfe1")
    with pytest.raises(DataError, match=r"val\.txt: expected a name per line, got 'utf-8' codec"):
        read_voc(voc)


def test_a_list_that_cannot_be_read_is_refused(voc, monkeypatch):
    def unreadable(path):
        raise DataError("cannot be read: Input/output error", path=path)

    monkeypatch.setattr("lopsided.data.readers.voc.reader.read_bytes", unreadable)
    with pytest.raises(DataError, match=r"\.txt: cannot be read: Input/output error$"):
        read_voc(voc)


def test_a_malformed_annotation_is_named(voc):
    (voc / "VOCdevkit/VOC2007/Annotations/000002.xml").write_text("<annotation>\n<object>")
    with pytest.raises(DataError, match=r"000002\.xml, line 2: expected XML"):
        read_voc(voc)


def test_settings_out_of_range_are_refused(voc):
    with pytest.raises(DataError, match="expected difficult to be one of unknown, negative, positive, got 'skip'"):
        read_voc(voc, difficult="skip")  # pyright: ignore[reportArgumentType]
