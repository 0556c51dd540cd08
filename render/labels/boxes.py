"""Boxes of projected meshes, float64."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from render.geometry.edges import Indices
from render.geometry.frames import inverse_rigid, transform_points
from render.geometry.pixels import Box, box_of_points
from render.geometry.projection import bounds_of_edges, project
from render.library.meshes import mesh_of
from render.scene import Camera, Instance

__all__ = ["boxes_obj"]

_Matrices = Sequence[NDArray[np.float64]]


def boxes_obj(instances: Sequence[Instance], camera: Camera) -> list[Box | None]:
    """Bounds the whole projected surface of each object, seen or not (amodal).

    Exact for a triangle mesh up to float64: a projected triangle is bounded by its
    corners, and one cut by the near plane gains corners only where its edges cross it. Lens
    distortion bends edges: then all of them are followed, to 0.002 px, and what lies beyond
    the view of the lens counts as at its rim.

    Returns:
        Boxes in edge coordinates, not clipped to the image; None if the whole object
        is nearer than the near plane.

    """
    if not instances:
        return []
    T_cam_world = inverse_rigid(camera.T_world_cam)
    poses = [T_cam_world @ instance.T_world_obj for instance in instances]
    hulls, first = _hulls_cam(instances, poses)
    z = hulls[2].copy()
    nearest, farthest = np.minimum.reduceat(z, first), np.maximum.reduceat(z, first)
    # Only boxes without nearer points are taken from here: those are divided by z as it is.
    np.maximum(z, camera.near_m, out=hulls[2])
    of_hulls = _boxes_of(project(hulls.T, camera.K), first)
    boxes: list[Box | None] = []
    for i, (instance, T_cam_obj) in enumerate(zip(instances, poses, strict=True)):
        if farthest[i] < camera.near_m:
            boxes.append(None)
        elif camera.distortion:
            boxes.append(_bent_box(instance, camera, T_cam_obj))
        elif nearest[i] >= camera.near_m:
            # Projection keeps convexity in front of the camera: the hull's corners bound all.
            boxes.append(of_hulls[i])
        else:
            boxes.append(_cut_box(instance, camera, T_cam_obj))
    return boxes


def _hulls_cam(
    instances: Sequence[Instance], poses: _Matrices
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """``(3, N)`` corners of all hulls, camera frame, metres; index of each hull's first."""
    sizes = np.array([len(instance.model.hull_m) for instance in instances])
    ends = np.cumsum(sizes)
    points = np.empty((3, ends[-1]))
    for end, size, instance, T in zip(ends.tolist(), sizes.tolist(), instances, poses, strict=True):
        hull = instance.scale * instance.model.hull_m
        np.matmul(T[:3, :3], hull.T, out=points[:, end - size : end])
    points += np.repeat(np.stack([T[:3, 3] for T in poses], axis=1), sizes, axis=1)
    return points, ends - sizes


def _boxes_of(uv: NDArray[np.float64], first: NDArray[np.int64]) -> list[Box]:
    """`box_of_points` of each group of ``(2, N)`` points, of which `first` is the first."""
    (x0, y0), (x1, y1) = (
        [bound.reduceat(uv[:, axis], first) + 0.5 for axis in (0, 1)]
        for bound in (np.minimum, np.maximum)
    )
    return [Box(*sides) for sides in np.stack([x0, y0, x1, y1], axis=1).tolist()]


def _cut_box(instance: Instance, camera: Camera, T_cam_obj: NDArray[np.float64]) -> Box | None:
    """The box of an instance that crosses the near plane, of what is in front of that; None where
    nothing is.
    """
    corners = [
        _clipped_corners(
            transform_points(T_cam_obj, instance.scale * primitive.positions_m),
            primitive.faces,
            camera.near_m,
        )
        for primitive in instance.model.primitives
    ]
    return box_of_points(project(np.concatenate(corners), camera.K))


def _bent_box(instance: Instance, camera: Camera, T_cam_obj: NDArray[np.float64]) -> Box | None:
    points_m, faces, edges = mesh_of(instance.model)
    points = transform_points(T_cam_obj, instance.scale * points_m)
    if points[:, 2].min() < camera.near_m:
        points, edges = _clipped_edges(points, faces, edges, camera.near_m)
    if len(edges) == 0:
        return None
    return box_of_points(bounds_of_edges(points, edges, camera.K, camera.distortion))


def _clipped_edges(
    points: NDArray[np.float64],
    faces: Indices,
    edges: Indices,
    near_m: float,
) -> tuple[NDArray[np.float64], Indices]:
    """Edges clipped at the near plane, and those that the plane cuts out of faces."""
    beyond = points[:, 2] >= near_m
    n_beyond = beyond[faces].sum(axis=1)
    cut = faces[(n_beyond == 1) | (n_beyond == 2)]
    around = np.stack([cut[:, [0, 1]], cut[:, [1, 2]], cut[:, [2, 0]]], axis=1)
    # Just two of the three edges of a cut face cross the plane.
    crossing = around[beyond[around].sum(axis=2) == 1]
    cuts = _at_near(points[crossing], near_m).reshape(-1, 2, 3)
    ends = points[edges[beyond[edges].any(axis=1)]]
    crosses = (ends[..., 2] < near_m).any(axis=1)
    is_nearer = ends[..., 2] < near_m
    ends[is_nearer] = _at_near(ends[crosses], near_m)
    segments = np.concatenate([ends, cuts]).reshape(-1, 3)
    return segments, np.arange(len(segments)).reshape(-1, 2)


def _at_near(segments: NDArray[np.float64], near_m: float) -> NDArray[np.float64]:
    """``(N, 3)`` points where ``(N, 2, 3)`` segments meet the near plane."""
    p, q = segments[:, 0], segments[:, 1]
    t = (near_m - p[:, 2:]) / (q[:, 2:] - p[:, 2:])
    crossings = p + t * (q - p)
    # On the plane by construction; rounding must not move it.
    crossings[:, 2] = near_m
    return np.asarray(crossings)


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
    crossings = _at_near(np.stack([points[a[crosses]], points[b[crosses]]], axis=1), near_m)
    return np.concatenate([points[kept[beyond[kept]]], crossings])
