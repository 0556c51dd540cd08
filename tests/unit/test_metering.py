"""Exposure that leaves floors their detail."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from render.sensor.develop import develop
from render.sensor.metering import metered
from tests.hand_made import theta_of


@pytest.mark.parametrize("tone", ["filmic", "agx", "linear"])
@pytest.mark.parametrize("exposure_ev", [-0.5, 1.0])
def test_no_more_is_burnt_than_asked(tone: str, exposure_ev: float) -> None:
    sensor = replace(
        theta_of().sensor, tone=tone, exposure_ev=exposure_ev, noise=0.0, burnt_fract=0.1
    )
    rng = np.random.default_rng(0)
    light = np.repeat(rng.uniform(0.0, 30.0, (50, 60, 1)), 3, axis=2).astype(np.float32)
    depth = np.ones((50, 60), np.float32)
    depth[:10] = 0.0  # the sky may burn out
    light[:10] = 100.0

    shown = develop(metered(light, depth, sensor), sensor)
    burnt = (shown.min(axis=2) > 250)[10:].mean()
    plain = (develop(light, sensor).min(axis=2) > 250)[10:].mean()

    assert plain > 0.2
    assert 0.02 < burnt <= 0.1 + 1e-9


def test_what_is_dark_enough_stays_as_it_is() -> None:
    sensor = replace(theta_of().sensor, burnt_fract=0.02)
    light = np.full((20, 20, 3), 0.2, np.float32)
    assert metered(light, np.ones((20, 20), np.float32), sensor) is light
    bright = np.full((20, 20, 3), 50.0, np.float32)
    assert metered(bright, np.zeros((20, 20), np.float32), sensor) is bright
    unasked = replace(sensor, burnt_fract=None)
    assert metered(bright, np.ones((20, 20), np.float32), unasked) is bright
