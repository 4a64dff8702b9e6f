"""Some columns of a CSV file whose names its publisher fixed."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from lopsided.files.csv_file import CsvFile, read_csv_file
from lopsided.files.errors import DataError, nearest, quoted


def open_columns(path: Path, wanted: Sequence[str], *, origin: str) -> CsvFile:
    """Open a CSV file that must have some columns, each once.

    Args:
        path: The file.
        wanted: Their names, in any order; others may be there too.
        origin: Where the file comes from, for errors, such as ``as the NIH publishes it``.

    Raises:
        DataError: A column is missing or is there twice; the message names the nearest that is there.
    """
    file = read_csv_file(path)
    for name in wanted:
        if (count := file.names.count(name)) > 1:
            raise DataError(f"expected the column {quoted(name)} once, got it {count} times", path=path)
        if not count:
            near = nearest(name, file.names)
            came = f"{quoted(near)} instead" if near else quoted(", ".join(file.names))
            raise DataError(f"expected a column {quoted(name)} ({origin}), got {came}", path=path, line=file.first_line)
    return file


def cells_of(file: CsvFile, names: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """The line of each row, from 1, and its cells in these columns, without blanks around them."""
    places = [file.names.index(name) for name in names]
    for line, cells in file.rows():
        yield line, [cells[i].strip() for i in places]
