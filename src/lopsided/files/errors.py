"""The errors of this package: data that cannot be used as it is."""

import difflib
from collections.abc import Callable, Iterable
from pathlib import Path


class DataError(ValueError):
    """Data or a description of data that cannot be used; one line that says what was expected and what came.

    Args:
        message: What was expected and what came.
        path: File it is about, if there is one.
        line: Line in that file, from 1.

    Example:
        >>> print(DataError("expected a number, got 'red'", path="cars.csv", line=3))
        cars.csv, line 3: expected a number, got 'red'
    """

    def __init__(self, message: str, *, path: str | Path | None = None, line: int | None = None) -> None:
        where = "" if path is None else f"{path}: " if line is None else f"{path}, line {line}: "
        # The whole sentence is the only argument, so that the error survives the way back from a worker process.
        super().__init__(where + message)


class RowError(ValueError):
    """A row that cannot be used; the reader of its file says in which line it stands.

    Args:
        row: Number of the row, from 0.
        message: What was expected and what came.

    Example:
        >>> print(RowError(3, "expected the name of a split, got an empty cell"))
        row 3 (from 0): expected the name of a split, got an empty cell
    """

    def __init__(self, row: int, message: str) -> None:
        super().__init__(f"row {row} (from 0): {message}")
        self.row, self.message = row, message


def quoted(text: object) -> str:
    """What came, as an error shows it: its ``repr``, on one line, of at most 40 characters.

    >>> quoted("a" * 50)
    "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa..."
    """
    # Only the start goes through repr, which would otherwise copy a field of many megabytes.
    try:
        shown = repr(text[:60] if isinstance(text, str) else text)
    except RecursionError:  # lists in lists, as deep as a parser would just take
        shown = f"a deep {type(text).__name__}"
    return shown if len(shown) <= 42 else shown[:39] + "..."


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is most like a wrong one, capitals aside; none where none is like it.

    >>> nearest("Labls", ["label", "labels"]), nearest("xyz", ["label"])
    ('labels', None)
    """
    spellings = {one.casefold(): one for one in known}
    near = difflib.get_close_matches(name.casefold(), spellings, n=1, cutoff=0.5)
    return spellings[near[0]] if near else None


def did_you_mean(name: str, known: Iterable[str], show: Callable[[str], str] = str) -> str:
    """A hint to stand at the end of an error about a wrong name; empty where no known name is like it.

    Args:
        name: The wrong name.
        known: The names that would do.
        show: How the hint writes its name: as it is, or :func:`quoted`, for names that come from files.

    >>> did_you_mean("asymetric", ["focal", "asymmetric"]), did_you_mean("no finding", ["No Finding"], quoted)
    ('; did you mean asymmetric?', "; did you mean 'No Finding'?")
    """
    near = nearest(name, known)
    return "" if near is None else f"; did you mean {show(near)}?"


def counted(number: int, noun: str) -> str:
    """A number of things.

    >>> counted(1, "sample"), counted(1500, "label")
    ('1 sample', '1,500 labels')
    """
    return f"{number:,} {noun}{'s' * (number != 1)}"
