"""The static models of the user's cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import final

import numpy as np
from numpy.typing import NDArray

from render.errors import ConfigError
from render.library.models import ModelLibrary
from render.sampling.patterns import is_named, match_names
from render.scene import Model

__all__ = ["FIXTURE", "FixtureLibrary"]

# What names of models begin with that are fixtures.
FIXTURE = "fixture:"


@dataclass(frozen=True, eq=False, kw_only=True)
class Fixture:
    """A static model of the user's cell, in the world; drawn, in depth, in no mask or label.

    Attributes:
        T_world_obj: ``(4, 4)``, rigid.

    """

    model: Model
    T_world_obj: NDArray[np.float64]


@final
class FixtureLibrary:
    """The fixtures of a run, in the order of the config."""

    def __init__(self, folder: Path, wanted: Sequence[tuple[str, tuple[float, ...]]]) -> None:
        """Finds the files; loads none.

        Args:
            folder: Where they are.
            wanted: Name and ``T_world_obj``, 16 numbers row by row, of each.

        Raises:
            ConfigError: A name is not that of one model in the folder.

        """
        self.folder = folder
        self._models = ModelLibrary(folder, prefix=FIXTURE)
        self._wanted = tuple((self._named(name), numbers) for name, numbers in wanted)

    @cached_property
    def fixtures(self) -> tuple[Fixture, ...]:
        """All fixtures, loaded; AssetError if one cannot be used."""
        found = []
        for name, numbers in self._wanted:
            T = np.array(numbers, np.float64).reshape(4, 4)
            T.setflags(write=False)
            found.append(Fixture(model=self._models.load(name), T_world_obj=T))
        return tuple(found)

    def _named(self, name: str) -> str:
        found = [n for n in match_names(name, self._models.names) if is_named(name, n)]
        if len(found) != 1:
            raise ConfigError(
                f"fixtures must name one model each in {self.folder}, got {name!r}; there are "
                f"{', '.join(self._models.names[:8])}"
            )
        return found[0]
