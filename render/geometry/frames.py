"""Rigid transforms: ``T_a_b`` is ``(4, 4)`` float64 and means ``p_a = T_a_b @ p_b``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "NearRotation",
    "inverse_rigid",
    "look_at",
    "nearest_rotation",
    "rigid",
    "transform_points",
]

Matrix = NDArray[np.float64]


@dataclass(frozen=True, eq=False, kw_only=True)
class NearRotation:
    """A ``(3, 3)`` matrix as a rotation, and how far it is from one.

    Attributes:
        R: ``(3, 3)`` the nearest rotation (of all, the sum of squared differences is least).
        off: Largest entry of ``M @ M.T - 1``; infinite for what mirrors, is flat or not finite.
        scale: The one factor with which ``scale * R`` comes nearest to the matrix.
        uneven: As `off`, of the matrix over `scale`: what no scale explains.

    """

    R: Matrix
    off: float
    scale: float
    uneven: float


def nearest_rotation(matrix: NDArray[np.float64]) -> NearRotation:
    """The rotation nearest to a ``(3, 3)`` matrix: its polar factor (Higham 1986)."""
    if not np.isfinite(matrix).all() or not np.linalg.det(matrix) > 0:
        return NearRotation(R=np.eye(3), off=np.inf, scale=1.0, uneven=np.inf)
    u, stretches, vt = np.linalg.svd(matrix)
    scale = float(stretches.mean())
    return NearRotation(R=u @ vt, off=_off(matrix), scale=scale, uneven=_off(matrix / scale))


def _off(matrix: NDArray[np.float64]) -> float:
    return float(np.abs(matrix @ matrix.T - np.eye(3)).max())


def rigid(rotation: NDArray[np.float64], translation_m: NDArray[np.float64]) -> Matrix:
    """``(4, 4)`` transform from a ``(3, 3)`` rotation and a ``(3,)`` translation."""
    T = np.eye(4)
    T[:3, :3] = rotation
    T[:3, 3] = translation_m
    return T


def inverse_rigid(T_a_b: Matrix) -> Matrix:
    """``T_b_a`` of a rigid transform."""
    R_b_a = T_a_b[:3, :3].T
    return rigid(R_b_a, -R_b_a @ T_a_b[:3, 3])


def transform_points(T_a_b: Matrix, points_b: NDArray[np.float64]) -> NDArray[np.float64]:
    """``(N, 3)`` points of frame b, given in frame a."""
    return np.asarray(points_b @ T_a_b[:3, :3].T + T_a_b[:3, 3])


def look_at(
    eye_world: NDArray[np.float64], target_world: NDArray[np.float64], *, roll_deg: float = 0.0
) -> Matrix:
    """``T_world_cam`` of an OpenCV camera at `eye_world` that looks at `target_world`.

    World Z is up in the image at zero roll; straight up or down, world Y takes its
    place. Positive roll turns the camera clockwise about its viewing axis, so that the
    scene turns anticlockwise in the image.

    Raises:
        ValueError: If eye and target are the same point.

    """
    forward = np.asarray(target_world, float) - np.asarray(eye_world, float)
    distance = np.linalg.norm(forward)
    if not distance > 0:
        raise ValueError(f"eye_world must differ from target_world, got {eye_world} for both")
    z = forward / distance
    up = np.array([0.0, 0.0, 1.0])
    if abs(z @ up) > 1.0 - 1e-9:
        up = np.array([0.0, 1.0, 0.0])
    x = np.cross(z, up)
    x /= np.linalg.norm(x)
    y = np.cross(z, x)
    c, s = np.cos(np.radians(roll_deg)), np.sin(np.radians(roll_deg))
    R_level = np.stack([x, y, z], axis=1)
    R_roll = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
    return rigid(R_level @ R_roll, np.asarray(eye_world, float))
