"""Sampling sequences against scipy's and against their definitions."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import kstest, qmc

from render.sampling.groups import GROUPS
from render.sampling.sequences import (
    LHS_BLOCK,
    AbstractSequence,
    Grid,
    LatinHypercube,
    Random,
    Sobol,
    sobol_dimension,
)
from render.sampling.streams import key_bits, stream, uniform

NAMES = ("viewpoint.azimuth_deg", "viewpoint.elevation_deg", "scale.size_frac", "camera.K[8]")
DIMENSIONS = {
    NAMES[0]: sobol_dimension(0, 0),
    NAMES[1]: sobol_dimension(0, 1),
    NAMES[2]: sobol_dimension(1, 0),
    NAMES[3]: sobol_dimension(6, 2, 8),
}


def points(sequence: AbstractSequence, n: int, first: int = 0) -> NDArray[np.float64]:
    frames = range(first, first + n)
    return np.array([[sequence.u(frame, name) for name in NAMES] for frame in frames])


@pytest.mark.parametrize("name", NAMES)
def test_sobol_points_before_the_scramble_are_those_of_scipy(name: str) -> None:
    dimension = DIMENSIONS[name]
    wanted = qmc.Sobol(dimension + 1, scramble=False, bits=32).random(64)[:, dimension]

    sobol = Sobol(0, DIMENSIONS)
    bits = [f"{sobol.reversed_point(frame, name):032b}"[::-1] for frame in range(64)]
    ours = [int(text, 2) * 2.0**-32 for text in bits]
    assert wanted.tolist() == ours


@pytest.mark.parametrize("seed", range(4))
def test_sobol_fills_the_cube_better_than_chance(seed: int) -> None:
    chance = np.mean([qmc.discrepancy(points(Random(s), 256)[:, :3]) for s in range(8)])

    assert qmc.discrepancy(points(Sobol(seed, DIMENSIONS), 256)[:, :3]) < chance / 10


@pytest.mark.parametrize("block", range(3))
def test_sobol_has_one_frame_in_each_slice(block: int) -> None:
    n = 128
    slices = np.floor(points(Sobol(5, DIMENSIONS), n, first=block * n) * n)

    for column in slices.T:
        assert np.arange(n).tolist() == sorted(column)


def test_sobol_fills_boxes_of_two_leaves() -> None:
    # Dimensions 0 and 1 are a (0, 2)-sequence: one frame in each box of area 1/64.
    both = points(Sobol(5, DIMENSIONS), 64)[:, :2]
    for k in range(7):
        boxes = {(int(x * 2**k), int(y * 2 ** (6 - k))) for x, y in both}

        assert len(boxes) == 64


def test_sobol_scrambles_differ_by_name_and_seed() -> None:
    same_dimension = dict.fromkeys(("a", "b"), 0)
    one, other = Sobol(0, same_dimension), Sobol(1, same_dimension)

    first = {one.u(0, "a"), one.u(0, "b"), other.u(0, "a")}
    assert len(first) == 3


def test_sobol_scrambles_do_not_depend_on_what_else_there_is() -> None:
    alone = Sobol(7, {NAMES[1]: DIMENSIONS[NAMES[1]]})
    among = Sobol(7, DIMENSIONS)

    for frame in range(50):
        assert alone.u(frame, NAMES[1]) == among.u(frame, NAMES[1])


def test_sobol_dimensions_are_distinct_and_known_to_scipy() -> None:
    places = itertools.product(range(64), range(32), range(10))
    dimensions = [sobol_dimension(*place) for place in places]

    assert len(set(dimensions)) == len(dimensions)
    assert max(dimensions) < qmc.Sobol.MAXDIM
    assert len(GROUPS) < 64
    assert all(len(schema.__dataclass_fields__) < 29 for schema in GROUPS.values())


@pytest.mark.parametrize("block", [0, 1, 5])
def test_lhs_has_one_frame_in_each_slice_of_a_block(block: int) -> None:
    slices = np.floor(points(LatinHypercube(3), LHS_BLOCK, first=block * LHS_BLOCK) * LHS_BLOCK)

    for column in slices.T:
        assert np.arange(LHS_BLOCK).tolist() == sorted(column)


def test_lhs_orders_differ_by_leaf_and_block() -> None:
    lhs = LatinHypercube(3)
    first, second = points(lhs, LHS_BLOCK), points(lhs, LHS_BLOCK, first=LHS_BLOCK)

    for a, b in ((first[:, 0], first[:, 1]), (first[:, 0], second[:, 0])):
        assert abs(np.corrcoef(a, b)[0, 1]) < 0.25


def test_grid_goes_through_all_combinations_once_a_cycle() -> None:
    counts = (("a", 3), ("b", 1), ("c", 4))
    grid = Grid(0, counts)

    def levels(frame: int) -> tuple[int, ...]:
        return tuple(int(grid.u_level(frame, name) * n) for name, n in counts)

    cycles = [[levels(frame) for frame in range(k, k + 12)] for k in (0, 12, 1200)]

    nested = list(itertools.product(range(3), range(1), range(4)))
    assert [nested] * 3 == cycles


def test_grid_levels_hold_for_all_instances_and_attempts() -> None:
    grid = Grid(0, (("a", 3),))

    assert {grid.u_level(4, "a", attempt, i) for attempt in range(3) for i in (None, 0, 5)} == {0.5}


@pytest.mark.parametrize(
    "sequence",
    [Random(1), Sobol(1, DIMENSIONS), LatinHypercube(1), Grid(1, ())],
    ids=lambda s: type(s).__name__,
)
def test_instances_and_later_attempts_are_keyed_random(sequence: AbstractSequence) -> None:
    name = NAMES[0]

    for frame in range(20):
        assert sequence.u(frame, name, 1) == uniform(1, frame, name, 0, 1)
        assert sequence.u(frame, name, 0, 3) == uniform(1, frame, name, 3, 0)
        assert sequence.u(frame, name, 2, 3) == uniform(1, frame, name, 3, 2)


def test_random_numbers_are_even_and_independent() -> None:
    sample = points(Random(11), 4000)
    instances = np.array([uniform(11, 0, "x", i, a) for i in range(200) for a in range(20)])

    for column in (*sample.T, instances):
        assert kstest(column, "uniform").pvalue > 0.001
    correlations = np.corrcoef(sample.T) - np.eye(len(NAMES))
    assert np.abs(correlations).max() < 0.06
    assert abs(np.corrcoef(sample[1:, 0], sample[:-1, 0])[0, 1]) < 0.06


def test_every_part_of_a_key_counts() -> None:
    keys = [(0, 1, "a", 0, 0), (1, 1, "a", 0, 0), (0, 2, "a", 0, 0), (0, 1, "b", 0, 0)]
    keys += [(0, 1, "a", 1, 0), (0, 1, "a", 0, 1), (0, 11, "a", 0, 0), (1, 0, "1/a", 0, 0)]

    assert len({uniform(*key) for key in keys}) == len(keys)
    assert len({float(stream(*key).random()) for key in keys}) == len(keys)
    assert len({key_bits(seed, name, 4) for seed in range(3) for name in "abc"}) == 9


def test_numbers_are_those_of_every_machine_and_version() -> None:
    # A change here changes every dataset that was ever made.
    drawn = (
        uniform(0, 0, "viewpoint.azimuth_deg"),
        Sobol(0, DIMENSIONS).u(3, NAMES[2]),
        LatinHypercube(0).u(3, NAMES[2]),
        float(stream(0, 0, "place").random()),
    )

    assert (0.929362857790506, 0.6089897989295423, 0.4890207586796344, 0.3557111741888186) == drawn
