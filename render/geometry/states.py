"""The states that poses of an object show: which face of a die is up, whether a cup stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

__all__ = ["SAME_DEG", "States", "WantedState", "angles_deg"]

SAME_DEG = 1.0
"""Directions that are closer than this, degrees, are not told apart."""

Direction = tuple[float, float, float]


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class States:
    """The states of one model by the directions that point up in them.

    A turn about the vertical changes none, so of a reference pose all that counts is which
    direction of the object it has up.

    Attributes:
        names: In the order of declaration.
        ups: ``(N, 3)`` unit vectors along the axes of the model's file; a state has one or more.
        of_ups: ``(N,)`` which of the names each belongs to.

    """

    names: tuple[str, ...]
    ups: NDArray[np.float64]
    of_ups: NDArray[np.intp]

    @classmethod
    def of(cls, declared: Mapping[str, Sequence[Direction]]) -> States:
        """The states of names with their directions, which need not have unit length."""
        counts = [len(directions) for directions in declared.values()]
        ups = np.array([up for directions in declared.values() for up in directions], np.float64)
        return cls(
            names=tuple(declared),
            ups=ups / np.linalg.norm(ups, axis=1, keepdims=True),
            of_ups=np.repeat(np.arange(len(counts)), counts),
        )

    def ups_of(self, name: str) -> NDArray[np.float64]:
        """``(K, 3)`` directions of one state."""
        found: NDArray[np.float64] = self.ups[self.of_ups == self.names.index(name)]
        return found

    def off_deg(self, up: NDArray[np.float64]) -> NDArray[np.float64]:
        """How far each state is from the pose that has a direction up, degrees.

        Args:
            up: ``(3,)`` unit vector along the axes of the model's file.

        """
        off = np.full(len(self.names), np.inf)
        np.minimum.at(off, self.of_ups, angles_deg(self.ups, up))
        return off

    def shown(self, R_world_obj: NDArray[np.float64]) -> tuple[str, float]:
        """The state that is nearest to a pose, and how far it is off, degrees.

        Of several that are equally near, the one that was declared first.
        """
        off = self.off_deg(R_world_obj[2])
        nearest = int(off.argmin())
        return self.names[nearest], float(off[nearest])


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class WantedState:
    """A state that an object is to show.

    Attributes:
        states: All of its model.
        name: The one that is wanted.

    """

    states: States
    name: str

    def is_shown(self, R_world_obj: NDArray[np.float64]) -> bool:
        """Whether it is the nearest to a pose."""
        return self.states.shown(R_world_obj)[0] == self.name


def angles_deg(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Angles between vectors whose last axis is x, y, z; exact also near 0 and 180 degrees."""
    across = np.linalg.norm(np.cross(a, b), axis=-1)
    return np.asarray(np.degrees(np.arctan2(across, (a * b).sum(axis=-1))))
