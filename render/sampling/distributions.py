"""What a leaf of θ may be drawn from: each maps one number u in [0, 1) to a value.

All are inverse cumulative distribution functions, so that every sampling sequence serves
the same config: u may come from a random stream, a Sobol point or the cell of a grid.
An object that exists is valid: constructors raise `ValueError` with the broken rule, such
as ``have lo <= hi``; `render.sampling.parse` adds the field and the value to it.
"""

from __future__ import annotations

import abc
import math
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import final

from scipy.special import betaincinv, log_ndtr, ndtri_exp

__all__ = [
    "AbstractDistribution",
    "Beta",
    "ByCategory",
    "Choice",
    "Constant",
    "Drawable",
    "Integers",
    "Levels",
    "LogUniform",
    "Normal",
    "SinUniform",
    "Uniform",
    "Value",
    "Vector",
]

Value = float | int | str | bool | tuple[float, ...] | None
Bounds = tuple[float, float] | None


class AbstractDistribution(abc.ABC):
    """A distribution of one value."""

    @abc.abstractmethod
    def ppf(self, u: float) -> Value:
        """The value below which a share u of all draws lies, u in [0, 1)."""

    @property
    @abc.abstractmethod
    def support(self) -> tuple[Value, ...] | None:
        """All values that can be drawn, or None where they are not a short list."""

    @property
    @abc.abstractmethod
    def bounds(self) -> Bounds:
        """Lowest and highest number that can be drawn; None unless all are numbers."""


@final
@dataclass(frozen=True)
class Constant(AbstractDistribution):
    """Always the same value."""

    value: Value

    def ppf(self, u: float) -> Value:
        return self.value

    @property
    def support(self) -> tuple[Value, ...]:
        return (self.value,)

    @property
    def bounds(self) -> Bounds:
        return _bounds_of((self.value,))


@final
@dataclass(frozen=True)
class Uniform(AbstractDistribution):
    """Evenly between `lo` and `hi`."""

    lo: float
    hi: float

    def __post_init__(self) -> None:
        _check_order(self.lo, self.hi)

    def ppf(self, u: float) -> float:
        return _clip(self.lo + u * (self.hi - self.lo), self.lo, self.hi)

    @property
    def support(self) -> None:
        return None

    @property
    def bounds(self) -> Bounds:
        return self.lo, self.hi


@final
@dataclass(frozen=True)
class LogUniform(AbstractDistribution):
    """Evenly in the logarithm: each factor of two is as likely as the next."""

    lo: float
    hi: float

    def __post_init__(self) -> None:
        _check_order(self.lo, self.hi)
        if self.lo <= 0:
            raise ValueError("have lo > 0")

    def ppf(self, u: float) -> float:
        log_lo, log_hi = math.log(self.lo), math.log(self.hi)
        return _clip(math.exp(log_lo + u * (log_hi - log_lo)), self.lo, self.hi)

    @property
    def support(self) -> None:
        return None

    @property
    def bounds(self) -> Bounds:
        return self.lo, self.hi


@final
@dataclass(frozen=True)
class Normal(AbstractDistribution):
    """A Gaussian cut off at `lo` and `hi`; what lies outside is spread inside, in proportion.

    `mean` and `std` are those of the Gaussian before the cut. Exact also where the
    interval lies far out in a tail: everything is done with logarithms of probabilities.
    """

    mean: float
    std: float
    lo: float
    hi: float

    def __post_init__(self) -> None:
        _check_order(self.lo, self.hi)
        if self.std <= 0:
            raise ValueError("have std > 0")

    def ppf(self, u: float) -> float:
        low, high = (self.lo - self.mean) / self.std, (self.hi - self.mean) / self.std
        # The left tail keeps its precision, so an interval right of the mean is mirrored.
        mirrored = low > 0
        if mirrored:
            low, high, u = -high, -low, 1 - u
        log_high = float(log_ndtr(high))
        share = u + (1 - u) * math.exp(float(log_ndtr(low)) - log_high)
        z = float(ndtri_exp(log_high + math.log(share))) if share > 0 else low
        return _clip(self.mean + self.std * (-z if mirrored else z), self.lo, self.hi)

    @property
    def support(self) -> None:
        return None

    @property
    def bounds(self) -> Bounds:
        return self.lo, self.hi


@final
@dataclass(frozen=True)
class SinUniform(AbstractDistribution):
    """Degrees, evenly in their sine: as elevation, equal solid angles are equally likely."""

    lo: float
    hi: float

    def __post_init__(self) -> None:
        _check_order(self.lo, self.hi)
        if self.lo < -90 or self.hi > 90:
            raise ValueError("stay in -90 to 90 degrees")

    def ppf(self, u: float) -> float:
        low, high = math.sin(math.radians(self.lo)), math.sin(math.radians(self.hi))
        sine = _clip(low + u * (high - low), -1.0, 1.0)
        return _clip(math.degrees(math.asin(sine)), self.lo, self.hi)

    @property
    def support(self) -> None:
        return None

    @property
    def bounds(self) -> Bounds:
        return self.lo, self.hi


@final
@dataclass(frozen=True)
class Beta(AbstractDistribution):
    """A beta distribution with shapes `a` and `b`, stretched from [0, 1] to [lo, hi]."""

    a: float
    b: float
    lo: float
    hi: float

    def __post_init__(self) -> None:
        _check_order(self.lo, self.hi)
        if self.a <= 0 or self.b <= 0:
            raise ValueError("have a > 0 and b > 0")
        if not math.isfinite(self.ppf(0.5)):
            raise ValueError("have shapes a and b of a usual size")

    def ppf(self, u: float) -> float:
        share = float(betaincinv(self.a, self.b, u))
        return _clip(self.lo + share * (self.hi - self.lo), self.lo, self.hi)

    @property
    def support(self) -> None:
        return None

    @property
    def bounds(self) -> Bounds:
        return self.lo, self.hi


@final
@dataclass(frozen=True)
class Integers(AbstractDistribution):
    """Whole numbers from `lo` to `hi`, both included, all equally likely."""

    lo: int
    hi: int

    def __post_init__(self) -> None:
        _check_order(self.lo, self.hi)

    def ppf(self, u: float) -> int:
        return min(self.lo + math.floor(u * (self.hi - self.lo + 1)), self.hi)

    @property
    def support(self) -> tuple[Value, ...] | None:
        return tuple(range(self.lo, self.hi + 1)) if self.hi - self.lo < 4096 else None

    @property
    def bounds(self) -> Bounds:
        return self.lo, self.hi


@final
@dataclass(frozen=True)
class Choice(AbstractDistribution):
    """One of several values, in proportion to their weights.

    Attributes:
        values: At least one. Those of weight 0 are never drawn.
        weights: One for each value, not negative, not all 0; they need not sum to 1.

    """

    values: tuple[Value, ...]
    weights: tuple[float, ...]
    _steps: tuple[float, ...] = field(init=False, repr=False, compare=False)
    _drawn: tuple[Value, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.values:
            raise ValueError("have at least one value")
        if any(weight < 0 for weight in self.weights):
            raise ValueError("have no negative weight")
        total = sum(self.weights)
        if not (0 < total < math.inf):
            raise ValueError("have a weight above 0")
        steps, drawn, running = [], [], 0.0
        for value, weight in zip(self.values, self.weights, strict=True):
            if weight > 0:
                running += weight / total
                steps.append(running)
                drawn.append(value)
        object.__setattr__(self, "_steps", tuple(steps))
        object.__setattr__(self, "_drawn", tuple(drawn))

    def ppf(self, u: float) -> Value:
        # Rounding may leave the last step a hair below 1.
        return self._drawn[min(bisect_right(self._steps, u), len(self._drawn) - 1)]

    @property
    def ends(self) -> tuple[float, ...]:
        """The u at which each value of `support` gives way to the next."""
        return self._steps

    @property
    def support(self) -> tuple[Value, ...]:
        return self._drawn

    @property
    def bounds(self) -> Bounds:
        return _bounds_of(self._drawn)


@final
@dataclass(frozen=True)
class Levels(AbstractDistribution):
    """Values that ``sampling=grid`` goes through one by one; otherwise an even choice."""

    values: tuple[Value, ...]

    def __post_init__(self) -> None:
        if not self.values:
            raise ValueError("have at least one value")

    def ppf(self, u: float) -> Value:
        return self.values[min(int(u * len(self.values)), len(self.values) - 1)]

    @property
    def support(self) -> tuple[Value, ...]:
        return self.values

    @property
    def bounds(self) -> Bounds:
        return _bounds_of(self.values)


@final
@dataclass(frozen=True)
class Vector:
    """Several numbers, each with a distribution, and so a number u, of its own."""

    components: tuple[AbstractDistribution, ...]


@final
@dataclass(frozen=True)
class ByCategory:
    """A distribution for targets of each category; null for those that it does not name."""

    entries: tuple[tuple[str, AbstractDistribution], ...]

    def of(self, category: str) -> AbstractDistribution:
        """What a target of that category is drawn from."""
        return dict(self.entries).get(category, Constant(None))


Drawable = AbstractDistribution | Vector | ByCategory


def _check_order(lo: float, hi: float) -> None:
    if not (math.isfinite(lo) and math.isfinite(hi)):
        raise ValueError("have finite bounds")
    if lo > hi:
        raise ValueError("have lo <= hi")


def _clip(value: float, lo: float, hi: float) -> float:
    return min(max(value, lo), hi)


def _bounds_of(values: tuple[Value, ...]) -> Bounds:
    numbers = [v for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
    return (min(numbers), max(numbers)) if len(numbers) == len(values) else None
