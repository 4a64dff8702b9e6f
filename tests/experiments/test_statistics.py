import csv
import dataclasses
import math

import numpy as np
import pytest
from scipy import stats

from lopsided.experiments.plan import points
from lopsided.experiments.rows import Key, Row
from lopsided.experiments.settings import settings_of
from lopsided.experiments.statistics import paired_interval, results, write_results
from lopsided.metrics.catalogue import CATALOGUE, undefined


def rows_of(sweep, test, val=lambda point: 0.5):
    rows = {}
    while left := points(sweep, rows):
        for point in left:
            numbers = {"val_gap": 0.0, "final_gap": -0.1, "final_gamma_neg": 2.0, "seconds": 1.0, "best_epoch": 1}
            rows[point.key] = Row(
                **point.key._asdict(), val_mAP=val(point), test={**undefined(), "mAP": test(point)}, **numbers
            )
    return rows


@pytest.fixture
def four_seeds(sweep):
    return dataclasses.replace(sweep, seeds=4, trials=1)


def test_differences_are_taken_within_seeds(four_seeds):
    draw = np.random.default_rng(0)
    base, gain = draw.random(4), 0.05 + 0.001 * draw.random(4)
    plain, _, focusing = results(
        four_seeds, rows_of(four_seeds, lambda p: base[p.seed] + gain[p.seed] * (p.setting.value == 2))
    )
    assert plain.mAP == pytest.approx(base.mean())
    assert plain.sd == pytest.approx(base.std(ddof=1))
    assert (plain.difference, plain.baseline) == (0, "cross_entropy")
    assert focusing.difference == pytest.approx(gain.mean())
    # Though the seeds differ by far more than the settings, the interval is narrow.
    expected = stats.ttest_rel(base + gain, base).confidence_interval(0.95)
    assert (focusing.low, focusing.high) == pytest.approx((expected.low, expected.high))
    assert 0.05 < focusing.low < gain.mean() < focusing.high < 0.052


def test_one_seed_has_no_spread_and_no_interval(four_seeds):
    sweep = dataclasses.replace(four_seeds, seeds=1)
    result = results(sweep, rows_of(sweep, lambda p: 0.5))[2]
    assert math.isnan(result.sd)
    assert math.isnan(result.low)
    assert math.isnan(result.high)
    assert result.difference == 0
    assert all(math.isnan(end) for end in paired_interval([0.1]))


def test_runs_that_no_seed_changes_have_no_interval(four_seeds):
    assert all(math.isnan(end) for end in paired_interval([0.1, 0.1, 0.1]))
    assert all(math.isfinite(end) for end in paired_interval([0.1, 0.1, 0.1000001]))
    focusing = results(four_seeds, rows_of(four_seeds, lambda p: 0.5 + 0.125 * (p.setting.value == 2)))[2]
    assert focusing.difference == 0.125
    assert math.isnan(focusing.low)


def test_runs_that_diverged_are_counted_and_left_out(four_seeds):
    rows = rows_of(four_seeds, lambda p: math.nan if (p.setting.value, p.seed) == (2, 1) else 0.1 * p.seed)
    result = results(four_seeds, rows)[2]
    assert (result.seeds, result.diverged) == (3, 1)
    assert result.mAP == pytest.approx((0 + 0.2 + 0.3) / 3)
    assert result.difference == pytest.approx(0)


def test_adaptive_asymmetry_is_measured_against_the_fixed_setting_that_validates_best(four_seeds):
    sweep = dataclasses.replace(four_seeds, name="adaptive", settings=tuple(settings_of("adaptive", grid=["0.1"])))
    by_name = {"asymmetric gamma_neg=4": 0.8, "adaptive target_gap=0.1": 0.9}
    rows = rows_of(
        sweep, lambda p: 0.5 if p.setting.name in by_name else 0.6, lambda p: by_name.get(p.setting.name, 0.1)
    )
    assert {result.baseline for result in results(sweep, rows)} == {"asymmetric gamma_neg=4"}
    assert results(sweep, rows)[0].difference == pytest.approx(0.1)


def test_the_outermost_learning_rate_is_marked(sweep):
    sweep = dataclasses.replace(sweep, trials=3)
    rows = rows_of(
        sweep,
        lambda p: 0.5,
        lambda p: p.pair.learning_rate if p.setting.value == 2 else -abs(p.pair.learning_rate - 0.01),
    )
    assert [(result.learning_rate, result.at_edge) for result in results(sweep, rows)] == [
        (0.01, False),
        (0.01, False),
        (0.04, True),
    ]


def test_results_are_written_with_empty_cells_for_what_is_no_number(tmp_path, four_seeds):
    sweep = dataclasses.replace(four_seeds, seeds=1)
    write_results(tmp_path / "summary.csv", results(sweep, rows_of(sweep, lambda p: 0.25)))
    with (tmp_path / "summary.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert [line["setting"] for line in lines] == [setting.name for setting in sweep.settings]
    assert (lines[0]["mAP"], lines[0]["sd"], lines[0]["value"], lines[2]["value"]) == ("0.25", "", "", "2")


def all_numbers(sweep, number):
    """Rows whose every field is another number: ``number`` of the point, moved by one hundredth from field to field."""
    rows = {}
    while left := points(sweep, rows):
        for point in left:
            fields = [field.name for field in dataclasses.fields(Row)][len(Key._fields) : -1]
            numbers = {name: number(point) + 0.01 * place for place, name in enumerate(fields)}
            test = {name: number(point) + 0.5 + 0.01 * place for place, name in enumerate(CATALOGUE)}
            rows[point.key] = Row(**point.key._asdict(), **numbers, test=test)
    return rows


def test_each_metric_of_a_result_is_the_mean_of_its_own_column(four_seeds):
    rows = all_numbers(four_seeds, lambda p: 0.1 * p.seed)
    result = results(four_seeds, rows)[2]
    of_setting = [row for row in rows.values() if row.setting == result.setting]
    for name in ("val_mAP", "final_gap", "final_gamma_neg"):
        assert getattr(result, name) == pytest.approx(np.mean([getattr(row, name) for row in of_setting])), name
    found = {"mAP": result.mAP, **result.others}
    assert found == {name: pytest.approx(np.mean([row.test[name] for row in of_setting])) for name in CATALOGUE}
    assert len(set(found.values())) == len(CATALOGUE)


def test_what_diverged_counts_in_no_mean_and_its_seed_in_no_difference(four_seeds):
    """Of the setting and of the baseline: the two seeds that are left are paired with each other."""

    def test(point):
        diverged = {(None, 1), (2, 2)}
        value = 0.1 * point.seed + (0.02 + 0.01 * point.seed) * (point.setting.value == 2)
        return math.nan if (point.setting.value, point.seed) in diverged else value

    plain, _, result = results(four_seeds, rows_of(four_seeds, test, val=lambda p: 0.2 + 0.1 * p.seed))
    assert (plain.seeds, plain.diverged, result.seeds, result.diverged) == (3, 1, 3, 1)
    assert plain.mAP == pytest.approx(np.mean([0, 0.2, 0.3]))
    assert result.val_mAP == pytest.approx(np.mean([0.2, 0.3, 0.5]))
    assert result.sd == pytest.approx(np.std([0.02, 0.13, 0.35], ddof=1))
    assert result.difference == pytest.approx(np.mean([0.02, 0.05]))
    assert (result.low, result.high) == pytest.approx(paired_interval([0.02, 0.05]))


def test_each_share_of_hidden_positives_has_its_own_baseline_and_its_own_rate(four_seeds):
    sweep = dataclasses.replace(four_seeds, missing=(0.0, 0.5), trials=3)

    def val(point):
        best = 0.04 if point.hidden.missing else 0.0025
        return 0.5 if point.pair.learning_rate == best else 0.4

    found = results(sweep, rows_of(sweep, lambda p: 0.6 - p.hidden.missing + 0.01 * (p.setting.value == 2), val))
    assert [result.missing for result in found] == [0.0] * 3 + [0.5] * 3
    assert [result.mAP for result in found] == pytest.approx([0.6, 0.6, 0.61, 0.1, 0.1, 0.11])
    assert [result.difference for result in found] == pytest.approx([0, 0, 0.01] * 2)
    assert [result.learning_rate for result in found] == [0.0025] * 3 + [0.04] * 3
    assert all(result.at_edge for result in found)  # the lowest, and the highest


def test_the_baseline_of_adaptive_asymmetry_is_chosen_by_validation_and_not_by_test(four_seeds):
    sweep = dataclasses.replace(four_seeds, name="adaptive", settings=tuple(settings_of("adaptive", grid=["0.1"])))
    by_val = {"asymmetric gamma_neg=1": 0.7}
    by_test = {"asymmetric gamma_neg=8": 0.9}
    rows = rows_of(sweep, lambda p: by_test.get(p.setting.name, 0.5), lambda p: by_val.get(p.setting.name, 0.1))
    assert {result.baseline for result in results(sweep, rows)} == {"asymmetric gamma_neg=1"}


def test_one_rate_alone_has_no_edge(four_seeds):
    assert not any(result.at_edge for result in results(four_seeds, rows_of(four_seeds, lambda p: 0.5)))


def test_an_interval_needs_two_seeds_and_is_that_of_students_t():
    assert [math.isnan(end) for end in paired_interval([0.1])] == [True, True]
    assert [math.isnan(end) for end in paired_interval([])] == [True, True]
    for values in ([0.1, 0.3], [0.1, 0.2, 0.6], [1.0, 1.5]):
        for confidence in (0.9, 0.95):
            half = stats.t.ppf(0.5 + confidence / 2, len(values) - 1) * stats.sem(values)
            wanted = (np.mean(values) - half, np.mean(values) + half)
            assert paired_interval(values, confidence=confidence) == pytest.approx(wanted)
    assert paired_interval([0.1, 0.3]) == paired_interval([0.1, 0.3], confidence=0.95)
