"""What holds for every seed, frame and name."""

from __future__ import annotations

import itertools
import math

from hypothesis import given, settings
from hypothesis import strategies as st

from render.sampling.sequences import (
    AbstractSequence,
    Grid,
    LatinHypercube,
    Random,
    Sobol,
    Stratified,
)
from render.sampling.streams import uniform

SEEDS = st.integers(0, 2**63 - 1)
FRAMES = st.integers(0, 99_999_999)
NAMES = st.sampled_from(("viewpoint.azimuth_deg", "scale.size_frac", "sensor.noise"))
DIMENSIONS = {"viewpoint.azimuth_deg": 0, "scale.size_frac": 32, "sensor.noise": 258}


def sequences(seed: int) -> tuple[AbstractSequence, ...]:
    return (
        Random(seed),
        Sobol(seed, DIMENSIONS),
        LatinHypercube(seed),
        Grid(seed, (("sensor.noise", 7), ("scale.size_frac", 3))),
        Stratified(seed, (("viewpoint.azimuth_deg", 8), ("scale.size_frac", 3))),
    )


@settings(deadline=None, max_examples=50)
@given(SEEDS, FRAMES, NAMES, st.integers(0, 99), st.none() | st.integers(0, 2000))
def test_numbers_lie_in_the_unit_interval_and_do_not_depend_on_history(
    seed: int, frame: int, name: str, attempt: int, instance: int | None
) -> None:
    for used, fresh in zip(sequences(seed), sequences(seed), strict=True):
        for other in range(3):
            used.u(other, name)

        u = used.u(frame, name, attempt, instance)

        assert 0 <= u < 1
        assert fresh.u(frame, name, attempt, instance) == u
        if not isinstance(used, Grid) or name != "viewpoint.azimuth_deg":
            assert 0 <= used.u_level(frame, name, attempt, instance) < 1


@settings(deadline=None, max_examples=100)
@given(SEEDS, FRAMES, FRAMES, NAMES)
def test_the_scramble_of_sobol_points_is_nested(seed: int, a: int, b: int, name: str) -> None:
    """Two points share exactly as many leading digits as they did before."""
    sobol = Sobol(seed, DIMENSIONS)
    before = sobol.reversed_point(a, name) ^ sobol.reversed_point(b, name)
    shared_before = (before & -before).bit_length()

    after = int(sobol.u(a, name) * 2**32) ^ int(sobol.u(b, name) * 2**32)

    assert (33 - after.bit_length() if after else 0) == shared_before


@given(SEEDS, FRAMES, NAMES, st.integers(0, 50), st.integers(0, 50))
def test_keys_of_other_frames_give_other_numbers(
    seed: int, frame: int, name: str, instance: int, attempt: int
) -> None:
    u = uniform(seed, frame, name, instance, attempt)

    assert u != uniform(seed, frame + 1, name, instance, attempt)
    assert u != uniform(seed, frame, name, instance + 1, attempt)
    assert u != uniform(seed, frame, name, instance, attempt + 1)
    assert u == uniform(seed, frame, name, instance, attempt)


SLICES = st.lists(st.integers(1, 8), min_size=0, max_size=4)


def stratum(sequence: Stratified, frame: int, attempt: int = 0) -> tuple[int, ...]:
    """Which slice of each of its leaves a frame is drawn in."""
    return tuple(int(sequence.u(frame, name, attempt) * n) for name, n in sequence.n_slices)


@settings(deadline=None, max_examples=50)
@given(SEEDS, st.integers(0, 100_000), SLICES)
def test_each_block_visits_every_stratum_once(seed: int, block: int, slices: list[int]) -> None:
    sequence = Stratified(seed, [(f"leaf_{i}", n) for i, n in enumerate(slices)])
    frames = range(block * sequence.n_strata, (block + 1) * sequence.n_strata)

    visited = [stratum(sequence, frame) for frame in frames]

    assert sequence.n_strata == math.prod(slices)
    assert sorted(visited) == sorted(itertools.product(*(range(n) for n in slices)))


@settings(deadline=None, max_examples=50)
@given(SEEDS, FRAMES, SLICES, st.integers(1, 99))
def test_attempts_stay_in_their_stratum_and_are_others(
    seed: int, frame: int, slices: list[int], attempt: int
) -> None:
    sequence = Stratified(seed, [(f"leaf_{i}", n) for i, n in enumerate(slices)])

    assert stratum(sequence, frame, attempt) == stratum(sequence, frame)
    for name, _ in sequence.n_slices:
        assert sequence.u(frame, name, attempt) != sequence.u(frame, name)


@settings(deadline=None, max_examples=20)
@given(SEEDS, st.integers(0, 1000))
def test_blocks_come_in_an_order_of_their_own(seed: int, block: int) -> None:
    sequence = Stratified(seed, (("a", 8), ("b", 8)))
    orders = {tuple(stratum(sequence, 64 * b + i) for i in range(64)) for b in (block, block + 1)}

    assert len(orders) == 2
