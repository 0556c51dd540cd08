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
        return (lamp.light(cone_deg=lamp.cone_deg),)
