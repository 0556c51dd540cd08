"""Bolts, gears and other parts of machines. Sizes in millimetres, Z up."""

from __future__ import annotations

import numpy as np

from starter import finishes
from starter.shapes import (
    Floats,
    Part,
    cap,
    circle,
    fan,
    helix_rings,
    inset,
    moved,
    part,
    ring,
    skin,
    turned,
    wall,
)

__all__ = ["bearing", "bolt", "gear", "grille_frame", "hexagon_rings", "nut", "plate", "pulley"]

_PITCH = 1.75  # M12, coarse
_MAJOR, _MINOR = 12.0, 10.106
_ACROSS = 18.0  # across flats, ISO 4014 and 4032


def hexagon_rings(
    across: float, *, low: float, high: float, n: int, chamfers: tuple[bool, bool]
) -> list[Floats]:
    """Rings of a hexagonal prism, upwards, turned to a 30 degree cone at chosen ends."""
    angle = 2 * np.pi * np.arange(n) / n
    radius = across / 2 / np.cos((angle + np.pi / 6) % (np.pi / 3) - np.pi / 6)
    flat = 0.475 * across
    drop = (radius - flat) * np.tan(np.radians(30))
    outline = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    rings = [ring(circle(flat, n), low)] if chamfers[0] else []
    rings.append(ring(outline, low + drop * chamfers[0]))
    rings.append(ring(outline, high - drop * chamfers[1]))
    return rings + ([ring(circle(flat, n), high)] if chamfers[1] else [])


def bolt() -> list[Part]:
    """A hexagon head bolt M12 x 50, 30 mm of it threaded, head down at z = 0."""
    n, head, length, threaded = 60, 7.5, 50.0, 30.0
    tip = head + length
    body = hexagon_rings(_ACROSS, low=0.0, high=head, n=n, chamfers=(True, False))
    washer = [ring(circle(8.3, n), head), ring(circle(8.3, n), head + 0.5)]
    shank = [(6.7, head + 0.5), (6.1, head + 0.8), (5.95, head + 1.3), (5.95, tip - threaded)]
    rings = [*body, *washer, *(ring(circle(r, n), z) for r, z in shank)]
    thread = _thread(low=tip - threaded, high=tip - 0.4, n=n)
    seam = skin([ring(circle(5.95, n), tip - threaded), thread[0][:-1]])
    end = [thread[-1][:-1], ring(circle(4.3, n), tip)]
    return [
        part(
            finishes.ZINC,
            fan(rings[0], up=False),
            skin(rings),
            seam,
            skin(thread, wrap=False),
            skin(end),
            fan(end[-1], up=True),
        )
    ]


def _thread(*, low: float, high: float, n: int) -> list[Floats]:
    """An outer M12 thread that rises from its root at the shank and thins out at the tip."""
    crest, root = _MAJOR / 2 - 0.03, _MINOR / 2
    profile = [(0.0, root), (0.22, root), (0.55, crest), (0.67, crest)]
    rings = helix_rings(profile, pitch=_PITCH, z_low=low, z_high=high, n=n)
    for one in rings:
        z, radius = one[:, 2], np.hypot(one[:, 0], one[:, 1])
        top = np.minimum(root + (z - low) * 0.6, root - 0.45 + (high - z) * 0.8)
        scale = np.clip(radius, root - 0.45, np.maximum(top, root - 0.45)) / radius
        one[:, :2] *= scale[:, None]
    return rings


def nut() -> list[Part]:
    """A hexagon nut M12 with a threaded bore, chamfered on both sides."""
    n, height = 60, 10.8
    outer = hexagon_rings(_ACROSS, low=0.0, high=height, n=n, chamfers=(True, True))
    crest, root = 5.2, 6.05
    profile = [(0.0, root), (0.12, root), (0.45, crest), (0.67, crest)]
    thread = helix_rings(profile, pitch=_PITCH, z_low=0.85, z_high=height - 0.85, n=n)
    for one in thread:
        z, radius = one[:, 2], np.hypot(one[:, 0], one[:, 1])
        bottom = root - np.minimum(z - 0.85, height - 0.85 - z) * 0.9
        one[:, :2] *= (np.maximum(radius, bottom) / radius)[:, None]
    mouth_low, mouth_high = ring(circle(6.6, n), 0.0), ring(circle(6.6, n), height)
    return [
        part(
            finishes.BRASS,
            skin([mouth_low, *outer, mouth_high, thread[-1][:-1]]),
            skin([thread[0][:-1], mouth_low]),
            skin(thread[::-1], wrap=False),
        )
    ]


def gear() -> list[Part]:
    """A spur gear: module 2, 24 teeth, 20 degrees; web, hub, bore 10 with keyway."""
    teeth = _involute(module=2.0, teeth=24)
    bore = _keyed_bore(5.0, 3.0, 6.4)
    rim, boss, floor, face, hub, edge = 19.0, 11.0, 3.0, 12.0, 18.0, 0.35
    rim_loop, boss_loop = circle(rim, 72), circle(boss, 72)
    rim_floor, boss_floor = circle(rim - 0.8, 72), circle(boss + 0.8, 72)
    holes = [circle(1.9, 24) + 15.0 * circle(1, 5, 18)[i] for i in range(5)]
    small = inset(teeth, edge)
    sides = [ring(small, 0), ring(teeth, edge), ring(teeth, face - edge), ring(small, face)]
    soups = [skin(sides)]
    soups += [cap(small, [rim_loop], face, up=True), cap(small, [rim_loop], 0, up=False)]
    for z, level, up in ((face, face - floor, True), (0.0, floor, False)):
        walls = [[ring(rim_loop, z), ring(rim_floor, level)]]
        walls += [[ring(boss_floor, level), ring(boss_loop, z)]]
        soups += [skin(w if up else w[::-1]) for w in walls]
        soups.append(cap(rim_floor, [boss_floor, *holes], level, up=up))
    soups += [wall(h, floor, face - floor, outward=False) for h in holes]
    top = inset(boss_loop, 0.6)
    soups += [skin([ring(boss_loop, face), ring(boss_loop, hub - 0.6), ring(top, hub)])]
    wide = inset(bore, -0.4)
    soups += [cap(top, [wide], hub, up=True), cap(boss_loop, [wide], 0.0, up=False)]
    through = [ring(wide, 0), ring(bore, 0.4), ring(bore, hub - 0.4), ring(wide, hub)]
    return [part(finishes.STEEL, *soups, skin(through[::-1]), crease_deg=22)]


def _involute(*, module: float, teeth: int, pressure_deg: float = 20.0) -> Floats:
    """Outline of an involute gear, counter-clockwise."""
    pitch = module * teeth / 2
    base, tip, root = (
        pitch * np.cos(np.radians(pressure_deg)),
        pitch + module,
        pitch - 1.25 * module,
    )
    start = max(base, root + 0.25)
    radius = np.linspace(start, tip, 7)

    def polar(r: Floats | float) -> Floats:
        t = np.sqrt(np.maximum((np.asarray(r) / base) ** 2 - 1, 0))
        return np.asarray(t - np.arctan(t))

    half = np.pi / (2 * teeth) - 0.002 + polar(pitch) - polar(radius)  # half the tooth, and play
    step = 2 * np.pi / teeth
    valley = step / 2 - half[0]
    foot = half[0] + valley * np.array([0.18, 0.55])
    angles = np.concatenate([-foot[::-1], -half, [0.0], half[::-1], foot])
    radii = np.concatenate([[root, root + 0.12], radius, [tip], radius[::-1], [root + 0.12, root]])
    radii[[0, -1]] = root
    every = angles + step * np.arange(teeth)[:, None]
    points = np.stack([radii * np.cos(every), radii * np.sin(every)], axis=-1)
    return np.asarray(points.reshape(-1, 2))


def _keyed_bore(radius: float, width: float, depth: float) -> Floats:
    """A bore with a keyway on +y, counter-clockwise."""
    gap = np.degrees(np.arcsin(width / 2 / radius))
    angle = np.radians(np.linspace(90 + gap, 450 - gap, 48))
    arc = radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return np.concatenate([arc, [[width / 2, depth], [-width / 2, depth]]])


def bearing() -> list[Part]:
    """A deep groove ball bearing 6204, open: 47 x 20 x 14."""
    middle, ball, n = 7.0, 3.97, 96
    pitch = 16.75
    groove = np.radians(np.linspace(-50, 50, 9))
    r, z = 4.1 * np.cos(groove), 4.1 * np.sin(groove)
    outer = [(19.4, 0.2), (19.6, 0.0), (22.7, 0.0), (23.5, 0.8), (23.5, 13.2), (22.7, 14.0)]
    outer += [(19.6, 14.0), (19.4, 13.8)]
    outer += [(pitch + a, middle + b) for a, b in zip(r[::-1], z[::-1])]
    inner = [(10.0, 13.2), (10.0, 0.8), (10.8, 0.0), (13.9, 0.0), (14.1, 0.2)]
    inner += [(pitch - a, middle + b) for a, b in zip(r, z)]
    inner += [(14.1, 13.8), (13.9, 14.0), (10.8, 14.0)]
    races = [part(finishes.STEEL, turned([*p, p[0]], n), crease_deg=22) for p in (outer, inner)]
    sphere = [(ball * np.cos(a), ball * np.sin(a)) for a in np.radians(np.linspace(-90, 90, 15))]
    sphere[0], sphere[-1] = (0.0, -ball), (0.0, ball)
    places = pitch * circle(1, 8, 11)
    balls = [moved(turned(sphere, 22), by=(*at, middle)) for at in places]
    return [*races, part(finishes.BALL_STEEL, *balls), part(finishes.CAGE, _cage(pitch, ball))]


def _cage(pitch: float, ball: float) -> Floats:
    """A pressed ribbon that bulges round each of 8 balls."""
    n = 192
    angle = 2 * np.pi * np.arange(n) / n
    away = np.abs((angle - np.radians(11) + np.pi / 8) % (np.pi / 4) - np.pi / 8) * pitch
    high = np.maximum(0.55, np.sqrt(np.maximum((ball + 0.55) ** 2 - away**2, 0)))
    rings = [
        ring(circle(pitch + side, n), 7.0 + sign * np.maximum(high - bevel, 0.3))
        for side, sign, bevel in (
            (-1.3, -1, 0.25), (-1.0, -1, 0), (1.0, -1, 0), (1.3, -1, 0.25),
            (1.3, 1, 0.25), (1.0, 1, 0), (-1.0, 1, 0), (-1.3, 1, 0.25),
        )
    ]  # fmt: skip
    return skin(rings, closed=True)


def pulley() -> list[Part]:
    """A V-belt pulley with two grooves, a hub and a keyed bore."""
    n, bore = 96, _keyed_bore(7.0, 5.0, 9.3)
    profile = [(31.0, 0.0), (32.0, 1.0), (32.0, 2.5), (25.0, 5.6), (25.0, 9.4), (32.0, 12.5)]
    profile += [(32.0, 15.5), (25.0, 18.6), (25.0, 22.4), (32.0, 25.5), (32.0, 27.0), (31.0, 28.0)]
    rim, floor, hub = circle(21.0, n), circle(20.2, n), circle(14.0, n)
    top = inset(hub, 0.8)
    wide = inset(bore, -0.5)
    holes = [circle(2.6, 28) + 17.0 * circle(1, 4, 45)[i] for i in range(4)]
    soups = [
        skin([ring(circle(r, n), z) for r, z in profile]),
        cap(circle(31.0, n), [wide, *holes], 0.0, up=False),
        cap(circle(31.0, n), [rim], 28.0, up=True),
        skin([ring(rim, 28.0), ring(floor, 16.0)]),
        cap(floor, [hub, *holes], 16.0, up=True),
        skin([ring(hub, 16.0), ring(hub, 35.2), ring(top, 36.0)]),
        cap(top, [wide], 36.0, up=True),
        skin([ring(wide, 36.0), ring(bore, 35.5), ring(bore, 0.5), ring(wide, 0.0)]),
    ]
    soups += [wall(h, 0.0, 16.0, outward=False) for h in holes]
    return [part(finishes.ZINC, *soups)]


def plate(outline: Floats, holes: list[Floats], thickness: float, bevel: float) -> Floats:
    """A flat part from z = 0, its edges and holes bevelled."""
    soups = []
    small, wide = inset(outline, bevel), [inset(h, -bevel) for h in holes]
    for loop, reduced, outward in [(outline, small, True)] + [
        (h, w, False) for h, w in zip(holes, wide)
    ]:
        rings = [ring(reduced, 0), ring(loop, bevel)]
        rings += [ring(loop, thickness - bevel), ring(reduced, thickness)]
        soups.append(skin(rings if outward else rings[::-1]))
    soups += [cap(small, wide, 0.0, up=False), cap(small, wide, thickness, up=True)]
    return np.concatenate(soups)


def rounded(width: float, depth: float, radius: float, n: int = 8) -> Floats:
    """A rounded rectangle about the origin, counter-clockwise, no point twice."""
    corners = []
    for i, (sx, sy) in enumerate([(1, 1), (-1, 1), (-1, -1), (1, -1)]):
        angle = np.radians(np.linspace(90 * i, 90 * i + 90, n))
        middle = np.array([sx * (width / 2 - radius), sy * (depth / 2 - radius)])
        corners.append(middle + radius * np.stack([np.cos(angle), np.sin(angle)], axis=1))
    return np.concatenate(corners)


def grille_frame() -> Floats:
    """Frame of a fan grille, 120 mm square, with a round opening and four screw holes."""
    outline = rounded(120, 120, 8)
    holes = [circle(2.2, 20) + np.array([x, y]) for x in (-52.5, 52.5) for y in (-52.5, 52.5)]
    return plate(outline, [circle(54, 96), *holes], 4.0, 0.6)
