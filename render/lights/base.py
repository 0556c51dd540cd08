"""What a kind of lamp is, and the kinds there are by name."""

from __future__ import annotations

import abc
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from render.lights.light import Light
from render.system.registry import Registry

__all__ = ["LIGHTS", "AbstractLightKind", "Lamp"]

Vector = tuple[float, float, float]


@dataclass(frozen=True, eq=False, kw_only=True)
class Lamp:
    """One lamp as it is drawn: the leaves of `lighting` that a kind makes lights of.

    Attributes:
        target_world: ``(3,)`` metres: what the lamp is aimed at, the centre of the principal
            target.
        to_lamp: ``(3,)`` world, unit: from there towards the lamp.
        distance_m: How far away the lamp is, if it has a place.
        intensity: Radiance that a white diffuse surface at the target, facing the lamp, sends
            back: of all lights that the kind makes together.
        color: Linear RGB of the drawn temperature; its luminance (Rec. 709) is 1.
        radius_deg: Half the angle that the lamp fills, seen from the target.
        cone_deg: From the lamp's axis to where its light ends.
        casts_shadow: As drawn for all lamps of the frame.

    """

    target_world: NDArray[np.float64]
    to_lamp: NDArray[np.float64]
    distance_m: float
    intensity: float
    color: Vector
    radius_deg: float
    cone_deg: float
    casts_shadow: bool

    @property
    def position_world(self) -> Vector:
        """Its middle, metres."""
        return vector(self.target_world + self.distance_m * self.to_lamp)

    @property
    def direction_world(self) -> Vector:
        """Unit vector from the lamp to the target."""
        return vector(-self.to_lamp)

    @property
    def radius_m(self) -> float:
        """Its radius where it stands."""
        return self.distance_m * math.tan(math.radians(self.radius_deg))

    @property
    def intensity_at_1_m(self) -> float:
        """`Light.intensity` of one light at its place: the farther, the brighter it must be."""
        return self.intensity * self.distance_m**2

    def light(self, *, is_flat: bool = False, cone_deg: float = 180.0) -> Light:
        """One light at the place of the lamp; see `Light` for what it may be."""
        return Light(
            color=self.color,
            intensity=self.intensity_at_1_m,
            direction_world=self.direction_world,
            position_world=self.position_world,
            radius_m=self.radius_m,
            is_flat=is_flat,
            cone_deg=cone_deg,
            casts_shadow=self.casts_shadow,
        )


class AbstractLightKind(abc.ABC):
    """A kind of lamp. The first line of its docstring stands in the table of parameters."""

    @abc.abstractmethod
    def lights(self, lamp: Lamp) -> tuple[Light, ...]:
        """The lights that a lamp of this kind is made of; a pure function.

        Every engine draws what it returns, and no engine knows the kind. The lights of a lamp
        count one by one among those that an engine has room for.
        """


LIGHTS: Registry[AbstractLightKind] = Registry(
    AbstractLightKind,  # type: ignore[type-abstract]  # what all of them derive from
    key="lighting.kind",
    home="render.lights",
)
"""Kinds of lamp by the name that `lighting.kind` gives them."""


def vector(values: NDArray[np.float64]) -> Vector:
    """``(3,)`` numbers as `Light` keeps them."""
    x, y, z = (float(v) for v in values)
    return (x, y, z)
