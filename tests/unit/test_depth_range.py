"""What a depth file cannot hold: told before frame 0 or at the first pixel, never written."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
import trimesh
from numpy.typing import NDArray

import render
from render.dataset.findings import Findings
from render.dataset.rasters import depth_problem
from render.errors import ConfigError
from render.job.run_job import run_job
from render.writers.base import RecordedPixels, StoredFrame
from render.writers.raster_check import PixelCheck
from render.writers.rasters import DepthSettings, DepthWriter
from tests.spaces import composed

UNIT_M = 1e-4
TARGET = {"instance_idx": 0, "role": "target", "box3d_size_m": [0.2, 0.2, 0.2],
          "box3d_center_cam_m": [0, 0, 6.5], "cam_R_m2c": [1, 0, 0, 0, 1, 0, 0, 0, 1],
          "cam_R_m2c_canonical": None}  # fmt: skip
DISTRACTOR = TARGET | {"instance_idx": 1, "role": "distractor", "box3d_center_cam_m": [0, 0, 6]}
CAMERA = {"cam_K": [1000, 0, 1, 0, 1000, 0, 0, 0, 1], "cam_dist": []}


def view(target_m: float, distractor_m: float, ground_m: float) -> Any:
    """Three pixels: a target, a distractor, and ground that is no instance."""
    return SimpleNamespace(
        frame_idx=3,
        instances=[TARGET, DISTRACTOR],
        ids=np.array([[0, 1, -1]], np.int32),
        depth_m=np.array([[target_m, distractor_m, ground_m]], np.float32),
        size_wh=(3, 1),
    )


def written(shown: Any) -> NDArray[np.uint16]:
    data = DepthWriter(DepthSettings(depth=True, depth_unit_m=UNIT_M)).encoded(shown)
    return np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED))


def test_what_is_no_target_and_too_far_is_unknown() -> None:
    assert written(view(6.5, 6.6, 6.5)).tolist() == [[65000, 0, 65000]]
    assert written(view(6.5535, 2.0, 1e6)).tolist() == [[65535, 20000, 0]]


@pytest.mark.parametrize(
    ("depth_m", "unit"),
    [(6.5537, "0.001"), (12.2, "0.001"), (65.5, "0.001"), (66.0, "0.01"), (4e4, "1")],
)
def test_a_target_that_is_too_far_names_the_unit_that_would_do(depth_m: float, unit: str) -> None:
    with pytest.raises(ConfigError, match=rf"frame 3: .* ends at 6\.5535 m.*m={unit}$"):
        written(view(depth_m, 1.0, 1.0))
    assert depth_problem(depth_m, unit_m=float(unit)) == ""


@pytest.mark.parametrize("distance_m", ["9", "[uniform,9,12]"])
def test_targets_that_are_all_too_far_are_told_before_any_file(
    distance_m: str, tmp_path: Path
) -> None:
    trimesh.creation.box((2, 2, 2)).export(tmp_path / "box.glb")
    words = [
        "objects=single", f"assets.models_dir={tmp_path}", "scale=distance", "occlusion=none",
        f"scale.distance_m={distance_m}", "output.depth=true", "background=color", "n_frames=1",
        f"output_dir={tmp_path / 'data'}", "lighting=sun",
    ]  # fmt: skip
    with pytest.raises(ConfigError, match=r"output\.depth_unit_m must reach every .*_m=0\.001$"):
        run_job(composed(*words))
    assert not (tmp_path / "data").exists()
    for more in ("output.depth=false", "output.depth_unit_m=0.001", "scale.distance_m=6"):
        render.compose(*words, more).try_first_frame()


def found(units: list[int], target: dict[str, Any], far_m: float) -> str:
    """What verify says of a depth file of the three pixels."""
    _, data = cv2.imencode(".png", np.array([units], np.uint16))
    findings = Findings()
    shown = view(1.0, 1.0, 1.0)
    shown.instances = [target, DISTRACTOR]
    recorded = RecordedPixels(
        ids=np.array([[1, 2, 0]]), near_m=1.0, far_m=far_m, has_fixtures=False
    )
    stored = StoredFrame(row=CAMERA, view=shown, files={}, recorded=recorded)
    PixelCheck("depth/train/00000003.png", data.tobytes(), stored, findings).depth(UNIT_M)
    return json.dumps(findings.lines())


@pytest.mark.parametrize(
    ("units", "center_m", "far_m", "says"),
    [
        ([65000, 60000, 0], 6.5, 6.6, ""),
        ([65535, 60000, 0], 6.5, 6.6, ""),
        ([65000, 0, 0], 6.5, 20.0, ""),  # the distractor may be at 15 m
        ([65000, 0, 0], 6.5, 6.55, "1 px of objects have no depth"),
        ([0, 60000, 0], 6.5, 20.0, "1 px of objects have no depth"),
        ([65535, 60000, 0], 11.3, 20.0, "1 px of instance 0 are beyond 6.5535"),
    ],
)
def test_verify_knows_the_rule(units: list[int], center_m: float, far_m: float, says: str) -> None:
    lines = found(units, TARGET | {"box3d_center_cam_m": [0, 0, center_m]}, far_m)

    assert says in lines if says else lines == "[]"
