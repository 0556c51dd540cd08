"""Noise that fits to itself at its borders, as textures that are laid on in tiles need it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["clouds", "ranked"]


def clouds(rng: np.random.Generator, side: int, *, steepness: float = 1.3) -> NDArray[np.float64]:
    """``(side, side)`` noise, periodic.

    Args:
        rng: Where it comes from.
        side: Pixels.
        steepness: How much more power long waves have: 0 is white noise.

    """
    spectrum = np.fft.rfft2(rng.standard_normal((side, side)))
    fy, fx = np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None]
    far = np.hypot(fy, fx)
    far[0, 0] = np.inf
    return np.fft.irfft2(spectrum / np.maximum(far, 3.0 / side) ** steepness, s=(side, side))


def ranked(field: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Levels 0 to 255 of equal area: a share of 0.3 lies below a level of 0.3 times 256."""
    order = np.empty(field.size, np.int64)
    order[np.argsort(field, axis=None)] = np.arange(field.size)
    return (order.reshape(field.shape) * 256 // field.size).astype(np.uint8)
