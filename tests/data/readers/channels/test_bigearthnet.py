import numpy as np
import pytest
from PIL import Image

from lopsided.data import DataError
from lopsided.data.readers.channels.bigearthnet import read_bigearthnet
from tests.data.readers.layout_files import read, write

A, B, C = (f"S2A_MSIL2A_20170613T101031_{i}_45" for i in range(3))


def patch(folder, name, labels):
    about = {"labels": labels, "projection": "PROJCS[...]", "tile_source": "S2A.SAFE", "acquisition_date": "2017-06-13"}
    write(folder, {f"{name}/{name}_labels_metadata.json": {**about, "coordinates": {"ulx": 300000, "uly": 4}}})
    for band, value in (("B02", 0), ("B03", 1000), ("B04", 6000), ("B08", 9)):
        Image.fromarray(np.full((4, 4), value, np.uint16)).save(folder / name / f"{name}_{band}.tif")


@pytest.fixture
def folder(tmp_path):
    patch(tmp_path, A, ["Pastures", "Sea and ocean"])
    patch(tmp_path, B, ["Pastures"])
    patch(tmp_path, C, [])
    return tmp_path


def test_a_patch_is_a_picture_of_its_three_bands(folder):
    data = read_bigearthnet(folder)
    bands = "_{B04,B03,B02;2000}.tif"
    assert read(data) == {
        f"{A}/{A}{bands}": ("train", ["Pastures", "Sea and ocean"]),
        f"{B}/{B}{bands}": ("train", ["Pastures"]),
        f"{C}/{C}{bands}": ("train", []),
    }
    assert data.image(0, size=4).getpixel((0, 0)) == (255, 128, 0)


def test_lists_of_the_authors_are_the_splits_and_the_rest_is_left_out(folder):
    write(folder, {"train.csv": f"{A}\n", "test.csv": f"{B}\n"})
    data = read_bigearthnet(folder)
    assert data.splits.tolist() == ["train", "test"]
    assert data.notes == ("1 of 3 patches are in no list and are left out",)


def test_a_patch_without_a_band_is_counted(folder):
    (folder / A / f"{A}_B03.tif").unlink()
    assert read_bigearthnet(folder).notes[0].startswith(f"1 of 3 listed images are not there, such as {A}/{A}_{{B04,")


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            {f"{A}/{A}_labels_metadata.json": {"labels": "Pastures"}},
            'expected an object with "labels", a list of names',
        ),
        ({f"{A}/{A}_labels_metadata.json": "{"}, "_labels_metadata.json, line 1: expected JSON, got"),
        ({"train.csv": f"{A}\nS9\n"}, "train.csv, line 2: expected a patch that is there, got 'S9'"),
        ({"train.csv": f"{A}\n", "val.csv": f"{A}\n"}, "val.csv, line 1: expected each patch once, got"),
    ],
)
def test_what_is_wrong_is_named_with_its_file(folder, files, message):
    write(folder, files)
    with pytest.raises(DataError) as error:
        read_bigearthnet(folder)
    assert message in str(error.value)


def test_a_folder_without_patches_says_what_was_looked_for(tmp_path):
    with pytest.raises(DataError, match=r"expected folders of patches with PATCH/PATCH_labels_metadata.json"):
        read_bigearthnet(tmp_path)
