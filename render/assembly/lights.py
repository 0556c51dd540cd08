"""What lights a scene: light from everywhere, suns of its environment, lamps."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from render.errors import ConfigError, failure_of
from render.lights.base import LIGHTS, Lamp
from render.lights.light import Light
from render.sampling.lighting import Lighting
from render.scene import Environment, EnvironmentMap
from render.sensor.color import LUMINANCE, temperature_to_linear

__all__ = [
    "EnvironmentSource",
    "build_ambient",
    "build_environment",
    "build_lights",
    "check_kind",
    "suns_of",
]


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


def build_ambient(lighting: Lighting) -> tuple[float, float, float]:
    """Linear RGB of the light that comes from everywhere."""
    r, g, b = temperature_to_linear(lighting.ambient_temperature_k)
    return lighting.ambient * r, lighting.ambient * g, lighting.ambient * b


def build_lights(
    lighting: Lighting,
    environment: Environment | None,
    *,
    target_world: NDArray[np.float64],
    extent_m: float,
) -> tuple[Light, ...]:
    """The suns of the environment, then the lights of each lamp in the order of θ.

    Each lamp sends the light of its `intensity` to the target: one that has a place is the
    brighter, the farther it stands.

    Args:
        lighting: As drawn.
        environment: What lights the scene, with its suns; None: none.
        target_world: ``(3,)`` metres: centre of the principal target.
        extent_m: Longest side of its box.

    Raises:
        ConfigError: A kind of lamp failed.

    """
    lights = list(suns_of(environment, casts_shadow=lighting.shadows))
    for i in range(lighting.count):
        lights += _lights_of(lighting.kind[i], _lamp(lighting, i, target_world, extent_m))
    return tuple(lights)


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


def check_kind(name: str) -> None:
    """Makes the lights of one lamp of a kind, as a frame will.

    Raises:
        ConfigError: There is no such kind, or it failed.

    """
    lamp = Lamp(
        target_world=np.zeros(3),
        to_lamp=np.array([0.0, 0.6, 0.8]),
        distance_m=1.0,
        intensity=1.0,
        color=(1.0, 1.0, 1.0),
        radius_deg=1.0,
        cone_deg=30.0,
        casts_shadow=True,
    )
    _lights_of(name, lamp)


def _lights_of(name: str, lamp: Lamp) -> tuple[Light, ...]:
    """The lights of a lamp; what its kind raises bears the name that the config gave it."""
    kind = LIGHTS[name]
    where = f"lighting.kind={name}: {kind.__module__}.{kind.__qualname__}"
    try:
        lights = kind().lights(lamp)
    except Exception as error:
        raise ConfigError(f"{where} failed: {failure_of(error)}") from error
    is_tuple = isinstance(lights, tuple) and len(lights) > 0
    if not is_tuple or not all(isinstance(light, Light) for light in lights):
        raise ConfigError(
            f"{where} must return a tuple of one or more render.lights.light.Light, got {lights!r}"
        )
    return lights


def _lamp(lighting: Lighting, i: int, target_world: NDArray[np.float64], extent_m: float) -> Lamp:
    az, el = np.radians(lighting.azimuth_deg[i]), np.radians(lighting.elevation_deg[i])
    return Lamp(
        target_world=target_world,
        to_lamp=np.array([np.cos(el) * np.cos(az), np.cos(el) * np.sin(az), np.sin(el)]),
        distance_m=lighting.distance[i] * extent_m,
        intensity=lighting.intensity[i],
        color=temperature_to_linear(lighting.temperature_k[i]),
        radius_deg=lighting.radius_deg[i],
        cone_deg=lighting.cone_deg[i],
        casts_shadow=lighting.shadows,
    )
