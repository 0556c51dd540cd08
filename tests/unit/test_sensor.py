"""The sensor: noise, colour filters, exposure, white balance, sharpening."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest

from render.kernels.normal import fill_normal
from render.sensor.color import temperature_to_linear
from render.sensor.develop import develop
from render.sensor.jpeg import encode_jpeg
from tests.hand_made import theta_of

CLEAN = theta_of().sensor
GREY = 0.21404114  # linear light of display level 0.5


def flat(*rgb: float, size: int = 200) -> np.ndarray:
    return np.full((size, size, 3), rgb if len(rgb) == 3 else rgb * 3, np.float32)


def shot(light: np.ndarray, **leaves: Any) -> np.ndarray:
    return develop(light, replace(CLEAN, **leaves)).astype(float)


def to_linear(display: np.ndarray) -> np.ndarray:
    s = display / 255.0
    return np.where(s <= 0.04045, s / 12.92, ((s + 0.055) / 1.055) ** 2.4)


@pytest.mark.parametrize("noise", [0.005, 0.02, 0.05])
def test_noise_at_mid_grey_is_what_was_asked(noise: float) -> None:
    picture = shot(flat(GREY), noise=noise) / 255.0
    # Rounding to 8 bits adds its own variance of 1/12 level.
    expected = np.hypot(noise, np.sqrt(1 / 12) / 255)
    assert picture.std() == pytest.approx(expected, rel=0.05)
    assert picture.mean() == pytest.approx(0.5, abs=0.01)


def test_shot_noise_grows_with_the_root_of_the_light_over_a_floor_of_read_noise() -> None:
    level = np.array([0.0, 0.05, 0.1, 0.2, 0.4, 0.7])
    variance = []
    for value in level:
        # An offset keeps read noise of black from being cut off; noise is linear in light.
        picture = to_linear(shot(flat(max(value, 0.02)), noise=0.02))
        variance.append(picture.var())
    slope, floor = np.polyfit(np.maximum(level, 0.02), variance, 1)
    fitted = slope * np.maximum(level, 0.02) + floor
    np.testing.assert_allclose(variance, fitted, rtol=0.12)
    # Of the variance at mid grey 10 % is read noise.
    assert floor / (slope * GREY + floor) == pytest.approx(0.1, abs=0.05)


def test_noise_is_of_its_seed_alone_and_independent_in_pixels_and_channels() -> None:
    a = shot(flat(GREY), noise=0.05, noise_seed=4)
    np.testing.assert_array_equal(a, shot(flat(GREY), noise=0.05, noise_seed=4))
    b = shot(flat(GREY), noise=0.05, noise_seed=5)
    pairs = [
        (a[..., 0], b[..., 0]),
        (a[..., 0], a[..., 1]),
        (a[:, 1:, 2], a[:, :-1, 2]),
        (a[1:, :, 1], a[:-1, :, 1]),
    ]
    for x, y in pairs:
        assert abs(np.corrcoef(x.ravel(), y.ravel())[0, 1]) < 0.02


@pytest.mark.parametrize(
    "rgb", [(1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (0.2, 0.5, 0.1)]
)
def test_color_filters_leave_a_constant_color_as_it_is(rgb: tuple[float, float, float]) -> None:
    plain, filtered = shot(flat(*rgb, size=31)), shot(flat(*rgb, size=31), bayer=True)
    np.testing.assert_allclose(filtered, plain, atol=1)


def test_each_pixel_sees_one_color_in_the_order_red_green_green_blue() -> None:
    # Light of one colour at one pixel is seen where that filter is, and nowhere else.
    for channel, places in ((0, {(0, 0)}), (1, {(0, 1), (1, 0)}), (2, {(1, 1)})):
        for y in (0, 1):
            for x in (0, 1):
                light = np.zeros((16, 16, 3), np.float32)
                light[8 + y, 8 + x, channel] = 1.0
                assert (shot(light, bayer=True).max() > 0) == ((y, x) in places)


def test_filters_keep_a_smooth_picture_and_alias_a_fine_one() -> None:
    y, x = np.mgrid[0:64, 0:64] / 63.0
    ramp = np.dstack([0.1 + 0.6 * x, 0.1 + 0.6 * y, 0.4 - 0.3 * x * y]).astype(np.float32)
    inner = (slice(2, -2), slice(2, -2))
    smooth = np.abs(shot(ramp, bayer=True) - shot(ramp))[inner]
    assert smooth.max() <= 3
    stripes = np.zeros((64, 64, 3), np.float32)
    stripes[:, ::2] = 0.6
    colored = np.ptp(shot(stripes, bayer=True)[inner], axis=2)
    assert colored.max() > 30


@pytest.mark.parametrize("kelvin", [2700.0, 3000.0, 5000.0, 9000.0])
def test_light_of_a_temperature_is_neutral_under_its_white_balance(kelvin: float) -> None:
    light = flat(*(0.4 * np.array(temperature_to_linear(kelvin))), size=4)
    assert np.ptp(shot(light, white_balance_k=kelvin), axis=2).max() <= 1
    red, _, blue = shot(light)[0, 0]
    assert (red > blue) == (kelvin < 6504)
    # The warmer the light that the camera takes for white, the colder the picture.
    balanced = [shot(light, white_balance_k=kelvin * k)[0, 0] for k in (0.8, 1.0, 1.2)]
    ratio = [to_linear(r) / to_linear(b) for r, _, b in balanced]
    assert ratio[0] < ratio[1] < ratio[2]


def test_white_balance_of_daylight_leaves_colors_as_they_are() -> None:
    light = flat(0.3, 0.2, 0.1, size=4)
    np.testing.assert_array_equal(shot(light), shot(light, white_balance_k=6504.0))
    near = shot(light, white_balance_k=6503.0)
    np.testing.assert_allclose(near, shot(light), atol=1)


@pytest.mark.parametrize("ev", [-2.0, -1.0, 1.0, 2.0])
def test_a_stop_doubles_the_light(ev: float) -> None:
    light = flat(0.1, 0.15, 0.05, size=4)
    got = to_linear(shot(light, exposure_ev=ev))
    np.testing.assert_allclose(got, light * 2.0**ev, rtol=0.06)


def test_sharpening_steepens_an_edge_and_leaves_the_flat() -> None:
    light = flat(0.1, size=40)
    light[:, 20:] = 0.4
    light = cv2.GaussianBlur(light, (0, 0), 1.0)
    plain, sharp = shot(light), shot(light, sharpen=1.0)
    soft = cv2.GaussianBlur(plain, (0, 0), 1.0)
    np.testing.assert_allclose(sharp, plain + (plain - soft), atol=1.5)
    assert np.diff(sharp[20, :, 0]).max() > 1.2 * np.diff(plain[20, :, 0]).max()
    np.testing.assert_allclose(sharp[:, :10], plain[:, :10], atol=1)


def test_blur_of_the_lens_is_a_gaussian_in_linear_light() -> None:
    for sigma in (1.5, 9.0):
        light = np.zeros((121, 121, 3), np.float32)
        light[60, 60] = 2000.0
        y, x = np.mgrid[-60:61, -60:61]
        expected = 2000.0 * np.exp(-(x**2 + y**2) / (2 * sigma**2)) / (2 * np.pi * sigma**2)
        got = to_linear(shot(light, blur_px=sigma)[..., 1])
        seen = (expected < 0.9) & (expected > 0.01)
        np.testing.assert_allclose(got[seen], expected[seen], rtol=0.15, atol=0.01)


def test_everything_off_is_the_picture_itself() -> None:
    y, x = np.mgrid[0:32, 0:32] / 32.0
    light = np.dstack([x, y, x * y]).astype(np.float32)
    srgb = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    np.testing.assert_allclose(shot(light), 255 * srgb, atol=1.0)


def test_harsh_light_and_all_effects_at_once_stay_a_picture() -> None:
    light = np.random.default_rng(0).exponential(2.0, (33, 47, 3)).astype(np.float32)
    light[3, 3] = 6e4
    leaves = {"noise": 1.0, "bayer": True, "sharpen": 4.0, "blur_px": 0.7, "tone": "filmic"}
    picture = develop(light, replace(CLEAN, white_balance_k=2000.0, exposure_ev=5.0, **leaves))
    assert (picture.dtype, picture.shape) == (np.uint8, (33, 47, 3))


def test_jpeg_loses_more_at_a_lower_quality() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    picture = cv2.GaussianBlur(picture, (0, 0), 1.0)
    sizes, errors = [], []
    for quality in (95, 60, 20):
        data = encode_jpeg(picture, quality)
        back = cv2.cvtColor(cv2.imdecode(np.frombuffer(data, np.uint8), 1), cv2.COLOR_BGR2RGB)
        sizes.append(len(data))
        errors.append(float(np.abs(back.astype(float) - picture).mean()))
    assert sizes[0] > sizes[1] > sizes[2]
    assert errors[0] < errors[1] < errors[2]
    with pytest.raises(ValueError, match="quality must be from 1 to 100, got 0"):
        encode_jpeg(picture, 0)


@pytest.mark.parametrize("seed", [0, 1, 2**31, 2**32 - 1])
def test_normal_numbers_are_those_of_numpy_to_the_last_bit(seed: int) -> None:
    # A million hold some hundred of the tail and ten thousand of the layers' edges.
    numbers = np.empty(1_000_001, np.float32)
    fill_normal(np.random.SFC64(seed).state["state"]["state"], numbers)
    oracle = np.random.Generator(np.random.SFC64(seed))

    np.testing.assert_array_equal(
        oracle.standard_normal(len(numbers), dtype=np.float32), numbers, strict=True
    )
