"""Distributions against scipy's, evaluated on a fine grid of u."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from render.sampling.distribution import AbstractDistribution
from render.sampling.distributions.beta import Beta
from render.sampling.distributions.choice import Choice
from render.sampling.distributions.constant import Constant
from render.sampling.distributions.integers import Integers
from render.sampling.distributions.levels import Levels
from render.sampling.distributions.log_uniform import LogUniform
from render.sampling.distributions.normal import Normal
from render.sampling.distributions.sin_uniform import SinUniform
from render.sampling.distributions.uniform import Uniform

N = 4001
U = (np.arange(N) + 0.5) / N
LAST = 1 - 2.0**-53

CONTINUOUS = [
    (Uniform(-3, 5), stats.uniform(-3, 8)),
    (LogUniform(0.01, 100), stats.loguniform(0.01, 100)),
    (Normal(1, 2, -4, 3), stats.truncnorm(-2.5, 1, 1, 2)),
    (Normal(0, 1, 6, 9), stats.truncnorm(6, 9)),  # far out in the right tail
    (Normal(0, 1, -9, -6), stats.truncnorm(-9, -6)),
    (Normal(0, 100, -1, 1), stats.truncnorm(-0.01, 0.01, 0, 100)),  # nearly even
    (Beta(2, 5, 0, 1), stats.beta(2, 5)),
    (Beta(0.5, 0.5, -10, 30), stats.beta(0.5, 0.5, -10, 40)),
]


def drawn(distribution: AbstractDistribution) -> NDArray[np.float64]:
    return np.array([distribution.ppf(u) for u in U], dtype=np.float64)


@pytest.mark.parametrize(("ours", "theirs"), CONTINUOUS, ids=lambda d: str(d)[:40])
def test_kolmogorov_smirnov_distance_is_that_of_the_grid(
    ours: AbstractDistribution, theirs: stats.rv_continuous
) -> None:
    # No sample of this size is nearer to its distribution than half a step.
    assert stats.kstest(drawn(ours), theirs.cdf).statistic < 0.5 / N + 1e-6


def test_sin_uniform_is_even_over_solid_angle() -> None:
    elevation = drawn(SinUniform(-30, 60))

    height = np.sin(np.radians(elevation))
    assert stats.kstest(height, stats.uniform(-0.5, 0.5 + math.sqrt(0.75)).cdf).statistic < 1 / N
    # By Archimedes, the mean height over a zone of the sphere is that of its middle.
    assert np.mean(height) == pytest.approx((math.sqrt(0.75) - 0.5) / 2, abs=1e-6)


def test_sin_uniform_equals_points_spread_over_a_sphere() -> None:
    points = np.random.default_rng(3).standard_normal((20_000, 3))
    elevation = np.degrees(np.arcsin(points[:, 2] / np.linalg.norm(points, axis=1)))

    assert stats.ks_2samp(drawn(SinUniform(-90, 90)), elevation).pvalue > 0.01


def test_integers_are_equally_likely_and_both_ends_are_drawn() -> None:
    values, counts = np.unique(drawn(Integers(-2, 4)), return_counts=True)

    assert [-2, -1, 0, 1, 2, 3, 4] == values.tolist()
    assert np.ptp(counts) <= 1
    assert isinstance(Integers(0, 3).ppf(0.5), int)


def test_choice_follows_its_weights() -> None:
    choice = Choice(("a", "b", "c"), (1.0, 0.0, 3.0))

    drawn = [choice.ppf(u) for u in U]
    assert drawn.count("a") == pytest.approx(N / 4, abs=1)
    assert drawn.count("b") == 0
    assert choice.support == ("a", "c")


def test_levels_are_an_even_choice() -> None:
    values, counts = np.unique(drawn(Levels((10.0, 30.0, 60.0))), return_counts=True)

    assert [10, 30, 60] == values.tolist()
    assert np.ptp(counts) <= 1


@pytest.mark.parametrize(
    "distribution",
    [
        *(ours for ours, _ in CONTINUOUS),
        SinUniform(-90, 90),
        Integers(0, 2**31 - 1),
        Choice((1.0, 2.0), (0.1, 0.7)),
        Levels((1.0, 2.0, 3.0)),
        Constant(3.0),
        Uniform(2, 2),
        LogUniform(2, 2),
        Normal(0, 1, 2, 2),
        Beta(1, 1, 2, 2),
        SinUniform(90, 90),
        Integers(7, 7),
        Normal(0, 1e-6, -1, 1),
        Normal(0, 1, 40, 50),
    ],
    ids=lambda d: str(d)[:40],
)
def test_draws_stay_in_bounds_and_rise(distribution: AbstractDistribution) -> None:
    assert distribution.bounds is not None
    lo, hi = distribution.bounds

    ends = np.array([distribution.ppf(0.0), distribution.ppf(LAST)], dtype=np.float64)
    inner = drawn(distribution)
    assert np.all(np.isfinite(inner))
    assert np.all((inner >= lo) & (inner <= hi))
    assert np.all((ends >= lo) & (ends <= hi))
    assert np.all(np.diff(inner) >= 0)


@pytest.mark.parametrize(
    ("make", "rule"),
    [
        (lambda: Uniform(2, 1), "lo <= hi"),
        (lambda: Uniform(math.nan, 1), "finite bounds"),
        (lambda: Uniform(0, math.inf), "finite bounds"),
        (lambda: LogUniform(0, 1), "lo > 0"),
        (lambda: Normal(0, 0, -1, 1), "std > 0"),
        (lambda: Normal(0, -1, -1, 1), "std > 0"),
        (lambda: SinUniform(-91, 0), "-90 to 90"),
        (lambda: Beta(0, 1, 0, 1), "a > 0 and b > 0"),
        (lambda: Integers(3, 2), "lo <= hi"),
        (lambda: Choice((), ()), "at least one value"),
        (lambda: Choice((1.0,), (-1.0,)), "no negative weight"),
        (lambda: Choice((1.0, 2.0), (0.0, 0.0)), "weight above 0"),
        (lambda: Choice((1.0,), (math.nan,)), "weight"),
        (lambda: Levels(()), "at least one value"),
    ],
)
def test_what_cannot_be_drawn_cannot_be_made(make: type[AbstractDistribution], rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        make()
