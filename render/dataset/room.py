"""How much room a dataset needs, told when its disk is full."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path

from render.dataset.layout import entry_path
from render.dataset.manifest import Manifest

__all__ = ["room_text"]

_SHARDS = 8
_BLOCK = 512  # bytes that `st_blocks` counts, whatever the file system


def room_text(manifest: Manifest, *, left: int, unfinished: Sequence[Sequence[str]] = ()) -> str:
    """What is free, and about what the rest of the frames will take.

    Args:
        left: Frames that are not on disk yet.
        unfinished: Files of each frame on disk that is in no finished shard.

    """
    text = f"{_free_text(manifest.disk)} free there"
    if not left:
        return f"{text}, and all frames are on disk: what is made of them needs more"
    frames = f"the other {left} frames" if left > 1 else "the last frame"
    per_frame = _bytes_per_frame(manifest) or _mean(manifest.disk, unfinished)
    if per_frame is None:
        return f"{text}; what {frames} need is known when the first ones are there"
    one = f", {_size_text(per_frame)} each" if left > 1 else ""
    need = "need" if left > 1 else "needs"
    return f"{text}, and {frames} {need} about {_size_text(per_frame * left)}{one}"


def _bytes_per_frame(manifest: Manifest) -> float | None:
    """What a frame of the last shards takes on the disk, its part of records included."""
    shards = deque(chain.from_iterable(manifest.finished()), maxlen=_SHARDS)
    n_frames = sum(map(manifest.frames_of, shards))
    names = [name for shard in shards for name in (*manifest.files_of(shard), entry_path(shard))]
    return _taken(manifest.disk, names) / n_frames if n_frames else None


def _mean(folder: Path, frames: Sequence[Sequence[str]]) -> float | None:
    names = [name for frame in frames for name in frame]
    return _taken(folder, names) / len(frames) if frames else None


def _taken(folder: Path, names: Iterable[str]) -> int:
    paths = (folder / name for name in names)
    return sum(path.stat().st_blocks * _BLOCK for path in paths if path.exists())


def _free_text(folder: Path) -> str:
    disk = os.statvfs(folder)
    if disk.f_files and not disk.f_favail:
        return "no further file (inode) is"
    return f"{_size_text(disk.f_bavail * disk.f_frsize)} are"


def _size_text(n_bytes: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB"):
        if n_bytes < 1000:
            return f"{n_bytes:.3g} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:.3g} TB"
