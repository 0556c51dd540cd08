"""Masks of a frame as runs of set pixels, counted down the columns.

Pixel (row, column) of an image of height H is number ``column * H + row``. A mask costs as much
as its outline is long, whatever the size of the image, and all masks of a frame are counted,
bounded and compared in one go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from render.geometry.pixels import Box

__all__ = ["RunTable", "Runs"]

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False, kw_only=True)
class Runs:
    """One mask.

    Attributes:
        size_wh: Width and height of the frame, pixels.
        starts: ``(N,)`` ascending: the first pixel of each run.
        ends: ``(N,)``: the pixel after its last. A run may go on from the foot of a column to
            the head of the next; runs never touch each other.

    """

    size_wh: tuple[int, int]
    starts: Ints
    ends: Ints

    @staticmethod
    def of(mask: NDArray[np.bool_]) -> Runs:
        """The runs of an ``(H, W)`` mask of the whole frame."""
        height, width = mask.shape
        return RunTable.of_windows([(0, 0, mask)], size_wh=(width, height)).masks()[0]

    def pixels(self) -> NDArray[np.bool_]:
        """``(H, W)``: the mask of the whole frame."""
        width, height = self.size_wh
        bounds = np.stack([self.starts, self.ends], axis=1).ravel()
        lengths = np.diff(bounds, prepend=0, append=width * height)
        is_set = np.arange(len(lengths)) % 2 == 1
        return np.ascontiguousarray(np.repeat(is_set, lengths).reshape(width, height).T)


@dataclass(frozen=True, eq=False, kw_only=True)
class RunTable:
    """Many masks of one frame, one after another.

    Attributes:
        size_wh: Width and height of the frame, pixels.
        starts: ``(R,)`` as in `Runs`.
        ends: ``(R,)``.
        first: ``(M + 1,)``: runs ``first[i]`` up to ``first[i + 1]`` are those of mask i.

    """

    size_wh: tuple[int, int]
    starts: Ints
    ends: Ints
    first: Ints

    @staticmethod
    def of(masks: Sequence[Runs], *, size_wh: tuple[int, int]) -> RunTable:
        """The table of masks of a frame of that size, in their order."""
        none = np.zeros(0, np.int64)
        return RunTable(
            size_wh=size_wh,
            starts=np.concatenate([none, *(mask.starts for mask in masks)]),
            ends=np.concatenate([none, *(mask.ends for mask in masks)]),
            first=_sums([len(mask.starts) for mask in masks]),
        )

    @staticmethod
    def of_ids(ids: NDArray[np.int32], count: int) -> RunTable:
        """The masks of the pixels that are 0, 1, to `count` - 1; others are passed over."""
        height, width = ids.shape
        down = cv2.transpose(ids).ravel()
        starts = np.concatenate([[0], np.flatnonzero(down[1:] != down[:-1]) + 1])
        ends = np.append(starts[1:], down.size)
        values = down[starts]
        known = np.flatnonzero((values >= 0) & (values < count))
        # In few bits, which numpy sorts by radix.
        few = values[known].astype(np.min_scalar_type(count))
        order = known[np.argsort(few, kind="stable")]
        return RunTable(
            size_wh=(width, height),
            starts=starts[order],
            ends=ends[order],
            first=np.searchsorted(values[order], np.arange(count + 1)),
        )

    @staticmethod
    def of_windows(
        windows: Sequence[tuple[int, int, NDArray[np.bool_]]], *, size_wh: tuple[int, int]
    ) -> RunTable:
        """The part of each window that is inside the frame.

        Args:
            windows: Column and row of the first pixel, which may lie outside; mask.
            size_wh: Width and height of the frame, pixels.

        """
        height = size_wh[1]
        parts = [_inside(window, size_wh) for window in windows]
        # Columns end with an unset pixel here, so that none runs on into the next.
        tall = np.array([part.shape[0] + 1 for _, _, part in parts], np.int64)
        offsets = _sums([part.shape[1] * (part.shape[0] + 1) for _, _, part in parts])
        # And one before all of them, so that a change is where a run begins or ends.
        down = np.zeros(1 + offsets[-1], np.uint8)
        for at, (_, _, part) in zip(offsets.tolist(), parts, strict=False):
            h, w = part.shape
            if part.size:
                columns = down[1 + at : 1 + at + w * (h + 1)].reshape(w, h + 1)
                cv2.transpose(part.view(np.uint8), dst=columns[:, :h])
        changes = np.flatnonzero(down[1:] != down[:-1])
        owner = np.repeat(np.arange(len(parts)), np.diff(np.searchsorted(changes, offsets)))
        steps = changes - offsets[owner]
        corners = np.array([x * height + y for x, y, _ in parts], np.int64)
        places = corners[owner] + steps + steps // tall[owner] * (height - tall)[owner]
        return _joined(places[::2], places[1::2], owner[::2], count=len(parts), size_wh=size_wh)

    def masks(self) -> list[Runs]:
        """The masks one by one, in order."""
        first = self.first.tolist()
        return [
            Runs(size_wh=self.size_wh, starts=self.starts[a:b], ends=self.ends[a:b])
            for a, b in pairwise(first)
        ]

    def owner(self) -> Ints:
        """``(R,)`` index of the mask that each run belongs to."""
        return np.repeat(np.arange(len(self.first) - 1), np.diff(self.first))

    def areas(self) -> list[int]:
        """How many pixels of each mask are set."""
        sums = _sums(self.ends - self.starts)
        areas: list[int] = np.diff(sums[self.first]).tolist()
        return areas

    def boxes(self) -> list[Box | None]:
        """Tight box of each mask, edge coordinates; None for an empty one."""
        height = self.size_wh[1]
        boxes: list[Box | None] = [None] * (len(self.first) - 1)
        filled = np.flatnonzero(np.diff(self.first))
        if len(filled) == 0:
            return boxes
        left, right = self.starts // height, (self.ends - 1) // height
        # What goes on into another column has both foot and head of columns.
        within = left == right
        top = np.where(within, self.starts - left * height, 0)
        bottom = np.where(within, self.ends - right * height, height)
        begin, last = self.first[filled], self.first[filled + 1] - 1
        sides = np.stack(
            [
                left[begin],
                np.minimum.reduceat(top, begin),
                right[last] + 1,
                np.maximum.reduceat(bottom, begin),
            ],
            axis=1,
        ).astype(np.float64)
        for i, box in zip(filled.tolist(), sides.tolist(), strict=True):
            boxes[i] = Box(*box)
        return boxes


def _inside(
    window: tuple[int, int, NDArray[np.bool_]], size_wh: tuple[int, int]
) -> tuple[int, int, NDArray[np.bool_]]:
    """The part of a window in the frame; without pixels if there is none."""
    x, y, mask = window
    x0, y0 = max(x, 0), max(y, 0)
    part = mask[y0 - y : max(size_wh[1] - y, 0), x0 - x : max(size_wh[0] - x, 0)]
    return x0, y0, part


def _joined(
    starts: Ints, ends: Ints, owner: Ints, *, count: int, size_wh: tuple[int, int]
) -> RunTable:
    """The table of runs of columns: those of a mask that touch are one."""
    touching = (ends[:-1] == starts[1:]) & (owner[:-1] == owner[1:])
    begins, stops = np.ones((2, len(starts)), np.bool_)
    begins[1:], stops[:-1] = ~touching, ~touching
    return RunTable(
        size_wh=size_wh,
        starts=starts[begins],
        ends=ends[stops],
        first=np.searchsorted(owner[begins], np.arange(count + 1)),
    )


def _sums(lengths: Sequence[int] | Ints) -> Ints:
    """``(N + 1,)`` running sums of ``(N,)`` lengths: where each begins, and where the last ends."""
    return np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
