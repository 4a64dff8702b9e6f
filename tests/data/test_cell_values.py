"""What single cells mean."""

import pytest

from lopsided.data.cell_values import is_missing, one_form, parse_flag, parse_names, parse_number


@pytest.mark.parametrize("cell", ["1", "1.0", "1.00", "01", "+1", "1e0", "10e-1", "1.", "True", " TRUE "])
def test_every_number_equal_to_one_is_a_positive(cell):
    assert parse_flag(cell) is True


@pytest.mark.parametrize("cell", ["0", "0.0", "0.000", "-0", ".0", "0e5", "false"])
def test_every_number_equal_to_zero_is_a_negative(cell):
    assert parse_flag(cell) is False


@pytest.mark.parametrize("cell", ["", " ", "?", "nan", "NaN", "None", "NULL", "NA", "N/A", "<NA>"])
def test_nothing_and_words_for_it_are_unknown(cell):
    assert parse_flag(cell) is None


@pytest.mark.parametrize("cell", ["2", "-1", "0.5", "255", "1,00", "1_0", "yes", "inf", "1 0", "١"])
def test_anything_else_is_no_flag(cell):
    with pytest.raises(ValueError, match="expected 0, 1 or, where unknown, nothing, got"):
        parse_flag(cell)


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("", "an empty cell"),
        ("0,125", "write decimals with a point"),
        ("1_000", "'1_000'"),
        ("NaN", "a word for a missing value"),
        ("red", "'red'"),
        ("1.5.2", "'1.5.2'"),
    ],
)
def test_what_is_no_number_is_named(cell, words):
    with pytest.raises(ValueError, match=words):
        parse_number(cell)


def test_numbers_are_read_with_blanks_around_them():
    assert [parse_number(cell) for cell in (" 1.5", "-.5e1 ", "7")] == [1.5, -5.0, 7.0]


def test_names_have_one_unicode_form_and_no_blanks_around_them():
    assert one_form("\u00a0cafe\u0301\t") == "café"
    assert parse_names("cafe\u0301|café| x") == ["café", "x"]
    assert parse_names("a, b,a", separator=",") == ["a", "b"]


def test_a_word_within_a_name_is_no_missing_value():
    assert not any(map(is_missing, ("banana", "NaNo", "null pointer", "", "-")))
