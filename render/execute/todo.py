"""Which frames are still to be given to worker processes, those of dead ones first."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from typing import final

from render.errors import RenderError

__all__ = ["UNDER_WAY", "Todo"]

UNDER_WAY = 2
"""Frames that a process holds: one that it works on, and one to go on with."""

_MAX_DEATHS = 3
_FEWER = "out of memory? Try fewer `workers`"


@final
class Todo:
    """Frames to be done; true while some are left to give. Processes are known by their slots."""

    def __init__(self, frames: Sequence[int]) -> None:
        self._frames = frames
        self._given = 0
        self._again: deque[int] = deque()  # of processes that died
        self._frame_deaths: Counter[int] = Counter()
        # Deaths in a row, by slot, of processes that had not begun a frame.
        self._slot_deaths: Counter[int] = Counter()

    def __bool__(self) -> bool:
        return bool(self._again) or self._given < len(self._frames)

    def next(self) -> int:
        """The frame to be given out next, where one is left."""
        if self._again:
            return self._again.popleft()
        self._given += 1
        return self._frames[self._given - 1]

    def lost(self, slot: int, frames: Iterable[int], how: str, *, has_started: bool) -> None:
        """Takes back the frames of a process that died.

        Args:
            slot: Where in its pool the process was.
            frames: Under way in it, the one that it worked on first.
            how: It ended, for the message.
            has_started: Its engine worked; what it died of was its first frame's fault.

        Raises:
            RenderError: That frame's process died for the 3rd time; or processes of this slot died
                3 times in a row before they had begun a frame.

        """
        frames = list(frames)
        if frames and has_started:
            self._frame_deaths[frames[0]] += 1
            if self._frame_deaths[frames[0]] >= _MAX_DEATHS:
                raise RenderError(
                    f"frame {frames[0]} ended its worker process {_MAX_DEATHS} times, last with "
                    f"{how}: {_FEWER}; or the fault is in what this frame shows"
                )
        self._slot_deaths[slot] = 0 if has_started else self._slot_deaths[slot] + 1
        if self._slot_deaths[slot] >= _MAX_DEATHS:
            raise RenderError(
                f"worker processes died {_MAX_DEATHS} times in a row before they had begun a "
                f"frame, last with {how}: {_FEWER}"
            )
        self._again.extendleft(reversed(frames))
