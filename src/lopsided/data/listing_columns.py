"""What the columns of a listing mean, by their names and by what stands in them."""
# pyright: reportAttributeAccessIssue=false
# (PyArrow makes the functions of pyarrow.compute while it is imported, where pyright does not see them.)

import difflib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.sparse import csc_array, csr_array

from lopsided.data.cells import parse_flag, parse_split
from lopsided.data.columns import LABEL_PREFIX, Roles, assign_roles
from lopsided.data.errors import quoted
from lopsided.data.labels import Labels
from lopsided.data.run_labels import aligned, check_known, unlabelled

if TYPE_CHECKING:
    import pyarrow as pa

_PATHS = ("path", "image", "filename", "file_name", "filepath")
_NAMES = ("labels", "tags", "unknown")
_NEGATIVE, _POSITIVE, _UNKNOWN = 0, 1, 2


def kind_of_column(name: str) -> Literal["path", "names", "split", "flag"] | None:
    """What a column may hold that is called so, or None where it plays no role in a listing.

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
        names: Of the columns, in order.
        needs_labels: Whether there must be a column of labels.

    Returns:
        The number of the column of paths, from 0, and the roles of the others; ``features`` are those without one.

    Raises:
        ValueError: There is no column of paths, or more than one; the name of another is nearly that of a role; or
            what ``assign_roles`` refuses.

    Example:
        >>> path, roles = listing_roles(["id", "filename", "tags"], needs_labels=True)
        >>> path, roles.labels
        (1, 2)
    """
    names = [name if kind_of_column(name) in (None, "flag") else name.strip().lower() for name in names]
    came = quoted(", ".join(names))
    if "path" not in names:
        paths = [name for name in names if name in _PATHS]
        if len(paths) != 1:
            raise ValueError(f"wanted a column 'path', or one of {', '.join(_PATHS[1:])}, got {came}")
        names = ["path" if name == paths[0] else name for name in names]
    if "labels" not in names and not any(kind_of_column(name) == "flag" for name in names):
        names = ["labels" if name == "tags" else name for name in names]
    for missing in ("labels", "split", "unknown"):
        others = [name for name in names if kind_of_column(name) is None]
        if missing not in names and (near := difflib.get_close_matches(missing, others, n=1, cutoff=0.8)):
            raise ValueError(f"wanted no column {quoted(near[0])}; did you mean {missing!r}?")
    return names.index("path"), assign_roles(names, needs_labels=needs_labels)


def listing_labels(content: "pa.Table", roles: Roles, *, label_names: Sequence[str] | None = None) -> Labels:
    """Labels of a listing; they mean what they mean in a table.

    Args:
        content: The columns.
        roles: What each is.
        label_names: Labels of a run; then those without a column are unknown, but where ``labels`` lists the names,
            those that never occur are negative.

    Returns:
        One column per name, with ``label_names`` exactly these in their order.

    Raises:
        ValueError: No label occurs, one that the run does not know, or a cell that means nothing.
    """
    if roles.label_columns:
        labels = _labels_of_flags(content, roles)
        return labels if label_names is None else aligned(labels, label_names)
    cells = {what: _names_in(content, i) for what, i in (("labels", roles.labels), ("unknown", roles.unknown))}
    names = sorted({name for _, texts in cells.values() for name in texts.unique().to_pylist()})
    if label_names is not None:
        check_known(names, label_names)
        names = label_names
    if not names:
        raise ValueError("wanted at least one label, got only empty cells")
    if roles.labels is None:
        return unlabelled(names, samples=content.num_rows)
    shape = (content.num_rows, len(names))
    positives, unknown = (
        csr_array((np.ones(len(rows), dtype=bool), (rows, _positions(texts, names))), shape=shape)
        for rows, texts in cells.values()
    )
    return Labels(tuple(names), positives, unknown if unknown.nnz else None)


def listing_splits(content: "pa.Table", i: int | None) -> np.ndarray:
    """Split of each row.

    Args:
        content: The columns.
        i: Number of the one that holds it, from 0; without one all is ``train``.

    Returns:
        Text, shape (rows,).

    Raises:
        ValueError: A cell is empty; the message names its row.
    """
    if i is None:
        return np.full(content.num_rows, "train")
    encoded = text_column(content, i).dictionary_encode()
    positions, splits = encoded.indices.to_numpy(), []
    for k, cell in enumerate(encoded.dictionary.to_pylist()):
        try:
            splits.append(parse_split(cell))
        except ValueError as error:
            raise ValueError(f"row {int(np.argmax(positions == k))} (from 0): {error}") from None
    return np.array(splits)[positions]


def text_column(content: "pa.Table", i: int) -> "pa.LargeStringArray":
    """One column as text, empty where there is nothing.

    Raises:
        ValueError: It holds lists or other values that are no text.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    column = content.column(i)
    try:
        return pc.fill_null(column.cast(pa.large_string()).combine_chunks(), "")
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise ValueError(f"column {quoted(content.column_names[i])} must hold text, got {column.type}") from None


def _names_in(content: "pa.Table", i: int | None) -> tuple[np.ndarray, "pa.LargeStringArray"]:
    """Names in the cells of a column, and the row of each, int64; an element of a list is one name, bars and all."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.types as types

    if i is None:
        return np.zeros(0, np.int64), pa.array([], pa.large_string())
    kind = content.column(i).type
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        if not (types.is_null(kind.value_type) or kind.value_type in (pa.string(), pa.large_string())):
            raise ValueError(f"column {quoted(content.column_names[i])} must hold names, got {kind}")
        lists = content.column(i).cast(pa.large_list(pa.large_string())).combine_chunks()
    elif types.is_null(kind) or types.is_dictionary(kind) or kind in (pa.string(), pa.large_string()):
        lists = pc.split_pattern(text_column(content, i), "|")
    else:
        raise ValueError(f"column {quoted(content.column_names[i])} must hold names, got {kind}")
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy()
    texts = pc.utf8_trim_whitespace(pc.fill_null(pc.list_flatten(lists), ""))
    kept = pc.not_equal(texts, "")
    rows = np.repeat(np.arange(content.num_rows), lengths)
    return rows[kept.to_numpy(zero_copy_only=False)], texts.filter(kept)


def _positions(texts: "pa.LargeStringArray", names: Sequence[str]) -> np.ndarray:
    """Number of each text among the names, -1 where it is none of them; int32."""
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.fill_null(pc.index_in(texts, pa.array(names, pa.large_string())), -1).to_numpy()


def _labels_of_flags(content: "pa.Table", roles: Roles) -> Labels:
    names = tuple(roles.label_columns)
    states = [_flags(content, i) for i in roles.label_columns.values()]
    rows, texts = _names_in(content, roles.unknown)
    for row, position in zip(rows.tolist(), _positions(texts, names).tolist(), strict=True):
        if position < 0:
            raise ValueError(f"row {row} (from 0): wanted a column 'label:NAME' for each unknown label, got none")
        if states[position][row] == _POSITIVE:
            raise ValueError(
                f"row {row} (from 0): a label is positive or unknown, got both for {quoted(names[position])}"
            )
        states[position][row] = _UNKNOWN
    positives, unknown = _where(states, _POSITIVE), _where(states, _UNKNOWN)
    if 2 * unknown.nnz > content.num_rows * len(names):
        return Labels(names, positives, negatives=_where(states, _NEGATIVE))
    return Labels(names, positives, unknown if unknown.nnz else None)


def _flags(content: "pa.Table", i: int) -> np.ndarray:
    """State of one label in each row, int8."""
    import pyarrow.types as types

    column = content.column(i)
    if types.is_nested(column.type):
        raise ValueError(f"column {quoted(content.column_names[i])} must hold 0 and 1, got {column.type}")
    if types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    encoded = column.combine_chunks().dictionary_encode(null_encoding="encode")
    positions, states = encoded.indices.to_numpy(), []
    for k, cell in enumerate(encoded.dictionary.to_pylist()):
        # A cell that is no number, as tables of numbers have it where there is nothing.
        empty = cell is None or cell != cell
        try:
            flag = None if empty else parse_flag(str(cell))
        except ValueError as error:
            row = int(np.argmax(positions == k))
            raise ValueError(f"column {quoted(content.column_names[i])}, row {row} (from 0): {error}") from None
        states.append(_UNKNOWN if flag is None else int(flag))
    return np.array(states, dtype=np.int8)[positions]


def _where(states: list[np.ndarray], state: int) -> csr_array:
    rows = [np.flatnonzero(column == state) for column in states]
    ends = np.cumsum([0, *map(len, rows)])
    found = (np.ones(ends[-1], dtype=bool), np.concatenate(rows), ends)
    return csc_array(found, shape=(len(states[0]), len(states))).tocsr()
