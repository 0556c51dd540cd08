"""From a scene to plain triangles in the camera frame, and the boxes they project to."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from render.scene import Camera, Instance, Material, Primitive, Scene
from tests.oracle.raycast import Cutout, Rays, Triangles

__all__ = ["projected_box", "rays_of", "triangles_of"]


def rays_of(scene: Scene) -> Rays:
    """All instances, each triangle owned by its instance's index."""
    camera = scene.camera
    return Rays(triangles_of(scene), camera.K, near_m=camera.near_m, far_m=camera.far_m)


def triangles_of(scene: Scene) -> Triangles:
    """In the order of instances, primitives and faces."""
    cam_world = np.linalg.inv(scene.camera.T_world_cam)
    parts, cutouts = [], []
    for instance in scene.instances:
        # The scale acts before the rigid transform.
        cam_obj = cam_world @ instance.T_world_obj @ np.diag([instance.scale] * 3 + [1.0])
        for primitive, material in zip(instance.model.primitives, instance.materials, strict=True):
            cutout = -1
            if material.alpha_mode == "mask":
                cutout = len(cutouts)
                cutouts.append(_cutout(material))
            parts.append(_part(primitive, cam_obj, instance.instance_idx, cutout))
    columns = [np.concatenate(c) for c in zip(*parts, strict=True)]
    corners, owner, which, st, alpha = columns
    return Triangles(
        corners_cam=corners, owner=owner, cutout=which, st=st, alpha=alpha, cutouts=tuple(cutouts)
    )


def _part(
    primitive: Primitive, cam_obj: NDArray[np.float64], idx: int, cutout: int
) -> tuple[NDArray[np.generic], ...]:
    faces, n = primitive.faces, len(primitive.faces)
    homogeneous = np.c_[primitive.positions_m, np.ones(len(primitive.positions_m))]
    corners = (homogeneous @ cam_obj.T)[:, :3][faces]
    st, alpha = np.zeros((n, 3, 2)), np.ones((n, 3))
    if primitive.uv is not None:
        st = primitive.uv.astype(np.float64)[faces] * (1.0, -1.0) + (0.0, 1.0)
    if primitive.colors is not None:
        alpha = primitive.colors[:, 3].astype(np.float64)[faces]
    return corners, np.full(n, idx, np.int32), np.full(n, cutout, np.int32), st, alpha


def _cutout(material: Material) -> Cutout:
    texture = material.base_color_texture
    return Cutout(
        alpha=np.full((1, 1), 255, np.uint8) if texture is None else texture.image[..., 3].copy(),
        wrap_st=("repeat", "repeat") if texture is None else texture.wrap_st,
        factor=material.base_color[3],
        cutoff=material.alpha_cutoff,
    )


def projected_box(instance: Instance, camera: Camera) -> NDArray[np.float64] | None:
    """x0 y0 x1 y1, edge coordinates, of every triangle clipped at the near plane.

    Clips each triangle to a polygon (Sutherland and Hodgman) and projects its corners; None
    if nothing is left.
    """
    cam_obj = np.linalg.inv(camera.T_world_cam) @ instance.T_world_obj
    low, high = np.full(2, np.inf), np.full(2, -np.inf)
    for primitive in instance.model.primitives:
        points = instance.scale * primitive.positions_m @ cam_obj[:3, :3].T + cam_obj[:3, 3]
        triangles = points[primitive.faces]
        whole = (triangles[:, :, 2] >= camera.near_m).all(axis=1)
        kept = [triangles[whole].reshape(-1, 3)]
        kept += [_clipped(t, camera.near_m) for t in triangles[~whole]]
        left = np.concatenate(kept)
        if len(left):
            uv = left[:, :2] / left[:, 2:] * np.diag(camera.K)[:2] + camera.K[:2, 2] + 0.5
            low, high = np.minimum(low, uv.min(axis=0)), np.maximum(high, uv.max(axis=0))
    return np.concatenate([low, high]) if low[0] <= high[0] else None


def _clipped(triangle: NDArray[np.float64], near_m: float) -> NDArray[np.float64]:
    kept = []
    for i in range(3):
        a, b = triangle[i], triangle[(i + 1) % 3]
        if a[2] >= near_m:
            kept.append(a)
        if (a[2] >= near_m) != (b[2] >= near_m):
            share = (near_m - a[2]) / (b[2] - a[2])
            kept.append(np.array([*(a[:2] + share * (b[:2] - a[:2])), near_m]))
    return np.array(kept).reshape(-1, 3)
