"""Shards of a dataset: which are whole, and how one is finished."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import final

from render.dataset.folder import remove_files, write_file
from render.dataset.frame_ranges import FrameRanges
from render.dataset.frame_result import FrameResult
from render.dataset.manifest import BLOCK_SHARDS, Manifest
from render.errors import DatasetError
from render.system.events import tell
from render.system.stores import StorePath, several

__all__ = ["PACE_WINDOW_S", "ShardFiles", "ShardWriter", "missing_frames"]

PACE_WINDOW_S = 600.0
"""How long the entry of a shard stays a file of its own, whose time tells when it was finished."""

ShardFiles = Callable[[Sequence[FrameResult], int], Iterable[tuple[str, Iterable[bytes]]]]
"""Makes the files of a shard, without its records, of its frames and its number: path, parts."""


def missing_frames(
    manifest: Manifest, n_frames: int, *, part: range | None = None, read: bool = True
) -> FrameRanges:
    """Frames of all shards that are not whole, in order.

    Costs time and memory for what lies on disk, not for what is to come.

    Args:
        n_frames: Of the dataset.
        part: Frames of whole shards, others are not looked at; None: all.
        read: Whether the files of a shard are compared with its entry, or the entry is believed.

    Raises:
        DatasetError: What is there cannot be read.

    """
    part = part or range(n_frames)

    sharding = manifest.sharding

    def frames_of(shards: range) -> range:
        frames = sharding.frames_of(shards, n_frames)
        return range(max(frames.start, part.start), min(frames.stop, part.stop))

    def own_ranges() -> Iterator[range]:
        there = manifest.finished()
        if isinstance(manifest.folder, StorePath):  # of which every entry is asked for by its name
            there = (range(i, i + 1) for i in sharding.shards_of(range(n_frames)))
        for shards in there:
            own = [shards] if not read else [range(i, i + 1) for i in shards]
            yield from (one for one in own if frames_of(one))

    def checked(shards: range) -> tuple[range, bool]:
        return frames_of(shards), _is_there(manifest, shards, n_frames, read=read)

    missing: list[range] = []
    begin = part.start
    try:
        for frames, there in several(checked, own_ranges(), manifest.folder):
            if there:
                missing.append(range(begin, frames.start))
                begin = frames.stop
    except OSError as error:
        raise DatasetError(f"{error.filename} cannot be read: {error.strerror}") from error
    missing.append(range(begin, part.stop))
    return FrameRanges([one for one in missing if one])


def _is_there(manifest: Manifest, shards: range, n_frames: int, *, read: bool) -> bool:
    """Whether a shard is whole; a block of them is believed to be."""
    frames = len(manifest.sharding.frames_in(shards.start, n_frames))
    if read:
        return manifest.is_whole(shards.start, frames=frames)
    return len(shards) > 1 or manifest.frames_of(shards.start) == frames


@final
@dataclass(eq=False)
class ShardWriter:
    """Gathers frames, in any order, and finishes each shard when its last one is there.

    A shard one of whose frames is left out stays unfinished: it is drawn again by a later run.

    Attributes:
        loose: Whether the files of frames stay; else those of the shard hold them.
        finished: Called with the number of each shard that is on disk, of which it is taken
            elsewhere; entries then stay single. None: it stays where it is.

    """

    manifest: Manifest
    n_frames: int
    shard_files: ShardFiles
    loose: bool = True
    finished: Callable[[int], None] | None = None
    _open: dict[int, dict[int, FrameResult]] = field(default_factory=dict)
    _given_up: set[int] = field(default_factory=set)
    _n_finished: int = 0

    def __post_init__(self) -> None:
        self._fold()  # what runs that were killed have left

    def add(self, result: FrameResult) -> None:
        """Takes a frame whose files are on disk.

        Raises:
            DatasetError: It was drawn by another GL than the frames before it.

        """
        self.manifest.check_gl(result.gl)
        shard_idx = self.manifest.sharding.shard_of(result.frame_idx)
        if shard_idx in self._given_up:
            return
        frames = self._open.setdefault(shard_idx, {})
        frames[result.frame_idx] = result
        if len(frames) == len(self.manifest.sharding.frames_in(shard_idx, self.n_frames)):
            self._finish(shard_idx, [frames[i] for i in sorted(frames)])
            del self._open[shard_idx]

    def leave_out(self, frame_idx: int) -> None:
        """Takes it that a frame will not come."""
        shard_idx = self.manifest.sharding.shard_of(frame_idx)
        self._given_up.add(shard_idx)
        self._open.pop(shard_idx, None)

    def unfinished_files(self) -> list[tuple[str, ...]]:
        """Files of each frame that waits for the others of its shard."""
        return [tuple(one.files) for shard in self._open.values() for one in shard.values()]

    def _finish(self, shard_idx: int, frames: list[FrameResult]) -> None:
        from render.dataset.records import write_shard_records  # takes a moment to import

        folder = self.manifest.disk
        loose = {name: digest for frame in frames for name, digest in frame.files.items()}
        files = loose if self.loose else {}
        files |= write_shard_records(
            folder,
            shard_idx,
            [frame.frame_row for frame in frames],
            [row for frame in frames for row in frame.instance_rows],
        )
        for name, parts in self.shard_files(frames, shard_idx):
            files[name] = write_file(folder, name, parts, durable=True)
        rejections = Counter(reason for one in frames for reason in one.frame_row["rejections"])
        told = {
            "bytes": sum((folder / name).stat().st_size for name in files),
            "draws": len(frames) + rejections.total(),
            "rejections": dict(rejections),
        }
        self.manifest.write_entry(shard_idx, frames=len(frames), files=files, told=told)
        if not self.loose:
            remove_files(folder, loose)
        first = frames[0].frame_idx
        tell("shard", shard=shard_idx, frames=[first, first + len(frames)], rejections=rejections)
        if self.finished is not None:
            self.finished(shard_idx)
        self._n_finished += 1
        if self._n_finished % BLOCK_SHARDS == 0:
            self._fold()

    def _fold(self) -> None:
        if self.finished is None:
            self.manifest.fold(before_s=time.time() - PACE_WINDOW_S)
