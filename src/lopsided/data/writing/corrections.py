"""Decisions about single labels, and the data after they are carried out."""
# pyright: reportOptionalSubscript=false
# (SciPy has no type stubs, and pyright infers that the shape of a sparse array may be None.)

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from scipy.sparse import csr_array

from lopsided.data.contents.identity import content_of_sample
from lopsided.data.labels import Labels
from lopsided.data.samples import Samples
from lopsided.files.csv_file import read_csv_file
from lopsided.files.errors import DataError, quoted
from lopsided.files.regular import read_bytes

Kind = Literal["missing", "wrong"]
COLUMNS = ("row", "sample", "label", "kind", "decision")


@dataclass(frozen=True)
class Correction:
    """A label of a sample that was decided to be missing, or to be wrong."""

    row: int  # sample number in the data, from 0
    label: str
    kind: Kind


def read_decisions(path: str | Path, data: Samples) -> tuple[list[Correction], int]:
    """Read a CSV file with the columns ``row``, ``sample``, ``label``, ``kind`` and ``decision``.

    Args:
        path: The file, UTF-8. ``kind`` is missing or wrong, ``decision`` accept or reject. A column ``content`` says
            which sample was judged, see :func:`lopsided.data.contents.identity.content_of_sample`.
        data: The data that the decisions are about, unchanged since.

    Returns:
        The accepted corrections in their order, and the number of rejected ones.

    Raises:
        DataError: The file is no such list, or is about other data; the message names the line.
    """
    path = Path(path)
    file = read_csv_file(path)
    if absent := [name for name in COLUMNS if name not in file.names]:
        raise DataError(f"expected the columns {', '.join(COLUMNS)}, got none named {absent[0]!r}", path=path, line=1)
    accepted: dict[tuple[int, str], Correction] = {}
    rejected = 0
    for line, cells in file.rows():
        try:
            correction, decision = _parsed(dict(zip(file.names, cells, strict=True)), data)
            place = correction.row, correction.label
            if place in accepted:
                raise ValueError(
                    f"expected one decision on {quoted(correction.label)} of row {correction.row}, got two"
                )
        except ValueError as error:
            raise DataError(str(error), path=path, line=line) from None
        if decision == "accept":
            accepted[place] = correction
        else:
            rejected += 1
    return list(accepted.values()), rejected


def says_what_was_judged(path: Path) -> bool:
    """Whether a list of decisions has a column ``content``, by which each is checked against the data."""
    return "content" in read_bytes(path).partition(b"\n")[0].decode("utf-8-sig", "replace").strip().split(",")


def corrected(data: Samples, corrections: list[Correction]) -> Samples:
    """The same samples with the corrections carried out: missing labels added, wrong ones taken away.

    Args:
        data: The data.
        corrections: Missing labels must be known negatives of the data, and wrong ones known positives.

    Raises:
        DataError: A correction does not fit what the data says.

    Example:
        >>> import numpy as np
        >>> from lopsided.data import Table
        >>> labels = Labels(("cat", "dog"), csr_array(np.array([[True, False]])))
        >>> pets = Table("pets", np.zeros((1, 2), np.float32), labels, np.array(["train"]))
        >>> corrected(pets, [Correction(0, "cat", "wrong"), Correction(0, "dog", "missing")]).labels.dense([0])[0]
        array([[False,  True]])
    """
    labels, column = data.labels, {name: k for k, name in enumerate(data.labels.names)}
    positives = labels.positives.tolil()
    negatives = None if labels.negatives is None else labels.negatives.tolil()
    for correction in corrections:
        k, is_missing = column[correction.label], correction.kind == "missing"
        targets, mask = labels.dense([correction.row])
        if (mask is not None and not mask[0, k]) or targets[0, k] == is_missing:
            is_what = "unknown" if mask is not None and not mask[0, k] else "there" if targets[0, k] else "not there"
            raise DataError(
                f"row {correction.row}: expected a label that is {correction.kind}, got {quoted(correction.label)}, "
                f"which is {is_what}"
            )
        positives[correction.row, k] = is_missing
        if negatives is not None:
            negatives[correction.row, k] = not is_missing
    done = None if negatives is None else csr_array(negatives, dtype=bool)
    now = Labels(labels.names, csr_array(positives, dtype=bool), labels.unknown, done)
    return dataclasses.replace(data, labels=now, truth=None)


def _parsed(cells: dict[str, str], data: Samples) -> tuple[Correction, str]:
    text = cells["row"].strip()
    row = int(text) if text.isascii() and text.isdigit() else -1
    if not 0 <= row < len(data):
        raise ValueError(f"expected row to be a number from 0 to {len(data) - 1}, got {quoted(text)}")
    if (name := data.sample_name(row)) != cells["sample"]:
        raise ValueError(
            f"expected the sample of row {row} to be {quoted(name)} as in the data, got {quoted(cells['sample'])}"
        )
    if cells.get("content") and cells["content"] != content_of_sample(data, row):
        raise ValueError(
            f"expected the sample that was judged in row {row}, got another: the data changed; audit it again"
        )
    if cells["label"] not in data.labels.names:
        raise ValueError(f"expected a label of the data, got {quoted(cells['label'])}")
    for column, choices in (("kind", ("missing", "wrong")), ("decision", ("accept", "reject"))):
        if cells[column] not in choices:
            raise ValueError(f"expected {column} to be {choices[0]} or {choices[1]}, got {quoted(cells[column])}")
    return Correction(row, cells["label"], cast(Kind, cells["kind"])), cells["decision"]
