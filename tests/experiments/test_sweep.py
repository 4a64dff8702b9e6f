import dataclasses
import os
import subprocess
import sys

import numpy as np
import pytest

from lopsided.data import read_source
from lopsided.experiments.grid import GridRun, train_grid
from lopsided.experiments.plan import num_runs
from lopsided.experiments.study import sqlite_at
from lopsided.experiments.sweep import run_sweep
from lopsided.models import ModelOptions

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore:Detected pickle protocol"),
]

SCRIPT = "import sys; from lopsided.cli.main import main; sys.exit(main(sys.argv[1:]))"
LINE = [sys.executable, "-c", SCRIPT, "sweep", "gamma_neg"]
OPTIONS = [
    "--grid=0,2",
    "--seeds=4",
    "--trials=2",
    "--model.name=linear",
    "--training.epochs=8",
    "--training.batch_size=8",
]


def without_seconds(rows):
    return {key: repr(dataclasses.replace(row, seconds=0.0)) for key, row in rows.items()}


def start(source, out, *options):
    """A worker whose lines can be read while it works."""
    one_thread = {**os.environ, "OMP_NUM_THREADS": "1"}
    line = [*LINE, source, *OPTIONS, f"--out={out}", *options]
    return subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=one_thread)


def units_until(worker, count):
    """Wait for a worker to finish some units; their names."""
    found = []
    for line in worker.stderr:
        if "runs," in line:
            found.append(line.strip())
            if len(found) == count:
                break
    return found


def rows_in(folder):
    import pyarrow.parquet as pq

    rows = pq.read_table(folder / "rows.parquet").drop_columns(["seconds"]).to_pylist()
    return [repr(row) for row in rows]


def test_a_sweep_makes_every_run_once_and_reads_test_in_final_runs_only(tmp_path, sweep):
    storage = sqlite_at(tmp_path / "study.db")
    rows = run_sweep(sweep, tmp_path / "runs", storage=storage)
    assert len(rows) == num_runs(sweep)
    assert all(np.isnan(row.test_mAP) == (row.stage == "tune") for row in rows.values())
    again = run_sweep(sweep, tmp_path / "runs", storage=storage)
    assert {key: row.seconds for key, row in again.items()} == {key: row.seconds for key, row in rows.items()}


def test_the_numbers_of_a_sweep_are_those_of_single_runs(tmp_path, sweep):
    sweep = dataclasses.replace(sweep, missing=(0.3,))
    rows = run_sweep(sweep, tmp_path / "runs", storage=sqlite_at(tmp_path / "study.db"))
    for key in list(rows)[::5]:
        name, missing, seed, rate, stage = key
        table = read_source(sweep.source, dataclasses.replace(sweep.data, missing=missing), seed=seed)
        assert table.truth is not None
        loss = next(setting.loss for setting in sweep.settings if setting.name == name)
        (alone,) = train_grid(
            table, [GridRun(loss, rate, seed)], model=sweep.model, training=sweep.training, test=stage == "final"
        )
        assert rows[key].val_mAP == pytest.approx(alone.best_val_mAP, abs=2e-5)
        if stage == "final":
            assert rows[key].test_mAP == pytest.approx(alone.test["mAP"], abs=2e-5)


def test_seeds_differ_and_settings_of_one_seed_start_alike(tmp_path, sweep):
    rows = run_sweep(sweep, tmp_path / "runs", storage=sqlite_at(tmp_path / "study.db"))
    plain, same, _ = (setting.name for setting in sweep.settings)
    assert rows[plain, 0.0, 0, 0.01, "tune"].val_mAP != rows[plain, 0.0, 1, 0.01, "tune"].val_mAP
    # gamma_neg 0 without margin is cross-entropy
    assert rows[plain, 0.0, 0, 0.01, "tune"].val_mAP == pytest.approx(
        rows[same, 0.0, 0, 0.01, "tune"].val_mAP, abs=1e-6
    )


@pytest.mark.slow
def test_networks_that_do_not_train_in_one_batch_go_through_the_trainer(tmp_path, sweep, capsys):
    small = dataclasses.replace(sweep, settings=sweep.settings[::2], seeds=1)
    alone = dataclasses.replace(small, model=ModelOptions(name="mlp", dropout=0.5))
    rows = run_sweep(alone, tmp_path / "runs", storage=sqlite_at(tmp_path / "study.db"))
    assert "one run at a time: " in capsys.readouterr().err
    assert len(rows) == num_runs(alone)
    # The final runs are those that were tuned, measured on test.
    assert len(list((tmp_path / "runs").iterdir())) == 4
    for row in rows.values():
        if row.stage == "final":
            tuned = rows[(*row.key[:-1], "tune")]
            assert (row.val_mAP, row.final_gap) == (tuned.val_mAP, tuned.final_gap)


@pytest.mark.slow
def test_a_run_through_the_trainer_has_the_numbers_of_one_in_a_batch(tmp_path, sweep, monkeypatch):
    from lopsided.experiments import work

    small = dataclasses.replace(sweep, seeds=1, trials=1)
    together = run_sweep(small, tmp_path / "a", storage=sqlite_at(tmp_path / "a.db"))
    monkeypatch.setattr(work, "why_not", lambda *_: "one by one, for comparison")
    alone = run_sweep(small, tmp_path / "b", storage=sqlite_at(tmp_path / "b.db"))
    for key, row in together.items():
        for name, value in row.plain().items():
            if name != "seconds":
                assert getattr(alone[key], name) == (
                    value if isinstance(value, str) else pytest.approx(value, abs=1e-4)
                )


@pytest.mark.slow
def test_a_sweep_that_was_killed_goes_on_where_it_stood(tmp_path, source):
    start(source, tmp_path / "whole").communicate()
    worker = start(source, tmp_path / "cut")
    done = units_until(worker, 3)
    worker.kill()
    rest = worker.communicate()[1]
    assert "final" not in "".join(done)
    done += [line.strip() for line in rest.splitlines() if "runs," in line]
    worker = start(source, tmp_path / "cut")
    further = units_until(worker, 100)
    worker.communicate()
    assert worker.returncode == 0
    names = [line.rpartition(": ")[0] for line in done + further]
    assert len(names) == len(set(names)) <= 8  # a unit may be kept and its line not be printed any more
    assert rows_in(tmp_path / "cut") == rows_in(tmp_path / "whole")


def test_data_without_a_test_split_is_refused(tmp_path, sweep):
    path = tmp_path / "alone.npz"
    arrays = np.load(sweep.source.removeprefix("table:"))
    np.savez(path, features=arrays["features"], labels=arrays["labels"])
    with pytest.raises(ValueError, match=r"a sweep needs train, val and test splits, got .*alone.npz without"):
        run_sweep(dataclasses.replace(sweep, source=f"table:{path}"), tmp_path, storage=sqlite_at(tmp_path / "s.db"))
