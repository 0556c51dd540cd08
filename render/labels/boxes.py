"""Boxes of projected meshes, float64."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from render.geometry.frames import inverse_rigid, transform_points
from render.geometry.pixels import Box, box_of_points
from render.geometry.projection import project
from render.scene import Camera, Instance

__all__ = ["bbox_obj"]


def bbox_obj(instance: Instance, camera: Camera) -> Box | None:
    """Bounds the whole projected surface of an object, seen or not (amodal).

    Exact for a triangle mesh up to float64: a projected triangle is bounded by its
    corners, and one cut by the near plane gains corners only where its edges cross it.

    Returns:
        The box in edge coordinates, not clipped to the image; None if the whole object
        is nearer than the near plane.

    """
    T_cam_obj = inverse_rigid(camera.T_world_cam) @ instance.T_world_obj
    hull = transform_points(T_cam_obj, instance.scale * instance.model.hull_m)
    z = hull[:, 2]
    if z.max() < camera.near_m:
        return None
    if z.min() >= camera.near_m:
        # Projection keeps convexity in front of the camera: the hull's corners bound all.
        return box_of_points(project(hull, camera.K))
    corners = [
        _clipped_corners(
            transform_points(T_cam_obj, instance.scale * primitive.positions_m),
            primitive.faces,
            camera.near_m,
        )
        for primitive in instance.model.primitives
    ]
    return box_of_points(project(np.concatenate(corners), camera.K))


def _clipped_corners(
    points: NDArray[np.float64], faces: NDArray[np.int32], near_m: float
) -> NDArray[np.float64]:
    """``(N, 3)`` corners of the faces clipped at the near plane, camera frame."""
    beyond = points[:, 2] >= near_m
    n_beyond = beyond[faces].sum(axis=1)
    touched, cut = faces[n_beyond > 0], faces[(n_beyond == 1) | (n_beyond == 2)]
    kept = np.unique(touched)
    segments = cut[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
    a, b = segments[:, 0], segments[:, 1]
    crosses = beyond[a] != beyond[b]
    p, q = points[a[crosses]], points[b[crosses]]
    t = (near_m - p[:, 2:]) / (q[:, 2:] - p[:, 2:])
    crossings = p + t * (q - p)
    # On the plane by construction; rounding must not move it.
    crossings[:, 2] = near_m
    return np.concatenate([points[kept[beyond[kept]]], crossings])
