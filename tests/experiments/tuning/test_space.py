import pytest

from lopsided.experiments.tuning.space import LOSSES, SETTINGS, candidate_of, first_candidates, usual_of
from lopsided.losses.catalogue import CATALOGUE
from lopsided.runs.loss.criterion import build_criterion
from lopsided.runs.loss.options import LossOptions


def test_every_loss_of_the_catalogue_can_be_searched():
    assert set(SETTINGS) == set(CATALOGUE)
    assert set(LOSSES) <= set(CATALOGUE)


@pytest.mark.parametrize("name", CATALOGUE)
@pytest.mark.parametrize("end", [0, 1])
def test_a_loss_takes_both_ends_of_its_settings(name, end):
    settings = {setting: bounds[end] for setting, bounds in SETTINGS[name].items()}
    build_criterion(LossOptions(name=name, **settings), num_labels=2, positives=[1, 2], num_samples=9)


@pytest.mark.parametrize("name", CATALOGUE)
def test_the_steps_of_a_setting_reach_its_highest_value(name):
    for low, high, step in SETTINGS[name].values():
        assert (high - low) / step == pytest.approx(round((high - low) / step))


@pytest.mark.parametrize(
    ("network", "inputs"),
    [("linear", "features"), ("mlp", "features"), ("head", "features"), ("resnet18", "images"), ("auto", "sparse")],
)
def test_a_search_begins_within_its_ranges(network, inputs):
    usual = usual_of(network, inputs=inputs)
    first = first_candidates(tuple(CATALOGUE), usual, epochs=5, rates=usual.rates, decays=usual.decays)
    assert {candidate.loss.name for candidate in first} == set(CATALOGUE)
    for candidate in first:
        assert usual.rates[0] <= candidate.learning_rate <= usual.rates[1]
        assert usual.decays[0] <= candidate.weight_decay <= usual.decays[1]
        for setting, value in candidate.loss.given().items():
            low, high, step = SETTINGS[candidate.loss.name][setting]
            assert low <= value <= high
            assert (value - low) / step == pytest.approx(round((value - low) / step))


def test_a_search_begins_with_what_the_evidence_found_best():
    usual = usual_of("linear", inputs="features")
    first = first_candidates(LOSSES, usual, epochs=5, rates=usual.rates, decays=usual.decays)
    plain, asymmetric = first[:2]
    assert (plain.loss.name, plain.learning_rate, plain.weight_decay) == ("cross_entropy", usual.rate, usual.heavy)
    assert asymmetric.loss == LossOptions(gamma_neg=2.0, margin=0.2)
    assert asymmetric.learning_rate == usual.rate / 4
    assert LossOptions(gamma_neg=0.0, margin=0.4) in [candidate.loss for candidate in first]


def test_on_counts_of_words_all_losses_begin_at_one_rate():
    usual = usual_of("auto", inputs="sparse")
    first = first_candidates((*LOSSES, "hill"), usual, epochs=4, rates=usual.rates, decays=usual.decays)
    assert {candidate.learning_rate for candidate in first} == {usual.rate}
    assert [candidate.loss.name for candidate in first[:3]] == ["asymmetric", "cross_entropy", "adaptive"]
    assert LossOptions(gamma_neg=0.0, margin=0.2) in [candidate.loss for candidate in first[:4]]  # as train has it


def test_a_beginning_outside_the_ranges_that_were_asked_for_is_brought_to_the_nearer_end():
    usual = usual_of("linear", inputs="features")
    first = first_candidates(("cross_entropy",), usual, epochs=5, rates=(1e-3, 1e-2), decays=(2.0, 3.0))
    assert {(candidate.learning_rate, candidate.weight_decay) for candidate in first} == {(1e-2, 2.0)}


def test_a_candidate_comes_back_from_its_values_in_a_study():
    usual = usual_of("mlp", inputs="features")
    for candidate in first_candidates(tuple(CATALOGUE), usual, epochs=5, rates=usual.rates, decays=usual.decays):
        assert candidate_of(candidate.params) == candidate


def test_sparse_features_have_ranges_of_their_own_whatever_the_network():
    assert usual_of("linear", inputs="sparse") == usual_of("mlp", inputs="sparse") != usual_of("mlp", inputs="features")
