"""What the sensor and the camera's processor make of the light."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from render.kernels.develop import add_noise, divide, sample_filters
from render.kernels.normal import fill_normal
from render.sampling.sensor import Sensor
from render.sampling.steps import Steps
from render.sensor.color import WHITE_K, srgb_slope, srgb_to_linear, temperature_to_linear
from render.sensor.light import blur
from render.sensor.steps import after
from render.sensor.tone import display_of_radiance

__all__ = ["develop"]

Radiance = NDArray[np.float32]

_MID_GREY = 0.5  # display sRGB
# Share of the noise's variance at mid grey that does not depend on the light.
_READ_FRACT = 0.1
# The well of a pixel is full at this radiance.
_FULL = 8.0


def develop(light: Radiance, sensor: Sensor, steps: Steps = ()) -> NDArray[np.uint8]:
    """Exposure, blur, noise and colour filters in linear light; then tone and sharpening.

    Noise is Gaussian with the variance of shot noise, which grows with the light, and read
    noise, which does not (Foi et al. 2008, "Practical Poissonian-Gaussian noise modeling"),
    scaled so that mid grey has the standard deviation asked on a picture without tone curve.
    It is independent for each pixel and channel, and depends on `noise_seed` and the image's
    shape alone.

    Args:
        light: ``(H, W, 3)`` linear radiance.
        sensor: As drawn. JPEG compression is not done here.
        steps: Further steps, those of the sensor among them.

    Returns:
        ``(H, W, 3)`` display sRGB.

    """
    gain = 2.0**sensor.exposure_ev
    if gain != 1.0:
        light = light * np.float32(gain)
    light = blur(after("exposure", light, steps), sensor.blur_px)
    light = after("blur", light, steps)
    if sensor.noise > 0.0:
        light = _noisy(light, sensor)
    light = after("noise", light, steps)
    if sensor.bayer:
        light = _through_filters(light)
    light = after("bayer", light, steps)
    if sensor.white_balance_k != WHITE_K:
        white = np.array(temperature_to_linear(sensor.white_balance_k), np.float32)
        balanced = np.empty(light.shape, np.float32)
        divide(light, white, balanced)
        light = balanced
    picture = display_of_radiance(after("white_balance", light, steps), sensor.tone)
    picture = _sharpened(after("tone", picture, steps), sensor.sharpen)
    return after("sharpen", picture, steps)


def _noisy(light: Radiance, sensor: Sensor) -> Radiance:
    grey = float(srgb_to_linear(np.array(_MID_GREY)))
    # Slope of sRGB to linear at mid grey: what one unit on the display is in light.
    slope = srgb_slope(_MID_GREY)
    variance = (sensor.noise * slope) ** 2
    noisy = np.empty(light.shape, np.float32)
    fill_normal(np.random.SFC64(sensor.noise_seed).state["state"]["state"], noisy.reshape(-1))
    per_light, floor = variance * (1 - _READ_FRACT) / grey, variance * _READ_FRACT
    add_noise(light.reshape(-1), per_light, floor, _FULL, noisy.reshape(-1))
    return noisy


def _through_filters(light: Radiance) -> Radiance:
    """Red, green, green, blue by turns, and the other two of each pixel from its neighbours."""
    raw = np.empty(light.shape[:2], np.uint16)
    sample_filters(light, _FULL, raw)
    # OpenCV names the pattern by its second row and column: "BG" begins with red.
    full = cv2.cvtColor(raw, cv2.COLOR_BayerBG2RGB_EA)
    return np.multiply(full, np.float32(_FULL / 65535.0), dtype=np.float32)


def _sharpened(picture: NDArray[np.uint8], amount: float) -> NDArray[np.uint8]:
    if amount <= 0.0:
        return picture
    soft = cv2.GaussianBlur(picture, (0, 0), 1.0)
    return np.asarray(cv2.addWeighted(picture, 1.0 + amount, soft, -amount, 0.0), dtype=np.uint8)
