"""Values that a grid goes through one by one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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

__all__ = ["Levels"]


@DISTRIBUTIONS.register("levels")
@final
@dataclass(frozen=True)
class Levels(AbstractDistribution):
    """Values that ``sampling=grid`` goes through one by one; otherwise an even choice."""

    meaning: ClassVar = "what `sampling=grid` enumerates; a choice otherwise"
    kinds: ClassVar = KINDS

    values: tuple[Value, ...]

    def __post_init__(self) -> None:
        if not self.values:
            raise ValueError("have at least one value")

    def ppf(self, u: float) -> Value:
        return self.values[min(int(u * len(self.values)), len(self.values) - 1)]

    @classmethod
    def parsed(cls, arguments: Arguments) -> Self:
        if not arguments.given:
            arguments.fail("have at least one value after levels")
        if isinstance(arguments.given[0], Mapping):
            arguments.fail("be written [levels, a, b]")
        return cls(tuple(map(arguments.item, arguments.given)))

    @classmethod
    def forms(cls, word: str) -> tuple[str, ...]:
        return (f"[{word}, 10, 30, 60]",)

    @property
    def n_levels(self) -> int:
        return len(self.values)

    def matching(self, shares: Shares) -> Levels:
        names = (name for pattern in self.values for name, _ in shares(pattern))
        return Levels(tuple(dict.fromkeys(names)))

    @property
    def support(self) -> tuple[Value, ...]:
        return self.values

    @property
    def bounds(self) -> Bounds:
        return bounds_of(self.values)
