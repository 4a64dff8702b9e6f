"""Scores of another program with the truth of their samples: from the file itself, or joined to a source."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor

from lopsided.data import Data, DataError, DataOptions, Labels, Table, read_source
from lopsided.data.readers.columns.file import line_of_row
from lopsided.data.split_names import ordered_split_names
from lopsided.files.errors import counted, quoted
from lopsided.inference.by_label.blocks import Blocks, labels_at_a_time, too_many
from lopsided.inference.by_label.sources import Held, Source
from lopsided.inference.by_label.spool import Spool
from lopsided.inference.own_scores.columns import IDS, Columns, read_columns
from lopsided.inference.own_scores.pieces import Pieces

__all__ = ["OwnScores", "read_scores"]

Kind = Literal["logits", "probabilities"]

_SHOWN = 8  # labels whose scores stand for a sample, where all would be too many to hold

ONLY = "all"
"""The split of scores whose file and source name none."""


@dataclass(frozen=True, eq=False)
class ScoredRows(Table):
    """Samples of which nothing is known but their scores, which stand in the place of features."""

    ids: tuple[str, ...] = ()

    def sample_name(self, row: int) -> str:
        """Its id, or the number of the row."""
        return self.ids[row] if self.ids else super().sample_name(row)


@dataclass(frozen=True, eq=False)
class OwnScores:
    """Scores of some samples, by whatever computed them.

    Args:
        place: Where they were read from, as commands and files name it.
        kind: ``logits``, or ``probabilities`` in [0, 1].
        values: Floating point, shape (samples, labels), in the precision of the file; too many to hold: on the disk.
        data: What the scores are about.
        rows: Number of each sample in ``data``, int64, shape (samples,), ascending.
        splits: Text, shape (samples,).
        folds: Which part of the data each sample was left out with while others were trained on, text, or None.
    """

    place: str
    kind: Kind
    values: Tensor | Source
    data: Data
    rows: np.ndarray
    splits: np.ndarray
    folds: np.ndarray | None = None

    @property
    def split_names(self) -> tuple[str, ...]:
        """Splits that hold a sample: train, val, test, then others by name."""
        return ordered_split_names(self.splits)

    def of_split(self, split: str) -> OwnScores:
        """Those of one split.

        Raises:
            DataError: There is no such split.
        """
        chosen = self.splits == split
        if not chosen.any():
            raise DataError(f"{self.place}: expected a split among {', '.join(self.split_names)}, got {quoted(split)}")
        return self.take(np.flatnonzero(chosen))

    @property
    def blocks(self) -> Blocks | None:
        """The scores, some labels at a time, where they are too many for anything else, else None."""
        if not too_many(*self.values.shape):
            return None
        source = Held(self.values) if isinstance(self.values, Tensor) else self.values
        return Blocks(source, self.data.labels.take(self.rows), [])

    @property
    def tensor(self) -> Tensor:
        """The scores in memory."""
        values = self.values
        return values if isinstance(values, Tensor) else values.of(slice(0, values.shape[1]))

    def take(self, places: np.ndarray) -> OwnScores:
        """Those at some places, ascending."""
        folds = None if self.folds is None else self.folds[places]
        values = _taken(self.values, places)
        return OwnScores(self.place, self.kind, values, self.data, self.rows[places], self.splits[places], folds)


def read_scores(path: str | Path, *, kind: Kind, source: str | None = None) -> OwnScores:
    """Read scores that any program computed.

    A CSV, TSV or Parquet file has a column ``score:NAME`` for each label (or ``p:NAME``, as ``lopsided predict``
    writes probabilities; or, in Parquet, one column ``scores`` of lists); a column ``id`` (or ``path``, or ``row``);
    and, where wanted, ``label:NAME`` (0, 1, or empty where unknown), ``split`` and ``fold``. An NPZ file has the arrays
    ``scores`` and ``label_names``, and ``ids``, ``labels``, ``mask``, ``split`` and ``fold``.

    Args:
        path: The file.
        kind: What its scores are; it is never guessed from their values.
        source: Where the truth is, as ``lopsided train`` takes it; joined by the path of an image, or by the number of
            a row, from 0. None where the file says the truth itself.

    Raises:
        DataError: It is no such file, scores are no numbers or no probabilities, or samples do not fit the source.
    """
    path = Path(path)
    if kind not in get_args(Kind):
        raise ValueError(f"expected scores to be one of {', '.join(get_args(Kind))}, got {kind!r}")
    came = read_columns(path)
    if came.are_predictions and kind == "logits":
        raise DataError("expected logits in columns score:LABEL, got p:LABEL, which are probabilities", path=path)
    values, places = _checked(came, path, kind)
    if source is not None:
        data, rows = _joined(came, path, source, places)
    else:
        data, rows = _by_themselves(came, values, path, places)
    order = np.argsort(rows, kind="stable")
    rows, places = rows[order], places[order]
    splits = came.splits[places] if came.splits is not None else data.splits[rows]
    return OwnScores(
        place=f"scores:{path}",
        kind=kind,
        values=_taken(values, places),
        data=data,
        rows=rows,
        splits=splits,
        folds=None if came.folds is None else came.folds[places],
    )


def _floating(scores: np.ndarray) -> np.ndarray:
    return scores if scores.dtype in (np.float32, np.float64) else scores.astype(np.float64)


def _taken(values: Tensor | Source, places: np.ndarray) -> Tensor | Source:
    """Scores at some places, in memory if they are few enough."""
    if isinstance(values, Tensor):
        return values[torch.from_numpy(places)]
    found = values.take(places)
    return found if too_many(*found.shape) else found.of(slice(0, found.shape[1]))


def _checked(came: Columns, path: Path, kind: Kind) -> tuple[Tensor | Source, np.ndarray]:
    """All scores, and the numbers of the rows that have any."""
    if isinstance(came.scores, Pieces):
        values, empty = _spooled(came, came.scores, path, kind)
    else:
        values = torch.from_numpy(np.require(_floating(came.scores), requirements=["C", "W"]))
        empty = _empty_rows(came.scores, 0, came, path, kind)
    if empty.all():
        raise DataError("expected scores, got none in any row", path=path)
    if count := int(empty.sum()):
        first = int(np.argmax(empty))
        print(
            f"{path}: left out {counted(count, 'row')} without any score, the first{_where(came, first)}",
            file=sys.stderr,
        )
    return values, np.flatnonzero(~empty)


def _spooled(came: Columns, pieces: Pieces, path: Path, kind: Kind) -> tuple[Source, np.ndarray]:
    samples, num_labels = len(pieces), pieces.shape[1]
    dtype = _floating(np.empty(0, pieces.dtype)).dtype
    together = labels_at_a_time(samples)
    spool = Spool(path.parent, (samples, num_labels), dtype, together=together, what=str(path))
    empty, at = list[np.ndarray](), 0
    for part in pieces.read():
        empty.append(_empty_rows(part, at, came, path, kind))
        spool.append(_floating(part))
        at += len(part)
    return spool, np.concatenate(empty)


def _empty_rows(scores: np.ndarray, start: int, came: Columns, path: Path, kind: Kind) -> np.ndarray:
    """Which of the rows from ``start`` on have no score; all others are checked."""
    absent = np.isnan(scores)
    empty = np.asarray(absent.all(axis=1))
    bad: np.ndarray = ~np.isfinite(scores) & ~empty[:, None]
    wanted = "a finite number"
    if not np.any(bad) and kind == "probabilities":
        bad, wanted = (scores < 0) | (scores > 1), "a probability in [0, 1]"
    if np.any(bad):
        row, label = (int(part[0]) for part in np.nonzero(bad))
        value = "nothing" if absent[row, label] else f"{scores[row, label]:g}"
        hint = " (are these --scores logits?)" if wanted.startswith("a prob") else ""
        raise DataError(
            f"expected {wanted} for {quoted(came.names[label])}{_where(came, start + row)}, got {value}{hint}",
            path=path,
            line=line_of_row(path, start + row),
        )
    return empty


def _where(came: Columns, row: int) -> str:
    return f" of {quoted(str(came.ids[row]))}" if came.ids is not None else f" in row {row} (from 0)"


def _by_themselves(came: Columns, values: Tensor | Source, path: Path, places: np.ndarray) -> tuple[Data, np.ndarray]:
    if came.truth is None:
        but = ": its labels are what lopsided predict decided" if came.are_predictions else ""
        raise DataError(
            f"expected columns label:NAME with the truth, or a source that has it, got none{but}", path=path
        )
    truth = _in_order(came.truth, came.names, path)
    ids = () if came.ids is None else tuple(map(str, came.ids[places].tolist()))
    _check_ids(ids, path)
    splits = np.full(len(places), ONLY) if came.splits is None else came.splits[places]
    shown = values[torch.from_numpy(places)] if isinstance(values, Tensor) else values.take(places).of(slice(0, _SHOWN))
    features = np.clip(shown.numpy().astype(np.float32), np.finfo(np.float32).min, np.finfo(np.float32).max)
    names = tuple(f"score {name}" for name in came.names[: features.shape[1]])
    rows = ScoredRows(path.stem, features, truth.take(places), splits, feature_names=names, ids=ids)
    return rows, np.arange(len(places))


def _in_order(truth: Labels, names: tuple[str, ...], path: Path) -> Labels:
    """The truth with the labels of the scores, in their order."""
    from lopsided.data.readers.run_labels import aligned

    if len(set(names)) != len(names):
        raise DataError("expected distinct labels, got one twice", path=path)
    if missing := [name for name in names if name not in truth.names]:
        raise DataError(f"expected the truth of every label with a score, got none of {quoted(missing[0])}", path=path)
    if extra := [name for name in truth.names if name not in names]:
        raise DataError(f"expected a score for every label with a truth, got none for {quoted(extra[0])}", path=path)
    return aligned(truth, names)


def _check_ids(ids: tuple[str, ...], path: Path) -> None:
    seen: dict[str, int] = {}
    for row, name in enumerate(ids):
        if seen.setdefault(name, row) != row:
            raise DataError(f"expected each sample once, got {quoted(name)} twice", path=path)


def _joined(came: Columns, path: Path, source: str, places: np.ndarray) -> tuple[Data, np.ndarray]:
    """The data of a source, and the sample that each row is about."""
    if came.ids is None:
        raise DataError(f"expected a column {' or '.join(IDS)}, by which to join {source}, got none", path=path)
    if came.truth is not None:
        raise DataError(f"expected the truth in the file or in {source}, got both", path=path)
    try:
        data = read_source(source, DataOptions(validation_share=0), label_names=came.names)
    except DataError as error:
        raise DataError(str(error).replace("the labels of the run", "the labels of the scores")) from None
    ids = tuple(map(str, came.ids[places].tolist()))
    _check_ids(ids, path)
    names = map(str, data.row_names(np.arange(len(data))))
    numbers = {name: row for row, name in enumerate(names)}
    for place, name in zip(places.tolist(), ids, strict=True):
        if name not in numbers:
            what = data.row_column[0]
            raise DataError(
                f"expected the {what} of a sample of {source}, got {quoted(name)}",
                path=path,
                line=line_of_row(path, place),
            )
    return data, np.array([numbers[name] for name in ids], dtype=np.int64)
