import dataclasses

import numpy as np
import pytest

from lopsided.data import read_source
from lopsided.experiments.grid.batched import GridRun, train_grid
from lopsided.experiments.plan import num_left, points
from lopsided.experiments.rows import Key
from lopsided.experiments.study import Study, sqlite_at
from lopsided.experiments.sweep import run_sweep
from lopsided.models import ModelOptions
from tests.experiments.test_plan import row_of
from tests.experiments.workers import start_sweep, units_until

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore:Detected pickle protocol"),
]


def without_seconds(rows):
    return {key: repr(dataclasses.replace(row, seconds=0.0)) for key, row in rows.items()}


def rows_in(folder):
    import pyarrow.parquet as pq

    rows = pq.read_table(folder / "rows.parquet").drop_columns(["seconds"]).to_pylist()
    return [repr(row) for row in rows]


def test_a_sweep_makes_every_run_once_and_reads_test_in_final_runs_only(tmp_path, sweep):
    storage = sqlite_at(tmp_path / "study.db")
    rows = run_sweep(sweep, tmp_path / "runs", storage=storage)
    assert len(rows) == num_left(sweep, {})
    assert all(np.isnan(row.test["mAP"]) == (row.stage == "tune") for row in rows.values())
    again = run_sweep(sweep, tmp_path / "runs", storage=storage)
    assert {key: row.seconds for key, row in again.items()} == {key: row.seconds for key, row in rows.items()}


def test_the_numbers_of_a_sweep_are_those_of_single_runs(tmp_path, sweep):
    sweep = dataclasses.replace(sweep, missing=(0.3,))
    rows = run_sweep(sweep, tmp_path / "runs", storage=sqlite_at(tmp_path / "study.db"))
    for key in list(rows)[::5]:
        name, missing, _, seed, rate, decay, stage = key
        table = read_source(sweep.source, dataclasses.replace(sweep.data, missing=missing), seed=seed)
        assert table.truth is not None
        loss = next(setting.loss for setting in sweep.settings if setting.name == name)
        (alone,) = train_grid(
            table, [GridRun(loss, rate, seed, decay)], model=sweep.model, training=sweep.training, test=stage == "final"
        )
        assert rows[key].val_mAP == pytest.approx(alone.best_val_mAP, abs=2e-5)
        if stage == "final":
            assert rows[key].test["mAP"] == pytest.approx(alone.test["mAP"], abs=2e-5)


def test_seeds_differ_and_settings_of_one_seed_start_alike(tmp_path, sweep):
    rows = run_sweep(sweep, tmp_path / "runs", storage=sqlite_at(tmp_path / "study.db"))
    plain, same, _ = (setting.name for setting in sweep.settings)

    def val(name, seed):
        return rows[Key(name, 0.0, 0.0, seed, 0.01, 1e-4, "tune")].val_mAP

    assert val(plain, 0) != val(plain, 1)
    # gamma_neg 0 without margin is cross-entropy
    assert val(plain, 0) == pytest.approx(val(same, 0), abs=1e-6)


@pytest.mark.slow
def test_networks_that_do_not_train_in_one_batch_go_through_the_trainer(tmp_path, sweep, capsys):
    small = dataclasses.replace(sweep, settings=sweep.settings[::2], seeds=1)
    alone = dataclasses.replace(small, model=ModelOptions(name="mlp", dropout=0.5))
    rows = run_sweep(alone, tmp_path / "runs", storage=sqlite_at(tmp_path / "study.db"))
    assert "one run at a time: " in capsys.readouterr().err
    assert len(rows) == num_left(alone, {})
    # The final runs are those that were tuned, measured on test.
    assert len(list((tmp_path / "runs").iterdir())) == 4
    for row in rows.values():
        if row.stage == "final":
            tuned = rows[row.key._replace(stage="tune")]
            assert (row.val_mAP, row.final_gap) == (tuned.val_mAP, tuned.final_gap)


@pytest.mark.slow
def test_a_run_through_the_trainer_has_the_numbers_of_one_in_a_batch(tmp_path, sweep, monkeypatch):
    from lopsided.experiments import runner as work

    small = dataclasses.replace(sweep, seeds=1, trials=1)
    together = run_sweep(small, tmp_path / "a", storage=sqlite_at(tmp_path / "a.db"))
    monkeypatch.setattr(work, "why_not", lambda *_: "one by one, for comparison")
    alone = run_sweep(small, tmp_path / "b", storage=sqlite_at(tmp_path / "b.db"))
    for key, row in together.items():
        other = alone[key].plain()
        for name, value in row.plain().items():
            if name != "seconds":
                assert other[name] == (value if isinstance(value, str) else pytest.approx(value, abs=1e-4)), name


@pytest.mark.slow
def test_a_sweep_that_was_killed_goes_on_where_it_stood(tmp_path, source):
    start_sweep(source, tmp_path / "whole").communicate()
    worker = start_sweep(source, tmp_path / "cut")
    done = units_until(worker, 3)
    worker.kill()
    rest = worker.communicate()[1]
    assert "final" not in "".join(done)
    done += [line.strip() for line in rest.splitlines() if " s" in line and (" runs, " in line or " 1 run, " in line)]
    worker = start_sweep(source, tmp_path / "cut")
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
    with pytest.raises(ValueError, match=r"expected train, val and test splits, got .*alone.npz without"):
        run_sweep(dataclasses.replace(sweep, source=f"table:{path}"), tmp_path, storage=sqlite_at(tmp_path / "s.db"))


def changed(source, change):
    """Write other arrays into the file of a source."""
    path = source.removeprefix("table:")
    with np.load(path) as kept:
        arrays = dict(kept)
    np.savez(path, **change(arrays))


def turned(arrays):
    return arrays | {"labels": ~arrays["labels"]}


def appended(arrays):
    return {name: np.concatenate([values, values[:12]]) for name, values in arrays.items()}


def test_runs_on_other_data_of_the_same_name_are_never_given_again_nor_counted(tmp_path, sweep, capsys):
    small = dataclasses.replace(sweep, seeds=1, trials=1)
    storage = sqlite_at(tmp_path / "study.db")
    before = run_sweep(small, tmp_path / "runs", storage=storage)
    assert "holds runs of the same line" not in capsys.readouterr().err
    changed(sweep.source, turned)
    after = run_sweep(small, tmp_path / "runs", storage=storage)
    said = capsys.readouterr().err
    assert "holds runs of the same line on other data, since when this changed: the labels of some samples ch" in said
    assert before.keys() == after.keys()
    assert all(before[key].val_mAP != after[key].val_mAP for key in before)
    changed(sweep.source, turned)
    assert without_seconds(run_sweep(small, tmp_path / "runs", storage=storage)) == without_seconds(before)
    fresh = run_sweep(small, tmp_path / "runs", storage=sqlite_at(tmp_path / "fresh.db"))
    assert without_seconds(fresh) == without_seconds(before)


@pytest.mark.parametrize(
    ("change", "said"),
    [(turned, "the labels of some samples changed"), (appended, r"12 rows were appended \(240 -> 252\)")],
)
def test_a_folder_with_results_on_other_data_is_refused_before_any_work(tmp_path, sweep, change, said):
    small, out = dataclasses.replace(sweep, seeds=1, trials=1), tmp_path / "out"
    storage = sqlite_at(out / "study.db")
    run_sweep(small, out / "runs", storage=storage, out=out)
    before = (out / "study.db").read_bytes()
    changed(sweep.source, change)
    with pytest.raises(
        ValueError,
        match=f"the results in .*out were made on, got data in which {said}.*: name another --out",
    ):
        run_sweep(small, out / "runs", storage=storage, out=out)
    assert (out / "study.db").read_bytes() == before
    run_sweep(small, tmp_path / "runs", storage=sqlite_at(tmp_path / "new.db"), out=tmp_path / "new")


def test_data_that_changes_while_a_sweep_runs_ends_it(tmp_path, sweep, monkeypatch):
    from lopsided.experiments import runner as work

    made = work.train_grid

    def change_then_train(*arguments, **settings):
        monkeypatch.setattr(work, "train_grid", made)
        changed(sweep.source, turned)
        return made(*arguments, **settings)

    monkeypatch.setattr(work, "train_grid", change_then_train)
    with pytest.raises(
        ValueError,
        match=r"made.npz to stay the same, got other data while the sweep ran: the labels of some samples changed",
    ):
        run_sweep(sweep, tmp_path / "runs", storage=sqlite_at(tmp_path / "study.db"))


def test_hidden_positives_are_no_change_of_the_data(tmp_path, sweep):
    storage, out = sqlite_at(tmp_path / "study.db"), tmp_path / "out"
    small = dataclasses.replace(sweep, seeds=2, trials=1)
    run_sweep(dataclasses.replace(small, missing=(0.3,)), tmp_path / "runs", storage=storage, out=out)
    rows = run_sweep(dataclasses.replace(small, missing=(0.0, 0.3)), tmp_path / "runs", storage=storage, out=out)
    assert {row.missing for row in rows.values()} == {0.0, 0.3}


def test_runs_of_a_version_that_kept_no_identity_are_not_counted(tmp_path, sweep, capsys):
    small, storage = dataclasses.replace(sweep, seeds=1, trials=1), sqlite_at(tmp_path / "study.db")
    with Study(storage, small.study_name) as study:
        study.add([row_of(point) for point in points(small, {})], small.settings)
    rows = run_sweep(small, tmp_path / "runs", storage=storage)
    assert "by an older version, which did not keep what they were made on; they are kept" in capsys.readouterr().err
    assert all(row.val_mAP != 0.5 for row in rows.values())
