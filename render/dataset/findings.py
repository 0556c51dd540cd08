"""What the checks of a dataset found, in bounded memory."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import final

__all__ = ["LINES_PER_KIND", "Findings"]

# One thing that is wrong in every frame must not hide what is wrong in one.
LINES_PER_KIND = 10
_LONGEST = 1000


@final
@dataclass(eq=False)
class Findings:
    """Counts checks and keeps the first problems of each kind of file.

    Attributes:
        checks: Single checks made so far.

    """

    checks: int = 0
    _lines: dict[str, list[str]] = field(default_factory=dict)
    _counts: Counter[str] = field(default_factory=Counter)

    def require(
        self, holds: object, message: str, *, file: str, frame_idx: int | None = None
    ) -> bool:
        """Counts a check; keeps its problem unless it holds.

        Args:
            holds: Whether the check holds; taken as true or false.
            message: What is wrong if it does not; goes on a sentence about the file.
            file: Relative to the dataset, with ``/``.
            frame_idx: The frame that is wrong, where the problem is one of a frame.

        Returns:
            Whether it holds.

        """
        self.checks += 1
        if holds:
            return True
        kind = file.partition("/")[0]
        self._counts[kind] += 1
        lines = self._lines.setdefault(kind, [])
        if len(lines) < LINES_PER_KIND:
            frame = "" if frame_idx is None else f"frame {frame_idx}: "
            text = f"{file}: {frame}{' '.join(message[:_LONGEST].split())}"
            # Names and texts of a stranger may hold what no terminal can show.
            lines.append(text.encode("utf-8", "backslashreplace").decode())
        return False

    @property
    def problems(self) -> int:
        """How many checks did not hold, also those whose lines are not kept."""
        return self._counts.total()

    def lines(self) -> list[str]:
        """One line a problem, and one a kind of file for those that are not shown."""
        shown: list[str] = []
        for kind, lines in self._lines.items():
            shown += lines
            more = self._counts[kind] - len(lines)
            if more:
                shown.append(f"{kind}: and {more} more")
        return shown
