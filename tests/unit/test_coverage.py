"""What is counted as covered, and what is told and drawn of it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from render.errors import DatasetError
from render.report.coverage import Coverage, coverage_of
from render.report.coverage_plot import draw_coverage
from render.sampling.axes import Axis, axes_of, finder
from tests.spaces import composed


def axes(*overrides: str) -> tuple[Axis, ...]:
    return axes_of(finder(composed(*overrides)))


def frame(idx: int, azimuth: float, elevation: float, distance_m: float = 1.0) -> dict[str, Any]:
    T = np.eye(4)
    T[:3, 3] = 0.5, 0, distance_m
    placement = {"T_world_cam": T.ravel().tolist(), "center_m": [0.5, 0, 0]}
    theta = {"viewpoint": {"azimuth_deg": azimuth, "elevation_deg": elevation}}
    return {"frame_idx": idx, "theta": json.dumps(theta), "placement": json.dumps(placement)}


def target(idx: int, side_px: float | None, occluded: float | None, **other: Any) -> dict[str, Any]:
    box = None if side_px is None else [1.0, 2.0, side_px / 2, side_px]
    return {
        "frame_idx": idx, "instance_idx": 0, "role": "target", "bbox_obj": box,
        "occluded_fract": occluded, "width": 200, "height": 100, **other,
    }  # fmt: skip


def test_frames_are_counted_by_what_their_principal_target_achieved() -> None:
    frames = [frame(i, 50.0, 15.0) for i in range(6)]
    rows = [
        target(0, 30.0, 0.2),  # 0.15 of the longer side
        target(0, 90.0, 0.6, instance_idx=1),
        target(1, 90.0, 0.09),  # asked 0.1, just missed
        target(2, None, None),
        target(3, 50.0, None),  # all of it beyond the image
        target(4, 50.0, 0.2, role="distractor"),
    ]

    found = coverage_of(axes("occlusion=occluded"), frames, rows)

    assert found.n_left_out == 4
    assert {tuple(b) for b in np.argwhere(found.counts).tolist()} == {(1, 0, 0, 0), (1, 0, 3, 0)}
    assert found.expected == pytest.approx(np.full((8, 4, 4, 4), 2 / 512))
    assert len(found.thin()) == 510


@pytest.mark.parametrize("torn", [{"theta": "{"}, {"placement": "{}"}, {"theta": "3"}])
def test_torn_records_are_told(torn: dict[str, Any]) -> None:
    with pytest.raises(DatasetError, match="the record of frame 4 is torn"):
        coverage_of(axes(), [{**frame(4, 0, 0), **torn}], [])


def test_an_instance_of_no_frame_is_torn() -> None:
    with pytest.raises(DatasetError, match="the record of frame 5 is missing"):
        coverage_of(axes(), [frame(4, 0, 0)], [target(5, 30.0, 0.2)])


def test_a_distance_is_that_of_the_camera_to_the_target() -> None:
    found = coverage_of(
        axes("scale=distance", "viewpoint=fixed", "scale.distance_m=[uniform,1,5]"),
        [frame(i, 0, 0, d) for i, d in enumerate((1.5, 4.5, 4.6))],
        [target(i, 9.0, None) for i in range(3)],
    )

    assert found.counts.tolist() == [1, 0, 0, 2]


def test_thin_bins_come_worst_first_and_are_told() -> None:
    cut = axes("viewpoint.azimuth_deg=[choice,{0:0.5,30:0.25,60:0.25}]", "scale=fixed")
    counts = np.array([[30, 30, 30, 30], [16, 5, 15, 15], [15, 15, 0, 15]])
    found = Coverage(axes=cut, counts=counts, n_left_out=3)
    text = found.text()

    assert found.thin() == [(2, 2), (1, 1)]
    assert found.expected[:, 0].tolist() == [27.0, 13.5, 13.5]
    assert "216 (3 more show no target)" in text
    assert "2 bins hold less than 50% of what is expected" in text
    rows = [line.split() for line in text.splitlines()[-2:]]
    assert [row[:3] for row in rows] == [["0", "13.5", "60"], ["5", "13.5", "30"]]
    assert len(found.text(all_bins=True).splitlines()) == 4 + 2 + 12


@pytest.mark.parametrize(("expected", "least"), [(1, 1), (3, 1), (5, 2), (20, 10)])
def test_thin_is_less_than_half_in_whole_frames(expected: int, least: int) -> None:
    cut = axes("viewpoint.azimuth_deg=[levels,0,30]", "scale=fixed", "viewpoint.elevation_deg=1")
    thin = []
    for count in range(12):
        counts = np.array([count, 2 * expected - count])
        thin += [count] if (0,) in Coverage(axes=cut, counts=counts, n_left_out=0).thin() else []

    assert thin == list(range(least))


def test_bins_that_are_alike_are_told_from_all_over() -> None:
    found = Coverage(axes=axes(), counts=np.zeros((8, 4, 4), np.int64) + 1, n_left_out=0)
    found.counts[:4] = 0

    assert {b[0] for b in found.thin()[:12]} == {0, 1, 2, 3}
    assert "... and 44 more thin ones (--all)" in found.text()


@pytest.mark.parametrize(
    "overrides",
    [
        [],
        ["occlusion=occluded"],
        ["viewpoint=fixed"],
        ["viewpoint.azimuth_deg=0", "scale=fixed"],
        ["viewpoint=fixed", "scale=fixed", "occlusion=occluded"],
    ],
)
def test_all_axes_can_be_drawn(overrides: list[str]) -> None:
    cut = axes(*overrides)
    shape = [axis.n_bins for axis in cut]
    thin = np.ones(shape, np.int64)
    thin.flat[1] = 0
    pictures = [
        draw_coverage(Coverage(axes=cut, counts=counts, n_left_out=0))
        for counts in (np.ones(shape, np.int64), thin)
    ]

    red = [np.all(picture == (196, 62, 36), axis=2).sum() for picture in pictures]
    assert red[1] - red[0] > 400  # one cell, beside that of the key
    assert np.all(pictures[0][:, -1] == 255)
