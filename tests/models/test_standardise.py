"""Features on one scale, whatever their size."""

import copy

import numpy as np
import torch

from lopsided.models import Standardise

TIMES = np.stack([1_732_752_000 + 7.0 * np.arange(300), np.linspace(-3, 3, 300)], axis=1)


def test_unix_times_a_few_seconds_apart_stay_apart():
    layer = Standardise(2)
    layer.fit(TIMES)
    scaled = layer(torch.from_numpy(TIMES))
    assert scaled.dtype == torch.float32
    assert len(scaled[:, 0].unique()) == 300
    wanted = (TIMES - TIMES.mean(axis=0)) / TIMES.std(axis=0)
    assert np.allclose(scaled.numpy(), wanted, atol=1e-6)


def test_small_numbers_that_differ_by_less_than_float32_tells_apart_are_standardised():
    tiny = 0.5 + 1e-9 * np.arange(100.0)[:, None]
    layer = Standardise(1)
    layer.fit(tiny)
    scaled = layer(torch.from_numpy(tiny))
    assert len(scaled.unique()) == 100
    assert abs(float(scaled.std(correction=0)) - 1) < 1e-4


def test_a_constant_of_float64_is_only_centred():
    layer = Standardise(1)
    layer.fit(np.full((5, 1), 1_732_752_007.0))
    assert layer(torch.tensor([[1_732_752_009.0]], dtype=torch.float64)).tolist() == [[2.0]]


def test_what_float64_measured_is_loaded_without_rounding():
    layer = Standardise(2)
    layer.fit(TIMES)
    fresh = Standardise(2)
    fresh.load_state_dict(layer.state_dict())
    assert torch.equal(fresh.mean, layer.mean)
    for other in (fresh, copy.deepcopy(layer)):
        assert torch.equal(other(torch.from_numpy(TIMES)), layer(torch.from_numpy(TIMES)))


def test_what_float32_measured_takes_features_of_float64_as_float32():
    layer = Standardise(2)
    layer.fit(TIMES.astype(np.float32))
    assert layer.mean.dtype == torch.float32
    assert torch.equal(layer(torch.from_numpy(TIMES)), layer(torch.from_numpy(TIMES.astype(np.float32))))


def test_a_network_made_float64_stays_so():
    layer = Standardise(1).double()
    assert layer(torch.ones(1, 1, dtype=torch.float64)).dtype == torch.float64
