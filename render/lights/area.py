"""A panel."""

from __future__ import annotations

from typing import final

from render.lights.base import LIGHTS, AbstractLightKind, Lamp
from render.lights.light import Light

__all__ = ["AreaLight"]


@final
@LIGHTS.register("area")
class AreaLight(AbstractLightKind):
    """A disc near the target that faces it."""

    def lights(self, lamp: Lamp) -> tuple[Light, ...]:
        light = Light(
            color=lamp.color,
            intensity=lamp.intensity_at_1_m,
            direction_world=lamp.direction_world,
            position_world=lamp.position_world,
            radius_m=lamp.radius_m,
            is_flat=True,
            casts_shadow=lamp.casts_shadow,
        )
        return (light,)
