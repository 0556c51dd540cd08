"""Surfaces that tile: 512 x 512, display sRGB in [0, 255]."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from starter.noise import Floats, blobs, cells, noise, ramp, relief, smooth, tinted

__all__ = ["TEXTURES"]

_SHAPE = (512, 512)


def _grid() -> tuple[Floats, Floats]:
    """Rows and columns in [0, 1)."""
    y, x = np.mgrid[0:512, 0:512] / 512.0
    return y, x


def wood() -> Floats:
    """Oak, its grain along rows."""
    y, _ = _grid()
    wander = noise(_SHAPE, 1, beta=3.2, stretch=5)
    rings = 0.5 + 0.5 * np.sin(2 * np.pi * (9 * y + 0.55 * wander))
    pores = smooth(noise(_SHAPE, 2, beta=0.6, stretch=22), 0.7, 2.4)
    fibre = noise(_SHAPE, 3, beta=1.2, stretch=14)
    tone = 0.55 + 0.3 * rings**2 * 0.8 - 0.35 * pores + 0.07 * fibre
    return ramp(np.clip(tone, 0, 1), (70, 42, 20), (150, 98, 52), (206, 158, 98))


def checker_plate() -> Floats:
    """Steel tread plate: lozenges in two directions, worn bright on top."""
    y, x = _grid()
    height = np.zeros(_SHAPE)
    for k, (ox, oy) in enumerate(((0, 0), (0.5, 0.5), (0.5, 0), (0, 0.5))):
        u, v = ((x * 4 + ox) % 1) - 0.5, ((y * 4 + oy) % 1) - 0.5
        a, b = (u + v, u - v) if k < 2 else (u - v, u + v)
        height = np.maximum(height, smooth(1 - (a / 0.44) ** 2 - (b / 0.13) ** 2, 0, 0.5))
    rough = noise(_SHAPE, 4, beta=1.0)
    scratch = smooth(noise(_SHAPE, 5, beta=0.4, stretch=30), 1.8, 3)
    base = 118 + 9 * noise(_SHAPE, 6, beta=2.4) + 5 * rough + 34 * height + 40 * scratch * height
    return tinted(base * relief(height * 6, strength=0.55), (1.0, 1.01, 1.03))


def brushed_metal() -> Floats:
    """Fine lines along rows, with a few deep scratches."""
    lines = noise(_SHAPE, 7, beta=0.2, stretch=60) + 0.6 * noise(_SHAPE, 8, beta=1.6, stretch=25)
    deep = smooth(noise(_SHAPE, 9, beta=0.3, stretch=90), 2.2, 3.4)
    sheen = noise(_SHAPE, 10, beta=3)
    return tinted(158 + 13 * lines + 8 * sheen - 60 * deep, (1.0, 1.0, 1.02))


def fabric() -> Floats:
    """A plain weave of blue and grey yarn."""
    y, x = _grid()
    warp, weft = x * 64, y * 64
    over = (np.floor(warp) + np.floor(weft)) % 2
    across, along = (warp % 1) - 0.5, (weft % 1) - 0.5
    yarn = np.where(over == 1, np.cos(np.pi * across), np.cos(np.pi * along))
    bend = np.where(over == 1, np.cos(np.pi * along), np.cos(np.pi * across))
    fuzz = noise(_SHAPE, 11, beta=0.7)
    light = 0.35 + 0.5 * yarn * (0.6 + 0.4 * bend) + 0.06 * fuzz + 0.05 * noise(_SHAPE, 12, beta=2)
    blue, grey = np.array([58, 86, 140]), np.array([168, 170, 172])
    return np.asarray(np.where(over[..., None] == 1, blue, grey) * light[..., None] * 1.35)


def marble() -> Floats:
    """White stone with grey and ochre veins."""
    y, x = _grid()
    warp = noise(_SHAPE, 13, beta=3.7)
    veins = 1 - np.abs(np.sin(2 * np.pi * (x + 2 * y + 0.35 * warp)))
    fine = 1 - np.abs(noise(_SHAPE, 14, beta=3.8))
    dark = smooth(veins, 0.72, 1.0) * 0.75 + smooth(fine, 0.9, 1.0) * 0.25
    cloud = 0.07 * noise(_SHAPE, 15, beta=2.4)
    base = ramp(
        np.clip(0.16 + 0.8 * dark + cloud, 0, 1), (244, 241, 236), (178, 174, 172), (84, 82, 88)
    )
    ochre = smooth(noise(_SHAPE, 16, beta=2.8), 0.8, 2.2) * dark
    return np.asarray(base - ochre[..., None] * np.array([0, 18, 48]))


def rust() -> Floats:
    """Painted steel, rusted through: flakes of blue-grey paint on brown."""
    patch = noise(_SHAPE, 17, beta=2.3)
    grain = noise(_SHAPE, 18, beta=1.0)
    bare = ramp(smooth(patch + 0.5 * grain, -1.6, 2.2), (52, 24, 14), (128, 62, 26), (190, 106, 48))
    paint = tinted(118 + 6 * grain + 8 * noise(_SHAPE, 19, beta=2), (0.86, 0.98, 1.0))
    edge = smooth(noise(_SHAPE, 20, beta=2.2) + 0.15 * grain, 0.25, 0.4)
    lit = relief(edge * 4 + 0.4 * grain, strength=0.22)
    return np.asarray((bare * (1 - edge[..., None]) + paint * edge[..., None]) * lit[..., None])


def hazard_stripes() -> Floats:
    """Yellow and black, diagonal, scuffed."""
    y, x = _grid()
    wave = np.sin(2 * np.pi * 4 * (x + y))
    stripe = smooth(wave, -0.03, 0.03)[..., None]
    out = np.array([236, 184, 18]) * stripe + np.array([34, 33, 32]) * (1 - stripe)
    worn = smooth(noise(_SHAPE, 28, beta=1.9) + 0.4 * noise(_SHAPE, 29, beta=0.5), 1.15, 1.6)
    out = out * (1 - worn[..., None]) + np.array([142, 138, 132]) * worn[..., None]
    dirt = 1 + 0.06 * noise(_SHAPE, 30, beta=2.2) + 0.03 * noise(_SHAPE, 31, beta=0.6)
    return np.asarray(out * dirt[..., None])


def granite() -> Floats:
    """Speckles of four minerals."""
    _, _, which = cells(_SHAPE, 32, 1400)
    minerals = np.array([[196, 190, 184], [150, 142, 138], [92, 88, 90], [184, 148, 130]])
    pick = np.random.default_rng(33).choice(4, 1400, p=[0.4, 0.28, 0.17, 0.15])
    shade = np.random.default_rng(34).uniform(0.86, 1.1, 1400)
    out = minerals[pick[which]] * shade[which][..., None]
    specks = smooth(blobs(_SHAPE, 35, count=500, radius=(2, 5)), 0.2, 0.4)[..., None]
    out = out * (1 - specks) + np.array([40, 38, 42]) * specks
    return np.asarray(out * (1 + 0.05 * noise(_SHAPE, 36, beta=0.8))[..., None])


def carbon_fibre() -> Floats:
    """Twill of dark, glossy yarn."""
    y, x = _grid()
    u, v = x * 32, y * 32
    over = (np.floor(u) + 2 * np.floor(v) + np.floor(v)) % 4 < 2
    across = np.where(over, u % 1, v % 1) - 0.5
    gloss = np.where(over, 0.75, 0.3) + 0.25 * np.cos(np.pi * across)
    fibre = np.where(
        over, noise(_SHAPE, 37, beta=0.3, stretch=0.05), noise(_SHAPE, 38, beta=0.3, stretch=20)
    )
    return tinted(26 + 58 * gloss + 6 * fibre, (0.98, 1.0, 1.04))


TEXTURES: dict[str, Callable[[], Any]] = {
    "wood": wood,
    "checker_plate": checker_plate,
    "brushed_metal": brushed_metal,
    "fabric": fabric,
    "marble": marble,
    "rust": rust,
    "hazard_stripes": hazard_stripes,
    "granite": granite,
    "carbon_fibre": carbon_fibre,
}
