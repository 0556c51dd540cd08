"""The dataset's records: one Parquet row per frame and one per instance, in shards.

Everything that a format needs is here, so that all formats are put together from
records alone. Rows are plain Python values, and a row read back equals the row written.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import accumulate
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pyarrow.parquet as pq

from render.dataset.layout import RECORD_FILES, RECORDS, RecordKind, records_path
from render.dataset.parquet import count_rows, read_batches, read_rows
from render.dataset.sharding import Sharding
from render.errors import DatasetError
from render.system.files import write_whole
from render.system.stores import Folder, StorePath

__all__ = [
    "absent_columns",
    "read_frames",
    "read_instances",
    "read_shard",
    "shard_ends",
    "shard_table",
    "write_shard_records",
]

_NUMBERS = pa.list_(pa.float64())

_FRAME_SCHEMA = pa.schema(
    [
        pa.field("frame_idx", pa.int64(), nullable=False),
        pa.field("split", pa.string(), nullable=False),
        pa.field("file_name", pa.string(), nullable=False),
        pa.field("width", pa.int32(), nullable=False),
        pa.field("height", pa.int32(), nullable=False),
        pa.field("attempt", pa.int32(), nullable=False),
        pa.field("rejections", pa.list_(pa.string()), nullable=False),
        pa.field("cam_K", _NUMBERS, nullable=False),
        pa.field("cam_dist", _NUMBERS, nullable=False),
        pa.field("theta", pa.string(), nullable=False),
        pa.field("placement", pa.string(), nullable=False),
        pa.field("im_id", pa.int64()),
        pa.field("scene_id", pa.int64()),
        pa.field("view_idx", pa.int32()),
        pa.field(
            "files",
            pa.list_(pa.struct([("path", pa.string()), ("sha256", pa.string())])),
            nullable=False,
        ),
    ]
)

_INSTANCE_SCHEMA = pa.schema(
    [
        pa.field("frame_idx", pa.int64(), nullable=False),
        pa.field("split", pa.string(), nullable=False),
        pa.field("instance_idx", pa.int32(), nullable=False),
        pa.field("role", pa.string(), nullable=False),
        pa.field("model", pa.string(), nullable=False),
        pa.field("category", pa.string(), nullable=False),
        pa.field("filtered", pa.string(), nullable=False),
        pa.field("bbox_obj", _NUMBERS),
        pa.field("bbox_visib", _NUMBERS),
        pa.field("px_count_all", pa.int64(), nullable=False),
        pa.field("px_count_visib", pa.int64(), nullable=False),
        pa.field("visib_fract", pa.float64()),
        pa.field("truncated_fract", pa.float64()),
        pa.field("occluded_fract", pa.float64()),
        pa.field("cam_R_m2c", _NUMBERS, nullable=False),
        pa.field("cam_t_m2c", _NUMBERS, nullable=False),
        pa.field("model_scale", pa.float64(), nullable=False),
        pa.field("cam_R_m2c_canonical", _NUMBERS),
        pa.field("cam_t_m2c_canonical", _NUMBERS),
        pa.field("box3d_size_m", _NUMBERS, nullable=False),
        pa.field("box3d_center_cam_m", _NUMBERS, nullable=False),
        pa.field("box3d_corners_uv", _NUMBERS),
        pa.field("obb_obj", _NUMBERS),
        pa.field("obb_visib", _NUMBERS),
        pa.field("keypoints_uv", _NUMBERS),
        pa.field("keypoints_sight", pa.list_(pa.string())),
        pa.field("width", pa.int32(), nullable=False),
        pa.field("height", pa.int32(), nullable=False),
        pa.field("mask", pa.string(), nullable=False),
        pa.field("mask_visib", pa.string(), nullable=False),
    ]
)
_SCHEMAS: Mapping[RecordKind, pa.Schema] = {"frames": _FRAME_SCHEMA, "instances": _INSTANCE_SCHEMA}


def write_shard_records(
    folder: Path,
    shard_idx: int,
    frame_rows: Sequence[Mapping[str, Any]],
    instance_rows: Sequence[Mapping[str, Any]],
) -> dict[str, str]:
    """Writes the rows of one shard, whole or not at all; SHA-256 (hex) of each file by its path.

    Equal rows give equal bytes: schema and compression are fixed, nothing else is stored.

    Raises:
        DatasetError: A file cannot be written.

    """
    parts = (
        (records_path("frames", shard_idx), frame_rows, _FRAME_SCHEMA),
        (records_path("instances", shard_idx), instance_rows, _INSTANCE_SCHEMA),
    )
    (folder / RECORDS).mkdir(exist_ok=True)
    hashes: dict[str, str] = {}
    for name, rows, schema in parts:
        with _pandas_left_out():
            table = pa.Table.from_pylist([dict(row) for row in rows], schema=schema)
        buffer = io.BytesIO()
        pq.write_table(table, buffer, compression="zstd", compression_level=3)
        hashes[name] = write_whole(folder / name, buffer.getvalue(), durable=True)
    return hashes


@contextmanager
def _pandas_left_out() -> Iterator[None]:
    """Keeps pyarrow from importing pandas, where that is installed, to ask whether rows are of it.

    It takes longer than a frame, and `Table.to_pandas` imports it all the same.
    """
    finder = cast(Any, _NoPandas)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


class _NoPandas:
    @staticmethod
    def find_spec(name: str, *_: object) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(name)


def read_frames(folder: Folder, shards: range | None = None) -> Iterator[dict[str, Any]]:
    """Frame rows in frame order, a few hundred in memory at a time.

    Args:
        folder: The dataset.
        shards: Numbers of those to read; None: all.

    Raises:
        DatasetError: A file is torn or not of this schema.

    """
    return _read(folder, "frames", shards)


def read_instances(folder: Folder, shards: range | None = None) -> Iterator[dict[str, Any]]:
    """Instance rows in the order of frames, then of `instance_idx`; otherwise as `read_frames`."""
    return _read(folder, "instances", shards)


def read_shard(folder: Folder, kind: RecordKind, shard_idx: int) -> Iterator[dict[str, Any]]:
    """The rows of one shard; otherwise as `read_frames`.

    Args:
        folder: The dataset.
        kind: ``instances`` or ``frames``.
        shard_idx: Its number.

    """
    path, absent = folder / records_path(kind, shard_idx), list[str]()

    def accept(found: pa.Schema) -> None:
        absent.extend(absent_columns(path, kind, found))

    for row in read_rows(path, accept=accept):
        yield row | dict.fromkeys(absent)


def shard_ends(
    folder: Folder, shards: Sequence[int], n_frames: int, sharding: Sharding
) -> list[int]:
    """How many frames the shards up to each one have.

    Of a store their files are not all opened for that: they have what a shard has.

    Raises:
        DatasetError: A file is torn.

    """
    if isinstance(folder, StorePath):
        return [sharding.frames_in(i, n_frames).stop for i in shards]
    paths = (folder / records_path("frames", shard_idx) for shard_idx in shards)
    return list(accumulate(map(count_rows, paths)))


def shard_table(folder: Folder, kind: RecordKind, shard_idx: int) -> pa.Table:
    """The rows of one shard as a table; raises as `read_frames`."""
    path = folder / records_path(kind, shard_idx)
    schemas: list[pa.Schema] = []

    def accept(found: pa.Schema) -> None:
        absent_columns(path, kind, found)
        schemas.append(found)

    batches = list(read_batches(path, accept=accept))
    return pa.Table.from_batches(batches, schema=schemas[0])


def absent_columns(path: Folder, kind: RecordKind, found: pa.Schema) -> list[str]:
    """Columns that a file lacks: earlier versions did not have every one that may be null.

    Raises:
        DatasetError: It has others, or lacks one that it must have.

    """
    schema = _SCHEMAS[kind]
    absent = [f.name for f in schema if f.nullable and f.name not in found.names]
    if not found.equals(pa.schema(f for f in schema if f.name not in absent)):
        raise DatasetError(f"{path} must hold the columns of {kind} records")
    return absent


def _read(folder: Folder, kind: RecordKind, shards: range | None) -> Iterator[dict[str, Any]]:
    for shard_idx in RECORD_FILES[kind].shards_in(folder) if shards is None else shards:
        yield from read_shard(folder, kind, shard_idx)
