"""Backgrounds: surfaces that parts lie on or hang before. 1280 x 960, display sRGB."""

from __future__ import annotations

import cv2
import numpy as np

from starter import textures
from starter.noise import Floats, blobs, cells, noise, ramp, relief, smooth, tinted
from starter.photo import (
    FRAME,
    HEIGHT,
    WIDTH,
    blurred,
    laid,
    oblique,
    photographed,
    polygon,
    rectangle,
    shadow,
    tiled,
)

__all__ = [
    "cardboard",
    "cloth",
    "concrete_floor",
    "grass",
    "gravel",
    "metal_bench",
    "tiled_wall",
    "wooden_desk",
]


def wooden_desk() -> Floats:
    """Planks at a slant, with papers, a pencil and the shadow of a lamp's arm."""
    shape = (1400, 2048)
    plank = tiled(textures.wood(), shape=shape, zoom=2.0)
    y = np.mgrid[0 : shape[0], 0 : shape[1]][0]
    board = y // 200
    tone = np.random.default_rng(100).uniform(0.82, 1.12, 8)[board % 8]
    seam = np.exp(-(((y % 200) - 2.0) ** 2) / 6)
    rows = [np.roll(plank[i * 200 : (i + 1) * 200], 397 * i, axis=1) for i in range(7)]
    plank = np.concatenate(rows) * (tone * (1 - 0.75 * seam))[..., None]
    out = oblique(plank, top=-0.12, far=1.0)
    sheets = (
        (250, 190, 430, 300, -14, 232),
        (1010, 150, 380, 260, 9, 224),
        (1080, 720, 300, 420, 24, 238),
    )
    for i, (px, py, w, h, angle, tone_of) in enumerate(sheets):
        mask = polygon(rectangle(px, py, w, h, angle))
        out = shadow(out, mask, by=(7, 9), soft=7, deep=0.5)
        out = laid(
            out, mask, tinted(tone_of + 3 * noise(FRAME, 101 + i, beta=1.5), (1, 0.99, 0.95))
        )
        for line in range(9):  # lines of writing
            a = np.radians(angle)
            along, down = np.array([np.cos(a), np.sin(a)]), np.array([-np.sin(a), np.cos(a)])
            start = np.array([px, py]) - along * w * 0.4 + down * h * (line / 10 - 0.4)
            length = w * (0.45 + 0.35 * ((line * 7 + i) % 5) / 4)
            middle = start + along * length / 2
            out = laid(
                out,
                polygon(rectangle(*middle, length, 4, angle)) * 0.6,
                np.full((*FRAME, 3), 70.0),
            )
    pencil = polygon(rectangle(430, 780, 420, 17, -31))
    out = shadow(out, pencil, by=(8, 6), soft=4, deep=0.6)
    out = laid(out, pencil, tinted(np.full(FRAME, 200.0), (1.05, 0.72, 0.12)))
    arm = polygon([(0, 520), (0, 600), (620, 960), (740, 960)])
    out = out * (1 - 0.3 * blurred(arm, 18))[..., None]
    return photographed(out, 104, light=(0.2, 0.1), contrast=0.6, tint=(1.05, 1.0, 0.9))


def concrete_floor() -> Floats:
    """Trowelled concrete with joints, cracks, stains and a worn yellow line."""
    shape = (1536, 2048)
    tone = 138 + 11 * noise(shape, 110, beta=2.4) + 6 * noise(shape, 111, beta=1.0)
    tone += 5 * noise(shape, 112, beta=1.8, stretch=4)
    pits = smooth(blobs(shape, 113, count=900, radius=(1.5, 5)), 0.1, 0.5)
    stain = smooth(noise(shape, 114, beta=3.0), 0.9, 2.0)
    first, second, _ = cells(shape, 115, 14)
    wander = 16 * noise(shape, 116, beta=2.6)
    crack = np.exp(-((second - first + wander) ** 2) / 5) * smooth(
        noise(shape, 117, beta=3), 0.2, 0.9
    )
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]]
    joint = np.exp(-(((x + 300) % 900 - 450.0) ** 2) / 30) + np.exp(-((y - 520.0) ** 2) / 40)
    tone = tone * (1 - 0.35 * pits - 0.28 * stain - 0.6 * crack) * (1 - 0.6 * np.clip(joint, 0, 1))
    floor = tinted(tone * relief(noise(shape, 118, beta=1.6) * 2, strength=0.12), (1.0, 0.99, 0.95))
    line = smooth(70 - np.abs(y - 1000.0 + 0.06 * x), 0, 5)
    worn = line * smooth(noise(shape, 119, beta=1.8), -1.2, 0.1)
    floor = floor * (1 - worn[..., None]) + worn[..., None] * tinted(
        0.7 + 0.002 * tone, (222, 176, 40)
    )
    return photographed(oblique(floor, top=-0.25, far=0.9), 120, light=(0.7, 0.0), contrast=0.5)


def metal_bench() -> Floats:
    """A brushed steel bench with threaded holes, scratches and the glare of a tube lamp."""
    plate = tiled(textures.brushed_metal(), zoom=1.6)
    plate = plate + 4 * np.repeat(noise(FRAME, 130, beta=2.5)[..., None], 3, axis=2)
    rng = np.random.default_rng(131)
    for _ in range(60):
        start = rng.random(2) * [WIDTH, HEIGHT]
        angle, length = rng.uniform(0, np.pi), rng.exponential(140)
        end = start + length * np.array([np.cos(angle), np.sin(angle)])
        tone = float(rng.choice([70.0, 215.0]))
        mark = plate.copy()
        cv2.line(
            mark, start.astype(int).tolist(), end.astype(int).tolist(), (tone,) * 3, 1, cv2.LINE_AA
        )
        plate = plate * 0.55 + mark * 0.45
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float64)
    slant_x, slant_y = x * 0.985 + y * 0.17 + 40, y * 0.985 - x * 0.17 + 190
    r = np.hypot(slant_x % 210 - 105, slant_y % 210 - 105)
    rim, hole = np.exp(-((r - 19) ** 2) / 8), smooth(17.5 - r, 0, 2)
    side = (slant_x % 210 - 105 + slant_y % 210 - 105) / 40
    plate = plate * (1 + 0.5 * rim * np.clip(side, -1, 1))[..., None]
    thread = 36 + 22 * np.cos(r * 1.9) + 30 * np.clip(-side, 0, 1)
    plate = laid(plate, hole, tinted(thread, (1.0, 0.98, 0.95)))
    glare = np.exp(-(((y - 0.35 * x - 180) / 120) ** 2))
    plate = plate * (0.72 + 0.55 * glare)[..., None]
    return photographed(plate, 132, light=(0.4, 0.3), contrast=0.4, tint=(0.97, 1.0, 1.03))


def cardboard() -> Floats:
    """A box top: corrugation, flap gap, tape, print and bruises."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float64)
    flute = np.sin(2 * np.pi * (x + 0.05 * y) / 13)
    fibre = noise(FRAME, 140, beta=0.9, stretch=0.3)
    dents = blurred(noise(FRAME, 141, beta=3.4), 5)
    tone = 1 + 0.04 * flute + 0.035 * fibre + 0.03 * dents
    out = tinted(tone * relief(dents * 22, strength=0.07), (186, 142, 96))
    gap = np.exp(-((y - 470 - 5 * np.sin(x / 260)) ** 2) / 12)
    out = out * (1 - 0.8 * gap)[..., None]
    tape = smooth(88 - np.abs(y - 470), 0, 2)
    gloss = 0.9 + 0.18 * smooth(noise(FRAME, 142, beta=2.2, stretch=6), 0.2, 2)
    paint = tinted(gloss, (196, 160, 112)) * (1 - 0.25 * gap)[..., None]
    out = laid(out, tape * 0.8, paint)
    for mark in range(2):  # this side up
        left, top = 930 + 130 * mark, 640
        arrow = [(left, top + 70), (left + 45, top), (left + 90, top + 70), (left + 60, top + 70),
                 (left + 60, top + 170), (left + 30, top + 170), (left + 30, top + 70)]  # fmt: skip
        ink = polygon(arrow) * smooth(noise(FRAME, 143, beta=0.8), -2.2, -0.8)
        out = laid(out, ink * 0.85, tinted(np.ones(FRAME), (58, 44, 36)))
    label = polygon(rectangle(300, 770, 330, 210, -6))
    out = shadow(out, label, by=(2, 3), soft=2, deep=0.3)
    out = laid(out, label, tinted(228 + 3 * fibre, (1, 1, 0.98)))
    widths = np.random.default_rng(144).integers(2, 8, 48)
    at = 175
    for i, width in enumerate(widths):
        if i % 2:
            bar = polygon(
                rectangle(at + width / 2, 775 - (at - 300) * 0.105, float(width), 110, -6)
            )
            out = laid(out, bar, np.full((*FRAME, 3), 30.0))
        at += int(width)
    return photographed(out, 145, light=(0.75, 0.15), contrast=0.5, tint=(1.0, 0.98, 0.94))


def cloth() -> Floats:
    """Woven cloth in folds, lit from the side."""
    weave = tiled(textures.fabric(), zoom=1.0)
    folds = blurred(noise(FRAME, 150, beta=3.4, stretch=0.45), 10)
    fine = blurred(noise(FRAME, 151, beta=2.8), 3)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    at_x = (x + 26 * folds + 6 * fine).astype(np.float32) % (WIDTH - 1)
    at_y = (y + 20 * np.roll(folds, 90, 1)).astype(np.float32) % (HEIGHT - 1)
    bent = cv2.remap(weave, at_x, at_y, cv2.INTER_LINEAR)
    lit = relief(folds * 60 + 5 * fine, strength=0.85, light=(-1.0, -0.35))
    lit = 0.35 + 0.65 * np.clip(lit, 0.15, 1.7)
    return photographed(np.asarray(bent) * lit[..., None], 152, light=(0.1, 0.3), contrast=0.4)


def tiled_wall() -> Floats:
    """Glazed tiles in running bond, each a little off, with grout and reflections."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float64)
    y = y + 0.03 * x + 20
    row = np.floor(y / 108).astype(np.int64)
    shifted = x + 104 * (row % 2) + 6 * np.sin(row * 2.3)
    column = np.floor(shifted / 208).astype(np.int64)
    u, v = shifted % 208, y % 108
    edge = np.minimum(np.minimum(u, 208 - u), np.minimum(v, 108 - v))
    pick = (row * 31 + column * 17) % 257
    rng = np.random.default_rng(180)
    tone, lean = rng.normal(1, 0.05, 257)[pick], rng.normal(0, 1, (257, 2))[pick]
    odd = rng.random(257)[pick] < 0.12
    base = np.where(odd[..., None], [92.0, 140.0, 142.0], [206.0, 210.0, 200.0]) * tone[..., None]
    sheen = np.clip((u / 208 - 0.5) * lean[..., 0] + (v / 108 - 0.5) * lean[..., 1], -1, 1)
    pillow = smooth(edge, 3, 16)
    glaze = 0.86 + 0.14 * pillow + 0.07 * sheen + 0.02 * noise(FRAME, 181, beta=2.2)
    light = (
        smooth(1 - np.abs(u / 208 - 0.35 - 0.1 * lean[..., 0]) * 5, 0, 1)
        * smooth(v, 8, 30)
        * (v < 60)
    )
    out = base * glaze[..., None] + 26 * (light * pillow)[..., None]
    grout = tinted(128 + 10 * noise(FRAME, 182, beta=1.1), (1.0, 0.97, 0.9))
    return photographed(
        laid(out, smooth(4.5 - edge, 0, 2), grout), 183, light=(0.75, 0.1), contrast=0.55
    )


def grass() -> Floats:
    """Blades of grass over soil, from above, with dry ones and clover."""
    rng = np.random.default_rng(190)
    out = ramp(smooth(noise(FRAME, 191, beta=2), -2, 2), (34, 30, 18), (62, 54, 32))
    colors = np.array([[58, 92, 30], [82, 124, 40], [108, 150, 56], [140, 168, 78], [176, 164, 98]])
    total = 9000
    for i in range(total):
        depth = i / total
        root = rng.random(2) * [WIDTH * 1.1, HEIGHT * 1.1] - [60, 40]
        lean, length = rng.normal(-np.pi / 2, 0.75), rng.uniform(40, 120)
        bend = rng.normal(0, 0.9)
        t = np.linspace(0, 1, 6)
        angle = lean + bend * t**1.5
        steps = np.stack([np.cos(angle), np.sin(angle)], axis=1) * length / 6
        middle = root + np.cumsum(steps, axis=0)
        half = np.stack([-np.sin(angle), np.cos(angle)], axis=1) * ((1 - t) * 3.2 + 0.3)[:, None]
        blade = np.concatenate([middle + half, (middle - half)[::-1]])
        tone = colors[rng.choice(5, p=[0.22, 0.3, 0.26, 0.14, 0.08])] * rng.uniform(0.8, 1.15)
        tone = tone * (0.4 + 0.7 * depth)
        cv2.fillPoly(out, [np.round(blade * 16).astype(np.int32)], tone.tolist(), cv2.LINE_AA, 4)
    return photographed(
        out, 192, light=(0.6, 0.2), contrast=0.35, grain=1.6, blur=0.9, tint=(1.03, 1, 0.92)
    )


def gravel() -> Floats:
    """Stones of three sorts, each rounded and lit, with deep gaps."""
    shape = (480, 640)
    first, second, which = cells(shape, 210, 620)
    rng = np.random.default_rng(211)
    sorts = np.array([[150, 146, 140], [118, 110, 102], [176, 160, 138], [92, 94, 98]])
    color = sorts[rng.integers(0, 4, 620)] * rng.uniform(0.75, 1.2, (620, 1))
    big = [cv2.resize(f, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC) for f in (first, second)]
    sort = cv2.resize(which.astype(np.float32), (WIDTH, HEIGHT), interpolation=cv2.INTER_NEAREST)
    gap = big[1] - big[0]
    dome = np.sqrt(smooth(gap, 0, 18)) * 15
    rough = noise(FRAME, 212, beta=1.5)
    lit = np.clip(
        relief(blurred(dome + 0.35 * rough, 0.8), strength=0.55, light=(-0.8, -1)), 0.1, 1.6
    )
    tone = color[sort.astype(np.int64)] * (1 + 0.05 * noise(FRAME, 213, beta=0.8))[..., None]
    out = tone * (lit * (0.25 + 0.75 * smooth(gap, 0.5, 4)))[..., None]
    return photographed(out, 214, light=(0.3, 0.1), contrast=0.3, grain=1.6)
