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

from lopsided.data.readers.columns.file import (
    DELIMITERS,
    SUFFIXES,
    line_of_row,
    read_parquet_file,
    text_columns,
)
from lopsided.data.readers.columns.labels import labels_of_columns, listing_splits, text_column
from lopsided.data.readers.text.objects import objects_of, table_of
from lopsided.data.readers.text.roles import TextRoles, text_roles
from lopsided.data.texts.texts import Texts
from lopsided.files.csv_file import read_csv_file
from lopsided.files.errors import DataError, RowError, quoted

if TYPE_CHECKING:
    import pyarrow as pa

_LONGEST = 2**28  # characters of a cell of CSV, which Python's reader takes 131,072 of
_LIMIT = threading.Lock()  # the limit is one for the whole process


def read_text(
    file: str | Path,
    *,
    label_names: Sequence[str] | None = None,
    separator: str | None = None,
    text_columns: str | None = None,
) -> Texts:
    """Read texts and their labels.

    A column ``text`` (or ``sentence``, ``document``, ``content``, ``body``, …) holds the texts, any of which may be
    empty; ``labels`` (or ``tags``), names joined by ``|`` or a list, or 0/1 columns ``label:NAME``, empty or ``?``
    where unknown; optional ``split`` (train, val, test; without it all is train), ``unknown`` (names of labels),
    ``group`` (what must stay in one split) and ``id`` (what a sample is called). Others do not matter.

    Args:
        file: CSV, TSV, Parquet, JSON lines (``.jsonl``, ``.ndjson``) or JSON with one list of objects (``.json``).
        label_names: Names of labels; the file may say nothing of them, or never name some in ``labels``.
        separator: What joins the names in a cell of ``labels`` and ``unknown``; None for a bar.
        text_columns: Columns that make the text, joined by commas, such as ``title,body``; each begins a line.

    Raises:
        DataError: The file is missing or damaged, a text is missing, or columns are ambiguous; with file and line.
    """
    file = Path(file)
    if not file.is_file():
        raise DataError("expected a file of texts, got nothing of that name", path=file)
    try:
        with _long_cells():
            return _read(file, label_names, separator, text_columns)
    except RowError as error:
        with _long_cells():
            line = line_of_row(file, error.row)
        raise DataError(str(error) if line is None else error.message, path=file, line=line) from None
    except DataError:
        raise
    except ValueError as error:
        raise DataError(str(error), path=file) from None
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", path=file) from error


def _read(file: Path, label_names: Sequence[str] | None, separator: str | None, said: str | None) -> Texts:
    content, roles = _columns(file, said, needs_labels=label_names is None)
    if not content.num_rows:
        raise ValueError("expected rows, got none")
    texts = _joined([_strings(content, i) for i in roles.texts])
    labels, notes = labels_of_columns(content, roles.others, label_names=label_names, separator=separator)
    splits = listing_splits(content, roles.others.split)
    ids = None if roles.id is None else _ids(_strings(content, roles.id))
    groups = None if roles.group is None else _groups(_strings(content, roles.group))
    if empty := int(np.count_nonzero(np.strings.str_len(np.strings.strip(texts)) == 0)):
        notes = (*notes, f"{empty} of {len(texts)} texts are empty")
    return Texts(file.stem, texts, labels, splits, notes=notes, groups=groups, ids=ids)


def _columns(file: Path, said: str | None, *, needs_labels: bool) -> tuple["pa.Table", TextRoles]:
    import pyarrow as pa

    match file.suffix.lower():
        case ".csv" | ".tsv" as suffix:
            cells = read_csv_file(file, separator=DELIMITERS[suffix])
            roles = text_roles(cells.names, text_columns=said, needs_labels=needs_labels)
            read, count = text_columns(cells.rows(), _places(roles))
            columns = [read.get(i, pa.nulls(count)) for i in range(len(cells.names))]
            return pa.table(columns, names=list(cells.names)), roles
        case ".parquet":
            import pyarrow.parquet as pq

            try:
                names = pq.read_schema(file).names
            except (pa.ArrowException, OSError, ValueError) as error:
                raise DataError(f"expected Parquet, got {quoted(str(error))}", path=file) from None
            roles = text_roles(names, text_columns=said, needs_labels=needs_labels)
            content = read_parquet_file(file, wanted={names[i] for i in _places(roles)}.__contains__)
            for i in roles.texts:
                if missing := content.column(i).null_count:
                    row = int(np.argmax(content.column(i).is_null().to_numpy()))
                    raise RowError(row, f"expected a text in {quoted(names[i])}, got none ({missing} are missing)")
            return content, roles
        case ".jsonl" | ".ndjson" | ".json":
            found = list(objects_of(file))
            names = list(dict.fromkeys(name for _, members in found for name in members))
            roles = text_roles(names, text_columns=said, needs_labels=needs_labels)
            return table_of(file, found, names, roles), roles
        case suffix:
            raise DataError(f"expected a file of texts, {', '.join(SUFFIXES)}, got {quoted(suffix)}", path=file)


def _places(roles: TextRoles) -> list[int]:
    others = roles.others
    single = (roles.id, roles.group, others.labels, others.unknown, others.split)
    return sorted({*roles.texts, *others.label_columns.values(), *(i for i in single if i is not None)})


def _strings(content: "pa.Table", i: int) -> np.ndarray:
    column = text_column(content, i)
    return np.array(column.to_pylist(), dtype=np.dtypes.StringDType())


def _joined(columns: list[np.ndarray]) -> np.ndarray:
    first, *others = columns
    for other in others:
        first = np.strings.add(np.strings.add(first, "\n"), other)
    return first


def _ids(ids: np.ndarray) -> np.ndarray:
    for row, name in enumerate(ids.tolist()):
        if not name:
            raise RowError(row, "expected an id for each text, got an empty one")
    (name, count), *_ = Counter(ids.tolist()).most_common(1)
    if count > 1:
        row = [k for k, other in enumerate(ids.tolist()) if other == name][1]
        raise RowError(row, f"expected distinct ids, got {quoted(name)} {count} times")
    return ids


def _groups(groups: np.ndarray) -> np.ndarray:
    """Groups as they stand; a sample without one is a group of its own."""
    return np.array([name or f"\0row {row}" for row, name in enumerate(groups.tolist())])


@contextmanager
def _long_cells() -> Iterator[None]:
    """Let cells of CSV be long; the reader's limit is one for the whole process."""
    with _LIMIT:
        before = csv.field_size_limit(_LONGEST)
        try:
            yield
        finally:
            csv.field_size_limit(before)
