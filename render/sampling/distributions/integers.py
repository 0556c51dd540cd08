"""Whole numbers, all equally likely."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Self, cast, final

from render.sampling.arguments import Arguments
from render.sampling.distribution import (
    DISTRIBUTIONS,
    AbstractDistribution,
    Bounds,
    check_order,
)
from render.sampling.schema import Value

__all__ = ["Integers"]


@DISTRIBUTIONS.register("integers")
@final
@dataclass(frozen=True)
class Integers(AbstractDistribution):
    """Whole numbers from `lo` to `hi`, both included, all equally likely."""

    meaning: ClassVar = "whole numbers, both ends included"
    kinds: ClassVar = ("number", "integer")

    lo: int
    hi: int

    def __post_init__(self) -> None:
        check_order(self.lo, self.hi)

    def ppf(self, u: float) -> int:
        return min(self.lo + math.floor(u * (self.hi - self.lo + 1)), self.hi)

    @classmethod
    def parsed(cls, arguments: Arguments) -> Self:
        numbers = arguments.numbers(("lo", "hi"))
        if not all(isinstance(number, int) for number in numbers):
            arguments.fail("have whole numbers after integers")
        return cls(*cast("tuple[int, int]", numbers))

    @property
    def is_whole(self) -> bool:
        return True

    @property
    def support(self) -> tuple[Value, ...] | None:
        return tuple(range(self.lo, self.hi + 1)) if self.hi - self.lo < 4096 else None

    @property
    def bounds(self) -> Bounds:
        return self.lo, self.hi
