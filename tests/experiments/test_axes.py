import math

import pytest

from lopsided.experiments.axes import Axes, Pair, decays_of, rates_around, search


def axes(trials=3, decays=(0.01, 0.1), widen=2):
    return Axes(rates_around(0.01, trials=trials, widen=widen), decays_of(decays, widen=widen))


def peak(rate, decay):
    """Values that fall on both sides of a pair."""
    return lambda pair: -abs(math.log(pair.learning_rate / rate)) - abs(math.log((pair.weight_decay + 1e-9) / decay))


def test_a_best_pair_inside_the_grid_is_taken_at_once():
    found, best = search(axes(decays=(0.01, 0.1, 1.0)), peak(0.01, 0.1))
    assert best == Pair(0.01, 0.1)
    assert len(found) == 9
    assert found.edges(best) == ()


@pytest.mark.parametrize(
    ("rate", "tried"), [(0.16, (0.0025, 0.01, 0.04, 0.16, 0.64)), (1e-4, (0.00015625, 0.000625, 0.0025, 0.01, 0.04))]
)
def test_the_grid_grows_towards_the_best_until_it_lies_inside(rate, tried):
    found, best = search(axes(decays=(0.1,)), peak(rate, 0.1))
    assert found.rates.values == pytest.approx(tried, rel=2e-3)
    assert found.edges(best) == (("learning rate",) if rate == 1e-4 else ())
    assert found.decays.values == (0.1,)


def test_it_grows_on_both_axes_by_all_pairs_and_no_further_than_is_allowed():
    asked = []

    def value(pair):
        asked.append(pair)
        return peak(1e9, 1e9)(pair)

    found, best = search(axes(), value)
    assert found.rates.values == (0.0025, 0.01, 0.04, 0.16, 0.64)
    assert found.decays.values == (0.01, 0.1, 1.0, 10.0)
    assert best == Pair(0.64, 10.0)
    assert found.edges(best) == ("learning rate", "weight decay")
    assert set(asked) == {Pair(rate, decay) for rate in found.rates.values for decay in found.decays.values}
    stays, _ = search(axes(widen=0), peak(1e9, 1e9))
    assert len(stays) == 6


def test_the_best_moves_back_inside_where_the_grid_grew():
    """One side may be better again only because of the other axis."""
    values = {(0.04, 0.1): 3.0, (0.16, 1.0): 2.0}
    found, best = search(axes(), lambda pair: values.get(tuple(pair), 0.0))
    assert best == Pair(0.04, 0.1)
    assert found.edges(best) == ()


def test_an_axis_of_one_number_stays_as_it_is_and_has_no_edge():
    found, best = search(axes(trials=1, decays=(0.5,)), lambda _: 1.0)
    assert list(found) == [Pair(0.01, 0.5)]
    assert found.edges(best) == ()


@pytest.mark.parametrize("lowest", [0.0, 0.0001, 0.00011])
def test_below_a_decay_that_is_as_good_as_none_there_is_nothing_to_look_for(lowest):
    found, best = search(axes(decays=(lowest, 0.1)), lambda pair: -pair.weight_decay)
    assert best.weight_decay == lowest
    assert found.decays.values == (lowest, 0.1)
    assert "weight decay" not in found.edges(best)


def test_a_decay_that_is_an_edge_is_followed_down_to_next_to_none():
    found, best = search(axes(decays=(0.01, 0.1)), lambda pair: -pair.weight_decay)
    assert found.decays.values == (0.0001, 0.001, 0.01, 0.1)
    assert "weight decay" not in found.edges(best)
    one_step, best = search(axes(decays=(0.01, 0.1), widen=1), lambda pair: -pair.weight_decay)
    assert one_step.decays.values == (0.001, 0.01, 0.1)
    assert "weight decay" in one_step.edges(best)


def test_of_equals_the_lowest_is_taken_and_what_was_not_tried_leaves_the_choice_open():
    _, best = search(axes(widen=0), lambda _: 0.5)
    assert best == Pair(0.0025, 0.01)
    assert search(axes(), lambda pair: None if pair == Pair(0.04, 0.1) else 0.0) == (axes(), None)


def test_a_grid_that_grew_has_the_rates_of_a_larger_one():
    ladder = rates_around(0.002, trials=4, widen=2).ladder
    assert ladder == rates_around(0.002, trials=8, widen=0).values
