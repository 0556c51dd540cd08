"""Records read shard by shard, and what must hold between their rows."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from render.config.trust import plugins_hint
from render.dataset.description import Description
from render.dataset.findings import Findings
from render.dataset.layout import DESCRIPTION, RECORD_FILES, RECORDS, records_path
from render.dataset.parquet import read_rows
from render.errors import ConfigError, DatasetError
from render.report.achieved import TOLERANCES, Reached, reached, unplaced
from render.system.stores import Folder
from render.writers.base import Row

__all__ = ["Row", "Shard", "Tally", "read_shards"]

_NUMBERS = pa.list_(pa.float64())
_FRAME_COLUMNS = {
    "frame_idx": pa.int64(),
    "split": pa.string(),
    "file_name": pa.string(),
    "width": pa.int32(),
    "height": pa.int32(),
    "attempt": pa.int32(),
    "rejections": pa.list_(pa.string()),
    "cam_K": _NUMBERS,
    "cam_dist": _NUMBERS,
    "theta": pa.string(),
    "placement": pa.string(),
    "im_id": pa.int64(),
    "scene_id": pa.int64(),
    "view_idx": pa.int32(),
    "files": pa.list_(pa.struct([("path", pa.string()), ("sha256", pa.string())])),
}
_INSTANCE_COLUMNS = {
    "frame_idx": pa.int64(),
    "split": pa.string(),
    "instance_idx": pa.int32(),
    "role": pa.string(),
    "model": pa.string(),
    "category": pa.string(),
    "filtered": pa.string(),
    "bbox_obj": _NUMBERS,
    "bbox_visib": _NUMBERS,
    "px_count_all": pa.int64(),
    "px_count_visib": pa.int64(),
    "visib_fract": pa.float64(),
    "truncated_fract": pa.float64(),
    "occluded_fract": pa.float64(),
    "cam_R_m2c": _NUMBERS,
    "cam_t_m2c": _NUMBERS,
    "model_scale": pa.float64(),
    "cam_R_m2c_canonical": _NUMBERS,
    "cam_t_m2c_canonical": _NUMBERS,
    "box3d_size_m": _NUMBERS,
    "box3d_center_cam_m": _NUMBERS,
    "box3d_corners_uv": _NUMBERS,
    "obb_obj": _NUMBERS,
    "obb_visib": _NUMBERS,
    "keypoints_uv": _NUMBERS,
    "keypoints_sight": pa.list_(pa.string()),
    "width": pa.int32(),
    "height": pa.int32(),
    "mask": pa.string(),
    "mask_visib": pa.string(),
}
_NULLABLE = {
    "bbox_obj", "bbox_visib", "visib_fract", "truncated_fract", "occluded_fract",
    "cam_R_m2c_canonical", "cam_t_m2c_canonical", "box3d_corners_uv", "obb_obj", "obb_visib",
    "keypoints_uv", "keypoints_sight", "im_id", "scene_id", "view_idx",
}  # fmt: skip
_WITH_GAPS = {"keypoints_uv"}  # of points nearer than the near plane
# Columns that datasets of earlier versions lack.
_LATER = {"im_id", "scene_id", "view_idx"}
_LENGTHS = {
    "cam_K": (9,), "cam_dist": (0, 4, 5, 8), "bbox_obj": (4,), "bbox_visib": (4,),
    "cam_R_m2c": (9,), "cam_t_m2c": (3,), "cam_R_m2c_canonical": (9,), "cam_t_m2c_canonical": (3,),
    "box3d_size_m": (3,), "box3d_center_cam_m": (3,), "box3d_corners_uv": (16,), "obb_obj": (8,),
    "obb_visib": (8,),
}  # fmt: skip
_SHOWN = 10


@dataclass(frozen=True, eq=False, kw_only=True)
class Shard:
    """The rows of one shard.

    Attributes:
        idx: Its number.
        file_frames: Its file of frame rows, relative to the dataset.
        file_instances: Likewise, of instance rows.
        instances: Rows by ``frame_idx``, in the file's order.

    """

    idx: int
    file_frames: str
    file_instances: str
    frames: list[Row]
    instances: Mapping[int, list[Row]]


def read_shards(folder: Folder, findings: Findings) -> Iterator[Shard]:
    """Shards of a dataset in order; one in memory at a time, torn ones left out."""
    for idx in sorted({i for files in RECORD_FILES.values() for i in files.shards_in(folder)}):
        names = records_path("frames", idx), records_path("instances", idx)
        frames = _read(folder, names[0], _FRAME_COLUMNS, findings)
        instances = _read(folder, names[1], _INSTANCE_COLUMNS, findings)
        if frames is None or instances is None:
            continue
        for name, rows in zip(names, (frames, instances), strict=True):
            idxs = [row["frame_idx"] for row in rows]
            findings.require(idxs == sorted(idxs), "must have its rows in order", file=name)
        grouped: dict[int, list[Row]] = {row["frame_idx"]: [] for row in frames}
        for row in instances:
            if findings.require(
                row["frame_idx"] in grouped,
                f"has instance {row['instance_idx']}, whose frame has no row",
                file=names[1], frame_idx=row["frame_idx"],
            ):  # fmt: skip
                grouped[row["frame_idx"]].append(row)
        yield Shard(
            idx=idx,
            file_frames=names[0],
            file_instances=names[1],
            frames=frames,
            instances=grouped,
        )


def _read(
    folder: Folder, name: str, columns: Mapping[str, pa.DataType], findings: Findings
) -> list[Row] | None:
    def accept(schema: pa.Schema) -> None:
        found = dict(zip(schema.names, schema.types, strict=True))
        absent.update(_LATER & (columns.keys() - found.keys()))
        names = {*found, *columns} - absent
        odd = sorted(k for k in names if found.get(k) != columns.get(k))
        if odd or len(schema) > len(columns):
            raise DatasetError(f"{path} must hold just its columns, odd: {', '.join(odd)}")

    path, absent = folder / name, set[str]()
    try:
        rows = [row | dict.fromkeys(absent) for row in read_rows(path, accept=accept)]
    except DatasetError as error:
        findings.require(False, str(error).removeprefix(f"{path} "), file=name)
        return None
    return [row for row in rows if _is_complete(row, columns, name, findings)]


def _is_complete(
    row: Row, columns: Mapping[str, pa.DataType], name: str, findings: Findings
) -> bool:
    """No value is missing that must be there, numbers are finite, and lists have their lengths."""
    bad = [key for key in columns if not _is_whole(key, row[key])]
    return findings.require(
        not bad,
        f"{', '.join(bad)} must be there, complete and finite",
        file=name, frame_idx=row["frame_idx"],
    )  # fmt: skip


def _is_whole(key: str, value: Any) -> bool:
    if value is None:
        return key in _NULLABLE
    if isinstance(value, list):
        lengths = _LENGTHS.get(key, (len(value),))
        return len(value) in lengths and all(
            _is_whole("", one) or (one is None and key in _WITH_GAPS) for one in value
        )
    if isinstance(value, dict):
        return all(_is_whole("", one) for one in value.values())
    return not isinstance(value, float) or math.isfinite(value)


@dataclass(eq=False)
class Tally:
    """Counts what the records hold, and compares it with dataset.yaml at the end."""

    description: Description
    seen: NDArray[np.bool_] = field(init=False)
    frames: Counter[str] = field(default_factory=Counter)
    instances: Counter[str] = field(default_factory=Counter)
    filtered: Counter[str] = field(default_factory=Counter)
    rejections: Counter[str] = field(default_factory=Counter)
    unplaced: Counter[str] = field(default_factory=Counter)
    reached: dict[str, dict[str, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.seen = np.zeros(self.description.n_frames, np.bool_)

    def add(self, frame: Row, rows: list[Row], file: str, findings: Findings) -> bool:
        """Counts a frame; False if it must not be there or was there before."""
        idx = frame["frame_idx"]
        n = self.description.n_frames
        if not findings.require(
            0 <= idx < n, f"frame_idx must be from 0 to {n - 1}", file=file, frame_idx=idx
        ) or not findings.require(
            not self.seen[idx], "has more than one row", file=file, frame_idx=idx
        ):
            return False
        self.seen[idx] = True
        self.frames[frame["split"]] += 1
        self.rejections.update(frame["rejections"])
        try:
            self.unplaced.update(self.description.models[n]["category"] for n in unplaced(frame))
            for one in reached([frame], rows):
                self._add_reached(one)
        except ConfigError as error:  # the arrangement is a plug-in's
            hint = plugins_hint(self.description.raw["config"], ())
            if hint:
                raise DatasetError(f"{file}: {error}{hint}") from error
        except (KeyError, TypeError, ValueError, AttributeError):
            pass  # `check_placement` speaks of θ
        for row in rows:
            if row["role"] == "target":
                counter = self.filtered if row["filtered"] else self.instances
                counter[row["filtered"] or row["category"]] += 1
        return True

    def _add_reached(self, one: Reached) -> None:
        sums = self.reached.setdefault(
            one.name, {"labels": 0, "within": 0, "mean_error": 0.0, "largest_error": 0.0}
        )
        off = np.abs(one.errors)
        sums["labels"] += len(off)
        sums["within"] += one.n_within
        # A sum until all are there.
        sums["mean_error"] += float(off.sum())
        sums["largest_error"] = max(sums["largest_error"], float(off.max()))

    def _is_reached(self, written: Mapping[str, Mapping[str, Any]]) -> bool:
        """Whether dataset.yaml says what labels have reached, up to rounding of the mean."""
        return written.keys() == self.reached.keys() and all(
            sums["labels"] == entry.get("labels")
            and sums["within"] == entry.get("within")
            and entry.get("tolerance") == TOLERANCES[name]
            and entry.get("largest_error") == sums["largest_error"]
            and math.isclose(entry.get("mean_error", -1), sums["mean_error"] / sums["labels"])
            for name, sums in self.reached.items()
            for entry in [written[name]]
        )

    def _missing(self) -> Iterator[int]:
        """The first frames that have no row."""
        at = 0
        for _ in range(_SHOWN):
            rest = self.seen[at:]
            if not len(rest) or rest.all():
                return
            at += int(np.argmin(rest)) + 1
            yield at - 1

    def check(self, findings: Findings) -> None:
        """Every frame was there, and dataset.yaml counts what was found."""
        missing = len(self.seen) - int(np.count_nonzero(self.seen))
        findings.require(not missing, f"lack the rows of {missing} frames", file=RECORDS)
        for idx in self._missing():
            findings.require(False, "has no row", file=RECORDS, frame_idx=idx)
        description = self.description
        instances = dict.fromkeys(description.names.categories, 0) | dict(self.instances)
        findings.require(
            self._is_reached(description.reached),
            f"reached must be {self.reached} as in the records (mean_error as a sum), "
            f"got {dict(description.reached)}",
            file=DESCRIPTION,
        )
        found = {
            "counts.frames": (self.frames.total(), description.counts["frames"]),
            "counts.train": (self.frames["train"], description.counts["train"]),
            "counts.val": (self.frames["val"], description.counts["val"]),
            "counts.instances": (instances, description.counts["instances"]),
            "counts.filtered": (dict(self.filtered), description.counts["filtered"]),
            "rejections": (dict(self.rejections), dict(description.rejections)),
        }
        # The first version did not count them.
        if description.format_version > 1:
            written = description.counts.get("unplaced")
            found["counts.unplaced"] = dict(self.unplaced), written
        for name, (count, written) in found.items():
            findings.require(
                count == written,
                f"{name} must be {count} as in the records, got {written}",
                file=DESCRIPTION,
            )
