"""COCO's compressed run lengths, byte for byte as pycocotools writes them.

`counts` are the lengths of runs of unset and set pixels in turn, the first unset, down the
columns. From the fourth on each is the difference from the last but one. Every number is
written in groups of five bits, the lowest first, as long as the rest is not all sign: a
character each, from "0" on, 32 higher if more follow (``rleToString`` of cocoapi's maskApi.c).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from render.geometry.runs import Runs, RunTable

__all__ = ["decode_rle", "encode_rles"]

_BITS = 5
_MORE = 1 << _BITS
_ZERO = np.uint8(ord("0"))

Ints = NDArray[np.int64]


def encode_rles(masks: Sequence[Runs], *, size_wh: tuple[int, int]) -> list[str]:
    """`counts` of the compressed COCO RLE of each of the masks of a frame."""
    if not masks:
        return []
    numbers, first = _counts(RunTable.of(masks, size_wh=size_wh))
    text, ends = _text(_differences(numbers, first))
    at = [0, *ends[np.append(first[1:], len(numbers)) - 1].tolist()]
    return [text[a:b] for a, b in pairwise(at)]


def decode_rle(counts: str, *, size_wh: tuple[int, int]) -> NDArray[np.bool_]:
    """The mask of one of `encode_rles`: ``(H, W)`` bool."""
    from pycocotools import mask as coco_mask  # what writes masks needs none of it

    width, height = size_wh
    # Column after column in memory.
    mask = coco_mask.decode({"size": [height, width], "counts": counts.encode("ascii")})
    return np.asarray(cv2.transpose(mask.T)).view(np.bool_)


def _counts(table: RunTable) -> tuple[Ints, Ints]:
    """Lengths of the runs of all masks, one mask after another, and where each begins."""
    n_pixels = table.size_wh[0] * table.size_wh[1]
    masks = np.arange(len(table.first) - 1)
    # Of each mask: start and end of its runs in turn, then the end of the image.
    ends = np.empty(2 * len(table.starts) + len(masks), np.int64)
    lasts = 2 * table.first[1:] + masks
    is_last = np.zeros(len(ends), np.bool_)
    is_last[lasts] = True
    bounds = np.stack([table.starts, table.ends], axis=1).ravel()
    ends[~is_last], ends[lasts] = bounds, n_pixels
    first = 2 * table.first[:-1] + masks
    counts = np.diff(ends, prepend=0)
    counts[first] = ends[first]
    # A mask that is set up to the end of the image has no run after that.
    is_there = ~is_last | (counts > 0)
    return counts[is_there], first - np.cumsum(~is_there)[lasts] + ~is_there[lasts]


def _differences(counts: Ints, first: Ints) -> Ints:
    numbers = counts.copy()
    numbers[2:] -= counts[:-2]
    sizes = np.diff(first, append=len(counts))
    for k in range(3):
        at = first[sizes > k] + k
        numbers[at] = counts[at]
    return numbers


def _text(numbers: Ints) -> tuple[str, Ints]:
    """All numbers as one text, and where each of them ends in it."""
    size = np.ones(len(numbers), np.int64)
    groups: list[tuple[Ints, NDArray[np.uint8]]] = []
    # An image has fewer pixels than 32 bits count.
    which, rest = np.arange(len(numbers)), numbers.astype(np.int32)
    while len(which):
        goes_on = (rest + _MORE // 2) >> _BITS != 0
        digits = (rest & (_MORE - 1)).astype(np.uint8)
        groups.append((which, digits + (goes_on.view(np.uint8) << _BITS) + _ZERO))
        which, rest = which[goes_on], rest[goes_on] >> _BITS
        size[which] += 1
    ends = np.cumsum(size)
    starts = ends - size
    text = np.empty(ends[-1], np.uint8)
    for k, (which, characters) in enumerate(groups):
        text[starts[which] + k] = characters
    return text.tobytes().decode("ascii"), ends
