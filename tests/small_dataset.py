"""A small dataset on disk, made by the writers from shapes drawn by hand: no engine, no GL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from render.buffers import Buffers
from render.dataset.frame_view import LabelNames
from render.dataset.rasters import encode_ids, encode_png
from render.dataset.records import read_frames, read_instances, write_shard_records
from render.dataset.rows import frame_row, instance_rows
from render.geometry.pixels import Box
from render.geometry.runs import Runs
from render.sample import Box3d, ObjectLabel, Sample, SampleKey
from render.scene import Role
from render.theta import Placement
from render.writers.coco import coco_parts
from render.writers.yolo import data_yaml, yolo_text
from tests.hand_made import theta_of

Rgb = NDArray[np.uint8]
CATEGORIES = ("bolt", "bracket, L-shaped", "nut")


@dataclass(frozen=True, kw_only=True)
class Shape:
    """A regular polygon, maybe with a bore; partly outside of the image if need be.

    Attributes:
        at: Its centre, pixels.
        corners: How many it has.

    """

    category: str
    at: tuple[float, float]
    radius: float
    corners: int = 6
    turn_deg: float = 0.0
    bore: float = 0.0
    role: Role = "target"
    filtered: str = ""


def photo(size_wh: tuple[int, int], seed: int = 0) -> Rgb:
    """Something to look at: a soft gradient with some grain."""
    width, height = size_wh
    y, x = np.mgrid[:height, :width]
    base = np.stack([90 + 80 * x / width, 110 + 60 * y / height, 140 - 40 * x / width], axis=2)
    grain = np.random.default_rng(seed).normal(0, 4, base.shape)
    return np.clip(base + grain, 0, 255).astype(np.uint8)


def sample_of(
    shapes: Sequence[Shape],
    *,
    frame_idx: int = 0,
    split: Literal["train", "val"] = "train",
    rgb: Rgb | None = None,
    size_wh: tuple[int, int] = (160, 120),
) -> Sample:
    """A finished frame; later shapes lie in front of earlier ones."""
    rgb = photo(size_wh, frame_idx) if rgb is None else rgb.copy()
    height, width = rgb.shape[:2]
    ids = np.full((height, width), -1, np.int32)
    whole = [_silhouette(shape, (width, height)) for shape in shapes]
    for i, silhouette in enumerate(whole):
        inside = silhouette[height : 2 * height, width : 2 * width]
        ids[inside] = i
        shade = np.array([70 + 37 * i % 150, 80 + 61 * i % 140, 90 + 23 * i % 120])
        rgb[inside] = (0.25 * rgb[inside] + 0.75 * shade).astype(np.uint8)
    labels = [_label(i, shape, whole[i], ids) for i, shape in enumerate(shapes)]
    return Sample(
        key=SampleKey(frame_idx=frame_idx, split=split),
        theta=theta_of(),
        placement=Placement(
            K=(200.0, 0.0, 79.5, 0.0, 200.0, 59.5, 0.0, 0.0, 1.0),
            size_wh=(width, height),
            T_world_cam=tuple(np.eye(4).ravel().tolist()),
            near_m=0.1,
            far_m=10.0,
            distortion=(),
            center_m=(0.0, 0.0, 0.0),
            extent_m=0.1,
            lowest_m=-0.05,
            instances=(),
        ),
        buffers=Buffers(
            radiance=rgb.astype(np.float32),
            depth_m=(ids >= 0).astype(np.float32),
            instance_idx=ids,
        ),
        rgb=rgb,
        labels=tuple(labels),
    )


def some_samples(n: int = 5) -> list[Sample]:
    """Frames that overlap, leave the image, are empty, hold distractors and filtered ones."""
    rng = np.random.default_rng(7)
    samples = []
    for i in range(n):
        shapes = [
            Shape(
                category=CATEGORIES[int(rng.integers(3))],
                at=(float(rng.uniform(0, 160)), float(rng.uniform(0, 120))),
                radius=float(rng.uniform(3, 35)),
                corners=int(rng.integers(3, 9)),
                turn_deg=float(rng.uniform(0, 90)),
                bore=float(rng.choice([0.0, 0.5])),
            )
            for _ in range(0 if i == 1 else int(rng.integers(2, 6)))
        ]
        if i != 1:
            shapes += [
                Shape(category="cover", at=(80, 60), radius=14, role="distractor"),
                Shape(category="nut", at=(150, 8), radius=3, filtered="below labels.min_px"),
            ]
        samples.append(sample_of(shapes, frame_idx=i, split="val" if i % 3 == 2 else "train"))
    return samples


def write_dataset(
    folder: Path,
    samples: Sequence[Sample],
    *,
    categories: Sequence[str] = CATEGORIES,
    image: Literal["png", "jpg"] = "png",
    yolo: Literal["detect", "segment"] = "detect",
    coco: Literal["rle", "polygon"] = "rle",
) -> None:
    """Writes all that a run writes, without `dataset.yaml`, in shards of three frames."""
    for name in ("images", "labels", "ids"):
        for split in ("train", "val"):
            (folder / name / split).mkdir(parents=True)
    for name in ("records", "annotations"):
        (folder / name).mkdir()
    names = LabelNames(categories=tuple(categories), keypoints={})
    rows_of = [instance_rows(sample) for sample in samples]
    frames = [frame_row(sample, image=image, hashes={}) for sample in samples]
    for sample, frame, rows in zip(samples, frames, rows_of, strict=True):
        split, stem = sample.key.split, sample.key.stem
        height, width = sample.rgb.shape[:2]
        (folder / "images" / split / frame["file_name"]).write_bytes(_encoded(sample.rgb, image))
        mask = encode_ids(sample.buffers.instance_idx)
        (folder / "ids" / split / f"{stem}.png").write_bytes(mask)
        text = yolo_text(rows, names=names, size_wh=(width, height), kind=yolo)
        (folder / "labels" / split / f"{stem}.txt").write_text(text)
    for shard, first in enumerate(range(0, len(samples), 3)):
        rows = [row for part in rows_of[first : first + 3] for row in part]
        write_shard_records(folder, shard, frames[first : first + 3], rows)
    for split in ("train", "val"):
        parts = coco_parts(
            read_frames(folder),
            read_instances(folder),
            split=split,
            names=names,
            segmentation=coco,
        )
        path = folder / "annotations" / f"instances_{split}.json"
        path.write_bytes(b"".join(parts))
    (folder / "data.yaml").write_bytes(data_yaml(names, kind=yolo))


def _encoded(rgb: Rgb, image: str) -> bytes:
    if image == "png":
        return encode_png(rgb)
    _, data = cv2.imencode(".jpg", np.ascontiguousarray(rgb[..., ::-1]))
    return data.tobytes()


def _silhouette(shape: Shape, size_wh: tuple[int, int]) -> NDArray[np.bool_]:
    """On a canvas of three image sizes a side, the image in its middle."""
    width, height = size_wh
    canvas = np.zeros((3 * height, 3 * width), np.uint8)
    centre = np.add(shape.at, (width, height))
    angles = np.radians(shape.turn_deg) + 2 * np.pi * np.arange(shape.corners) / shape.corners
    corners = centre + shape.radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    cv2.fillPoly(canvas, [np.rint(corners).astype(np.int32)], 1)
    if shape.bore:
        x, y = np.rint(centre).astype(int).tolist()
        cv2.circle(canvas, (x, y), round(shape.bore * shape.radius), 0, -1)
    return canvas.astype(np.bool_)


def _extent(mask: NDArray[np.bool_]) -> Box | None:
    y, x = np.nonzero(mask)
    return Box(*map(float, (x.min(), y.min(), x.max() + 1, y.max() + 1))) if len(x) else None


def _label(
    idx: int, shape: Shape, silhouette: NDArray[np.bool_], ids: NDArray[np.int32]
) -> ObjectLabel:
    height, width = ids.shape
    mask, visible = silhouette[height : 2 * height, width : 2 * width], ids == idx
    whole, inside, seen = (int(m.sum()) for m in (silhouette, mask, visible))
    box = _extent(silhouette)
    filtered = "distractor" if shape.role == "distractor" else shape.filtered
    if not filtered and not seen:
        filtered = "below labels.min_px"
    return ObjectLabel(
        instance_idx=idx,
        role=shape.role,
        model=f"{shape.category}/part.stl",
        category=shape.category,
        bbox_obj=None
        if box is None
        else Box(box.x0 - width + 0.25, box.y0 - height, box.x1 - width, box.y1 - height - 0.125),
        bbox_visib=_extent(visible),
        px_count_all=whole,
        px_count_visib=seen,
        visib_fract=seen / whole if whole else None,
        truncated_fract=1 - inside / whole if whole else None,
        occluded_fract=1 - seen / inside if inside else None,
        mask=Runs.of(mask),
        mask_visib=Runs.of(visible),
        R_cam_obj=np.eye(3),
        t_cam_obj_m=np.array([0.1, -0.2, 1.0 / 3.0]),
        model_scale=0.001,
        filtered=filtered,
        box3d=Box3d(
            size_m=np.array([0.02, 0.03, 0.04]),
            center_cam_m=np.array([0.1, -0.2, 1.0 / 3.0]),
            corners_uv=None,
        ),
    )
