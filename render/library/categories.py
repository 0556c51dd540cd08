"""Files that share a category, for people: a folder is often a category by mistake."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from render.library.files import some_of
from render.library.near_duplicates import AreaMoments, kinship

__all__ = ["CategoryShapes", "categories_text"]

_MOST_SHOWN = 5


@dataclass(frozen=True, eq=False)
class CategoryShapes:
    """Whether the files of a category have one shape, but for scale and mirroring; grows."""

    _first: dict[str, AreaMoments] = field(default_factory=dict)
    _unlike: set[str] = field(default_factory=set)

    def add(self, category: str, shape: AreaMoments) -> None:
        """Adds one file of a category."""
        first = self._first.setdefault(category, shape)
        if kinship(shape, first) is None:
            self._unlike.add(category)

    def remarks(self, by_folder: Mapping[str, Sequence[str]]) -> dict[str, str]:
        """A sentence on each category of files of different shapes.

        Args:
            by_folder: Models of each category that is one for being the name of a folder.

        """
        return {
            category: f"category {category} is that of {len(names)} files of different shapes, for "
            f"being their folder: {some_of(names)}; where they are different things, give each a "
            "folder, or say `category` in a side file"
            for category, names in by_folder.items()
            if len(names) > 1 and category in self._unlike
        }


def categories_text(categories: Mapping[str, Sequence[str]]) -> str:
    """How many categories there are, which ones several files share, and which are alike.

    Args:
        categories: Names of the models of each.

    """
    n_files = len({name for names in categories.values() for name in names})
    shared = [f"{c} ({len(names)})" for c, names in categories.items() if len(names) > 1]
    told = f"{len(categories)} of {n_files} model{'' if n_files == 1 else 's'}"
    told += f"; of several files: {some_of(shared, _MOST_SHOWN)}" if shared else ""
    alike: dict[str, list[str]] = {}
    for category in categories:
        # The same letters may be stored as one character or as several (macOS).
        alike.setdefault(unicodedata.normalize("NFKC", category).casefold(), []).append(category)
    pairs = [" and ".join(names) for names in alike.values() if len(names) > 1]
    return told + (f"; written nearly the same: {some_of(pairs, _MOST_SHOWN)}" if pairs else "")
