"""Write data to a file that the readers of listings and tables read back."""

import io
from collections import Counter
from pathlib import Path

import numpy as np
from scipy.sparse import csr_array

from lopsided.data.labels import Labels
from lopsided.data.readers.columns.joined import can_be_joined, check_joined
from lopsided.data.readers.columns.roles import LABEL_PREFIX, is_of_pandas
from lopsided.data.readers.table.npz_features import arrays_of_features
from lopsided.data.readers.table.npz_labels import arrays_of_labels
from lopsided.data.samples import Samples
from lopsided.files.csv_file import csv_text
from lopsided.files.errors import DataError, quoted
from lopsided.files.whole import whole

_ROLES = ("labels", "split", "unknown")  # of a CSV file's columns, which no feature can be called


def inputs_for(data: Samples, out: Path) -> dict[str, list[str]] | np.ndarray | csr_array:
    """The inputs as a file holds them; splits and labels do not matter.

    Raises:
        DataError: The file has another ending, or the images lie elsewhere.
    """
    others = _other_columns(data)
    inputs = data.to_write(out.parent, is_taken=lambda name: _is_taken(name) or name in others)
    wanted = ".csv" if isinstance(inputs, dict) else ".npz"
    if out.suffix.lower() != wanted:
        raise DataError(f"expected a name that ends in {wanted}, got {quoted(out.name)}")
    return inputs


def write_data(
    data: Samples, out: Path, *, inputs: dict[str, list[str]] | np.ndarray | csr_array | None = None
) -> None:
    """Write a listing of images as CSV, or a table of features as NPZ or, where they have names, CSV.

    Where all labels are known, one column joins them by ``|``. Where some are not, or a reader would misread names, as
    where one holds such a bar, each label has a column ``label:NAME``, empty where unknown. What is written is what is
    read back.

    Args:
        data: The data.
        out: The file, whole or absent: .csv for images, in the folder of the images or one above it; .npz or .csv for
            tables.
        inputs: What :func:`inputs_for` gave, where it was asked before.

    Raises:
        DataError: The file has another ending or cannot hold this data, or the images lie elsewhere.
    """
    inputs = inputs_for(data, out) if inputs is None else inputs
    content = _csv(data, inputs) if isinstance(inputs, dict) else _npz(data, inputs)
    out.parent.mkdir(parents=True, exist_ok=True)
    with whole(out) as part:
        part.write_bytes(content)


def group_option(data: Samples, out: Path) -> str | None:
    """The option by which a file that was written is read with its groups; None where it needs none.

    A reader of tables takes a column for a feature, whatever its name, unless it is told otherwise.
    """
    if data.groups is None or out.suffix.lower() != ".csv" or not data.inputs().names:
        return None
    return f"--data.group_column {quoted(_group_column(data))}"


def weight_option(data: Samples, out: Path) -> str | None:
    """The option by which a file that was written is read with its weights; None where it needs none."""
    if data.weights is None or out.suffix.lower() != ".csv":
        return None
    return f"--data.weight_column {quoted(_weight_column(data))}"


def _other_columns(data: Samples) -> dict[str, list[str]]:
    """Groups and weights of the samples that have them, by the names of their columns."""
    found = {}
    if data.groups is not None:
        found[_group_column(data)] = [str(group) for group in data.groups.tolist()]
    if data.weights is not None:
        found[_weight_column(data)] = [str(weight) for weight in data.weights]
    return found


def _weight_column(data: Samples) -> str:
    return (data.columns or {}).get("weight", "weight")


def _group_column(data: Samples) -> str:
    """As in the file that a table was read from; elsewhere the name that readers know."""
    return (data.columns or {}).get("group", "group") if data.inputs().names else "group"


def _is_taken(name: str) -> bool:
    """Whether a reader would take a feature of that name for something else."""
    return name.lower() in _ROLES or name.lower().startswith(LABEL_PREFIX) or is_of_pandas(name) or not name.strip()


def _csv(data: Samples, columns: dict[str, list[str]]) -> bytes:
    names, joined = data.labels.names, _joined(data.labels)
    columns = {**columns, **_other_columns(data)}
    rows = [[*columns, "split", *([f"{LABEL_PREFIX}{name}" for name in names] if joined is None else ["labels"])]]
    for row, cells in enumerate(zip(*columns.values(), strict=True)):
        if joined is not None:
            labels = [joined[row]]
        else:
            targets, mask = data.labels.dense([row])
            known = np.ones(len(names), dtype=bool) if mask is None else mask[0]
            labels = [str(int(is_there)) if k else "" for is_there, k in zip(targets[0], known, strict=True)]
        rows.append([*cells, str(data.splits[row]), *labels])
    return csv_text(rows).encode()


def _joined(labels: Labels) -> list[str] | None:
    """The positive labels of each sample in one text; None where a reader would read other labels from it.

    Labels without a positive would be lost, because no cell names them, and so would what is not known.
    """
    if labels.num_unknown or not can_be_joined(labels.names) or not (labels.positives_per_label() > 0).all():
        return None
    positives = labels.positives
    rows = np.split(positives.indices, positives.indptr[1:-1])
    cells = ["|".join(labels.names[k] for k in sorted(columns)) for columns in rows]
    try:
        check_joined(Counter(filter(None, cells)), column="labels", separator=None)
    except ValueError:
        return None
    return cells


def _npz(data: Samples, features: np.ndarray | csr_array) -> bytes:
    held = arrays_of_features(features) if isinstance(features, csr_array) else {"features": features}
    arrays = {**held, "split": data.splits, **_groups(data), **_weights(data), **arrays_of_labels(data.labels)}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # pyright: ignore[reportArgumentType]
    return buffer.getvalue()


def _groups(data: Samples) -> dict[str, np.ndarray]:
    groups = data.groups
    if groups is None:
        return {}
    return {"group": groups if groups.dtype.kind == "i" else groups.astype(np.str_)}


def _weights(data: Samples) -> dict[str, np.ndarray]:
    return {} if data.weights is None else {"weight": data.weights}
