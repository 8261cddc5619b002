"""Statistics of timings, against known answers."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.samples import Difference, Samples, difference


def normal(rounds, mean, std, seed):
    values = np.random.default_rng(seed).normal(mean, std, rounds)
    return Samples(tuple(values.tolist()))


def test_percentiles_of_a_known_vector():
    samples = Samples(tuple(float(value) for value in [7, *range(100, 0, -1)]))
    statistics = dict(samples.statistics)
    del statistics["jitter"]
    assert statistics == {"p50": 50.0, "p90": 90.0, "p99": 99.0, "maximum": 100.0}


@pytest.mark.parametrize("values", [(1.0, 1.0, 2.0, 2.0, 4.0, 6.0, 9.0), (1.0, 2.0, 3.0, 4.0, 1e9)])
def test_jitter_is_the_scaled_mad_and_ignores_an_outlier(values):
    assert Samples(values).statistics["jitter"] == pytest.approx(1.4826)


def test_jitter_of_normal_values_is_their_standard_deviation():
    jitter = normal(20_000, 10.0, 0.5, seed=0).statistics["jitter"]
    assert jitter == pytest.approx(0.5, rel=0.03)


def test_empty_samples_raise():
    with pytest.raises(ValueError, match="at least one"):
        Samples(())


def test_the_interval_covers_a_known_shift_and_excludes_zero():
    found = difference(normal(200, 10.0, 0.5, seed=0), normal(200, 11.0, 0.5, seed=1))
    assert 0.0 < found.low < 1.0 < found.high
    assert found.ratio_low < 1.1 < found.ratio_high
    assert found.verdict() == "slower"


def test_intervals_have_their_nominal_coverage():
    covered = 0
    for seed in range(200):
        base, other = normal(60, 10.0, 0.5, seed=2 * seed), normal(60, 10.3, 0.5, seed=2 * seed + 1)
        found = difference(base, other, resamples=400, level=0.9)
        covered += found.low <= 0.3 <= found.high
    # Three standard errors of a fraction of 0.9 in 200; medians of few rounds cover a little more.
    assert 0.84 <= covered / 200 <= 0.99


def test_pairing_cancels_noise_of_whole_rounds():
    noise = np.random.default_rng(0).exponential(100.0, 100)
    base, other = Samples(tuple(noise + 1.0)), Samples(tuple(noise + 1.5))
    found = difference(base, other)
    assert found.low == pytest.approx(0.5)
    assert found.high == pytest.approx(0.5)


def test_a_higher_level_gives_a_wider_interval():
    base, other = normal(100, 10.0, 0.5, seed=0), normal(100, 10.1, 0.5, seed=1)
    narrow, wide = (difference(base, other, level=level) for level in (0.5, 0.99))
    assert wide.low < narrow.low < narrow.high < wide.high


def test_a_difference_within_the_noise_is_not_significant():
    found = Difference(0.1, 0.05, 0.15, 0.95, 1.1, 1.05, 1.15)
    assert found.verdict() == "slower"
    noise = Difference(0.0, -0.12, 0.02, 0.95, 1.0, 0.9, 1.05)
    assert noise.floor == 0.12
    assert noise.ratio_floor == pytest.approx(0.1)
    assert found.verdict(noise) == "same"
    assert Difference(-1.0, -1.1, -0.9, 0.95, 0.5, 0.4, 0.6).verdict(noise) == "faster"
    assert Difference(1.0, -0.1, 1.5, 0.95, 1.5, 0.9, 1.9).verdict() == "same"


milliseconds = st.lists(st.floats(0.01, 1e4), min_size=1, max_size=30)


@given(milliseconds, st.floats(0.0, 1e3), st.floats(0.5, 0.999))
def test_a_constant_shift_is_measured_exactly(values, shift, level):
    base = Samples(tuple(values))
    other = Samples(tuple(value + shift for value in values))
    found = difference(base, other, level=level, resamples=50)
    assert found.low == pytest.approx(shift, abs=1e-9)
    assert found.high == pytest.approx(shift, abs=1e-9)
    assert found.ratio_low <= found.ratio_high
    assert found.ratio == pytest.approx(1.0 + shift / base.p50)


@given(milliseconds)
def test_the_statistics_are_ordered(values):
    statistics = dict(Samples(tuple(values)).statistics)
    assert statistics.pop("jitter") >= 0.0
    # Interpolation between two equal values may round.
    order = [min(values), *statistics.values()]
    assert all(a <= b * (1 + 1e-12) for a, b in itertools.pairwise(order))


def test_different_numbers_of_rounds_raise():
    with pytest.raises(ValueError, match="2 and of 3 rounds"):
        difference(Samples((1.0, 2.0)), Samples((1.0, 2.0, 3.0)))
