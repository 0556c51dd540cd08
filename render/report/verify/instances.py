"""Records of one frame against each other: masks, counts, boxes, poses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from render.dataset.description import Description
from render.dataset.findings import Findings
from render.geometry.rle_definition import decoded
from render.labels.labeller import BEYOND_STATES
from render.report.verify.placement import placement_problems, read_record, unlike_placed
from render.report.verify.records import Shard
from render.report.verify.scenes import SceneCheck
from render.report.verify.states import categories_of, state_problems
from render.report.verify.tasks import task_problems, unseen_box_problem
from render.report.verify.theta import ThetaCheck
from render.writers.base import RecordedPixels, Row

__all__ = ["check_instances"]

# The rasterizer puts corners on a grid of 1/256 px.
_BOX_SLACK_PX = 0.05
_FAR_OFF = 1e9
_MOST_INSTANCES = 2**16 - 1


def check_instances(
    frame: Row,
    shard: Shard,
    *,
    description: Description,
    possible: ThetaCheck,
    scenes: SceneCheck,
    findings: Findings,
) -> RecordedPixels | None:
    """Checks the record of a frame of a shard, and its instance rows.

    Args:
        possible: What the config draws.
        scenes: What the other views of its scene record.

    Returns:
        What they say about pixels; None if a mask, the camera or the placement cannot be read.

    """
    size_hw = frame["height"], frame["width"]
    idx, file = frame["frame_idx"], shard.file_instances
    rows = shard.instances[idx]
    findings.require(
        len(rows) < _MOST_INSTANCES
        and [row["instance_idx"] for row in rows] == list(range(len(rows))),
        f"instance_idx must count from 0, got {[row['instance_idx'] for row in rows][:100]}",
        file=file, frame_idx=idx,
    )  # fmt: skip
    has_camera = findings.require(
        _is_intrinsic(frame["cam_K"]),
        f"cam_K must be an intrinsic matrix, got {frame['cam_K']}",
        file=shard.file_frames, frame_idx=idx,
    )  # fmt: skip
    ids = np.zeros(size_hw, np.int32)
    readable = has_camera
    for number, row in enumerate(rows, start=1):
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
            ids[masks[0]] = number
        else:
            readable = False
        if check.labels() and has_camera:
            for problem in task_problems(frame, row, description):
                check(not problem, problem)
        else:
            readable = False
    placement = _checked_placement(frame, shard, description, possible, scenes, findings)
    if placement is None or not readable:
        return None
    return RecordedPixels(
        ids=ids,
        near_m=placement["near_m"],
        far_m=placement["far_m"],
        has_fixtures=bool(description.config.get("fixtures")),
    )


def _is_intrinsic(K: Sequence[float]) -> bool:
    return K[0] > 0 and K[4] > 0 and list(K[6:]) == [0, 0, 1]


def _checked_placement(
    frame: Row,
    shard: Shard,
    description: Description,
    possible: ThetaCheck,
    scenes: SceneCheck,
    findings: Findings,
) -> Mapping[str, Any] | None:
    """The placement of a frame, compared with θ, camera and poses; None where it is torn."""
    idx = frame["frame_idx"]
    rows = shard.instances[idx]

    def require(holds: object, message: str) -> bool:
        return findings.require(holds, message, file=shard.file_frames, frame_idx=idx)

    try:
        theta, placement = read_record(frame)
    except ValueError as error:
        require(False, f"θ or placement is torn: {error}")
        return None
    problems = [*placement_problems(frame, rows, theta, placement, possible, scenes)]
    for problem in problems:
        require(not problem, problem)
    placed = placement["instances"]
    if len(placed) == len(rows):
        world_cam = np.array(placement["T_world_cam"]).reshape(4, 4)
        for row, one in zip(rows, placed, strict=True):
            wrong = unlike_placed(row, one, world_cam, description.unit_m.get(row["model"]))
            check = _Check(row, description, shard.file_instances, findings)
            check(not wrong, f"{', '.join(wrong)} must be as placed")
            entry = description.models.get(row["model"])
            if row["role"] == "target" and entry is not None and not wrong:
                labels = description.config["labels"]
                for problem in state_problems(row, entry, labels, world_cam):
                    check(not problem, problem)
            problem = unseen_box_problem(row, placement["near_m"])
            check(not problem, problem)
            same = possible.is_size_of(row["model"], row["box3d_size_m"], row["model_scale"])
            check(same, "box3d_size_m must be as large, for its scale, as wherever its model is")
    return placement


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
        most = (int(w + _BOX_SLACK_PX) + 1) * (int(h + _BOX_SLACK_PX) + 1)
        self(n_all <= most, f"px_count_all must be at most the {most} of bbox_obj, got {n_all}")
        inside = x0 >= 0 and y0 >= 0 and x0 + w <= shape_hw[1] and y0 + h <= shape_hw[0]
        if inside:
            self(n_all == n_frame, "px_count_all must be the mask's where bbox_obj is in the frame")

    def labels(self) -> bool:
        """Role, category, filter and pose; whether the pose is one."""
        row, description = self.row, self.description
        is_target, entry = row["role"] == "target", description.models.get(row["model"])
        self(row["role"] in ("target", "distractor"), f"role must be known, got {row['role']}")
        if is_target:
            self(
                row["category"] in description.names.categories,
                f"category must be one of dataset.yaml, got {row['category']}",
            )
            self(entry is not None, "model must be one of dataset.yaml")
            self(
                entry is None or row["category"] in categories_of(entry),
                f"category must be that of its model or a state of it, got {row['category']}",
            )
        fract = row["visib_fract"]
        hidden = (
            not is_target
            or row["px_count_visib"] < description.min_px
            or fract is None
            or fract < description.min_visib_fract
        )
        # Whether a pose is beyond the states of its model is looked at when the camera is known.
        may_be_beyond = is_target and entry is not None and "states" in entry
        self(
            bool(row["filtered"]) == hidden
            or (may_be_beyond and not hidden and row["filtered"] == BEYOND_STATES),
            f"filtered must {'' if hidden else 'not '}say why it is left out, "
            f"got {row['filtered']!r}",
        )
        R = np.array(row["cam_R_m2c"]).reshape(3, 3)
        is_rotation = self(
            bool(np.allclose(R @ R.T, np.eye(3), rtol=0, atol=1e-6))
            and abs(float(np.linalg.det(R)) - 1) < 1e-6,
            "cam_R_m2c must be a rotation (orthonormal, determinant 1)",
        )
        return is_rotation & self(
            0 < row["model_scale"] < _FAR_OFF, f"model_scale must be > 0, got {row['model_scale']}"
        )


def _extent(mask: NDArray[np.bool_]) -> list[float] | None:
    """Left, top, width, height of the set pixels, edge coordinates."""
    ys, xs = np.nonzero(mask)
    if not len(ys):
        return None
    x0, y0 = int(xs.min()), int(ys.min())
    return [float(x0), float(y0), float(xs.max() + 1 - x0), float(ys.max() + 1 - y0)]
