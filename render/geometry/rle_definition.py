"""Compressed COCO RLE decoded by its definition, not by the library that wrote it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["decoded"]

_MAX_CHARS = 7  # of one run: 35 bits hold any image


def decoded(counts: Any, size_hw: tuple[int, int]) -> NDArray[np.bool_] | None:
    """The mask of a compressed RLE.

    Args:
        counts: The string; anything else gives None.
        size_hw: Height and width of the mask.

    Returns:
        ``(H, W)``, or None if the string is torn or its runs do not fill the size.

    """
    if not isinstance(counts, str) or not counts.isascii() or not counts:
        return None
    runs = _runs(np.frombuffer(counts.encode("ascii"), np.uint8).astype(np.int64) - 48)
    height, width = size_hw
    if runs is None or runs.min() < 0 or runs.sum() != height * width:
        return None
    is_set = np.arange(len(runs)) % 2 == 1
    return np.repeat(is_set, runs).reshape(width, height).T


def _runs(bits: NDArray[np.int64]) -> NDArray[np.int64] | None:
    """Lengths of the runs, unset and set in turn, column by column; None if torn.

    Each is written as groups of five bits, the least first, with a flag for "goes on" in
    the sixth; the fifth bit of the last group is a sign. From the fourth run on, what is
    written is the difference from the run before the last.
    """
    is_last = bits & 0x20 == 0
    if bits.min() < 0 or bits.max() > 0x3F or not is_last[-1]:
        return None
    ends = np.flatnonzero(is_last)
    starts = np.concatenate([[0], ends[:-1] + 1])
    lengths = ends + 1 - starts
    if lengths.max() > _MAX_CHARS:
        return None
    shifts = 5 * (np.arange(len(bits)) - np.repeat(starts, lengths))
    runs: NDArray[np.int64] = np.add.reduceat((bits & 0x1F) << shifts, starts)
    runs -= np.where(bits[ends] & 0x10, np.int64(1) << (5 * lengths), 0)
    for first in (1, 2):
        runs[first::2] = np.cumsum(runs[first::2])
    return runs
