"""Backgrounds: places where parts are made and kept. 1280 x 960, display sRGB."""

from __future__ import annotations

import cv2
import numpy as np

from starter.noise import Floats, noise, ramp, smooth, tinted
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
)

__all__ = ["conveyor", "pegboard", "shelves_blurred", "workshop_bokeh"]


def workshop_bokeh() -> Floats:
    """A workshop far out of focus: racks, tools and lamps as discs of light."""
    rng = np.random.default_rng(160)
    y, _ = np.mgrid[0:HEIGHT, 0:WIDTH] / HEIGHT
    out = ramp(y, (46, 48, 56), (92, 84, 76), (58, 52, 48)) ** 2.2
    for _ in range(130):
        w, h = rng.uniform(20, 190, 2)
        box = rectangle(rng.uniform(0, WIDTH), rng.uniform(0, 800), w, h, float(rng.normal(0, 4)))
        color = (rng.uniform(20, 190) * rng.uniform([0.7, 0.55, 0.4], [1.0, 0.9, 0.9])) ** 2.2
        out = laid(out, polygon(box), np.broadcast_to(color, (*FRAME, 3)))
    for level in (250, 470, 690):
        out = laid(
            out, polygon(rectangle(640, level, 1400, 16, 1.0)), np.full((*FRAME, 3), 96.0**2.2)
        )
    for _ in range(70):  # lamps and glints
        at = (int(rng.uniform(0, WIDTH)), int(rng.beta(1.2, 2.2) * HEIGHT))
        color = np.array([1.0, rng.uniform(0.6, 1.0), rng.uniform(0.25, 1.0)])
        spot = np.zeros(FRAME)
        cv2.circle(spot, at, int(rng.integers(2, 6)), 1.0, -1, cv2.LINE_AA)
        out = out + spot[..., None] * color * rng.uniform(4, 45) * 255**2.2 * 0.5
    disc = np.zeros((61, 61))
    cv2.circle(disc, (30, 30), 27, 1.0, -1, cv2.LINE_AA)
    disc += 0.35 * (cv2.GaussianBlur(disc, (0, 0), 1) - cv2.GaussianBlur(disc, (0, 0), 5)).clip(0)
    out = cv2.filter2D(out, -1, disc / disc.sum(), borderType=cv2.BORDER_REFLECT)
    return photographed(
        255 * _shoulder(out / 255**2.2), 161, light=(0.5, 0.3), contrast=0.25, grain=2.8
    )


def _shoulder(linear: Floats) -> Floats:
    """Linear light to display values that roll off at white."""
    return np.asarray((1 - np.exp(-1.4 * np.maximum(linear, 0))) ** (1 / 2.2))


def conveyor() -> Floats:
    """A dark belt between aluminium rails, running away from the camera."""
    shape = (1600, 2048)
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]].astype(np.float64)
    knurl = np.sin(2 * np.pi * (x + y) / 18) * np.sin(2 * np.pi * (x - y) / 18)
    dust = smooth(noise(shape, 170, beta=1.9, stretch=0.25), 0.5, 2.4)
    belt = 44 + 7 * knurl + 5 * noise(shape, 171, beta=1.4) + 34 * dust
    belt = tinted(belt * (1 - 0.5 * np.exp(-((y - 830 - 0.12 * x) ** 2) / 40)), (0.96, 1.0, 1.02))
    for side, start in ((-1, 420), (1, 1628)):
        across = side * (x - start)
        rail = (across > 0) & (across < 120)
        groove = np.exp(-((across - 60) ** 2) / 160)
        metal = 178 + 6 * noise(shape, 172, beta=1.5, stretch=0.05) - 110 * groove
        bolt = np.hypot(across - 30, y % 300 - 150) < 15
        metal = np.where(bolt, 92 + 40 * np.sin(y / 4), metal)
        belt = np.where(rail[..., None], tinted(metal, (1.0, 1.0, 1.02)), belt)
        beyond = across >= 120
        floor = tinted(96 + 9 * noise(shape, 173, beta=2.2), (0.95, 1.0, 0.98))
        shadow = 1 - 0.6 * np.exp(-np.maximum(across - 120, 0) / 70)
        belt = np.where(beyond[..., None], floor * shadow[..., None], belt)
        belt = belt * (1 - 0.45 * np.exp(-np.maximum(-across, 0) / 40) * (across < 0))[..., None]
    out = oblique(belt, top=-0.05, far=0.8)
    return photographed(out, 174, light=(0.5, 0.0), contrast=0.5, tint=(0.98, 1.0, 1.02))


# Outlines of tools as they are painted behind their hooks, pixels.
_SPANNER = (
    (300, 180), (360, 150), (392, 200), (376, 250), (420, 640), (450, 690), (420, 760), (366, 750),
    (356, 690), (384, 650), (330, 258), (292, 236),
)  # fmt: skip
_HAMMER = (
    (760, 170), (980, 150), (990, 220), (896, 236), (930, 700), (880, 706), (846, 238), (766, 240),
)  # fmt: skip


def pegboard() -> Floats:
    """A perforated tool wall: hooks, painted outlines, shadows of tools out of the frame."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float64)
    board = tinted(
        1 + 0.03 * noise(FRAME, 200, beta=1.4) + 0.02 * noise(FRAME, 201, beta=2.6),
        (176, 130, 84),
    )
    outline = np.zeros(FRAME)
    for points in (_SPANNER, _HAMMER):
        cv2.polylines(outline, [np.array(points, np.int32)], True, 1.0, 9, cv2.LINE_AA)
    worn = smooth(noise(FRAME, 202, beta=1.4), -1.5, -0.2)
    board = laid(board, outline * worn * 0.85, tinted(np.ones(FRAME), (226, 222, 210)))
    u, v = x % 64 - 32, y % 64 - 32
    r = np.hypot(u, v)
    board = (
        board * (1 + 0.35 * np.exp(-((r - 9) ** 2) / 5) * np.clip((u + v) / 14, -1, 1))[..., None]
    )
    board = laid(
        board, smooth(8.6 - r, 0, 1.5), tinted(26 + 20 * np.clip(v / 8, 0, 1), (1, 0.9, 0.8))
    )
    for hx, hy in ((352, 160), (864, 160), (1120, 352), (608, 480), (160, 608)):
        hook = np.zeros(FRAME)
        cv2.line(hook, (hx, hy), (hx, hy + 46), 1.0, 9, cv2.LINE_AA)
        cv2.ellipse(hook, (hx + 12, hy + 46), (12, 12), 0, 0, 180, 1.0, 8, cv2.LINE_AA)
        board = shadow(board, hook, by=(10, 16), soft=5, deep=0.65)
        shine = 120 + 90 * np.exp(-((x - hx + 2) ** 2) / 6)
        board = laid(board, hook, tinted(shine, (1.0, 1.0, 1.02)))
    tools = blurred(
        polygon(rectangle(1180, 760, 70, 620, 18)) + polygon(rectangle(60, 240, 110, 420, -12)), 16
    )
    board = board * (1 - 0.4 * np.clip(tools, 0, 1))[..., None]
    return photographed(board, 203, light=(0.3, 0.0), contrast=0.6, tint=(1.03, 1.0, 0.93))


def shelves_blurred() -> Floats:
    """A store room a little out of focus: shelves of bins, boxes and rolls."""
    rng = np.random.default_rng(220)
    out = tinted(64 + 6 * noise(FRAME, 221, beta=2.4), (1.0, 0.98, 0.94))
    palette = np.array(
        [
            [38, 84, 150],
            [170, 44, 38],
            [196, 150, 96],
            [206, 176, 40],
            [70, 118, 74],
            [150, 150, 152],
            [60, 60, 64],
        ]
    )
    for shelf in range(4):
        floor = 250 + 235 * shelf
        at = -30.0
        while at < WIDTH:
            w, h = rng.uniform(60, 170), rng.uniform(80, 185)
            color = palette[rng.integers(7)] * rng.uniform(0.7, 1.15)
            box = polygon(rectangle(at + w / 2, floor - h / 2, w, h, float(rng.normal(0, 0.8))))
            y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
            side = (
                1 - 0.35 * np.clip((x - at) / w, 0, 1) - 0.15 * np.clip((y - floor + h) / h, 0, 1)
            )
            out = laid(out, box, tinted(side, (float(color[0]), float(color[1]), float(color[2]))))
            label = polygon(rectangle(at + w * 0.5, floor - h * 0.4, w * 0.5, h * 0.22, 0.0))
            out = laid(out, label * 0.9, tinted(210 + 20 * side, (1, 1, 0.96)))
            at += w + rng.uniform(4, 34)
        out = laid(
            out,
            polygon(rectangle(640, floor + 12, 1400, 24, 0.0)),
            tinted(np.full(FRAME, 150.0), (0.5, 0.62, 0.8)),
        )
        under = np.exp(-np.maximum(np.mgrid[0:HEIGHT, 0:WIDTH][0] - floor - 24, 0) / 40.0)
        below = np.mgrid[0:HEIGHT, 0:WIDTH][0] > floor + 24
        out = out * (1 - 0.55 * under * below)[..., None]
    return photographed(out, 222, light=(0.6, 0.2), contrast=0.5, blur=4.0, grain=2.6)
