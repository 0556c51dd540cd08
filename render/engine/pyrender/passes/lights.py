"""The lights of a scene as the colour shader takes them."""

from __future__ import annotations

from render.engine.base import MAX_LIGHTS
from render.engine.light_numbers import light_numbers
from render.engine.pyrender.gl import Program
from render.engine.pyrender.passes.shadows import Shadows
from render.scene import Scene

__all__ = ["FEW_LIGHTS", "light_slots", "set_lights"]

FEW_LIGHTS = 4  # up to so many, programs are made for their very number


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
    numbers = light_numbers(scene, shadows.channel_of_light, slots=light_slots(scene))
    program.set("u_light_count", len(scene.lights))
    for name in ("position", "color", "axis", "more"):
        program.write(f"u_light_{name}", getattr(numbers, name).tobytes())
