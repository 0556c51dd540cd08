"""What a leaf of θ may be drawn from: each maps one number u in [0, 1) to a value.

All are inverse cumulative distribution functions, so that every sampling sequence serves
the same config: u may come from a random stream, a Sobol point or the cell of a grid.
An object that exists is valid: constructors raise `ValueError` with the broken rule, such
as ``have lo <= hi``; `render.sampling.parse` adds the field and the value to it.
"""

from __future__ import annotations

import abc
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Self, cast, final

from render.sampling.arguments import Arguments
from render.sampling.schema import Kind, Value
from render.system.registry import Registry

__all__ = [
    "DISTRIBUTIONS",
    "KINDS",
    "AbstractDistribution",
    "Bounds",
    "Box",
    "Drawable",
    "Shares",
    "Vector",
    "bounds_of",
    "check_order",
    "clip",
]

Bounds = tuple[float, float] | None
Box = tuple[tuple[float, float], ...]
"""Lowest and highest of each component."""
Shares = Callable[[Value], Sequence[tuple[Value, float]]]
"""Names that a pattern matches, each with its share of the pattern's weight; shares sum to 1."""

KINDS: tuple[Kind, ...] = (
    "number", "integer", "choice", "flag", "vector", "pattern", "by_category",
)  # fmt: skip
"""All kinds of leaves, for a distribution of listed values."""


class Drawable(abc.ABC):
    """What a leaf is drawn from: one distribution, or several."""

    @property
    @abc.abstractmethod
    def components(self) -> tuple[AbstractDistribution, ...]:
        """One distribution for each number u that a draw takes."""

    @property
    def support(self) -> tuple[Value, ...] | None:
        """All values that can be drawn, or None where they are not a short list."""
        return None

    @property
    def bounds(self) -> Bounds:
        """Lowest and highest number that can be drawn; None unless all are numbers."""
        return None

    @property
    def boxes(self) -> Iterator[Box]:
        """Lowest and highest of each component, for each vector that can be drawn."""
        for value in self.support or ():
            if isinstance(value, tuple):
                yield tuple((n, n) for n in value)

    @property
    def is_whole(self) -> bool:
        """Whether all that can be drawn are whole numbers, or vectors of them."""
        values = self.support or (0.5,)
        numbers = [n for v in values for n in (v if isinstance(v, tuple) else (v,))]
        return all(isinstance(n, int | float) and n == int(n) for n in numbers)

    def of(self, category: Callable[[], str]) -> Drawable:
        """What a target is drawn from whose category a function tells."""
        return self

    @property
    def suffixes(self) -> tuple[str, ...]:
        """What follows the name of the leaf in the names of the components' random numbers."""
        return tuple(f"[{i}]" if i else "" for i in range(len(self.components)))

    def value_of(self, parts: Sequence[Value]) -> Value:
        """What is drawn, of the values of its components."""
        return parts[0]


class AbstractDistribution(Drawable):
    """A distribution of one value.

    A plug-in is a frozen dataclass whose fields are the numbers behind its name, in their order::

        @DISTRIBUTIONS.register("mine")
        @dataclass(frozen=True)
        class Mine(AbstractDistribution): ...

    Attributes:
        meaning: What it draws, in a few words, for docs/parameters.md.
        kinds: The kinds of leaves that it fits.

    """

    meaning: ClassVar[str] = ""
    kinds: ClassVar[tuple[Kind, ...]] = ("number",)

    @classmethod
    def parsed(cls, arguments: Arguments) -> Self:
        """Reads what stands behind its name in the config.

        Raises:
            ConfigError: It is not what the distribution takes.
            ValueError: With the rule that is broken.

        """
        names = [f.name for f in fields(cast("Any", cls)) if f.init]
        return cls(*map(float, arguments.numbers(names)))

    @classmethod
    def forms(cls, word: str) -> tuple[str, ...]:
        """How it is written, for docs/parameters.md.

        Args:
            word: Its name.

        """
        names = [f.name for f in fields(cast("Any", cls)) if f.init]
        return (f"[{', '.join([word, *names])}]",)

    @abc.abstractmethod
    def ppf(self, u: float) -> Value:
        """The value below which a share u of all draws lies, u in [0, 1)."""

    @property
    def components(self) -> tuple[AbstractDistribution, ...]:
        return (self,)

    @property
    def ends(self) -> tuple[float, ...]:
        """The u at which each value of `support` gives way to the next; none of a continuum."""
        n = len(self.support or ())
        return tuple((i + 1) / n for i in range(n))

    @property
    def n_levels(self) -> int:
        """How many values ``sampling=grid`` goes through one by one; 0: it draws as always."""
        return 0

    @property
    def is_constant(self) -> bool:
        """Whether every draw is the same."""
        return False

    def matching(self, shares: Shares) -> AbstractDistribution:
        """The same for the names that its values match, where these are patterns.

        Only asked of distributions that fit leaves of the kind ``pattern``.
        """
        raise NotImplementedError(f"{type(self).__name__} has no patterns")


DISTRIBUTIONS: Registry[AbstractDistribution] = Registry(
    AbstractDistribution,  # type: ignore[type-abstract]
    key="the name of a distribution",
    home="render.sampling.distributions",
)
"""Distributions by the names that configs write; see `AbstractDistribution`."""


@final
@dataclass(frozen=True)
class Vector(Drawable):
    """Several numbers, each with a distribution, and so a number u, of its own."""

    parts: tuple[AbstractDistribution, ...]

    @property
    def components(self) -> tuple[AbstractDistribution, ...]:
        return self.parts

    @property
    def boxes(self) -> Iterator[Box]:
        yield tuple(part.bounds or (-math.inf, math.inf) for part in self.parts)

    @property
    def is_whole(self) -> bool:
        return all(part.is_whole for part in self.parts)

    def value_of(self, parts: Sequence[Value]) -> Value:
        return cast("tuple[float, ...]", tuple(parts))


def check_order(*numbers: float) -> None:
    """Raises ValueError unless the numbers are finite and do not fall."""
    if not all(map(math.isfinite, numbers)):
        raise ValueError("have finite bounds")
    if any(a > b for a, b in itertools.pairwise(numbers)):
        raise ValueError("have lo <= hi" if len(numbers) == 2 else "have numbers that do not fall")


def clip(value: float, lo: float, hi: float) -> float:
    """The nearest number in ``[lo, hi]``: rounding must not lead out of it."""
    return min(max(value, lo), hi)


def bounds_of(listed: tuple[Value, ...]) -> Bounds:
    """Lowest and highest of listed values; None unless all are numbers."""
    numbers = [v for v in listed if isinstance(v, int | float) and not isinstance(v, bool)]
    return (min(numbers), max(numbers)) if len(numbers) == len(listed) else None
