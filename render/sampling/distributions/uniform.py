"""Evenly between two numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

from render.sampling.distribution import (
    DISTRIBUTIONS,
    AbstractDistribution,
    Bounds,
    check_order,
    clip,
)

__all__ = ["Uniform"]


@DISTRIBUTIONS.register("uniform")
@final
@dataclass(frozen=True)
class Uniform(AbstractDistribution):
    """Evenly between `lo` and `hi`."""

    meaning: ClassVar = "evenly"

    lo: float
    hi: float

    def __post_init__(self) -> None:
        check_order(self.lo, self.hi)

    def ppf(self, u: float) -> float:
        return clip(self.lo + u * (self.hi - self.lo), self.lo, self.hi)

    @property
    def bounds(self) -> Bounds:
        return self.lo, self.hi
