"""The lights of a scene in the numbers that engines shade with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from render.geometry.frames import inverse_rigid
from render.lights.light import Light
from render.scene import Scene

__all__ = ["LightNumbers", "light_numbers"]

_NO_CONE, _DISC = -2.0, 2.0


@dataclass(frozen=True, eq=False, kw_only=True)
class LightNumbers:
    """One row for each light, camera frame, float32.

    Attributes:
        position: ``(L, 4)``: w = 1: metres; w = 0: direction towards the light.
        color: ``(L, 3)``: what a white diffuse surface sends back.
        axis: ``(L, 4)``: where it shines, and the cosine of its cone: below -1 it has none, 2 it
            is flat and falls by the cosine.
        more: ``(L, 4)``: radius (radians, or metres), highlight, channel of its shadow (-1:
            none), 0.

    """

    position: NDArray[np.float32]
    color: NDArray[np.float32]
    axis: NDArray[np.float32]
    more: NDArray[np.float32]


def light_numbers(scene: Scene, channels: Sequence[int], *, slots: int) -> LightNumbers:
    """Numbers of all lights of a scene.

    Args:
        scene: Has the lights.
        channels: Of the shadow of each.
        slots: How many rows there are; those beyond the lights are zero.

    """
    T_cam_world = inverse_rigid(scene.camera.T_world_cam)
    R = T_cam_world[:3, :3]
    position, axis, more = (np.zeros((slots, 4), np.float32) for _ in range(3))
    color = np.zeros((slots, 3), np.float32)
    for i, (light, channel) in enumerate(zip(scene.lights, channels, strict=True)):
        forward = R @ (np.array(light.direction_world) / np.linalg.norm(light.direction_world))
        if light.position_world is None:
            position[i] = (*-forward, 0.0)
            radius = float(np.radians(light.radius_deg))
        else:
            position[i] = (*(R @ light.position_world + T_cam_world[:3, 3]), 1.0)
            radius = light.radius_m
        color[i] = light.intensity * np.array(light.color)
        axis[i] = (*forward, _cone(light))
        more[i] = (radius, float(light.has_highlight), channel, 0.0)
    return LightNumbers(position=position, color=color, axis=axis, more=more)


def _cone(light: Light) -> float:
    if light.is_flat:
        return _DISC
    return float(np.cos(np.radians(light.cone_deg))) if light.cone_deg < 180.0 else _NO_CONE
