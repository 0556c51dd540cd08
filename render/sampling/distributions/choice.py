"""One of several values, by weight."""

from __future__ import annotations

import json
import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Self, final

from render.sampling.arguments import Arguments
from render.sampling.distribution import (
    DISTRIBUTIONS,
    KINDS,
    AbstractDistribution,
    Bounds,
    Shares,
    bounds_of,
)
from render.sampling.schema import Value
from render.system.values import is_number

__all__ = ["Choice", "choice_of"]


@DISTRIBUTIONS.register("choice")
@final
@dataclass(frozen=True)
class Choice(AbstractDistribution):
    """One of several values, in proportion to their weights.

    Attributes:
        values: At least one. Those of weight 0 are never drawn.
        weights: One for each value, not negative, not all 0; they need not sum to 1.

    """

    meaning: ClassVar = "one of these"
    kinds: ClassVar = KINDS

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

    @classmethod
    def parsed(cls, arguments: Arguments) -> Self:
        given = arguments.given
        if not given or (isinstance(given[0], Mapping) and not given[0]):
            arguments.fail(f"have at least one value after {arguments.word}")
        if not isinstance(given[0], Mapping):
            return cls(tuple(map(arguments.item, given)), (1.0,) * len(given))
        if len(given) > 1:
            arguments.fail(f"be written {' or '.join(cls.forms(arguments.word))}")
        pairs = [(arguments.key(key), weight) for key, weight in given[0].items()]
        if not all(is_number(weight) for _, weight in pairs):
            arguments.fail("have finite numbers as weights")
        # A mapping has no order: the same weights give the same frames however they are stored.
        pairs.sort(key=lambda pair: json.dumps(pair[0]))
        return cls(tuple(v for v, _ in pairs), tuple(float(w) for _, w in pairs))

    @classmethod
    def forms(cls, word: str) -> tuple[str, ...]:
        return f"[{word}, a, b]", f"[{word}, {{a: 0.7, b: 0.3}}]"

    def matching(self, shares: Shares) -> AbstractDistribution:
        pairs = zip(self.values, self.weights, strict=True)
        return choice_of([(pattern, weight) for pattern, weight in pairs if weight > 0], shares)

    @property
    def ends(self) -> tuple[float, ...]:
        """The u at which each value of `support` gives way to the next."""
        return self._steps

    @property
    def support(self) -> tuple[Value, ...]:
        return self._drawn

    @property
    def bounds(self) -> Bounds:
        return bounds_of(self._drawn)


def choice_of(weighted: Sequence[tuple[Value, float]], shares: Shares) -> Choice:
    """A choice among the names that patterns match.

    Args:
        weighted: Patterns with their weights.
        shares: Tells the names of a pattern.

    """
    weights: dict[Value, float] = {}
    for pattern, weight in weighted:
        for name, share in shares(pattern):
            weights[name] = weights.get(name, 0.0) + weight * share
    return Choice(tuple(weights), tuple(weights.values()))
