"""Light from infinity."""

from __future__ import annotations

from typing import final

from render.lights.base import LIGHTS, AbstractLightKind, Lamp
from render.lights.light import Light

__all__ = ["DirectionalLight"]


@final
@LIGHTS.register("directional")
class DirectionalLight(AbstractLightKind):
    """Comes from infinity, as the sun's light does."""

    def lights(self, lamp: Lamp) -> tuple[Light, ...]:
        light = Light(
            color=lamp.color,
            intensity=lamp.intensity,
            direction_world=lamp.direction_world,
            radius_deg=lamp.radius_deg,
            casts_shadow=lamp.casts_shadow,
        )
        return (light,)
