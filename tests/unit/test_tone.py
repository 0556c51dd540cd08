"""Tone curves: monotonic, fixed ends, and a photograph comes through them unchanged."""

from __future__ import annotations

import numpy as np
import pytest

from render.sensor.tone import TONES, display_of_radiance, radiance_of_display

ALL = sorted(TONES)


def shown(radiance: np.ndarray, tone: str) -> np.ndarray:
    column = np.repeat(radiance.astype(np.float32)[:, None, None], 3, axis=2)
    return display_of_radiance(column, tone)[:, 0].astype(int)


@pytest.mark.parametrize("tone", ALL)
def test_black_stays_black_and_the_brightest_is_white(tone: str) -> None:
    ends = shown(np.array([-3.0, 0.0, 16.0, 1e6, np.inf]), tone)
    assert ends[:2].tolist() == [[0] * 3] * 2
    assert ends[2:].tolist() == [[255] * 3] * 3


@pytest.mark.parametrize("tone", ALL)
def test_more_light_is_never_darker_and_channels_stay_apart(tone: str) -> None:
    levels = shown(np.geomspace(1e-6, 20.0, 4000), tone)
    assert (np.diff(levels, axis=0) >= 0).all()
    assert len(np.unique(levels[:, 0])) > 250
    color = np.array([[[0.05, 0.4, 0.9]]], np.float32)
    single = [shown(color[0, 0, i : i + 1], tone)[0, 0] for i in range(3)]
    assert display_of_radiance(color, tone)[0, 0].tolist() == single


@pytest.mark.parametrize("tone", ALL)
def test_middle_grey_is_shown_at_about_the_same_level(tone: str) -> None:
    # 0.18 in display sRGB is 118 of 255.
    assert abs(shown(np.array([0.18]), tone)[0, 0] - 118) <= 12


def test_linear_tone_is_the_srgb_curve_of_iec_61966() -> None:
    radiance = np.linspace(0.0, 1.0, 3001)
    srgb = np.where(
        radiance <= 0.0031308, 12.92 * radiance, 1.055 * radiance ** (1 / 2.4) - 0.055
    )  # fmt: skip
    assert np.abs(shown(radiance, "linear")[:, 0] - 255 * srgb).max() <= 1.0


def test_highlights_roll_off_but_for_the_linear_tone() -> None:
    above_white = np.array([1.0, 2.0])
    assert shown(above_white, "linear")[:, 0].tolist() == [255, 255]
    for tone in ("filmic", "agx"):
        levels = shown(above_white, tone)[:, 0]
        assert 200 < levels[0] < levels[1]


@pytest.mark.parametrize("tone", ALL)
def test_a_photograph_comes_through_unchanged(tone: str) -> None:
    picture = np.broadcast_to(np.arange(256, dtype=np.uint8)[:, None, None], (256, 4, 3))
    back = display_of_radiance(radiance_of_display(picture, tone), tone)
    assert np.abs(back.astype(int) - picture).max() <= 1
    assert (back == picture).mean() > 0.95
