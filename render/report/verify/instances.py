"""Records of one frame against each other: masks, counts, boxes, poses."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from render.dataset.description import Description
from render.dataset.findings import Findings
from render.geometry.rle_definition import decoded
from render.report.verify.records import Shard
from render.report.verify.tasks import task_problems
from render.writers.base import RecordedPixels, Row

__all__ = ["check_instances"]

# The rasterizer puts corners on a grid of 1/256 px.
_BOX_SLACK_PX = 0.05
_POSE_SLACK = 1e-9
_FAR_OFF = 1e9


def check_instances(
    frame: Row, shard: Shard, *, description: Description, findings: Findings
) -> RecordedPixels | None:
    """Checks the instance rows of a frame of a shard.

    Returns:
        What they say about pixels; None if a mask or the placement cannot be read.

    """
    size_hw = frame["height"], frame["width"]
    idx, file = frame["frame_idx"], shard.file_instances
    rows = shard.instances[idx]
    findings.require(
        [row["instance_idx"] for row in rows] == list(range(len(rows))),
        f"instance_idx must count from 0, got {[row['instance_idx'] for row in rows]}",
        file=file, frame_idx=idx,
    )  # fmt: skip
    ids = np.zeros(size_hw, np.int64)
    readable = True
    for row in rows:
        check = _Check(row, description, file, findings)
        masks = decoded(row["mask_visib"], size_hw), decoded(row["mask"], size_hw)
        check(row["split"] == frame["split"], f"split must be {frame['split']}")
        check((row["height"], row["width"]) == size_hw, "size must be that of its frame")
        if check(
            masks[0] is not None and masks[1] is not None, "masks must be RLE of the image's size"
        ):
            assert masks[0] is not None
            assert masks[1] is not None
            check.pixels(masks[0], masks[1])
            twice = int(np.count_nonzero(ids[masks[0]]))
            check(not twice, f"visible masks must be disjoint, {twice} px are another's too")
            ids[masks[0]] = row["instance_idx"] + 1
        else:
            readable = False
        check.labels()
        for problem in task_problems(frame, row, description):
            check(not problem, problem)
    placement = _placement(frame, shard, description, findings)
    if placement is None or not readable:
        return None
    return RecordedPixels(ids=ids, near_m=placement["near_m"], far_m=placement["far_m"])


@dataclass(frozen=True)
class _Check:
    row: Row
    description: Description
    file: str
    findings: Findings

    def __call__(self, holds: object, message: str) -> bool:
        row = self.row
        text = f"instance {row['instance_idx']} ({row['model']}): {message}" if not holds else ""
        return self.findings.require(holds, text, file=self.file, frame_idx=row["frame_idx"])

    def pixels(self, visib: NDArray[np.bool_], whole: NDArray[np.bool_]) -> None:
        """Counts, shares and boxes against the two masks."""
        row = self.row
        n_visib, n_frame = int(np.count_nonzero(visib)), int(np.count_nonzero(whole))
        n_all = row["px_count_all"]
        outside = int(np.count_nonzero(visib & ~whole))
        self(not outside, f"visible must be a subset of amodal, {outside} px are not")
        self(
            row["px_count_visib"] == n_visib,
            f"px_count_visib must be {n_visib}, got {row['px_count_visib']}",
        )
        self(n_all >= n_frame, f"px_count_all must be at least {n_frame}, got {n_all}")
        wanted = {
            "visib_fract": n_visib / n_all if n_all else None,
            "truncated_fract": (n_all - n_frame) / n_all if n_all else None,
            "occluded_fract": (n_frame - n_visib) / n_frame if n_frame else None,
        }
        for name, value in wanted.items():
            self(row[name] == value, f"{name} must be {value}, got {row[name]}")
        extent = _extent(visib)
        self(row["bbox_visib"] == extent, f"bbox_visib must be {extent}, got {row['bbox_visib']}")
        self._bbox_obj(_extent(whole), n_frame, whole.shape)

    def _bbox_obj(
        self, extent: list[float] | None, n_frame: int, shape_hw: tuple[int, ...]
    ) -> None:
        """The amodal box holds the centres of all pixels of the amodal mask."""
        box, n_all = self.row["bbox_obj"], self.row["px_count_all"]
        if box is None:
            self(extent is None and n_all == 0, "bbox_obj must be there where a mask is")
            return
        x0, y0, w, h = box
        self(w >= 0 and h >= 0, f"bbox_obj must have a size of at least 0, got {box}")
        if extent is not None:
            a0, b0, a, b = extent
            slack = 0.5 + _BOX_SLACK_PX
            self(
                x0 <= a0 + slack
                and y0 <= b0 + slack
                and x0 + w >= a0 + a - slack
                and y0 + h >= b0 + b - slack,
                f"bbox_obj must hold the amodal mask ({extent}), got {box}",
            )
        inside = x0 >= 0 and y0 >= 0 and x0 + w <= shape_hw[1] and y0 + h <= shape_hw[0]
        if inside:
            self(n_all == n_frame, "px_count_all must be the mask's where bbox_obj is in the frame")

    def labels(self) -> None:
        """Role, category, filter and pose."""
        row, description = self.row, self.description
        is_target = row["role"] == "target"
        self(row["role"] in ("target", "distractor"), f"role must be known, got {row['role']}")
        if is_target:
            self(
                row["category"] in description.names.categories,
                f"category must be one of dataset.yaml, got {row['category']}",
            )
            self(row["model"] in description.unit_m, "model must be one of dataset.yaml")
        fract = row["visib_fract"]
        hidden = (
            not is_target
            or row["px_count_visib"] < description.min_px
            or fract is None
            or fract < description.min_visib_fract
        )
        self(
            bool(row["filtered"]) == hidden,
            f"filtered must {'' if hidden else 'not '}say why it is left out, "
            f"got {row['filtered']!r}",
        )
        R = np.array(row["cam_R_m2c"]).reshape(3, 3)
        self(
            bool(np.allclose(R @ R.T, np.eye(3), rtol=0, atol=1e-6))
            and abs(float(np.linalg.det(R)) - 1) < 1e-6,
            "cam_R_m2c must be a rotation (orthonormal, determinant 1)",
        )
        self(
            0 < row["model_scale"] < _FAR_OFF, f"model_scale must be > 0, got {row['model_scale']}"
        )


def _extent(mask: NDArray[np.bool_]) -> list[float] | None:
    """Left, top, width, height of the set pixels, edge coordinates."""
    ys, xs = np.nonzero(mask)
    if not len(ys):
        return None
    x0, y0 = int(xs.min()), int(ys.min())
    return [float(x0), float(y0), float(xs.max() + 1 - x0), float(ys.max() + 1 - y0)]


def _placement(
    frame: Row, shard: Shard, description: Description, findings: Findings
) -> Mapping[str, Any] | None:
    """The placement of a frame, compared with its camera and the poses of its instances."""
    idx = frame["frame_idx"]
    rows = shard.instances[idx]

    def require(holds: object, message: str) -> bool:
        return findings.require(holds, message, file=shard.file_frames, frame_idx=idx)

    try:
        placement: dict[str, Any] = json.loads(frame["placement"])
        placed = placement["instances"]
        K = np.array(frame["cam_K"]).reshape(3, 3)
        require(
            K[0, 0] > 0 and K[1, 1] > 0 and K[2].tolist() == [0, 0, 1],
            f"cam_K must be an intrinsic matrix, got {frame['cam_K']}",
        )
        require(placement["K"] == frame["cam_K"], "cam_K must be the placement's K")
        size_wh = [frame["width"], frame["height"]]
        im_id = placement.get("im_id")
        require(frame["im_id"] == im_id, f"im_id must be {im_id} as placed, got {frame['im_id']}")
        require(placement["size_wh"] == size_wh, f"size must be {placement['size_wh']} as placed")
        require(0 < placement["near_m"] < placement["far_m"], "near must be nearer than far")
        if require(
            len(placed) == len(rows),
            f"there must be {len(placed)} instances as placed, got {len(rows)}",
        ):
            world_cam = np.array(placement["T_world_cam"]).reshape(4, 4)
            for row, one in zip(rows, placed, strict=True):
                wrong = _unlike(row, one, world_cam, description.unit_m.get(row["model"]))
                check = _Check(row, description, shard.file_instances, findings)
                check(not wrong, f"{', '.join(wrong)} must be as placed")
        objects = json.loads(frame["theta"])["objects"]
        targets = [row["model"] for row in rows if row["role"] == "target"]
        shown = [one["theta_idx"] for one in placed if one["role"] == "target"]
        unplaced = sorted(set(range(objects["count"])) - set(shown))
        require(
            [objects["model"][i] for i in shown] == targets
            and sorted({*shown, *unplaced}) == list(range(objects["count"])),
            "targets must be the models of θ",
        )
        require(
            all(i and _is_true_size(objects, i) for i in unplaced),
            "only further targets at true size may be left out",
        )
    except (KeyError, TypeError, ValueError) as error:
        require(False, f"θ or placement is torn: {type(error).__name__}: {error}")
        return None
    return placement


def _is_true_size(objects: Mapping[str, Any], i: int) -> bool:
    """Whether a target has a size of its own, whatever the principal one is."""
    return objects["size_ratio"][i] is None or objects["size_m_by_category"][i] is not None


def _unlike(
    row: Row, placed: Mapping[str, Any], world_cam: NDArray[np.float64], unit_m: float | None
) -> list[str]:
    """Fields of an instance that its placement contradicts."""
    world_obj = np.array(placed["T_world_obj"]).reshape(4, 4)
    # Solved, not inverted by transposition: an independent way to the same pose.
    cam_obj = np.linalg.solve(world_cam, world_obj)
    R, t = np.array(row["cam_R_m2c"]).reshape(3, 3), np.array(row["cam_t_m2c"])
    size = 1 + float(np.abs(world_cam[:3, 3]).max() + np.abs(world_obj[:3, 3]).max())
    wrong = [name for name in ("model", "role") if row[name] != placed[name]]
    if np.abs(cam_obj[:3, :3] - R).max() > _POSE_SLACK:
        wrong.append("cam_R_m2c")
    if np.abs(cam_obj[:3, 3] - t).max() > _POSE_SLACK * size:
        wrong.append("cam_t_m2c")
    # A distractor is made by the program, in metres.
    scale = placed["scale"] * (1.0 if unit_m is None else unit_m)
    if abs(row["model_scale"] - scale) > _POSE_SLACK * abs(scale):
        wrong.append("model_scale")
    return wrong
