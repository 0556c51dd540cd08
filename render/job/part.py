"""A part of a dataset: which frames it has, what is said of it, what it leaves for the end."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from render.config.run_config import RunConfig
from render.config.sections import ShardSettings
from render.dataset.folder import check_same
from render.dataset.layout import frames_said
from render.dataset.manifest import Manifest
from render.dataset.sharding import Sharding
from render.errors import ConfigError, DatasetError
from render.plan import Plan
from render.system.stores import Folder

__all__ = ["PartSummary", "check_same_dataset", "is_of_part", "kept", "part_of"]

_WHOLE = {
    "frames": None,
    "shard": {"index": None, "count": None},
    "overwrite": False,
    "top_up": None,
}


def is_of_part(config: Mapping[str, Any]) -> bool:
    """Whether a resolved config asks for a part."""
    return any(config.get(key, _WHOLE[key]) != _WHOLE[key] for key in ("frames", "shard"))


def part_of(run: RunConfig, sharding: Sharding) -> range | None:
    """The frames of the part that a run is asked for; None for the whole dataset.

    A part has whole shards, so that no two runs write to one file.

    Raises:
        ConfigError: It does not lie on borders of shards or within the dataset, there are fewer
            shards than parts, or the run would throw away what other parts have.

    """
    is_shard = run.shard != ShardSettings()
    if run.frames is None and not is_shard:
        return None
    if run.frames is not None and is_shard:
        raise ConfigError("frames must be null where shard names a part, and shard null otherwise")
    part = (
        _of_frames(run.frames, run.n_frames, sharding.size)
        if run.frames
        else _of_shard(run, sharding)
    )
    if part == range(run.n_frames):
        return None
    if run.overwrite:
        raise ConfigError(
            "overwrite must be false where frames or shard names a part, because the other parts "
            "would be thrown away too: delete the folder before the first part is begun"
        )
    return part


def _of_frames(frames: tuple[int, int], n_frames: int, size: int) -> range:
    first, end = frames
    if end > n_frames:
        raise ConfigError(f"frames must end at n_frames, {n_frames}, or before, got {list(frames)}")
    nearest = [round(first / size) * size]
    if nearest[0] >= n_frames:
        nearest[0] -= size
    behind = max(round(end / size) * size, nearest[0] + size)
    nearest.append(min(behind, n_frames))
    if first % size or (end % size and end != n_frames):
        raise ConfigError(
            f"frames must begin and end at multiples of {size}, or end at n_frames, got "
            f"{list(frames)}; the nearest are {nearest}"
        )
    return range(first, end)


def _of_shard(run: RunConfig, sharding: Sharding) -> range:
    index, count = run.shard.index, run.shard.count
    if index is None or count is None:
        raise ConfigError(
            "shard must have both index and count, such as shard.index=0 shard.count=8"
        )
    if index >= count:
        raise ConfigError(
            f"shard.index must be from 0 to {count - 1}, because shard.count is {count}, "
            f"got {index}"
        )
    shards = len(sharding.shards_of(range(run.n_frames)))
    if count > shards:
        raise ConfigError(
            f"shard.count must be from 1 to {shards}, because {run.n_frames} frames are that many "
            f"times {sharding.size}, got {count}"
        )
    first, end = (shards * i // count for i in (index, index + 1))
    return sharding.frames_of(range(first, end), run.n_frames)


def check_same_dataset(part: Manifest, whole: Manifest) -> None:
    """A folder holds a part of the dataset that another one holds a part of.

    Raises:
        DatasetError: It does not, or that is not known.

    """
    if not part.is_claimed:
        raise DatasetError(f"{part.folder} must hold a part of a dataset, and holds none")
    check_same(part.folder, part.identity() or {}, whole.identity() or {}, is_part=True)
    here, there = (frames_said(one.folder) for one in (part, whole))
    if here != there:
        raise DatasetError(
            f"n_frames must be the same for all parts, and is {here} in {part.folder}, {there} in "
            f"{whole.folder}"
        )
    if part.top_ups() != whole.top_ups():
        raise DatasetError(
            f"{part.folder} must have the same frames for thin bins as {whole.folder}: top a "
            "dataset up when it is complete"
        )


def kept(plan: Plan) -> dict[str, Any]:
    """What a dataset keeps from its claim on, so that it can be completed without a command line.

    Folders of assets, which the config names as seen from where it was run, are kept in full.
    """
    config = {key: value for key, value in plan.config.items() if key != "top_ups"} | _WHOLE
    folders = {key: str(path.resolve()) for key, path in plan.assets.folders.items()}
    return {"config": config, "asset_dirs": folders}


@dataclass(frozen=True, kw_only=True)
class PartSummary:
    """What a run of a part has made, where the dataset is not complete by that.

    Attributes:
        n_frames: Of the dataset.
        part: Its frames.
        rendered: Frames rendered now; the others of the part were there already.
        seconds: Time spent on them.
        missing: Frames of other parts that are not there yet.

    """

    output_dir: Folder
    n_frames: int
    part: range
    rendered: int
    seconds: float
    missing: int

    def text(self) -> str:
        """The summary as a few lines for people."""
        line = f"part        frames {self.part.start} to {self.part.stop - 1} of {self.n_frames}"
        if self.rendered:
            line += f", {self.rendered / self.seconds:.1f} frames/s"
        if there := len(self.part) - self.rendered:
            line += f"; {there} were there already"
        rest = f"{self.missing} frames" if self.missing else "none, but others are still at it"
        folder = shlex.quote(str(self.output_dir))
        return (
            f"{line}\nmissing     {rest}\nat the end  python -m render.finish {folder} (the last "
            "part to end does it by itself)"
        )
