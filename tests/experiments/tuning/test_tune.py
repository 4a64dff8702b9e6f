import csv
import dataclasses
import json
import math
import shutil
import signal

import numpy as np
import pytest

from lopsided.data import read_source
from lopsided.experiments.storage import sqlite_at
from lopsided.experiments.tuning.tune import tune
from lopsided.experiments.tuning.work import Work
from lopsided.inference import evaluate as evaluation
from lopsided.models import ModelOptions
from lopsided.runs.config import Config
from lopsided.runs.folder import RunFolder
from lopsided.training.fit import fit
from tests.experiments.workers import numbers_of_two, numbers_until, start_search

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore:Detected pickle protocol"),
]


def trials_in(out):
    with (out / "trials.csv").open() as file:
        return list(csv.DictReader(file))


def values_in(out):
    return [(line["loss"], line["learning_rate"], line["weight_decay"], line["val_mAP"]) for line in trials_in(out)]


@pytest.fixture
def reads(monkeypatch):
    """The splits that were evaluated."""
    found, evaluate = [], evaluation.evaluate

    def noted(run, data, *, split=None, **options):
        found.append(split)
        return evaluate(run, data, split=split, **options)

    monkeypatch.setattr(evaluation, "evaluate", noted)
    return found


def test_the_best_configuration_trains_the_run_that_was_found(tmp_path, search, reads):
    found = tune(search, tmp_path / "out")
    config = Config.load(found.best)
    lines = trials_in(tmp_path / "out")
    best = max(lines, key=lambda line: float(line["val_mAP"]))
    assert len(lines) == search.trials
    assert found.about["best"]["trial"] == int(best["trial"])
    assert (config.loss.name, config.training.learning_rate) == (best["loss"], float(best["learning_rate"]))
    assert RunFolder(found.run).config() == config
    again = fit(config, tmp_path / "again")
    validated = [float(row["val_mAP"]) for row in again.rows() if row["val_mAP"]]
    assert max(validated) == pytest.approx(float(best["val_mAP"]), abs=1e-5)
    assert reads == ["test"]


def test_the_test_split_is_read_once_however_often_the_line_is_repeated(tmp_path, search, reads):
    first = tune(search, tmp_path / "out")
    shutil.rmtree(first.run)  # it is trained again, not read again
    again = tune(search, tmp_path / "out")
    assert again.about["test"] == first.about["test"]
    assert again.about["test_read"] == 1
    assert again.run.is_dir()
    assert reads == ["test"]


def test_a_longer_search_goes_on_and_says_how_often_test_was_read(tmp_path, search):
    short = tune(dataclasses.replace(search, trials=2), tmp_path / "out")
    before = values_in(tmp_path / "out")
    long = tune(search, tmp_path / "out")
    assert values_in(tmp_path / "out")[:2] == before
    assert long.about["trials"] == 8
    is_same = long.about["best"]["trial"] == short.about["best"]["trial"]
    assert long.about["test_read"] == (1 if is_same else 2)
    assert RunFolder(long.run).config() == Config.load(long.best)


def test_without_a_test_split_nothing_is_said_of_it(tmp_path, search):
    arrays = dict(np.load(search.source.partition(":")[2]))
    np.savez(tmp_path / "two.npz", **{**arrays, "split": np.where(arrays["split"] == "test", "val", arrays["split"])})
    found = tune(dataclasses.replace(search, source=f"table:{tmp_path / 'two.npz'}", trials=1), tmp_path / "out")
    assert (found.about["test"], found.about["test_read"]) == ({}, 0)


def test_epochs_are_chosen_too(tmp_path, search):
    tune(dataclasses.replace(search, epochs=(1, 3), trials=14), tmp_path / "out")
    found = trials_in(tmp_path / "out")
    assert {line["epochs"] for line in found} == {"1", "3"}
    assert all(line["epochs"] == line["epochs_made"] for line in found)


def test_no_trial_begins_after_the_time_is_up(tmp_path, search):
    found = tune(dataclasses.replace(search, trials=None, hours=1e-9), tmp_path / "out")
    assert found.about["trials"] == 8  # the first ones, which train as one model


def test_a_search_where_every_trial_diverges_says_so(tmp_path, search):
    wild = dataclasses.replace(search, trials=2, losses=("cross_entropy",), rates=(1e11, 1e12), decays=(1e11, 1e12))
    with pytest.raises(ValueError, match="expected a trial that comes to its end, got 2 that did not: give lower"):
        tune(wild, tmp_path / "out")


def test_a_folder_of_another_search_is_refused_with_what_differs(tmp_path, search):
    tune(dataclasses.replace(search, trials=1), tmp_path / "out")
    other = dataclasses.replace(search, losses=("focal",))
    with pytest.raises(ValueError, match=r"expected losses to be .*, as when the search in .* was begun, got focal"):
        tune(other, tmp_path / "out")
    training = dataclasses.replace(search.training, batch_size=10)
    with pytest.raises(ValueError, match=r"expected training.batch_size to be 35, as when .*, got 10: name another"):
        tune(dataclasses.replace(search, training=training), tmp_path / "out")


def test_a_folder_with_results_on_other_data_is_refused(tmp_path, search):
    tune(dataclasses.replace(search, trials=1), tmp_path / "out")
    arrays = dict(np.load(search.source.partition(":")[2]))
    np.savez(search.source.partition(":")[2], **{**arrays, "features": arrays["features"] + 1})
    with pytest.raises(ValueError, match="expected the data that the results in .* were made on, got data in which"):
        tune(search, tmp_path / "out")


def test_a_folder_of_a_sweep_is_refused(tmp_path, search):
    (tmp_path / "sweep.json").write_text("{}")
    with pytest.raises(ValueError, match="expected a folder for a search, got .* with the results of a sweep"):
        tune(search, tmp_path)


def test_data_without_a_positive_to_choose_by_is_refused(tmp_path, search):
    arrays = dict(np.load(search.source.partition(":")[2]))
    labels = arrays["labels"] & (arrays["split"] != "val")[:, None]
    np.savez(tmp_path / "none.npz", **{**arrays, "labels": labels})
    with pytest.raises(ValueError, match="expected a known positive label in the val split of .*, got none among 25"):
        tune(dataclasses.replace(search, source=f"table:{tmp_path / 'none.npz'}"), tmp_path / "out")


def test_data_without_a_split_to_choose_by_is_refused(tmp_path, search):
    data = dataclasses.replace(search.data, validation_share=0.0)
    arrays = dict(np.load(search.source.partition(":")[2]))
    np.savez(tmp_path / "t.npz", **{**arrays, "split": np.where(arrays["split"] == "val", "train", arrays["split"])})
    without = dataclasses.replace(search, source=f"table:{tmp_path / 't.npz'}", data=data)
    with pytest.raises(ValueError, match="to have a val split to choose by, got train, test"):
        tune(without, tmp_path / "out")


def test_trials_that_are_made_one_by_one_come_to_what_those_in_a_batch_come_to(tmp_path, search, monkeypatch):
    search = dataclasses.replace(search, pruner="none", trials=4)
    tune(search, tmp_path / "batch")
    monkeypatch.setattr("lopsided.experiments.tuning.work.why_not", lambda *_: "a test says so")
    tune(search, tmp_path / "alone")
    for one, other in zip(values_in(tmp_path / "batch"), values_in(tmp_path / "alone"), strict=True):
        assert one[:3] == other[:3]
        assert float(one[3]) == pytest.approx(float(other[3]), abs=1e-5)
    assert not (tmp_path / "alone" / "running").exists() or not list((tmp_path / "alone" / "running").iterdir())


def test_texts_by_their_words_train_as_one_model(tmp_path, search):
    draw = np.random.default_rng(0)
    labels = [[name for name in ("cat", "dog", "fish") if draw.random() < 0.4] for _ in range(120)]
    lines = [{"text": " ".join([*some, f"{number % 7}th"]), "labels": some} for number, some in enumerate(labels)]
    file = tmp_path / "pets.jsonl"
    file.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    data = dataclasses.replace(search.data, test_share=0.2)
    of_texts = dataclasses.replace(search, source=f"text:{file}", data=data, model=ModelOptions(), trials=2)
    assert Work(of_texts, tmp_path / "running").why_one_by_one is None
    found = tune(of_texts, tmp_path / "out")
    validated = [float(row["val_mAP"]) for row in RunFolder(found.run).rows() if row["val_mAP"]]
    assert max(validated) == pytest.approx(found.about["val_mAP"], abs=1e-5)


@pytest.mark.parametrize("pruner", ["halving", "hyperband"])
def test_poor_trials_that_are_made_one_by_one_end_early(tmp_path, search, monkeypatch, pruner):
    monkeypatch.setattr("lopsided.experiments.tuning.work.why_not", lambda *_: "a test says so")
    training = dataclasses.replace(search.training, epochs=9)
    found = tune(dataclasses.replace(search, training=training, pruner=pruner, trials=10), tmp_path / "out")
    lines = trials_in(tmp_path / "out")
    early = [line for line in lines if line["state"] == "pruned"]
    assert len(early) == found.about["pruned"] > 0
    assert [line["state"] for line in lines[:4]] == ["complete"] * 4  # the later ones are compared with them
    assert all(1 <= int(line["epochs_made"]) < 9 for line in early)
    assert all(int(line["epochs_made"]) == 9 for line in lines if line["state"] == "complete")


def test_a_trial_that_diverges_is_told_from_other_errors(tmp_path, search, monkeypatch):
    monkeypatch.setattr("lopsided.experiments.tuning.work.why_not", lambda *_: "a test says so")
    wild = dataclasses.replace(search, trials=1, losses=("cross_entropy",), rates=(1e11, 1e12), decays=(1e11, 1e12))
    with pytest.raises(ValueError, match="expected a trial that comes to its end, got 1 that did not"):
        tune(wild, tmp_path / "out")
    monkeypatch.setattr("lopsided.training.fit.fit", lambda *_, **__: (_ for _ in ()).throw(ValueError("no disk")))
    with pytest.raises(ValueError, match="no disk"):
        tune(search, tmp_path / "other")


def test_a_killed_search_goes_on_and_counts_no_trial_twice(tmp_path, source):
    killed = start_search(source, tmp_path / "out", "--trials=24")
    before = numbers_until(killed, 7)  # in the third round of three
    killed.send_signal(signal.SIGKILL)
    before += numbers_until(killed, 99)
    killed.communicate()
    again = start_search(source, tmp_path / "out", "--trials=24")
    after = numbers_until(again, 99)
    printed = again.communicate()[0]
    assert again.returncode == 0
    lines = trials_in(tmp_path / "out")
    assert len(lines) == 24
    assert sorted(before + after) == [int(line["trial"]) for line in lines]
    assert "The test split was read once" in printed


@pytest.mark.slow
def test_two_workers_share_a_file_and_one_is_killed(tmp_path, source):
    workers = [start_search(source, tmp_path / "out", "--trials=24") for _ in range(2)]
    first, others = numbers_of_two(workers)
    lines = trials_in(tmp_path / "out")
    assert len(lines) == 24
    assert others
    assert sorted(first + others) == [int(line["trial"]) for line in lines]


def test_the_files_of_a_search_are_plain_numbers(tmp_path, search):
    tune(search, tmp_path / "out", storage=sqlite_at(tmp_path / "elsewhere" / "study.db"))
    about = json.loads((tmp_path / "out" / "tune.json").read_text())
    assert math.isclose(sum(about["importances"].values()), 1, abs_tol=1e-6)
    assert set(about["importances"]) == {"loss", "learning_rate", "weight_decay"}
    assert not (tmp_path / "out" / "study.db").exists()


def test_a_worker_takes_few_enough_trials_that_later_ones_learn(tmp_path, search):
    def at_once(**budget):
        return Work(dataclasses.replace(search, **budget), tmp_path).at_once

    assert [at_once(trials=trials) for trials in (1, 24, 400)] == [1, 3, 8]
    assert at_once(trials=None, hours=1) == 8


def test_the_data_is_what_training_reads(tmp_path, search):
    search = dataclasses.replace(search, data=dataclasses.replace(search.data, missing=0.5), seed=4)
    read = read_source(search.source, search.data, seed=4)
    assert (Work(search, tmp_path).data.labels.positives != read.labels.positives).nnz == 0
