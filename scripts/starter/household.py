"""Things of a kitchen, a toolbox and a game. Sizes in millimetres, Z up."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from starter import finishes
from starter.drawn import bottle_skin, mug_skin
from starter.shapes import (
    Finish,
    Floats,
    Part,
    cap,
    circle,
    fan,
    moved,
    part,
    ring,
    skin,
    turned,
)

__all__ = ["bottle", "die", "mug", "screwdriver"]

_MUG = [
    (0.0, 2.0), (28.0, 2.0), (29.0, 0.7), (30.0, 0.0), (32.0, 0.0), (33.6, 0.6), (36.4, 3.0),
    (39.2, 8.0), (40.6, 16.0), (41.0, 30.0), (41.0, 60.0), (41.0, 91.0), (40.8, 93.4),
    (40.2, 94.6), (39.2, 95.0), (38.2, 94.6), (37.5, 93.2), (37.2, 90.0), (37.0, 60.0),
    (36.8, 24.0), (36.4, 14.0), (34.6, 9.0), (31.0, 6.6), (26.0, 5.8), (0.0, 5.5),
]  # fmt: skip
_BOTTLE = [
    (0.0, 3.0), (16.0, 2.6), (22.0, 1.2), (25.0, 0.0), (28.5, 0.0), (31.2, 1.2), (32.6, 4.0),
    (33.0, 8.0), (33.0, 22.0), (33.0, 75.0), (33.0, 130.0), (32.6, 138.0), (31.0, 147.0),
    (28.0, 155.5), (23.5, 163.0), (18.0, 168.5), (14.2, 171.5), (13.0, 174.0), (13.0, 180.0),
    (0.0, 180.0),
]  # fmt: skip


def _heights(profile: Sequence[tuple[float, float]], *at: int) -> list[float]:
    """V of points of a profile, as `turned` lays it on."""
    steps = np.linalg.norm(np.diff(np.asarray(profile), axis=0), axis=1)
    run = np.concatenate([[0], np.cumsum(steps)])
    return [float(run[i] / run[-1]) for i in at]


def mug() -> list[Part]:
    """A stoneware mug 82 x 95 with a printed band; double wall, handle along +x."""
    low, high = _heights(_MUG, 8, 11)
    glaze = Finish(
        name="glaze", color=(1.0, 1.0, 1.0), roughness=0.18, image=mug_skin(low=low, high=high)
    )
    plain = Finish(name="plain_glaze", color=(0.78, 0.75, 0.68), roughness=0.18)
    return [
        part(glaze, turned(_MUG, 96), crease_deg=50),
        part(plain, _handle(), crease_deg=60),
    ]


def _handle() -> Floats:
    """A D of oval section, thicker where it meets the wall, its ends inside the wall."""
    rings = []
    for angle in np.linspace(np.pi / 2, -np.pi / 2, 33):
        c, s = max(np.cos(angle), 0.0), np.sin(angle)
        x, z = 38.8 + 29.0 * c**0.8, 51.0 + 27.0 * np.sign(s) * abs(s) ** 0.8
        ahead = np.array([-29 * s * max(c, 0.05) ** -0.2, 27 * c * max(abs(s), 0.05) ** -0.2])
        across = ahead / np.linalg.norm(ahead)  # against the way down the handle
        flare = 1 + 0.35 * np.exp(-(x - 38.8) / 3.5)
        oval = circle(1.0, 24) * [4.2 * flare, 6.2 * flare]  # in the plane, along y
        px, pz = x + oval[:, 0] * across[1], z - oval[:, 0] * across[0]
        rings.append(np.stack([px, oval[:, 1], pz, np.zeros(24), np.zeros(24)], axis=1))
    rings.reverse()
    return np.concatenate([fan(rings[0], up=False), skin(rings), fan(rings[-1], up=True)])


def bottle() -> list[Part]:
    """A half-litre bottle of cleaner with a wrap-round label and a ribbed cap."""
    low, high = _heights(_BOTTLE, 8, 10)
    body = Finish(
        name="body", color=(1.0, 1.0, 1.0), roughness=0.35, image=bottle_skin(low=low, high=high)
    )
    n = 120
    rib = np.where(np.arange(n) % 3 == 0, 0.0, 0.45)
    rings = [ring(circle(1, n) * (r + rib * share)[:, None], z) for r, z, share in (
        (13.4, 174.6, 0), (15.2, 174.6, 0.2), (15.4, 176.0, 1), (15.3, 192.5, 1),
        (14.9, 194.2, 0.3), (14.0, 195.0, 0),
    )]  # fmt: skip
    lid = np.concatenate([fan(rings[0], up=False), skin(rings), fan(rings[-1], up=True)])
    lid_finish = Finish(name="cap", color=(0.02, 0.16, 0.2), roughness=0.4)
    return [part(body, turned(_BOTTLE, 72), crease_deg=40), part(lid_finish, lid, crease_deg=30)]


def screwdriver() -> list[Part]:
    """A flat screwdriver, 6.5 mm blade, tip at the bottom: fluted handle, steel shaft."""
    n = 72
    angle = 2 * np.pi * np.arange(n) / n
    flutes = np.cos(6 * angle) ** 2
    shape = [
        (0.0, 104.0, 0), (6.5, 104.0, 0), (8.2, 105.2, 0), (9.0, 107.5, 0), (9.2, 112.0, 0),
        (9.6, 116.0, 0), (11.6, 121.0, 0), (12.4, 124.0, 0), (12.6, 128.0, 0.5),
        (13.2, 136.0, 1), (14.0, 156.0, 1), (14.0, 180.0, 1), (13.6, 190.0, 0.8),
        (13.2, 195.0, 0), (12.6, 200.0, 0), (10.8, 204.5, 0), (7.6, 207.4, 0), (3.6, 208.8, 0),
        (0.0, 209.0, 0),
    ]  # fmt: skip
    rings = [ring(circle(1, n) * (r - 2.2 * share * flutes)[:, None], z) for r, z, share in shape]
    collar = [(0.0, 103.0), (5.6, 103.0), (6.2, 103.6), (6.2, 106.0), (0.0, 106.0)]
    return [
        part(finishes.RED_PLASTIC, skin(rings), crease_deg=40),
        part(finishes.BLACK_PLASTIC, turned(collar, 48)),
        part(finishes.CHROME, _blade(n), crease_deg=30),
    ]


def _blade(n: int) -> Floats:
    """A round shaft that is forged wide, then ground to a flat tip at z = 0."""
    round_one = circle(3.25, n)
    rings = []
    for z, wide, flat, square in (
        (0.0, 3.1, 0.45, 1.0), (0.6, 3.25, 0.52, 1.0), (7.0, 3.6, 1.1, 1.0),
        (13.0, 3.7, 1.9, 0.85), (18.0, 3.5, 2.8, 0.4), (22.0, 3.25, 3.25, 0.0),
        (104.5, 3.25, 3.25, 0.0),
    ):  # fmt: skip
        boxed = np.clip(round_one * 1.6, [-wide, -flat], [wide, flat])
        oval = round_one / 3.25 * [wide, flat]
        rings.append(ring(square * boxed + (1 - square) * oval, z))
    return np.concatenate([fan(rings[0], up=False), skin(rings), fan(rings[-1], up=True)])


# Centres of pips in units of their spacing, by number.
_PIPS = {
    1: [(0, 0)],
    2: [(-1, -1), (1, 1)],
    3: [(-1, -1), (0, 0), (1, 1)],
    4: [(-1, -1), (1, -1), (-1, 1), (1, 1)],
    5: [(-1, -1), (1, -1), (0, 0), (-1, 1), (1, 1)],
    6: [(-1, -1), (1, -1), (-1, 0), (1, 0), (-1, 1), (1, 1)],
}
# Axes of a face (new x, y, z of the upright one) and its number; opposite faces sum to 7, and
# 1, 2, 3 run counter-clockwise about their corner, as on dice sold in the West.
_FACES = [
    (np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1]]), 1),
    (np.array([[1, 0, 0], [0, -1, 0], [0, 0, -1]]), 6),
    (np.array([[0, 1, 0], [0, 0, 1], [1, 0, 0]]), 2),
    (np.array([[0, 1, 0], [0, 0, -1], [-1, 0, 0]]), 5),
    (np.array([[0, 0, 1], [1, 0, 0], [0, 1, 0]]), 3),
    (np.array([[0, 0, -1], [1, 0, 0], [0, -1, 0]]), 4),
]
_HALF, _ROUND, _PIP = 8.0, 1.7, 1.45


def die() -> list[Part]:
    """A six-sided die of 16 mm, edges rounded, pips hollowed out and painted."""
    flat, side = _HALF - _ROUND, 2 * (_HALF - _ROUND)
    square = np.array([[-flat, -flat], [flat, -flat], [flat, flat], [-flat, flat]])
    body, bowls = [_rounding(flat)], []
    for axes, number in _FACES:
        centres = np.array(_PIPS[number]) * side * 0.315
        circles = [circle(_PIP, 24) + c for c in centres]
        body.append(_placed(cap(square, circles, _HALF, up=True), axes))
        bowls += [_placed(moved(_bowl(), by=(*c, _HALF)), axes) for c in centres]
    return [
        part(finishes.IVORY, *body, crease_deg=30),
        part(finishes.PIP, *bowls, crease_deg=40),
    ]


def _placed(soup: Floats, axes: NDArray[np.int64]) -> Floats:
    out = soup.copy()
    out[..., :3] = soup[..., :3] @ axes
    return out


def _bowl() -> Floats:
    """A spherical hollow whose rim lies at z = 0."""
    depth = 0.55
    radius = (_PIP**2 + depth**2) / (2 * depth)
    profile = []
    for share in np.linspace(0, 1, 5):
        r = _PIP * share
        profile.append((r, radius - depth - np.sqrt(radius**2 - r**2)))
    profile[-1] = (_PIP, 0.0)
    # Seen from above, its hollow side is outside: radius grows, so turn the winding round.
    return turned(profile, 24)[:, ::-1]


def _rounding(flat: float) -> Floats:
    """Quarter rounds of twelve edges and eighth spheres of eight corners."""
    steps = 6
    angle = np.linspace(0, np.pi / 2, steps + 1)
    arc = flat + _ROUND * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    low, high = (np.concatenate([arc, np.full((steps + 1, 1), z)], axis=1) for z in (-flat, flat))
    edge = np.pad(
        skin([np.pad(low, ((0, 0), (0, 2))), np.pad(high, ((0, 0), (0, 2)))], wrap=False), 0
    )
    corner = _eighth(flat, steps)
    soups = []
    for quarter in range(4):
        for axes in ("xyz", "yzx", "zxy"):
            soups.append(moved(moved(edge, turn_deg=90 * quarter), axes=axes))
        soups.append(moved(corner, turn_deg=90 * quarter))
        flipped = moved(corner, turn_deg=90 * quarter)
        flipped[..., [1, 2]] *= -1
        soups.append(flipped)
    return np.concatenate(soups)


def _eighth(flat: float, steps: int) -> Floats:
    """An eighth of a sphere on (flat, flat, flat), its three borders cut into equal angles."""
    rows = []
    for i in range(steps + 1):
        tilt = np.pi / 2 * i / steps
        around = np.linspace(0, np.pi / 2, steps - i + 1)
        points = [np.cos(tilt) * np.cos(around), np.cos(tilt) * np.sin(around)]
        rows.append(np.stack([*points, np.full(len(around), np.sin(tilt))], axis=1))
    triangles = []
    for a, b in pairwise(rows):
        triangles += [[a[j], a[j + 1], b[j]] for j in range(len(b))]
        triangles += [[a[j + 1], b[j + 1], b[j]] for j in range(len(b) - 1)]
    return np.pad(flat + _ROUND * np.array(triangles), ((0, 0), (0, 0), (0, 2)))
