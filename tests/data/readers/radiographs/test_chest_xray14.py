import pytest

from lopsided.data import DataError, DataOptions, read_source
from lopsided.data.readers.radiographs.chest_xray14 import read_chest_xray14
from tests.data.readers.layout_files import read, touch, write

HEADER = (
    "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
    "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y],\n"
)
TABLE, TRAIN, TEST = "Data_Entry_2017.csv", "train_val_list.txt", "test_list.txt"


def row(image, findings, patient):
    return f"{image},{findings},0,{patient},058Y,M,PA,2682,2749,0.143,0.143,\n"


ROWS = (
    row("1_000.png", "Cardiomegaly", 1)
    + row("1_001.png", "Cardiomegaly|Emphysema", 1)
    + row("2_000.png", "No Finding", 2)
    + row("3_000.png", "Hernia", 3)
)


@pytest.fixture
def folder(tmp_path):
    write(tmp_path, {TABLE: HEADER + ROWS, TRAIN: "1_000.png\n1_001.png\n2_000.png\n", TEST: "3_000.png"})
    return touch(tmp_path, "images_001/images/1_000.png", "images_001/images/1_001.png", "images_002/images/2_000.png",
                 "images_012/images/3_000.png")  # fmt: skip


def test_findings_splits_and_patients_are_those_of_the_authors(folder):
    data = read_chest_xray14(folder)
    assert read(data) == {
        "images_001/images/1_000.png": ("train", ["Cardiomegaly"]),
        "images_001/images/1_001.png": ("train", ["Cardiomegaly", "Emphysema"]),
        "images_002/images/2_000.png": ("train", []),
        "images_012/images/3_000.png": ("test", ["Hernia"]),
    }
    assert data.labels.names == ("Cardiomegaly", "Emphysema", "Hernia")
    assert data.groups.tolist() == ["1", "1", "2", "3"]
    assert data.notes == ()


def test_images_may_lie_in_one_folder_and_the_table_be_that_of_2020(tmp_path):
    write(tmp_path, {"Data_Entry_2017_v2020.csv": HEADER + ROWS})
    touch(tmp_path, *(f"images/{name}.png" for name in ("1_000", "1_001", "2_000")))
    data = read_chest_xray14(tmp_path)
    assert list(read(data))[3] == "images/3_000.png"
    assert set(data.splits.tolist()) == {"train"}
    assert data.notes[0] == "train_val_list.txt and test_list.txt are not there: all images are train"
    assert data.notes[1].startswith("1 of 4 listed images are not there, such as images/3_000.png")


def test_a_finding_of_the_run_that_never_occurs_is_negative(folder):
    data = read_source(
        f"chest-xray14:{folder}",
        DataOptions(validation_share=0),
        label_names=["Hernia", "Mass", "Cardiomegaly", "Emphysema"],
    )
    assert data.labels.num_unknown == 0
    assert data.labels.names == ("Hernia", "Mass", "Cardiomegaly", "Emphysema")


def test_images_of_neither_list_are_left_out_and_counted(folder):
    write(folder, {TRAIN: "1_000.png\n1_001.png\n"})
    data = read_chest_xray14(folder)
    assert len(data) == 3
    assert data.notes == ("1 images are in neither list and are left out",)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({TABLE: HEADER + row("1.png", "Mass|No Finding", 1)}, "csv, line 2: expected No Finding alone, got 'Mass|No"),
        ({TABLE: HEADER + row("1.png", "Mass|", 1)}, "csv, line 2: expected findings joined by '|', or No Finding"),
        ({TABLE: HEADER + row("1.png", "", 1)}, "csv, line 2: expected findings joined by '|', or No Finding, got ''"),
        ({TABLE: HEADER + ROWS + row("1_000.png", "Mass", 1)}, "csv, line 6: expected each image once, got '1_000.png"),
        ({TABLE: HEADER + row("../1.png", "Mass", 1), TRAIN: "../1.png"}, "line 2: expected a path that stays in its "),
        ({TABLE: HEADER + row("1.png", "Mass", "")}, "line 2: expected an Image Index and a Patient ID, got an empty"),
        ({TABLE: HEADER.replace("Finding L", "Finding l") + ROWS}, "expected a column 'Finding Labels' (nihcc.app.box"),
        ({TEST: "3_000.png\n9.png\n"}, "test_list.txt, line 2: expected images of Data_Entry_2017.csv, got '9.png'"),
        ({TEST: "3_000.png\n2_000.png"}, "list.txt, line 2: expected each image in one list, got '2_000.png' in train"),
        ({"Data_Entry_2017_v2020.csv": HEADER}, "expected one file Data_Entry_2017*.csv (nihcc.app.box.com/v/ChestXra"),
    ],
)  # fmt: skip
def test_what_contradicts_itself_is_named_with_its_line(folder, files, message):
    write(folder, files)
    with pytest.raises(DataError) as error:
        read_chest_xray14(folder)
    assert message in str(error.value)


def test_one_list_without_the_other_is_refused(folder):
    (folder / TEST).unlink()
    with pytest.raises(DataError, match=r"expected test_list.txt beside train_val_list.txt .*, got none"):
        read_chest_xray14(folder)


def test_a_folder_without_images_says_what_was_looked_for(tmp_path):
    write(tmp_path, {TABLE: HEADER + ROWS})
    with pytest.raises(DataError, match=r"expected images such as images/1_000.png, got none of 4"):
        read_chest_xray14(tmp_path)
