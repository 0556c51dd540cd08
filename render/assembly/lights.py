"""Lights of a scene."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from render.sampling.lighting import Lighting
from render.scene import Environment, EnvironmentMap, Light
from render.sensor.color import LUMINANCE, temperature_to_linear

__all__ = ["EnvironmentSource", "build_environment", "build_lights", "suns_of"]


class EnvironmentSource(Protocol):
    """What light needs of the asset library."""

    def environment(self, name: str) -> EnvironmentMap:
        """The map of that name."""
        ...


def build_environment(lighting: Lighting, assets: EnvironmentSource) -> Environment | None:
    """The map that lights the scene, as `lighting` has it; None where it names none."""
    if lighting.environment is None:
        return None
    return Environment(
        map=assets.environment(lighting.environment),
        azimuth_deg=lighting.environment_azimuth_deg,
        gain=2.0**lighting.environment_ev,
    )


def build_lights(
    lighting: Lighting,
    environment: Environment | None,
    *,
    target_world: NDArray[np.float64],
    extent_m: float,
) -> tuple[Light, ...]:
    """The ambient light, the suns of the environment, then the lamps in the order of θ.

    Each lamp sends the light of its `intensity` to the target: one that has a place is the
    brighter, the farther it stands.

    Args:
        lighting: As drawn.
        environment: Of the scene.
        target_world: ``(3,)`` centre of the principal target.
        extent_m: Its extent.

    """
    ambient = Light(
        kind="ambient",
        color=temperature_to_linear(lighting.ambient_temperature_k),
        intensity=lighting.ambient,
    )
    lamps = (_lamp(lighting, i, target_world, extent_m) for i in range(lighting.count))
    return (ambient, *suns_of(environment, casts_shadow=lighting.shadows), *lamps)


def suns_of(environment: Environment | None, *, casts_shadow: bool = True) -> tuple[Light, ...]:
    """The suns of an environment as lights of the scene that it lights."""
    if environment is None:
        return ()
    angle = np.radians(environment.azimuth_deg)
    c, s = float(np.cos(angle)), float(np.sin(angle))
    lights = []
    for sun in environment.map.suns:
        x, y, z = sun.to_light
        white = environment.gain * np.array(sun.irradiance) / np.pi
        intensity = float(white @ LUMINANCE)
        r, g, b = (float(v) for v in white / intensity)
        lights.append(
            Light(
                kind="directional",
                color=(r, g, b),
                intensity=intensity,
                direction_world=(-(c * x - s * y), -(s * x + c * y), -z),
                radius_deg=sun.radius_deg,
                casts_shadow=casts_shadow,
                has_highlight=not sun.is_in_reflections,
                is_in_environment=True,
            )
        )
    return tuple(lights)


def _lamp(lighting: Lighting, i: int, target_world: NDArray[np.float64], extent_m: float) -> Light:
    az, el = np.radians(lighting.azimuth_deg[i]), np.radians(lighting.elevation_deg[i])
    to_light = np.array([np.cos(el) * np.cos(az), np.cos(el) * np.sin(az), np.sin(el)])
    kind = lighting.kind[i]
    distance_m = lighting.distance[i] * extent_m
    has_place = kind != "directional"
    position = target_world + distance_m * to_light if has_place else np.zeros(3)
    radius = float(np.tan(np.radians(lighting.radius_deg[i])))
    return Light(
        kind=kind,  # type: ignore[arg-type]  # one of the leaf's options
        color=temperature_to_linear(lighting.temperature_k[i]),
        intensity=lighting.intensity[i] * (distance_m**2 if has_place else 1.0),
        direction_world=_three(-to_light),
        position_world=_three(position),
        radius_deg=0.0 if has_place else lighting.radius_deg[i],
        radius_m=distance_m * radius if has_place else 0.0,
        cone_deg=lighting.cone_deg[i],
        casts_shadow=lighting.shadows,
    )


def _three(vector: NDArray[np.float64]) -> tuple[float, float, float]:
    x, y, z = (float(v) for v in vector)
    return (x, y, z)
