import re

import numpy as np
import pytest

from lopsided.data import DataError
from tests.data.readers.for_run import read_open_images

CAT, DOG, DAISY, OTHER_DAISY, UNTRAINABLE = "/m/01yrx", "/m/0bt9lr", "/m/09t49", "/g/11b6b", "/m/0zzz"
HEADER = "ImageID,Source,LabelName,Confidence\n"
A, B, C, D = "000002b66c9c498e", "00fe000000000000", "8000000000000001", "ffffffffffffffff"


def lines(*rows):
    return HEADER + "".join(f"{image},verification,{mid},{confidence}\n" for image, mid, confidence in rows)


@pytest.fixture
def folder(tmp_path):
    files = {
        "oidv6-classes-trainable.txt": f"{DOG}\n{CAT}\n{DAISY}\n{OTHER_DAISY}\n",
        "oidv6-class-descriptions.csv": "LabelName,DisplayName\n"
        f'{CAT},"Cat, domestic"\n{UNTRAINABLE},Thing\n{DAISY},Daisy\n{OTHER_DAISY},Daisy\n{DOG},Dog\n',
        "oidv6-train-annotations-human-imagelabels.csv": lines(
            (D, CAT, 1), (A, DOG, 0), (A, CAT, 1), (A, UNTRAINABLE, 1)
        ),
        "validation-annotations-human-imagelabels.csv": lines((C, OTHER_DAISY, 1), (C, DOG, 0)),
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    for image in (f"train/{A}.jpg", f"train/{D}.jpg", f"validation/{C}.jpg"):
        (tmp_path / image).parent.mkdir(exist_ok=True)
        (tmp_path / image).write_bytes(b"")
    return tmp_path


def states_of(labels):
    targets, mask = labels.dense(range(len(labels)))
    return np.where(True if mask is None else mask, targets, 2).tolist()


def test_images_and_labels_come_out_by_split_and_id(folder):
    manifest = read_open_images(folder)
    assert manifest.paths.tolist() == [f"train/{A}.jpg", f"train/{D}.jpg", f"validation/{C}.jpg"]
    assert manifest.splits.tolist() == ["train", "train", "val"]
    assert manifest.name == "open-images"
    assert all(manifest.path(row).is_file() for row in range(3))


def test_classes_with_one_name_get_their_identifier_and_names_may_hold_commas(folder):
    names = read_open_images(folder).labels.names
    assert names == ("Dog", "Cat, domestic", f"Daisy ({DAISY})", f"Daisy ({OTHER_DAISY})")


def test_what_nobody_verified_is_negative_by_default(folder):
    labels = read_open_images(folder).labels
    assert states_of(labels) == [[0, 1, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]]
    assert labels.num_unknown == 0


def test_what_nobody_verified_may_be_unknown_and_takes_nothing(folder):
    labels = read_open_images(folder, unverified="unknown").labels
    assert states_of(labels) == [[0, 1, 2, 2], [2, 1, 2, 2], [0, 2, 2, 1]]
    assert (labels.positives.nnz, labels.negatives.nnz) == (3, 2)


def test_where_people_disagree_a_label_is_positive(folder):
    path = folder / "oidv6-train-annotations-human-imagelabels.csv"
    path.write_text(lines((A, CAT, 0), (A, CAT, 1), (A, CAT, "1.0"), (A, DOG, "0.0"), (A, DOG, 0)))
    labels = read_open_images(folder, unverified="unknown").labels
    assert states_of(labels)[0] == [0, 1, 2, 2]
    assert labels.positives.nnz + labels.negatives.nnz == 4


def test_images_that_are_not_there_or_have_only_other_classes_are_left_out(folder):
    path = folder / "oidv6-train-annotations-human-imagelabels.csv"
    path.write_text(lines((A, CAT, 1), (B, DOG, 1), (D, UNTRAINABLE, 1)))
    assert read_open_images(folder).paths.tolist() == [f"train/{A}.jpg", f"validation/{C}.jpg"]


@pytest.mark.parametrize("start", ["train_0", "images/train_0", "train/train_0", "images/train"])
def test_images_lie_in_several_places(folder, start):
    (folder / "train" / f"{D}.jpg").unlink()
    (folder / start).mkdir(parents=True)
    (folder / "train" / f"{A}.jpg").rename(folder / start / f"{A}.jpg")
    assert read_open_images(folder).paths.tolist() == [f"{start}/{A}.jpg", f"validation/{C}.jpg"]


def test_an_image_in_two_places_counts_once_and_other_files_not_at_all(folder):
    (folder / "train_0").mkdir()
    for name in (f"train_0/{A}.jpg", f"train/._{A}.jpg", "train/readme.txt", f"train/{B}.png", f"train/{A}.jpg.part"):
        (folder / name).write_bytes(b"")
    assert len(read_open_images(folder)) == 3


@pytest.mark.parametrize("version", ["oidv7-", ""])
def test_files_of_other_versions_in_a_folder_of_annotations_are_found(folder, version):
    (folder / "annotations").mkdir()
    for path in list(folder.iterdir()):
        if path.is_file():
            name = path.name.replace("validation", "val").removeprefix("oidv6-")
            path.rename(folder / "annotations" / f"{version}{name}")
    assert len(read_open_images(folder)) == 3


def test_names_without_a_line_of_column_names_and_classes_without_a_name_are_understood(folder):
    (folder / "oidv6-class-descriptions.csv").unlink()
    (folder / "class-descriptions-boxable.csv").write_text(f"{CAT},Cat\n{DOG},Dog\n{DAISY},\n")
    assert read_open_images(folder).labels.names == ("Dog", "Cat", DAISY, OTHER_DAISY)


def test_labels_of_all_images_go_before_those_of_images_with_boxes(folder):
    path = folder / "validation-annotations-human-imagelabels.csv"
    path.with_stem(f"{path.stem}-boxable").write_text(lines((C, CAT, 1)))
    assert states_of(read_open_images(folder).labels)[2] == [0, 0, 0, 1]
    path.unlink()
    assert states_of(read_open_images(folder).labels)[2] == [0, 1, 0, 0]


def test_a_split_without_images_or_without_labels_is_left_out(folder):
    (folder / "train" / f"{A}.jpg").unlink()
    (folder / "train" / f"{D}.jpg").unlink()
    (folder / "test").mkdir()
    (folder / "test" / f"{B}.jpg").write_bytes(b"")
    assert read_open_images(folder).split_names == ("val",)


def test_a_run_gets_its_labels_in_its_order_and_absent_ones_are_unknown(folder):
    names = ["Unicorn", *reversed(read_open_images(folder).labels.names)]
    assert states_of(read_open_images(folder, label_names=names).labels)[0] == [2, 0, 0, 1, 0]
    labels = read_open_images(folder, unverified="unknown", label_names=names).labels
    assert states_of(labels)[0] == [2, 2, 2, 1, 0]
    with pytest.raises(DataError, match="got also 'Dog'"):
        read_open_images(folder, label_names=names[:-1])


@pytest.mark.parametrize(
    "missing",
    [
        "oidv6-classes-trainable.txt",
        "oidv6-class-descriptions.csv",
        "oidv6-train-annotations-human-imagelabels.csv",
    ],
)
def test_a_missing_file_is_named_with_the_place_it_comes_from(folder, missing):
    (folder / "validation-annotations-human-imagelabels.csv").unlink()
    (folder / missing).unlink()
    with pytest.raises(DataError, match=rf"expected {missing}.* storage\.googleapis\.com/openimages"):
        read_open_images(folder)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (lines(("12ab", CAT, 1)), "ImageID, LabelName, Confidence"),
        (lines((A, CAT, 1), (A[:-1] + "g", CAT, 1)), r"16 digits 0 to 9 and a to f, got '\w+g' in row 1 \(from 0\)"),
        (lines((A, CAT, 1), (A, CAT, 0.7)), r"people verified, .* got 0.7 in row 1 \(from 0\)"),
        (lines((A, CAT, "")), "got nan in row 0"),
        (lines((A, CAT, "yes")), "Confidence"),
        ("ImageID,Label\n", "ImageID, LabelName, Confidence"),
        ("", "ImageID, LabelName, Confidence"),
        (
            HEADER + f'{A},verification,{CAT},1\n{A},"verification,{DOG},1\n{D},verification",{CAT},1\n',
            r"line 3: expected a row in each line, got 2 rows in 3 lines: a quote is open",
        ),
        (HEADER + f"{A},verification,{CAT}\n", "ImageID, LabelName, Confidence"),
    ],
)
def test_a_file_of_labels_that_is_none_is_refused_in_one_line(folder, rows, message):
    path = folder / "oidv6-train-annotations-human-imagelabels.csv"
    path.write_text(rows)
    with pytest.raises(DataError, match=message) as caught:
        read_open_images(folder)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("oidv6-classes-trainable.txt", "Cat\n", "a class such as /m/01yrx on each line, got 'Cat'"),
        ("oidv6-classes-trainable.txt", "", "got 'none'"),
        ("oidv6-classes-trainable.txt", b"\xff", "UTF-8"),
        ("oidv6-class-descriptions.csv", f"{CAT},Cat,domestic\n", "line 1: expected a class and its name, got 3 cells"),
        ("oidv6-class-descriptions.csv", f'{CAT},"Cat\n', "line 1"),
        ("oidv6-class-descriptions.csv", f'{DOG},Dog\n{CAT},"Cat\n{DAISY},Daisy"\n', "line 2: .*a quote"),
        ("oidv7-class-descriptions.csv", "", "expected one version, got oidv6-class-descriptions.csv and oidv7"),
    ],
)
def test_a_file_of_classes_that_is_none_is_refused(folder, name, content, message):
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DataError, match=message):
        read_open_images(folder)


def test_quotes_around_whole_cells_and_blank_lines_are_read_over(folder):
    path = folder / "oidv6-train-annotations-human-imagelabels.csv"
    path.write_text(f'"ImageID","Source","LabelName","Confidence"\n"{A}","verification","{CAT}","1"\n\n')
    assert states_of(read_open_images(folder).labels)[0] == [0, 1, 0, 0]


def test_a_folder_without_images_and_one_that_is_not_there_are_refused(folder):
    for path in folder.rglob("*.jpg"):
        path.unlink()
    with pytest.raises(DataError, match=re.escape(f"{folder}: expected images in train")):
        read_open_images(folder)
    with pytest.raises(DataError, match="expected the folder of Open Images, got none"):
        read_open_images(folder / "nowhere")


def test_another_word_for_the_unverified_is_refused(folder):
    with pytest.raises(DataError, match="expected unverified to be one of negative, unknown, got 'positive'"):
        read_open_images(folder, unverified="positive")
