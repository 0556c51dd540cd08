"""Rectangles at any angle around masks."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["oriented_box"]

# Where the least rectangle of all is not taken, the best is none along a side of the hull.
_STEPS = np.linspace(0.0, np.pi / 2, 361)[:-1]


def oriented_box(mask: NDArray[np.bool_], *, fits: bool = False) -> NDArray[np.float64] | None:
    """The rectangle of least area that holds every set pixel of a mask, whole.

    One of its sides lies along a side of the pixels' convex hull (Freeman and Shapira, 1975), so
    all of these are tried; of equal ones, the one that is turned least. Its corners may lie
    outside of the picture, where the mask comes near the edge.

    Args:
        mask: ``(H, W)``.
        fits: Take the least of those alone that are neither wider nor higher, turned as they are,
            than the picture of the mask, and have their centre in it, to a quarter of a degree.
            The upright one always does.

    Returns:
        ``(4, 2)`` corners in edge coordinates, clockwise as seen, from the one that is leftmost,
        of these the topmost; None for an empty mask.

    """
    hull = _hull(mask)
    if hull is None:
        return None
    sides = np.roll(hull, -1, axis=0) - hull
    angles = np.concatenate([[0.0], np.arctan2(sides[:, 1], sides[:, 0]) % (np.pi / 2)])
    corners = _least(hull, np.unique(angles.round(12)))
    if fits and not _fits(corners[None], mask.shape)[0]:
        corners = _least(hull, _STEPS, mask.shape)
    first = int(np.lexsort((corners[:, 1], corners[:, 0].round(9)))[0])
    return np.asarray(np.roll(corners, -first, axis=0))


def _least(
    hull: NDArray[np.float64],
    angles: NDArray[np.float64],
    within_hw: tuple[int, ...] | None = None,
) -> NDArray[np.float64]:
    """``(4, 2)`` corners of the least rectangle at one of some angles, radians, 0 the first."""
    axes = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    across = np.stack([-axes[:, 1], axes[:, 0]], axis=1)
    along, beside = hull @ axes.T, hull @ across.T
    (x0, x1), (y0, y1) = _ends(along), _ends(beside)
    # (A, 4, 2): corners of the rectangle of each angle.
    corners = (
        np.stack([x0, x1, x1, x0], axis=1)[..., None] * axes[:, None]
        + np.stack([y0, y0, y1, y1], axis=1)[..., None] * across[:, None]
    )
    areas = (x1 - x0) * (y1 - y0)
    if within_hw is not None:
        areas = np.where(_fits(corners, within_hw), areas, np.inf)
    # Areas that differ by rounding alone are equal: then the first, the least turned.
    best = int(np.flatnonzero(areas <= areas.min() * (1 + 1e-9))[0])
    return np.asarray(corners[best])


def _fits(corners: NDArray[np.float64], size_hw: tuple[int, ...]) -> NDArray[np.bool_]:
    """Which of ``(N, 4, 2)`` rectangles are no larger than a picture, with their centre in it."""
    low, high, size_wh = corners.min(axis=1), corners.max(axis=1), np.array(size_hw[::-1])
    center = (low + high) / 2
    inside = (high - low <= size_wh + 1e-9) & (center >= 0) & (center <= size_wh)
    return np.asarray(inside.all(axis=1))


def _ends(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return values.min(axis=0), values.max(axis=0)


def _hull(mask: NDArray[np.bool_]) -> NDArray[np.float64] | None:
    """``(N, 2)`` corners of the convex hull of the set pixels' squares, edge coordinates."""
    rows = np.flatnonzero(mask.any(axis=1))
    if len(rows) == 0:
        return None
    part = mask[rows]
    left = part.argmax(axis=1)
    right = mask.shape[1] - part[:, ::-1].argmax(axis=1)
    x, y = np.concatenate([left, right]), np.concatenate([rows, rows])
    points = np.concatenate([np.stack([x, y], 1), np.stack([x, y + 1], 1)]).astype(np.int32)
    return np.asarray(cv2.convexHull(points)[:, 0], dtype=np.float64)
