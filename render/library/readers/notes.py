"""What a reader leaves out or replaces: one line for each kind, whatever it is about."""

from __future__ import annotations

from collections import Counter

__all__ = ["Notes"]

_MOST_NAMES = 5


class Notes:
    """Collects while one model file is read."""

    def __init__(self) -> None:
        self._names: dict[str, Counter[str]] = {}

    def add(self, kind: str, name: str = "", *, count: int = 0) -> None:
        """Notes something once.

        Args:
            kind: A sentence that is true of one thing and of several.
            name: What it is about, of those that bear names.
            count: How many of that name there are, where it matters; added up.

        """
        names = self._names.setdefault(kind, Counter())
        if name:
            names[name] += count

    def lines(self) -> tuple[str, ...]:
        """A line for each kind, in the order in which they came up, with the first five names."""
        return tuple(_line(kind, names) for kind, names in self._names.items())


def _line(kind: str, names: Counter[str]) -> str:
    told = [f"{name} ({n})" if n else name for name, n in list(names.items())[:_MOST_NAMES]]
    if len(names) > _MOST_NAMES:
        told[-1] += f" and {len(names) - _MOST_NAMES} more"
    return f"{kind}: {', '.join(told)}" if told else kind
