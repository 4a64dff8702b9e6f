"""Texts with their labels, in one file."""
# pyright: reportAttributeAccessIssue=false
# (PyArrow makes the functions of pyarrow.compute while it is imported, where pyright does not see them.)

import csv
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lopsided.data.labels import NO_TEXT
from lopsided.data.readers.columns.file import (
    DELIMITERS,
    SUFFIXES,
    line_of_row,
    names_in_parquet,
    read_parquet_file,
    text_table,
)
from lopsided.data.readers.columns.json_lines import names_in_json, read_json
from lopsided.data.readers.columns.labels import (
    groups_of_columns,
    labels_of_columns,
    listing_splits,
    text_column,
    weights_of_columns,
)
from lopsided.data.readers.columns.meaning import Meaning
from lopsided.data.readers.columns.roles import Said
from lopsided.data.readers.text.roles import TextRoles, text_roles
from lopsided.data.texts.texts import Texts
from lopsided.files.csv_file import read_csv_file
from lopsided.files.errors import DataError, RowError, quoted

if TYPE_CHECKING:
    import pyarrow as pa

_LONGEST = 2**28  # characters of a cell of CSV, of which Python's reader takes 131,072
_LIMIT = threading.Lock()  # the limit is one for the whole process


def read_text(
    file: str | Path,
    *,
    label_names: Sequence[str] | None = None,
    text_columns: str | None = None,
    separator: str | None = None,
    no_label: str | None = None,
    blank: str | None = None,
    uncertain: str | None = None,
    labels_column: str | None = None,
    label_columns: str | None = None,
    split_column: str | None = None,
    group_column: str | None = None,
    weight_column: str | None = None,
    ignored_columns: str | None = None,
) -> Texts:
    """Read texts and their labels.

    A column ``text`` (or ``sentence``, ``document``, ``content``, ``body``, …) holds the texts, any of which may be
    empty; ``id``, if it is there, what each is called. Labels, splits, groups and ``unknown`` are recognised as in
    listings. Other columns do not matter.

    Args:
        file: CSV, TSV, Parquet, JSON lines (``.jsonl``, ``.ndjson``) or JSON with one list of objects (``.json``).
        label_names: Names of labels; the file may say nothing of them, or never name some in ``labels``.
        text_columns: Columns that make the text, joined by commas, such as ``title,body``; each begins a line.
        separator, no_label, blank, uncertain: How cells of labels are read, see
            :class:`lopsided.data.readers.columns.meaning.Meaning`.
        labels_column, label_columns, split_column, group_column, weight_column, ignored_columns: Which columns these
            are, see :class:`lopsided.data.readers.columns.roles.Said`.

    Raises:
        DataError: The file is missing or damaged, a text is missing, or columns are ambiguous; with file and line.
    """
    file = Path(file)
    if not file.is_file():
        raise DataError("expected a file of texts, got nothing of that name", path=file)
    said = Said(None, labels_column, label_columns, split_column, group_column, ignored_columns, weight_column)
    meaning = Meaning(separator, no_label, blank, uncertain)
    with _long_cells():
        try:
            return _read(file, said, text_columns, meaning, label_names)
        except RowError as error:
            line = line_of_row(file, error.row)
            raise DataError(str(error) if line is None else error.message, path=file, line=line) from None
        except DataError:
            raise
        except ValueError as error:
            raise DataError(str(error), path=file) from None
        except OSError as error:
            raise DataError(f"cannot be read: {error.strerror}", path=file) from error


def _read(
    file: Path, said: Said, text_columns: str | None, meaning: Meaning, label_names: Sequence[str] | None
) -> Texts:
    content, roles = _columns(file, said, text_columns, meaning, needs_labels=label_names is None)
    names, others = content.column_names, roles.others
    if not content.num_rows:
        raise ValueError("expected rows, got none")
    texts = _joined([_texts(content, i) for i in roles.texts])
    for i in (others.labels, others.unknown):
        if i is not None:
            _check_lines(content, i)
    labels, notes = labels_of_columns(content, others, label_names=label_names, meaning=meaning)
    if empty := sum(not str(text).strip() for text in texts):
        notes = (*notes, f"{empty} of {len(texts)} texts are empty")
    return Texts(
        file.stem,
        texts,
        labels,
        listing_splits(content, others.split, folds=others.folds),
        notes=notes,
        groups=groups_of_columns(content, others.group),
        weights=weights_of_columns(content, others.weight),
        columns=roles.named(names) | meaning.described(),
        ids=None if roles.id is None else _ids(_strings(content, roles.id)),
    )


def _columns(
    file: Path, said: Said, text_columns: str | None, meaning: Meaning, *, needs_labels: bool
) -> tuple["pa.Table", TextRoles]:
    def roles_of(names: Sequence[str]) -> TextRoles:
        return text_roles(names, said, text_columns=text_columns, needs_labels=needs_labels)

    match file.suffix.lower():
        case ".csv" | ".tsv" as suffix:
            cells = read_csv_file(file, separator=DELIMITERS[suffix])
            roles = roles_of(cells.names)
            return text_table(cells, list(roles.kinds())), roles
        case ".parquet":
            names = names_in_parquet(file)
            roles = roles_of(names)
            return read_parquet_file(file, wanted={names[i] for i in roles.kinds()}.__contains__), roles
        case ".jsonl" | ".ndjson" | ".json":
            names = names_in_json(file)
            roles = roles_of(names)
            return read_json(file, names, roles.kinds(), separator=meaning.separator), roles
        case suffix:
            raise DataError(f"expected a file of texts, {', '.join(SUFFIXES)}, got {quoted(suffix)}", path=file)


def _texts(content: "pa.Table", i: int) -> np.ndarray:
    column = content.column(i)
    if column.null_count:
        row = int(np.argmax(column.is_null().to_numpy()))
        raise RowError(row, f"expected a text in {quoted(content.column_names[i])}, got none")
    return _strings(content, i)


def _strings(content: "pa.Table", i: int) -> np.ndarray:
    return np.array(text_column(content, i).to_pylist(), dtype=np.dtypes.StringDType())


def _joined(columns: list[np.ndarray]) -> np.ndarray:
    first, *others = columns
    for other in others:
        first = np.strings.add(np.strings.add(first, "\n"), other)
    return first


def _check_lines(content: "pa.Table", i: int) -> None:
    """Refuse names of more than one line, where they stand."""
    for row, cell in enumerate(content.column(i).to_pylist()):
        for name in cell if isinstance(cell, list) else [cell]:
            if isinstance(name, str) and NO_TEXT.search(name.strip()):
                wrong = "expected a label name to be one line of text without control characters"
                raise RowError(row, f"{wrong}, got {quoted(name)}")


def _ids(ids: np.ndarray) -> np.ndarray:
    names = ids.tolist()
    (name, count), *_ = Counter(names).most_common(1)
    if count > 1:
        second = [row for row, other in enumerate(names) if other == name][1]
        raise RowError(second, f"expected distinct ids, got {quoted(name)} {count} times")
    if "" in names:
        raise RowError(names.index(""), "expected an id for each text, got an empty one")
    return ids


@contextmanager
def _long_cells() -> Iterator[None]:
    """Let cells of CSV be long."""
    with _LIMIT:
        before = csv.field_size_limit(_LONGEST)
        try:
            yield
        finally:
            csv.field_size_limit(before)
