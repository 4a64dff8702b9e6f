import pytest

from lopsided.data import DataError, DataOptions, read_source
from lopsided.data.readers.radiographs.chexpert import read_chexpert
from tests.data.readers.layout_files import read, touch, write

HEADER = "Path,Sex,Age,Frontal/Lateral,AP/PA,No Finding,Edema,Fracture\n"
A, B = "patient00001/study1/view1_frontal.jpg", "patient00001/study1/view2_lateral.jpg"
C = "patient64541/study1/view1_frontal.jpg"


def table(*rows, start="CheXpert-v1.0-small"):
    return HEADER + "".join(f"{start}/{path},Female,68,{view},AP,{cells}\n" for path, view, cells in rows)


@pytest.fixture
def folder(tmp_path):
    files = {
        "train.csv": table((f"train/{A}", "Frontal", "1.0,,"), (f"train/{B}", "Lateral", ",-1.0,0.0")),
        "valid.csv": table((f"valid/{C}", "Frontal", "0.0,1.0,1.0")),
    }
    return touch(write(tmp_path / "CheXpert-v1.0-small", files), f"train/{A}", f"train/{B}", f"valid/{C}")


def test_blank_is_negative_and_uncertain_is_unknown(folder):
    data = read_chexpert(folder)
    assert read(data) == {
        f"train/{A}": ("train", ["No Finding"]),
        f"train/{B}": ("train", ["Edema?"]),
        f"valid/{C}": ("val", ["Edema", "Fracture"]),
    }
    assert data.labels.names == ("No Finding", "Edema", "Fracture")
    assert data.groups.tolist() == ["patient00001", "patient00001", "patient64541"]


@pytest.mark.parametrize(
    ("uncertain", "labels"),
    [("positive", ["Edema"]), ("negative", []), ("negative,Edema=positive", ["Edema"]), ("unknown,Edema=negative", [])],
)
def test_uncertain_may_count_as_either_for_all_labels_or_for_one(folder, uncertain, labels):
    data = read_source(f"chexpert:{folder}", DataOptions(uncertain=uncertain))
    assert read(data)[f"train/{B}"] == ("train", labels)
    assert data.labels.num_unknown == 0


def test_a_blank_may_be_unknown(folder):
    assert read(read_chexpert(folder, blank="unknown"))[f"train/{A}"] == (
        "train",
        ["No Finding", "Edema?", "Fracture?"],
    )


@pytest.mark.parametrize(("view", "kept"), [("frontal", [f"train/{A}", f"valid/{C}"]), ("lateral", [f"train/{B}"])])
def test_images_of_one_view_may_be_chosen(folder, view, kept):
    data = read_chexpert(folder, view=view)
    assert list(read(data)) == kept
    assert data.notes == (f"{3 - len(kept)} of 3 images are left out (--data.view {view})",)


def test_the_folder_above_will_do_and_a_test_table_has_paths_and_labels_only(folder):
    write(folder, {"test.csv": f"Path,No Finding,Edema,Fracture\ntest/{C},0,1,0\n"})
    touch(folder, f"test/{C}")
    assert read(read_chexpert(folder.parent))[f"test/{C}"] == ("test", ["Edema"])
    assert list(read(read_chexpert(folder.parent, view="frontal"))) == [f"train/{A}", f"valid/{C}", f"test/{C}"]


def test_the_folder_of_the_paths_may_lie_beside_the_tables(folder):
    (folder / "train.csv").rename(folder.parent / "train.csv")
    (folder / "valid.csv").unlink()
    data = read_chexpert(folder.parent)
    assert list(read(data)) == [f"CheXpert-v1.0-small/train/{A}", f"CheXpert-v1.0-small/train/{B}"]
    assert data.notes == ()


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            {"train.csv": table((A, "Frontal", "2.0,,"))},
            "train.csv, line 2: column 'No Finding': expected 0, 1 or, where unknow",
        ),
        (
            {"train.csv": table(("a.jpg", "Frontal", ",,"))},
            "line 2: expected a path such as train/patient00001/study1/",
        ),
        ({"train.csv": table((A, "Frontal", ",,"), (A, "Frontal", ",,"))}, "line 3: expected each image once, got"),
        ({"train.csv": table((f"../{A}", "Frontal", ",,"))}, "line 2: expected a path that stays in its folder, got"),
        ({"train.csv": table((A, "Frontal", ",,"), start="")}, "line 2: expected a path that stays in its folder, got"),
        (
            {"valid.csv": f"Path,Edema\n{C},0\n"},
            "valid.csv, line 1: expected the labels of the other tables in their o",
        ),
        (
            {"train.csv": f"path,Edema\n{C},0\n"},
            "train.csv, line 1: expected a column 'Path' (stanfordmlgroup.github.i",
        ),
        ({"train.csv": "Path,Sex\n"}, "train.csv, line 1: expected a column for each label, got none"),
    ],
)
def test_a_cell_that_means_nothing_is_named_with_its_line(folder, files, message):
    write(folder, files)
    with pytest.raises(DataError) as error:
        read_chexpert(folder)
    assert message in str(error.value)


def test_another_view_is_refused_where_views_matter_only(folder):
    write(folder, {"train.csv": table((f"train/{A}", "Oblique", ",,"))})
    assert len(read_chexpert(folder)) == 2
    with pytest.raises(DataError, match=r"line 2: expected Frontal or Lateral, got 'Oblique'; --data.view all"):
        read_chexpert(folder, view="frontal")


def test_a_folder_without_tables_says_which_there_should_be(tmp_path):
    with pytest.raises(DataError, match=r"expected train.csv, valid.csv, test.csv or one of them"):
        read_chexpert(tmp_path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"uncertain": "maybe"}, "data.uncertain to be unknown, positive or negative, or such as"),
        (
            {"uncertain": "negative,Edem=positive"},
            "data.uncertain to name labels of the data, got 'Edem'; did you mean",
        ),
        ({"view": "side"}, "view to be one of all, frontal, lateral, got 'side'"),
    ],
)
def test_a_policy_that_is_none_is_refused(folder, options, message):
    with pytest.raises(DataError, match=message):
        read_source(f"chexpert:{folder}", DataOptions(**options))
