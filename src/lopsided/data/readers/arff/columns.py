"""Columns of an ARFF file as features and labels."""
# pyright: reportOptionalSubscript=false
# (SciPy has no type stubs, and pyright infers that the shape of a sparse array may be None.)

from collections.abc import Mapping

import numpy as np
from scipy.sparse import coo_array, csr_array

from lopsided.data.features import exact_features, float32_features
from lopsided.data.labels import Labels
from lopsided.data.readers.arff.file import Attribute

_DENSE_UP_TO = 1_000_000  # numbers, 4 MB as float32; below this a sparse form saves too little
_DENSE_FROM = 0.1  # share of numbers that are not 0; above it a sparse form is hardly smaller


def labels_of(
    rows: coo_array,
    attributes: tuple[Attribute, ...],
    names: tuple[str, ...],
    *,
    codes: Mapping[str, int | None],
) -> Labels:
    """The attributes that are labels.

    Args:
        rows: Shape (samples, attributes): numbers, positions of nominal values from 0, nan where unknown; no zeros
            stored.
        attributes: The columns of ``rows``.
        names: Names of the attributes that are labels, in the order wanted.
        codes: For each label, the value in ``rows`` that means that a sample has it; None where none does.

    Returns:
        Which samples have them, unknown where the file has ``?``.
    """
    num_samples = rows.shape[0]
    position = {name: column for column, name in enumerate(names)}
    column_of = np.array([position.get(attribute.name, -1) for attribute in attributes])
    codes_of_attributes = [codes.get(attribute.name) for attribute in attributes]
    code_of = np.array([-1 if code is None else code for code in codes_of_attributes])
    columns = column_of[rows.col]
    mine, missing = columns >= 0, np.isnan(rows.data)
    hit = mine & ~missing & (rows.data == code_of[rows.col])
    row_parts, column_parts = [rows.row[hit]], [columns[hit]]
    for column in np.flatnonzero((column_of >= 0) & (code_of == 0)):
        # The positive value was declared first, so what a sparse row leaves out is positive.
        zero = np.setdiff1d(np.arange(num_samples), rows.row[rows.col == column])
        row_parts.append(zero)
        column_parts.append(np.full(len(zero), column_of[column]))
    shape = (num_samples, len(names))
    positives = _marked(np.concatenate(row_parts), np.concatenate(column_parts), shape)
    unknown = _marked(rows.row[mine & missing], columns[mine & missing], shape)
    return Labels(names, positives, unknown if unknown.nnz else None)


def features_of(
    rows: coo_array, attributes: tuple[Attribute, ...], label_names: tuple[str, ...]
) -> tuple[np.ndarray | csr_array, tuple[str, ...]]:
    """The attributes that are neither labels nor texts.

    Args:
        rows: Shape (samples, attributes): numbers and positions of nominal values from 0.
        attributes: The columns of ``rows``.
        label_names: Which of them are labels.

    Returns:
        Features, shape (samples, features), a ``csr_array`` of float32 where they are many and mostly 0; and names.
    """
    num_samples = rows.shape[0]
    labels = set(label_names)
    columns_of = [[] if a.name in labels else _column_names(a) for a in attributes]
    width = np.array([len(columns) for columns in columns_of])
    start = np.cumsum(width) - width
    plain = np.array([a.kind == "numeric" or a.values == ("0", "1") for a in attributes]) & (width > 0)
    kept = plain[rows.col]
    row_parts, column_parts, values = [rows.row[kept]], [start[rows.col[kept]]], [rows.data[kept]]
    by_column = rows.tocsc()
    for column in np.flatnonzero((width > 0) & ~plain):
        codes = by_column[:, [column]].toarray().ravel().astype(np.int64)  # 0, the first value, where left out
        marked = np.flatnonzero(codes < width[column])  # of {1,0}, only the first value makes a number other than 0
        row_parts.append(marked)
        column_parts.append(start[column] + codes[marked])
        values.append(np.ones(len(marked)))
    features = csr_array(
        (np.concatenate(values), (np.concatenate(row_parts), np.concatenate(column_parts))),
        shape=(num_samples, int(width.sum())),
    )
    features.eliminate_zeros()
    size = num_samples * int(width.sum())
    if size > _DENSE_UP_TO and features.nnz <= _DENSE_FROM * size:
        features = csr_array((float32_features(features.data), features.indices, features.indptr), shape=features.shape)
    else:
        features = exact_features(features.toarray())
    return features, tuple(name for columns in columns_of for name in columns)


def _column_names(attribute: Attribute) -> list[str]:
    if attribute.kind == "string":
        return []
    if attribute.kind == "numeric" or set(attribute.values) == {"0", "1"}:
        return [attribute.name]
    return [f"{attribute.name}={value}" for value in attribute.values]


def _marked(rows: np.ndarray, columns: np.ndarray, shape: tuple[int, int]) -> csr_array:
    return csr_array((np.ones(len(rows), dtype=bool), (rows, columns)), shape=shape)
