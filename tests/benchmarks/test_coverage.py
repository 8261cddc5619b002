"""The simulation of the coverage of confidence intervals."""

import pytest

from benchmarks import coverage


@pytest.mark.parametrize("name", ["binary, 50% positive", "3 classes, balanced"])
def test_most_intervals_cover_the_score_of_the_population(name):
    population = coverage.POPULATIONS[name]
    table = coverage.coverage(population, size=1000, samples=20, draws=100)
    is_binary = len(population) == 2
    assert list(table) == [*coverage.CLOSED[is_binary], *coverage.RESAMPLED[is_binary]]
    for covered, width in table.values():
        assert 0.75 <= covered <= 1.0
        assert 0.0 < width < 0.15


@pytest.mark.parametrize("name", coverage.POPULATIONS)
def test_a_population_is_a_distribution(name):
    population = coverage.POPULATIONS[name]
    assert population.sum() == pytest.approx(1.0)
    assert (population >= 0.0).all()
