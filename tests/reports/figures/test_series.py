import numpy as np

from lopsided.reports.figures.series import smooth, smoothing_window, thin


def test_a_window_of_one_changes_nothing():
    values = np.array([3.0, 1.0, 2.0])
    assert smooth(values, 1).tolist() == [3.0, 1.0, 2.0]


def test_smoothing_is_the_mean_of_the_neighbours():
    values = np.random.default_rng(0).normal(size=50)
    wanted = [values[max(0, k - 3) : k + 4].mean() for k in range(50)]
    np.testing.assert_allclose(smooth(values, 7), wanted)


def test_what_is_not_finite_is_skipped_and_long_gaps_stay_gaps():
    smoothed = smooth(np.array([1.0, np.nan, 3.0, np.nan, np.nan, np.nan]), 3)
    np.testing.assert_allclose(smoothed, [1.0, 2.0, 3.0, 3.0, np.nan, np.nan])


def test_an_empty_series_stays_empty():
    assert smooth(np.array([]), 1).tolist() == []
    assert smoothing_window(0) == 1


def test_windows_are_odd_and_a_fortieth():
    assert [smoothing_window(length) for length in (10, 100, 1000)] == [1, 3, 25]


def test_a_short_series_is_kept_whole():
    assert thin(np.zeros(100)).tolist() == list(range(100))


def test_thinning_keeps_ends_and_extremes_of_a_long_series():
    values = np.random.default_rng(0).normal(size=100_000)
    values[[12_345, 67_890]] = [50.0, -50.0]
    kept = thin(values)
    assert len(kept) <= 482
    assert {0, 12_345, 67_890, 99_999} <= set(kept.tolist())
    assert (np.diff(kept) > 0).all()


def test_thinning_keeps_a_gap():
    values = np.ones(10_000)
    values[4000:6000] = np.nan
    assert np.isnan(values[thin(values)]).sum() > 10
