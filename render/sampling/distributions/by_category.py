"""A distribution for targets of each category."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

from render.sampling.distribution import AbstractDistribution, Drawable
from render.sampling.distributions.constant import Constant

__all__ = ["ByCategory"]


@final
@dataclass(frozen=True)
class ByCategory(Drawable):
    """A distribution for targets of each category; null for those that it does not name."""

    entries: tuple[tuple[str, AbstractDistribution], ...]

    @property
    def components(self) -> tuple[AbstractDistribution, ...]:
        return (Constant(None),)  # one value; the category decides of what

    def of(self, category: Callable[[], str]) -> Drawable:
        return dict(self.entries).get(category(), Constant(None))
