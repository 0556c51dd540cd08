"""Environment maps: equirectangular radiance, 512 x 256, row 0 up, Z up.

Units are relative (1 is about a white surface in shade); within a map the ratios are those of
life: lamps against walls, sun against sky, and grounds lit by what stands above them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from starter.noise import Floats, noise, ramp, smooth

__all__ = ["ENVIRONMENTS", "write_hdr"]

# Drawn finer than written: edges of windows and lamps are means of 2 x 2 directions.
_FINER = 2
_HEIGHT, _WIDTH = 256 * _FINER, 512 * _FINER
Color = tuple[float, float, float]


def write_hdr(path: Path, radiance: Floats) -> None:
    """Writes ``(H, W, 3)`` linear RGB as Radiance RGBE, at the size of the file."""
    small = (radiance.shape[1] // _FINER, radiance.shape[0] // _FINER)
    radiance = cv2.resize(radiance, small, interpolation=cv2.INTER_AREA)
    if not cv2.imwrite(str(path), np.ascontiguousarray(radiance[..., ::-1], dtype=np.float32)):
        raise OSError(f"{path} could not be written")


def _directions() -> Floats:
    """``(H, W, 3)`` unit vectors of the pixel centres."""
    elevation = np.pi / 2 - (np.arange(_HEIGHT) + 0.5) / _HEIGHT * np.pi
    azimuth = (np.arange(_WIDTH) + 0.5) / _WIDTH * 2 * np.pi
    flat = np.cos(elevation)[:, None]
    return np.stack(
        [flat * np.cos(azimuth), flat * np.sin(azimuth), np.sin(elevation)[:, None] + 0 * azimuth],
        axis=-1,
    )


@dataclass(frozen=True, kw_only=True)
class _Panel:
    """A rectangle on a wall of a room.

    Attributes:
        wall: ``+x -x +y -y +z -z``.
        at: Its middle along the wall's two other axes in their order, metres.
        size: Its sides along them, metres.
        radiance: What it sends out; 0 for things that are only lit.
        albedo: What it reflects.

    """

    wall: str
    at: tuple[float, float]
    size: tuple[float, float]
    radiance: Color = (0.0, 0.0, 0.0)
    albedo: Color = (0.5, 0.5, 0.5)


def _room(
    *, low: Color, high: Color, walls: Color, floor: Color, ceiling: Color, panels: Sequence[_Panel]
) -> Floats:
    """A box seen from the origin, lit by its panels: direct light and an even bounce."""
    rays = _directions()
    box = np.array([low, high])
    with np.errstate(divide="ignore"):
        reach = np.where(rays > 0, box[1] / rays, box[0] / rays)
    axis = reach.argmin(axis=-1)
    point = rays * reach.min(axis=-1)[..., None]
    positive = np.take_along_axis(rays, axis[..., None], axis=-1)[..., 0] > 0
    albedo = np.empty((_HEIGHT, _WIDTH, 3))
    albedo[:] = walls
    albedo[(axis == 2) & ~positive] = floor
    albedo[(axis == 2) & positive] = ceiling
    albedo *= (1 + 0.05 * noise((_HEIGHT, _WIDTH), 50, beta=1.8))[..., None]
    glow = np.zeros((_HEIGHT, _WIDTH, 3))
    for panel in panels:
        where = _on(panel, point, axis, positive)
        albedo[where], glow[where] = panel.albedo, panel.radiance
    normal = np.zeros_like(point)
    np.put_along_axis(normal, axis[..., None], np.where(positive, -1.0, 1.0)[..., None], axis=-1)
    received = np.zeros((_HEIGHT, _WIDTH, 3))
    for panel in panels:
        if max(panel.radiance) > 0:
            received += _received(panel, point, normal, box)
    solid = np.cos(np.pi / 2 - (np.arange(_HEIGHT) + 0.5) / _HEIGHT * np.pi)[:, None, None]
    once = albedo * received / np.pi
    bounce = (once * solid).sum(axis=(0, 1)) / (solid.sum() * _WIDTH)
    return np.asarray(glow + once + albedo * bounce * 1.6)


def _on(panel: _Panel, point: Floats, axis: Floats, positive: Floats) -> Floats:
    wall = "xyz".index(panel.wall[1])
    first, second = (i for i in range(3) if i != wall)
    inside = (axis == wall) & (positive == (panel.wall[0] == "+"))
    for i, at, size in zip((first, second), panel.at, panel.size):
        inside = inside & (np.abs(point[..., i] - at) < size / 2)
    return np.asarray(inside)


def _received(panel: _Panel, point: Floats, normal: Floats, box: Floats) -> Floats:
    """Irradiance from a panel, by a few points on it."""
    wall = "xyz".index(panel.wall[1])
    others = [i for i in range(3) if i != wall]
    facing = np.zeros(3)
    facing[wall] = -1.0 if panel.wall[0] == "+" else 1.0
    steps = [max(2, min(6, round(s / 0.4))) for s in panel.size]
    area = panel.size[0] * panel.size[1] / (steps[0] * steps[1])
    total = np.zeros(point.shape[:2])
    for i in range(steps[0]):
        for j in range(steps[1]):
            source = np.zeros(3)
            source[wall] = box[1 if panel.wall[0] == "+" else 0][wall]
            source[others[0]] = panel.at[0] + ((i + 0.5) / steps[0] - 0.5) * panel.size[0]
            source[others[1]] = panel.at[1] + ((j + 0.5) / steps[1] - 0.5) * panel.size[1]
            way = source - point
            far = np.maximum((way**2).sum(axis=-1), 0.02)
            leaves = np.maximum(-(way @ facing), 0)
            arrives = np.maximum((way * normal).sum(axis=-1), 0)
            total += area * leaves * arrives / far**2
    return np.asarray(total[..., None] * np.asarray(panel.radiance))


def studio_softboxes() -> Floats:
    """A grey studio: a large softbox left, a smaller one right, one overhead, a white floor."""
    return _room(
        low=(-3, -3, -1.2), high=(3, 3, 2.4),
        walls=(0.22, 0.22, 0.23), floor=(0.6, 0.6, 0.59), ceiling=(0.16, 0.16, 0.16),
        panels=[
            _Panel(wall="-x", at=(0.4, 0.9), size=(2.2, 1.6), radiance=(30.0, 30.0, 30.5)),
            _Panel(wall="+x", at=(-1.0, 0.6), size=(1.0, 1.4), radiance=(14.0, 13.6, 13.0)),
            _Panel(wall="+z", at=(0.3, 0.6), size=(1.6, 1.6), radiance=(20.0, 20.0, 20.0)),
            _Panel(wall="+y", at=(0.0, -0.2), size=(4.6, 2.0), albedo=(0.72, 0.72, 0.7)),
            _Panel(wall="-y", at=(1.6, -0.1), size=(0.9, 2.1), albedo=(0.16, 0.1, 0.07)),
            _Panel(wall="-y", at=(-1.4, -0.5), size=(1.4, 1.2), albedo=(0.06, 0.08, 0.12)),
        ],
    )  # fmt: skip


def studio_strips() -> Floats:
    """A black studio with four strip lights, as for chrome and glass."""
    strip, warm = (90.0, 91.0, 94.0), (64.0, 56.0, 46.0)
    return _room(
        low=(-2.5, -2.5, -1.1), high=(2.5, 2.5, 2.2),
        walls=(0.04, 0.04, 0.045), floor=(0.12, 0.12, 0.13), ceiling=(0.03, 0.03, 0.03),
        panels=[
            _Panel(wall="-x", at=(-0.8, 0.6), size=(0.28, 2.4), radiance=strip),
            _Panel(wall="+x", at=(0.9, 0.6), size=(0.28, 2.4), radiance=strip),
            _Panel(wall="-y", at=(1.0, 0.5), size=(0.22, 2.0), radiance=warm),
            _Panel(wall="+z", at=(0.0, -0.3), size=(2.6, 0.3), radiance=strip),
            _Panel(wall="+y", at=(0.0, 0.2), size=(2.8, 1.6), albedo=(0.3, 0.3, 0.31)),
        ],
    )  # fmt: skip


def window_room() -> Floats:
    """A living room by day: a window to the sky, wooden floor, shelves, pictures, a sofa."""
    sky, garden = (26.0, 31.0, 38.0), (5.0, 6.5, 3.0)
    panes = [
        _Panel(wall="-x", at=(y, 0.95), size=(0.9, 1.1), radiance=sky) for y in (-0.5, 0.5)
    ] + [_Panel(wall="-x", at=(y, 0.2), size=(0.9, 0.36), radiance=garden) for y in (-0.5, 0.5)]
    books = np.random.default_rng(51).uniform(0.04, 0.5, (18, 3))
    shelf = [
        _Panel(wall="+y", at=(-1.5 + 0.11 * (i % 9), 0.35 + 0.45 * (i // 9)), size=(0.1, 0.34),
               albedo=(float(b[0]), float(b[1]) * 0.8, float(b[2]) * 0.7))
        for i, b in enumerate(books)
    ]  # fmt: skip
    return _room(
        low=(-2.4, -2.6, -1.1), high=(2.8, 2.6, 1.6),
        walls=(0.62, 0.58, 0.5), floor=(0.3, 0.18, 0.1), ceiling=(0.78, 0.77, 0.74),
        panels=[
            _Panel(wall="-x", at=(0.0, 0.6), size=(2.1, 1.7), albedo=(0.8, 0.8, 0.8)),
            *panes,
            _Panel(wall="+y", at=(-1.05, 0.55), size=(1.3, 1.3), albedo=(0.2, 0.12, 0.07)),
            *shelf,
            _Panel(wall="-y", at=(0.2, -0.65), size=(2.2, 0.9), albedo=(0.12, 0.2, 0.24)),
            _Panel(wall="-y", at=(0.4, 0.6), size=(1.0, 0.7), albedo=(0.5, 0.2, 0.12)),
            _Panel(wall="+x", at=(1.2, 0.0), size=(0.9, 2.1), albedo=(0.72, 0.7, 0.66)),
            _Panel(wall="-z", at=(0.2, 0.0), size=(2.4, 1.8), albedo=(0.36, 0.1, 0.08)),
            _Panel(wall="+z", at=(0.2, 0.0), size=(0.5, 0.5), radiance=(9.0, 7.0, 4.6)),
        ],
    )  # fmt: skip


def workshop() -> Floats:
    """A hall with rows of tube lamps, machines, racks and a gate to the daylight."""
    tube = (42.0, 44.0, 45.0)
    lamps = [
        _Panel(wall="+z", at=(x, y), size=(0.35, 2.4), radiance=tube)
        for x in (-4.5, -1.5, 1.5, 4.5) for y in (-3.2, 0.0, 3.2)
    ]  # fmt: skip
    tones = np.random.default_rng(52).uniform(0.05, 0.45, (14, 3))
    things = [
        _Panel(wall="+y" if i % 2 else "-y", at=(-5.6 + 1.7 * (i // 2), -0.5 + 0.25 * (i % 3)),
               size=(1.2, 1.3 + 0.3 * (i % 3)), albedo=(float(t[0]), float(t[1]), float(t[2])))
        for i, t in enumerate(tones)
    ]  # fmt: skip
    return _room(
        low=(-7, -5, -1.2), high=(7, 5, 3.6),
        walls=(0.5, 0.5, 0.46), floor=(0.26, 0.27, 0.28), ceiling=(0.4, 0.4, 0.4),
        panels=[
            *lamps, *things,
            _Panel(wall="+x", at=(1.0, 0.3), size=(3.6, 3.0), radiance=(13.0, 15.0, 18.0)),
            _Panel(wall="-x", at=(-1.0, -0.1), size=(1.2, 2.2), albedo=(0.05, 0.14, 0.3)),
            _Panel(wall="-x", at=(2.2, 0.4), size=(2.4, 1.2), albedo=(0.6, 0.55, 0.1)),
            _Panel(wall="-z", at=(0.0, 2.4), size=(14.0, 0.14), albedo=(0.6, 0.5, 0.05)),
            _Panel(wall="-z", at=(0.0, -2.4), size=(14.0, 0.14), albedo=(0.6, 0.5, 0.05)),
        ],
    )  # fmt: skip


def _sphere_noise(seed: int, scale: float) -> Floats:
    """Noise on a far plane above or below, seen from the origin: finer to the horizon."""
    field = noise((1024, 1024), seed, beta=2.7)
    rays = _directions()
    flat = rays[..., :2] / np.maximum(np.abs(rays[..., 2:]), 0.04) * scale
    at = np.floor(flat * 1024).astype(np.int64) % 1024
    return np.asarray(field[at[..., 0], at[..., 1]])


def _hills(seed: int, height: float, detail: float) -> Floats:
    """Mask of what stands on the horizon: trees, hills or houses, up to `height` (sine)."""
    line = noise((1, _WIDTH), seed, beta=detail)[0] * height * 0.3 + height * 0.55
    return np.asarray(_directions()[..., 2] < np.maximum(line, 0.01))


def _outdoors(sky: Floats, ground: Color, *, seed: int, trees: float, lit: Color) -> Floats:
    """A sky over a textured ground and dark trees, both lit by `lit` (irradiance over pi)."""
    up = _directions()[..., 2]
    grain = 1 + 0.22 * _sphere_noise(seed, 0.15)
    earth = np.asarray(ground) * np.asarray(lit) * np.clip(grain, 0.3, 2)[..., None]
    leaf = 1 + 0.3 * noise((_HEIGHT, _WIDTH), seed + 1, beta=1.0)
    wood = np.array([0.05, 0.075, 0.03]) * np.asarray(lit) * np.clip(leaf, 0.2, 2)[..., None]
    out = np.where((up < 0)[..., None], earth, sky)
    standing = _hills(seed + 2, trees, 1.3) & (up >= 0)
    return np.asarray(np.where(standing[..., None], wood, out))


def _mean_over_hemisphere(sky: Floats) -> Color:
    """Irradiance on the ground over pi, RGB."""
    up = np.maximum(_directions()[..., 2], 0)
    solid = np.sqrt(np.maximum(1 - _directions()[..., 2] ** 2, 0)) * (np.pi / _HEIGHT) ** 2
    e = (sky * (up * solid)[..., None]).sum(axis=(0, 1)) / np.pi
    return (float(e[0]), float(e[1]), float(e[2]))


def _sun(
    sky: Floats, *, elevation_deg: float, azimuth_deg: float, irradiance: Color, glow: float
) -> Floats:
    """Adds a sun of 0.9 degrees that gives `irradiance` face on, and the glow about it."""
    e, a = np.radians(elevation_deg), np.radians(azimuth_deg)
    toward = np.array([np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)])
    rays = _directions()
    angle = np.degrees(np.arccos(np.clip(rays @ toward, -1, 1)))
    disc = np.exp(-((angle / 0.45) ** 2))
    solid = np.sqrt(1 - rays[..., 2] ** 2) * (np.pi / _HEIGHT) ** 2
    disc /= (disc * solid).sum()
    halo = glow * (np.exp(-angle / 4) + 0.25 * np.exp(-angle / 18))
    return np.asarray(sky + (disc + halo)[..., None] * np.asarray(irradiance))


def overcast() -> Floats:
    """A grey sky, three times brighter overhead than at the horizon (CIE), over grass."""
    up = np.maximum(_directions()[..., 2], 0)
    cloud = 1 + 0.13 * _sphere_noise(53, 0.12) * smooth(up, 0.0, 0.35)
    sky = (1 + 2 * up)[..., None] / 3 * 1.6 * np.array([0.95, 0.99, 1.06]) * cloud[..., None]
    return _outdoors(sky, (0.07, 0.11, 0.04), seed=54, trees=0.16, lit=_mean_over_hemisphere(sky))


def clear_sky() -> Floats:
    """A blue sky with a high sun and few clouds, over dry ground."""
    up = np.clip(_directions()[..., 2], 0, 1)
    sky = ramp(up**0.45, (0.95, 1.0, 1.05), (0.42, 0.66, 1.05), (0.14, 0.3, 0.72))
    cloud = smooth(_sphere_noise(57, 0.1), 0.7, 1.9) * smooth(up, 0.03, 0.25)
    sky = sky + cloud[..., None] * (np.array([2.1, 2.1, 2.15]) - sky) * 0.8
    sun = _sun(sky, elevation_deg=48, azimuth_deg=70, irradiance=(11.0, 10.4, 9.4), glow=0.12)
    return _outdoors(sun, (0.24, 0.2, 0.13), seed=58, trees=0.1, lit=_mean_over_hemisphere(sun))


def sunset() -> Floats:
    """A low red sun, warm at its side and violet away from it, over a dark field."""
    rays = _directions()
    up = np.clip(rays[..., 2], 0, 1)
    side = 0.5 + 0.5 * rays[..., 0] / np.maximum(np.sqrt(1 - rays[..., 2] ** 2), 1e-6)
    warm = ramp(up**0.5, (1.7, 0.62, 0.16), (0.75, 0.46, 0.36), (0.16, 0.2, 0.36))
    cool = ramp(up**0.5, (0.4, 0.3, 0.36), (0.24, 0.25, 0.4), (0.12, 0.16, 0.32))
    sky = cool + (warm - cool) * (side**2)[..., None]
    cloud = smooth(_sphere_noise(61, 0.07), 0.3, 1.6) * smooth(up, 0.02, 0.12)
    sky = sky * (1 + cloud[..., None] * (np.array([1.4, 0.5, 0.2]) * side[..., None] - 0.25))
    sun = _sun(sky, elevation_deg=7, azimuth_deg=0.35, irradiance=(3.2, 1.35, 0.4), glow=0.3)
    return _outdoors(sun, (0.1, 0.09, 0.05), seed=62, trees=0.08, lit=_mean_over_hemisphere(sun))


def night_street() -> Floats:
    """A street by night: sodium lamps, lit windows and shop fronts, asphalt under a black sky."""
    rays = _directions()
    dark = ramp(np.clip(rays[..., 2], 0, 1), (0.03, 0.022, 0.016), (0.006, 0.007, 0.012))
    houses = _street_walls(rays)
    out = np.where(houses[1][..., None], houses[0], dark)
    asphalt = np.array([0.05, 0.048, 0.046])
    lamps = [(x, y, 5.0) for x in (-21, -7, 7, 21) for y in (-4.5, 4.5)]
    ground = rays / np.maximum(-rays[..., 2:], 0.01) * 1.5
    light = np.zeros(rays.shape[:2])
    for lamp in lamps:
        far = ((ground - np.asarray(lamp)) ** 2).sum(axis=-1)
        light += 260 * (lamp[2] + 1.5) / far**1.5
    grain = np.clip(1 + 0.25 * _sphere_noise(66, 0.3), 0.3, 2)
    sodium = np.array([1.0, 0.62, 0.24])
    road = asphalt * ((light / np.pi * grain)[..., None] * sodium + 0.02)
    out = np.where((rays[..., 2] < 0)[..., None], road, out)
    for lamp in lamps:
        toward = np.asarray(lamp) / np.linalg.norm(lamp)
        angle = np.degrees(np.arccos(np.clip(rays @ toward, -1, 1)))
        size = np.degrees(0.22 / np.linalg.norm(lamp))
        shine = 1700 * np.exp(-((angle / max(size, 0.5)) ** 2)) + 0.5 * np.exp(-angle / 3)
        out = out + shine[..., None] * sodium * min(1.0, (size / 0.5) ** 2)
    return np.asarray(out)


def _street_walls(rays: Floats) -> tuple[Floats, Floats]:
    """House fronts on both sides, 9 m away: radiance, and where they stand."""
    reach = 9.0 / np.maximum(np.abs(rays[..., 1]), 1e-3)
    along, high = rays[..., 0] * reach, rays[..., 2] * reach + 1.5
    side = (rays[..., 1] > 0).astype(np.int64)
    house = np.floor(along / 8).astype(np.int64)
    rng = np.random.default_rng(67)
    tall, tint = rng.uniform(7, 14, 64), rng.uniform(0.4, 1, (64, 3))
    pick = (house * 2 + side) % 64
    stands = (high < tall[pick]) & (high > 0) & (np.abs(along) < 80)
    window = np.abs((along % 2.0) - 1) < 0.5
    window &= np.abs((high % 3.0) - 1.7) < 0.75
    cell = np.floor(along / 2).astype(np.int64) * 131 + np.floor(high / 3).astype(np.int64) * 17
    chance = rng.random(997)[(cell + side * 71) % 997]
    lit = window & (chance < 0.35)
    wall = (
        tint[pick] * np.array([0.09, 0.06, 0.035]) * np.exp(-np.maximum(high - 4, 0) / 4)[..., None]
    )
    glow = np.array([2.6, 1.9, 1.0]) * (0.5 + chance)[..., None]
    shop = (high < 2.9) & (high > 0.6) & (chance > 0.6) & (np.abs((along % 8) - 4) < 3.2)
    wall = np.where(lit[..., None], glow, wall)
    wall = np.where((window & ~lit)[..., None], [0.012, 0.014, 0.02], wall)
    return np.where(shop[..., None], np.array([5.0, 5.2, 5.6]), wall), stands


ENVIRONMENTS: dict[str, Callable[[], Floats]] = {
    "studio_softboxes": studio_softboxes,
    "studio_strips": studio_strips,
    "window_room": window_room,
    "workshop": workshop,
    "overcast": overcast,
    "clear_sky": clear_sky,
    "sunset": sunset,
    "night_street": night_street,
}
