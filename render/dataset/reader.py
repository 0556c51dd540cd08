"""A finished dataset as Python reads it: frames, their pictures and labels, tables of records.

Nothing is rendered; only the records of a few shards stay in memory, and a picture is decoded
each time that it is asked for.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Sequence
from functools import cached_property, lru_cache
from itertools import groupby
from typing import Any, final, overload

import pyarrow as pa

from render.dataset.description import Description, read_description
from render.dataset.frame import Frame
from render.dataset.layout import (
    RECORD_FILES,
    RECORDS,
    RecordKind,
    records_path,
)
from render.dataset.records import (
    read_frames,
    read_instances,
    read_shard,
    shard_ends,
    shard_table,
)
from render.errors import DatasetError
from render.system.stores import Folder

__all__ = ["Dataset", "Frames", "open_dataset"]

_FRAMES_KEPT = 256
_KINDS: tuple[RecordKind, RecordKind] = ("frames", "instances")


@final
class Frames(Sequence[Frame]):
    """Frames of a dataset in the order of their index; read when they are asked for."""

    def __init__(self, folder: Folder, description: Description) -> None:
        self._folder = folder
        self._description = description
        self._shards = RECORD_FILES["frames"].shards_in(folder)
        self._ends = shard_ends(folder, self._shards, description.n_frames, description.sharding)
        # In a row they are read once; at random the cost is that of two small files.
        kept = -(-_FRAMES_KEPT // description.sharding.size)
        self._rows_of = lru_cache(maxsize=kept)(self._read_shard)

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    @overload
    def __getitem__(self, index: int) -> Frame: ...

    @overload
    def __getitem__(self, index: slice) -> list[Frame]: ...

    def __getitem__(self, index: int | slice) -> Frame | list[Frame]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        at = index + len(self) if index < 0 else index
        if not 0 <= at < len(self):
            raise IndexError(f"the dataset has {len(self)} frames, got index {index}")
        shard = bisect.bisect_right(self._ends, at)
        first = self._ends[shard - 1] if shard else 0
        return self._rows_of(shard)[at - first]

    def __iter__(self) -> Iterator[Frame]:
        return (self[i] for i in range(len(self)))

    def shards(self) -> Iterator[tuple[int, tuple[Frame, ...]]]:
        """Each shard's number and frames, in order; one in memory at a time."""
        return ((number, self._read_shard(i)) for i, number in enumerate(self._shards))

    def _read_shard(self, shard: int) -> tuple[Frame, ...]:
        instances = read_shard(self._folder, "instances", self._shards[shard])
        by_frame = {
            frame_idx: tuple(sorted(rows, key=lambda row: int(row["instance_idx"])))
            for frame_idx, rows in groupby(instances, key=lambda row: int(row["frame_idx"]))
        }
        return tuple(
            Frame(
                folder=self._folder,
                row=row,
                instances=by_frame.get(row["frame_idx"], ()),
                depth_unit_m=self._description.depth_unit_m,
                names=self._description.names,
                sharding=self._description.sharding,
            )
            for row in read_shard(self._folder, "frames", self._shards[shard])
        )


@final
class Dataset:
    """A finished dataset. It can be pickled: each process then opens it anew.

    Attributes:
        folder: Where it lies.
        description: All of dataset.yaml: config, versions, models, counts.
        names: Names of all categories and keypoints.
        categories: Their names; ids count in this order.
        n_frames: How many it has.
        sharding: How they are divided into shards.

    """

    def __init__(self, folder: Folder, description: Description) -> None:
        self.folder = folder
        self.description = description.raw
        self.names = description.names
        self.categories = description.names.categories
        self.n_frames = description.n_frames
        self.sharding = description.sharding
        self.key_of = description.key_of
        self._described = description

    @cached_property
    def frames(self) -> Frames:
        """The frames in order, each read when it is asked for."""
        return Frames(self.folder, self._described)

    def __repr__(self) -> str:
        return f"Dataset({str(self.folder)!r}, {self.n_frames} frames)"

    def __reduce__(self) -> tuple[Any, ...]:
        return open_dataset, (self.folder,)

    def table(self, kind: RecordKind = "instances") -> pa.Table:
        """All records of one kind as a pyarrow table, in the order of frames.

        Args:
            kind: ``instances``, a row for each instance of each frame, or ``frames``.

        Raises:
            DatasetError: A file of records is torn.

        """
        _check_kind(kind)
        shards = RECORD_FILES[kind].shards_in(self.folder)
        return pa.concat_tables(shard_table(self.folder, kind, i) for i in shards)

    def rows(
        self, kind: RecordKind = "instances", shards: range | None = None
    ) -> Iterator[dict[str, Any]]:
        """The records of one kind as `table` gives them, a few hundred in memory at a time.

        Args:
            kind: As for `table`.
            shards: Numbers of those to read; None: all.

        """
        _check_kind(kind)
        read = read_frames if kind == "frames" else read_instances
        return read(self.folder, shards)


def open_dataset(folder: Folder) -> Dataset:
    """Opens a finished dataset.

    Raises:
        DatasetError: The folder is missing, holds no finished dataset, or its dataset.yaml or
            records are torn.

    """
    dataset = Dataset(folder, read_description(folder))
    if len(dataset.frames) != dataset.n_frames:
        raise DatasetError(
            f"{folder / RECORDS} must hold the {dataset.n_frames} frames that "
            f"dataset.yaml counts, got {len(dataset.frames)}: the same command renders them again"
        )
    frames, instances = (RECORD_FILES[kind].shards_in(folder) for kind in _KINDS)
    if missing := set(frames) - set(instances):
        path = folder / records_path("instances", min(missing))
        raise DatasetError(f"{path} is missing: the same command renders its frames again")
    return dataset


def _check_kind(kind: str) -> None:
    if kind not in _KINDS:
        raise DatasetError(f"kind must be instances or frames, got {kind!r}")
