"""Depth and object coordinates against the poses of the records."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from render.writers.base import Row

__all__ = ["posed_depth_problem", "posed_nocs_problem", "rays_of"]

_SAMPLES = 512
_U16_MAX = 65535
# Pixels by which an outline may be off: corners of faces lie on a grid, and a lens is undone by
# iteration.
_SLACK_PX = 1.0
_SLACK = 1e-4


def posed_depth_problem(
    units: NDArray[np.uint16],
    ids: NDArray[np.integer],
    frame: Row,
    instances: Sequence[Row],
    unit_m: float,
) -> str:
    """What is wrong with the depth of pixels spread over all objects; "" if nothing.

    The box along the axes of the model, where its pose puts it, holds the object; so a pixel's
    depth lies between where its ray enters that box and where it leaves it.

    Args:
        units: ``(H, W)`` depth in steps of `unit_m`, 0 is none.
        ids: ``(H, W)``, 0 is none, ``instance_idx + 1`` otherwise.
        frame: The record of the frame.
        instances: The records of its instances, in order.

    """
    at = np.flatnonzero((ids > 0) & (units > 0))
    at = at[:: -(-len(at) // _SAMPLES) or 1]
    if not len(at):
        return ""
    depth = units.ravel()[at].astype(np.float64)
    owner = ids.ravel()[at] - 1
    y, x = np.divmod(at, ids.shape[1])
    nearest, farthest = _depth_in_boxes(
        np.stack([x, y], axis=1), depth * unit_m, frame, instances, owner
    )
    # The ends of the range also stand for what lies beyond them.
    too_near = (depth < _U16_MAX) & ((depth + 0.51) * unit_m < nearest * (1 - _SLACK))
    too_far = (depth > 1) & ((depth - 0.51) * unit_m > farthest * (1 + _SLACK))
    wrong = np.flatnonzero(too_near | too_far | (nearest > farthest))
    if not len(wrong):
        return ""
    i = wrong[0]
    there = (
        f"from {nearest[i]:.4g} to {farthest[i]:.4g} m"
        if nearest[i] <= farthest[i]
        else "nowhere on its ray"
    )
    return (
        f"{len(wrong)} of {len(at)} sampled px are not where their object is, the first at "
        f"x {x[i]}, y {y[i]}: instance {owner[i]} is {there}, got {depth[i] * unit_m:.4g} m"
    )


def rays_of(uv: NDArray[np.integer], frame: Row) -> NDArray[np.float64]:
    """``(N, 3)`` rays of ``(N, 2)`` pixels at depth 1, camera frame."""
    if not len(uv):
        return np.zeros((0, 3))
    K = np.array(frame["cam_K"], np.float64).reshape(3, 3)
    lens = np.array(frame["cam_dist"], np.float64)
    xy = cv2.undistortPoints(uv.astype(np.float64)[:, None], K, lens if len(lens) else None)
    return np.concatenate([xy[:, 0], np.ones((len(uv), 1))], axis=1)


def posed_nocs_problem(
    coded: NDArray[np.uint16],
    ids: NDArray[np.integer],
    frame: Row,
    instances: Sequence[Row],
) -> str:
    """What is wrong with the object coordinates of pixels spread over all objects; "" if nothing.

    What a pixel says, put where its object is, lies on the ray of that pixel.

    Args:
        coded: ``(H, W, 3)``, blue first as OpenCV reads it, ``1 + 65534 c``.
        ids: As for `posed_depth_problem`, as are the others.

    """
    at = np.flatnonzero((ids > 0) & (coded > 0).all(axis=2))
    at = at[:: -(-len(at) // _SAMPLES) or 1]
    if not len(at):
        return ""
    owner = ids.ravel()[at] - 1
    y, x = np.divmod(at, ids.shape[1])
    c = (coded.reshape(-1, 3)[at][:, ::-1].astype(np.float64) - 1) / (_U16_MAX - 1) - 0.5
    size = np.array([row["box3d_size_m"] for row in instances])[owner]
    center = np.array([row["box3d_center_cam_m"] for row in instances])[owner]
    R = np.array([_rotation(row) for row in instances]).reshape(-1, 3, 3)[owner]
    local = c * np.linalg.norm(size, axis=1, keepdims=True)
    points = center + np.einsum("nij,nj->ni", R, local)
    rays = rays_of(np.stack([x, y], axis=1), frame)
    off = np.linalg.norm(points - rays * points[:, 2:], axis=1)
    K = frame["cam_K"]
    most = _SLACK_PX * points[:, 2] / min(K[0], K[4]) + _SLACK * np.linalg.norm(size, axis=1)
    wrong = np.flatnonzero(~(off <= most))
    if not len(wrong):
        return ""
    i = wrong[0]
    return (
        f"{len(wrong)} of {len(at)} sampled px are not where their object is, the first at "
        f"x {x[i]}, y {y[i]}: {off[i]:.3g} m off its ray"
    )


def _depth_in_boxes(
    uv: NDArray[np.integer],
    depth_m: NDArray[np.float64],
    frame: Row,
    instances: Sequence[Row],
    owner: NDArray[np.integer],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Depth at which the ray of each pixel enters and leaves the box of its object."""
    K = frame["cam_K"]
    ray = rays_of(uv, frame)
    R = np.array([_rotation(row) for row in instances]).reshape(-1, 3, 3)[owner]
    center = np.array([row["box3d_center_cam_m"] for row in instances])[owner]
    half = np.array([row["box3d_size_m"] for row in instances])[owner] / 2
    half = half + (depth_m * _SLACK_PX / min(K[0], K[4]))[:, None] + _SLACK * half
    start = -np.einsum("nji,nj->ni", R, center)  # the camera, along the axes of the box
    along = np.einsum("nji,nj->ni", R, ray)
    along = np.where(np.abs(along) < 1e-12, 1e-12, along)
    ends = np.stack([(-half - start) / along, (half - start) / along])
    return ends.min(axis=0).max(axis=1), ends.max(axis=0).min(axis=1)


def _rotation(row: Row) -> Sequence[float]:
    canonical: Sequence[float] | None = row["cam_R_m2c_canonical"]
    found: Sequence[float] = row["cam_R_m2c"] if canonical is None else canonical
    return found
