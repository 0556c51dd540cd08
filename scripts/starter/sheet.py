"""Bent sheet, a valve and a grille. Sizes in millimetres, Z up."""

from __future__ import annotations

import numpy as np

from starter import finishes
from starter.drawn import perforation
from starter.hardware import grille_frame, hexagon_rings, rounded
from starter.shapes import (
    Finish,
    Floats,
    Part,
    cap,
    circle,
    fan,
    inset,
    moved,
    part,
    ring,
    skin,
    turned,
)

__all__ = ["bracket", "grille", "valve"]

_THICK, _BEND = 4.0, 5.0  # of the bracket: sheet, inner radius
_ARC = (_BEND + _THICK / 2) * np.pi / 2
_FOOT, _BACK, _WIDTH, _BEVEL = 51.0, 41.0, 40.0, 0.4


def bracket() -> list[Part]:
    """An angle bracket 60 x 40 x 50 of painted 4 mm sheet: two holes, a slot and a hole."""
    outline, bends = _flat_pattern()
    small = inset(outline, _BEVEL)
    slot = _slot(14.0, 3.3) + np.array([_ARC + 13.0, 0.0])
    foot_holes = [circle(4.2, 32) + np.array([-36.0, y]) for y in (-10.0, 10.0)]
    back_holes = [slot, circle(3.3, 28) + np.array([_ARC + 31.0, 0.0])]
    soups = []
    for loop, outward in [(outline, True), *((h, False) for h in foot_holes + back_holes)]:
        edge = inset(loop, _BEVEL if outward else -_BEVEL)
        rings = [ring(edge, 0), ring(loop, _BEVEL)]
        rings += [ring(loop, _THICK - _BEVEL), ring(edge, _THICK)]
        soups.append(skin(rings if outward else rings[::-1]))
    for z, up in ((0.0, False), (_THICK, True)):
        for keep, holes in (
            (small[:, 0] < 1e-6, foot_holes),
            (small[:, 0] > bends[-1] - 1e-6, back_holes),
        ):
            soups.append(cap(small[keep], [inset(h, -_BEVEL) for h in holes], z, up=up))
        y = _WIDTH / 2 - _BEVEL
        rows = [ring(np.stack([bends, np.full(len(bends), s * y)], axis=1), z) for s in (-1, 1)]
        soups.append(skin(rows if up else rows[::-1], wrap=False))
    flat = np.concatenate(soups)
    return [part(finishes.BLUE_PAINT, _bent(flat))]


def _flat_pattern() -> tuple[Floats, Floats]:
    """Outline of the sheet along s and y, and the s of its bend lines."""
    bends = np.linspace(0, _ARC, 9)
    left = rounded(2 * _FOOT, _WIDTH, 6.0)
    right = rounded(2 * _BACK, _WIDTH, 6.0) + np.array([_ARC, 0.0])
    low = np.stack([bends, np.full(9, -_WIDTH / 2)], axis=1)
    high = np.stack([bends[::-1], np.full(9, _WIDTH / 2)], axis=1)
    quarter = len(left) // 4
    parts = [low, right[3 * quarter :], right[:quarter], high, left[quarter : 3 * quarter]]
    return np.concatenate(parts), bends


def _bent(flat: Floats) -> Floats:
    """Sheet along s, its z from the outside, folded up at s = 0."""
    out = flat.copy()
    s, depth = flat[..., 0], flat[..., 2]
    angle = np.clip(s / _ARC, 0, 1) * np.pi / 2
    radius = _BEND + _THICK - depth
    out[..., 0] = np.minimum(s, 0) + radius * np.sin(angle)
    out[..., 2] = _BEND + _THICK - radius * np.cos(angle) + np.maximum(s - _ARC, 0)
    return out


def _slot(length: float, radius: float) -> Floats:
    """An obround along y, counter-clockwise."""
    arc = circle(radius, 28)
    shift = np.where(arc[:, 1:] > 1e-9, 1, -1) * (length / 2 - radius)
    ends = np.abs(arc[:, 1:]) < 1e-9
    return arc + np.where(ends, 0, shift) * np.array([0.0, 1.0])


def valve() -> list[Part]:
    """A brass ball valve with a red lever; the pipe runs along x."""
    n = 60
    hexagon = hexagon_rings(30.0, low=0.0, high=13.0, n=n, chamfers=(True, True))
    left = [moved(r[None], by=(0, 0, -34))[0] for r in hexagon]
    right = [moved(r[None], by=(0, 0, 21))[0] for r in hexagon]
    barrel = [(12.5, -20.0), (12.5, -17.5), (15.0, -14.0), (16.6, -8.0), (17.0, 0.0)]
    barrel += [(r, -z) for r, z in barrel[-2::-1]]
    middle = [ring(circle(r, n), z) for r, z in barrel]
    bore = [(10.6, -34.0), (9.6, -33.0), (9.6, -22.0), (7.5, -20.5), (7.5, 20.5), (9.6, 22.0)]
    bore += [(9.6, 33.0), (10.6, 34.0)]
    inner = [ring(circle(r, n), z) for r, z in bore[::-1]]
    body = moved(skin([*left, *middle, *right, *inner], closed=True), axes="zxy")
    neck = [
        (0.0, 8.0),
        (8.5, 8.0),
        (8.5, 19.5),
        (8.0, 20.0),
        (6.0, 20.2),
        (6.0, 24.5),
        (5.6, 25.0),
        (0.0, 25.0),
    ]
    stem = [(0.0, 24.0), (3.0, 24.0), (3.0, 34.6), (2.6, 35.0), (0.0, 35.0)]
    top = hexagon_rings(10.0, low=28.6, high=33.0, n=n, chamfers=(False, True))
    lock = np.concatenate([fan(top[0], up=False), skin(top), fan(top[-1], up=True)])
    return [
        part(finishes.MATT_BRASS, body, turned(neck, 48)),
        part(finishes.MATT_STEEL, turned(stem, 32), lock, _lever(0.0, 40.0, 9.0, 2.6)),
        part(finishes.RED_PAINT, _lever(34.0, 112.0, 12.0, 5.0), crease_deg=40),
    ]


def _lever(start: float, end: float, width: float, thick: float) -> Floats:
    """A strip along the valve's lever from x = start to x = end."""
    section = rounded(width, thick, thick * 0.45, 5)
    rings = []
    for x in np.linspace(start, end, 24):
        rise = np.clip((x - 14) / 22, 0, 1)
        z = 27.3 + 11.0 * rise * rise * (3 - 2 * rise) + 0.03 * max(x - 36, 0)
        edge = min(x - start, end - x)
        scale = np.sqrt(1 - (1 - min(edge / 4.0, 1.0)) ** 2) * 0.45 + 0.55
        y, up = section[:, 0] * scale, section[:, 1] * scale
        columns = [np.full(len(section), x), y, z + up]
        rings.append(np.stack([*columns, np.zeros_like(y), np.zeros_like(y)], axis=1))
    if start == 0.0:
        rings.insert(0, rings[0] - [4.5, 0, 0, 0, 0])
    return np.concatenate([fan(rings[0], up=False), skin(rings), fan(rings[-1], up=True)])


def grille() -> list[Part]:
    """A fan grille 120 mm square: a solid frame and a perforated sheet cut out by its texture."""
    sheet = Finish(
        name="perforated",
        color=(0.5, 0.5, 0.5),
        metallic=1.0,
        roughness=0.45,
        image=perforation(),
        cut_out=True,
        double_sided=True,
    )
    count, size = 17, 112.0 / 17
    edge = np.linspace(-56, 56, count)
    rows = []
    for y in edge:
        row = ring(np.stack([edge, np.full(count, y)], axis=1), 2.0)
        row[:, 3:] = row[:, :2] / size
        rows.append(row)
    return [
        part(finishes.BLACK_STEEL, grille_frame()),
        part(sheet, skin(rows, wrap=False)),
    ]
