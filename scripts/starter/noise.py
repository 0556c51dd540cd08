"""Periodic noise, relief and colour: what the pictures are made of. All fields are float64."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = [
    "Floats",
    "blobs",
    "cells",
    "noise",
    "ramp",
    "relief",
    "smooth",
    "tinted",
    "write_jpeg",
]

Floats = NDArray[np.float64]


def noise(
    shape: tuple[int, int], seed: int, *, beta: float = 2.0, stretch: float = 1.0, low: float = 0.0
) -> Floats:
    """Gaussian noise that tiles; mean 0, deviation 1.

    Args:
        beta: Power falls with frequency to this power: 0 white, 2 cloudy, 3 soft.
        stretch: Above 1 draws it out along rows.
        low: Waves longer than this share of the height are left out; 0 keeps all.

    """
    height, width = shape
    spectrum = np.fft.rfft2(np.random.default_rng(seed).standard_normal(shape))
    fy = np.fft.fftfreq(height)[:, None] * height
    fx = np.fft.rfftfreq(width)[None, :] * height * stretch
    frequency = np.hypot(fx, fy)
    frequency[0, 0] = 1.0
    gain = frequency ** (-beta / 2)
    gain[0, 0] = 0.0
    if low > 0:
        gain *= frequency > 1 / low
    field = np.fft.irfft2(spectrum * gain, s=shape)
    return np.asarray(field / field.std())


def smooth(value: Floats, low: float, high: float) -> Floats:
    """Smooth step from 0 at `low` to 1 at `high`."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t))


def relief(
    height: Floats, *, strength: float = 1.0, light: tuple[float, float] = (-1, -1)
) -> Floats:
    """Brightness about 1 of a lit, bumpy plane that tiles; `light` points to the lamp (x, y)."""
    dx = (np.roll(height, -1, 1) - np.roll(height, 1, 1)) / 2
    dy = (np.roll(height, -1, 0) - np.roll(height, 1, 0)) / 2
    lit = 1 - strength * (dx * light[0] + dy * light[1])
    return np.asarray(lit / np.sqrt(1 + (strength * dx) ** 2 + (strength * dy) ** 2))


def ramp(value: Floats, *colors: tuple[float, float, float]) -> Floats:
    """Colours, evenly spaced over [0, 1], mixed by a field: ``(H, W, 3)``."""
    table = np.asarray(colors, dtype=np.float64)
    at = np.linspace(0, 1, len(colors))
    return np.stack([np.interp(value, at, table[:, i]) for i in range(3)], axis=-1)


def tinted(field: Floats, color: tuple[float, float, float]) -> Floats:
    """A colour times a field: ``(H, W, 3)``."""
    return np.asarray(field[..., None] * np.asarray(color))


def cells(
    shape: tuple[int, int], seed: int, count: int
) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Distances to the nearest and second nearest of scattered points, and which one; tiles."""
    height, width = shape
    places = np.random.default_rng(seed).random((count, 2)) * [height, width]
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    first = np.full(shape, np.inf)
    second, which = first.copy(), np.zeros(shape, np.int64)
    for i, (py, px) in enumerate(places):
        dy, dx = np.abs(y - py), np.abs(x - px)
        distance = np.hypot(np.minimum(dy, height - dy), np.minimum(dx, width - dx))
        nearer = distance < first
        second = np.where(nearer, first, np.minimum(second, distance))
        first = np.where(nearer, distance, first)
        which[nearer] = i
    return first, second, which


def blobs(shape: tuple[int, int], seed: int, *, count: int, radius: tuple[float, float]) -> Floats:
    """Soft round dots at random places, the highest where they overlap; tiles; 0 to 1."""
    rng = np.random.default_rng(seed)
    height, width = shape
    out = np.zeros(shape)
    for _ in range(count):
        r = rng.uniform(*radius)
        at = rng.random(2) * [height, width]
        side = int(np.ceil(r)) + 1
        rows = np.arange(int(at[0]) - side, int(at[0]) + side + 1)
        columns = np.arange(int(at[1]) - side, int(at[1]) + side + 1)
        distance = np.hypot(rows[:, None] - at[0], columns[None, :] - at[1])
        dot = np.clip(1 - (distance / r) ** 2, 0, 1) * rng.uniform(0.4, 1)
        window = np.ix_(rows % height, columns % width)
        out[window] = np.maximum(out[window], dot)
    return out


def write_jpeg(path: Path, rgb: Floats, *, tiles: bool = False) -> None:
    """Writes display values in [0, 255], ``(H, W, 3)``; what tiles keeps its full colour.

    Halved colour is interpolated inside a picture but not across its border: a seam.
    """
    image = Image.fromarray(np.clip(np.round(rgb), 0, 255).astype(np.uint8))
    image.save(path, "JPEG", quality=88, subsampling="4:4:4" if tiles else "4:2:0")
