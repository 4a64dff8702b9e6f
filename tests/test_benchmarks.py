"""Benchmarks run as written, at their smallest."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_batched_grid_is_set_against_single_runs():
    table = f"table:{ROOT / 'tests' / 'golden' / 'table.csv'}"
    small = ["--seeds", "1", "--epochs", "1", "--alone", "1", "--repeats", "1", "--threads", "1"]
    done = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / "grid.py", "--source", table, *small],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert re.search(r"^  one by one +\d+\.\d+ s a run +\d+\.\d+ \(", done.stdout, re.MULTILINE), done.stdout
