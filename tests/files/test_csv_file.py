"""Text files of cells: encodings, separators, ends of lines and broken rows."""

import codecs
from pathlib import Path

import pytest

from lopsided.files.csv_file import read_csv_file, read_csv_rows
from lopsided.files.errors import DataError

ROWS = "a,b,split\n1,-2.5,train\n3,4,test\n"
WANTED = [["1", "-2.5", "train"], ["3", "4", "test"]]


def _read(folder: Path, content: str | bytes, *, name: str = "t.csv", separator: str = ",") -> tuple[list, list, list]:
    """Names, numbers of lines and cells."""
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    file = read_csv_file(path, separator=separator)
    rows = list(file.rows())
    return list(file.names), [line for line, _ in rows], [cells for _, cells in rows]


@pytest.mark.parametrize(
    "content",
    [
        ROWS.encode(),
        codecs.BOM_UTF8 + ROWS.encode(),
        ROWS.encode("utf-16"),
        codecs.BOM_UTF16_BE + ROWS.encode("utf-16-be"),
        ROWS.encode("utf-16-le"),
        ROWS.encode("utf-16-be"),
        ROWS.encode("utf-32"),
        ROWS.replace("\n", "\r\n").encode(),
        ROWS.replace("\n", "\r").encode(),
        ROWS.removesuffix("\n").encode(),
        b"sep=,\n" + ROWS.encode(),
        b'"sep=;"\r\n' + ROWS.replace(",", ";").encode(),
        b"\n \n" + ROWS.encode(),
        ROWS.replace("\n", "\n\n").encode(),
        ROWS.replace("\n", ",\n").encode(),
        ROWS.replace("\n", ",,\n").encode(),
        ROWS.replace(",", ", ").encode(),
        ROWS.replace(",", ";").encode(),
        ROWS.replace(",", "\t").encode(),
        ROWS.replace("split", '"split"')
        .replace(",t", ', "t')
        .replace("in\n", 'in"\n')
        .replace("st\n", 'st"\n')
        .encode(),
    ],
)
def test_the_same_cells_come_from_every_way_to_write_them(tmp_path, content):
    names, _, cells = _read(tmp_path, content)
    assert names == ["a", "b", "split"]
    assert cells == WANTED


def test_tabs_separate_and_commas_are_text_where_tabs_are_asked_for(tmp_path):
    assert _read(tmp_path, "a\tb\n1,5\t2\n", separator="\t")[2] == [["1,5", "2"]]


def test_a_separator_that_stands_among_others_in_the_names_is_not_guessed(tmp_path):
    assert _read(tmp_path, "a;b,c\n1,2\n")[0] == ["a;b", "c"]
    assert _read(tmp_path, "a;b\tc\n1\n")[0] == ["a;b\tc"]


def test_lines_are_counted_as_an_editor_counts_them(tmp_path):
    assert _read(tmp_path, "sep=,\n\na,b\n")[0] == ["a", "b"]
    assert _read(tmp_path, '\nsep=,\na,b\n1,"x\ny"\n\n2,z\n')[1] == [4, 7]


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        ("a,b\n1,2\n3\n", 3, "expected 2 cells, got 1"),
        ("a,b\n\n1,2,3\n", 3, "expected 2 cells, got 3"),
        ("a,b,\n1,2,\n3,4,5\n", 3, "nameless columns at the end, got '5'"),
        ("a,b\r\n1,\x00\r\n", 2, "NUL byte"),
        ("a,b\n1,2\n3,é\n".encode("latin-1"), 3, "UTF-8, got the byte 0xE9"),
        ("sep=;\na;b\n1;é\n".encode("latin-1"), 3, "UTF-8, got the byte 0xE9"),
        (",,\n1,2,3\n", 1, "column names, got only separators"),
    ],
)
def test_what_is_no_row_is_refused_with_its_line(tmp_path, content, line, words):
    with pytest.raises(DataError, match=words) as error:
        _read(tmp_path, content)
    assert f"t.csv, line {line}: " in str(error.value)


@pytest.mark.parametrize("content", ["", "\n\n", "sep=,\n"])
def test_a_file_without_column_names_is_refused(tmp_path, content):
    with pytest.raises(DataError, match="line of column names, got none"):
        _read(tmp_path, content)


def test_bytes_that_belie_the_mark_of_their_encoding_are_refused(tmp_path):
    with pytest.raises(DataError, match="UTF-16, as its first bytes say"):
        _read(tmp_path, codecs.BOM_UTF16_LE + b"a,b\x00\xd8\n\n")


def test_a_cell_longer_than_the_limit_is_refused_with_its_line(tmp_path):
    with pytest.raises(DataError, match=r"line 2: expected cells of at most 131072 characters"):
        _read(tmp_path, f"a,b\n1,{'x' * 140_000}\n")


def test_rows_can_be_read_without_column_names(tmp_path):
    (tmp_path / "c.csv").write_text('\ufeff/m/1,Cat\n\n/m/2,"Dog, big"\n', encoding="utf-8")
    assert list(read_csv_rows(tmp_path / "c.csv")) == [(1, ["/m/1", "Cat"]), (3, ["/m/2", "Dog, big"])]
