"""Asked against achieved, from rows written by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from render.report.achieved import plot, reached
from render.theta import theta_to_json
from tests.hand_made import theta_of


def frame(frame_idx: int, **groups: dict[str, Any]) -> dict[str, Any]:
    theta = theta_to_json(theta_of(2, **groups))
    return {"frame_idx": frame_idx, "theta": json.dumps(theta)}


def instance(frame_idx: int, instance_idx: int, **values: Any) -> dict[str, Any]:
    row = {
        "frame_idx": frame_idx, "instance_idx": instance_idx, "role": "target",
        "occluded_fract": 0.0, "truncated_fract": 0.0, "bbox_obj": [10.0, 20.0, 100.0, 50.0],
        "width": 640, "height": 480,
    }  # fmt: skip
    return row | values


ASKED = {
    "occlusion": {"occluded_fract": 0.5},
    "truncation": {"truncated_fract": 0.25, "side": "left"},
    "scale": {"size_frac": None, "size_px": 100.0, "distance_m": None},
}


def test_each_leaf_is_held_against_the_labels_it_is_of() -> None:
    rows = [
        instance(0, 0, occluded_fract=0.52, truncated_fract=0.30),
        instance(0, 1, occluded_fract=0.55, truncated_fract=0.9),
        instance(0, 2, role="distractor", occluded_fract=0.1),
        instance(1, 0, occluded_fract=0.9),
        instance(1, 1, occluded_fract=0.9),
    ]
    found = {r.name: r for r in reached([frame(0, **ASKED), frame(1)], rows)}

    assert set(found) == {"occluded_fract", "truncated_fract", "size_px", "size_frac"}
    assert found["occluded_fract"].achieved.tolist() == [0.52, 0.55]
    assert found["occluded_fract"].n_within == 1
    assert found["truncated_fract"].errors.tolist() == pytest.approx([0.05])
    assert found["truncated_fract"].n_within == 0
    assert found["size_px"].n_within == 1
    # Frame 1 asks 0.3 of 640 pixels, and shows 100: errors of sizes are relative.
    assert found["size_frac"].errors.tolist() == pytest.approx([100 / (0.3 * 640) - 1])


def test_what_has_no_label_and_what_a_fixed_camera_shows_is_left_out() -> None:
    placed = [1.0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]
    cell = ASKED | {"camera": {"T_world_cam": tuple(placed)}}
    cell["truncation"] = {"truncated_fract": None}
    rows = [instance(0, 0, occluded_fract=None), instance(1, 0, occluded_fract=0.5)]

    found = reached([frame(0, **ASKED), frame(1, **cell)], rows)

    assert [(r.name, len(r.asked)) for r in found] == [
        ("occluded_fract", 1), ("truncated_fract", 1), ("size_px", 1),
    ]  # fmt: skip
    assert reached([frame(0, scale={"size_frac": None, "distance_m": 0.5})], rows[:1]) == ()


def test_the_plot_has_a_dot_where_a_label_is_and_none_elsewhere(tmp_path: Path) -> None:
    paths = []
    for achieved in (0.5, 0.9):
        rows = [instance(0, 0, occluded_fract=achieved)]
        found = reached([frame(0, occlusion={"occluded_fract": 0.5})], rows)
        paths.append(tmp_path / f"{achieved}.png")
        paths[-1].write_bytes(plot(tuple(r for r in found if r.name == "occluded_fract")))
    on, off = (cv2.imread(str(path)) for path in paths)

    differ = np.argwhere((on != off).any(axis=2))
    title = differ[:, 0] < 44
    rows_of = differ[~title][:, 0]
    # One dot moves by 0.4 of the panel's 360 pixels, straight up.
    assert np.ptp(rows_of) == pytest.approx(0.4 * 360, abs=8)
    assert np.ptp(differ[~title][:, 1]) <= 8
