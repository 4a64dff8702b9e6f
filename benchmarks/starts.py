"""How long a verb takes to start: `--help`, and `evaluate` of a small table, beside Python that only imports torch.

python benchmarks/starts.py [--rounds 5] [--verbs evaluate train]

Each round starts every one of them once, in turn, and takes ratios to the import of torch within the round; CPU time of
the process and wall time. Results are appended to results/starts.csv.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from measure import append, environment, spread

IMPORT = "import torch"


def commands(verbs: list[str], run: Path) -> dict[str, list[str]]:
    lopsided = [sys.executable, "-m", "lopsided"]
    helps = {f"{verb} --help": [*lopsided, verb, "--help"] for verb in verbs}
    return {
        IMPORT: [sys.executable, "-c", IMPORT],
        **helps,
        "inspect": [*lopsided, "inspect", f"table:{run.parent / 'pets.csv'}"],
        "evaluate": [*lopsided, "evaluate", str(run)],
        "predict": [*lopsided, "predict", str(run)],
    }


def trained(folder: Path) -> Path:
    """A run of one epoch on a table of 90 samples."""
    random = np.random.default_rng(0)
    lines = ["a,b,c,label:cat,label:dog,split"]
    for number, row in enumerate(random.normal(size=(90, 3)).round(3).tolist()):
        split = "train" if number < 50 else "val" if number < 70 else "test"
        lines.append(",".join(map(str, [*row, int(row[0] > 0), int(row[1] > 0), split])))
    (folder / "pets.csv").write_text("\n".join(lines) + "\n")
    line = ["train", f"table:{folder / 'pets.csv'}", "--training.epochs", "1", "--out", str(folder / "run")]
    subprocess.run([sys.executable, "-m", "lopsided", *line], check=True, capture_output=True)
    return folder / "run"


def started(command: list[str]) -> tuple[float, float]:
    """Wall and CPU seconds of a process."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--verbs", nargs="*", default=["evaluate", "train", "sweep"])
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        wanted = commands(given.verbs, trained(Path(folder)))
        for command in wanted.values():  # the first start writes compiled files
            started(command)
        times = {name: list[tuple[float, float]]() for name in wanted}
        for _ in range(given.rounds):
            for name, command in wanted.items():
                times[name].append(started(command))
    about, rows = environment("cpu", ("torch",)), []
    for name, found in times.items():
        row = {**about, "start": name, "rounds": str(given.rounds)}
        for place, clock in enumerate(("wall", "cpu")):
            ratios = spread([one[place] / base[place] for one, base in zip(found, times[IMPORT], strict=True)])
            row[f"{clock}_s"] = f"{spread([one[place] for one in found]).median:.3f}"
            row |= {f"{clock}_ratio_{part}": f"{value:.2f}" for part, value in ratios._asdict().items()}
        rows.append(row)
        print(f"{name:18}", *(f"{key} {row[key]}" for key in list(row)[-8:]))
    append("starts", rows)


if __name__ == "__main__":
    main()
