import pytest

from lopsided.data import DataError, read_table


def test_a_missing_file_is_named_with_one_that_is_there(tmp_path):
    (tmp_path / "pets.csv").touch()
    with pytest.raises(DataError, match=r"pats\.csv: expected a file, got only pets\.csv there"):
        read_table(tmp_path / "pats.csv")


def test_a_missing_folder_is_no_other_error(tmp_path):
    with pytest.raises(DataError, match=r"pets\.csv: expected a file, got none"):
        read_table(tmp_path / "nowhere" / "pets.csv")


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(DataError, match="expected a file"):
        read_table(tmp_path)


def test_another_ending_is_refused(tmp_path):
    (tmp_path / "pets.xlsx").touch()
    with pytest.raises(DataError, match=r"expected a file .csv, .tsv, .parquet, .jsonl, .json or .npz, got '.xlsx'"):
        read_table(tmp_path / "pets.xlsx")


def test_the_ending_may_be_in_upper_case(tmp_path):
    (tmp_path / "PETS.CSV").write_text("a,labels\n1,x\n")
    assert read_table(str(tmp_path / "PETS.CSV")).name == "PETS"
