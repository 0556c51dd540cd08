"""The lights of a scene as the colour shader takes them."""

from __future__ import annotations

from render.engine.base import MAX_LIGHTS
from render.engine.light_numbers import light_numbers
from render.engine.pyrender.gl import Program
from render.engine.pyrender.passes.shadows import Shadows
from render.scene import Scene

__all__ = ["set_lights"]


def set_lights(program: Program, scene: Scene, shadows: Shadows) -> None:
    """Sets the uniforms of all lights: at most `MAX_LIGHTS`.

    Args:
        program: One with ``shading.glsl`` in it.
        scene: Has the lights.
        shadows: Tells the channel of each light that casts a shadow.

    """
    numbers = light_numbers(scene, shadows.channel_of_light, slots=MAX_LIGHTS)
    program.set("u_light_count", len(scene.lights))
    for name in ("position", "color", "axis", "more"):
        program.write(f"u_light_{name}", getattr(numbers, name).tobytes())
