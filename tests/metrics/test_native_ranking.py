"""The native module beside the definition and beside numpy."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lopsided.losses.kernels import backend
from lopsided.metrics import average_precision, micro_average_precision, native_ranking
from tests.reference import average_precision as reference

pytestmark = pytest.mark.skipif(native_ranking.native_module() is None, reason="the native module was not built")
SCORES = [-math.inf, -3e38, -1.5, -1e-45, -0.0, 0.0, 1e-45, 0.5, 0.5000001, 3e38, math.inf]


@pytest.fixture
def by_numpy(monkeypatch):
    def run(*arguments, **options):
        with monkeypatch.context() as patch:
            patch.setenv("LOPSIDED_BACKEND", "torch")
            backend.forget()
            values = average_precision(*arguments, **options)
        backend.forget()
        return values

    return run


@settings(max_examples=200, deadline=None)
@given(
    ranking=st.lists(st.tuples(st.sampled_from(SCORES), st.booleans(), st.booleans()), min_size=1, max_size=40),
    dtype=st.sampled_from([torch.float32, torch.float64]),
)
def test_any_scores_however_far_apart_equal_the_definition(ranking, dtype):
    scores, targets, known = (torch.tensor(column).reshape(-1, 1) for column in zip(*ranking, strict=True))
    scores = scores.to(dtype)
    expected = reference.average_precision(scores.numpy(), targets.numpy(), known.numpy())
    np.testing.assert_allclose(native_ranking.average_precision(scores, targets, known), expected, rtol=1e-12)


@pytest.mark.parametrize("share", [0.0005, 0.03, 0.5, 0.999])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_many_positives_and_many_ties_equal_numpy(by_numpy, share, dtype):
    generator = torch.Generator().manual_seed(0)
    targets = torch.rand(4000, 11, generator=generator) < share
    scores = (torch.randn(4000, 11, generator=generator) + targets).to(dtype)
    scores[:, 3] = scores[:, 3].round()
    scores[:, 4] *= 1e30
    known = torch.rand(4000, 11, generator=generator) < 0.9
    for mask in (None, known):
        torch.testing.assert_close(
            average_precision(scores, targets, mask=mask),
            by_numpy(scores, targets, mask=mask),
            rtol=1e-12,
            atol=0,
            equal_nan=True,
        )


def test_one_ranking_of_all_elements_is_that_of_one_column():
    scores, targets = torch.randn(300, 7), torch.rand(300, 7) < 0.2
    whole = average_precision(scores.reshape(-1, 1), targets.reshape(-1, 1))
    assert torch.equal(micro_average_precision(scores, targets), whole[0])


@pytest.mark.parametrize("dtype", [torch.int16, torch.int32, torch.int8, torch.float16])
def test_targets_of_every_width_are_read(dtype):
    scores, targets = torch.randn(50, 3), torch.rand(50, 3) < 0.4
    assert torch.equal(average_precision(scores, targets.to(dtype)), average_precision(scores, targets))


def test_true_is_any_byte_but_0(by_numpy):
    targets = torch.tensor([[0, 255], [2, 0], [128, 1], [0, 77]], dtype=torch.uint8)
    known = torch.tensor([[3, 255], [0, 1], [200, 1], [1, 0]], dtype=torch.uint8)
    scores = torch.tensor([[0.1, 0.9], [0.8, 0.3], [0.4, 0.2], [0.7, 0.6]])
    odd, plain = {"mask": known.view(torch.bool)}, {"mask": known != 0}
    for run in (average_precision, by_numpy):
        for options, other in (({}, {}), (odd, plain)):
            wanted = run(scores, targets != 0, **other)
            assert torch.equal(run(scores, targets.view(torch.bool), **options), wanted)


def test_what_is_refused_is_refused_and_never_a_value():
    scores = torch.rand(5, 2)
    for bad in (torch.full((5, 2), 255, dtype=torch.uint8), torch.full((5, 2), -1), torch.full((5, 2), torch.nan)):
        assert native_ranking.average_precision(scores, bad, None) is None
        with pytest.raises(ValueError, match="expected targets to be 0 or 1, got"):
            average_precision(scores, bad)
