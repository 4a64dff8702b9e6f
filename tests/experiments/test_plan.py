import dataclasses
import math

import pytest

from lopsided.data import DataOptions
from lopsided.data.derived.hidden import Hidden
from lopsided.experiments.plan import Sweep, choices, final_rows, num_left, num_made, points
from lopsided.experiments.rows import Row
from lopsided.experiments.settings import settings_of
from lopsided.metrics.catalogue import undefined


def row_of(point, val=0.5):
    numbers = {"best_epoch": 1, "val_gap": 0, "final_gap": 0, "final_gamma_neg": 0, "seconds": 1}
    return Row(**point.key._asdict(), val_mAP=val, **numbers, test={**undefined(), "mAP": val})


def made(points, val=lambda point: 0.5):
    return {point.key: row_of(point, val(point)) for point in points}


def chosen_rates(sweep, rows):
    return {one.setting: one.pair.learning_rate for one in choices(sweep, rows, Hidden())}


def test_learning_rates_lie_around_that_of_training_a_factor_of_four_apart(sweep):
    assert sweep.axes.rates.values == (0.01, 0.04)
    assert dataclasses.replace(sweep, trials=4).axes.rates.values == (0.0025, 0.01, 0.04, 0.16)
    assert dataclasses.replace(sweep, trials=1).axes.rates.values == (0.01,)


def test_final_runs_come_when_every_learning_rate_of_every_seed_was_tried(sweep):
    first = points(sweep, {})
    assert len(first) == 3 * 2 * 2
    assert {point.stage for point in first} == {"tune"}
    rows = made(first)
    assert [point.key for point in points(sweep, made(first[:-1]))] == [first[-1].key]
    final = points(sweep, rows)
    assert len(final) == 3 * 2
    assert {point.stage for point in final} == {"final"}
    assert points(sweep, rows | made(final)) == []
    assert [num_left(sweep, known) for known in ({}, rows, rows | made(final))] == [18, 6, 0]
    assert [num_made(sweep, known) for known in ({}, rows, rows | made(final))] == [0, 12, 18]


def test_one_learning_rate_needs_no_tuning(sweep):
    sweep = dataclasses.replace(sweep, trials=1)
    assert {(point.stage, point.pair.learning_rate) for point in points(sweep, {})} == {("final", 0.01)}
    assert num_left(sweep, {}) == 6


def test_each_setting_gets_the_rate_that_validates_best_over_its_seeds(sweep):
    def val(point):
        if point.setting.name == "cross_entropy":
            return 0.9 if point.pair.learning_rate == 0.04 else 0.1
        return 0.6 if (point.pair.learning_rate, point.seed) != (0.04, 1) else 0.5

    rows = made(points(sweep, {}), val)
    chosen = chosen_rates(sweep, rows)
    assert chosen == {setting.name: 0.04 if setting.name == "cross_entropy" else 0.01 for setting in sweep.settings}


def test_a_rate_at_which_a_run_diverged_is_not_chosen(sweep):
    rows = made(
        points(sweep, {}), lambda point: math.nan if (point.pair.learning_rate, point.seed) == (0.04, 0) else 0.01
    )
    assert set(chosen_rates(sweep, rows).values()) == {0.01}


def test_each_share_of_hidden_positives_is_tuned_for_itself(sweep):
    sweep = dataclasses.replace(sweep, missing=(0.0, 0.3))
    first = points(sweep, {})
    assert len(first) == 24
    rows = made(point for point in first if point.hidden.missing == 0.3)
    left = points(sweep, rows)
    assert {(point.hidden.missing, point.stage) for point in left} == {(0.0, "tune"), (0.3, "final")}
    assert num_left(sweep, rows) == 36 - 12


def test_each_pair_of_rate_and_decay_is_tried_and_the_best_pair_is_final(sweep):
    sweep = dataclasses.replace(sweep, decays=(0.0, 1.0))
    first = points(sweep, {})
    assert len(first) == 3 * 2 * 2 * 2

    def val(point):
        best = (0.04, 0.0) if point.setting.value == 2 else (0.01, 1.0)
        return 0.9 if point.pair == best else 0.1

    rows = made(first, val)
    assert {(point.setting.value, point.pair) for point in points(sweep, rows)} == {
        (None, (0.01, 1.0)),
        (0, (0.01, 1.0)),
        (2, (0.04, 0.0)),
    }


def test_a_setting_whose_best_is_outermost_tries_one_rate_more_and_the_others_wait_for_it(sweep):
    """The same rule for each of them, which ends where the best lies inside or nothing more is allowed."""
    sweep = dataclasses.replace(sweep, trials=3, widen=2)
    wanted = {None: 0.01, 0: 0.16, 2: 1e-9}
    rows, sizes = {}, []

    def val(point):
        return -abs(math.log(point.pair.learning_rate / wanted[point.setting.value]))

    while left := points(sweep, rows):
        sizes.append({value: sum(point.setting.value == value for point in left) for value in wanted})
        rows |= made(left, val)
        assert num_made(sweep, rows) + num_left(sweep, rows) >= len(rows)
    assert sizes == [
        {None: 6, 0: 6, 2: 6},
        {None: 0, 0: 2, 2: 2},
        {None: 0, 0: 2, 2: 2},
        {None: 2, 0: 2, 2: 2},  # final
    ]
    found = choices(sweep, rows, Hidden())
    assert [one.pair.learning_rate for one in found] == [0.01, 0.16, 0.000156]
    assert [one.edges for one in found] == [(), (), ("learning rate",)]
    assert num_made(sweep, rows) == len(rows) == 32
    before = dataclasses.replace(sweep, widen=0)
    assert num_left(before, rows) == 4  # of two settings another rate is measured on test; nothing is tuned anew


def test_each_share_of_unknown_labels_goes_with_each_of_hidden_positives(sweep):
    sweep = dataclasses.replace(sweep, missing=(0.0, 0.3), unknown=(0.0, 0.5))
    assert [tuple(hidden) for hidden in sweep.hidden] == [(0, 0), (0, 0.5), (0.3, 0), (0.3, 0.5)]
    assert {point.hidden for point in points(sweep, {})} == set(sweep.hidden)
    assert len({point.key for point in points(sweep, {})}) == 4 * 12


def test_what_was_made_for_other_seeds_or_rates_is_kept_and_not_counted(sweep):
    rows = made(points(sweep, {}))
    rows |= made(points(sweep, rows))
    larger = dataclasses.replace(sweep, seeds=3)
    assert larger.study_name == sweep.study_name
    assert len(points(larger, rows)) == 6
    fewer = dataclasses.replace(sweep, seeds=1)
    assert points(fewer, rows) == []
    assert len(final_rows(fewer, rows)) == 3


def test_sweeps_of_other_data_or_budget_have_studies_of_their_own(sweep):
    others = [
        dataclasses.replace(sweep, source="digits"),
        dataclasses.replace(sweep, name="losses"),
        dataclasses.replace(sweep, data=DataOptions(validation_share=0.2)),
        dataclasses.replace(sweep, training=dataclasses.replace(sweep.training, epochs=3)),
    ]
    assert len({sweep.study_name, *(other.study_name for other in others)}) == 5


def test_how_many_processes_prepare_batches_is_no_other_sweep(sweep):
    for workers in (0, 3):
        other = dataclasses.replace(sweep, training=dataclasses.replace(sweep.training, workers=workers))
        assert other.study_name == sweep.study_name


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seeds": 0}, "expected seeds to be at least 1, got 0"),
        ({"trials": 0}, "expected trials to be at least 1, got 0"),
        ({"missing": (0.2, 1.0)}, r"expected missing to be shares in \[0, 1\), got 0.2, 1.0"),
        ({"data": DataOptions(missing=0.5)}, "expected no data.missing in a sweep, got 0.5: give --missing"),
    ],
)
def test_what_makes_no_sweep_is_refused(sweep, options, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(sweep, **options)


def test_the_number_of_workers_makes_no_other_study_and_every_group_of_options_does(sweep):
    def with_training(**options):
        return dataclasses.replace(sweep, training=dataclasses.replace(sweep.training, **options))

    assert with_training(workers=3).study_name == sweep.study_name
    others = [
        with_training(batch_size=64),
        with_training(weight_decay=0.5),
        with_training(learning_rate=0.02),
        dataclasses.replace(sweep, model=dataclasses.replace(sweep.model, name="mlp")),
        dataclasses.replace(sweep, data=DataOptions(train_samples=7)),
    ]
    assert len({sweep.study_name, *(other.study_name for other in others)}) == 6


def test_a_study_keeps_its_name_where_another_option_comes_into_being():
    plain = Sweep(name="gamma_neg", source="digits", settings=tuple(settings_of("gamma_neg")))
    assert plain.study_name == "lopsided-gamma_neg-5faa30e56a8a"


def test_rates_are_chosen_by_the_mean_over_seeds_on_validation(sweep):
    """Not by the best seed, the last, or the test split."""

    def val(point):
        of_seeds = {0.01: (0.7, 0.1), 0.04: (0.5, 0.5)}[point.pair.learning_rate]
        return of_seeds[1 - point.seed if point.setting.value == 2 else point.seed]

    rows = made(points(sweep, {}), val)
    rows = {key: dataclasses.replace(row, test={**undefined(), "mAP": -row.val_mAP}) for key, row in rows.items()}
    assert set(chosen_rates(sweep, rows).values()) == {0.04}


@pytest.mark.parametrize("rate", [0.01, 0.04])
def test_no_rate_at_which_a_run_diverged_is_chosen_be_it_the_first_or_the_last(sweep, rate):
    rows = made(
        points(sweep, {}), lambda point: math.nan if (point.pair.learning_rate, point.seed) == (rate, 1) else 0.01
    )
    assert set(chosen_rates(sweep, rows).values()) == {{0.01: 0.04, 0.04: 0.01}[rate]}


def test_where_all_rates_diverged_the_first_is_taken(sweep):
    rows = made(points(sweep, {}), lambda _: math.nan)
    assert set(chosen_rates(sweep, rows).values()) == {0.01}


def test_final_rows_are_those_of_the_chosen_rate_in_the_order_of_seeds(sweep):
    rows = made(points(sweep, {}), lambda point: point.pair.learning_rate)
    rows |= made(points(sweep, rows))
    found = final_rows(sweep, rows)
    assert [(row.seed, row.setting) for row in found] == [
        (seed, setting.name) for seed in (0, 1) for setting in sweep.settings
    ]
    assert {(row.stage, row.learning_rate) for row in found} == {("final", 0.04)}


def test_one_rate_is_final_at_once_and_counted_once(sweep):
    sweep = dataclasses.replace(sweep, trials=1)
    assert num_left(sweep, {}) == 6
    rows = made(points(sweep, {})[:2])
    assert num_left(sweep, rows) == 4
