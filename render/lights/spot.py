"""A spotlight."""

from __future__ import annotations

from typing import final

from render.lights.base import LIGHTS, AbstractLightKind, Lamp
from render.lights.light import Light

__all__ = ["SpotLight"]


@final
@LIGHTS.register("spot")
class SpotLight(AbstractLightKind):
    """Shines in a cone of `lighting.cone_deg` from a place near the target, towards it."""

    def lights(self, lamp: Lamp) -> tuple[Light, ...]:
        light = Light(
            color=lamp.color,
            intensity=lamp.intensity_at_1_m,
            direction_world=lamp.direction_world,
            position_world=lamp.position_world,
            radius_m=lamp.radius_m,
            cone_deg=lamp.cone_deg,
            casts_shadow=lamp.casts_shadow,
        )
        return (light,)
