from typing import get_args

import pytest

from lopsided.data import DataOptions
from lopsided.losses.catalogue import CATALOGUE
from lopsided.reports.naming import (
    TITLES,
    describe_loss,
    flat_options,
    look_of,
    run_labels,
    what_differs,
)
from lopsided.runs.config import Config, LossName, LossOptions
from lopsided.runs.loss.criterion import build_criterion
from lopsided.runs.loss.options import loss_settings


@pytest.mark.parametrize("name", [name for name in get_args(LossName) if name != "cross_entropy"])
def test_settings_that_were_left_out_are_those_of_the_loss_itself(name):
    criterion = build_criterion(LossOptions(name=name), num_labels=3, positives=[1, 2, 3], num_samples=9)
    settings = loss_settings(LossOptions(name=name))
    assert set(settings) == set(CATALOGUE[name].settings)
    for setting, value in settings.items():
        assert getattr(criterion, setting) == value


def test_a_negative_rate_is_the_printed_sign():
    assert look_of(LossOptions(name="adaptive")) == "adaptive"
    assert look_of(LossOptions(name="adaptive", rate=-0.1)) == "adaptive_printed"


def test_a_loss_is_described_with_its_numbers():
    assert describe_loss(LossOptions(name="cross_entropy")) == "cross-entropy"
    assert describe_loss(LossOptions(name="focal", gamma=3)) == "focal, γ = 3"
    printed = LossOptions(name="adaptive", rate=-0.5, per_label=True)
    assert describe_loss(printed) == (
        "adaptive, printed sign, γ+ = 0, γ− = 2, m = 0.2, target = 0.1, λ = −0.5, k = 1, one γ− per label"
    )


@pytest.mark.parametrize("name", get_args(LossName))
def test_every_setting_of_a_loss_has_a_sign_or_is_spelled_out(name):
    words = describe_loss(LossOptions(name=name))
    assert words.startswith(TITLES[name])
    follows = {setting for setting, found in CATALOGUE[name].parameters.items() if found.default is None}
    left_out = {"detach_focus", "momentum", "growth", "full_margin_at", "per_label", *follows}
    assert len(words.split(", ")) >= 1 + len(set(CATALOGUE[name].settings) - left_out)


def test_losses_of_different_kinds_need_no_more_than_their_names():
    configs = [Config("digits", loss=LossOptions(name=name)) for name in ("cross_entropy", "focal", "asymmetric")]
    assert run_labels(configs, ["a", "b", "c"]) == ["cross-entropy", "focal", "asymmetric"]


def test_runs_of_one_loss_are_told_apart_by_what_differs():
    configs = [
        Config("digits", loss=LossOptions(gamma_neg=gamma), seed=seed) for gamma, seed in ((1, 0), (4, 0), (4, 7))
    ]
    assert run_labels(configs, ["a", "b", "c"]) == [
        "asymmetric, γ− = 1, seed 0",
        "asymmetric, γ− = 4, seed 0",
        "asymmetric, γ− = 4, seed 7",
    ]


def test_runs_of_one_configuration_are_told_apart_by_their_folders():
    configs = [Config("digits"), Config("digits")]
    assert run_labels(configs, ["first", "second"]) == ["asymmetric (first)", "asymmetric (second)"]


def test_a_setting_left_out_equals_its_default_written_down():
    assert what_differs([Config("digits"), Config("digits", loss=LossOptions(gamma_neg=2.0))]) == []


def test_options_without_effect_are_not_shown():
    assert "data.train_samples" in flat_options(Config("digits"))
    assert "data.train_samples" not in flat_options(Config("table:a.csv", data=DataOptions(train_samples=7)))
    assert not [name for name in flat_options(Config("digits")) if name.startswith("report")]
