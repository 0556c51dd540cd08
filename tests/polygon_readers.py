"""Polygons filled as the programs that read label files fill them, and what bridges must cost."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask
from scipy.ndimage import label
from scipy.sparse.csgraph import minimum_spanning_tree
from scipy.spatial import cKDTree

Mask = NDArray[np.bool_]
RESAMPLED = 1000  # the number of points that ultralytics gives every polygon


def rle_by_pycocotools(mask: Mask) -> str:
    """COCO's compressed run-length encoding of a mask."""
    counts: bytes = coco_mask.encode(np.asfortranarray(mask, dtype=np.uint8))["counts"]
    return counts.decode("ascii")


def filled_by_ultralytics(polygon: NDArray[np.float64], shape_hw: tuple[int, ...]) -> Mask:
    """Shares of the image in float32, points put in between, cut down to integers, filled."""
    size_wh = np.array(shape_hw[::-1], np.float32)
    shares = np.array([f"{n:.8f}" for n in (polygon / shape_hw[::-1]).ravel()], np.float32).reshape(
        -1, 2
    )
    if len(shares) < RESAMPLED:
        ring = np.vstack([shares, shares[:1]])
        corners = np.arange(len(ring))
        added = np.linspace(0, len(shares), RESAMPLED - len(ring))
        at = np.sort(np.concatenate([corners, added]))
        shares = np.stack([np.interp(at, corners, ring[:, i]) for i in (0, 1)], axis=1)
    points = (shares.astype(np.float32) * size_wh).astype(np.int32)
    return _filled(points, shape_hw)


def filled_by_supervision(polygon: NDArray[np.float64], shape_hw: tuple[int, ...]) -> Mask:
    """Rounded, half to even, and filled."""
    return _filled(np.round(polygon).astype(np.int32), shape_hw)


def _filled(points: NDArray[np.int32], shape_hw: tuple[int, ...]) -> Mask:
    canvas = np.zeros(shape_hw, np.uint8)
    cv2.fillPoly(canvas, [points], 1)
    return canvas.astype(np.bool_)


def iou(a: Mask, b: Mask) -> float:
    """Intersection over union."""
    return float(np.count_nonzero(a & b) / np.count_nonzero(a | b))


def assert_equal_but_for_spikes(mask: Mask, filled: Mask) -> None:
    """One pixel too many may lie right of the mask's extent, and one below it."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    inside = filled.copy()
    right, below = filled[:, columns[-1] + 1 :], filled[rows[-1] + 1 :]
    assert right.sum() <= 1
    assert below.sum() <= 1
    right, below = inside[:, columns[-1] + 1 :], inside[rows[-1] + 1 :]
    right[:], below[:] = False, False

    np.testing.assert_array_equal(mask, inside)


def bridges(mask: Mask) -> tuple[int, int]:
    """The shortest bridges that join all 4-connected parts of a mask.

    Returns:
        Pixels under them, and their steps from pixel to pixel.

    """
    parts, count = label(mask)
    points = [np.argwhere(parts == i) for i in range(1, count + 1)]
    trees = [cKDTree(p) for p in points]
    steps = np.zeros((count, count))
    for i in range(count):
        for j in range(i + 1, count):
            steps[i, j] = trees[j].query(points[i], p=np.inf)[0].min()
    length = int(minimum_spanning_tree(steps).sum())
    return length - (count - 1), length
