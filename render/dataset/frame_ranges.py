"""Frames of a run as ranges of their indices: a run may have a hundred million of them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import final, overload

__all__ = ["FrameRanges"]


@final
class FrameRanges(Sequence[int]):
    """Indices of frames in ascending order; costs memory for each range, not for each frame."""

    def __init__(self, ranges: Sequence[range]) -> None:
        """Takes ranges of step 1, in ascending order, none of them empty."""
        self._ranges: list[range] = []
        for one in ranges:
            if self._ranges and self._ranges[-1].stop == one.start:
                one = range(self._ranges.pop().start, one.stop)
            self._ranges.append(one)
        self._starts = [one.start for one in self._ranges]
        # How many frames the ranges before each one have, and all of them.
        self._before = list(accumulate(map(len, self._ranges), initial=0))

    @property
    def ranges(self) -> Sequence[range]:
        """Of step 1, in ascending order, none of them empty or touching the next one."""
        return self._ranges

    def __len__(self) -> int:
        return self._before[-1]

    def __iter__(self) -> Iterator[int]:
        for one in self._ranges:
            yield from one

    def __contains__(self, frame_idx: object) -> bool:
        if not isinstance(frame_idx, int):
            return False
        at = bisect_right(self._starts, frame_idx) - 1
        return at >= 0 and frame_idx in self._ranges[at]

    @overload
    def __getitem__(self, idx: int) -> int: ...
    @overload
    def __getitem__(self, idx: slice) -> list[int]: ...

    def __getitem__(self, idx: int | slice) -> int | list[int]:
        if isinstance(idx, slice):
            return [self[i] for i in range(*idx.indices(len(self)))]
        i = range(len(self))[idx]
        at = bisect_right(self._before, i) - 1
        return self._ranges[at][i - self._before[at]]
