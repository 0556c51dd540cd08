"""Whether two renderers drew the same thing."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from render.buffers import Silhouette

__all__ = ["Agreement", "agreement_of", "edges_of", "inside"]

LEAST_SAME = 0.995
DEPTH_REL = 1e-3


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """Shares of pixels that lie off the edges of silhouettes.

    Attributes:
        ids: Share of all pixels with the same id.
        depth: Share of the pixels with an id whose depth is within `DEPTH_REL` of what lies
            within a pixel: stock pyrender's is that of a sample off the pixel's centre, and on a
            slanted surface that alone makes a thousandth.
        amodal: Share of all silhouettes' pixels that are the same in both; 1 where none were
            asked for.

    """

    ids: float
    depth: float
    amodal: float = 1.0

    @property
    def is_good(self) -> bool:
        """Whether speeds may be compared."""
        return min(self.ids, self.depth, self.amodal) >= LEAST_SAME


def agreement_of(
    ids: NDArray[np.int32],
    depth_m: NDArray[np.float32],
    other_ids: NDArray[np.int32],
    other_depth_m: NDArray[np.float32],
    masks: tuple[tuple[NDArray[np.bool_], NDArray[np.bool_]], ...] = (),
) -> Agreement:
    """Compares two frames.

    Args:
        ids: ``(H, W)``; -1 = none.
        depth_m: ``(H, W)``.
        other_ids: As `ids`.
        other_depth_m: As `depth_m`.
        masks: Both masks of each silhouette.

    """
    inner = ~edges_of(ids)
    seen = inner & (ids >= 0) & (ids == other_ids)
    low, high = (f(depth_m, np.ones((3, 3), np.uint8)) for f in (cv2.erode, cv2.dilate))
    near = (other_depth_m >= (1 - DEPTH_REL) * low) & (other_depth_m <= (1 + DEPTH_REL) * high)
    n_same = n_all = 0
    for a, b in masks:
        off = ~edges_of(a.astype(np.int32)) & (a | b)
        n_same += int(np.count_nonzero((a == b) & off))
        n_all += int(np.count_nonzero(off))
    return Agreement(
        ids=float((ids == other_ids)[inner].mean()),
        depth=float(near[seen].mean()) if seen.any() else 1.0,
        amodal=n_same / n_all if n_all else 1.0,
    )


def edges_of(ids: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Pixels with another id among their eight neighbours."""
    around = np.ones((3, 3), np.uint8)
    values = ids.astype(np.float32)
    return np.asarray(cv2.dilate(values, around) != cv2.erode(values, around))


def inside(outline: Silhouette, size_wh: tuple[int, int]) -> NDArray[np.bool_]:
    """``(H, W)``: the part of a silhouette that lies in the image."""
    width, height = size_wh
    image = np.zeros((height, width), np.bool_)
    h, w = outline.mask.shape
    x0, x1 = max(outline.x0, 0), min(outline.x0 + w, width)
    y0, y1 = max(outline.y0, 0), min(outline.y0 + h, height)
    if x0 < x1 and y0 < y1:
        image[y0:y1, x0:x1] = outline.mask[
            y0 - outline.y0 : y1 - outline.y0, x0 - outline.x0 : x1 - outline.x0
        ]
    return image
