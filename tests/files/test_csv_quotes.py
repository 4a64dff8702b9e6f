"""Stray quotes in text files of cells: no row is swallowed, and what is well formed is read."""

import pytest

from lopsided.files.csv_file import read_csv_file
from lopsided.files.csv_quotes import opening_quote
from lopsided.files.errors import DataError

ROWS = ["0.jpg,sun,plain", "1.jpg,sea|sun,word", "2.jpg,tree,more words", "3.jpg,,x", "4.jpg,sea,y", "5.jpg,sun,z"]


def _rows(folder, rows: list[str], *, separator: str = ",") -> list[list[str]]:
    path = folder / "t.csv"
    path.write_text("\n".join(["path,labels,caption", *rows, ""]).replace(",", separator))
    return [cells for _, cells in read_csv_file(path, separator=separator).rows()]


def _with(changes: dict[int, str]) -> list[str]:
    return [changes.get(row, text) for row, text in enumerate(ROWS)]


@pytest.mark.parametrize("separator", [",", "\t", ";"])
@pytest.mark.parametrize(
    "changes",
    [
        {1: '1.jpg,sea|sun,"open'},
        {1: '1.jpg,"sea|sun,open'},
        {1: '1.jpg,sea|sun,"open', 3: '3.jpg,,"other'},
        {1: '1.jpg,sea|sun,"open', 3: '3.jpg,,say "so" again'},
        {1: '1.jpg,sea|sun,"open', 2: '2.jpg,tree,5"'},
        {1: '1.jpg,sea|sun,"open', 4: '4.jpg,sea,5"'},
        {1: '1.jpg,sea|sun,"', 4: '4.jpg,sea,"'},
        {1: '1.jpg,sea|sun,"open', 4: '4.jpg,sea",y'},
        {1: '1.jpg,"sea|sun,open', 4: '4.jpg,sea",y'},
        {1: '"1.jpg,sea|sun,open', 4: '4.jpg",sea,y'},
        {1: '1.jpg,sea|sun,"so"open'},
    ],
)
def test_a_stray_quote_swallows_no_row_but_its_line_is_named(tmp_path, changes, separator):
    with pytest.raises(DataError, match="quote") as error:
        _rows(tmp_path, _with(changes), separator=separator)
    assert "t.csv, line 3: " in str(error.value)


@pytest.mark.parametrize(
    ("written", "cell"),
    [
        ('"a sign, ""OPEN"""', 'a sign, "OPEN"'),
        ('"line one\nline two"', "line one\nline two"),
        ('"one, two\nthree, four, five\nsix, seven"', "one, two\nthree, four, five\nsix, seven"),
        ('"words\nred, green, blue\nmore"', "words\nred, green, blue\nmore"),
        ('"\n\n"', "\n\n"),
        ('""', ""),
        ('5" pipe', '5" pipe'),
        ('say "so"', 'say "so"'),
    ],
)
@pytest.mark.parametrize("row", [0, 2, 5])
def test_quotes_that_are_well_formed_stay_readable(tmp_path, written, cell, row):
    read = _rows(tmp_path, _with({row: f"{row}.jpg,sun,{written}"}))
    assert len(read) == len(ROWS)
    assert read[row] == [f"{row}.jpg", "sun", cell]


def test_a_first_column_of_several_lines_is_no_row_of_its_own(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('caption,path\n"one\ntwo",0.jpg\nthree,1.jpg\n"four, five\nsix",2.jpg\n')
    assert [cells for _, cells in read_csv_file(path).rows()] == [
        ["one\ntwo", "0.jpg"],
        ["three", "1.jpg"],
        ["four, five\nsix", "2.jpg"],
    ]


def test_text_of_several_lines_in_every_row_is_read(tmp_path):
    read = _rows(tmp_path, [f'{row}.jpg,x,"one\n two, three, four\nfive"' for row in range(3)])
    assert [cells[2] for cells in read] == ["one\n two, three, four\nfive"] * 3


def test_an_open_quote_before_rows_of_numbers_is_named(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('a,b,note\n1,2,"x\n3,4,y\n5,6,z"\n7,8,w\n')
    with pytest.raises(DataError, match=r"line 2: expected quotes around text, got .* line 3, '3,4,y'"):
        list(read_csv_file(path).rows())


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('path,labels,"caption\n0.jpg,sun,"\n1.jpg,sea,word\n', 1),
        ('path,labels,"caption\n0.jpg,sun,word"\n', 1),
        ('"path,x",labels,"caption\n0.jpg,sun"\n1.jpg,sea,word\n', 1),
        ('path,"labels,caption\n0.jpg,sun,a\n1.jpg,sea",word\n2.jpg,sea,b\n', 1),
        ('path,"a\nb","caption\n0.jpg,sun,a\n1.jpg,sea,"\n2.jpg,sea,b\n', 2),
        ('path,"labels\n0.jpg,sun\n1.jpg,sea"\n', 1),
    ],
)
def test_a_stray_quote_in_the_column_names_swallows_no_row_below_them(tmp_path, text, line):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(DataError, match=rf"line {line}: expected quotes around .* what looks like rows"):
        list(read_csv_file(tmp_path / "t.csv").rows())


def test_column_names_of_several_lines_stay_readable(tmp_path):
    (tmp_path / "t.csv").write_text('"weight\n(kg, dry)",label:a,split,"note\n(free)"\n1,0,train,x\n')
    read = read_csv_file(tmp_path / "t.csv")
    assert read.names == ("weight\n(kg, dry)", "label:a", "split", "note\n(free)")
    assert [line for line, _ in read.rows()] == [4]


def test_the_last_opening_quote_is_found_whatever_stands_before_it():
    assert opening_quote('a,"b,""c",d"e\nf,  "g', ",") == (1, '"g')
    assert opening_quote('a,"b"c,"d', ",") == (0, '"b"c,"d')
    assert opening_quote('a,b"c"\n', ",") is None
