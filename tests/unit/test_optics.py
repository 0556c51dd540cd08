"""Lens and hand: defocus, motion, chromatic aberration, vignetting, in linear light."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest

from render.sensor.optics import expose
from tests.hand_made import theta_of

SHARP = theta_of().camera
FAR = 0.0  # depth of what is behind everything


def exposed(light: np.ndarray, depth: float | np.ndarray = FAR, **leaves: Any) -> np.ndarray:
    depth_m = np.broadcast_to(np.float32(depth), light.shape[:2]).copy()
    return expose(light, depth_m, replace(SHARP, **leaves), principal_depth_m=2.0)


def point(size: int = 161) -> np.ndarray:
    light = np.zeros((size, size, 3), np.float32)
    light[size // 2, size // 2] = 1000.0
    return light


def spread(light: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Centroid and covariance ``(x, y)`` of the green light, about the image's centre."""
    y, x = np.indices(light.shape[:2]) - (np.array(light.shape[:2]) - 1)[:, None, None] / 2
    weight = light[..., 1] / light[..., 1].sum()
    at = np.stack([x.ravel(), y.ravel()])
    mean = at @ weight.ravel()
    return mean, ((at - mean[:, None]) * weight.ravel()) @ (at - mean[:, None]).T


def test_all_off_is_the_radiance_itself() -> None:
    light = point()
    assert exposed(light) is light


@pytest.mark.parametrize("diameter", [6.0, 13.0, 28.0, 60.0])
def test_a_point_far_behind_becomes_a_disc_of_defocus_px(diameter: float) -> None:
    light = exposed(point(), defocus_px=diameter)
    mean, covariance = spread(light)
    # A disc's variance along each axis is (d / 4) squared.
    np.testing.assert_allclose(4 * np.sqrt(np.diag(covariance)), diameter, rtol=0.12)
    np.testing.assert_allclose(mean, 0.0, atol=0.05 + diameter * 0.01)
    assert light.sum() == pytest.approx(point().sum(), rel=0.01)
    row = light[80, :, 1]
    assert row[row > row.max() / 2].size == pytest.approx(diameter, abs=1.5 + 0.05 * diameter)


def test_what_is_in_focus_stays_sharp_before_and_behind_it_not() -> None:
    light = point()
    for focus in (1.0, 1.5):
        sharp = exposed(light, 2.0 * focus, defocus_px=20.0, focus=focus)
        np.testing.assert_allclose(sharp, light, rtol=1e-5, atol=1e-4)
    # A thin lens blurs depth z by |z - f| / z of what it blurs infinity by.
    for depth in (1.0, 1.5, 4.0, 20.0):
        got = 4 * np.sqrt(spread(exposed(light, depth, defocus_px=24.0))[1][0, 0])
        assert got == pytest.approx(24.0 * abs(depth - 2.0) / depth, rel=0.25)


def test_a_sharp_object_keeps_its_edge_before_a_blurred_background() -> None:
    light = np.full((80, 80, 3), 0.1, np.float32)
    light[:, :40] = 1.0
    depth = np.full((80, 80), FAR, np.float32)
    depth[:, :40] = 2.0
    got = exposed(light, depth, defocus_px=20.0)[40, :, 1]
    np.testing.assert_allclose(got[:40], 1.0, rtol=1e-4)
    np.testing.assert_allclose(got[40:], 0.1, rtol=1e-4)


def test_a_blurred_foreground_spreads_over_a_sharp_background() -> None:
    light = np.full((80, 80, 3), 0.1, np.float32)
    light[:, :40] = 1.0
    depth = np.full((80, 80), 2.0, np.float32)
    depth[:, :40] = 1.0
    got = exposed(light, depth, defocus_px=20.0)[40, :, 1]
    assert 0.15 < got[43] < 0.9
    assert got[55] == pytest.approx(0.1, rel=1e-3)
    assert (np.diff(got) <= 1e-5).all()


def test_constant_light_is_not_changed_by_any_blur() -> None:
    light = np.full((60, 90, 3), 0.37, np.float32)
    depth = np.tile(np.geomspace(0.5, 30.0, 90).astype(np.float32), (60, 1))
    got = exposed(light, depth, defocus_px=40.0, motion_px=15.0, chromatic_px=3.0)
    np.testing.assert_allclose(got, light, rtol=1e-4)


@pytest.mark.parametrize("length", [3.0, 10.0, 25.0])
@pytest.mark.parametrize("angle", [0.0, 30.0, 90.0, 135.0])
def test_motion_draws_a_line_of_its_length_and_direction(length: float, angle: float) -> None:
    light = exposed(point(), motion_px=length, motion_deg=angle)
    mean, covariance = spread(light)
    values, vectors = np.linalg.eigh(covariance)
    # A line's variance along it is length squared / 12; labels are of its middle.
    assert np.sqrt(12 * values[1]) == pytest.approx(length, rel=0.08, abs=0.5)
    assert values[0] < 0.6**2
    np.testing.assert_allclose(mean, 0.0, atol=1e-3)
    x, y = vectors[:, 1]
    got = np.degrees(np.arctan2(y, x))
    assert abs((got - angle + 90) % 180 - 90) < 3
    assert light.sum() == pytest.approx(point().sum(), rel=1e-4)


@pytest.mark.parametrize("shift", [2.0, -1.5])
def test_red_lies_outside_green_and_blue_inside(shift: float) -> None:
    h, w = 240, 320
    corner = np.hypot(w, h) / 2
    for share in (0.5, 0.95):
        center = np.array([(w - 1) / 2, (h - 1) / 2])
        at = center + share * np.array([w / 2, h / 2])
        y, x = np.indices((h, w))
        spot = np.exp(-((x - at[0]) ** 2 + (y - at[1]) ** 2) / (2 * 2.0**2)).astype(np.float32)
        light = np.repeat(spot[..., None], 3, axis=2)
        got = exposed(light, chromatic_px=shift)
        away = []
        for channel in range(3):
            weight = got[..., channel] / got[..., channel].sum()
            centroid = np.array([(x * weight).sum(), (y * weight).sum()])
            away.append(float((centroid - at) @ (at - center) / np.linalg.norm(at - center)))
        expected = shift * share * np.hypot(w / 2, h / 2) / corner
        np.testing.assert_allclose(away, [expected, 0.0, -expected], atol=0.12)


@pytest.mark.parametrize("loss", [0.2, 0.5])
def test_corners_lose_their_share_of_the_light(loss: float) -> None:
    light = np.ones((241, 321, 3), np.float32)
    got = exposed(light, vignette=loss)
    assert got[120, 160] == pytest.approx(1.0, abs=1e-5)
    for y in (0, -1):
        for x in (0, -1):
            np.testing.assert_allclose(got[y, x], 1.0 - loss, atol=0.01)
    # Round, and falling outwards.
    assert got[120, 160 + 100, 0] == pytest.approx(got[120 + 100, 160, 0], abs=1e-5)
    assert (np.diff(got[120, 160:, 0]) < 0).all()


def test_motion_does_not_depend_on_the_size_of_the_picture() -> None:
    small = exposed(point(61), motion_px=9.0, motion_deg=20.0)
    large = exposed(point(161), motion_px=9.0, motion_deg=20.0)
    np.testing.assert_allclose(small, large[50:111, 50:111], atol=1e-3)


def test_defocus_of_a_photograph_is_its_mean_over_discs() -> None:
    rng = np.random.default_rng(0)
    light = cv2.GaussianBlur(rng.exponential(1.0, (120, 160, 3)).astype(np.float32), (0, 0), 2)
    got = exposed(light, defocus_px=30.0)
    assert got.mean() == pytest.approx(light.mean(), rel=0.02)
    # Away from the border it is the mean over a disc about each pixel.
    y, x = np.mgrid[-16:17, -16:17]
    eighths = (np.arange(8) - 3.5) / 8
    disc = sum((np.hypot(x + a, y + b) < 15.0).astype(float) for a in eighths for b in eighths)
    expected = cv2.filter2D(light, -1, disc / disc.sum())
    np.testing.assert_allclose(got[20:-20, 20:-20], expected[20:-20, 20:-20], rtol=0.03)
