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
        return (lamp.light(is_flat=True),)
