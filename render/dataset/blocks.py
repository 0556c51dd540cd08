"""Entries of the manifest put together: one file for each block of shards, when all are finished.

An entry is a file of 5 kB of JSON, and a hundred million frames have six million of them. A block
of 1,024 is one Parquet file of 1.8 MB (as lines of JSON it would be 5 MB), and its footer alone
says that all of them are there, so that what is missing is known without a look at any hash.

A block depends on what its shards are and on nothing else, and no dataset has one before all of
its shards are finished: so runs that were killed, continued or split have the same ones.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from render.dataset.parquet import read_rows
from render.errors import DatasetError
from render.system.files import write_whole

__all__ = ["is_block", "read_entry", "write_block"]

_COUNT = pa.struct([("reason", pa.string()), ("count", pa.int64())])
_FILE = pa.struct([("path", pa.string()), ("sha256", pa.binary(32))])
_SCHEMA = pa.schema(
    [
        pa.field("shard", pa.int64(), nullable=False),
        pa.field("frames", pa.int32(), nullable=False),
        # Entries of earlier versions say nothing of these three.
        pa.field("bytes", pa.int64()),
        pa.field("draws", pa.int64()),
        pa.field("rejections", pa.list_(_COUNT)),
        pa.field("files", pa.list_(_FILE), nullable=False),
    ]
)


def write_block(path: Path, entries: Mapping[int, Mapping[str, Any]]) -> None:
    """Writes entries by the numbers of their shards, in order; whole or not at all.

    Raises:
        DatasetError: The file cannot be written.
        TypeError, ValueError: An entry holds what none does.

    """
    values = list(entries.values())
    columns = [
        list(entries),
        *([one.get(name) for one in values] for name in ("frames", "bytes", "draws")),
        [_counts(one) for one in values],
    ]
    arrays = [pa.array(column, field.type) for column, field in zip(columns, _SCHEMA)]
    table = pa.table([*arrays, _files([one["files"] for one in values])], schema=_SCHEMA)
    buffer = io.BytesIO()
    # Paths and hashes hardly repeat, and a dictionary of them costs more than it saves.
    pq.write_table(table, buffer, compression="zstd", compression_level=3, use_dictionary=False)
    write_whole(path, buffer.getvalue(), durable=True)


def is_block(path: Path, shards: range) -> bool:
    """Whether a file has as many entries as there are shards; the entries are not looked at."""
    try:
        return bool(pq.read_metadata(path).num_rows == len(shards))
    except (pa.ArrowException, OSError):
        return False


def read_entry(path: Path, shard_idx: int, shards: range) -> dict[str, Any] | None:
    """The entry of one shard of a block, in the form of one that is a file of its own.

    Returns:
        None where there is no such file.

    Raises:
        DatasetError: It is torn.

    """
    try:
        state = path.stat()
    except FileNotFoundError:
        return None
    row = _rows(path, state.st_mtime_ns, state.st_size, shards).get(shard_idx)
    return None if row is None else _entry(row)


@lru_cache(maxsize=2)
def _rows(path: Path, mtime_ns: int, size: int, shards: range) -> Mapping[int, dict[str, Any]]:
    """Rows of a block by shard: entries are asked for one after the other."""
    rows = {row["shard"]: row for row in _checked(path)}
    if list(rows) != list(shards):
        raise DatasetError(f"{path} is torn: it must hold shards {shards[0]} to {shards[-1]}")
    return rows


def _checked(path: Path) -> Iterator[dict[str, Any]]:
    def accept(found: pa.Schema) -> None:
        if not found.equals(_SCHEMA):
            raise DatasetError(f"{path} is torn: it must hold the columns of entries")

    for row in read_rows(path, accept=accept):
        if any(file["path"] is None or file["sha256"] is None for file in row["files"]):
            raise DatasetError(f"{path} is torn: a file of shard {row['shard']} has no hash")
        yield row


def _counts(entry: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    if "rejections" not in entry:
        return None
    counts = sorted(dict(entry["rejections"]).items())
    return [{"reason": reason, "count": n} for reason, n in counts]


def _files(files: Sequence[Mapping[str, str]]) -> pa.ListArray:
    """The column of files; made of rows it would take ten times as long."""
    ends = list(accumulate(map(len, files), initial=0))
    paths = pa.array([path for one in files for path in one], pa.string())
    hashes = [bytes.fromhex(digest) for one in files for digest in one.values()]
    pairs = pa.StructArray.from_arrays([paths, pa.array(hashes, pa.binary(32))], fields=list(_FILE))
    return pa.ListArray.from_arrays(pa.array(ends, pa.int32()), pairs, type=pa.list_(_FILE))


def _entry(row: Mapping[str, Any]) -> dict[str, Any]:
    entry = {key: row[key] for key in ("frames", "bytes", "draws") if row[key] is not None}
    if row["rejections"] is not None:
        entry["rejections"] = {one["reason"]: one["count"] for one in row["rejections"]}
    return entry | {"files": {one["path"]: one["sha256"].hex() for one in row["files"]}}
