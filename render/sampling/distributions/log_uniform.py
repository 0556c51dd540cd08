"""Evenly in the logarithm."""

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

__all__ = ["LogUniform"]


@DISTRIBUTIONS.register("log_uniform")
@final
@dataclass(frozen=True)
class LogUniform(AbstractDistribution):
    """Evenly in the logarithm: each factor of two is as likely as the next."""

    meaning: ClassVar = "evenly in the logarithm"

    lo: float
    hi: float

    def __post_init__(self) -> None:
        check_order(self.lo, self.hi)
        if self.lo <= 0:
            raise ValueError("have lo > 0")

    def ppf(self, u: float) -> float:
        log_lo, log_hi = math.log(self.lo), math.log(self.hi)
        return clip(math.exp(log_lo + u * (log_hi - log_lo)), self.lo, self.hi)

    @property
    def bounds(self) -> Bounds:
        return self.lo, self.hi
