"""A beta distribution over any interval."""

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

__all__ = ["Beta"]


@DISTRIBUTIONS.register("beta")
@final
@dataclass(frozen=True)
class Beta(AbstractDistribution):
    """A beta distribution with shapes `a` and `b`, stretched from [0, 1] to [lo, hi]."""

    meaning: ClassVar = "a beta distribution stretched over lo to hi"

    a: float
    b: float
    lo: float
    hi: float

    def __post_init__(self) -> None:
        check_order(self.lo, self.hi)
        if self.a <= 0 or self.b <= 0:
            raise ValueError("have a > 0 and b > 0")
        if not math.isfinite(self.ppf(0.5)):
            raise ValueError("have shapes a and b of a usual size")

    def ppf(self, u: float) -> float:
        from scipy.special import betaincinv  # takes a moment to import

        share = float(betaincinv(self.a, self.b, u))
        return clip(self.lo + share * (self.hi - self.lo), self.lo, self.hi)

    @property
    def bounds(self) -> Bounds:
        return self.lo, self.hi
