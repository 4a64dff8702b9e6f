"""Text files of cells, such as CSV and TSV: how they are decoded, told apart and doubted where a quote is open."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from lopsided.files.csv_quotes import check_breaks, check_names, opening_quote, traits_of_columns
from lopsided.files.errors import DataError, quoted
from lopsided.files.regular import read_bytes

_SEPARATOR_LINE = re.compile(rb'"?sep=([,;\t|])"?\n', re.IGNORECASE)  # as Excel writes it before the column names
_SEPARATORS = (",", ";", "\t", "|")
_MARKS = (  # what a file begins with that is not in UTF-8; that of UTF-32 first, because it begins like UTF-16
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)


@dataclass(frozen=True)
class CsvFile:
    """A file whose first line names its columns.

    Args:
        path: The file.
        names: Of the columns, without blanks around them; nameless ones at the end, which hold nothing, are left out.
        separator: What stands between two cells.
        content: The file in UTF-8, with ``\\n`` at the end of each line, from the column names on.
        first_line: Number of the line of the column names, from 1.
    """

    path: Path
    names: tuple[str, ...]
    separator: str
    content: bytes
    first_line: int

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Every row below the column names: the number of its line, from 1, and as many cells as there are names.

        Raises:
            DataError: A row has another number of cells, or a quote is open; the message names the line.
        """
        records = _records(self.path, self.content, self.separator, self.first_line, has_names=True)
        _, header = next(records)
        for line, cells in records:
            if len(cells) != len(header):
                came = f"expected {len(header)} cells, got {len(cells)}"
                raise DataError(came + _quote_hint(cells), path=self.path, line=line)
            for _ in range(len(header) - len(self.names)):
                if (cell := cells.pop()).strip():
                    wrong = f"expected no cell below the nameless columns at the end, got {quoted(cell)}"
                    raise DataError(wrong, path=self.path, line=line)
            yield line, cells


def read_csv_file(path: Path, *, separator: str = ",") -> CsvFile:
    """Open a file of cells: UTF-8 or UTF-16, any ends of lines, with or without Excel's line ``sep=``.

    Args:
        path: The file.
        separator: What stands between two cells, unless a line ``sep=`` says another, or the line of the column names
            has none of it but semicolons, tabs, commas or bars.

    Raises:
        DataError: It cannot be read, is no text, or names no columns; the message names the line.
    """
    content, first_line, said = _decoded(path)
    separator = said or _separator_of(content, separator)
    header = next(_records(path, content, separator, first_line, has_names=True), None)
    if header is None:
        raise DataError("expected a first line of column names, got none", path=path)
    names = [name.strip() for name in header[1]]
    while names and not names[-1]:
        names.pop()
    if not names:
        raise DataError("expected a first line of column names, got only separators", path=path, line=header[0])
    return CsvFile(path, tuple(names), separator, content, first_line)


def read_csv_rows(path: Path, *, separator: str = ",") -> Iterator[tuple[int, list[str]]]:
    """Every row of a file of cells that need not name its columns, decoded as by :func:`read_csv_file`: the number of
    its line, from 1, and its cells. Blank lines are left out.

    Raises:
        DataError: It cannot be read, is no text, or a quote is open; the message names the line.
    """
    content, first_line, said = _decoded(path)
    yield from _records(path, content, said or separator, first_line, has_names=False)


def csv_text(rows: Iterable[Sequence[str]]) -> str:
    """Rows of cells as a CSV file that is read back as it was.

    >>> csv_text([["path", "label"], [" a.jpg", "a, b"]]).splitlines()
    ['"path","label"', '" a.jpg","a, b"']
    """
    rows = list(rows)
    # Blanks before a cell count only in quotes.
    quoting = csv.QUOTE_ALL if any(cell[:1] == " " for row in rows for cell in row) else csv.QUOTE_MINIMAL
    text = io.StringIO()
    csv.writer(text, lineterminator="\n", quoting=quoting).writerows(rows)
    return text.getvalue()


def _decoded(path: Path) -> tuple[bytes, int, str | None]:
    """The content from the first line that is not blank on, that line's number, and the separator that it states."""
    content = _in_utf8(read_bytes(path), path)
    if b"\r" in content:
        content = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if (place := content.find(b"\0")) >= 0:
        line = content.count(b"\n", 0, place) + 1
        raise DataError("expected text, got a NUL byte; save the file as UTF-8", path=path, line=line)
    blank = re.match(rb"\s*\n", content)  # as many blank lines as there are
    content, skipped = (content[blank.end() :], blank.group().count(b"\n")) if blank else (content, 0)
    if said := _SEPARATOR_LINE.match(content):
        return content[said.end() :], skipped + 2, said[1].decode()
    return content, skipped + 1, None


def _in_utf8(raw: bytes, path: Path) -> bytes:
    kind = next((kind for mark, kind in _MARKS if raw.startswith(mark)), None)
    if kind is None and len(start := raw[:64]) > 3:  # without a mark, Latin letters in UTF-16 are every other byte
        even, odd = start[::2], start[1::2]
        kind = "utf-16-le" if not any(odd) and all(even) else "utf-16-be" if not any(even) and all(odd) else None
    if kind is None:
        return raw.removeprefix(b"\xef\xbb\xbf")
    try:
        return raw.decode(kind).encode()
    except (UnicodeDecodeError, UnicodeEncodeError):
        raise DataError(
            f"expected text in {kind.upper()}, as its first bytes say, got other bytes", path=path
        ) from None


def _separator_of(content: bytes, separator: str) -> str:
    header = content[: content.find(b"\n") % (len(content) + 1)].decode(errors="replace")
    others = [other for other in _SEPARATORS if other in header]
    return others[0] if separator not in header and len(others) == 1 else separator


def _records(
    path: Path, content: bytes, separator: str, first_line: int, *, has_names: bool
) -> Iterator[tuple[int, list[str]]]:
    """Rows, each with the number of its first line; blank ones are left out."""
    before = first_line - 1  # lines above the content
    lines: list[str] = []  # of the row that is being read
    text = io.TextIOWrapper(io.BytesIO(content), encoding="utf-8", newline="\n")
    has_quotes = b'"' in content
    reader = csv.reader(
        _noted(text, lines) if has_quotes else text, delimiter=separator, strict=True, skipinitialspace=True
    )
    traits_of = cache(lambda width: traits_of_columns(content, separator, width))
    end = 0
    try:
        for cells in reader:
            start, end = end + 1, reader.line_num
            if end > start:
                if has_names and start == 1:
                    check_names(cells, separator, path=path, line=before + start)
                check_breaks(cells, lines, separator, traits_of, path=path, line=before + start)
            lines.clear()
            if len(cells) > 1 or (cells and cells[0].strip()):
                yield before + start, cells
    except csv.Error as error:
        raise _broken(error, lines, separator, path, before + end + 1) from None
    except UnicodeDecodeError:
        _refuse_bytes(content, path, before)


def _noted(text: Iterable[str], lines: list[str]) -> Iterator[str]:
    for line in text:
        lines.append(line)
        yield line


def _broken(error: csv.Error, lines: list[str], separator: str, path: Path, line: int) -> DataError:
    opening = opening_quote("".join(lines), separator)
    if opening is None:
        return DataError(
            f"expected cells of at most {csv.field_size_limit()} characters, got {error}", path=path, line=line
        )
    where, shown = opening
    ends = (
        "no end of it" if "expected after" not in str(error) else f"text behind its end in line {line + len(lines) - 1}"
    )
    hint = f'a quote within a cell is written "", and a cell that begins with one ends with one: {quoted(shown)}'
    return DataError(f"expected a quote that closes, got {ends} ({hint})", path=path, line=line + where)


def _refuse_bytes(content: bytes, path: Path, before: int) -> None:
    for number, line in enumerate(io.BytesIO(content), before + 1):
        try:
            line.decode()
        except UnicodeDecodeError as error:
            came = f"the byte 0x{line[error.start]:02X}"
            raise DataError(
                f"expected text in UTF-8, got {came}; save the file as UTF-8", path=path, line=number
            ) from None


def _quote_hint(cells: list[str]) -> str:
    broken = next((cell for cell in cells if "\n" in cell), None)
    return "" if broken is None else f"; is a quote open at {quoted(broken)}?"
