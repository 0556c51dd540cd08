"""Outlines of masks known by heart, filled as ultralytics and supervision fill them."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from render.writers.outline import outline
from tests.polygon_readers import (
    assert_equal_but_for_spikes,
    filled_by_supervision,
    filled_by_ultralytics,
)

Mask = NDArray[np.bool_]


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
