"""Which leaves are cut into bins, and which bin a value is in."""

from __future__ import annotations

from typing import Any

import pytest

from render.sampling.axes import Axis, axes_of, finder
from render.sampling.sequences import Stratified
from tests.spaces import composed, space_of

AZIMUTH, ELEVATION = "viewpoint.azimuth_deg", "viewpoint.elevation_deg"
OCCLUDED = "occlusion.occluded_fract"


def cut(*overrides: str) -> dict[str, int]:
    """Bins of each axis of a config."""
    return {axis.leaf: axis.n_bins for axis in axes_of(finder(composed(*overrides)))}


@pytest.mark.parametrize(
    ("overrides", "bins"),
    [
        ([], {AZIMUTH: 8, ELEVATION: 4, "scale.size_frac": 4}),
        (
            ["occlusion=occluded", "scale.size_px=[uniform,40,90]", "scale.size_frac=null"],
            {AZIMUTH: 8, ELEVATION: 4, "scale.size_px": 4, OCCLUDED: 4},
        ),
        (["scale=distance"], {AZIMUTH: 8, ELEVATION: 4, "scale.distance_m": 4}),
        # Size_frac is there, and takes no part.
        (["scale.size_px=90"], {AZIMUTH: 8, ELEVATION: 4}),
        (["viewpoint=fixed", "scale=fixed"], {}),
        (["viewpoint.azimuth_deg=[uniform,5,5]"], {ELEVATION: 4, "scale.size_frac": 4}),
        (["viewpoint=mixture"], {"scale.size_frac": 4}),
        (
            ["viewpoint=mixture", "viewpoint.elevation_deg=[levels,10,30,60]"],
            {ELEVATION: 3, "scale.size_frac": 4},
        ),
        (["scale=mixture"], {AZIMUTH: 8, ELEVATION: 4}),
        (
            ["occlusion.occluded_fract=[choice,null,0.5]", "scale=fixed"],
            {AZIMUTH: 8, ELEVATION: 4},
        ),
        (["objects=poses", "occlusion.occluded_fract=[uniform,0,0.5]"], {OCCLUDED: 4}),
    ],
)
def test_axes_are_the_leaves_that_vary(overrides: list[str], bins: dict[str, int]) -> None:
    assert cut(*overrides) == bins


def test_the_space_is_stratified_along_the_same_axes() -> None:
    for overrides in ([], ["viewpoint=mixture", "occlusion=occluded"]):
        config = composed(*overrides)
        sequence = space_of(config, sampling="stratified").sequence

        assert isinstance(sequence, Stratified)
        assert dict(sequence.n_slices) == cut(*overrides)


def axis_of(distribution: str) -> Axis:
    (axis,) = axes_of(
        finder(composed(f"viewpoint.elevation_deg={distribution}", "viewpoint.azimuth_deg=0",
                        "scale=fixed"))
    )  # fmt: skip
    return axis


@pytest.mark.parametrize(
    "distribution",
    [
        "[uniform,10,50]", "[sin_uniform,-30,80]", "[normal,20,10,0,60]", "[beta,2,5,10,80]",
        "[log_uniform,1,80]", "[levels,10,60,30]", "[choice,{10:0.7,20:0.2,50:0.1}]",
        "[integers,1,7]", "[integers,1,3]", "[integers,-5,5]",
    ],
)  # fmt: skip
def test_what_is_drawn_in_a_bin_is_in_the_bin(distribution: str) -> None:
    axis = axis_of(distribution)

    assert axis.u_edges[0] == 0.0
    assert axis.u_edges[-1] == 1.0
    assert 1 < axis.n_bins <= 4
    for idx in range(axis.n_bins):
        lo, hi = axis.u_edges[idx : idx + 2]
        for within in (1e-6, 0.3, 0.5, 1 - 1e-6):
            value: Any = axis.distribution.ppf(lo + within * (hi - lo))
            assert axis.bin_of(value) == idx
            assert axis.bin_of(value + 1e-9) in (idx, idx + 1)


def test_shares_are_those_of_the_values() -> None:
    axis = axis_of("[choice,{10:0.7,20:0.2,50:0.1}]")

    assert [axis.text(i) for i in range(axis.n_bins)] == ["10", "20, 50"]
    assert [axis.share(i) for i in range(axis.n_bins)] == pytest.approx([0.7, 0.3])
    assert axis_of("[uniform,10,50]").text(3) == "40 to 50"


def test_achieved_values_beyond_the_ends_are_in_the_last_bin() -> None:
    axis = axis_of("[uniform,10,50]")

    assert [axis.bin_of(v) for v in (-3.0, 9.9, 10.0, 20.1, 50.0, 55.0)] == [0, 0, 0, 1, 3, 3]


@pytest.mark.parametrize("sampling", ["stratified", "sobol"])
@pytest.mark.parametrize("size", ["size_frac", "size_px", "distance_m"])
def test_bins_are_filled_evenly(sampling: str, size: str) -> None:
    null = ("scale.size_frac=null", "scale.size_px=null", "scale.distance_m=null")
    null = tuple(leaf for leaf in null if size not in leaf)
    config = composed("occlusion=occluded", *null, f"scale.{size}=[uniform,2,3]")
    space, axes = space_of(config, sampling=sampling, seed=4), axes_of(finder(config))
    counts: dict[tuple[int, ...], int] = {}
    for frame in range(1024):
        # Sobol points are those of first attempts.
        theta = space.draw(frame, attempt=frame % 3 if sampling == "stratified" else 0)
        key = []
        for axis in axes:
            group, leaf = axis.leaf.split(".")
            key.append(axis.bin_of(getattr(getattr(theta, group), leaf)))
        counts[tuple(key)] = counts.get(tuple(key), 0) + 1

    assert len(counts) == 8 * 4 * 4 * 4
    assert set(counts.values()) == {2}
    shorter = space_of(config, sampling=sampling, seed=4)
    assert shorter.draw(700) == space.draw(700)
