"""Tone curves: from linear radiance to linear display light, and back."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from render.kernels.develop import show
from render.sensor.color import linear_to_srgb, srgb_to_linear

__all__ = ["TONES", "display_of_radiance", "radiance_of_display"]

# Radiance 0.18 is middle grey; each curve shows it at about the same display level.
_MOST = 16.0  # what shines brighter is white under every curve
_FORWARD = 1 << 16  # entries of a table

Curve = Callable[[NDArray[np.float64]], NDArray[np.float64]]


def _linear(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """As it is, cut off at 1."""
    return np.minimum(x, 1.0)


def _filmic(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """A toe and a shoulder: the rational fit of the ACES reference (Narkowicz 2016), at 0.8."""
    x = 0.8 * x
    return np.clip(x * (2.51 * x + 0.03) / (x * (2.43 * x + 0.59) + 0.14), 0.0, 1.0)


def _agx(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """A soft S over 16.5 stops, in the logarithm, as AgX has it; channels stay apart."""
    stops = (np.log2(np.maximum(x, 1e-10)) + 12.47393) / 16.5
    t = np.clip(stops, 0.0, 1.0)
    # Logistic in the logarithm through middle grey, with its ends pulled to 0 and 1.
    middle, slope = (np.log2(0.18) + 12.47393) / 16.5, 10.0
    s = 1.0 / (1.0 + np.exp(-slope * (t - middle - 0.006)))
    lo, hi = (1.0 / (1.0 + np.exp(-slope * (e - middle - 0.006))) for e in (0.0, 1.0))
    return np.asarray(((s - lo) / (hi - lo)) ** 2.2)


TONES: dict[str, Curve] = {"filmic": _filmic, "agx": _agx, "linear": _linear}


def display_of_radiance(radiance: NDArray[np.float32], tone: str) -> NDArray[np.uint8]:
    """``(H, W, 3)`` display sRGB, 0 to 255, of linear radiance; rounded."""
    shown = np.empty(radiance.shape, np.uint8)
    light = np.ascontiguousarray(radiance, np.float32)
    show(light.reshape(-1), _MOST, _forward_table(tone), shown.reshape(-1))
    return shown


def radiance_of_display(rgb: NDArray[np.uint8], tone: str) -> NDArray[np.float32]:
    """``(H, W, 3)`` float32 linear radiance that `display_of_radiance` turns into `rgb`."""
    return np.asarray(cv2.LUT(rgb, _backward_table(tone)), np.float32)


@lru_cache(maxsize=8)
def _forward_table(tone: str) -> NDArray[np.uint8]:
    """Display level by the square root of radiance, which spends its steps in the dark."""
    radiance = (np.arange(_FORWARD) / (_FORWARD - 1)) ** 2 * _MOST
    return np.rint(linear_to_srgb(TONES[tone](radiance)) * 255.0).astype(np.uint8)


@lru_cache(maxsize=8)
def _backward_table(tone: str) -> NDArray[np.float32]:
    radiance = (np.arange(_FORWARD) / (_FORWARD - 1)) ** 2 * _MOST
    shown = TONES[tone](radiance)
    wanted = srgb_to_linear(np.arange(256) / 255.0)
    return np.interp(wanted, shown, radiance).astype(np.float32)
