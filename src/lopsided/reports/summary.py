"""What was run and what came out, in plain words."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np

from lopsided.data import Data
from lopsided.data.derived.hidden import count_hidden
from lopsided.files.errors import counted
from lopsided.reports.doubts import doubts_about, one_rate, same_measure
from lopsided.reports.naming import TITLES, describe_loss, shown, what_differs
from lopsided.reports.runs import Run


def summary(runs: Sequence[Run], data: Data | None) -> str:
    """One paragraph about the runs of a page.

    Args:
        runs: At least one.
        data: Data of one of them, or None where it cannot be read.
    """
    return " ".join([_what_ran(runs, data), _how_it_ran(runs), *_what_came_out(runs)])


def warnings_about(runs: Sequence[Run]) -> list[str]:
    """What a reader must know before believing the numbers, in one sentence each."""
    found = doubts_about(runs)
    for run in runs:
        who = f"{run.label}: " if len(runs) > 1 else ""
        found += [who + (trouble if who else trouble[0].upper() + trouble[1:]) for trouble in _troubles(run)]
    return found


def best_run(runs: Sequence[Run]) -> Run | None:
    """The run with the highest mAP of its evaluation, or None where none was evaluated."""
    evaluated = [run for run in runs if math.isfinite(evaluated_map(run))]
    return max(evaluated, key=evaluated_map, default=None)


def evaluated_map(run: Run) -> float:
    """mAP of the evaluation in [0, 1]; nan without one."""
    number = (run.evaluation or {}).get("mAP")
    return float(number) if isinstance(number, int | float) and 0 <= number <= 1 else math.nan


def percent(share: float, digits: int = 1) -> str:
    """A share in [0, 1] as ``43.3 %``, with a space that does not break."""
    return f"{100 * share:.{digits}f}\u00a0%"


def signed(number: float) -> str:
    """A gap as ``+0.10`` or ``−0.03``."""
    return f"{number:+.2f}".replace("-", "−")


def _what_ran(runs: Sequence[Run], data: Data | None) -> str:
    source = runs[0].config.source
    if len(runs) == 1:
        text = f"One run on {source} with this loss: {describe_loss(runs[0].config.loss)}."
    else:
        sources = dict.fromkeys(run.config.source for run in runs)
        text = f"{len(runs)} runs on {' and '.join(sources)}: {_which(runs)}."
    if data is None:
        return text
    return f"{text} {_what_it_holds(data)}"


def _which(runs: Sequence[Run]) -> str:
    """Every run by its label; the losses alone where that would be too long."""
    if len(runs) <= 6:
        return "; ".join(run.label for run in runs)
    return "; ".join(f"{count} with {TITLES[look]}" for look, count in Counter(run.look for run in runs).items())


def _what_it_holds(data: Data) -> str:
    """Samples of each split, labels and how rare positives are, as a sentence."""
    words = {"train": "training", "val": "validation", "test": "test"}
    parts = [f"{len(data.rows(name)):,} {words.get(name, name)}" for name in data.split_names]
    listed = parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
    labels = (data.truth or data.labels).positives.nnz
    num_labels = len(data.labels.names)
    noun = "sample" if len(data) == 1 else "samples"
    text = f"The data holds {listed} {noun} with {counted(num_labels, 'label')} each, "
    text += f"{labels / len(data):.1f} of them true"
    if labels:
        negatives = len(data) * num_labels - data.labels.num_unknown - labels
        text += f" ({counted(round(negatives / labels), 'negative')} for each positive)"
    if data.truth is not None:
        text += f"; {_hidden(*count_hidden(data.labels, data.truth))} on purpose"
    return text + "."


def _hidden(positives: int, unknown: int) -> str:
    """Such as ``3 positives of the training samples were hidden and 1 label was made unknown``."""
    parts = [f"{counted(positives, 'positive')} of the training samples {_were(positives)} hidden"] if positives else []
    if unknown:
        where = "" if parts else " of the training samples"
        parts.append(f"{counted(unknown, 'label')}{where} {_were(unknown)} made unknown")
    return " and ".join(parts) or "no positive of the training samples was hidden"


def _were(count: int) -> str:
    return "was" if count == 1 else "were"


def _how_it_ran(runs: Sequence[Run]) -> str:
    epochs = _range([run.config.training.epochs for run in runs])
    epochs += " epoch" if epochs == "1" else " epochs"
    batches = _range([run.config.training.batch_size for run in runs])
    rates = _range([run.config.training.learning_rate for run in runs])
    text = f"Training was set to {epochs} in batches of {batches}, with a highest learning rate of {rates}."
    if len(runs) > 1:
        names = ["the loss" if name == "loss" else name for name in what_differs([run.config for run in runs])]
        text += f" They differ in {', '.join(names)}." if names else " Their configurations are the same."
    return text


def _range(numbers: Sequence[float]) -> str:
    low, high = min(numbers), max(numbers)
    return shown(low) if low == high else f"{shown(low)} to {shown(high)}"


def _what_came_out(runs: Sequence[Run]) -> list[str]:
    best = best_run(runs)
    if best is None:
        return [_only_validated(runs)]
    where, high = f"the {best.split} split{_count_of(best)}", percent(evaluated_map(best), best.digits)
    if len(runs) == 1:
        text = f"On {where} it reached a mean average precision (mAP) of {high}"
        gap = best.last("gap")
        return [text + (f"; the gap Δp ended at {signed(gap)}." if math.isfinite(gap) else ".")]
    if not same_measure(runs):
        return ["They were measured on different samples, so that none of them is the best."]
    text = f"The highest mean average precision (mAP) on {where} is {high}, by {best.label}"
    plain = [run for run in runs if run.look == "cross_entropy" and math.isfinite(evaluated_map(run))]
    if plain and best.look != "cross_entropy":
        highest = max(map(evaluated_map, plain))
        if one_rate(runs):
            reached = percent(highest, best.digits)
            text += f"; cross-entropy reached {reached} at the same learning rate, which ranks nothing"
        else:
            text += f", {100 * (evaluated_map(best) - highest):.{best.digits}f} points above cross-entropy"
    return [text + "."]


def _count_of(run: Run) -> str:
    samples = (run.evaluation or {}).get("samples")
    return f" ({counted(samples, 'sample')})" if isinstance(samples, int) and samples < 1000 else ""


def _only_validated(runs: Sequence[Run]) -> str:
    reached = [
        (float(np.nanmax(values)), run) for run in runs if np.isfinite(values := run.validations["val_mAP"]).any()
    ]
    if not reached:
        return "Nothing was measured on validation or test samples yet."
    high, run = max(reached, key=lambda pair: pair[0])
    who = "" if len(runs) == 1 else f", by {run.label}"
    high_mark = f"the highest validation mAP is {percent(high)}{who}, of an epoch that it chose itself"
    return f"No run was evaluated on test samples yet; {high_mark}."


def _troubles(run: Run) -> list[str]:
    loss, epochs = run.steps["loss"], run.config.training.epochs
    found = []
    if not len(loss):
        found.append("no training step was recorded.")
    elif (reached := int(np.nanmax(run.steps["epoch"])) + 1) < epochs:
        found.append(f"recorded up to epoch {reached} of {epochs} only.")
    bad = ~np.isfinite(loss)
    if bad.any():
        first = shown(float(run.steps["step"][bad.argmax()]))
        found.append(
            f"the loss was not a finite number at {bad.sum():,} of {len(loss):,} steps, first at step {first}."
        )
    if len(loss) and not len(run.validations["step"]):
        found.append("no validation was recorded.")
    return found
