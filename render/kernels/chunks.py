"""Where kernels that shade keep their numbers: pixels in chunks, one row of scratch a quantity.

A chunk is worked on in many short loops. Loops that look things up run one pixel after the
other; loops that only calculate become vector code, because all rows lie in one flat array, at
distances that the compiler knows.
"""

from __future__ import annotations

import numpy as np

__all__ = ["CHUNK", "N_INT_ROWS", "N_ROWS"]

CHUNK = 256
MOST_TAPS = 4

_taken = iter(range(10**6))


def _row(chunks: int = 1) -> np.uint64:
    first = next(_taken)
    for _ in range(chunks - 1):
        next(_taken)
    return np.uint64(first * CHUNK)


# Corners of the face, object frame: points, normals, texture coordinates.
AX, AY, AZ, BX, BY, BZ, CX, CY, CZ = (_row() for _ in range(9))
ANX, ANY, ANZ, BNX, BNY, BNZ, CNX, CNY, CNZ = (_row() for _ in range(9))
AU, AV, BU, BV, CU, CV = (_row() for _ in range(6))
# Weights of the second and third corner.
W_B, W_C = (_row() for _ in range(2))
# The pixel, its ray (z = 1, camera frame), depth along the axis.
PX, PY, RX, RY, DEPTH = (_row() for _ in range(5))
# The point, object frame, and its change to the next pixels, as in `shading.glsl`.
OX, OY, OZ, OXX, OYX, OZX, OXY, OYY, OZY = (_row() for _ in range(9))
# Normal and flat normal: object frame until they are turned, then camera frame.
NX, NY, NZ, FX, FY, FZ, SPREAD = (_row() for _ in range(7))
# Texture coordinates and their change.
TU, TV, TUX, TVX, TUY, TVY = (_row() for _ in range(6))
# Where a texture is looked up, and how.
SU, SV, SUX, SVX, SUY, SVY = (_row() for _ in range(6))
WEIGHT, LEVEL, TAPS, STEP_U, STEP_V = (_row() for _ in range(5))
# What the textures of a material show: red, green, blue and alpha of each.
FOUND_ROWS = 4
BASE_TEX, METAL_ROUGH_TEX, NORMAL_TEX, OCCLUSION_TEX, EMISSIVE_TEX, WEAR_TEX = (
    _row(FOUND_ROWS) for _ in range(6)
)
# Single samples.
TAP_U, TAP_V, TAP_LEVEL, TAP_WEIGHT = (_row(MOST_TAPS) for _ in range(4))
FINE_U, FINE_V, COARSE_U, COARSE_V, BETWEEN = (_row() for _ in range(5))
VALUE = _row()
BYTES = _row(8)  # of one colour of the eight texels of a sample
# The material at the pixel.
CR, CG, CB, CA, METAL, ROUGH, ALPHA, DIRT, SCRATCH, GLOW_R, GLOW_G, GLOW_B = (
    _row() for _ in range(12)
)
# Light.
OPEN, VX, VY, VZ, NV, SPLIT_A, SPLIT_B, MAP_U, MAP_V, MAP_W = (_row() for _ in range(10))
GLOSSY_OPEN, BELOW, ACROSS, DOWN = (_row() for _ in range(4))
AROUND = _row(8)  # depth and open share of the four nearest
OUT_R, OUT_G, OUT_B, BARE, RECEIVED = (_row() for _ in range(5))
# What a clear coat sends back; meanwhile the material below it.
COAT_R, COAT_G, COAT_B, BELOW_R, BELOW_G, BELOW_B, BELOW_METAL, BELOW_ALPHA = (
    _row() for _ in range(8)
)
LX, LY, LZ, LIGHT, WIDENS, LIT = (_row() for _ in range(6))
# Shadows: pixels of the map and depth there, turned spiral, its radius. Points that are found to be
# lit are left out, and the others move up.
MU, MV, HERE, RISE_U, RISE_V, BIAS, RADIUS, COS, SIN, SUM, COUNT, THERE, LIMIT = (
    _row() for _ in range(13)
)
# Occlusion: a slice of the sky, its horizon, and what lies there.
REACH, TURN, JITTER, ALONG_X, ALONG_Y, FLAT, COS_N, TILT, SIN_N, ARC, HIGHEST, ALL, QX, QY = (
    _row() for _ in range(14)
)

N_ROWS = next(_taken)
_taken = iter(range(10**6))

# Whole numbers: the eight texels of a sample; the pixel that a tap is for; indices.
TEXELS = _row(8)
TAP_PIXEL = _row(MOST_TAPS)
INDEX, LISTED = _row(), _row()

N_INT_ROWS = next(_taken)
