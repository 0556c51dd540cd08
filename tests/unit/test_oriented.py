"""Rectangles around masks, against OpenCV's."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from render.labels.oriented import oriented_box


def blob(seed: int, n_corners: int) -> np.ndarray:
    """A filled polygon somewhere in an image of 80 x 60, maybe over its edges."""
    rng = np.random.default_rng(seed)
    corners = rng.integers((-20, -20), (100, 80), (n_corners, 2))
    mask = np.zeros((60, 80), np.uint8)
    cv2.fillPoly(mask, [cv2.convexHull(corners.astype(np.int32))], 1)
    return mask.astype(bool)


def squares_of(mask: np.ndarray) -> np.ndarray:
    """Corners of all pixels, edge coordinates."""
    y, x = np.nonzero(mask)
    return np.concatenate([np.stack([x + i, y + j], 1) for i in (0, 1) for j in (0, 1)])


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**31), n_corners=st.integers(1, 9))
def test_a_rectangle_is_the_smallest_that_holds_the_mask(seed: int, n_corners: int) -> None:
    mask = blob(seed, n_corners)
    corners = oriented_box(mask)
    if not mask.any():
        assert corners is None
        return
    assert corners is not None
    points = squares_of(mask).astype(np.float32)
    a, b = corners[1] - corners[0], corners[3] - corners[0]
    (_, (w, h), _) = cv2.minAreaRect(points)

    assert abs(a @ b) < 1e-6
    assert np.linalg.norm(a) * np.linalg.norm(b) == pytest.approx(w * h, rel=1e-4)
    for side in (a, b):
        along = (points - corners[0]) @ side / (side @ side)
        assert along.min() > -1e-6
        assert along.max() < 1 + 1e-6
    assert a[0] * b[1] - a[1] * b[0] > 0  # clockwise as seen: y runs down
    assert corners[0, 0] == pytest.approx(corners[:, 0].min())


@settings(max_examples=80, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_bounds_are_kept(seed: int) -> None:
    mask = blob(seed, 5)
    if not mask.any():
        return
    corners = oriented_box(mask, bounds=(-1, -1, 81, 61))

    assert corners is not None
    assert (corners >= -1 - 1e-6).all()
    assert (corners <= np.array([81, 61]) + 1e-6).all()
    free = oriented_box(mask)
    assert free is not None
    assert cv2.contourArea(corners.astype(np.float32)) >= 0.999 * cv2.contourArea(
        free.astype(np.float32)
    )


def test_of_equal_rectangles_the_upright_one_is_taken() -> None:
    mask = np.zeros((20, 30), bool)
    mask[4:9, 7:20] = True

    assert oriented_box(mask).tolist() == [[7, 4], [20, 4], [20, 9], [7, 9]]
