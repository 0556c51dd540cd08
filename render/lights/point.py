"""A bulb."""

from __future__ import annotations

from typing import final

from render.lights.base import LIGHTS, AbstractLightKind, Lamp
from render.lights.light import Light

__all__ = ["PointLight"]


@final
@LIGHTS.register("point")
class PointLight(AbstractLightKind):
    """Shines to all sides from a place near the target."""

    def lights(self, lamp: Lamp) -> tuple[Light, ...]:
        light = Light(
            color=lamp.color,
            intensity=lamp.intensity_at_1_m,
            direction_world=lamp.direction_world,
            position_world=lamp.position_world,
            radius_m=lamp.radius_m,
            casts_shadow=lamp.casts_shadow,
        )
        return (light,)
