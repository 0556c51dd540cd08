"""Outlines of masks known by heart, filled as ultralytics and supervision fill them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from render.writers.outline import outline

Mask = NDArray[np.bool_]
RESAMPLED = 1000  # the number of points that ultralytics gives every polygon


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


def drawn(*rows: str) -> Mask:
    """A mask as text: # is set."""
    return np.array([[c == "#" for c in row] for row in rows])


EXACT = {
    "one pixel": drawn("...", ".#.", "..."),
    "corner pixel": drawn("..", ".#"),
    "whole image": np.ones((7, 9), np.bool_),
    "row": drawn(".....", ".###.", "....."),
    "column at the edge": drawn("..#", "..#", "..#"),
    "diagonal": np.eye(9, dtype=np.bool_),
    "ring": drawn("#####", "#...#", "#...#", "#...#", "#####"),
    "ring in a ring": drawn("#######", "#.....#", "###.#.#", "#.#.###", "#.###.#", "#######"),
    "holes that touch": drawn("######", "#.##.#", "##..##", "######"),
    "comb": drawn("#.#.#.#", "#.#.#.#", "#######"),
    "dots that touch by a corner": drawn("#.#", ".#.", "..."),
}


@pytest.mark.parametrize("mask", EXACT.values(), ids=EXACT.keys())
def test_polygon_fills_exactly_the_mask(mask: Mask) -> None:
    polygon = outline(mask)

    np.testing.assert_array_equal(mask, filled_by_ultralytics(polygon, mask.shape))
    assert_equal_but_for_spikes(mask, filled_by_supervision(polygon, mask.shape))


@pytest.mark.parametrize("mask", EXACT.values(), ids=EXACT.keys())
def test_extent_is_that_of_the_mask(mask: Mask) -> None:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    polygon = outline(mask)

    assert len(polygon) >= 4
    np.testing.assert_allclose(polygon.min(axis=0), (columns[0], rows[0]), atol=1 / 128)
    np.testing.assert_allclose(polygon.max(axis=0), (columns[-1] + 1, rows[-1] + 1), atol=1 / 128)
    assert (polygon.min(axis=0) >= (columns[0], rows[0])).all()
    assert (polygon.max(axis=0) <= (columns[-1] + 1, rows[-1] + 1)).all()


def test_two_fragments_are_joined_by_the_shortest_bridge() -> None:
    mask = np.zeros((40, 60), np.bool_)
    mask[5:35, 5:25] = mask[10:30, 29:50] = True
    extra = filled_by_ultralytics(outline(mask), mask.shape) & ~mask

    assert np.count_nonzero(extra) == 4
    assert extra[:, 25:29].any(axis=0).all()


def test_speck_far_away_is_left_out() -> None:
    mask = np.zeros((40, 60), np.bool_)
    mask[5:35, 5:25] = True
    body = mask.copy()
    mask[20, 55] = True

    np.testing.assert_array_equal(body, filled_by_ultralytics(outline(mask), mask.shape))


@pytest.mark.parametrize("size", [640, 1920, 8191])
def test_float32_of_large_images_is_enough(size: int) -> None:
    mask = np.zeros((32, size), np.bool_)
    mask[3:29, -30:] = True
    mask[10:20, -20:-10] = False

    np.testing.assert_array_equal(mask, filled_by_ultralytics(outline(mask), mask.shape))
