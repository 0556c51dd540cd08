"""How alike two pictures look: PSNR, SSIM and FLIP, each as a map or over a region."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["flip_map", "psnr", "ssim_map"]

Image = NDArray[np.float32]

_PX_PER_DEG = 67.0  # a display 0.7 m away, as FLIP's authors have it


def psnr(a: Image, b: Image, region: NDArray[np.bool_]) -> float:
    """Decibel over a region of two ``(H, W, 3)`` pictures from 0 to 1."""
    squared = float(((a - b)[region].astype(np.float64) ** 2).mean())
    return float(10.0 * np.log10(1.0 / max(squared, 1e-12)))


def ssim_map(a: Image, b: Image) -> Image:
    """``(H, W)``: Wang et al. 2004, Gaussian window 11 wide of sigma 1.5, mean of channels."""

    def smooth(x: Image) -> NDArray[np.float64]:
        return np.asarray(cv2.GaussianBlur(x, (11, 11), 1.5, borderType=cv2.BORDER_REFLECT))

    a, b = a.astype(np.float64), b.astype(np.float64)
    mean_a, mean_b = smooth(a), smooth(b)
    var_a, var_b = smooth(a * a) - mean_a**2, smooth(b * b) - mean_b**2
    cov = smooth(a * b) - mean_a * mean_b
    c1, c2 = 0.01**2, 0.03**2
    alike = (2 * mean_a * mean_b + c1) * (2 * cov + c2)
    whole = (mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2)
    return np.asarray((alike / whole).mean(axis=-1), dtype=np.float32)


def flip_map(a: Image, b: Image) -> Image:
    """``(H, W)`` 0 to 1: LDR-FLIP (Andersson et al. 2020) of two linear pictures from 0 to 1."""
    opponent_a, opponent_b = _opponent(a), _opponent(b)
    color = _color_difference(opponent_a, opponent_b)
    feature = _feature_difference(opponent_a[..., 0], opponent_b[..., 0])
    return np.asarray(color ** (1.0 - feature), dtype=np.float32)


_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
_WHITE = _XYZ.sum(axis=1)
# Contrast sensitivity of the three opponent channels: a and b of one or two Gaussians.
_SENSITIVITY = (
    ((1.0, 0.0047),),
    ((1.0, 0.0053),),
    ((34.1, 0.04), (13.5, 0.025)),
)


def _opponent(linear: Image) -> NDArray[np.float64]:
    """YCxCz."""
    x, y, z = np.moveaxis(linear.astype(np.float64) @ _XYZ.T / _WHITE, -1, 0)
    return np.stack([116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)], axis=-1)


def _linear(opponent: NDArray[np.float64]) -> NDArray[np.float64]:
    y = (opponent[..., 0] + 16.0) / 116.0
    xyz = np.stack([y + opponent[..., 1] / 500.0, y, y - opponent[..., 2] / 200.0], axis=-1)
    return np.asarray((xyz * _WHITE) @ np.linalg.inv(_XYZ).T)


def _hunt_lab(linear: NDArray[np.float64]) -> NDArray[np.float64]:
    t = linear @ _XYZ.T / _WHITE
    small = (6.0 / 29.0) ** 3
    f = np.where(t > small, np.cbrt(np.maximum(t, small)), t / (3 * (6 / 29) ** 2) + 4 / 29)
    lightness = 116.0 * f[..., 1] - 16.0
    red, blue = 500.0 * (f[..., 0] - f[..., 1]), 200.0 * (f[..., 1] - f[..., 2])
    return np.stack([lightness, 0.01 * lightness * red, 0.01 * lightness * blue], axis=-1)


def _hyab(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    d = a - b
    return np.asarray(np.abs(d[..., 0]) + np.hypot(d[..., 1], d[..., 2]))


def _color_difference(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    seen_a, seen_b = (_hunt_lab(np.clip(_linear(_filtered(x)), 0.0, 1.0)) for x in (a, b))
    primaries = _hunt_lab(np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]))
    most = float(_hyab(primaries[0], primaries[1])) ** 0.7
    difference = _hyab(seen_a, seen_b) ** 0.7
    knee, level = 0.4 * most, 0.95
    low = difference * level / knee
    high = level + (difference - knee) / (most - knee) * (1.0 - level)
    return np.clip(np.where(difference < knee, low, high), 0.0, 1.0)


def _filtered(opponent: NDArray[np.float64]) -> NDArray[np.float64]:
    radius = int(np.ceil(3.0 * np.sqrt(0.04 / (2.0 * np.pi**2)) * _PX_PER_DEG))
    at = np.arange(-radius, radius + 1) / _PX_PER_DEG
    squared = at[:, None] ** 2 + at**2
    channels = []
    for i, terms in enumerate(_SENSITIVITY):
        kernel = sum(a * np.sqrt(np.pi / b) * np.exp(-(np.pi**2) * squared / b) for a, b in terms)
        kernel = np.asarray(kernel) / np.sum(kernel)
        channel = np.ascontiguousarray(opponent[..., i])
        channels.append(cv2.filter2D(channel, -1, kernel, borderType=cv2.BORDER_REPLICATE))
    return np.stack(channels, axis=-1)


def _feature_difference(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """How edges and points in the achromatic channel differ."""
    sigma = 0.5 * 0.082 * _PX_PER_DEG
    radius = int(np.ceil(3.0 * sigma))
    at = np.arange(-radius, radius + 1, dtype=np.float64)
    bell = np.exp(-(at**2) / (2.0 * sigma**2))
    bell /= bell.sum()
    strongest = np.zeros(a.shape)
    for weights in (-at * bell, (at**2 / sigma**2 - 1.0) * bell):
        up, down = np.maximum(weights, 0.0), np.minimum(weights, 0.0)
        kernel = up / up.sum() + down / -down.sum()
        size = [
            np.hypot(
                *(
                    _separable((x + 16.0) / 116.0, *pair)
                    for pair in ((kernel, bell), (bell, kernel))
                )
            )
            for x in (a, b)
        ]
        strongest = np.maximum(strongest, np.abs(size[0] - size[1]))
    return np.clip((strongest / np.sqrt(2.0)) ** 0.5, 0.0, 1.0)


def _separable(
    image: NDArray[np.float64], along_x: NDArray[np.float64], along_y: NDArray[np.float64]
) -> NDArray[np.float64]:
    return np.asarray(cv2.sepFilter2D(image, -1, along_x, along_y, borderType=cv2.BORDER_REPLICATE))
