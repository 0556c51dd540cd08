"""What the sensor does to a clean image before it is stored."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from render.sampling.sensor import Sensor
from render.sensor.light import blur, linear_to_srgb, map_linear, srgb_to_linear

__all__ = ["develop"]

_LEVELS = 2**14  # of the table from linear light to sRGB; its darkest step is 0.2 of a level
_MID_GREY = 0.5  # display sRGB
# Share of the noise's variance at mid grey that does not depend on the light.
_READ_FRACT = 0.1


def develop(rgb: NDArray[np.uint8], sensor: Sensor) -> NDArray[np.uint8]:
    """Exposure, then blur, then noise, in linear light; clipped and rounded at the end.

    Noise is Gaussian with the variance of shot noise, which grows with the light, and
    read noise, which does not (Foi et al. 2008, "Practical Poissonian-Gaussian noise
    modeling"), scaled so that mid grey has the standard deviation asked on display sRGB.
    It is independent for each pixel and channel, and depends on `noise_seed` and the
    image's shape alone.

    Args:
        rgb: ``(H, W, 3)`` display sRGB.
        sensor: As drawn. JPEG compression is not done here.

    Returns:
        ``(H, W, 3)``; `rgb` itself where all is off.

    """
    gain = 2.0**sensor.exposure_ev
    if sensor.blur_px == 0.0 and sensor.noise == 0.0:
        return map_linear(rgb, gain)
    table = (srgb_to_linear(np.arange(256) / 255.0) * gain).astype(np.float32)
    linear = blur(np.asarray(cv2.LUT(rgb, table), dtype=np.float32), sensor.blur_px)
    if sensor.noise > 0.0:
        linear = linear + _noise(linear, sensor)
    return _to_display(linear)


def _noise(linear: NDArray[np.float32], sensor: Sensor) -> NDArray[np.float32]:
    rng = np.random.Generator(np.random.SFC64(sensor.noise_seed))
    grey = float(srgb_to_linear(np.array(_MID_GREY)))
    # Slope of sRGB to linear at mid grey: what one unit on the display is in light.
    slope = 2.4 / 1.055 * ((_MID_GREY + 0.055) / 1.055) ** 1.4
    variance = (sensor.noise * slope) ** 2
    sigma = cv2.sqrt(
        np.float32(variance * (1 - _READ_FRACT) / grey) * linear
        + np.float32(variance * _READ_FRACT)
    )
    noise = rng.standard_normal(linear.shape, dtype=np.float32)
    noise *= sigma
    return noise


def _to_display(linear: NDArray[np.float32]) -> NDArray[np.uint8]:
    table = np.rint(linear_to_srgb(np.arange(_LEVELS) / (_LEVELS - 1)) * 255.0).astype(np.uint8)
    levels = np.clip(linear, 0.0, 1.0)
    levels *= _LEVELS - 1
    levels += 0.5
    return np.asarray(np.take(table, levels.astype(np.uint16)))
