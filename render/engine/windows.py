"""Pixels that a box may cover."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from render.geometry.projection import bounds_of_edges, project
from render.scene import Camera

__all__ = ["CANVAS_SIZES", "Scissor", "Window", "canvas_of", "scissor_of", "window_of"]

# A silhouette is cut at a canvas of this many image sizes a side, centred on the image.
CANVAS_SIZES = 8

Window = tuple[int, int, int, int]  # x0, y0, x1, y1: pixels of the image, half open
Scissor = tuple[int, int, int, int]  # x, y, width, height: inside the image


def canvas_of(size: int) -> tuple[int, int]:
    """The least pixel of the canvas that bounds outlines, and one past the greatest.

    Args:
        size: Of the picture, along the same axis.

    """
    low = -((CANVAS_SIZES - 1) * size // 2)
    return low, low + CANVAS_SIZES * size


def window_of(corners_cam: NDArray[np.float64], camera: Camera) -> Window | None:
    """Pixels that hold all of a box in front of the near plane; None if there are none.

    Args:
        corners_cam: ``(8, 3)`` corners of the box, camera frame.
        camera: Gives the image and the canvas that the window is cut to.

    """
    z = corners_cam[:, 2]
    inside = z >= camera.near_m
    points = [*corners_cam[inside]]
    cut = () if inside.all() else combinations(range(8), 2)
    for a, b in cut:
        if inside[a] != inside[b]:
            t = (camera.near_m - z[a]) / (z[b] - z[a])
            points.append(corners_cam[a] + t * (corners_cam[b] - corners_cam[a]))
    if not points:
        return None
    if camera.distortion:
        # The outline of the convex hull is made of segments between these points.
        pairs = np.array([*combinations(range(len(points)), 2)])
        uv = bounds_of_edges(np.asarray(points), pairs, camera.K, camera.distortion)
    else:
        uv = project(np.asarray(points), camera.K)
    low, high = np.transpose([canvas_of(size) for size in camera.size_wh])
    # One pixel more on each side for the rasterizer's rounding.
    first = np.clip(np.floor(uv.min(axis=0)) - 1, low, high)
    last = np.clip(np.ceil(uv.max(axis=0)) + 2, low, high)
    (x0, y0), (x1, y1) = first.astype(int), last.astype(int)
    return (int(x0), int(y0), int(x1), int(y1)) if x0 < x1 and y0 < y1 else None


def scissor_of(corners_cam: NDArray[np.float64], camera: Camera) -> Scissor:
    """Those of them that lie in the image; zeros if none do.

    Args:
        corners_cam: As for `window_of`.
        camera: Likewise.

    """
    window = window_of(corners_cam, camera)
    if window is None:
        return (0, 0, 0, 0)
    w, h = camera.size_wh
    x0, y0 = max(window[0], 0), max(window[1], 0)
    x1, y1 = min(window[2], w), min(window[3], h)
    return (x0, y0, x1 - x0, y1 - y0) if x0 < x1 and y0 < y1 else (0, 0, 0, 0)
