"""Checkpoints of a run: what goes on from them, which epoch was the best, and files that are whole or absent."""

from __future__ import annotations

import io
import math
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from lopsided.files.whole import whole

_NONE_YET = -math.inf


@dataclass
class Best:
    """The best validation mAP so far, and how long ago it was.

    >>> best = Best()
    >>> [best.is_improved_by(value) for value in (0.2, 0.5, 0.4)], best.waited
    ([True, True, False], 1)
    """

    value: float = _NONE_YET
    waited: int = 0  # epochs since then

    def is_improved_by(self, value: float) -> bool:
        """Take an epoch's value: whether it is the best one. As long as no epoch had a value, as where no positive is
        known on validation, the last one is the best, and there is nothing to wait for."""
        is_best = value > self.value or (math.isnan(value) and self.value == _NONE_YET)
        if value > self.value:
            self.value = value
        self.waited = 0 if is_best else self.waited + 1
        return is_best

    def state_dict(self) -> dict[str, float]:
        """For a checkpoint."""
        return {"val_mAP": self.value, "waited": self.waited}

    @staticmethod
    def of(checkpoint: dict[str, Any]) -> Best:
        """What a checkpoint says; older versions wrote the state of Lightning's callbacks."""
        if "best" in checkpoint:
            return Best(float(checkpoint["best"]["val_mAP"]), int(checkpoint["best"]["waited"]))
        best = Best()
        for name, state in checkpoint.get("callbacks", {}).items():
            if "val_mAP" in name and state.get("best_model_score") is not None:
                value = float(state["best_model_score"])
                best.value = _NONE_YET if math.isnan(value) else value
            best.waited = int(state.get("wait_count", best.waited))
        return best


def write_checkpoint(content: dict[str, Any], path: Path, *copies: Path) -> None:
    """Write a checkpoint to one file after the other, each beside its place until it is whole.

    It is serialised once, and never into a second copy of the weights in memory.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole(path) as part, _Remembering(part) as file:
        try:
            torch.save(content, file)
        except RuntimeError:  # what torch says where a write failed
            raise file.failed or OSError(f"cannot write {path}") from None
    for copy in copies:
        with whole(copy) as part:
            shutil.copyfile(path, part)


class _Remembering(io.FileIO):
    """A file that keeps the error of a write, of which torch tells nothing but a position."""

    failed: OSError | None = None

    def __init__(self, path: Path) -> None:
        super().__init__(path, "wb")

    def write(self, data: Any) -> int:
        try:
            done = 0
            while done < len(data):  # a single write may end early
                done += super().write(memoryview(data)[done:]) or 0
            return done
        except OSError as error:
            self.failed = error
            raise
