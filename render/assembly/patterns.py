"""Procedural pictures: pure functions of a kind, a seed and a size."""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from render.errors import ConfigError

__all__ = ["PATTERNS", "procedural"]

Field = NDArray[np.float32]
Rgb = NDArray[np.uint8]


def procedural(pattern: str, seed: int, size_wh: tuple[int, int]) -> Rgb:
    """``(H, W, 3)`` display sRGB picture.

    Args:
        pattern: A key of `PATTERNS`.
        seed: Decides colours and layout.
        size_wh: Pixels.

    Raises:
        ConfigError: For an unknown pattern.

    """
    if pattern not in PATTERNS:
        raise ConfigError(
            f"background.pattern must be one of {', '.join(PATTERNS)}, got {pattern!r}"
        )
    return PATTERNS[pattern](np.random.Generator(np.random.SFC64(seed)), size_wh)


def _noise(rng: np.random.Generator, size_wh: tuple[int, int]) -> Rgb:
    """Sums of smooth noise of doubling fineness; sometimes ridged or drawn out."""
    field = _fractal(rng, size_wh, octaves=int(rng.integers(2, 7)))
    if rng.random() < 0.3:
        field = np.abs(2.0 * field - 1.0)
    return _painted(field, _palette(rng, int(rng.integers(2, 6))))


def _gradient(rng: np.random.Generator, size_wh: tuple[int, int]) -> Rgb:
    """A linear or radial run of two to four colours, or a colour at each corner."""
    kind = rng.integers(3)
    if kind == 2:
        corners = rng.integers(0, 256, (2, 2, 3)).astype(np.float32)
        small = cv2.resize(corners, (64, 64), interpolation=cv2.INTER_LINEAR)
        inner = np.ascontiguousarray(small[16:48, 16:48])
        return np.asarray(
            cv2.resize(inner, size_wh, interpolation=cv2.INTER_LINEAR), dtype=np.uint8
        )
    palette = _palette(rng, int(rng.integers(2, 5)))
    x, y = _axes(size_wh, rng.uniform(0, 2 * np.pi))
    if kind == 1:
        cx, cy = rng.uniform(-0.5, 0.5, 2).astype(np.float32)
        return _painted(_stretched(np.hypot(x - cx, y - cy)), palette)
    return _painted(_stretched(x + np.zeros_like(y)), palette)


def _checker(rng: np.random.Generator, size_wh: tuple[int, int]) -> Rgb:
    """Two colours in turned rectangles, their light uneven."""
    x, y = _axes(size_wh, rng.uniform(0, np.pi / 2))
    cell = math.exp(rng.uniform(math.log(0.03), math.log(0.5)))
    aspect = math.exp(rng.uniform(-0.5, 0.5)) if rng.random() < 0.5 else 1.0
    u, v = x / np.float32(cell), y / np.float32(cell * aspect)
    field = _square_wave(u, cell * min(size_wh) / 2) * _square_wave(v, cell * min(size_wh) / 2)
    return _shaded(rng, _painted(0.5 + 0.5 * field, _palette(rng, 2)))


def _stripes(rng: np.random.Generator, size_wh: tuple[int, int]) -> Rgb:
    """Bands of up to five colours, hard or soft, straight or wavy."""
    x, _ = _axes(size_wh, rng.uniform(0, np.pi))
    if rng.random() < 0.4:
        x = x + np.float32(rng.uniform(0.05, 0.4)) * _fractal(rng, size_wh, octaves=1)
    period = math.exp(rng.uniform(math.log(0.05), math.log(1.0)))
    phase = x / np.float32(period)
    phase -= np.floor(phase)
    n = int(rng.integers(2, 6))
    if rng.random() < 0.3:
        return _shaded(rng, _painted(np.abs(2.0 * phase - 1.0), _palette(rng, n)))
    edges = np.sort(rng.random(n - 1))
    colors = rng.integers(0, 256, (n, 3))
    table = colors[np.searchsorted(edges, np.arange(256) / 255.0)].astype(np.uint8)
    return _shaded(rng, _looked_up(phase, table))


def _voronoi(rng: np.random.Generator, size_wh: tuple[int, int]) -> Rgb:
    """Cells of the nearest of many points, each of its own colour, often with seams."""
    w, h = size_wh
    n = int(math.exp(rng.uniform(math.log(8), math.log(600))))
    free = np.full((h, w), 255, np.uint8)
    free[rng.integers(0, h, n), rng.integers(0, w, n)] = 0
    distance, cell = cv2.distanceTransformWithLabels(
        free, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    palette = _palette(rng, int(rng.integers(2, 6)))
    colors = palette[rng.integers(0, 256, n + 1)]
    picture = np.take(colors, np.asarray(cell, dtype=np.int32), axis=0)
    if rng.random() < 0.5:
        dark = np.float32(rng.uniform(0.2, 0.8)) / max(float(distance.max()), 1.0)
        picture = _dimmed(picture, np.asarray(1.0 - dark * distance, dtype=np.float32))
    return _shaded(rng, picture)


PATTERNS: dict[str, Callable[[np.random.Generator, tuple[int, int]], Rgb]] = {
    "noise": _noise,
    "gradient": _gradient,
    "checker": _checker,
    "stripes": _stripes,
    "voronoi": _voronoi,
}


def _fractal(rng: np.random.Generator, size_wh: tuple[int, int], *, octaves: int) -> Field:
    """``(H, W)`` in [0, 1]: random grids made smooth, each finer and fainter than the last."""
    w, h = size_wh
    cells = math.exp(rng.uniform(math.log(1.5), math.log(12.0)))
    stretch = math.exp(rng.uniform(-1.0, 1.0)) if rng.random() < 0.4 else 1.0
    persistence = rng.uniform(0.35, 0.75)
    total = np.zeros((h, w), np.float32)
    for octave in range(octaves):
        across, down = cells * stretch * 2**octave, cells / stretch * 2**octave * h / w
        grid = rng.random((int(down) + 4, int(across) + 4), dtype=np.float32)
        # Grid point 1.5 lies on the first pixel, so that no border shows.
        scale = np.array([[across / w, 0.0, 1.5], [0.0, down / h, 1.5]])
        layer = cv2.warpAffine(
            _smooth(grid),
            scale * _FINE_ROWS,
            (w, h),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        cv2.scaleAdd(layer, float(persistence**octave), total, dst=total)
    return _stretched(total)


_FINE = 4
_FINE_ROWS = np.full((2, 3), float(_FINE))


def _smooth(grid: Field) -> Field:
    """Cubic interpolation to `_FINE` times the size; linear does for the rest."""
    size = (grid.shape[1] * _FINE, grid.shape[0] * _FINE)
    return np.asarray(cv2.resize(grid, size, interpolation=cv2.INTER_CUBIC), dtype=np.float32)


def _axes(size_wh: tuple[int, int], angle: float) -> tuple[Field, Field]:
    """Turned coordinates of pixels; the shorter side spans 2, the centre is at 0."""
    w, h = size_wh
    unit = 2.0 / min(w, h)
    px = ((np.arange(w) - (w - 1) / 2) * unit).astype(np.float32)[None]
    py = ((np.arange(h) - (h - 1) / 2) * unit).astype(np.float32)[:, None]
    c, s = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    return c * px + s * py, c * py - s * px


def _square_wave(u: Field, px_per_unit: float) -> Field:
    """-1 or 1 by turns, with edges about one pixel wide."""
    triangle = np.abs(u - 2.0 * np.floor(u / 2.0 + 0.25) - 0.5) - 0.5
    edged = np.clip(triangle * np.float32(-2.0 * px_per_unit), -1.0, 1.0)
    return np.asarray(edged, dtype=np.float32)


def _stretched(field: Field) -> Field:
    lo, hi, _, _ = cv2.minMaxLoc(field)
    return np.asarray((field - np.float32(lo)) * np.float32(1.0 / max(hi - lo, 1e-9)))


def _palette(rng: np.random.Generator, n: int) -> NDArray[np.uint8]:
    """``(256, 3)`` smooth run through `n` colours, either any or of one family."""
    if rng.random() < 0.5:
        stops = rng.uniform(0, 255, (n, 3))
    else:
        base = rng.uniform(30, 225, 3)
        stops = base + rng.uniform(-1, 1, (n, 1)) * rng.uniform(20, 110) + rng.normal(0, 12, (n, 3))
    at = np.linspace(0.0, 255.0, n)
    run = np.stack([np.interp(np.arange(256), at, stops[:, k]) for k in range(3)], axis=1)
    return np.clip(np.rint(run), 0, 255).astype(np.uint8)


def _painted(field: Field, palette: NDArray[np.uint8]) -> Rgb:
    return _looked_up(field, palette)


def _looked_up(field: Field, table: NDArray[np.uint8]) -> Rgb:
    """``(H, W, 3)`` colours of ``(256, 3)`` at values 0 to 1."""
    levels = cv2.convertScaleAbs(np.clip(field, 0.0, 1.0), alpha=255.0)
    three = cv2.merge([levels, levels, levels])
    return np.asarray(cv2.LUT(three, table[:, None, :]), dtype=np.uint8)


def _shaded(rng: np.random.Generator, picture: Rgb) -> Rgb:
    """Uneven light over a flat picture, more often than not."""
    if rng.random() < 0.3:
        return picture
    h, w = picture.shape[:2]
    grid = rng.uniform(rng.uniform(0.4, 0.9), 1.0, (3, 4)).astype(np.float32)
    light = cv2.resize(grid, (w // 8 + 1, h // 8 + 1), interpolation=cv2.INTER_CUBIC)
    light = cv2.resize(light, (w, h), interpolation=cv2.INTER_LINEAR)
    return _dimmed(picture, np.asarray(light, dtype=np.float32))


def _dimmed(picture: Rgb, light: Field) -> Rgb:
    three = cv2.merge([light, light, light])
    return np.asarray(cv2.multiply(picture, three, dtype=cv2.CV_8U), dtype=np.uint8)
