"""A Gaussian, cut off at both ends."""

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

__all__ = ["Normal"]


@DISTRIBUTIONS.register("normal")
@final
@dataclass(frozen=True)
class Normal(AbstractDistribution):
    """A Gaussian cut off at `lo` and `hi`; what lies outside is spread inside, in proportion.

    `mean` and `std` are those of the Gaussian before the cut. Exact also where the
    interval lies far out in a tail: everything is done with logarithms of probabilities.
    """

    meaning: ClassVar = "a bell, cut at lo and hi"

    mean: float
    std: float
    lo: float
    hi: float

    def __post_init__(self) -> None:
        check_order(self.lo, self.hi)
        if self.std <= 0:
            raise ValueError("have std > 0")

    def ppf(self, u: float) -> float:
        from scipy.special import log_ndtr, ndtri_exp  # takes a moment to import

        low, high = (self.lo - self.mean) / self.std, (self.hi - self.mean) / self.std
        # The left tail keeps its precision, so an interval right of the mean is mirrored.
        mirrored = low > 0
        if mirrored:
            low, high, u = -high, -low, 1 - u
        log_high = float(log_ndtr(high))
        share = u + (1 - u) * math.exp(float(log_ndtr(low)) - log_high)
        z = float(ndtri_exp(log_high + math.log(share))) if share > 0 else low
        return clip(self.mean + self.std * (-z if mirrored else z), self.lo, self.hi)

    @property
    def bounds(self) -> Bounds:
        return self.lo, self.hi
