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


def seen_by_ultralytics(corners: np.ndarray, size_wh: tuple[int, int]) -> bool:
    """Its check of a row: the upright box around it, as centre and size (data/utils.py)."""
    low, high = corners.min(axis=0) / size_wh, corners.max(axis=0) / size_wh
    shares = np.concatenate([(low + high) / 2, high - low])
    return bool(shares.max() <= 1 + 1e-9 and shares.min() >= -1e-9)


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**31), n_corners=st.integers(1, 6))
def test_a_rectangle_of_a_cut_mask_is_the_least_that_is_taken(seed: int, n_corners: int) -> None:
    mask = blob(seed, n_corners)
    if not mask.any():
        return
    corners = oriented_box(mask, fits=True)
    assert corners is not None
    assert seen_by_ultralytics(corners, (80, 60))
    a, b = corners[1] - corners[0], corners[3] - corners[0]
    area, points = np.linalg.norm(a) * np.linalg.norm(b), squares_of(mask).astype(np.float64)
    for side in (a, b):
        along = (points - corners[0]) @ side / (side @ side)
        assert along.min() > -1e-6
        assert along.max() < 1 + 1e-6
    # All others that are taken, a hundred angles: none is smaller by more than they are apart.
    for angle in np.linspace(0, np.pi / 2, 100, endpoint=False):
        axes = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        low, high = (points @ axes.T).min(axis=0), (points @ axes.T).max(axis=0)
        x, y = np.array([low[0], high[0], high[0], low[0]]), np.array([low[1]] * 2 + [high[1]] * 2)
        other = np.stack([x, y], axis=1) @ axes
        if seen_by_ultralytics(other, (80, 60)):
            assert area <= np.prod(high - low) * 1.02


def test_a_bar_that_the_edge_cuts_has_its_own_rectangle_not_twice_that() -> None:
    y, x = np.mgrid[0:60, 0:80]
    mask = np.abs(x - y - 30) < 4  # from the upper edge to the lower one, at 45 degrees
    corners = oriented_box(mask, fits=True)

    assert corners is not None
    (_, (w, h), _) = cv2.minAreaRect(squares_of(mask).astype(np.float32))
    assert cv2.contourArea(corners.astype(np.float32)) == pytest.approx(w * h, rel=1e-4)
    assert corners.min() < -1  # a corner is outside of the image
    upright = 60 * (np.flatnonzero(mask.any(axis=0))[-1] - np.flatnonzero(mask.any(axis=0))[0] + 1)
    assert upright > 2 * w * h


def test_a_rectangle_that_ultralytics_would_drop_is_not_taken() -> None:
    y, x = np.mgrid[0:60, 0:80]
    mask = np.abs(0.75 * x - y) < 4  # from corner to corner: its own is larger than the image
    free, taken = oriented_box(mask), oriented_box(mask, fits=True)

    assert free is not None
    assert taken is not None
    assert not seen_by_ultralytics(free, (80, 60))
    assert seen_by_ultralytics(taken, (80, 60))


def test_of_equal_rectangles_the_upright_one_is_taken() -> None:
    mask = np.zeros((20, 30), bool)
    mask[4:9, 7:20] = True

    assert oriented_box(mask).tolist() == [[7, 4], [20, 4], [20, 9], [7, 9]]
