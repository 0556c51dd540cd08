"""What stands between the camera and a point: exact, by rays against all triangles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from render.geometry.distortion import fold_radius
from render.geometry.frames import inverse_rigid, transform_points
from render.geometry.projection import project
from render.library.cutouts import solid_parts
from render.scene import Camera, Instance, Model, Scene
from render.system.memo import per_model

__all__ = ["Sight", "in_image", "sights"]

Sight = Literal["visible", "self_occluded", "occluded", "outside"]
Points = NDArray[np.float64]

# Surface so near to a point of its own object, in extents of the object, is the point's own.
_OWN = 1e-3
# Faces with cut-outs are divided to this share of the object before they are kept or left out.
_CUTOUT = 1 / 400
_MOST_FACES = 200_000


def sights(points_m: Points, instance: Instance, scene: Scene) -> tuple[Sight, ...]:
    """How the camera sees ``(K, 3)`` points of an instance, object frame at the model's size.

    ``outside``: out of the image or nearer than the near plane. ``self_occluded``: behind surface
    of its own object. ``occluded``: not so, but behind another instance, be it a target, a
    distractor or a fixture. Each point's ray is tested against every triangle, without what
    textures cut out (to 1/400 of an object); see-through surfaces are solid, as they are in
    masks. Ground and walls hide nothing that stands on or before them, and are not tested.
    """
    camera = scene.camera
    world = transform_points(instance.T_world_obj, instance.scale * points_m)
    cam = transform_points(inverse_rigid(camera.T_world_cam), world)
    is_in = in_image(cam, camera)
    found: list[Sight] = ["visible" if inside else "outside" for inside in is_in]
    eye = camera.T_world_cam[:3, 3]
    # Nearer than the near plane there is no surface.
    near = camera.near_m / np.where(is_in, cam[:, 2], 1.0)
    own_share = _OWN * instance.scale * instance.model.extent_m
    length = np.linalg.norm(world - eye, axis=1)
    others = [i for i in scene.instances if i.instance_idx != instance.instance_idx]
    for word, bodies in (("self_occluded", [instance]), ("occluded", others)):
        for body in bodies:
            open_idx = [k for k, sight in enumerate(found) if sight == "visible"]
            ends, first = world[open_idx], near[open_idx]
            last = 1.0 - (own_share / length[open_idx] if body is instance else 1e-9)
            for k, is_hidden in zip(open_idx, _hides(body, eye, ends, first, last)):
                if is_hidden:
                    found[k] = "self_occluded" if word == "self_occluded" else "occluded"
    return tuple(found)


def in_image(points_cam: Points, camera: Camera) -> NDArray[np.bool_]:
    """``(K,)``: which of ``(K, 3)`` points project into the image, beyond the near plane."""
    is_in = np.asarray(points_cam[:, 2] >= camera.near_m)
    if not is_in.any():
        return is_in
    seen = points_cam[is_in]
    uv, (width, height) = project(seen, camera.K, camera.distortion), camera.size_wh
    inside = (uv >= -0.5).all(axis=1) & (uv[:, 0] < width - 0.5) & (uv[:, 1] < height - 0.5)
    if camera.distortion:
        radius = np.linalg.norm(seen[:, :2] / seen[:, 2:], axis=1)
        inside &= radius < fold_radius(camera.distortion)
    is_in[is_in] = inside
    return is_in


def _hides(
    body: Instance, eye: Points, ends: Points, first: Points, last: Points | float
) -> Sequence[bool]:
    """Whether a body cuts each segment from the eye, between shares `first` and `last` of it."""
    hidden = np.zeros(len(ends), bool)
    if not _is_near(body, eye, ends):
        return hidden.tolist()
    T_obj_world = inverse_rigid(body.T_world_obj)
    points, faces = _solid(body.model)
    o = transform_points(T_obj_world, eye[None])[0] / body.scale
    d = transform_points(T_obj_world, ends) / body.scale - o
    for start in range(0, len(faces), _MOST_FACES):
        a, b, c = (points[faces[start : start + _MOST_FACES, k]] - o for k in range(3))
        # Neighbours see the very same number for an edge, with opposite signs: no gaps.
        sides = np.stack([np.cross(p, q) @ d.T for p, q in ((b, c), (c, a), (a, b))])
        hits = (sides >= 0).all(axis=0) | (sides <= 0).all(axis=0)
        normal = np.cross(b - a, c - a)
        along = normal @ d.T
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.einsum("ij,ij->i", normal, a)[:, None] / along
        hits &= (along != 0) & (share > first) & (share < last)
        hidden |= hits.any(axis=0)
    return hidden.tolist()


def _is_near(body: Instance, eye: Points, ends: Points) -> bool:
    """Whether a segment from the eye passes the ball around a body."""
    if len(ends) == 0:
        return False
    model = body.model
    center = transform_points(body.T_world_obj, body.scale * model.center_m[None])[0] - eye
    d = ends - eye
    share = np.clip(d @ center / np.einsum("ij,ij->i", d, d), 0.0, 1.0)
    away = np.linalg.norm(share[:, None] * d - center, axis=1)
    return bool((away <= body.scale * model.radius_m * (1 + 1e-9)).any())


@per_model
def _solid(model: Model) -> tuple[Points, NDArray[np.int64]]:
    """Points and faces of all primitives without what their textures cut out."""
    parts = [solid_parts(p, _CUTOUT * model.extent_m) for p in model.primitives]
    starts = np.cumsum([0, *(len(points) for points, _ in parts)])
    faces = [faces + start for (_, faces), start in zip(parts, starts)]
    return np.concatenate([points for points, _ in parts]), np.concatenate(faces)
