"""Which decisions of a run were made on the split that is measured, which makes its numbers optimistic."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lopsided.runs.folder import RunFolder
from lopsided.runs.own_data import is_own, same_place


def chosen_on(
    run: RunFolder, *, split: str, source: str | None, thresholds: dict[str, Any] | None, fit: dict[str, Any] | None
) -> list[str]:
    """Which of ``weights`` (or their epoch), ``thresholds`` and ``calibration`` were chosen on a split.

    Args:
        run: A trained run.
        split: The split that is measured.
        source: Where its data comes from; None for the run's own.
        thresholds: How the applied thresholds were chosen, as thresholds.json has it; None for a given number.
        fit: calibration.json of the run, or None.
    """
    own = source is None or is_own(run, source)
    has_best = (run.checkpoints / "best.ckpt").is_file()
    found = ["weights"] if own and (split == "train" or (split == "val" and has_best)) else []
    for name, decided in (("thresholds", thresholds), ("calibration", fit)):
        if decided is None or decided.get("split") != split:
            continue
        its_source = decided.get("source")
        its_own = its_source is None or is_own(run, its_source)
        if its_own == own and (own or same_place(str(its_source), str(source))):
            found.append(name)
    return found


def describe_chosen(chosen: Sequence[str], split: str) -> str:
    """One sentence for those who read the numbers; empty where nothing was chosen on the split.

    >>> describe_chosen(["weights"], "train")
    'train is the split the network was trained on: optimistic.'
    >>> describe_chosen(["weights", "thresholds"], "val")
    'val is the split these were chosen on: optimistic (weights, thresholds).'
    """
    if not chosen:
        return ""
    if split == "train" and "weights" in chosen:
        return "train is the split the network was trained on: optimistic."
    return f"{split} is the split these were chosen on: optimistic ({', '.join(chosen)})."
