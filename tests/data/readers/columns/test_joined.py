"""Cells whose names are joined by another separator than the one that splits them."""

from collections import Counter
from itertools import combinations

import pytest

from lopsided.data.readers.columns.joined import can_be_joined, check_joined

CELLS = [["sun"], ["house", "sun", "tree"], ["house"], ["boat", "sea"], ["tree"], ["sea", "sun"], ["boat"]]


def _check(cells, separator=None):
    check_joined(Counter(filter(None, cells)), column="tags", separator=separator)


@pytest.mark.parametrize("separator", [",", ", ", ";", "; ", " ", "\t", "/", " / "])
def test_another_separator_is_seen_and_the_option_named(separator):
    sign = separator.strip(" ") or " "
    with pytest.raises(ValueError, match="column 'tags', got .*house.*sun.*tree") as error:
        _check([separator.join(names) for names in CELLS])
    assert f"say --data.separator {sign!r}" in str(error.value)
    _check([separator.join(names) for names in CELLS], separator=sign)


@pytest.mark.parametrize("separator", [":", "+", "&", " & ", "-", "_", "."])
def test_a_sign_that_names_hold_joins_them_where_its_parts_are_whole_cells(separator):
    with pytest.raises(ValueError, match="column 'tags', got .*house.*sun.*tree") as error:
        _check([separator.join(names) for names in [*CELLS[:5], ["sea"], ["sea", "sun"], ["boat"]]])
    assert f"say --data.separator {separator.strip()!r}" in str(error.value)


@pytest.mark.parametrize("separator", [":", "+", "&", "-", "_", ".", "#", "\\"])
def test_a_sign_joins_names_where_few_parts_make_many_cells_none_of_them_single(separator):
    cells = [separator.join(some) for count in (2, 3, 4) for some in combinations("abcde", count)]
    with pytest.raises(ValueError, match="column 'tags', got 'a.{1,2}b.{1,2}c.{1,2}d', joined by"):
        _check(cells)
    _check(cells, separator="|")


@pytest.mark.parametrize(
    "cells",
    [
        [f"{a}-{b}-{c}" for a in "abc" for b in "abc" for c in "abc"],
        ["animal:dog:poodle", "animal:dog", "animal:cat", "animal:cat:persian", "plant:tree:oak:red"],
        ["animal:dog", "animal:cat", "plant:dog", "animal"],
        ["north-east", "north-west", "south-east", "south-west", "north"],
        ["c++", "c", "f#", "go"],
        ["light_blue", "light_red", "dark_red", "red", "blue"],
        ["1.5", "2.5", "1", "2"],
    ],
)
def test_names_with_a_sign_whose_parts_are_no_cells_stay_whole(cells):
    _check(cells)


@pytest.mark.parametrize(
    "form", [str, lambda names: str(names).replace("'", '"'), lambda names: str(tuple(names)), set]
)
def test_lists_written_as_text_are_seen(form):
    with pytest.raises(ValueError, match="a list written as text"):
        _check([str(form(names)) for names in CELLS])
    with pytest.raises(ValueError, match="a list written as text"):
        _check([str(form(names)) for names in CELLS], separator=",")
    _check([str(form(names)) for names in CELLS], separator="|")


@pytest.mark.parametrize(
    "cells",
    [
        ["traffic light|car", "hot dog", "hot dog|traffic light", "stop sign|car"],
        ["red car|blue car", "red bus|blue bus", "red bus", "blue car|red car"],
        ["rock, paper|sun", "sun|sea", "rock, paper", "sea"],
        ["sun", "sea", "hot dog", "tree"],
        ["sun", "sea", "rock, paper", "tree", "rock"],
        ["a/b test|sun", "sun|sea"],
        ["sea,", "sea", "sun", "tree"],
        ["sun", "sea|sun", ""],
        [],
    ],
)
def test_names_that_hold_a_separator_stay_whole_where_bars_join(cells):
    _check(cells)


def test_names_that_all_hold_a_blank_take_a_word_of_the_user():
    with pytest.raises(ValueError, match=r"or, if these are names, --data.separator '\|'"):
        _check(["hot dog", "traffic light", "hot dog"])
    _check(["hot dog", "traffic light", "hot dog"], separator="|")


def test_names_can_be_joined_where_no_reader_takes_them_for_others():
    assert can_be_joined(["blue sky", "rock, paper", "nano"])
    for name in ("|_|", ":|", " x", "x ", "nan", "<NA>"):
        assert not can_be_joined(["sea", name])
