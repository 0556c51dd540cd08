"""YOLO label text: a row per instance, of its box, outline, keypoints or oriented box."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from render.config.sections import YoloKind
from render.geometry.rle import decode_rle
from render.labels.oriented import oriented_box
from render.writers.coco import coco_keypoints
from render.writers.outline import outline

__all__ = ["yolo_text"]

# 1e-10 of an image's width: boxes equal COCO's to a millionth of a pixel.
_BOX_DECIMALS = 10
# The outline keeps 1/256 px from the edges of pixels; 1e-8 of any image is far less.
_POLYGON_DECIMALS = 8
# How far out of the image a corner may be, as a share of it: ultralytics takes 0.01.
_OUTSIDE = 0.0099


def yolo_text(
    rows: Iterable[Mapping[str, Any]],
    *,
    categories: Sequence[str],
    size_wh: tuple[int, int],
    kind: YoloKind,
    n_keypoints: int = 0,
) -> str:
    """The label file of one frame: a line per target that is not filtered, in order.

    Args:
        rows: Instance records of the frame.
        categories: Names in the order of their ids, from 0.
        size_wh: Image size, pixels.
        kind: ``detect`` writes ``class cx cy w h`` of the visible box; ``segment`` writes
            ``class x y x y ...`` of the outline of the visible mask. Both as shares of the
            image's width and height. ``pose`` writes the row of ``detect`` and ``px py v`` of
            each keypoint: v is 2 where it is visible, 1 where it is hidden, else all three are 0.
            ``obb`` writes the four corners of the least rectangle, at any angle, that holds the
            visible mask and lies in the image to 1 % (ultralytics drops images with others).
        n_keypoints: Of every row of ``pose``; of instances with fewer, the rest are 0.

    """
    ids = {name: i for i, name in enumerate(categories)}

    def numbers_of(row: Mapping[str, Any]) -> str:
        if kind == "detect":
            return _box(row, size_wh)
        if kind == "pose":
            return f"{_box(row, size_wh)}{_keypoints(row, size_wh, n_keypoints)}"
        return (_polygon if kind == "segment" else _oriented)(row, size_wh)

    lines = (
        f"{ids[row['category']]} {numbers_of(row)}\n"
        for row in rows
        if row["role"] == "target" and not row["filtered"] and row["px_count_visib"]
    )
    return "".join(lines)


def _box(row: Mapping[str, Any], size_wh: tuple[int, int]) -> str:
    (x, y, w, h), (width, height) = row["bbox_visib"], size_wh
    numbers = (x + w / 2) / width, (y + h / 2) / height, w / width, h / height
    return " ".join(f"{n:.{_BOX_DECIMALS}f}" for n in numbers)


def _polygon(row: Mapping[str, Any], size_wh: tuple[int, int]) -> str:
    points = outline(decode_rle(row["mask_visib"], size_wh=size_wh)) / size_wh
    return " ".join(f"{n:.{_POLYGON_DECIMALS}f}" for n in points.ravel().tolist())


def _keypoints(row: Mapping[str, Any], size_wh: tuple[int, int], count: int) -> str:
    triples = [] if row["keypoints_sight"] is None else coco_keypoints(row)["keypoints"]
    text = ""
    for k in range(count):
        u, v, seen = triples[3 * k : 3 * k + 3] or (0, 0, 0)
        # From centre coordinates to shares of the image.
        x, y = ((u + 0.5) / size_wh[0], (v + 0.5) / size_wh[1]) if seen else (0.0, 0.0)
        text += f" {x:.{_BOX_DECIMALS}f} {y:.{_BOX_DECIMALS}f} {seen}"
    return text


def _oriented(row: Mapping[str, Any], size_wh: tuple[int, int]) -> str:
    width, height = size_wh
    x, y = _OUTSIDE * width, _OUTSIDE * height
    mask = decode_rle(row["mask_visib"], size_wh=size_wh)
    corners = oriented_box(mask, bounds=(-x, -y, width + x, height + y))
    assert corners is not None  # of a visible instance
    return " ".join(f"{n:.{_BOX_DECIMALS}f}" for n in (corners / size_wh).ravel().tolist())
