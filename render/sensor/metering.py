"""Exposure as a camera meters it: what is near is not burnt out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from render.sampling.sensor import Sensor
from render.sensor.color import LUMINANCE
from render.sensor.tone import radiance_of_display

__all__ = ["metered"]

_WHITE = 250  # display level from which on detail is lost


def metered(
    light: NDArray[np.float32], depth_m: NDArray[np.float32], sensor: Sensor
) -> NDArray[np.float32]:
    """The light of a picture of which at most `burnt_fract` is white, where anything has a depth.

    Args:
        light: ``(H, W, 3)`` linear radiance.
        depth_m: ``(H, W)``, 0 where nothing is: a backdrop is not metered.
        sensor: As drawn; its exposure comes afterwards.

    """
    if sensor.burnt_fract is None:
        return light
    near = light[depth_m > 0.0]
    if not len(near):
        return light
    white = np.full((1, 1, 3), _WHITE, np.uint8)
    most = float(radiance_of_display(white, sensor.tone)[0, 0, 1]) / 2.0**sensor.exposure_ev
    n_burnt = int(sensor.burnt_fract * len(near))
    brightness = np.sort(near @ np.array(LUMINANCE, np.float32))
    brightest = float(brightness[max(len(near) - 1 - n_burnt, 0)])
    if brightest <= most:
        return light
    return np.asarray(light * np.float32(most / brightest))
