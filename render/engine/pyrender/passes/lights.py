"""The lights of a scene as the colour shader takes them."""

from __future__ import annotations

import numpy as np

from render.engine.base import MAX_LIGHTS
from render.engine.pyrender.gl import Program
from render.engine.pyrender.passes.shadows import Shadows
from render.geometry.frames import inverse_rigid
from render.lights.light import Light
from render.scene import Scene

__all__ = ["FEW_LIGHTS", "light_slots", "set_lights"]

FEW_LIGHTS = 4  # up to so many, programs are made for their very number
_NO_CONE, _DISC = -2.0, 2.0


def light_slots(scene: Scene) -> int:
    """How many lights a program for a scene has room for."""
    count = len(scene.lights)
    return count if count <= FEW_LIGHTS else MAX_LIGHTS


def set_lights(program: Program, scene: Scene, shadows: Shadows) -> None:
    """Sets the uniforms of all lights: at most `MAX_LIGHTS`.

    Args:
        program: One with room for `light_slots` of the scene.
        scene: Has the lights.
        shadows: Tells the channel of each light that casts a shadow.

    """
    T_cam_world = inverse_rigid(scene.camera.T_world_cam)
    R = T_cam_world[:3, :3]
    slots = light_slots(scene)
    position, axis, more = (np.zeros((slots, 4), np.float32) for _ in range(3))
    color = np.zeros((slots, 3), np.float32)
    channels = zip(scene.lights, shadows.channel_of_light, strict=True)
    for i, (light, channel) in enumerate(channels):
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
    program.set("u_light_count", len(scene.lights))
    for name, values in (("position", position), ("color", color), ("axis", axis), ("more", more)):
        program.write(f"u_light_{name}", values.tobytes())


def _cone(light: Light) -> float:
    if light.is_flat:
        return _DISC
    return float(np.cos(np.radians(light.cone_deg))) if light.cone_deg < 180.0 else _NO_CONE
