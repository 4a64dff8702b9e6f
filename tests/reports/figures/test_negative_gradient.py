import numpy as np
import pytest

from lopsided.reports.figures.negative_gradient import gradient_peak, negative_gradient

PAPER = {(2, 0.2): 0.839, (4, 0.2): 0.887, (4, 0.05): 0.900, (0, 0.2): 0.710, (2, 0): 0.942, (7, 0.05): 0.926}


@pytest.mark.parametrize(("gamma_neg", "margin"), PAPER)
def test_the_peak_is_where_the_paper_has_it(gamma_neg, margin):
    assert gradient_peak(gamma_neg=gamma_neg, margin=margin) == pytest.approx(PAPER[gamma_neg, margin], abs=6e-4)


@pytest.mark.parametrize(("gamma_neg", "margin"), PAPER)
def test_a_negative_is_not_counted_then_counted_more_and_beyond_the_peak_less(gamma_neg, margin):
    peak = gradient_peak(gamma_neg=gamma_neg, margin=margin)
    hard, soft, mislabelled = (
        negative_gradient(np.linspace(low, high, 500), gamma_neg=gamma_neg, margin=margin)
        for low, high in ((1e-6, max(margin - 1e-6, 2e-6)), (margin + 1e-6, peak - 1e-6), (peak + 1e-6, 1 - 1e-9))
    )
    assert margin == 0 or (hard == 0).all()
    assert (np.diff(soft) > 0).all()
    assert (np.diff(mislabelled) < 0).all()


def test_cross_entropy_has_no_peak():
    assert gradient_peak(gamma_neg=0, margin=0) == 1.0


def test_the_gradient_of_cross_entropy_is_the_probability():
    p = np.linspace(0.01, 0.99, 50)
    np.testing.assert_allclose(negative_gradient(p, gamma_neg=0, margin=0), p, rtol=1e-12)
