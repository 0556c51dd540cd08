"""A contact sheet of a dataset, from what is on disk."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

import imageio.v3 as iio
import numpy as np
from numpy.typing import NDArray

from render.dataset.frame_view import is_labelled
from render.dataset.layout import RECORD_FILES, read_sharding, records_path
from render.dataset.parquet import count_rows
from render.dataset.records import read_shard
from render.errors import DatasetError
from render.report.drawing import category_colors, draw_caption, draw_labels, drawn_label
from render.report.pictures import read_picture
from render.system.stores import Folder

__all__ = ["preview"]

_MAX_FRAMES = 16
_SHEET_PX = 1920  # about the width of a sheet
_MAX_CELL_PX = 960
_GAP_PX = 6
_PAPER = 250
_JPEG_QUALITY = 90

_Row = Mapping[str, Any]
_Picture = NDArray[np.uint8]


def preview(dataset_dir: Folder, categories: Sequence[str]) -> bytes:
    """A JPEG of up to 16 frames, spread evenly over the dataset, with their labels.

    It shows what annotations hold: distractors and filtered targets are not drawn. See
    `render.report.drawing` for what each line means.

    Args:
        dataset_dir: Its folder.
        categories: All of the dataset, whose places among them decide their colours.

    Raises:
        DatasetError: There is no frame, or an image or a record cannot be read.

    """
    shown = _spread(dataset_dir)
    frames = [frame for of_shard in shown.values() for frame in of_shard]
    rows = _labelled(dataset_dir, shown)
    columns = math.ceil(math.sqrt(len(frames)))
    cell_px = min(_MAX_CELL_PX, (_SHEET_PX - _GAP_PX) // columns - _GAP_PX)
    colors = category_colors(categories)
    sharding = read_sharding(dataset_dir)
    pictures = (read_picture(dataset_dir, f, sharding) for f in frames)
    cells = [
        _cell(rgb, f, rows[f["frame_idx"]], colors, cell_px)
        for f, rgb in zip(frames, pictures, strict=True)
    ]
    sheet = _sheet(cells, columns)
    return iio.imwrite("<bytes>", sheet, extension=".jpg", quality=_JPEG_QUALITY)


def _spread(dataset_dir: Folder) -> dict[int, list[_Row]]:
    """Frames at even distances, the first and the last among them, by the number of their shard;
    in bounded memory.
    """
    shards = RECORD_FILES["frames"].shards_in(dataset_dir)
    ends = [*accumulate(count_rows(dataset_dir / records_path("frames", i)) for i in shards)]
    count = ends[-1] if ends else 0
    if not count:
        raise DatasetError(f"{dataset_dir} must hold at least one frame, got none")
    shown = min(count, _MAX_FRAMES)
    wanted = {round(i * (count - 1) / max(shown - 1, 1)) for i in range(shown)}
    found: dict[int, list[_Row]] = {}
    for shard_idx, first, end in zip(shards, [0, *ends], ends, strict=False):
        if wanted & {*range(first, end)}:
            rows = enumerate(read_shard(dataset_dir, "frames", shard_idx), start=first)
            found[shard_idx] = [frame for i, frame in rows if i in wanted]
    return found


def _labelled(dataset_dir: Folder, frames: Mapping[int, Sequence[_Row]]) -> dict[int, list[_Row]]:
    """Labelled instances of some frames, which come by the number of their shard."""
    rows = {frame["frame_idx"]: list[_Row]() for own in frames.values() for frame in own}
    for shard_idx in frames:
        for row in read_shard(dataset_dir, "instances", shard_idx):
            if row["frame_idx"] in rows and is_labelled(row):
                rows[row["frame_idx"]].append(row)
    return rows


def _cell(
    rgb: _Picture,
    frame: _Row,
    rows: Sequence[_Row],
    colors: Mapping[str, tuple[int, int, int]],
    cell_px: int,
) -> _Picture:
    labels = [drawn_label(row, text=row["category"], color=colors[row["category"]]) for row in rows]
    # Large masks first, so that what lies on them stays in sight.
    labels.sort(key=lambda label: -int(np.count_nonzero(label.mask_visib)))
    picture = draw_labels(rgb, labels, scale=cell_px / max(rgb.shape[:2]))
    draw_caption(picture, f"frame {frame['frame_idx']}, {frame['split']}")
    return picture


def _sheet(cells: Sequence[_Picture], columns: int) -> _Picture:
    """Cells row by row on light paper, each in the middle of its place."""
    height = max(cell.shape[0] for cell in cells)
    width = max(cell.shape[1] for cell in cells)
    lines = math.ceil(len(cells) / columns)
    size_hw = lines * (height + _GAP_PX) + _GAP_PX, columns * (width + _GAP_PX) + _GAP_PX
    sheet = np.full((*size_hw, 3), _PAPER, np.uint8)
    for i, cell in enumerate(cells):
        line, column = divmod(i, columns)
        y = _GAP_PX + line * (height + _GAP_PX) + (height - cell.shape[0]) // 2
        x = _GAP_PX + column * (width + _GAP_PX) + (width - cell.shape[1]) // 2
        sheet[y : y + cell.shape[0], x : x + cell.shape[1]] = cell
    return sheet
