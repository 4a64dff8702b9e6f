"""What a person sees while a search runs."""

from __future__ import annotations

import sys
from types import TracebackType

from tqdm import tqdm

from lopsided.experiments.settings import name_of
from lopsided.experiments.tuning.search import Search
from lopsided.experiments.tuning.space import Candidate
from lopsided.experiments.tuning.trials import Trials, best_of
from lopsided.experiments.tuning.work import Made

_FORMAT = "{desc}: {percentage:3.0f}%|{bar}| {n:.1f} of {total} trials [{elapsed}<{remaining}{postfix}]"
_OPEN = "{desc}: {n:.1f} trials [{elapsed}{postfix}]"


class Progress:
    """A bar with the best so far on a terminal; elsewhere a line for each trial.

    Args:
        search: The search.
        trials: Its study.
        one_by_one: Why trials are not made in one batch; None where they are.
    """

    def __init__(self, search: Search, trials: Trials, *, one_by_one: str | None) -> None:
        self.trials = trials
        self.bar = tqdm(
            total=search.limit, desc="tune", disable=None, bar_format=_FORMAT if search.limit else _OPEN, leave=False
        )
        if one_by_one:
            self.bar.write(f"one trial at a time: {one_by_one}", file=sys.stderr)
        self._show()

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.bar.close()

    def advance(self, share: float) -> None:
        """Count a share of a trial."""
        self.bar.update(share)

    def ended(self, made: Made) -> None:
        """Leave the trial's line, and show the best of all workers so far."""
        best = self._show()
        if made.val_mAP is None:
            came = "diverged"
        else:
            came = f"validation mAP {made.val_mAP:.4f}" + (f", ended after epoch {made.epochs}" if made.pruned else "")
        so_far = f"; best so far {best[1]:.4f} (trial {best[0]})" if best else ""
        line = f"  trial {made.taken.number}: {described(made.taken.candidate)}: {came}{so_far}, {made.seconds:.1f} s"
        if self.bar.disable:  # no terminal
            print(line, file=sys.stderr, flush=True)

    def _show(self) -> tuple[int, float] | None:
        ended = self.trials.ended()
        self.bar.n = len(ended)
        best = best_of(ended)
        if best is None or best.value is None:
            return None
        self.bar.set_postfix_str(f"best {best.value:.4f} of trial {best.number}")
        return best.number, best.value


def described(candidate: Candidate) -> str:
    """A configuration in a few words."""
    return f"{name_of(candidate.loss)} rate={candidate.learning_rate:g} decay={candidate.weight_decay:g}"
