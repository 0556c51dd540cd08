"""Elevations, evenly over solid angle."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, final

from render.sampling.distribution import (
    DISTRIBUTIONS,
    AbstractDistribution,
    Bounds,
    check_order,
    clip,
)

__all__ = ["SinUniform"]


@DISTRIBUTIONS.register("sin_uniform")
@final
@dataclass(frozen=True)
class SinUniform(AbstractDistribution):
    """Degrees, evenly in their sine: as elevation, equal solid angles are equally likely."""

    meaning: ClassVar = "an elevation, evenly over solid angle"

    lo: float
    hi: float

    def __post_init__(self) -> None:
        check_order(self.lo, self.hi)
        if self.lo < -90 or self.hi > 90:
            raise ValueError("stay in -90 to 90 degrees")

    def ppf(self, u: float) -> float:
        low, high = math.sin(math.radians(self.lo)), math.sin(math.radians(self.hi))
        sine = clip(low + u * (high - low), -1.0, 1.0)
        return clip(math.degrees(math.asin(sine)), self.lo, self.hi)

    @property
    def bounds(self) -> Bounds:
        return self.lo, self.hi
