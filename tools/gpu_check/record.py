"""Where a step writes what it finds: one JSON object a line, as soon as it is known."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
from measure import environment

GPU = torch.cuda.is_available()
DEVICE = "cuda" if GPU else "cpu"


class Record:
    """The file of one step.

    Args:
        step: Its name; the file is ``STEP.jsonl`` in the folder of ``--out``.
    """

    def __init__(self, step: str) -> None:
        parser = argparse.ArgumentParser(prog=f"tools.gpu_check.{step}")
        parser.add_argument("--out", type=Path, default=Path("benchmarks/results/gpu"), help="folder of the results")
        self.folder: Path = parser.parse_args().out
        self.folder.mkdir(parents=True, exist_ok=True)
        self._file = self.folder / f"{step}.jsonl"
        self._file.write_text("", encoding="utf-8")
        packages = ("torch", "triton") if GPU else ("torch",)
        self.write(step=step, counts=GPU, **environment(DEVICE, packages))

    def write(self, **values: object) -> None:
        """Print one finding and add it to the file."""
        print("  " + ", ".join(f"{name} {_short(value)}" for name, value in values.items()))
        with self._file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(values) + "\n")


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
