"""Factors on the loss of each label, which a user gives in a file and a run keeps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lopsided.data.cell_values import one_form, parse_weight
from lopsided.files.csv_columns import cells_of, open_columns
from lopsided.files.csv_file import csv_text
from lopsided.files.errors import DataError, did_you_mean, quoted
from lopsided.runs.folder import RunFolder
from lopsided.runs.json_files import write_whole

_COLUMNS = ("label", "weight")


def read_label_weights(path: Path, labels: Sequence[str]) -> np.ndarray:
    """Read a CSV file with columns ``label`` and ``weight``, a row for each label in any order.

    Args:
        path: The file.
        labels: Names of the labels of the data.

    Returns:
        float32, shape (labels,), at least 0, in the order of ``labels``.

    Raises:
        DataError: A label is unknown, missing or there twice, a weight is no number of at least 0, or all are 0; the
            message names the line and the nearest right name.
    """
    file = open_columns(path, _COLUMNS, origin="label weights have label and weight")
    found, known = dict[str, float](), set(labels)
    for line, (cell, number) in cells_of(file, _COLUMNS):
        name = one_form(cell)
        if name not in known:
            hint = did_you_mean(name, labels, quoted)
            raise DataError(f"expected a label of the data, got {quoted(name)}{hint}", path=path, line=line)
        if name in found:
            raise DataError(f"expected one weight for each label, got {quoted(name)} twice", path=path, line=line)
        try:
            found[name] = parse_weight(number)
        except ValueError as error:
            raise DataError(str(error), path=path, line=line) from None
    missing = [name for name in labels if name not in found]
    if missing:
        more = f" and {len(missing) - 1:,} more" if len(missing) > 1 else ""
        raise DataError(
            f"expected a weight for each of {len(labels):,} labels, got none for {quoted(missing[0])}{more}", path=path
        )
    if not any(found.values()):
        raise DataError("expected a label with a weight above 0, got 0 for all", path=path)
    return np.array([found[name] for name in labels], np.float32)


def label_weights_of(run: RunFolder, given: str | None, labels: Sequence[str], *, goes_on: bool) -> np.ndarray | None:
    """The weights that a run is trained with: those of the file that is given; of a run that goes on, those it kept.

    Args:
        run: The run.
        given: What ``training.label_weights`` says.
        labels: Names of the labels of the data.
        goes_on: Whether the run goes on from a checkpoint; then the file may be gone, and must not have changed.

    Raises:
        DataError: As :func:`read_label_weights` does, or the file has changed.
    """
    if given is None:
        return None
    path = Path(given).expanduser()
    if not goes_on:
        return read_label_weights(path, labels)
    kept = read_label_weights(run.label_weights_file, labels)
    if path.is_file():
        now = read_label_weights(path, labels)
        for name, weight, other in zip(labels, kept.tolist(), now.tolist(), strict=True):
            if weight != other:
                raise DataError(
                    f"to resume {run.path}, expected the label weights that it was trained with, got {other:g} for "
                    f"{quoted(name)}, not {weight:g}; they are in {run.label_weights_file}",
                    path=path,
                )
    return kept


def keep_label_weights(run: RunFolder, weights: np.ndarray | None, labels: Sequence[str]) -> None:
    """Write the weights that a run is trained with into its folder, or remove those of an earlier run there."""
    if weights is None:
        run.label_weights_file.unlink(missing_ok=True)
        return
    rows = ((name, repr(weight)) for name, weight in zip(labels, weights.astype(float).tolist(), strict=True))
    write_whole(run.label_weights_file, csv_text([_COLUMNS, *rows]))
