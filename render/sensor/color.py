"""Colour: linear RGB with Rec. 709 primaries, the display's curve, temperatures.

The transfer curve is that of IEC 61966-2-1. No other module has numbers of a colour space.
"""

from __future__ import annotations

import colorsys

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "LUMINANCE",
    "WHITE_K",
    "hsv_to_linear",
    "linear_to_srgb",
    "srgb_slope",
    "srgb_to_linear",
    "temperature_to_linear",
]

LUMINANCE = np.array([0.2126, 0.7152, 0.0722])  # ITU-R BT.709
LUMINANCE.setflags(write=False)
WHITE_K = 6504.0

# IEC 61966-2-1: CIE XYZ to linear sRGB.
_RGB_OF_XYZ = np.array(
    [
        [3.2406, -1.5372, -0.4986],
        [-0.9689, 1.8758, 0.0415],
        [0.0557, -0.2040, 1.0570],
    ]
)
_WAVELENGTHS_NM = np.arange(380.0, 781.0, 5.0)
_SECOND_RADIATION_NM_K = 1.438776877e7  # h c / k


def srgb_to_linear(srgb: NDArray[np.floating]) -> NDArray[np.float64]:
    """Linear light of display sRGB, both 0 to 1."""
    s = np.asarray(srgb, dtype=np.float64)
    return np.where(s <= 0.04045, s / 12.92, ((np.maximum(s, 0.04045) + 0.055) / 1.055) ** 2.4)


def srgb_slope(srgb: float) -> float:
    """How fast linear light grows with display sRGB, at a value of 0.04045 to 1."""
    return float(2.4 / 1.055 * ((srgb + 0.055) / 1.055) ** 1.4)


def linear_to_srgb(linear: NDArray[np.floating]) -> NDArray[np.float64]:
    """Display sRGB of linear light, both 0 to 1."""
    v = np.asarray(linear, dtype=np.float64)
    return np.where(
        v <= 0.0031308, v * 12.92, 1.055 * np.maximum(v, 0.0031308) ** (1 / 2.4) - 0.055
    )


def temperature_to_linear(temperature_k: float) -> tuple[float, float, float]:
    """Linear RGB, luminance 1, of a black body; 6504 K is white, as a camera so balanced has it.

    Planck's law times the CIE 1931 observer, the latter in the fit of Wyman, Sloan and
    Shirley 2013 ("Simple Analytic Approximations to the CIE XYZ Color Matching Functions",
    JCGT 2(2), multi-lobe), divided by the same at 6504 K. What lies outside the gamut (blue
    below 1900 K) is clipped to 0.
    """
    rgb = np.maximum(_planck_rgb(temperature_k) / _planck_rgb(WHITE_K), 0.0)
    r, g, b = (float(v) for v in rgb / (LUMINANCE @ rgb))
    return r, g, b


def hsv_to_linear(hue_deg: float, saturation: float, value: float) -> tuple[float, float, float]:
    """Linear RGB of a hue, saturation and value on display sRGB."""
    srgb = np.array(colorsys.hsv_to_rgb((hue_deg / 360.0) % 1.0, saturation, value))
    r, g, b = (float(v) for v in srgb_to_linear(srgb))
    return r, g, b


def _planck_rgb(temperature_k: float) -> NDArray[np.float64]:
    nm = _WAVELENGTHS_NM
    # Relative to 560 nm, so that cold bodies do not underflow.
    exponent = _SECOND_RADIATION_NM_K / temperature_k
    power = nm**-5.0 / np.expm1(exponent / nm) * np.expm1(exponent / 560.0)
    xyz = _observer(nm) @ power
    return np.asarray(_RGB_OF_XYZ @ (xyz / xyz[1]))


def _observer(nm: NDArray[np.float64]) -> NDArray[np.float64]:
    """``(3, N)`` x, y, z colour matching functions."""

    def lobe(peak: float, center: float, left: float, right: float) -> NDArray[np.float64]:
        width = np.where(nm < center, left, right)
        return np.asarray(peak * np.exp(-0.5 * ((nm - center) * width) ** 2))

    x = (
        lobe(0.362, 442.0, 0.0624, 0.0374)
        + lobe(1.056, 599.8, 0.0264, 0.0323)
        + lobe(-0.065, 501.1, 0.0490, 0.0382)
    )
    y = lobe(0.821, 568.8, 0.0213, 0.0247) + lobe(0.286, 530.9, 0.0613, 0.0322)
    z = lobe(1.217, 437.0, 0.0845, 0.0278) + lobe(0.681, 459.0, 0.0385, 0.0725)
    return np.stack([x, y, z])
