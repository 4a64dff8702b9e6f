import glob
import re
from pathlib import Path

import numpy as np
import pytest

from lopsided.data import DataError
from tests.data.readers.for_run import read_nus_wide

LISTS = {
    "ConceptsList/Concepts81.txt": "airport\nsky\nzebra\n",
    "ImageList/TrainImagelist.txt": "actor\\0001_21.jpg\r\nactor\\0002_17.jpg\r\nzoo\\0001_99.jpg\r\n",
    "ImageList/TestImagelist.txt": "actor\\0003_44.jpg\nzoo\\0002_98.jpg\n",
    "Groundtruth/TrainTestLabels/Labels_airport_Train.txt": "0\n0\n1\n",
    "Groundtruth/TrainTestLabels/Labels_airport_Test.txt": "0\n0\n",
    "Groundtruth/TrainTestLabels/Labels_sky_Train.txt": "1\r\n0\r\n1\r\n",
    "Groundtruth/TrainTestLabels/Labels_sky_Test.txt": "0 \n1 \n",
    "Groundtruth/TrainTestLabels/Labels_zebra_Train.txt": "0\n0\n0\n",
    "Groundtruth/TrainTestLabels/Labels_zebra_Test.txt": "0\n1",
}
IMAGES = ("actor/0001_21.jpg", "actor/0002_17.jpg", "zoo/0001_99.jpg", "actor/0003_44.jpg", "zoo/0002_98.jpg")


def write(folder, files):
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())


@pytest.fixture
def folder(tmp_path):
    write(tmp_path, LISTS | {f"Flickr/{image}": "" for image in IMAGES})
    return tmp_path


def test_images_labels_and_splits_are_those_of_the_lists(folder):
    manifest = read_nus_wide(folder)
    assert manifest.name == "nus-wide"
    assert manifest.paths.tolist() == [f"Flickr/{image}" for image in IMAGES]
    assert manifest.splits.tolist() == ["train", "train", "train", "test", "test"]
    assert manifest.labels.names == ("airport", "sky", "zebra")
    assert manifest.labels.positives.toarray().astype(int).tolist() == [
        [0, 1, 0],
        [0, 0, 0],
        [1, 1, 0],
        [0, 0, 0],
        [0, 1, 1],
    ]
    assert manifest.labels.num_unknown == 0


def test_annotated_images_are_those_with_a_concept(folder):
    manifest = read_nus_wide(folder, partition="annotated")
    assert manifest.paths.tolist() == [f"Flickr/{IMAGES[row]}" for row in (0, 2, 4)]
    assert manifest.splits.tolist() == ["train", "train", "test"]
    assert (np.diff(manifest.labels.positives.indptr) > 0).all()


def test_lists_may_lie_in_one_folder_and_be_called_in_upper_case(tmp_path):
    lists = {name.rpartition("/")[2].upper(): content for name, content in LISTS.items()}
    write(tmp_path, lists | {f"FLICKR/{image}": "" for image in IMAGES})
    assert read_nus_wide(tmp_path).paths.tolist() == [f"FLICKR/{image}" for image in IMAGES]


def test_a_file_that_is_called_like_the_folder_of_images_is_passed_over(folder, monkeypatch):
    (folder / "FLICKR").write_text("where the images come from")
    monkeypatch.setattr(Path, "iterdir", lambda self: sorted(map(Path, glob.glob(f"{self}/*")), key=Path.is_file))
    assert read_nus_wide(folder).paths.tolist() == [f"Flickr/{image}" for image in IMAGES]


@pytest.mark.parametrize("start", ["images/", ""])
@pytest.mark.parametrize("flat", [True, False])
def test_images_may_lie_elsewhere_and_without_folders(tmp_path, start, flat):
    wanted = [start + (image.rpartition("/")[2] if flat else image) for image in IMAGES]
    write(tmp_path, LISTS | dict.fromkeys(wanted, ""))
    assert read_nus_wide(tmp_path).paths.tolist() == wanted


def test_absolute_paths_of_another_machine_count_from_their_last_folder_on(folder):
    write(
        folder, {"ImageList/TestImagelist.txt": "C:\\ImageData\\Flickr\\actor\\0003_44.jpg\n..\\zoo\\..\\0002_98.jpg\n"}
    )
    assert read_nus_wide(folder).paths.tolist()[3:] == ["Flickr/actor/0003_44.jpg", "Flickr/0002_98.jpg"]


def test_images_that_are_gone_stay_unless_all_are(folder):
    for image in IMAGES[1:]:
        (folder / "Flickr" / image).unlink()
    assert len(read_nus_wide(folder)) == 5
    (folder / "Flickr" / IMAGES[0]).unlink()
    with pytest.raises(DataError, match=r"expected images such as Flickr/actor/0001_21\.jpg .* got none of the 5"):
        read_nus_wide(folder)


def test_a_run_gets_its_labels_in_its_order(folder):
    labels = read_nus_wide(folder, partition="annotated", label_names=["zebra", "yak", "sky", "airport"]).labels
    targets, mask = labels.dense([2])
    assert targets.astype(int).tolist() == [[1, 0, 1, 0]]
    assert mask.astype(int).tolist() == [[1, 0, 1, 1]]


@pytest.mark.parametrize("missing", list(LISTS))
def test_a_missing_list_is_named_with_the_place_it_comes_from(folder, missing):
    (folder / missing).unlink()
    with pytest.raises(
        DataError, match=rf"expected {missing.rpartition('/')[2]} .* got none: it comes from lms\.comp\.nus"
    ):
        read_nus_wide(folder)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("Groundtruth/TrainTestLabels/Labels_sky_Train.txt", "1\n0\n", "expected 3 lines, as many as Train.*, got 2"),
        ("Groundtruth/TrainTestLabels/Labels_sky_Test.txt", "1\n0\n0\n", "expected 2 lines, as many as Test.*, got 3"),
        ("Groundtruth/TrainTestLabels/Labels_sky_Test.txt", "1\n2\n", "expected 0 or 1 on each line, got '2'"),
        (
            "Groundtruth/TrainTestLabels/Labels_sky_Test.txt",
            "10\n\n",
            r"line 1: expected 0 or 1 on each line, got '10'",
        ),
        (
            "Groundtruth/TrainTestLabels/Labels_sky_Train.txt",
            "1\n\n0\n",
            "line 2: expected 0 or 1 on each line, got ''",
        ),
        ("Groundtruth/TrainTestLabels/Labels_sky_Test.txt", "1 0\n", "line 1: expected 0 or 1 on each line, got '1 0'"),
        ("ImageList/TestImagelist.txt", "actor\\0001_21.jpg\nzoo\\2.jpg", "each image once, .* in train and in test"),
        ("ImageList/TestImagelist.txt", "\n", "expected lines of text, got none"),
        ("ConceptsList/Concepts81.txt", "", "expected lines of text, got none"),
        ("ConceptsList/Concepts81.txt", b"sky\xff\n", "expected text in UTF-8"),
        ("ConceptsList/Concepts81.txt", "sky\nsky\n", "distinct, got 'sky' twice"),
    ],
)
def test_a_list_that_is_none_is_refused(folder, name, content, message):
    write(folder, {name: content})
    with pytest.raises(DataError, match=message):
        read_nus_wide(folder)


def test_a_folder_that_is_not_there_and_another_partition_are_refused(folder):
    with pytest.raises(DataError, match=re.escape(f"{folder / 'no'}: expected the folder of NUS-WIDE")):
        read_nus_wide(folder / "no")
    with pytest.raises(DataError, match="expected partition to be one of official, annotated, got 'lite'"):
        read_nus_wide(folder, partition="lite")


def test_a_name_that_no_file_can_have_is_refused(folder):
    write(folder, {"ImageList/TrainImagelist.txt": "actor\\a.jpg\nactor\\\0.jpg\nzoo\\c.jpg\n"})
    with pytest.raises(DataError, match=r"TrainImagelist.txt: expected the path of a file, got 'actor/\\x00.jpg'"):
        read_nus_wide(folder)


def test_a_list_that_leads_upwards_stays_in_its_folder(folder):
    lists = "..\\..\\actor\\0001_21.jpg\n/etc/passwd\n..\\..\n"
    write(folder, {"ImageList/TrainImagelist.txt": lists.replace("..\\..\n", "zoo\\0001_99.jpg\n")})
    assert read_nus_wide(folder).paths.tolist()[:3] == [
        f"Flickr/{IMAGES[0]}",
        "Flickr/etc/passwd",
        f"Flickr/{IMAGES[2]}",
    ]
