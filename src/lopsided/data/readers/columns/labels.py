"""What the columns of a listing mean, by their names and their cells."""
# pyright: reportAttributeAccessIssue=false
# (PyArrow makes the functions of pyarrow.compute while it is imported, where pyright does not see them.)

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.sparse import csc_array, csr_array

from lopsided.data.cell_values import MISSING, one_form, parse_flag, parse_names, parse_split_cell
from lopsided.data.labels import Labels
from lopsided.data.readers.columns.joined import check_joined
from lopsided.data.readers.columns.roles import LABEL_PREFIX, Roles, assign_roles, is_of_pandas
from lopsided.data.run_labels import unlabelled
from lopsided.files.errors import RowError, quoted

if TYPE_CHECKING:
    import pyarrow as pa

_PATHS = ("path", "image", "filename", "file_name", "filepath")
_NAMES = ("labels", "tags", "unknown")
_NEGATIVE, _POSITIVE, _UNKNOWN = 0, 1, 2


@dataclass(frozen=True, eq=False)
class _Names:
    """Names in the cells of a column, the row of each (int64), and notes on what was not read literally."""

    rows: np.ndarray
    texts: "pa.LargeStringArray"
    notes: tuple[str, ...] = ()


def kind_of_column(name: str) -> Literal["path", "names", "split", "flag"] | None:
    """What a column of this name may hold, or None where it plays no role in a listing.

    Example:
        >>> kind_of_column("File_Name"), kind_of_column("label:cat"), kind_of_column("width")
        ('path', 'flag', None)
    """
    lower = name.strip().lower()
    if lower.startswith(LABEL_PREFIX):
        return "flag"
    return "path" if lower in _PATHS else "names" if lower in _NAMES else "split" if lower == "split" else None


def listing_roles(names: Sequence[str], *, needs_labels: bool) -> tuple[int, Roles]:
    """Tell the columns of a listing apart.

    Args:
        names: Names of the columns, in order.
        needs_labels: Whether there must be a column of labels.

    Returns:
        The number of the column of paths, from 0, and the roles of the others; ``features`` are those without a role.

    Raises:
        ValueError: There is no column of paths, or more than one; the name of a column nearly names a role; or
            ``assign_roles`` refuses the names.

    Example:
        >>> path, roles = listing_roles(["id", "filename", "tags"], needs_labels=True)
        >>> path, roles.labels
        (1, 2)
    """
    # Columns without a name play no role here, so they may lack one.
    names = [f"column {i}" if not name.strip() or is_of_pandas(name) else name for i, name in enumerate(names)]
    names = [name if kind_of_column(name) in (None, "flag") else name.strip().lower() for name in names]
    came = quoted(", ".join(names))
    if "path" not in names:
        paths = [name for name in names if name in _PATHS]
        if len(paths) != 1:
            raise ValueError(f"expected a column 'path', or one of {', '.join(_PATHS[1:])}, got {came}")
        names = ["path" if name == paths[0] else name for name in names]
    if "labels" not in names and not any(kind_of_column(name) == "flag" for name in names):
        names = ["labels" if name == "tags" else name for name in names]
    for missing in ("labels", "split", "unknown"):
        others = [name for name in names if kind_of_column(name) is None]
        if missing not in names and (near := difflib.get_close_matches(missing, others, n=1, cutoff=0.8)):
            raise ValueError(f"expected no column {quoted(near[0])}; did you mean {missing!r}?")
    return names.index("path"), assign_roles(names, needs_labels=needs_labels)


def labels_of_columns(
    content: "pa.Table", roles: Roles, *, label_names: Sequence[str] | None = None, separator: str | None = None
) -> tuple[Labels, tuple[str, ...]]:
    """Read the labels of a listing or a table.

    Args:
        content: The columns.
        roles: The role of each.
        label_names: Names of labels. Where a column ``labels`` lists names, those that never occur are negative.
        separator: What joins the names of a cell; None for a bar; cells that something else seems to join are refused.

    Returns:
        The labels; and notes on what was not read literally, a line each.

    Raises:
        ValueError: No label occurs, or a cell means nothing.
    """
    unknown = _names_in(content, roles.unknown, label_names, separator)
    if roles.label_columns:
        return _labels_of_flags(content, roles, unknown), unknown.notes
    found = [_names_in(content, roles.labels, label_names, separator), unknown]
    notes = tuple(note for each in found for note in each.notes)
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
    return Labels(tuple(names), positives, without if without.nnz else None), notes


def listing_splits(content: "pa.Table", i: int | None) -> np.ndarray:
    """Split of each row.

    Args:
        content: The columns.
        i: Number of the column of splits, from 0; None makes all rows ``train``.

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
            splits.append(parse_split_cell(cell))
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
        lists = pc.split_pattern(cells, separator or "|")
        # A file that predict wrote has a column with the probability of each label.
        known = label_names or [name[2:] for name in content.column_names if name.startswith("p:")]
        _check_joined(cells, content.column_names[i], known, separator)
    else:
        raise ValueError(f"expected column {quoted(content.column_names[i])} to hold names, got {kind}")
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy()
    texts = pc.utf8_normalize(pc.utf8_trim_whitespace(pc.fill_null(pc.list_flatten(lists), "")), form="NFC")
    kept = pc.not_equal(texts, "").to_numpy(zero_copy_only=False)
    rows = np.repeat(np.arange(content.num_rows), lengths)
    if not is_list:
        several = pc.is_in(pc.utf8_lower(texts), pa.array(MISSING, pa.large_string())).to_numpy(zero_copy_only=False)
        if several.any():
            row, name = int(rows[np.argmax(several)]), quoted(texts[int(np.argmax(several))].as_py())
            raise RowError(
                row,
                f"expected names of labels, got {name}, a word for a missing value, among others: write columns "
                "label:NAME if it is a label",
            )
    return _Names(rows[kept], texts.filter(pa.array(kept)), notes)


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


def _labels_of_flags(content: "pa.Table", roles: Roles, unknown: _Names) -> Labels:
    names = tuple(roles.label_columns)
    states = [_flags(content, i) for i in roles.label_columns.values()]
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


def _flags(content: "pa.Table", i: int) -> np.ndarray:
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
            flag = None if empty else parse_flag(str(cell))
        except ValueError as error:
            row, column_name = int(np.argmax(positions == k)), quoted(content.column_names[i])
            raise RowError(row, f"column {column_name}: {error}") from None
        states.append(_UNKNOWN if flag is None else int(flag))
    return np.array(states, dtype=np.int8)[positions]


def _where(states: list[np.ndarray], state: int) -> csr_array:
    rows = [np.flatnonzero(column == state) for column in states]
    ends = np.cumsum([0, *map(len, rows)])
    found = (np.ones(ends[-1], dtype=bool), np.concatenate(rows), ends)
    return csc_array(found, shape=(len(states[0]), len(states))).tocsr()
