"""From the rows of a sweep to its results: mean, spread, and differences within seeds with confidence intervals."""

from __future__ import annotations

import csv
import dataclasses
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev

from lopsided.experiments.plan import Choice, Sweep, choices, final_rows
from lopsided.experiments.rows import Key, Row
from lopsided.experiments.settings import Setting
from lopsided.metrics.catalogue import CATALOGUE
from lopsided.runs.json_files import write_whole

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Result:
    """What a setting came to on the test split; means over seeds, shares in [0, 1].

    Args:
        missing: Share of the training positives that were hidden.
        unknown: Share of the training labels that were made unknown.
        setting: Its name.
        loss: Its loss's name.
        value: Its place on the axis, or nan.
        learning_rate: The one that validation chose.
        weight_decay: Likewise.
        tried: Pairs of the two that were tried.
        at_edge: Whether one of the two is the lowest or the highest that was tried, so that one beyond may be better.
        edges: Which, joined by " and ".
        seeds: Runs that the means are of.
        diverged: Runs that were left out because they have no numbers.
        val_mAP: On the validation split, which chose the learning rate and the epoch.
        mAP: On the test split, like the metrics that follow.
        sd: Standard deviation of mAP over seeds; nan for one seed.
        baseline: Setting that the difference is to.
        difference: Mean over seeds of mAP minus that of the baseline's run with the same seed.
        low: Lower end of the difference's confidence interval, paired t; nan for one seed.
        high: Upper end.
        others: The other metrics of the catalogue, by name; decisions at probability 0.5.
        final_gap: Of the training batches of the last epoch.
        final_gamma_neg: Focusing power of negatives at the last step.
    """

    missing: float
    unknown: float
    setting: str
    loss: str
    value: float
    learning_rate: float
    weight_decay: float
    tried: int
    at_edge: bool
    edges: str
    seeds: int
    diverged: int
    val_mAP: float  # noqa: N815
    mAP: float  # noqa: N815
    sd: float
    baseline: str
    difference: float
    low: float
    high: float
    others: dict[str, float]
    final_gap: float
    final_gamma_neg: float


def results(sweep: Sweep, rows: Mapping[Key, Row]) -> list[Result]:
    """One result for each share of hidden labels and setting, in their order."""
    final = final_rows(sweep, rows)
    found = []
    for hidden in sweep.hidden:
        here = [row for row in final if (row.missing, row.unknown) == hidden]
        of = {setting.name: [row for row in here if row.setting == setting.name] for setting in sweep.settings}
        baseline = _baseline(sweep, of)
        found += [
            _result(setting, of[setting.name], baseline, of[baseline], choice)
            for setting, choice in zip(sweep.settings, choices(sweep, rows, hidden), strict=True)
        ]
    return found


def paired_interval(differences: Sequence[float], *, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Confidence interval of the mean of differences between runs that share all but their setting, by Student's t.

    Args:
        differences: One for each seed.
        confidence: In (0, 1).

    Returns:
        Lower and upper end; nan for fewer than two differences, and for equal ones: runs whose seed changes nothing
        say nothing about chance.

    >>> [round(end, 3) for end in paired_interval([1.0, 2.0, 3.0])]
    [-0.484, 4.484]
    """
    from scipy.stats import t  # late: it takes a while to import

    count = len(differences)
    if count < 2 or stdev(differences) == 0:
        return math.nan, math.nan
    half = float(t.ppf((1 + confidence) / 2, count - 1)) * stdev(differences) / math.sqrt(count)
    return fmean(differences) - half, fmean(differences) + half


def write_results(path: Path, found: Sequence[Result]) -> None:
    """Write a CSV file, a line for each result; what is not a number stays empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for number, result in enumerate(found):
        fields = dataclasses.asdict(result)
        fields |= fields.pop("others")
        if not number:
            writer.writerow(fields)
        writer.writerow(
            "" if value != value else f"{value:.6g}" if isinstance(value, float) else value for value in fields.values()
        )
    write_whole(path, text.getvalue())


def _baseline(sweep: Sweep, of: Mapping[str, Sequence[Row]]) -> str:
    """Cross-entropy; for adaptive asymmetry the fixed setting that validation puts first."""
    if sweep.name != "adaptive":
        return "cross_entropy"
    fixed = [setting.name for setting in sweep.settings if setting.loss.name != "adaptive"]
    return max(fixed, key=lambda name: _mean([row.val_mAP for row in of[name]], of_none=-1.0))


def _result(
    setting: Setting, rows: Sequence[Row], baseline: str, baseline_rows: Sequence[Row], choice: Choice
) -> Result:
    good = [row for row in rows if math.isfinite(row.test["mAP"])]
    other = {row.seed: row.test["mAP"] for row in baseline_rows if math.isfinite(row.test["mAP"])}
    differences = [row.test["mAP"] - other[row.seed] for row in good if row.seed in other]
    low, high = paired_interval(differences)
    return Result(
        missing=rows[0].missing,
        unknown=rows[0].unknown,
        setting=setting.name,
        loss=setting.loss.name,
        value=math.nan if setting.value is None else setting.value,
        learning_rate=rows[0].learning_rate,
        weight_decay=rows[0].weight_decay,
        tried=len(choice.axes),
        at_edge=bool(choice.edges),
        edges=" and ".join(choice.edges),
        seeds=len(good),
        diverged=len(rows) - len(good),
        val_mAP=_mean([row.val_mAP for row in good]),
        mAP=_mean([row.test["mAP"] for row in good]),
        sd=stdev([row.test["mAP"] for row in good]) if len(good) > 1 else math.nan,
        baseline=baseline,
        difference=_mean(differences),
        low=low,
        high=high,
        others={name: _mean([row.test[name] for row in good]) for name in CATALOGUE if name != "mAP"},
        final_gap=_mean([row.final_gap for row in good]),
        final_gamma_neg=_mean([row.final_gamma_neg for row in good]),
    )


def _mean(values: Sequence[float], *, of_none: float = math.nan) -> float:
    return fmean(values) if values else of_none
