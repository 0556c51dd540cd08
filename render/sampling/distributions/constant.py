"""Always the same value: what a plain value in the config stands for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from render.sampling.distribution import AbstractDistribution, Bounds, Shares, bounds_of
from render.sampling.distributions.choice import choice_of
from render.sampling.schema import Value

__all__ = ["Constant"]


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
        return bounds_of((self.value,))

    @property
    def is_constant(self) -> bool:
        return True

    def matching(self, shares: Shares) -> AbstractDistribution:
        return choice_of([(self.value, 1.0)], shares)
