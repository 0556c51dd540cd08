"""How the frames of a dataset are divided into shards.

A shard without tars has 16 frames, a compromise: of 64, a killed run would lose four times as many,
to save 0.15 ms a frame of the parent's time; of 4, records are three times as large and cost 1 ms
a frame. One with tars has as many as make a tar of about 32 MB: stores and training loops take
large files well and many small ones badly, and of large pictures fewer are lost.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, final

__all__ = ["SHARD_FRAMES", "SIZES", "Sharding", "sharding_of"]

SHARD_FRAMES = 16
# Each divides 100,000, after which writers begin another file: no shard is in two of them.
SIZES = (4, 8, SHARD_FRAMES, 32, 80, 160)
_TAR_BYTES = 32_000_000
# Measured of default runs: 0.3 with picture and ids, 0.8 with depth and normals beside them.
_BYTES_PER_PX = 0.5


@final
@dataclass(frozen=True)
class Sharding:
    """Blocks of one number of frames; the last one of a dataset may have fewer.

    Attributes:
        size: Frames of a shard.

    """

    size: int = SHARD_FRAMES

    def shard_of(self, frame_idx: int) -> int:
        """The shard that has a frame."""
        return frame_idx // self.size

    def shards_of(self, frames: range) -> range:
        """The shards that have any of these frames, which follow each other."""
        return range(frames.start // self.size, -(-frames.stop // self.size))

    def frames_of(self, shards: range, n_frames: int) -> range:
        """The frames of shards that follow each other, in a dataset of `n_frames`."""
        return range(shards.start * self.size, min(shards.stop * self.size, n_frames))

    def frames_in(self, shard_idx: int, n_frames: int) -> range:
        """The frames of one shard in a dataset of `n_frames`."""
        return self.frames_of(range(shard_idx, shard_idx + 1), n_frames)


def sharding_of(config: Mapping[str, Any]) -> Sharding:
    """That of a dataset of this resolved config, which decides no byte of a frame.

    It follows from the formats and the size of pictures; where that is drawn, from the largest.
    """
    formats = _held(config, "output", "formats")
    if "webdataset" not in (formats if isinstance(formats, list | tuple) else [formats]):
        return Sharding()
    wanted = _TAR_BYTES / (_BYTES_PER_PX * _most_pixels(config))
    return Sharding(max((size for size in SIZES if size <= wanted), default=SIZES[0]))


def _most_pixels(config: Mapping[str, Any]) -> float:
    presets = _held(config, "presets", "camera")
    mixed = [_held(presets, name, "size_wh") for name in presets or ()]
    return max(map(_pixels, [_held(config, "camera", "size_wh"), *mixed])) or _pixels([640, 480])


def _held(value: Any, *keys: str) -> Any:
    """What a config has below these keys; None where it has nothing, or is none."""
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _pixels(size_wh: Any) -> float:
    """Those of a size that is plain or drawn; 0 where it says no number."""
    if isinstance(size_wh, list) and len(size_wh) == 2:
        sides = [max(_numbers(side), default=0.0) for side in size_wh]
        if all(sides):
            return math.prod(sides)
    return max(_numbers(size_wh), default=0.0) ** 2


def _numbers(value: Any) -> Iterator[float]:
    if isinstance(value, list | tuple):
        for inner in value:
            yield from _numbers(inner)
    elif isinstance(value, int | float):
        yield float(value)
