"""What every engine draws of a light."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Light"]


@dataclass(frozen=True, kw_only=True)
class Light:
    """A light in numbers: what every engine draws of it. Kinds of lamp make them.

    Attributes:
        color: Linear RGB, its luminance (Rec. 709) 1.
        intensity: Radiance that a white diffuse surface facing the light sends back: of one
            without a place everywhere; of one with a place at one metre, on the axis, and it
            falls by the square of the distance.
        direction_world: Where it shines: its axis. Any length but 0.
        position_world: Its middle, metres; None: it comes from infinity.
        radius_deg: Without a place: angular radius of the disc that it comes from.
        radius_m: With a place: of the sphere, or of the disc if it is flat. Shadows are as soft
            as that.
        is_flat: With a place: a disc that faces `direction_world` and shines from its front;
            its light falls by the cosine of the angle to the axis. Otherwise a sphere.
        cone_deg: Where the light of a sphere ends, as an angle from the axis; it fades over the
            outer fifth. 180: it shines to all sides.
        casts_shadow: Instances and surfaces keep it from what is behind them.
        has_highlight: False where the reflection of it is in `Environment.map` already.
        is_in_environment: A sun of the scene's environment, whose whole map holds it.

    Raises:
        ValueError: A number is out of its range, or contradicts another.

    """

    color: tuple[float, float, float]
    intensity: float
    direction_world: tuple[float, float, float] = (0.0, 0.0, -1.0)
    position_world: tuple[float, float, float] | None = None
    radius_deg: float = 0.0
    radius_m: float = 0.0
    is_flat: bool = False
    cone_deg: float = 180.0
    casts_shadow: bool = True
    has_highlight: bool = True
    is_in_environment: bool = False

    def __post_init__(self) -> None:
        place = self.position_world or ()
        if not np.isfinite((*self.color, *self.direction_world, *place)).all():
            raise ValueError("color, direction_world and position_world must be finite")
        if not any(self.direction_world):
            raise ValueError("direction_world must have a length, got (0, 0, 0)")
        for name in ("intensity", "radius_deg", "radius_m"):
            if not 0.0 <= getattr(self, name) < np.inf:
                raise ValueError(f"{name} must be finite and at least 0, got {getattr(self, name)}")
        if not 0.0 < self.cone_deg <= 180.0:
            raise ValueError(f"cone_deg must be above 0 and at most 180, got {self.cone_deg}")
        if self.position_world is None and (self.is_flat or self.cone_deg < 180.0):
            raise ValueError("position_world must be set for a flat light or a cone, got None")
        if self.is_flat and self.cone_deg < 180.0:
            raise ValueError(f"cone_deg must be 180 for a flat light, got {self.cone_deg}")
