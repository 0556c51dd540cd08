"""Points of the camera frame (OpenCV) to the image and back; float64."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from render.geometry.distortion import bend, distort, fold_radius, onto_disc, undistort

__all__ = ["backproject", "bounds_of_edges", "fov_to_K", "project"]

# Halves of a segment: a millionth of its length.
_MOST_HALVINGS = 20


def project(
    points_cam: NDArray[np.float64], K: NDArray[np.float64], distortion: tuple[float, ...] = ()
) -> NDArray[np.float64]:
    """``(N, 2)`` centre coordinates of ``(N, 3)`` points; z must be positive.

    What a lens with distortion does not show is put at the rim of what it shows.
    """
    if distortion:
        return _pixels(_shown(points_cam[:, :2] / points_cam[:, 2:], distortion), K)
    uvw = K @ points_cam.T
    return np.ascontiguousarray((uvw[:2] / uvw[2]).T)


def backproject(
    uv: NDArray[np.float64],
    depth_m: NDArray[np.float64] | float,
    K: NDArray[np.float64],
    distortion: tuple[float, ...] = (),
) -> NDArray[np.float64]:
    """``(N, 3)`` camera-frame points at depth (z) `depth_m` seen at ``(N, 2)`` `uv`.

    NaN where a lens with distortion shows nothing.
    """
    inverse = _inverse(np.asarray(K, np.float64).tobytes())
    rays = np.concatenate([uv, np.ones((len(uv), 1))], axis=1) @ inverse.T
    if distortion:
        rays[:, :2] = undistort(rays[:, :2], distortion)
    return np.asarray(rays * np.reshape(depth_m, (-1, 1)))


def bounds_of_edges(
    points_cam: NDArray[np.float64],
    edges: NDArray[np.integer[Any]],
    K: NDArray[np.float64],
    distortion: tuple[float, ...],
    *,
    tolerance_px: float = 1e-3,
) -> NDArray[np.float64]:
    """``(2, 2)``: lowest and highest uv of segments as a lens with distortion bends them.

    Segments are halved where what they may stray from their chords matters.

    Args:
        points_cam: ``(N, 3)``, N > 0, z > 0.
        edges: ``(E, 2)`` pairs of them.
        K: Intrinsics.
        distortion: Not empty.
        tolerance_px: How far a side may be inside of where it belongs.

    """
    xy = points_cam[:, :2] / points_cam[:, 2:]
    shown = _shown(xy, distortion)
    low, high = shown.min(axis=0), shown.max(axis=0)
    tolerance = tolerance_px / np.array([K[0, 0], K[1, 1]])
    fold = fold_radius(distortion)
    ends, places = xy[edges], shown[edges]  # (E, 2, 2): end, axis
    for _ in range(_MOST_HALVINGS):
        radius = np.minimum(np.hypot(ends[..., 0], ends[..., 1]).max(axis=1), fold)
        strays = (bend(radius, distortion) + 2.0 / fold) / 8
        strays = (strays * ((ends[:, 1] - ends[:, 0]) ** 2).sum(axis=1))[:, None]
        below = places.min(axis=1) - strays < low - tolerance
        above = places.max(axis=1) + strays > high + tolerance
        matters = (below | above).any(axis=1)
        if not matters.any():
            break
        ends, places = ends[matters], places[matters]
        middle = ends.mean(axis=1)
        place = _shown(middle, distortion)
        low, high = np.minimum(low, place.min(axis=0)), np.maximum(high, place.max(axis=0))
        ends, places = _halves(ends, middle), _halves(places, place)
    return _pixels(np.stack([low, high]), K)


def fov_to_K(fov_deg: float, size_wh: tuple[int, int]) -> NDArray[np.float64]:
    """Intrinsics of square pixels and a centred axis.

    Args:
        fov_deg: Horizontal field of view between the outer pixel edges.
        size_wh: Image size, pixels.

    """
    w, h = size_wh
    f = 0.5 * w / math.tan(math.radians(fov_deg) / 2)
    return np.array([[f, 0.0, (w - 1) / 2], [0.0, f, (h - 1) / 2], [0.0, 0.0, 1.0]])


def _shown(xy: NDArray[np.float64], distortion: tuple[float, ...]) -> NDArray[np.float64]:
    return distort(onto_disc(xy, fold_radius(distortion)), distortion)


def _pixels(xy: NDArray[np.float64], K: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(xy * (K[0, 0], K[1, 1]) + K[:2, 2])


def _halves(ends: NDArray[np.float64], middle: NDArray[np.float64]) -> NDArray[np.float64]:
    first = np.stack([ends[:, 0], middle], axis=1)
    return np.concatenate([first, np.stack([middle, ends[:, 1]], axis=1)])


@lru_cache(maxsize=8)
def _inverse(K: bytes) -> NDArray[np.float64]:
    """Of ``(3, 3)`` float64 intrinsics; a frame asks for the same ones over and over."""
    return np.asarray(np.linalg.inv(np.frombuffer(K).reshape(3, 3)))
