"""Lights of a scene."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from render.assembly.color import temperature_to_linear
from render.sampling.lighting import Lighting
from render.scene import Light

__all__ = ["build_lights"]


def build_lights(
    lighting: Lighting, *, target_world: NDArray[np.float64], extent_m: float
) -> tuple[Light, ...]:
    """The ambient light, then the others in the order of θ.

    Each sends the light of its `intensity` to the target: a point light is the brighter,
    the farther it stands.

    Args:
        lighting: As drawn.
        target_world: ``(3,)`` centre of the principal target.
        extent_m: Its extent.

    """
    ambient = Light(
        kind="ambient",
        color=temperature_to_linear(lighting.ambient_temperature_k),
        intensity=lighting.ambient,
    )
    return (ambient, *(_light(lighting, i, target_world, extent_m) for i in range(lighting.count)))


def _light(lighting: Lighting, i: int, target_world: NDArray[np.float64], extent_m: float) -> Light:
    az, el = np.radians(lighting.azimuth_deg[i]), np.radians(lighting.elevation_deg[i])
    to_light = np.array([np.cos(el) * np.cos(az), np.cos(el) * np.sin(az), np.sin(el)])
    color = temperature_to_linear(lighting.temperature_k[i])
    if lighting.kind[i] == "directional":
        x, y, z = (float(v) for v in -to_light)
        return Light(
            kind="directional",
            color=color,
            intensity=lighting.intensity[i],
            direction_world=(x, y, z),
        )
    distance_m = lighting.distance[i] * extent_m
    x, y, z = (float(v) for v in target_world + distance_m * to_light)
    return Light(
        kind="point",
        color=color,
        intensity=lighting.intensity[i] * distance_m**2,
        position_world=(x, y, z),
    )
