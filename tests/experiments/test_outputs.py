import csv
import dataclasses
import json
import math

import pyarrow.parquet as pq
import pytest

from lopsided.experiments.outputs import check_folder, write_outputs
from lopsided.experiments.plan import num_left
from lopsided.experiments.rows import Row
from lopsided.metrics.catalogue import CATALOGUE, undefined
from tests.experiments.test_statistics import rows_of


def test_the_folder_holds_every_run_every_setting_and_what_was_asked_for(tmp_path, sweep):
    rows = rows_of(sweep, lambda p: 0.5 if p.stage == "final" else math.nan)
    found = write_outputs(sweep, rows, tmp_path / "out")
    lines = pq.read_table(tmp_path / "out" / "rows.parquet").to_pylist()
    assert len(lines) == num_left(sweep, {})
    assert {line["loss.name"] for line in lines} == {"cross_entropy", "asymmetric"}
    for line in lines:
        assert (line["test_mAP"] is None) == (line["stage"] == "tune")
        if line["setting"] == "asymmetric gamma_neg=2 margin=0":
            assert (line["value"], line["loss.gamma_neg"], line["loss.margin"]) == (2.0, 2.0, 0.0)
    with (tmp_path / "out" / "summary.csv").open() as file:
        assert [line["setting"] for line in csv.DictReader(file)] == [result.setting for result in found]
    about = json.loads((tmp_path / "out" / "sweep.json").read_text())
    assert (about["name"], about["seeds"], about["learning_rates"]) == ("gamma_neg", 2, [0.01, 0.04])
    assert about["settings"][2]["loss"] == {"name": "asymmetric", "gamma_neg": 2.0, "margin": 0.0}


def test_runs_that_were_not_asked_for_are_left_out(tmp_path, sweep):
    rows = rows_of(sweep, lambda p: 0.5)
    write_outputs(dataclasses.replace(sweep, seeds=1, settings=sweep.settings[:2]), rows, tmp_path)
    lines = pq.read_table(tmp_path / "rows.parquet").to_pylist()
    assert {(line["seed"], line["setting"]) for line in lines} == {(0, setting.name) for setting in sweep.settings[:2]}


def test_runs_that_read_test_for_another_choice_are_counted(tmp_path, sweep):
    rows = rows_of(sweep, lambda p: 0.5)
    last = next(row for row in reversed(rows.values()) if row.stage == "final")
    other = dataclasses.replace(last, learning_rate=0.16)
    write_outputs(sweep, {**rows, other.key: other}, tmp_path)
    assert json.loads((tmp_path / "sweep.json").read_text())["earlier_final_runs"] == 1
    write_outputs(dataclasses.replace(sweep, seeds=1), rows, tmp_path)  # other seeds of the same choice are none
    assert json.loads((tmp_path / "sweep.json").read_text())["earlier_final_runs"] == 0


def test_a_sweep_with_other_options_leaves_the_results_alone(tmp_path, sweep):
    check_folder(sweep, tmp_path)
    write_outputs(sweep, rows_of(sweep, lambda p: 0.5), tmp_path)
    more = dataclasses.replace(
        sweep, seeds=3, trials=4, decays=(0.01,), missing=(0.0, 0.5), settings=sweep.settings[:2]
    )
    check_folder(more, tmp_path)
    check_folder(dataclasses.replace(sweep, training=dataclasses.replace(sweep.training, workers=2)), tmp_path)
    for group, option, value in (("training", "epochs", 3), ("model", "head_bias", "zero"), ("data", "fold", 1)):
        other = dataclasses.replace(sweep, **{group: dataclasses.replace(getattr(sweep, group), **{option: value})})
        with pytest.raises(ValueError, match=f"expected {group}.{option} to be .*, got {value}: name another --out"):
            check_folder(other, tmp_path)
    with pytest.raises(ValueError, match="expected the sweep to be gamma_neg, as when .*, got margin"):
        check_folder(dataclasses.replace(sweep, name="margin"), tmp_path)
    (tmp_path / "tune.json").write_text("{}")
    with pytest.raises(ValueError, match="expected a folder for a sweep, got .* with the results of a search"):
        check_folder(sweep, tmp_path)


def test_a_row_survives_being_written_as_plain_values(sweep):
    row = next(iter(rows_of(sweep, lambda p: math.nan).values()))
    assert row.plain()["test_mAP"] is None
    assert repr(Row.of(row.plain(), weight_decay=0.5)) == repr(row)
    assert Row.of(row.plain(), weight_decay=0.5).key == row.key


def test_a_row_of_an_older_version_lacks_the_metrics_that_it_did_not_know():
    test, key = {**undefined(), "mAP": 0.4, "cf1": 0.3}, ("a", 0.0, 0.0, 1, 0.1, 0.25, "final")
    kept = Row(*key, 0.5, 3, 0.1, 0.2, 2.0, 9.0, test).plain()
    unknown_then = ("test_auroc", "test_brier", "unknown", "weight_decay")
    row = Row.of({name: value for name, value in kept.items() if name not in unknown_then}, weight_decay=0.25)
    assert row.key == key
    assert (row.test["mAP"], row.test["cf1"], row.val_mAP, row.seconds) == (0.4, 0.3, 0.5, 9.0)
    assert math.isnan(row.test["auroc"])
    assert list(row.test) == list(CATALOGUE)
