"""A whole experiment: runs that are left are claimed, made and kept, by one worker or many, until none is left."""

from __future__ import annotations

import sys
import time
from contextlib import nullcontext
from pathlib import Path

from tqdm import tqdm

from lopsided.data.contents.identity import Identity, identity_of, what_changed
from lopsided.experiments.out_folder import working_in
from lopsided.experiments.outputs import check_folder
from lopsided.experiments.plan import Sweep, num_left, num_made, points
from lopsided.experiments.rows import Key, Row
from lopsided.experiments.runner import Work
from lopsided.experiments.study import Study, check_storage
from lopsided.files.errors import counted

__all__ = ["run_sweep"]

POLL = 0.5  # seconds between two looks at what other workers have done


def run_sweep(sweep: Sweep, folder: Path, *, storage: str, out: Path | None = None) -> dict[Key, Row]:
    """Make every run of a sweep that its study does not hold yet.

    The test split is read once for each setting and seed, by the run at the learning rate and weight decay that
    validation has chosen.
    A run is made under a claim and kept whole when it is done: a sweep that is stopped anywhere goes on where it
    stood, and several workers with one study never make a run twice. A study belongs to the contents of the data:
    runs on other data, whatever it is called, are in another study, and never counted together.

    Args:
        sweep: The experiment.
        folder: For runs that are made one by one.
        storage: Of the study, see :class:`lopsided.experiments.study.Study`.
        out: Where the results are to be written: refused where it holds results on other data, or while another sweep
            writes there.

    Returns:
        All runs of the study, those of other workers too.

    Raises:
        ValueError: The data has no train, val and test splits, or changes meanwhile, the storage cannot be reached, or
            ``out`` is not for this sweep.
    """
    check_storage(storage)
    if out is not None:
        check_folder(sweep, out)
    with tqdm(total=num_left(sweep, {}) * sweep.training.epochs, desc=sweep.name, unit="epoch", disable=None) as bar:
        work = Work(sweep, folder, bar.update)
        identity = identity_of(work.complete)
        name = f"{sweep.study_name}-{identity.digest[:12]}"
        with (
            working_in(out, study=name, data=work.complete) if out is not None else nullcontext(),
            Study(storage, name, sweep.settings, weight_decay=sweep.training.weight_decay) as study,
        ):
            if others := study.begin(identity, like=sweep.study_name):
                bar.write(_about_others(others, work, study.place), file=sys.stderr)
            return _all_runs(sweep, work, study, bar)


def _all_runs(sweep: Sweep, work: Work, study: Study, bar: tqdm) -> dict[Key, Row]:
    if work.why_one_by_one:
        bar.write(f"one run at a time: {work.why_one_by_one}", file=sys.stderr)
    while left := points(sweep, rows := study.rows()):
        done = num_made(sweep, rows)
        bar.total = (done + num_left(sweep, rows)) * sweep.training.epochs  # grows where a grid does
        bar.update(done * sweep.training.epochs - bar.n)
        # Every unit is tried, though one that was made may have opened others: no worker is idle meanwhile.
        made = [_make(name, study, work, bar) for name in work.units(left)]
        if not any(made):
            time.sleep(POLL)
    return rows


def _about_others(others: list[Identity | None], work: Work, place: str) -> str:
    """The note for a storage that holds runs of the same command on other data."""
    last = others[-1]
    if last is None:
        which = "by an older version, which did not keep what they were made on"
    else:
        which = f"on other data, since when this changed: {what_changed(last, work.complete)}"
    return f"{place} holds runs of the same line {which}; they are kept, and not counted here"


def _make(name: str, study: Study, work: Work, bar: tqdm) -> bool:
    """Make a unit unless another worker has it; say whether anything was made."""
    with study.claims.claim(f"{study.name} {name}") as is_mine:
        if not is_mine:
            return False
        left = points(work.sweep, study.rows())  # another worker may have made it since
        unit = work.units(left).get(name, [])
        if unit:
            started = time.perf_counter()
            study.add(work.make(unit), work.sweep.settings)
            if bar.disable:  # no terminal
                took = time.perf_counter() - started
                print(
                    f"  {work.sweep.name}: {name}: {counted(len(unit), 'run')}, {took:.0f} s",
                    file=sys.stderr,
                    flush=True,
                )
        return bool(unit)
