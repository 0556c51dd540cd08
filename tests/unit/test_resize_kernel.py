"""Smaller pictures, against weights of each pixel as a matrix."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from render.kernels.compiled import unwritten
from render.kernels.resize import shrink


def shares(size: int, smaller: int) -> NDArray[np.float64]:
    """``(smaller, size)``: what each pixel of a row holds of those of a longer one; sums are 1."""
    edges = np.arange(smaller + 1) * size / smaller
    low = np.maximum(edges[:-1, None], np.arange(size))
    high = np.minimum(edges[1:, None], np.arange(size) + 1)
    return np.asarray(np.maximum(high - low, 0.0) * smaller / size)


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize(
    "part_wh", [(31, 17), (32, 18), (45, 33), (62, 34), (90, 60)], ids=lambda wh: f"{wh[0]}x{wh[1]}"
)
def test_pixels_are_means_of_what_they_cover(part_wh: tuple[int, int], flip: bool) -> None:
    source = np.random.default_rng(3).integers(0, 256, (70, 100, 3)).astype(np.uint8)
    (width, height), (x0, y0) = part_wh, (100 - part_wh[0], 3)
    shrunk = np.empty((17, 31, 3), np.uint8)

    shrink(unwritten(source), x0, y0, width, height, flip, shrunk)

    part = source[y0 : y0 + height, x0 : x0 + width].astype(np.float64)
    exact = np.einsum("yj,xi,jic->yxc", shares(height, 17), shares(width, 31), part)
    assert np.abs(shrunk - (exact[:, ::-1] if flip else exact)).max() < 0.5 + 1e-3


def test_one_pixel_is_the_mean_of_all() -> None:
    source = np.random.default_rng(4).integers(0, 256, (5, 4, 3)).astype(np.uint8)
    shrunk = np.empty((1, 1, 3), np.uint8)

    shrink(unwritten(source), 0, 0, 4, 5, False, shrunk)
    assert np.abs(shrunk[0, 0] - source.mean(axis=(0, 1))).max() < 0.5 + 1e-3

    shrink(unwritten(source), 2, 3, 1, 1, True, shrunk)
    np.testing.assert_array_equal(shrunk[0, 0], source[3, 2])
