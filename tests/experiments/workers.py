"""Workers of a sweep and of a search: processes whose lines can be read while they work."""

import itertools
import os
import subprocess
import sys

_SCRIPT = "import sys; from lopsided.cli.main import main; sys.exit(main(sys.argv[1:]))"

SWEEP = [
    "--grid=0,2",
    "--seeds=4",
    "--trials=2",
    "--decays=0.0001",
    "--widen=0",
    "--model.name=linear",
    "--training.epochs=8",
    "--training.batch_size=8",
]
SEARCH = ["--model.name=linear", "--training.epochs=2", "--training.batch_size=8"]


def start_sweep(source, out, *options):
    return _start("sweep", "gamma_neg", source, *SWEEP, f"--out={out}", *options)


def start_search(source, out, *options):
    return _start("tune", source, *SEARCH, f"--out={out}", *options)


def units_until(worker, count):
    """Wait for a sweep to finish some units; their names."""
    of_units = (line.strip() for line in worker.stderr if " s" in line and (" runs, " in line or " 1 run, " in line))
    return list(itertools.islice(of_units, count))


def numbers_until(worker, count):
    """Wait for a search to end some trials; their numbers."""
    of_trials = (int(line.split()[1].rstrip(":")) for line in worker.stderr if line.startswith("  trial "))
    return list(itertools.islice(of_trials, count))


def numbers_of_two(workers):
    """The numbers of the trials that each of two searches ends, where the first is killed after three."""
    first = numbers_until(workers[0], 3)
    workers[0].kill()
    first += numbers_until(workers[0], 99)
    workers[0].communicate()
    others = numbers_until(workers[1], 99)
    workers[1].communicate()
    assert workers[1].returncode == 0
    return first, others


def _start(*words):
    one_thread = {**os.environ, "OMP_NUM_THREADS": "1"}
    line = [sys.executable, "-c", _SCRIPT, *words]
    return subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=one_thread)
