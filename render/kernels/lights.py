"""Light that comes from lamps, and what a surface sends back of it.

A light is a row of float32: `PLACE` (metres, or towards it), 1 if it has a place, `COLOR`, `AXIS`
(where it shines), cosine of its `CONE` (below -1: none; 2: flat, falls by the cosine), `RADIUS`
(metres, or radians without a place), `HIGHLIGHT` (1: it has one), `CHANNEL` of its shadow
(below 0: none). Camera frame.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from render.kernels.chunks import (
    ALPHA,
    BARE,
    CB,
    CG,
    CR,
    DEPTH,
    LIGHT,
    LIT,
    LX,
    LY,
    LZ,
    METAL,
    NX,
    NY,
    NZ,
    OUT_B,
    OUT_G,
    OUT_R,
    RECEIVED,
    RX,
    RY,
    VX,
    VY,
    VZ,
    WIDENS,
)  # fmt: skip
from render.kernels.compiled import kernel
from render.kernels.functions import arctan2

__all__ = ["CHANNEL", "COLOR", "LIGHT_NUMBERS", "add_light", "arrive", "count_light"]

Array = Any
Number = Any  # a float32

PLACE, HAS_PLACE, COLOR, AXIS, CONE, RADIUS, HIGHLIGHT, CHANNEL = 0, 3, 4, 7, 10, 11, 12, 13
LIGHT_NUMBERS = 14
_FLAT, _NO_CONE = 1.5, -1.0

f4: Any = np.float32
U: Any = np.uint64


@kernel
def arrive(S: Array, n: int, light: Array) -> None:
    """From where a light arrives at each point, how much of it before shadows, and by how much it
    widens the highlight: rows LX, LY, LZ, LIGHT and WIDENS. Row LIT is set to 1.
    """
    lx, ly, lz, radius = light[PLACE], light[PLACE + 1], light[PLACE + 2], light[RADIUS]
    ax, ay, az, cone = light[AXIS], light[AXIS + 1], light[AXIS + 2], light[CONE]
    if light[HAS_PLACE] == f4(0.0):
        for i in range(n):
            j = U(i)
            S[LX + j], S[LY + j], S[LZ + j] = lx, ly, lz
            S[LIGHT + j], S[WIDENS + j] = f4(1.0), f4(0.25) * radius * radius
            S[LIT + j] = f4(1.0)
        return
    for i in range(n):
        j = U(i)
        z = S[DEPTH + j]
        x, y, z = lx - S[RX + j] * z, ly - S[RY + j] * z, lz - z
        squared = max(x * x + y * y + z * z, f4(1e-12))
        inverse = f4(1.0) / np.sqrt(squared)
        x, y, z = x * inverse, y * inverse, z * inverse
        S[LX + j], S[LY + j], S[LZ + j] = x, y, z
        angle = arctan2(radius * inverse, f4(1.0))
        S[WIDENS + j] = f4(0.25) * angle * angle
        along = -(x * ax + y * ay + z * az)
        share = f4(1.0) / max(squared, radius * radius)
        if cone > f4(_FLAT):
            share *= max(along, f4(0.0))
        elif cone >= f4(_NO_CONE):
            t = (along - cone) / max(f4(0.2) * (f4(1.0) - cone), f4(1e-7))
            t = min(max(t, f4(0.0)), f4(1.0))
            share *= t * t * (f4(3.0) - f4(2.0) * t)
        S[LIGHT + j] = share
        S[LIT + j] = f4(1.0)


@kernel
def count_light(S: Array, n: int, light: Array, luminance: Array) -> None:
    """Adds a light to rows BARE and RECEIVED, for what shows nothing but shadows."""
    bright = light[COLOR] * luminance[0] + light[COLOR + 1] * luminance[1]
    bright += light[COLOR + 2] * luminance[2]
    for i in range(n):
        j = U(i)
        nl = S[NX + j] * S[LX + j] + S[NY + j] * S[LY + j] + S[NZ + j] * S[LZ + j]
        share = bright * S[LIGHT + j] * max(nl, f4(0.0))
        S[BARE + j] += share
        S[RECEIVED + j] += share * S[LIT + j]


@kernel
def add_light(S: Array, n: int, light: Array) -> None:
    """Adds to rows OUT what the surface sends back: diffuse, and GGX with the height-correlated
    Smith term and Schlick's Fresnel.
    """
    highlight = light[HIGHLIGHT]
    red, green, blue = light[COLOR], light[COLOR + 1], light[COLOR + 2]
    for i in range(n):
        j = U(i)
        lx, ly, lz = S[LX + j], S[LY + j], S[LZ + j]
        vx, vy, vz = S[VX + j], S[VY + j], S[VZ + j]
        nx, ny, nz = S[NX + j], S[NY + j], S[NZ + j]
        hx, hy, hz = vx + lx, vy + ly, vz + lz
        il = f4(1.0) / np.sqrt(max(hx * hx + hy * hy + hz * hz, f4(1e-12)))
        hx, hy, hz = hx * il, hy * il, hz * il
        alpha = S[ALPHA + j]
        a2 = min(alpha * alpha + S[WIDENS + j], f4(1.0))
        nl = max(nx * lx + ny * ly + nz * lz, f4(0.0))
        nv = max(nx * vx + ny * vy + nz * vz, f4(1e-4))
        nh = max(nx * hx + ny * hy + nz * hz, f4(0.0))
        d = nh * nh * (a2 - f4(1.0)) + f4(1.0)
        masked = nl * np.sqrt(nv * nv * (f4(1.0) - a2) + a2)
        masked += nv * np.sqrt(nl * nl * (f4(1.0) - a2) + a2)
        visible = f4(0.5) / max(masked, f4(1e-6))
        q = min(max(f4(1.0) - (vx * hx + vy * hy + vz * hz), f4(0.0)), f4(1.0))
        q5 = q * q * (q * q) * q
        lobe = a2 / (d * d) * visible * highlight
        arriving = S[LIGHT + j] * nl * S[LIT + j]
        metal = S[METAL + j]
        S[OUT_R + j] += arriving * red * _sent_back(S[CR + j], metal, lobe, q5)
        S[OUT_G + j] += arriving * green * _sent_back(S[CG + j], metal, lobe, q5)
        S[OUT_B + j] += arriving * blue * _sent_back(S[CB + j], metal, lobe, q5)


@kernel
def _sent_back(base: Number, metal: Number, lobe: Number, q5: Number) -> Number:
    f0 = f4(0.04) + (base - f4(0.04)) * metal
    return base * (f4(1.0) - metal) + lobe * (f0 + (f4(1.0) - f0) * q5)
