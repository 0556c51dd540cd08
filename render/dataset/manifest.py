"""Which frames of a dataset are finished: one entry per shard, written last.

A shard is a fixed block of frames. Its records are written when all of its frames are
on disk, then its manifest entry, which holds the hash of every file of the shard. A
shard without an entry, or whose files differ from it, is rendered again; the bytes come
out the same, so a run that was killed ends like one that was not.

A killed run loses the frames of its open shards; `render.dataset.sharding` says how many those
are.

Of large datasets, entries of finished blocks of shards are put together (`render.dataset.blocks`):
the block is written, flushed and renamed, and then the single entries are deleted. Whoever looks
for entries looks for single ones first and for blocks then, so that none can be missed between;
where a shard has both, they say the same, or the single one is newer.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from heapq import merge
from itertools import groupby
from pathlib import Path
from typing import Any, final

from render.dataset.layout import (
    BLOCKS,
    CONFIG,
    DESCRIPTION,
    ENTRIES,
    GL,
    IDENTITY,
    TOP_UPS,
    block_path,
    entry_path,
    read_sharding,
)
from render.dataset.sharding import Sharding
from render.errors import DatasetError
from render.system.files import sha256_of_file, write_whole
from render.system.plain_data import json_of, read_regular, yaml_of
from render.system.stores import Folder, StorePath

__all__ = ["BLOCK_SHARDS", "FORMAT_VERSION", "TOLD", "Manifest", "block_of"]

FORMAT_VERSION = 2
"""Version of a dataset's layout. Version 1 had no such key, and ``masks/`` for ``ids/``."""
BLOCK_SHARDS = 1024
"""Shards whose entries become one file, when all of them are finished."""
TOLD = ("bytes", "draws", "rejections")
"""What an entry tells of a shard beside its frames and hashes; those of earlier versions do not."""
_DRIVER = {"platform", "vendor", "renderer", "version", "is_gpu"}


@final
@dataclass(frozen=True)
class Manifest:
    """The manifest of one dataset folder."""

    folder: Folder

    @property
    def disk(self) -> Path:
        """The folder, to be written to; of a dataset in a store nothing is written by it."""
        assert isinstance(self.folder, Path)
        return self.folder

    @property
    def is_claimed(self) -> bool:
        """Whether the folder holds a dataset, even one whose identity is torn."""
        return (self.folder / IDENTITY).exists()

    def identity(self) -> dict[str, Any] | None:
        """What the dataset in the folder is; None if there is none.

        Raises:
            DatasetError: The file is torn.

        """
        return self._read(self.folder / IDENTITY)

    @cached_property
    def sharding(self) -> Sharding:
        """How its frames are divided into shards; to be asked for once it is claimed."""
        return read_sharding(self.folder)

    @staticmethod
    def text_of(identity: Mapping[str, Any]) -> bytes:
        """The file of an identity."""
        return _json(identity)

    def write_identity(self, identity: Mapping[str, Any]) -> None:
        """Claims the folder for a dataset."""
        path = self.disk / IDENTITY
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, _json(identity), durable=True)

    @property
    def has_config(self) -> bool:
        """Whether the config is kept, here or in the description, be it torn."""
        return (self.folder / CONFIG).exists() or (self.folder / DESCRIPTION).exists()

    def config(self) -> dict[str, Any] | None:
        """The resolved config of the whole dataset under ``config``, under ``asset_dirs`` where
        its models and pictures are; None in one that an earlier version has begun.

        Of a complete dataset its description says so, and the file is not kept.

        Raises:
            DatasetError: The file is torn.

        """
        path = self.folder / DESCRIPTION
        try:
            described = yaml_of(read_regular(path))
        except FileNotFoundError:
            return self._read(self.folder / CONFIG)
        except ValueError as error:
            raise DatasetError(f"{path} is torn: {error}") from error
        except OSError as error:
            raise DatasetError(f"{path} cannot be read: {error.strerror}") from error
        if not isinstance(described, dict):
            raise DatasetError(f"{path} is torn: it holds no mapping")
        return {key: described.get(key) for key in ("config", "asset_dirs")}

    def write_config(self, config: Mapping[str, Any]) -> None:
        """Keeps the config, so that the dataset can be completed without a command line."""
        # In the order of its keys, in which names in a distribution are drawn.
        text = f"{json.dumps(config, indent=1)}\n"
        write_whole(self.disk / CONFIG, text.encode(), durable=True)

    def top_ups(self) -> list[Any]:
        """Frames that were added for thin bins: entries of `render.sampling.top_up`.

        Raises:
            DatasetError: The file is torn.

        """
        return list((self._read(self.folder / TOP_UPS) or {}).get("top_ups", []))

    def write_top_ups(self, top_ups: Sequence[Any]) -> None:
        """Says which frames are added, before the first of them is there.

        Args:
            top_ups: All entries, also those of earlier top-ups.

        """
        write_whole(self.disk / TOP_UPS, _json({"top_ups": list(top_ups)}), durable=True)

    def gl(self) -> dict[str, Any] | None:
        """What draws this dataset; None before its first frame.

        Raises:
            DatasetError: The file is torn.

        """
        return self._read(self.folder / GL)

    def forget_torn_gl(self) -> bool:
        """Takes all frames for missing where what drew them can no longer be read.

        Returns:
            Whether that was so.

        """
        try:
            gl = self.gl()
        except DatasetError:
            gl = {}
        if gl is None or gl.keys() >= _DRIVER:
            return False
        for shard_idx in ENTRIES.shards_in(self.folder):
            (self.folder / entry_path(shard_idx)).unlink()
        for first in BLOCKS.shards_in(self.folder):
            (self.folder / block_path(first)).unlink()
        (self.folder / GL).unlink()
        return True

    def check_gl(self, gl: Mapping[str, Any]) -> None:
        """Records what draws, or checks that it is what drew before.

        Raises:
            DatasetError: It is not: bytes are promised for one GL renderer only.

        """
        driver = {k: gl.get(k) for k in _DRIVER}
        before = self.gl()
        if before is None:
            write_whole(self.disk / GL, _json(driver), durable=True)
        elif before != driver:
            raise DatasetError(
                f"{self.folder} was begun on {before['renderer']} ({before['version']}), and "
                f"{driver['renderer']} ({driver['version']}) would give other bytes: continue it "
                "there, or name another output_dir"
            )

    def write_entry(
        self,
        shard_idx: int,
        *,
        frames: int,
        files: Mapping[str, str],
        told: Mapping[str, Any] | None = None,
    ) -> None:
        """Says that the first `frames` frames of a shard are finished.

        Args:
            files: SHA-256 (hex) of each file by its path.
            told: `TOLD`: bytes of its files, how often θ was drawn, and rejections by reason.

        """
        told = {key: told[key] for key in TOLD if key in told} if told else {}
        entry = {"frames": frames, "files": dict(sorted(files.items())), **told}
        write_whole(self.disk / entry_path(shard_idx), _json(entry), durable=True)

    def fold(self, *, before_s: float = math.inf) -> None:
        """Puts entries together where all shards of a block are finished.

        Whoever finds a block finished may do that, also several at the same time: they write the
        same bytes. A process that is killed between two steps leaves entries twice.

        Args:
            before_s: Blocks are left alone of which an entry was written later than that, in
                seconds since the epoch.

        Raises:
            DatasetError: A block cannot be written.

        """
        single = ENTRIES.shards_in(self.disk)
        for first, own in groupby(single, lambda i: i - i % BLOCK_SHARDS):
            self._fold(block_of(first), list(own), before_s)

    def _fold(self, shards: range, single: Sequence[int], before_s: float) -> None:
        from render.dataset.blocks import write_block

        block = self.disk / block_path(shards.start)
        if len(single) < len(shards) and not block.exists():
            return
        paths = [self.disk / entry_path(shard_idx) for shard_idx in single]
        try:
            if max(path.stat().st_mtime for path in paths) > before_s:
                return
        except FileNotFoundError:  # another process is at it
            return
        entries = {shard_idx: self.entry(shard_idx) for shard_idx in shards}
        size = self.sharding.size
        finished = {i: one for i, one in entries.items() if one and one["frames"] == size}
        if len(finished) < len(shards):
            return
        try:
            write_block(block, finished)
        except (
            OverflowError,
            TypeError,
            ValueError,
        ):  # nobody wrote that entry
            return
        _flush_folder(block.parent)
        for path in paths:
            path.unlink(missing_ok=True)

    def finished(self) -> Iterator[range]:
        """Shards that have an entry, in order: single ones, and blocks without their single ones.

        Nothing is read but the footers of blocks; entries are `entry`'s matter.
        """
        single = ENTRIES.shards_in(self.folder)
        blocks = [block_of(first) for first in self._blocks()]
        inside = {shards.start for shards in blocks}
        alone = [range(i, i + 1) for i in single if i - i % BLOCK_SHARDS not in inside]
        yield from merge(alone, blocks, key=lambda shards: shards.start)

    def _blocks(self) -> list[int]:
        if isinstance(self.folder, StorePath):  # which has single entries alone
            return []
        found = BLOCKS.shards_in(self.folder)
        if not found:
            return []
        from render.dataset.blocks import is_block  # takes a moment to import

        paths = {first: self.disk / block_path(first) for first in found}
        return [i for i, path in paths.items() if is_block(path, block_of(i))]

    def frames_of(self, shard_idx: int) -> int:
        """How many frames the entry of a shard holds; 0 without a readable entry."""
        entry = self.entry(shard_idx)
        return int(entry["frames"]) if entry else 0

    def files_of(self, shard_idx: int) -> dict[str, str]:
        """SHA-256 (hex) of each file of a shard by its path; empty without a readable entry."""
        entry = self.entry(shard_idx)
        return dict(entry["files"]) if entry else {}

    def is_whole(self, shard_idx: int, *, frames: int) -> bool:
        """The entry holds just `frames` frames and every file is as it was written."""
        entry = self.entry(shard_idx)
        return (
            entry is not None
            and entry["frames"] == frames
            and all(sha256_of_file(self.folder / p) == h for p, h in entry["files"].items())
        )

    def n_frames(self) -> int:
        """How long a run must be to hold every finished frame; shards finish in any order."""
        for shards in reversed(list(self.finished())):
            size = self.sharding.size
            n = size if len(shards) > 1 else self.frames_of(shards.start)
            if n:
                return (shards.stop - 1) * size + n
        return 0

    def entry(self, shard_idx: int) -> dict[str, Any] | None:
        """A readable entry; None where it is missing or torn, which is as good as missing."""
        return self._single_entry(shard_idx) or self._block_entry(shard_idx)

    def _single_entry(self, shard_idx: int) -> dict[str, Any] | None:
        # There may be very many. What `plain_data.json_of` makes sure of, and takes five times as
        # long for, is `render.verify`'s matter here.
        try:
            entry = json.loads(read_regular(self.folder / entry_path(shard_idx)))
        except (FileNotFoundError, ValueError, RecursionError):
            return None
        if not isinstance(entry, dict) or not isinstance(entry.get("frames"), int):
            return None
        files = entry.get("files")  # of a shard there are some
        return entry if files and isinstance(files, dict) else None

    def _block_entry(self, shard_idx: int) -> dict[str, Any] | None:
        shards = block_of(shard_idx)
        path = self.folder / block_path(shards.start)
        if isinstance(path, StorePath) or not path.exists():  # stores have single entries alone
            return None
        from render.dataset.blocks import read_entry

        try:
            return read_entry(path, shard_idx, shards)
        except DatasetError:
            return None

    def _read(self, path: Folder) -> dict[str, Any] | None:
        try:
            content = json_of(read_regular(path))
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise DatasetError(f"{path} is torn: {error}") from error
        if not isinstance(content, dict):
            raise DatasetError(f"{path} is torn: it holds no mapping")
        return content


def block_of(shard_idx: int) -> range:
    """The shards whose entries become one file with that of this one."""
    first = shard_idx - shard_idx % BLOCK_SHARDS
    return range(first, first + BLOCK_SHARDS)


def _flush_folder(folder: Path) -> None:
    """Waits until the disk has what a folder holds: a new name must outlive the old ones."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _json(value: Mapping[str, Any]) -> bytes:
    return (json.dumps(value, indent=1, sort_keys=True) + "\n").encode()
