"""What the labels and pictures of a dataset come to, in a mean and a spread each."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from render.dataset.frame_view import is_labelled
from render.dataset.layout import read_sharding
from render.dataset.records import read_frames, read_instances
from render.geometry.rle import decode_rle
from render.report.pictures import read_picture
from render.sensor.color import LUMINANCE
from render.system.stores import Folder

__all__ = ["MEASURES", "Spread", "measure"]

# Of each labelled target. `size_px` is the longest side of `bbox_obj` in pixels. `brightness` is
# the luma of the stored picture over the target's visible pixels, 0 black to 1 white: backgrounds
# that no light reaches would hide in a mean over the frame what a light does.
MEASURES = ("visib_fract", "occluded_fract", "truncated_fract", "size_px", "brightness")
_FRACTS = ("visib_fract", "occluded_fract", "truncated_fract")
_LUMA = LUMINANCE / 255


@dataclass(frozen=True, kw_only=True)
class Spread:
    """One measure over the targets of a dataset: mean, 10th and 90th percentile."""

    mean: float
    p10: float
    p90: float

    @classmethod
    def of(cls, values: NDArray[np.float64]) -> Spread:
        """Mean and percentiles of ``(N,)`` values, N at least 1; percentiles are interpolated
        linearly between the two nearest values.
        """
        p10, p90 = np.percentile(values, [10, 90])
        return cls(mean=float(values.mean()), p10=float(p10), p90=float(p90))


def measure(dataset_dir: Folder) -> dict[str, Spread]:
    """Mean and percentiles of each of `MEASURES` over all labelled targets; a measure that no
    target has is left out.

    One picture and a few hundred records are in memory at a time, and 40 bytes a target.

    Args:
        dataset_dir: With `images` and `records`.

    Raises:
        DatasetError: A record or a picture cannot be read.

    """
    found = {name: array("d") for name in MEASURES}
    for values in _targets(dataset_dir):
        for name, value in values.items():
            if value is not None:
                found[name].append(value)
    return {name: Spread.of(np.array(values)) for name, values in found.items() if values}


def _targets(dataset_dir: Folder) -> Iterator[dict[str, float | None]]:
    """The measures of each labelled target, in the order of records."""
    frames, sharding = read_frames(dataset_dir), read_sharding(dataset_dir)
    rows = filter(is_labelled, read_instances(dataset_dir))
    for frame_idx, targets in groupby(rows, key=lambda row: row["frame_idx"]):
        # Both are in the order of frames; frames without a labelled target are passed over.
        frame = next(f for f in frames if f["frame_idx"] == frame_idx)
        rgb = read_picture(dataset_dir, frame, sharding)
        for row in targets:
            yield {
                **{name: row[name] for name in _FRACTS},
                "size_px": None if row["bbox_obj"] is None else max(row["bbox_obj"][2:]),
                "brightness": _brightness(rgb, row),
            }


def _brightness(rgb: NDArray[np.uint8], row: Mapping[str, Any]) -> float | None:
    visible = decode_rle(row["mask_visib"], size_wh=(row["width"], row["height"]))
    return float(rgb[visible].mean(axis=0) @ _LUMA) if visible.any() else None
