"""Points of the camera frame (OpenCV) to the image and back; float64."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["backproject", "fov_to_K", "project"]


def project(points_cam: NDArray[np.float64], K: NDArray[np.float64]) -> NDArray[np.float64]:
    """``(N, 2)`` centre coordinates of ``(N, 3)`` points; z must be positive."""
    uvw = points_cam @ K.T
    return np.asarray(uvw[:, :2] / uvw[:, 2:])


def backproject(
    uv: NDArray[np.float64], depth_m: NDArray[np.float64] | float, K: NDArray[np.float64]
) -> NDArray[np.float64]:
    """``(N, 3)`` camera-frame points at depth (z) `depth_m` seen at ``(N, 2)`` `uv`."""
    rays = np.concatenate([uv, np.ones((len(uv), 1))], axis=1) @ np.linalg.inv(K).T
    return np.asarray(rays * np.reshape(depth_m, (-1, 1)))


def fov_to_K(fov_deg: float, size_wh: tuple[int, int]) -> NDArray[np.float64]:
    """Intrinsics of square pixels and a centred axis.

    Args:
        fov_deg: Horizontal field of view between the outer pixel edges.
        size_wh: Image size, pixels.

    """
    w, h = size_wh
    f = 0.5 * w / np.tan(np.radians(fov_deg) / 2)
    return np.array([[f, 0.0, (w - 1) / 2], [0.0, f, (h - 1) / 2], [0.0, 0.0, 1.0]])
