import pytest

from lopsided.data import DataError
from lopsided.files.csv_columns import cells_of, open_columns


def test_cells_come_in_the_order_wanted_with_their_lines(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text('a,b,c\n1, 2 ,3\n\n4,"5\n5",6\n7,8,9\n')
    assert list(cells_of(open_columns(path, ["c", "b"], origin="of nobody"), ["c", "b"])) == [
        (2, ["3", "2"]),
        (4, ["6", "5\n5"]),
        (6, ["9", "8"]),
    ]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ("Paths,Sex", "line 1: expected a column 'Path' (of nobody), got 'Paths' instead"),
        ("x,y", "line 1: expected a column 'Path' (of nobody), got 'x, y'"),
        ("Path,Path", "expected the column 'Path' once, got it 2 times"),
    ],
)
def test_a_column_that_is_missing_or_there_twice_is_refused(tmp_path, names, message):
    path = tmp_path / "x.csv"
    path.write_text(f"{names}\n1,2\n")
    with pytest.raises(DataError) as error:
        open_columns(path, ["Path"], origin="of nobody")
    assert message in str(error.value)
