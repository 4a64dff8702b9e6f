"""The columns or arrays of a file of scores."""
# pyright: reportAttributeAccessIssue=false
# (PyArrow makes the functions of pyarrow.compute while it is imported, where pyright does not see them.)

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lopsided.data.cell_values import one_form
from lopsided.data.labels import Labels
from lopsided.data.readers.columns.file import DELIMITERS, line_of_row, read_parquet_file, text_table
from lopsided.data.readers.columns.labels import labels_of_columns, listing_splits, text_column
from lopsided.data.readers.columns.roles import LABEL_PREFIX, Roles
from lopsided.data.readers.table.npz import read_arrays, splits_of_array
from lopsided.data.readers.table.npz_labels import has_labels, labels_of_arrays
from lopsided.files.csv_file import read_csv_file
from lopsided.files.errors import DataError, RowError, did_you_mean, quoted
from lopsided.inference.own_scores.pieces import Pieces, pieces_of_npz, pieces_of_parquet

if TYPE_CHECKING:
    import pyarrow as pa

IDS = ("id", "path", "row")
"""Columns that say which sample a row is about; the last two are those of predictions."""

PREFIXES = ("score:", "p:")
"""Before the name of a label in a column of scores; the second is that of predictions, which are probabilities."""

_OTHERS = ("split", "fold", "unknown", "scores")
_ARRAYS = ("scores", "label_names", "ids", "split", "fold", "labels", "mask")


@dataclass(frozen=True, eq=False)
class Columns:
    """What a file of scores holds.

    Args:
        names: Of the labels.
        scores: Floating point, shape (rows, labels); nan where nothing stands. Too many to hold: in pieces.
        ids: Text of each row, or None.
        splits: Text of each row, or None.
        folds: Text of each row, or None.
        truth: What is true, or None where the file does not say it.
        are_predictions: Whether ``lopsided predict`` wrote it, whose scores are probabilities.
    """

    names: tuple[str, ...]
    scores: np.ndarray | Pieces
    ids: np.ndarray | None
    splits: np.ndarray | None
    folds: np.ndarray | None
    truth: Labels | None
    are_predictions: bool = False


def read_columns(path: Path) -> Columns:
    """Read a file of scores: CSV, TSV, Parquet or NPZ.

    Raises:
        DataError: It is no such file; the message says where and what was expected.
    """
    suffix = path.suffix.lower()
    try:
        if suffix == ".npz":
            if (pieces := pieces_of_npz(path)) is not None:
                return _of_arrays({**read_arrays(path, besides=["scores"]), "scores": pieces})
            return _of_arrays(read_arrays(path))
        if suffix == ".parquet":
            pieces = pieces_of_parquet(path, _is_score, _scores_in)
            wanted = bool if pieces is None else lambda name: not _is_score(name)
            return _of_table(read_parquet_file(path, wanted=wanted), pieces)
        if suffix in DELIMITERS:
            file = read_csv_file(path, separator=DELIMITERS[suffix])
            return _of_table(text_table(file, range(len(file.names))))
    except DataError:
        raise
    except RowError as error:
        line = line_of_row(path, error.row)
        raise DataError(error.message if line else str(error), path=path, line=line) from None
    except ValueError as error:
        raise DataError(str(error), path=path) from None
    raise DataError(f"expected scores in .csv, .tsv, .parquet or .npz, got {quoted(path.name)}", path=path)


def _is_score(name: str) -> bool:
    return name == "scores" or name.startswith(PREFIXES)


def _way(names: Sequence[str]) -> str:
    """How columns of these names hold scores: one of PREFIXES, or ``scores``."""
    used = [prefix for prefix in PREFIXES if any(name.startswith(prefix) for name in names)]
    used += ["scores"] * ("scores" in names)
    if len(used) != 1:
        came = " and ".join(used) if used else quoted(", ".join(names))
        raise ValueError(
            f"expected scores in columns 'score:LABEL', in 'p:LABEL' or in one of lists 'scores', got {came}"
        )
    return used[0]


def _scores_in(content: pa.Table) -> np.ndarray:
    """Scores of all rows, shape (rows, labels)."""
    names = content.column_names
    if (way := _way(names)) == "scores":
        return _lists(content.column("scores"))
    return np.stack([_numbers(content, name) for name in names if name.startswith(way)], axis=1)


def _of_table(content: pa.Table, pieces: Pieces | None = None) -> Columns:
    names = content.column_names
    if not content.num_rows:
        raise ValueError("expected rows of scores, got none")
    way = _way(names)
    predictions = way == "p:"
    _check_names(names, predictions=predictions)
    flags = {one_form(name[len(LABEL_PREFIX) :]): i for i, name in enumerate(names) if name.startswith(LABEL_PREFIX)}
    truth = None
    if flags and not predictions:  # of predictions, these are decided labels
        unknown = names.index("unknown") if "unknown" in names else None
        truth, _ = labels_of_columns(content, Roles(flags, (), None, unknown, None))
    scores = _scores_in(content) if pieces is None else pieces
    if way == "scores":
        labels = truth.names if truth else ()
        if scores.shape[1] != len(labels):
            raise ValueError(
                f"expected as many columns {LABEL_PREFIX}NAME as there are numbers in a row of 'scores' "
                f"({scores.shape[1]}), by which these are named, got {len(labels)}"
            )
    else:
        labels = tuple(one_form(name[len(way) :]) for name in names if name.startswith(way))
    ids = [name for name in IDS if name in names]
    if len(ids) > 1:
        raise ValueError(f"expected one column that names samples, of {', '.join(IDS)}, got {' and '.join(ids)}")
    return Columns(
        names=labels,
        scores=scores,
        ids=_texts(content, ids[0]) if ids else None,
        splits=listing_splits(content, names.index("split")) if "split" in names else None,
        folds=_texts(content, "fold") if "fold" in names else None,
        truth=truth,
        are_predictions=predictions,
    )


def _check_names(names: Sequence[str], *, predictions: bool) -> None:
    known = (*IDS, *_OTHERS, *(("labels",) if predictions else ()))
    for name in names:
        if not (name in known or name.startswith((*PREFIXES, LABEL_PREFIX))):
            hint = did_you_mean(name, known)
            raise ValueError(
                f"expected columns {', '.join(known)}, score:LABEL and label:LABEL, got {quoted(name)}{hint}"
            )
    if twice := next((name for i, name in enumerate(names) if name in names[:i]), None):
        raise ValueError(f"expected distinct column names, got {quoted(twice)} twice")


def _texts(content: pa.Table, name: str) -> np.ndarray:
    return np.array(text_column(content, content.column_names.index(name)).to_pylist(), dtype=object)


def _numbers(content: pa.Table, name: str) -> np.ndarray:
    """A column as numbers of the precision that it has; nan where a cell is empty."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.types as types

    column = content.column(name)
    if types.is_large_string(column.type) or types.is_string(column.type):
        texts = pc.utf8_trim_whitespace(column.combine_chunks())
        try:
            column = pc.if_else(pc.equal(texts, ""), None, texts).cast(pa.float64())
        except pa.ArrowInvalid:
            for row, cell in enumerate(texts.to_pylist()):
                _check_number(cell, row, name)
            raise
    elif not (types.is_floating(column.type) or types.is_integer(column.type)):
        raise ValueError(f"expected column {quoted(name)} to hold numbers, got {column.type}")
    wide = column.type if types.is_floating(column.type) else pa.float64()
    return np.asarray(column.cast(wide).to_numpy(zero_copy_only=False))


def _check_number(cell: str, row: int, name: str) -> None:
    try:
        float(cell or "nan")
    except ValueError:
        raise RowError(row, f"expected a number in column {quoted(name)}, got {quoted(cell)}") from None


def _lists(column: Any) -> np.ndarray:
    import pyarrow.compute as pc
    import pyarrow.types as types

    if not (types.is_list(column.type) or types.is_large_list(column.type) or types.is_fixed_size_list(column.type)):
        raise ValueError(f"expected column 'scores' to hold lists of numbers, got {column.type}")
    lengths = np.asarray(pc.call_function("list_value_length", [column]).to_numpy(zero_copy_only=False), float)
    if (lengths != lengths[0]).any():
        row = int(np.argmax(lengths != lengths[0]))
        raise RowError(row, f"expected {lengths[0]:g} scores as in the rows before, got {lengths[row]:g}")
    values = np.asarray(pc.call_function("list_flatten", [column]).to_numpy(zero_copy_only=False))
    if values.dtype.kind not in "fiu":
        raise ValueError(f"expected column 'scores' to hold lists of numbers, got {column.type}")
    return values.reshape(len(column), int(lengths[0]))


def _of_arrays(arrays: dict[str, Any]) -> Columns:
    for name in arrays:
        if name not in _ARRAYS and not name.endswith(("_indptr", "_indices")):
            hint = did_you_mean(name, _ARRAYS)
            raise ValueError(f"expected only the arrays {', '.join(_ARRAYS)}, got {quoted(name)}{hint}")
    if "scores" not in arrays or "label_names" not in arrays:
        raise ValueError(f"expected arrays 'scores' and 'label_names', got {', '.join(arrays) or 'no array'}")
    scores, names = arrays["scores"], tuple(one_form(str(name)) for name in arrays["label_names"].ravel())
    if scores.dtype.kind not in "fiu" or len(scores.shape) != 2 or scores.shape[1] != len(names) or not len(scores):
        raise ValueError(
            f"expected scores to be numbers of shape (samples, {len(names)}), by label_names, got {scores.dtype} of "
            f"shape {scores.shape}"
        )
    texts: dict[str, np.ndarray | None] = {}
    for name in ("ids", "fold"):
        found = arrays.get(name)
        if found is not None and (found.dtype.kind not in "Uiu" or found.shape != (len(scores),)):
            raise ValueError(f"expected {name} to be texts or whole numbers, shape ({len(scores)},), got {found.dtype}")
        texts[name] = None if found is None else found.astype(str).astype(object)
    splits = splits_of_array(arrays["split"]) if "split" in arrays else None
    truth = labels_of_arrays(arrays, samples=len(scores)) if has_labels(arrays) else None
    for what, values in (("split", splits), ("labels", truth)):
        if values is not None and len(values) != len(scores):
            raise ValueError(f"expected {what} to be as many as the scores ({len(scores)}), got {len(values)}")
    return Columns(names, scores, texts["ids"], splits, texts["fold"], truth)
