"""Shards of a dataset: which are whole, and how one is finished."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import final

from render.dataset.folder import write_file
from render.dataset.frame_ranges import FrameRanges
from render.dataset.frame_result import FrameResult
from render.dataset.layout import ENTRIES
from render.dataset.manifest import SHARD_FRAMES, Manifest
from render.errors import DatasetError
from render.system.events import tell
from render.system.stores import StorePath, several

__all__ = ["ShardFiles", "ShardWriter", "missing_frames"]

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
    folder = manifest.folder
    shards: Sequence[int] = range(-(-n_frames // SHARD_FRAMES))
    if not isinstance(folder, StorePath):  # of which every entry is asked for by its name
        shards = ENTRIES.shards_in(folder)
    shards = [shard_idx for shard_idx in shards if shard_idx * SHARD_FRAMES in part]

    def is_there(shard_idx: int) -> bool:
        frames = min(SHARD_FRAMES, n_frames - shard_idx * SHARD_FRAMES)
        if read:
            return manifest.is_whole(shard_idx, frames=frames)
        return manifest.frames_of(shard_idx) == frames

    missing: list[range] = []
    begin = part.start
    try:
        for shard_idx, there in zip(shards, several(is_there, shards, folder), strict=True):
            if there:
                missing.append(range(begin, shard_idx * SHARD_FRAMES))
                begin = min((shard_idx + 1) * SHARD_FRAMES, n_frames)
    except OSError as error:
        raise DatasetError(f"{error.filename} cannot be read: {error.strerror}") from error
    missing.append(range(begin, part.stop))
    return FrameRanges([one for one in missing if one])


@final
@dataclass(eq=False)
class ShardWriter:
    """Gathers frames, in any order, and finishes each shard when its last one is there.

    A shard one of whose frames is left out stays unfinished: it is drawn again by a later run.

    Attributes:
        finished: Called with the number of each shard that is on disk.

    """

    manifest: Manifest
    n_frames: int
    shard_files: ShardFiles
    finished: Callable[[int], None] = lambda _: None
    _open: dict[int, dict[int, FrameResult]] = field(default_factory=dict)
    _given_up: set[int] = field(default_factory=set)

    def add(self, result: FrameResult) -> None:
        """Takes a frame whose files are on disk.

        Raises:
            DatasetError: It was drawn by another GL than the frames before it.

        """
        self.manifest.check_gl(result.gl)
        shard_idx = result.frame_idx // SHARD_FRAMES
        if shard_idx in self._given_up:
            return
        frames = self._open.setdefault(shard_idx, {})
        frames[result.frame_idx] = result
        if len(frames) == min(SHARD_FRAMES, self.n_frames - shard_idx * SHARD_FRAMES):
            self._finish(shard_idx, [frames[i] for i in sorted(frames)])
            del self._open[shard_idx]

    def leave_out(self, frame_idx: int) -> None:
        """Takes it that a frame will not come."""
        self._given_up.add(frame_idx // SHARD_FRAMES)
        self._open.pop(frame_idx // SHARD_FRAMES, None)

    def unfinished_files(self) -> list[tuple[str, ...]]:
        """Files of each frame that waits for the others of its shard."""
        return [tuple(one.files) for shard in self._open.values() for one in shard.values()]

    def _finish(self, shard_idx: int, frames: list[FrameResult]) -> None:
        from render.dataset.records import write_shard_records  # takes a moment to import

        folder = self.manifest.disk
        files = {name: digest for frame in frames for name, digest in frame.files.items()}
        files |= write_shard_records(
            folder,
            shard_idx,
            [frame.frame_row for frame in frames],
            [row for frame in frames for row in frame.instance_rows],
        )
        for name, parts in self.shard_files(frames, shard_idx):
            files[name] = write_file(folder, name, parts, durable=True)
        self.manifest.write_entry(shard_idx, frames=len(frames), files=files)
        first = shard_idx * SHARD_FRAMES
        rejections = Counter(reason for one in frames for reason in one.frame_row["rejections"])
        tell("shard", shard=shard_idx, frames=[first, first + len(frames)], rejections=rejections)
        self.finished(shard_idx)
