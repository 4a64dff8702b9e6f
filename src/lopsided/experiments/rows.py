"""The rows of a sweep: one for every single run."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

from lopsided.data.derived.hidden import Hidden
from lopsided.experiments.axes import Pair
from lopsided.experiments.settings import Setting
from lopsided.files.whole import whole
from lopsided.metrics.catalogue import CATALOGUE, undefined

Stage = Literal["tune", "final"]


class Key(NamedTuple):
    """What tells a run from the others of its study."""

    setting: str
    missing: float
    unknown: float
    seed: int
    learning_rate: float
    weight_decay: float
    stage: str


_TEST = "test_"
"""What the columns of metrics on the test split start with."""


@dataclass(frozen=True)
class Point:
    """A run that is to be made.

    Args:
        setting: Its loss.
        hidden: How much of the training labels it does not see.
        seed: Decides the validation samples where the data has none, hidden labels, first weights, order.
        pair: Learning rate, the highest of its cycle, and weight decay.
        stage: tune (a pair is tried on validation) or final (the chosen one is measured on test).
    """

    setting: Setting
    hidden: Hidden
    seed: int
    pair: Pair
    stage: Stage

    @property
    def key(self) -> Key:
        """What tells it from the others."""
        return Key(self.setting.name, *self.hidden, self.seed, *self.pair, self.stage)


@dataclass(frozen=True)
class Row:
    """A run that was made; nan stands for what was not measured, or what diverged."""

    setting: str
    missing: float  # share of the positives
    unknown: float  # share of the labels
    seed: int
    learning_rate: float
    weight_decay: float
    stage: str
    val_mAP: float  # of the best epoch, like all that follows  # noqa: N815
    best_epoch: int
    val_gap: float
    final_gap: float  # mean over the training batches of the last epoch
    final_gamma_neg: float  # at the last step
    seconds: float
    test: dict[str, float] = field(default_factory=undefined)  # every metric on the test split, by its name

    @property
    def key(self) -> Key:
        """What tells it from the others."""
        return Key(
            self.setting,
            self.missing,
            self.unknown,
            self.seed,
            self.learning_rate,
            self.weight_decay,
            self.stage,
        )

    def plain(self) -> dict[str, Any]:
        """The fields as JSON can hold them: None for nan."""
        fields = {name: value for name, value in dataclasses.asdict(self).items() if name != "test"}
        fields |= {f"{_TEST}{name}": value for name, value in self.test.items()}
        return {name: None if value != value else value for name, value in fields.items()}

    @staticmethod
    def of(plain: dict[str, Any], *, weight_decay: float) -> Row:
        """A row from what :meth:`plain` gave, in this version or an older one.

        Args:
            plain: The fields. A metric that an older version did not know is nan; it made no label unknown.
            weight_decay: That of all runs of a sweep of an older version.
        """
        plain = {"unknown": 0.0, "weight_decay": weight_decay, **plain}
        fields: dict[str, Any] = {name: math.nan if value is None else value for name, value in plain.items()}
        test = {name: fields.pop(f"{_TEST}{name}", math.nan) for name in CATALOGUE}
        return Row(**fields, test=test)


def write_rows(path: Path, rows: Iterable[Row], settings: Iterable[Setting]) -> None:
    """Write a Parquet file, whole or absent: a line for each row, and beside it its loss, by the names of options.

    Args:
        path: The file.
        rows: At least one.
        settings: Those of the rows, and maybe others.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    losses = {setting.name: setting for setting in settings}
    records = []
    for row in rows:
        setting = losses[row.setting]
        options = {f"loss.{name}": value for name, value in dataclasses.asdict(setting.loss).items()}
        records.append({**row.plain(), "value": setting.value, **options})
    with whole(path) as part:
        pq.write_table(pa.Table.from_pylist(records), part)
