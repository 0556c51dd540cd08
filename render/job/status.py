"""How far a dataset is: what is there, who is at it, when it will end."""

from __future__ import annotations

import shlex
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, final

from render.dataset.layout import DESCRIPTION, ENTRIES, entry_path, frames_said
from render.dataset.manifest import Manifest
from render.dataset.shards import PACE_WINDOW_S, missing_frames
from render.dataset.store_writers import writers_in
from render.errors import DatasetError
from render.system.lock import Holder, holders
from render.system.stores import Folder, StorePath, several

__all__ = ["Status", "status_of"]

_SHOWN = 8


@final
@dataclass(frozen=True, kw_only=True)
class Status:
    """How far a dataset is, by its manifest and its locks; the files of frames are not read.

    Attributes:
        done: Finished frames: those of finished shards.
        in_flight: Frames that are not finished and that a process has the right to write.
        missing: Other frames that are not finished.
        is_complete: Nothing is left to do, by `render.finish` either.
        writers: Who writes, with the frames that are theirs; None where that cannot be told.
        frames_per_s: Of all writers together over the last ten minutes, or since the first of
            them began; None where nobody writes, or nothing was finished yet.

    """

    folder: Folder
    n_frames: int
    done: int
    in_flight: Sequence[range]
    missing: Sequence[range]
    is_complete: bool
    writers: Sequence[tuple[Holder, range]] | None
    frames_per_s: float | None

    @property
    def remaining_s(self) -> float | None:
        """Time until what is in flight is there; None where that cannot be told."""
        return sum(map(len, self.in_flight)) / self.frames_per_s if self.frames_per_s else None

    @property
    def ends(self) -> str | None:
        """When that will be, with the zone of this machine."""
        if self.remaining_s is None:
            return None
        at = datetime.fromtimestamp(time.time() + self.remaining_s).astimezone()
        return at.isoformat(sep=" ", timespec="seconds")

    def as_dict(self) -> dict[str, Any]:
        """For JSON; ranges of frames as [first, behind the last]."""
        writers = None
        if self.writers is not None:
            writers = [
                {"frames": list(_bounds(frames)), **_told(one)} for one, frames in self.writers
            ]
        return {
            "folder": str(self.folder),
            "n_frames": self.n_frames,
            "done": self.done,
            "in_flight": [list(_bounds(one)) for one in self.in_flight],
            "missing": [list(_bounds(one)) for one in self.missing],
            "is_complete": self.is_complete,
            "writers": writers,
            "frames_per_s": self.frames_per_s,
            "remaining_s": self.remaining_s,
            "ends": self.ends,
        }

    def text(self) -> str:
        """A few lines for people."""
        lines = [f"done        {self.done} of {self.n_frames} frames"]
        if self.writers is None:
            lines.append("in flight   cannot be told on this file system")
        else:
            lines.append(f"in flight   {_text(self.in_flight)}")
            lines += [f"writer      {one.text()}" for one, _ in self.writers]
        lines.append(f"missing     {_text(self.missing)}")
        if self.frames_per_s is not None:
            lines.append(f"rate        {self.frames_per_s:.3g} frames/s")
            lines.append(f"ends        {self.ends}, what is in flight")
        if self.is_complete:
            lines.append("complete    yes")
        elif self.done == self.n_frames and not self.writers:
            lines.append(f"complete    no: python -m render.finish {shlex.quote(str(self.folder))}")
        else:
            lines.append("complete    no")
        return "\n".join(lines)


def status_of(folder: Folder) -> Status:
    """Looks at a dataset that may be being written; changes nothing.

    Raises:
        DatasetError: There is none.

    """
    manifest = Manifest(folder)
    try:
        n_frames = _n_frames(folder)
    except OSError as error:
        raise DatasetError(f"{error.filename} cannot be read: {error.strerror}") from error
    try:
        found = writers_in(folder) if isinstance(folder, StorePath) else holders(folder)
        writers = [(one, _frames_of(one, manifest, n_frames)) for one in found]
    except OSError:
        writers = None
    missing = missing_frames(manifest, n_frames, read=False)
    in_flight, rest = _shared_out(missing.ranges, [frames for _, frames in writers or []])
    return Status(
        folder=folder,
        n_frames=n_frames,
        done=n_frames - len(missing),
        in_flight=in_flight,
        missing=rest,
        is_complete=not missing and (folder / DESCRIPTION).is_file(),
        writers=writers,
        frames_per_s=_rate(manifest, [one for one, _ in writers or []]),
    )


def _n_frames(folder: Folder) -> int:
    n_frames = frames_said(folder)
    if n_frames is None:
        raise DatasetError(
            f"DIR must hold a dataset that was begun, with its config in .manifest, got {folder}"
        )
    return n_frames


def _frames_of(holder: Holder, manifest: Manifest, n_frames: int) -> range:
    if holder.units is None:
        return range(n_frames)
    return manifest.sharding.frames_of(holder.units, n_frames)


def _told(holder: Holder) -> dict[str, Any]:
    return {key: value for key, value in holder.signed.items() if key != "units"}


def _shared_out(missing: Sequence[range], held: Sequence[range]) -> tuple[list[range], list[range]]:
    """What of the missing frames is held, and what is not; `held` in order, without overlap."""
    inside, rest = [], []
    for one in missing:
        begin = one.start
        for part in held:
            both = range(max(begin, part.start), min(one.stop, part.stop))
            if both:
                rest.append(range(begin, both.start))
                inside.append(both)
                begin = both.stop
        rest.append(range(begin, one.stop))
    return inside, [one for one in rest if one]


def _rate(manifest: Manifest, writers: Sequence[Holder]) -> float | None:
    """Frames a second, by when the entries of shards were written."""
    began = [since for one in writers if (since := _seconds(one.signed.get("since"))) is not None]
    if not began:
        return None
    now = time.time()
    begin = max(min(began), now - PACE_WINDOW_S)

    def recent(shard_idx: int) -> int:
        path = manifest.folder / entry_path(shard_idx)
        try:
            at_s = path.modified_s() if isinstance(path, StorePath) else path.stat().st_mtime
        except FileNotFoundError:
            return 0
        return manifest.frames_of(shard_idx) if at_s >= begin else 0

    frames = sum(several(recent, ENTRIES.shards_in(manifest.folder), manifest.folder))
    return frames / (now - begin) if frames and now > begin else None


def _seconds(since: Any) -> float | None:
    try:
        return datetime.fromisoformat(since).timestamp()
    except (TypeError, ValueError):
        return None


def _bounds(frames: range) -> tuple[int, int]:
    return frames.start, frames.stop


def _text(ranges: Sequence[range]) -> str:
    if not ranges:
        return "none"
    shown = [f"{one.start} to {one.stop - 1}" for one in ranges[:_SHOWN]]
    more = f" and {len(ranges) - _SHOWN} more ranges" if len(ranges) > _SHOWN else ""
    return f"{sum(map(len, ranges))} frames ({', '.join(shown)}{more})"
