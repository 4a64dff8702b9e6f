"""Why the numbers of runs must not be believed, or not be compared: sentences that stand above a page."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lopsided.inference.evaluations.chosen import describe_chosen
from lopsided.reports.naming import shown
from lopsided.reports.runs import Run
from lopsided.runs.loss.options import loss_settings

_NAMED = 6  # labels
_AT_ZERO = 0.05  # of gamma_neg


def same_measure(runs: Sequence[Run]) -> bool:
    """Whether all evaluated runs were measured on the same samples, so that their numbers can be compared."""
    return len({_measured_on(run) for run in runs if run.evaluation}) < 2


def one_rate(runs: Sequence[Run]) -> bool:
    """Whether different losses were trained with one learning rate, which then decides their order."""
    rates = {run.config.training.learning_rate for run in runs}
    return len({run.look for run in runs}) > 1 and len(rates) == 1


def doubts_about(runs: Sequence[Run]) -> list[str]:
    """What a reader must know before comparing the numbers, in one sentence each."""
    found = []
    if len({run.config.source for run in runs}) > 1:
        found.append("The runs read different data: do not compare their numbers.")
    elif not same_measure(runs):
        found.append("The runs were measured on different samples: do not compare their numbers.")
    said = (describe_chosen(run.chosen_here, run.split) for run in runs if run.evaluation)
    found += [text[0].upper() + text[1:] for text in dict.fromkeys(said) if text]
    if one_rate(runs) and sum(run.evaluation is not None for run in runs) > 1:
        rate = shown(runs[0].config.training.learning_rate)
        found.append(
            f"All losses were trained with one learning rate, {rate}, and losses want different ones: their order here "
            "says which of them this rate suits, and is no ranking. lopsided sweep losses chooses a rate for each."
        )
    found += dict.fromkeys(text for run in runs for text in _about_labels(run))
    return found + [_printed(run) for run in runs if run.look == "adaptive_printed" and _ran_away(run)]


def always_true(names: Sequence[str], measured: int, split: str) -> str:
    """That labels are true in each sample, so that a mean over them says less than it seems to, or nothing."""
    named = ", ".join(map(str, names[:_NAMED])) + (" …" if len(names) > _NAMED else "")
    if len(names) == measured:
        which = "the only label" if measured == 1 else "every label"
        return (
            f"mAP on the {split} split says nothing about a network: {which} that has a positive there is true in each "
            f"sample, so any scores have an average precision of 1 ({named})."
        )
    return (
        f"{len(names):,} of the {measured:,} labels measured on the {split} split are true in each sample: "
        f"their average precision is 1 whatever a network does ({named})."
    )


def _measured_on(run: Run) -> tuple[object, ...]:
    """What tells apart the samples that two runs were measured on."""
    config, evaluation = run.config, run.evaluation or {}
    drawn = config.source == "digits" or run.split == "val"  # by the seed
    return config.source, run.split, config.seed if drawn else None, evaluation.get("samples")


def _about_labels(run: Run) -> list[str]:
    evaluation = run.evaluation or {}
    measured, without = evaluation.get("labels_measured"), evaluation.get("labels_without_positives")
    if not isinstance(measured, int) or not isinstance(without, int):  # an older evaluation does not say
        return []
    found = []
    if without:
        found.append(
            f"Means over labels on the {run.split} split, such as mAP, cover the {measured:,} of "
            f"{measured + without:,} labels that have a positive there."
        )
    always = evaluation.get("labels_always_true")
    if isinstance(always, list) and always:
        found.append(always_true(always, measured, run.split))
    return found


def _ran_away(run: Run) -> bool:
    return run.last("gamma_neg") < _AT_ZERO


def _printed(run: Run) -> str:
    """Why the numbers of a run with the printed sign of eq. 9 do not speak for it, where gamma_neg ended at 0."""
    at_zero = float(np.mean(run.steps["gamma_neg"] < _AT_ZERO))
    settings = loss_settings(run.config.loss)
    left = (
        "no focusing and no margin"
        if settings["full_margin_at"]
        else f"a margin of {shown(settings['margin'])} without focusing"
    )
    return (
        f"{run.label[0].upper()}{run.label[1:]}: that rule leads away from its target. γ− was at 0 in "
        f"{100 * at_zero:.0f} % of the steps, so the metrics are those of {left}, and no merit of the rule."
    )
