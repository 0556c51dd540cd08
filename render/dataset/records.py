"""The dataset's records: one Parquet row per frame and one per instance, in shards.

Everything that a format needs is here, so that all formats are put together from
records alone. Rows are plain Python values, and a row read back equals the row written.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from render.dataset.layout import RECORD_FILES, RECORDS, RecordKind, records_path
from render.dataset.parquet import read_rows
from render.errors import DatasetError
from render.geometry.pixels import Box
from render.geometry.rle import encode_rles
from render.sample import ObjectLabel, Sample
from render.system.files import write_whole
from render.theta import placement_to_json, theta_to_json

__all__ = [
    "absent_columns",
    "frame_row",
    "instance_rows",
    "read_frames",
    "read_instances",
    "read_shard",
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


def frame_row(sample: Sample, *, image: str, hashes: Mapping[str, str]) -> dict[str, Any]:
    """The record of a frame.

    Args:
        image: Suffix of the image file, without dot.
        hashes: SHA-256 (hex) of each file of the frame, by path relative to the dataset.

    Returns:
        ``theta`` and ``placement`` as JSON text; ``cam_K`` as 9 numbers, row by row, centre
        coordinates; ``cam_dist`` as OpenCV's coefficients; ``im_id`` as the placement has it;
        ``files`` as ``[{path, sha256}]`` sorted by path.

    """
    height, width = sample.rgb.shape[:2]
    return {
        "frame_idx": sample.key.frame_idx,
        "split": sample.key.split,
        "file_name": f"{sample.key.stem}.{image}",
        "width": width,
        "height": height,
        "attempt": sample.attempt,
        "rejections": list(sample.rejections),
        "cam_K": [float(k) for k in sample.placement.K],
        "cam_dist": [float(k) for k in sample.placement.distortion],
        "theta": _json(theta_to_json(sample.theta)),
        "placement": _json(placement_to_json(sample.placement)),
        "im_id": sample.placement.im_id,
        "files": [{"path": path, "sha256": hashes[path]} for path in sorted(hashes)],
    }


def instance_rows(sample: Sample) -> list[dict[str, Any]]:
    """The records of a frame's instances, targets first, filtered ones and distractors too.

    Boxes are xywh in edge coordinates; ``mask`` (amodal, inside the frame) and
    ``mask_visib`` are the `counts` of a compressed RLE of ``height`` x ``width``, see
    `render.geometry.rle`. Points are x and y in turn: ``*_uv`` in centre coordinates, ``obb_*`` in
    edge coordinates.
    """
    height, width = sample.rgb.shape[:2]
    masks = [mask for label in sample.labels for mask in (label.mask, label.mask_visib)]
    rles = iter(encode_rles(masks, size_wh=(width, height)))
    return [
        _instance_row(sample, label, rle, rle_visib)
        for label, rle, rle_visib in zip(sample.labels, rles, rles, strict=True)
    ]


def _instance_row(sample: Sample, label: ObjectLabel, rle: str, rle_visib: str) -> dict[str, Any]:
    height, width = sample.rgb.shape[:2]
    return {
        "frame_idx": sample.key.frame_idx,
        "split": sample.key.split,
        "instance_idx": int(label.instance_idx),
        "role": label.role,
        "model": label.model,
        "category": label.category,
        "filtered": label.filtered,
        "bbox_obj": _xywh(label.bbox_obj),
        "bbox_visib": _xywh(label.bbox_visib),
        "px_count_all": int(label.px_count_all),
        "px_count_visib": int(label.px_count_visib),
        "visib_fract": _number(label.visib_fract),
        "truncated_fract": _number(label.truncated_fract),
        "occluded_fract": _number(label.occluded_fract),
        "cam_R_m2c": label.R_cam_obj.astype(np.float64).ravel().tolist(),
        "cam_t_m2c": label.t_cam_obj_m.astype(np.float64).ravel().tolist(),
        "model_scale": float(label.model_scale),
        **_task_columns(label),
        "width": width,
        "height": height,
        "mask": rle,
        "mask_visib": rle_visib,
    }


def _task_columns(label: ObjectLabel) -> dict[str, Any]:
    canonical, box, keypoints = label.T_cam_obj_canonical, label.box3d, label.keypoints
    if box is None:
        raise ValueError("labels must have a box3d: TaskLabeller adds it")
    return {
        "cam_R_m2c_canonical": None if canonical is None else canonical[:3, :3].ravel().tolist(),
        "cam_t_m2c_canonical": None if canonical is None else canonical[:3, 3].tolist(),
        "box3d_size_m": box.size_m.tolist(),
        "box3d_center_cam_m": box.center_cam_m.tolist(),
        "box3d_corners_uv": _flat(box.corners_uv),
        "obb_obj": _flat(label.obb_obj),
        "obb_visib": _flat(label.obb_visib),
        "keypoints_uv": None if keypoints is None else _flat(keypoints.uv),
        "keypoints_sight": None if keypoints is None else list(keypoints.sights),
    }


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
        table = pa.Table.from_pylist([dict(row) for row in rows], schema=schema)
        buffer = io.BytesIO()
        pq.write_table(table, buffer, compression="zstd", compression_level=3)
        hashes[name] = write_whole(folder / name, buffer.getvalue(), durable=True)
    return hashes


def read_frames(folder: Path) -> Iterator[dict[str, Any]]:
    """Frame rows in frame order, a few hundred in memory at a time.

    Args:
        folder: The dataset.

    Raises:
        DatasetError: A file is torn or not of this schema.

    """
    return _read(folder, "frames")


def read_instances(folder: Path) -> Iterator[dict[str, Any]]:
    """Instance rows in the order of frames, then of `instance_idx`; otherwise as `read_frames`."""
    return _read(folder, "instances")


def read_shard(folder: Path, kind: RecordKind, shard_idx: int) -> Iterator[dict[str, Any]]:
    """The rows of one shard; otherwise as `read_frames`."""
    path, absent = folder / records_path(kind, shard_idx), list[str]()

    def accept(found: pa.Schema) -> None:
        absent.extend(absent_columns(path, kind, found))

    yield from (row | dict.fromkeys(absent) for row in read_rows(path, accept=accept))


def absent_columns(path: Path, kind: RecordKind, found: pa.Schema) -> list[str]:
    """Columns that a file lacks: earlier versions did not have every one that may be null.

    Raises:
        DatasetError: It has others, or lacks one that it must have.

    """
    schema = _SCHEMAS[kind]
    absent = [f.name for f in schema if f.nullable and f.name not in found.names]
    if not found.equals(pa.schema(f for f in schema if f.name not in absent)):
        raise DatasetError(f"{path} must hold the columns of {kind} records")
    return absent


def _read(folder: Path, kind: RecordKind) -> Iterator[dict[str, Any]]:
    for shard_idx in RECORD_FILES[kind].shards_in(folder):
        yield from read_shard(folder, kind, shard_idx)


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


def _xywh(box: Box | None) -> list[float] | None:
    return None if box is None else [float(v) for v in box.xywh]


def _flat(points: NDArray[np.float64] | None) -> list[float | None] | None:
    """The points' coordinates, x and y in turn; None for what is not a number."""
    if points is None:
        return None
    return [v if np.isfinite(v) else None for v in points.ravel().tolist()]


def _number(value: float | None) -> float | None:
    return None if value is None else float(value)
