"""Keypoints, boxes at any angle and canonical poses of one instance, computed anew by OpenCV."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from render.dataset.description import Description
from render.geometry.rle_definition import decoded
from render.writers.base import Row

__all__ = ["task_problems", "unseen_box_problem"]

_SLACK_PX = 1e-3
_OUTLINE_SLACK_PX = 0.05  # the rasterizer puts corners on a grid of 1/256 px
_SLACK = 1e-6
# Declared motions have few digits, and their products fewer.
_GROUP_SLACK = 2e-2
_AREA_SLACK = 1e-3
_SIGHTS = ("visible", "self_occluded", "occluded", "outside")


def task_problems(frame: Row, row: Row, description: Description) -> Iterator[str]:
    """The problem of each check of an instance; "" where the check holds.

    What a lens with distortion shows beyond the image is not projected here: OpenCV's model folds
    there, and labels end at its rim.
    """
    model = description.models.get(row["model"], {})
    yield _canonical(row, model.get("symmetries"))
    yield from _box3d(frame, row)
    for name, mask in (("obb_visib", row["mask_visib"]), ("obb_obj", row["mask"])):
        yield _rectangle(row, name, mask, asked=description.obb)
    yield from _keypoints(frame, row, model.get("keypoints"))


def _pose(row: Row) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Rotation and translation of a row: the canonical pose where symmetries give it one."""
    suffix = "" if row["cam_R_m2c_canonical"] is None else "_canonical"
    R = np.array(row[f"cam_R_m2c{suffix}"]).reshape(3, 3)
    return R, np.array(row[f"cam_t_m2c{suffix}"])


def _canonical(row: Row, symmetries: Any) -> str:
    if (row["cam_R_m2c_canonical"] is not None) != (symmetries is not None):
        return "cam_R_m2c_canonical must be there where its model has symmetries, and only there"
    if symmetries is None:
        return ""
    R, t = np.array(row["cam_R_m2c"]).reshape(3, 3), np.array(row["cam_t_m2c"])
    R_canonical, t_canonical = _pose(row)
    turn = R.T @ R_canonical
    shift = R.T @ (t_canonical - t) / row["model_scale"]
    if not np.allclose(turn @ turn.T, np.eye(3), rtol=0, atol=_SLACK):
        return "cam_R_m2c_canonical must be a rotation"
    if len(symmetries["continuous"]) > 1:
        return ""  # of a ball, any
    motions = [np.eye(4), *(np.array(T).reshape(4, 4) for T in symmetries["discrete"])]
    if any(_is_motion(turn, shift, T, symmetries["continuous"], row) for T in motions):
        return ""
    return "cam_R_m2c_canonical must be cam_R_m2c after one of its model's symmetries"


def _is_motion(
    turn: NDArray[np.float64],
    shift: NDArray[np.float64],
    T: NDArray[np.float64],
    axes: list[Any],
    row: Row,
) -> bool:
    """Whether a motion of the object is `T`, then maybe a turn about its axis."""
    rest = T[:3, :3].T @ turn
    point = np.zeros(3)
    if axes:
        axis, point = np.array(axes[0]["axis"]), np.array(axes[0]["offset"])
        if np.abs(rest @ axis - axis).max() > _GROUP_SLACK:
            return False
    elif np.abs(rest - np.eye(3)).max() > _GROUP_SLACK:
        return False
    # Where the motion takes a point that the turn about the axis leaves where it is.
    size = float(np.linalg.norm(row["box3d_size_m"])) / row["model_scale"]
    away = turn @ point + shift - (T[:3, :3] @ point + T[:3, 3])
    return bool(np.linalg.norm(away) <= _GROUP_SLACK * size)


def unseen_box_problem(row: Row, near_m: float) -> str:
    """What is wrong with a box in space that has no corners in the image; "" if nothing.

    Args:
        near_m: Distance of the near plane, before which a corner has no place.

    """
    is_there = row["box3d_corners_uv"] is not None
    if is_there or float(_box_corners(row)[:, 2].min()) < near_m * (1 + _SLACK):
        return ""
    return "box3d_corners_uv must be there: all corners are beyond the near plane"


def _box_corners(row: Row) -> NDArray[np.float64]:
    """``(8, 3)`` corners of the box in space, camera frame."""
    R, _ = _pose(row)
    signs = np.array([[i & 1, i >> 1 & 1, i >> 2 & 1] for i in range(8)]) - 0.5
    sides = signs * np.array(row["box3d_size_m"])
    return np.asarray(np.array(row["box3d_center_cam_m"]) + sides @ R.T)


def _box3d(frame: Row, row: Row) -> Iterator[str]:
    size, corners = np.array(row["box3d_size_m"]), _box_corners(row)
    yield "" if (size >= 0).all() else f"box3d_size_m must be at least 0, got {size.tolist()}"
    uv = row["box3d_corners_uv"]
    if uv is None:
        return
    if len(uv) != 16 or corners[:, 2].min() <= 0:
        yield "box3d_corners_uv must be 8 points, of corners in front of the camera"
        return
    off = _off(frame, corners, np.array(uv, np.float64).reshape(8, 2))
    yield "" if off <= _SLACK_PX else f"box3d_corners_uv are {off:.3g} px off its projected corners"
    if row["bbox_obj"] is not None and not frame["cam_dist"]:
        yield _outline_problem(row, np.array(uv, np.float64).reshape(8, 2) + 0.5)


def _outline_problem(row: Row, corners: NDArray[np.float64]) -> str:
    """The box of the silhouette lies within that of the box in space, edge coordinates."""
    x0, y0, w, h = row["bbox_obj"]
    low, high = corners.min(axis=0), corners.max(axis=0)
    # A canonical pose is another one, which looks alike as far as its symmetry was declared.
    slack = _OUTLINE_SLACK_PX
    if row["cam_R_m2c_canonical"] is not None:
        slack += _GROUP_SLACK * float((high - low).max())
    off = max(*(low - (x0, y0)), *((x0 + w, y0 + h) - high))
    return "" if off <= slack else f"bbox_obj reaches {off:.3g} px beyond box3d_corners_uv"


def _off(frame: Row, points: NDArray[np.float64], uv: NDArray[np.float64]) -> float:
    """Largest distance from where OpenCV projects points of the camera frame to."""
    K, lens = np.array(frame["cam_K"]).reshape(3, 3), np.array(frame["cam_dist"], np.float64)
    found = cv2.projectPoints(points, np.zeros(3), np.zeros(3), K, lens)[0].reshape(-1, 2)
    judged: NDArray[np.bool_] = np.ones(len(points), bool)
    if len(lens):
        size = frame["width"], frame["height"]
        judged = np.asarray(((uv >= -0.5) & (uv < np.array(size) - 0.5)).all(axis=1))
    away = np.abs(found - uv).max(axis=1) / np.maximum(1.0, np.abs(uv).max(axis=1) / 1e4)
    return float(away[judged].max(initial=0.0))


def _rectangle(row: Row, name: str, counts: str, *, asked: bool) -> str:
    """The least rectangle that holds every pixel of the mask inside the image."""
    corners, mask = row[name], decoded(counts, (row["height"], row["width"]))
    if not asked:
        return "" if corners is None else f"{name} must be null where labels.obb is false"
    if mask is None or not mask.any():
        return ""
    if corners is None or len(corners) != 8:
        return f"{name} must be four corners"
    p = np.array(corners).reshape(4, 2)
    a, b = p[1] - p[0], p[3] - p[0]
    if abs(a @ b) > _SLACK * (a @ a + b @ b) or np.abs(p[0] + p[2] - p[1] - p[3]).max() > _SLACK:
        return f"{name} must be a rectangle"
    y, x = np.nonzero(mask)
    squares = np.concatenate([np.stack([x + i, y + j], 1) for i in (0, 1) for j in (0, 1)])
    for side in (a, b):
        along = (squares - p[0]) @ side / (side @ side)
        if along.min() < -_SLACK_PX or along.max() > 1 + _SLACK_PX:
            return f"{name} must hold its mask"
    area = float(np.linalg.norm(a) * np.linalg.norm(b))
    # Near the origin, because OpenCV's rectangles are in single precision.
    least = math.prod(cv2.minAreaRect((squares - (x.min(), y.min())).astype(np.float32))[1])
    # The frame cuts off the mask, and not what `obb_obj` is of.
    is_whole = name == "obb_visib" or row["truncated_fract"] == 0
    if is_whole and area > least * (1 + _AREA_SLACK):
        return f"{name} must be the least rectangle, and is {area / least:.3f} times that"
    return ""


def _keypoints(frame: Row, row: Row, declared: Any) -> Iterator[str]:
    uv, sights = row["keypoints_uv"], row["keypoints_sight"]
    if declared is None or row["role"] != "target":
        yield "" if uv is None and sights is None else "keypoints must be null: it has none"
        return
    count = len(declared)
    if uv is None or sights is None or len(uv) != 2 * count or len(sights) != count:
        yield f"keypoints must be {count}"
        return
    yield "" if set(sights) <= set(_SIGHTS) else f"keypoints_sight must be known, got {sights}"
    R, t = _pose(row)
    cam = row["model_scale"] * np.array(list(declared.values())) @ R.T + t
    places = np.array([np.nan if v is None else v for v in uv], np.float64).reshape(-1, 2)
    is_there = np.isfinite(places).all(axis=1)
    off = _off(frame, cam[is_there], places[is_there]) if is_there.any() else 0.0
    yield "" if off <= _SLACK_PX else f"keypoints_uv are {off:.3g} px off the model's keypoints"
    size = np.array([frame["width"], frame["height"]])
    inside = np.asarray(is_there & ((places >= -0.5) & (places < size - 0.5)).all(axis=1))
    wrong = [
        name for name, sight, is_in in zip(declared, sights, inside)
        if (sight == "outside") == is_in and not (sight == "outside" and frame["cam_dist"])
    ]  # fmt: skip
    yield "" if not wrong else f"{', '.join(wrong)}: outside must be what is not in the image"
