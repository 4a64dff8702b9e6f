"""Labels and splits in the cells of columns."""
# pyright: reportAttributeAccessIssue=false
# (PyArrow makes the functions of pyarrow.compute while it is imported, where pyright does not see them.)

import ast
import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csc_array, csr_array

from lopsided.data.cell_values import MISSING, one_form, parse_names, parse_split_cell, parse_weight
from lopsided.data.labels import Labels
from lopsided.data.readers.columns.joined import check_joined
from lopsided.data.readers.columns.meaning import Flag, Meaning
from lopsided.data.readers.columns.roles import LABEL_PREFIX, Roles
from lopsided.data.readers.run_labels import unlabelled
from lopsided.files.errors import RowError, did_you_mean, quoted

if TYPE_CHECKING:
    import pyarrow as pa

_NEGATIVE, _POSITIVE, _UNKNOWN = 0, 1, 2


@dataclass(frozen=True, eq=False)
class _Names:
    """Names in the cells of a column, the row of each (int64), and notes on what was not read literally."""

    rows: np.ndarray
    texts: "pa.LargeStringArray"
    notes: tuple[str, ...] = ()


def labels_of_columns(
    content: "pa.Table", roles: Roles, *, label_names: Sequence[str] | None = None, meaning: Meaning | None = None
) -> tuple[Labels, tuple[str, ...]]:
    """Read the labels of a listing or a table.

    Args:
        content: The columns.
        roles: The role of each.
        label_names: Names of labels. Where a column ``labels`` lists names, those that never occur are negative.
        meaning: How the cells are read.

    Returns:
        The labels; and notes on what was not read literally, a line each.

    Raises:
        ValueError: No label occurs, or a cell means nothing.
    """
    meaning = meaning or Meaning()
    unknown = _names_in(content, roles.unknown, label_names, meaning.separator)
    if roles.label_columns:
        if meaning.no_label is not None:
            raise ValueError(
                f"expected no data.no_label with 0/1 columns of labels, got {meaning.no_label!r}: leave its column out"
            )
        return _labels_of_flags(content, roles, unknown, meaning), unknown.notes
    if meaning.uncertain is not None:
        raise ValueError(
            f"expected no data.uncertain with a column of names, got {meaning.uncertain!r}: it is for 0/1 columns"
        )
    found = [_names_in(content, roles.labels, label_names, meaning.separator), unknown]
    notes = tuple(note for each in found for note in each.notes)
    without_any = np.zeros(content.num_rows, bool)
    if meaning.no_label is not None:
        found[0], without_any = _without_no_label(found[0], one_form(meaning.no_label), content.num_rows)
    came = sorted({name for each in found for name in each.texts.unique().to_pylist()})
    names = list(dict.fromkeys([*(label_names or ()), *came]))
    if not names:
        raise ValueError("expected at least one label, got only empty cells")
    if roles.labels is None:
        return unlabelled(names, samples=content.num_rows), notes
    columns = [_positions(each.texts, names) for each in found]
    positives, without = (
        csr_array((np.ones(len(each.rows), dtype=bool), (each.rows, where)), shape=(content.num_rows, len(names)))
        for each, where in zip(found, columns, strict=True)
    )
    both = positives.multiply(without).nonzero()
    if len(both[0]):
        raise RowError(
            int(both[0][0]), f"expected a label to be positive or unknown, got both for {quoted(names[both[1][0]])}"
        )
    labels = Labels(tuple(names), positives, without if without.nnz else None)
    if meaning.blank == "unknown":
        blank = ~without_any
        blank[found[0].rows] = False
        labels = labels.without(np.flatnonzero(blank))
    elif meaning.blank not in (None, "negative"):
        raise ValueError(f"expected data.blank to be unknown or negative for a column of names, got {meaning.blank!r}")
    return labels, notes


def _without_no_label(found: _Names, no_label: str, num_rows: int) -> tuple[_Names, np.ndarray]:
    """The names but for the one that means none, and in which rows that one stands."""
    import pyarrow as pa
    import pyarrow.compute as pc

    is_none = pc.equal(found.texts, no_label).to_numpy(zero_copy_only=False)
    if not is_none.any():
        hint = did_you_mean(no_label, found.texts.unique().to_pylist(), quoted)
        raise ValueError(f"expected the name {quoted(no_label)} of data.no_label in some cell, got none{hint}")
    rows = np.zeros(num_rows, bool)
    rows[found.rows[is_none]] = True
    beside = rows[found.rows] & ~is_none
    if beside.any():
        k = int(np.argmax(beside))
        raise RowError(
            int(found.rows[k]),
            f"expected {quoted(no_label)} alone, which means no label, got {quoted(found.texts[k].as_py())} beside it",
        )
    return _Names(found.rows[~is_none], found.texts.filter(pa.array(~is_none)), found.notes), rows


def groups_of_columns(content: "pa.Table", i: int | None) -> np.ndarray | None:
    """Group of each row, StringDType, shape (rows,); None without a column of groups.

    Raises:
        RowError: A cell is empty.
    """
    if i is None:
        return None
    import pyarrow.compute as pc

    texts = pc.utf8_trim_whitespace(text_column(content, i))
    empty = pc.equal(texts, "").to_numpy(zero_copy_only=False)
    if empty.any():
        raise RowError(int(np.argmax(empty)), "expected a group for each sample, got an empty cell")
    return np.array(texts.to_pylist(), dtype=np.dtypes.StringDType())


def weights_of_columns(content: "pa.Table", i: int | None) -> np.ndarray | None:
    """Weight of each row, float32, shape (rows,); None without a column of weights.

    Raises:
        RowError: A cell is empty, or no number of at least 0.
    """
    if i is None:
        return None
    import pyarrow.types as types

    column = content.column(i)
    if types.is_integer(column.type) or types.is_floating(column.type):
        cells = ["" if cell is None else repr(cell) for cell in column.to_pylist()]
    else:
        cells = text_column(content, i).to_pylist()
    weights = np.empty(len(cells))
    for row, cell in enumerate(cells):
        try:
            weights[row] = parse_weight(cell)
        except ValueError as error:
            raise RowError(row, f"{error} in {quoted(content.column_names[i])}") from None
    return weights.astype(np.float32)


def listing_splits(content: "pa.Table", i: int | None, *, folds: bool = False) -> np.ndarray:
    """Split of each row.

    Args:
        content: The columns.
        i: Number of the column of splits, from 0; None makes all rows ``train``.
        folds: Whether numbers are those of folds, which are called ``fold0``, ``fold1`` and so on.

    Returns:
        Text, shape (rows,).

    Raises:
        RowError: A cell is empty, or holds a word for a missing value.
    """
    if i is None:
        return np.full(content.num_rows, "train")
    encoded = text_column(content, i).dictionary_encode()
    positions, splits = encoded.indices.to_numpy(), []
    for k, cell in enumerate(encoded.dictionary.to_pylist()):
        try:
            splits.append(f"fold{int(cell)}" if folds and cell.strip().isdecimal() else parse_split_cell(cell))
        except ValueError as error:
            raise RowError(int(np.argmax(positions == k)), str(error)) from None
    return np.array(splits)[positions]


def text_column(content: "pa.Table", i: int) -> "pa.LargeStringArray":
    """One column as text; missing cells become empty.

    Raises:
        ValueError: It holds lists or other values that are no text.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    column = content.column(i)
    try:
        return pc.fill_null(column.cast(pa.large_string()).combine_chunks(), "")
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise ValueError(f"expected column {quoted(content.column_names[i])} to hold text, got {column.type}") from None


def _names_in(content: "pa.Table", i: int | None, label_names: Sequence[str] | None, separator: str | None) -> _Names:
    """Names in the cells of a column; an element of a list is one name, even with bars in it."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.types as types

    if i is None:
        return _Names(np.zeros(0, np.int64), pa.array([], pa.large_string()))
    kind, notes = content.column(i).type, ()
    is_list = types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)
    if is_list and (types.is_null(kind.value_type) or kind.value_type in (pa.string(), pa.large_string())):
        lists = content.column(i).cast(pa.large_list(pa.large_string())).combine_chunks()
    elif types.is_null(kind) or types.is_dictionary(kind) or kind in (pa.string(), pa.large_string()):
        cells, notes = _without_missing(text_column(content, i), content.column_names[i])
        if separator is None and (written := _written_lists(cells)) is not None:
            note = f"the column {quoted(content.column_names[i])} holds lists written as text: read as lists"
            return dataclasses.replace(_flat(written, content.num_rows), notes=(*notes, note))
        lists = pc.split_pattern(cells, separator or "|")
        # A file that predict wrote has a column with the probability of each label.
        known = label_names or [name[2:] for name in content.column_names if name.startswith("p:")]
        _check_joined(cells, content.column_names[i], known, separator)
    else:
        raise ValueError(f"expected column {quoted(content.column_names[i])} to hold names, got {kind}")
    found = _flat(lists, content.num_rows)
    if not is_list:
        several = pc.is_in(pc.utf8_lower(found.texts), pa.array(MISSING, pa.large_string()))
        several = several.to_numpy(zero_copy_only=False)
        if several.any():
            first = int(np.argmax(several))
            raise RowError(
                int(found.rows[first]),
                f"expected names of labels, got {quoted(found.texts[first].as_py())}, a word for a missing value, "
                "among others: write columns label:NAME if it is a label",
            )
    return dataclasses.replace(found, notes=notes)


def _flat(lists: "pa.LargeListArray", num_rows: int) -> _Names:
    """The names in lists, without empty ones."""
    import pyarrow as pa
    import pyarrow.compute as pc

    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy()
    texts = pc.utf8_normalize(pc.utf8_trim_whitespace(pc.fill_null(pc.list_flatten(lists), "")), form="NFC")
    kept = pc.not_equal(texts, "").to_numpy(zero_copy_only=False)
    return _Names(np.repeat(np.arange(num_rows), lengths)[kept], texts.filter(pa.array(kept)))


def _written_lists(cells: "pa.LargeStringArray") -> "pa.LargeListArray | None":
    """Lists of names where every cell that holds something is one, written as JSON or as Python writes it."""
    import pyarrow as pa
    import pyarrow.compute as pc

    distinct = [cell for cell in cells.unique().to_pylist() if cell]
    if not distinct or not all(cell.startswith("[") and cell.endswith("]") for cell in distinct):
        return None
    lists = {"": []}
    for cell in distinct:
        try:
            found = json.loads(cell)
        except ValueError:
            try:
                found = ast.literal_eval(cell)
            except (ValueError, SyntaxError, RecursionError, MemoryError):
                return None
        if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
            return None
        lists[cell] = found
    encoded = pc.fill_null(cells, "").dictionary_encode()
    each = [lists[cell] for cell in encoded.dictionary.to_pylist()]
    return pa.array(each, pa.large_list(pa.large_string())).take(encoded.indices)


def _without_missing(cells: "pa.LargeStringArray", column: str) -> tuple["pa.LargeStringArray", tuple[str, ...]]:
    """Empty the cells that hold only a word for a missing value, with a note on these."""
    import pyarrow as pa
    import pyarrow.compute as pc

    cells = pc.utf8_trim_whitespace(cells)
    missing = pc.is_in(pc.utf8_lower(cells), pa.array(MISSING, pa.large_string()))
    if not (count := pc.sum(missing).as_py()):
        return cells, ()
    words = ", ".join(map(quoted, sorted(cells.filter(missing).unique().to_pylist())))
    note = f"{count} cells of the column {quoted(column)} hold {words}: read as empty, without a label"
    return pc.if_else(missing, "", cells), (note,)


def _check_joined(
    cells: "pa.LargeStringArray", column: str, known: Sequence[str] | None, separator: str | None
) -> None:
    """Refuse names that something else seems to join, unless all of them are known labels."""
    import pyarrow.compute as pc

    counts = {each["values"]: each["counts"] for each in pc.value_counts(cells).to_pylist() if each["values"]}
    names = {name for cell in counts for name in parse_names(cell, separator=separator or "|")}
    if known is not None and names <= set(map(one_form, known)):
        return
    check_joined(counts, column=column, separator=separator)


def _positions(texts: "pa.LargeStringArray", names: Sequence[str]) -> np.ndarray:
    """Number of each text among the names, int32; -1 where it is none of them."""
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.fill_null(pc.index_in(texts, pa.array(names, pa.large_string())), -1).to_numpy()


def _labels_of_flags(content: "pa.Table", roles: Roles, unknown: _Names, meaning: Meaning) -> Labels:
    names = tuple(roles.label_columns)
    read = meaning.flags(names)
    states = [_flags(content, i, read[name]) for name, i in roles.label_columns.items()]
    positions = _positions(unknown.texts, names).tolist()
    for k, (row, position) in enumerate(zip(unknown.rows.tolist(), positions, strict=True)):
        if position < 0:
            name = quoted(LABEL_PREFIX + unknown.texts[k].as_py())
            raise RowError(row, f"expected a column {name} for each unknown label, got none")
        if states[position][row] == _POSITIVE:
            raise RowError(row, f"expected a label to be positive or unknown, got both for {quoted(names[position])}")
        states[position][row] = _UNKNOWN
    positives, without = _where(states, _POSITIVE), _where(states, _UNKNOWN)
    if 2 * without.nnz > content.num_rows * len(names):
        return Labels(names, positives, negatives=_where(states, _NEGATIVE))
    return Labels(names, positives, without if without.nnz else None)


def _flags(content: "pa.Table", i: int, flag: Flag) -> np.ndarray:
    """State of one label in each row, int8."""
    import pyarrow as pa
    import pyarrow.types as types

    column = content.column(i)
    if types.is_nested(column.type):
        raise ValueError(f"expected column {quoted(content.column_names[i])} to hold 0 and 1, got {column.type}")
    if types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if types.is_float16(column.type):  # which PyArrow cannot encode
        column = column.cast(pa.float32())
    encoded = column.combine_chunks().dictionary_encode(null_encoding="encode")
    positions, states = encoded.indices.to_numpy(), []
    for k, cell in enumerate(encoded.dictionary.to_pylist()):
        # nan, by which tables of numbers say that a cell is empty.
        empty = cell is None or cell != cell
        try:
            found = flag.read(None if empty else str(cell))
        except ValueError as error:
            row, column_name = int(np.argmax(positions == k)), quoted(content.column_names[i])
            raise RowError(row, f"column {column_name}: {error}") from None
        states.append(_UNKNOWN if found is None else int(found))
    return np.array(states, dtype=np.int8)[positions]


def _where(states: list[np.ndarray], state: int) -> csr_array:
    rows = [np.flatnonzero(column == state) for column in states]
    ends = np.cumsum([0, *map(len, rows)])
    found = (np.ones(ends[-1], dtype=bool), np.concatenate(rows), ends)
    return csc_array(found, shape=(len(states[0]), len(states))).tocsr()
