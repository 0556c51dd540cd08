"""Distributions for the materials of a model, by their names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import cast, final

from render.sampling.distribution import AbstractDistribution, Drawable
from render.sampling.schema import Value

__all__ = ["ByMaterial"]


@final
@dataclass(frozen=True)
class ByMaterial(Drawable):
    """For each name or glob of a material what is drawn of it, by the names of its leaves.

    What is drawn is ``((material, ((leaf, value), ...)), ...)``.
    """

    entries: tuple[tuple[str, tuple[tuple[str, Drawable], ...]], ...]

    @property
    def components(self) -> tuple[AbstractDistribution, ...]:
        return tuple(part for _, leaves in self.entries for _, d in leaves for part in d.components)

    @property
    def suffixes(self) -> tuple[str, ...]:
        return tuple(
            f".{material}.{leaf}{suffix}"
            for material, leaves in self.entries
            for leaf, d in leaves
            for suffix in d.suffixes
        )

    def value_of(self, parts: Sequence[Value]) -> Value:
        rest = iter(parts)
        drawn = tuple(
            (
                material,
                tuple(
                    (leaf, d.value_of(tuple(islice(rest, len(d.components))))) for leaf, d in leaves
                ),
            )
            for material, leaves in self.entries
        )
        return cast("tuple[float, ...]", drawn)
