"""Lens distortion against OpenCV, and the bounds that placement and the engine rely on."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from render.geometry.distortion import bend, distort, fold_radius, jacobian, undistort

LENSES = {
    "none": (),
    "barrel": (-0.25, 0.08, 0.0, 0.0),
    "phone": (0.05, -0.1, 4e-4, -3e-4, 0.05),
    "pincushion": (0.2, 0.1, 1e-3, 2e-3),
    "rational": (0.4, -0.1, 5e-4, -2e-4, 0.02, 0.6, -0.05, 0.03),
}
FOLDS = {"barrel": (-0.3, 0.0, 0.0, 0.0), "tangential": (-0.2, 0.0, 0.02, -0.01)}

small = st.floats(-0.15, 0.15)
lenses = st.one_of(
    st.tuples(small, small, *[st.floats(-0.01, 0.01)] * 2),
    st.tuples(small, small, *[st.floats(-0.01, 0.01)] * 2, small),
    st.tuples(small, small, *[st.floats(-0.01, 0.01)] * 2, small, small, small, small),
)


def grid(reach: float) -> np.ndarray:
    side = np.linspace(-reach, reach, 41)
    return np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)


@given(lens=lenses)
@settings(max_examples=60, deadline=None)
def test_distort_is_that_of_opencv(lens: tuple[float, ...]) -> None:
    xy = grid(0.9)
    points = np.c_[xy, np.ones(len(xy))]
    expected, _ = cv2.projectPoints(points, np.zeros(3), np.zeros(3), np.eye(3), np.array(lens))

    np.testing.assert_allclose(distort(xy, lens), expected[:, 0], rtol=0, atol=1e-12)


@given(lens=lenses)
@settings(max_examples=60, deadline=None)
def test_undistort_takes_back_all_within_the_fold_and_nothing_else(
    lens: tuple[float, ...],
) -> None:
    xy = grid(1.5)
    radius, fold = np.hypot(*xy.T), fold_radius(lens)
    inside = radius < 0.999 * fold

    np.testing.assert_allclose(
        undistort(distort(xy[inside], lens), lens), xy[inside], rtol=0, atol=1e-9
    )
    # Anything it returns is shown at the point that was asked, and lies within the fold.
    asked = grid(2.0)
    found = undistort(asked, lens)
    there = np.isfinite(found).all(axis=1)
    assert (np.hypot(*found[there].T) < fold).all()
    np.testing.assert_allclose(distort(found[there], lens), asked[there], rtol=0, atol=1e-11)


@pytest.mark.parametrize("lens", LENSES.values(), ids=LENSES)
def test_undistort_is_that_of_opencv(lens: tuple[float, ...]) -> None:
    shown = grid(0.45)
    criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 500, 1e-14)
    expected = cv2.undistortPointsIter(
        shown[:, None], np.eye(3), np.array(lens or (0.0,) * 4), np.eye(3), np.eye(3), criteria
    )

    np.testing.assert_allclose(undistort(shown, lens), expected[:, 0], rtol=0, atol=1e-8)


@pytest.mark.parametrize("lens", FOLDS.values(), ids=FOLDS)
def test_a_lens_that_folds_shows_nothing_from_beyond(lens: tuple[float, ...]) -> None:
    fold = fold_radius(lens)
    rim = distort(fold * np.array([[np.cos(a), np.sin(a)] for a in np.arange(0, 6.3, 0.1)]), lens)

    assert 0.3 < fold < 1.2
    assert np.isnan(undistort(1.2 * rim, lens)).all()
    assert np.isfinite(undistort(0.98 * rim, lens)).all()


def test_the_fold_of_a_plain_barrel_is_where_its_slope_falls_to_a_twentieth() -> None:
    assert fold_radius((-0.3, 0.0, 0.0, 0.0)) == pytest.approx(np.sqrt(0.95 / 0.9), rel=1e-9)
    assert fold_radius((0.3, 0.0, 0.0, 0.0)) == float("inf")


@given(lens=lenses)
@settings(max_examples=30, deadline=None)
def test_jacobian_is_the_derivative(lens: tuple[float, ...]) -> None:
    xy, step = grid(0.7), 1e-6
    right, below = np.array([step, 0.0]), np.array([0.0, step])
    across = (distort(xy + right, lens) - distort(xy - right, lens)) / (2 * step)
    down = (distort(xy + below, lens) - distort(xy - below, lens)) / (2 * step)

    expected = np.stack([across[:, 0], across[:, 1], down[:, 1]], axis=1)
    np.testing.assert_allclose(jacobian(xy, lens), expected, rtol=0, atol=1e-8)
    np.testing.assert_allclose(down[:, 0], across[:, 1], rtol=0, atol=1e-8)


@given(
    lens=lenses,
    ends=st.tuples(*[st.floats(-0.8, 0.8)] * 4),
)
@settings(max_examples=200, deadline=None)
def test_no_line_strays_farther_than_bend_says(
    lens: tuple[float, ...], ends: tuple[float, ...]
) -> None:
    p, q = np.array(ends[:2]), np.array(ends[2:])
    radius = max(np.hypot(*p), np.hypot(*q))
    if radius >= fold_radius(lens):
        return
    t = np.linspace(0, 1, 201)[:, None]
    curve = distort(p + t * (q - p), lens)
    chord = curve[0] + t * (curve[-1] - curve[0])
    bound = bend(np.array([radius]), lens)[0] * ((q - p) ** 2).sum() / 8

    assert np.hypot(*(curve - chord).T).max() <= bound + 1e-12


def test_the_wrong_number_of_coefficients_is_an_error() -> None:
    with pytest.raises(ValueError, match="4, 5 or 8"):
        distort(np.zeros((1, 2)), (0.1, 0.2, 0.3))
