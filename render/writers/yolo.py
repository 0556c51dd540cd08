"""YOLO label text: detection rows or one polygon per instance."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

__all__ = ["yolo_text"]

# 1e-10 of an image's width: boxes equal COCO's to a millionth of a pixel.
_DECIMALS = 10


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
    lines = []
    for row in rows:
        if row["role"] != "target" or row["filtered"] or row["bbox_visib"] is None:
            continue
        numbers = _box(row["bbox_visib"], size_wh)
        text = " ".join(f"{n:.{_DECIMALS}f}" for n in numbers)
        lines.append(f"{categories.index(row['category'])} {text}\n")
    return "".join(lines)


def _box(xywh: Sequence[float], size_wh: tuple[int, int]) -> tuple[float, ...]:
    (x, y, w, h), (width, height) = xywh, size_wh
    return (x + w / 2) / width, (y + h / 2) / height, w / width, h / height
