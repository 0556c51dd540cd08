"""Lights as cameras: what each of them sees, from which shadows are worked out."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from render.geometry.frames import inverse_rigid
from render.lights.light import Light
from render.scene import Scene

__all__ = ["MAX_SHADOWS", "LightView", "LightViews", "light_views"]

MAX_SHADOWS = 8  # as in shadow.frag: two images of four channels

# Sides of the square that all depth maps share, and the longest image side that the smaller one
# is enough for.
_SMALL_PX, _LARGE_PX, _SMALL_IMAGE_PX = 2048, 4096, 960
# A light stands at least this share of the scene's radius outside it, to be seen from at once.
_OUTSIDE = 1.05
# One among the instances sees that far to the sides, and nothing nearer than this share of the
# farthest.
_WIDEST_DEG, _NEAREST = 65.0, 0.01

Matrix = NDArray[np.float64]


@dataclass(frozen=True, eq=False, kw_only=True)
class LightView:
    """A light as a camera that looks along its +z.

    Attributes:
        T_light_world: ``(4, 4)``, rigid.
        half: Half the width of what its tile shows: metres, or the tangent of half the angle of
            view if it is a perspective.
        near_m: Nothing is nearer to the light's plane.
        far_m: Nothing that casts a shadow is farther.
        soft: Width of the penumbra over the gap, or of the light in metres.

    """

    T_light_world: Matrix
    half: float
    near_m: float
    far_m: float
    soft: float
    is_perspective: bool

    @property
    def P_clip_light(self) -> Matrix:
        """Depth 1 at the near plane, 0 at the far plane; y runs down as in the image."""
        P = np.zeros((4, 4))
        span = self.far_m - self.near_m
        P[0, 0] = P[1, 1] = 1.0 / self.half
        if self.is_perspective:
            P[2, 2], P[2, 3] = -self.near_m / span, self.near_m * self.far_m / span
            P[3, 2] = 1.0
        else:
            P[2, 2], P[2, 3] = -1.0 / span, self.far_m / span
            P[3, 3] = 1.0
        return P


@dataclass(frozen=True, eq=False, kw_only=True)
class LightViews:
    """The lights of a scene that cast shadows.

    Attributes:
        all: Their views.
        channel_of_light: Index into `all` of each of the scene's lights; -1: it casts no shadow.
        atlas_px: Side of the square that all depth maps share.

    """

    all: tuple[LightView, ...]
    channel_of_light: tuple[int, ...]
    atlas_px: int

    @property
    def tiles(self) -> int:
        """How many maps lie side by side in the square, at most."""
        return int(np.ceil(np.sqrt(max(len(self.all), 1))))


def light_views(scene: Scene, corners_cam: Matrix) -> LightViews:
    """The first `MAX_SHADOWS` lights of a scene that cast shadows.

    Args:
        scene: Has the lights; without instances none casts a shadow.
        corners_cam: ``(N, 8, 3)``: the box of each instance, camera frame.

    """
    channels = [-1] * len(scene.lights)
    views: list[LightView] = []
    sphere = _sphere(corners_cam, scene.camera.T_world_cam) if scene.instances else None
    for i, light in enumerate(scene.lights):
        casts = light.casts_shadow and light.intensity > 0
        if casts and sphere is not None and len(views) < MAX_SHADOWS:
            channels[i] = len(views)
            views.append(_view_of(light, *sphere))
    is_small = max(scene.camera.size_wh) <= _SMALL_IMAGE_PX
    return LightViews(
        all=tuple(views),
        channel_of_light=tuple(channels),
        atlas_px=_SMALL_PX if is_small else _LARGE_PX,
    )


def _sphere(corners_cam: Matrix, T_world_cam: Matrix) -> tuple[Matrix, float]:
    """Centre (world) and radius of a sphere about the boxes of all instances."""
    corners = corners_cam.reshape(-1, 3)
    center = (corners.min(axis=0) + corners.max(axis=0)) / 2
    radius = float(np.linalg.norm(corners - center, axis=1).max())
    return T_world_cam[:3, :3] @ center + T_world_cam[:3, 3], radius


def _view_of(light: Light, center: Matrix, radius: float) -> LightView:
    """The light as a camera that sees a sphere, or what is before it from inside the sphere."""
    if light.position_world is None:
        forward = np.array(light.direction_world)
        forward = forward / np.linalg.norm(forward)
        eye = center - 2.0 * radius * forward
        return LightView(
            T_light_world=inverse_rigid(_looking(eye, forward)),
            half=1.01 * radius,
            near_m=0.98 * radius,
            far_m=3.02 * radius,
            soft=math.tan(math.radians(light.radius_deg)),
            is_perspective=False,
        )
    eye = np.array(light.position_world)
    distance = float(np.linalg.norm(center - eye))
    if distance < _OUTSIDE * radius:
        return _view_among(light, eye, distance + radius)
    return LightView(
        T_light_world=inverse_rigid(_looking(eye, (center - eye) / distance)),
        half=1.01 * radius / float(np.sqrt(distance**2 - radius**2)),
        near_m=0.98 * (distance - radius),
        far_m=1.02 * (distance + radius),
        soft=light.radius_m,
        is_perspective=True,
    )


def _view_among(light: Light, eye: Matrix, far_m: float) -> LightView:
    """A light among the instances: no more than a wide cone about its axis is shaded."""
    forward = np.array(light.direction_world) / np.linalg.norm(light.direction_world)
    return LightView(
        T_light_world=inverse_rigid(_looking(eye, forward)),
        half=1.01 * math.tan(math.radians(min(light.cone_deg, _WIDEST_DEG))),
        # What is as near as the light is wide would blur the shadows of all.
        near_m=max(_NEAREST * far_m, min(4.0 * light.radius_m, 0.5 * far_m)),
        far_m=1.02 * far_m,
        soft=light.radius_m,
        is_perspective=True,
    )


def _looking(eye: Matrix, forward: Matrix) -> Matrix:
    """``T_world_light`` of a light at `eye` that shines along `forward`."""
    side = np.eye(3)[int(np.abs(forward).argmin())]
    x = np.cross(side, forward)
    x /= np.linalg.norm(x)
    T = np.eye(4)
    T[:3, 0], T[:3, 1], T[:3, 2], T[:3, 3] = x, np.cross(forward, x), forward, eye
    return T
