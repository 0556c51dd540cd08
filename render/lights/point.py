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
        return (lamp.light(),)
