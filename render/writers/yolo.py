"""YOLO label text: detection rows or one polygon per instance."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from render.writers.outline import outline
from render.writers.records import decode_rle

__all__ = ["yolo_text"]

# 1e-10 of an image's width: boxes equal COCO's to a millionth of a pixel.
_BOX_DECIMALS = 10
# The outline keeps 1/256 px from the edges of pixels; 1e-8 of any image is far less.
_POLYGON_DECIMALS = 8


def yolo_text(
    rows: Iterable[Mapping[str, Any]],
    *,
    categories: Sequence[str],
    size_wh: tuple[int, int],
    kind: Literal["detect", "segment"],
) -> str:
    """The label file of one frame: a line per target that is not filtered, in order.

    Args:
        rows: Instance records of the frame.
        categories: Names in the order of their ids, from 0.
        size_wh: Image size, pixels.
        kind: ``detect`` writes ``class cx cy w h`` of the visible box; ``segment`` writes
            ``class x y x y ...`` of the outline of the visible mask. Both as shares of the
            image's width and height.

    """
    ids = {name: i for i, name in enumerate(categories)}
    numbers_of = _box if kind == "detect" else _polygon
    lines = (
        f"{ids[row['category']]} {numbers_of(row, size_wh)}\n"
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
