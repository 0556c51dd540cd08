"""What holds for every seed, frame and name."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from render.sampling.sequences import AbstractSequence, Grid, LatinHypercube, Random, Sobol
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
