"""Which files of COCO a dataset has: one for each split, or several of a long one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from render.dataset.layout import SPLITS
from render.sample import Split

__all__ = ["PARTS", "WHOLE", "CocoFile", "coco_files"]

WHOLE = "annotations/instances_{split}.json"
PARTS = "annotations/instances_{split}-{part}.json"

# Whole shards. A frame of many targets takes tens of kilobytes, so a file has less than 10 GB.
_MOST_FRAMES = 100_000


@final
@dataclass(frozen=True)
class CocoFile:
    """A file of annotations.

    Attributes:
        path: Relative to the dataset.
        split: The one of its frames.
        frames: What it covers: it has those of them that are of its split.

    """

    path: str
    split: Split
    frames: range


def coco_files(n_frames: int) -> Iterator[CocoFile]:
    """The files of a dataset of so many frames; of each split in the order of frames."""
    parts = range(0, n_frames, _MOST_FRAMES)
    for split in SPLITS:
        if len(parts) <= 1:
            yield CocoFile(WHOLE.format(split=split), split, range(n_frames))
            continue
        for i, first in enumerate(parts):
            path = PARTS.format(split=split, part=f"{i:05d}")
            yield CocoFile(path, split, range(first, min(first + _MOST_FRAMES, n_frames)))
