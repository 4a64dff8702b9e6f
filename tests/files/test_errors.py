import pickle

from lopsided.data import DataError
from lopsided.files.errors import quoted


def test_an_error_names_file_and_line_on_one_line():
    assert (
        str(DataError("expected 2 cells, got 3", path="pets.csv", line=7))
        == "pets.csv, line 7: expected 2 cells, got 3"
    )
    assert str(DataError("expected a row, got none", path="pets.csv")) == "pets.csv: expected a row, got none"


def test_an_error_survives_the_way_back_from_a_worker():
    error = DataError("expected 2 cells, got 3", path="pets.csv", line=7)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_what_came_is_quoted_on_one_short_line():
    assert quoted("a\nb") == r"'a\nb'"
    assert len(quoted("x" * 10_000_000)) <= 42


def test_lists_in_lists_are_quoted_however_deep_they_are():
    deep = []
    for _ in range(100_000):
        deep = [deep]
    assert quoted(deep) == "a deep list"
