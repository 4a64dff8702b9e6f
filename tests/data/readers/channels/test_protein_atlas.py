import numpy as np
import pytest
from PIL import Image

from lopsided.data import DataError, DataOptions, read_source
from lopsided.data.readers.channels.protein_atlas import read_protein_atlas
from tests.data.readers.layout_files import read, write


def cell(folder, name, **values):
    (folder / "train").mkdir(exist_ok=True)
    for colour, value in {"red": 10, "green": 20, "blue": 30, "yellow": 100, **values}.items():
        Image.fromarray(np.full((4, 4), value, np.uint8)).save(folder / "train" / f"{name}_{colour}.png")


@pytest.fixture
def folder(tmp_path):
    cell(tmp_path, "a-1")
    cell(tmp_path, "b-2", red=240)
    return write(
        tmp_path, {"train.csv": "Id,Target\na-1,16 0\nb-2,25\n", "sample_submission.csv": "Id,Predicted\nc,0\n"}
    )


def test_numbers_are_the_names_of_the_competition(folder):
    data = read_protein_atlas(folder)
    assert read(data) == {
        "train/a-1_{red,green,blue}.png": ("train", ["Cytokinetic bridge", "Nucleoplasm"]),
        "train/b-2_{red,green,blue}.png": ("train", ["Cytosol"]),
    }
    assert data.image(0, size=4).getpixel((0, 0)) == (10, 20, 30)


def test_half_of_the_yellow_light_may_be_added_to_red_and_green(folder):
    data = read_source(f"protein-atlas:{folder}", DataOptions(channels="rgby", validation_share=0))
    assert data.image(0, size=4).getpixel((0, 0)) == (60, 70, 30)
    assert data.image(1, size=4).getpixel((0, 0)) == (255, 70, 30)


def test_the_table_of_2021_has_other_numbers_joined_by_bars(folder):
    write(folder, {"train.csv": "ID,Label\na-1,8|0\nb-2,18\n"})
    assert read_protein_atlas(folder).labels.names == ("Intermediate filaments", "Negative", "Nucleoplasm")


def test_files_may_end_otherwise(folder):
    for path in (folder / "train").iterdir():
        path.rename(path.with_suffix(".tif"))
    assert next(iter(read(read_protein_atlas(folder)))) == "train/a-1_{red,green,blue}.tif"


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("Id,Target\na-1,28\n", "train.csv, line 2: expected numbers of labels below 28 joined by ' ', got '28'"),
        ("Id,Target\na-1,\n", "train.csv, line 2: expected numbers of labels below 28 joined by ' ', got ''"),
        ("ID,Label\na-1,3 4\n", "train.csv, line 2: expected numbers of labels below 19 joined by '|', got '3 4'"),
        ("Id,Target\n,3\n", "train.csv, line 2: expected an Id, got an empty cell"),
        ("Id,Target\na-1,3\na-1,4\n", "train.csv, line 3: expected each image once, got 'train/a-1_{red,green,blue}"),
        ("Id,Targets\na-1,3\n", "train.csv, line 1: expected a column 'Target' (of kaggle.com), got 'Targets' instead"),
        ("Id,Target\nz,3\n", "expected images such as train/z_{red,green,blue}.png, got none of 1"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(folder, table, message):
    write(folder, {"train.csv": table})
    with pytest.raises(DataError) as error:
        read_protein_atlas(folder)
    assert message in str(error.value)
