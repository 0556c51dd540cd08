"""What a surface is like at each pixel: colour, metal, roughness, wear, normal, glow.

glTF 2.0 metallic-roughness, as `shading.glsl` has it. A material is numbers (`BASE` and so on are
their places) and one texture for each slot; where its flag is not set a slot counts for nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from render.kernels.chunks import (
    ALPHA,
    BASE_TEX,
    CB,
    CG,
    CHUNK,
    CR,
    DIRT,
    EMISSIVE_TEX,
    FOUND_ROWS,
    GLOW_B,
    GLOW_G,
    GLOW_R,
    METAL,
    METAL_ROUGH_TEX,
    NORMAL_TEX,
    NX,
    NY,
    NZ,
    OCCLUSION_TEX,
    OPEN,
    OX,
    OXX,
    OXY,
    OYX,
    OYY,
    OZX,
    OZY,
    ROUGH,
    SCRATCH,
    SPREAD,
    SU,
    SUX,
    SUY,
    SV,
    SVX,
    SVY,
    TU,
    TUX,
    TUY,
    TV,
    TVX,
    TVY,
    WEAR_TEX,
    WEIGHT,
)  # fmt: skip
from render.kernels.compiled import kernel
from render.kernels.textures import add_samples

__all__ = [
    "BASE_MAP", "BLEND", "CATCHER", "CLEARCOAT", "EMISSIVE_MAP", "FLAGS", "METAL_ROUGH_MAP",
    "NORMAL_MAP", "NORMAL_SCALE", "NUMBERS", "OCCLUSION_MAP", "OCCLUSION_STRENGTH", "TRANSLUCENCY",
    "TRIPLANAR",
    "WEAR_MAP",
    "find_material", "map_normal",
    "map_occlusion", "read_textures",
]  # fmt: skip

Array = Any
Number = Any  # a float32

# Places of a material's numbers, float32,
BASE, METALLIC, ROUGHNESS, EMISSIVE, NORMAL_SCALE, OCCLUSION_STRENGTH, TILE_M, WEAR, WEAR_TILE_M = (
    0, 4, 5, 6, 9, 10, 11, 12, 13,
)  # fmt: skip
TRANSLUCENCY, CLEARCOAT = 14, 15
NUMBERS = 16
# of its flags; the first six are also its textures',
BASE_MAP, METAL_ROUGH_MAP, NORMAL_MAP, OCCLUSION_MAP, EMISSIVE_MAP, WEAR_MAP = range(6)
TRIPLANAR, BLEND, CATCHER = 6, 7, 8
FLAGS = 9

f4: Any = np.float32
U: Any = np.uint64


@kernel
def read_textures(
    S: Array, SI: Array, n: int, numbers: Array, flags: Array, textures: Any, center: Array
) -> None:
    """What each texture of a material shows at a chunk of points.

    Args:
        S, SI: Scratch.
        n: Pixels.
        numbers: ``(NUMBERS,)`` float32.
        flags: ``(FLAGS,)`` bool.
        textures: Of the first six flags.
        center: ``(3,)`` float32: where the mesh counts from, object frame.

    """
    for slot in range(6):
        if not flags[slot]:
            continue
        found = BASE_TEX + U(slot * FOUND_ROWS * CHUNK)
        is_base = slot == BASE_MAP
        channels = FOUND_ROWS if is_base and flags[BLEND] else FOUND_ROWS - 1
        for channel in range(channels):
            row = found + U(channel * CHUNK)
            for i in range(n):
                S[row + U(i)] = f4(0.0)
        is_laid_on = slot == WEAR_MAP or (is_base and flags[TRIPLANAR])
        tile_m = numbers[TILE_M] if is_base else numbers[WEAR_TILE_M]
        for axis in range(3 if is_laid_on else 1):
            if not is_laid_on:
                _lay_by_coordinates(S, n)
            elif not _lay_on(S, n, axis, f4(1.0) / tile_m, center):
                continue
            add_samples(S, SI, n, textures[slot], is_base, channels, found)


@kernel
def _lay_by_coordinates(S: Array, n: int) -> None:
    for i in range(n):
        j = U(i)
        S[SU + j], S[SV + j] = S[TU + j], S[TV + j]
        S[SUX + j], S[SVX + j] = S[TUX + j], S[TVX + j]
        S[SUY + j], S[SVY + j] = S[TUY + j], S[TVY + j]
        S[WEIGHT + j] = f4(1.0)


@kernel
def _lay_on(S: Array, n: int, axis: int, scale: Number, center: Array) -> bool:
    """Lays a texture on along an axis of the object: the more so, the more the surface faces it.

    False: it is seen along this axis at no point.
    """
    step = U(CHUNK)
    own, along_u, along_v = U(axis), U((axis + 1) % 3), U((axis + 2) % 3)
    at_u, at_v = center[along_u] * scale, center[along_v] * scale
    seen = 0
    for i in range(n):
        j = U(i)
        x2, y2, z2 = S[NX + j] * S[NX + j], S[NY + j] * S[NY + j], S[NZ + j] * S[NZ + j]
        own2 = S[NX + own * step + j] * S[NX + own * step + j]
        weight = own2 * own2 / (x2 * x2 + y2 * y2 + z2 * z2)
        # What is hardly seen need not be looked up.
        S[WEIGHT + j] = weight if weight > f4(1e-3) else f4(0.0)
        seen += weight > f4(1e-3)
    if seen == 0:
        return False
    u, v = along_u * step, along_v * step
    for i in range(n):
        j = U(i)
        S[SU + j], S[SV + j] = S[OX + u + j] * scale + at_u, S[OX + v + j] * scale + at_v
    for i in range(n):
        j = U(i)
        S[SUX + j], S[SVX + j] = S[OXX + u + j] * scale, S[OXX + v + j] * scale
    for i in range(n):
        j = U(i)
        S[SUY + j], S[SVY + j] = S[OXY + u + j] * scale, S[OXY + v + j] * scale
    return True


@kernel
def find_material(S: Array, n: int, numbers: Array, flags: Array) -> None:
    """Colour, metal, roughness, width of the highlight and glow of a chunk of points.

    Args:
        S: Scratch, with what `read_textures` found; colour holds what `tint` made.
        n: Pixels.
        numbers, flags: As there.

    """
    if flags[BASE_MAP]:
        for channel in range(FOUND_ROWS if flags[BLEND] else FOUND_ROWS - 1):
            color, found = CR + U(channel * CHUNK), BASE_TEX + U(channel * CHUNK)
            for i in range(n):
                S[color + U(i)] *= S[found + U(i)]
    metallic, roughness = numbers[METALLIC], numbers[ROUGHNESS]
    for i in range(n):
        j = U(i)
        S[METAL + j], S[ROUGH + j] = metallic, roughness
        S[GLOW_R + j] = numbers[EMISSIVE]
        S[GLOW_G + j] = numbers[EMISSIVE + 1]
        S[GLOW_B + j] = numbers[EMISSIVE + 2]
    if flags[METAL_ROUGH_MAP]:
        for i in range(n):
            j = U(i)
            S[METAL + j] *= S[METAL_ROUGH_TEX + U(2 * CHUNK) + j]
            S[ROUGH + j] *= S[METAL_ROUGH_TEX + U(CHUNK) + j]
    for i in range(n):
        j = U(i)
        S[METAL + j] = min(max(S[METAL + j], f4(0.0)), f4(1.0))
        S[ROUGH + j] = min(max(S[ROUGH + j], f4(0.045)), f4(1.0))
    if flags[WEAR_MAP]:
        _wear(S, n, numbers[WEAR])
    for i in range(n):
        j = U(i)
        # Tokuyoshi and Kaplanyan 2019: what the normal does within the pixel widens it.
        alpha = S[ROUGH + j] * S[ROUGH + j]
        spread = f4(0.5) * S[SPREAD + j]
        spread = spread if spread < f4(0.18) else f4(0.18)  # what is no number as well
        S[ALPHA + j] = np.sqrt(min(max(alpha * alpha + spread, f4(4e-6)), f4(1.0)))
    if flags[EMISSIVE_MAP]:
        for i in range(n):
            j = U(i)
            S[GLOW_R + j] *= S[EMISSIVE_TEX + j]
            S[GLOW_G + j] *= S[EMISSIVE_TEX + U(CHUNK) + j]
            S[GLOW_B + j] *= S[EMISSIVE_TEX + U(2 * CHUNK) + j]


@kernel
def _smoothstep(low: Number, high: Number, x: Number) -> Number:
    t = min(max((x - low) / (high - low), f4(0.0)), f4(1.0))
    return t * t * (f4(3.0) - f4(2.0) * t)


@kernel
def _wear(S: Array, n: int, wear: Number) -> None:
    """Dirt darkens, dulls and roughens; scratches show bare, bright material."""
    for i in range(n):
        j = U(i)
        dirt = _smoothstep(f4(1.0) - wear, f4(1.15) - wear, S[WEAR_TEX + j])
        start = f4(0.8) * wear
        scratch = _smoothstep(f4(1.0) - start, f4(1.3) - start, S[WEAR_TEX + U(CHUNK) + j])
        S[METAL + j] *= f4(1.0) - f4(0.5) * dirt
        rough = S[ROUGH + j]
        rough += (max(rough, f4(0.75)) - rough) * dirt
        S[ROUGH + j] = rough + (f4(0.4) - rough) * (f4(0.6) * scratch)
        S[DIRT + j], S[SCRATCH + j] = f4(0.8) * dirt, f4(0.7) * scratch
    for i in range(n):
        j = U(i)
        S[CR + j] = _worn(S[CR + j], f4(0.42), S[DIRT + j], S[SCRATCH + j])
        S[CG + j] = _worn(S[CG + j], f4(0.36), S[DIRT + j], S[SCRATCH + j])
        S[CB + j] = _worn(S[CB + j], f4(0.29), S[DIRT + j], S[SCRATCH + j])


@kernel
def _worn(color: Number, dark: Number, dirt: Number, scratch: Number) -> Number:
    color += (color * dark - color) * dirt
    return color + (min(color * f4(1.5) + f4(0.08), f4(0.9)) - color) * scratch


@kernel
def map_normal(S: Array, n: int, scale: Number) -> None:
    """Tilts the normals, object frame, by a map. Tangents come from the texture coordinates'
    change: files need not carry any.
    """
    for i in range(n):
        j = U(i)
        nx, ny, nz = S[NX + j], S[NY + j], S[NZ + j]
        ax, ay, az = S[OXX + j], S[OYX + j], S[OZX + j]
        bx, by, bz = S[OXY + j], S[OYY + j], S[OZY + j]
        cx, cy, cz = by * nz - bz * ny, bz * nx - bx * nz, bx * ny - by * nx
        lx, ly, lz = ny * az - nz * ay, nz * ax - nx * az, nx * ay - ny * ax
        side = f4(-1.0) if ax * cx + ay * cy + az * cz < f4(0.0) else f4(1.0)
        ux, uy = side * S[TUX + j], side * S[TUY + j]
        vx, vy = -side * S[TVX + j], -side * S[TVY + j]  # v runs down the image
        tx, ty, tz = cx * ux + lx * uy, cy * ux + ly * uy, cz * ux + lz * uy
        px, py, pz = cx * vx + lx * vy, cy * vx + ly * vy, cz * vx + lz * vy
        longest2 = max(tx * tx + ty * ty + tz * tz, px * px + py * py + pz * pz)
        shrink = scale / np.sqrt(max(longest2, f4(1e-37)))
        a = (S[NORMAL_TEX + j] * f4(2.0) - f4(1.0)) * shrink
        b = (S[NORMAL_TEX + U(CHUNK) + j] * f4(2.0) - f4(1.0)) * shrink
        c = S[NORMAL_TEX + U(2 * CHUNK) + j] * f4(2.0) - f4(1.0)
        mx, my, mz = tx * a + px * b + nx * c, ty * a + py * b + ny * c, tz * a + pz * b + nz * c
        size2 = mx * mx + my * my + mz * mz
        il = f4(1.0) / np.sqrt(max(size2, f4(1e-20)))
        has_tangent = (longest2 > f4(1e-37)) & (size2 > f4(1e-20))
        S[NX + j] = mx * il if has_tangent else nx
        S[NY + j] = my * il if has_tangent else ny
        S[NZ + j] = mz * il if has_tangent else nz


@kernel
def map_occlusion(S: Array, n: int, strength: Number) -> None:
    """Closes more of the sky by a map."""
    for i in range(n):
        j = U(i)
        S[OPEN + j] *= f4(1.0) + (S[OCCLUSION_TEX + j] - f4(1.0)) * strength
