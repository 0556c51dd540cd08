"""What a surface is like at each pixel: colour, metal, roughness, wear, normal, glow.

glTF 2.0 metallic-roughness, as `shading.glsl` has it. A material is numbers (`BASE` and so on are
their places) and one texture for each slot; where its flag is not set a slot counts for nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from render.kernels.chunks import (
    ALPHA,
    CA,
    CB,
    CG,
    CR,
    DIRT,
    GLOW_B,
    GLOW_G,
    GLOW_R,
    METAL,
    NX,
    NY,
    NZ,
    OPEN,
    OX,
    OXX,
    OXY,
    OY,
    OYX,
    OYY,
    OZ,
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
    TEX_A,
    TEX_B,
    TEX_G,
    TEX_R,
    TU,
    TUX,
    TUY,
    TV,
    TVX,
    TVY,
    WEIGHT,
)  # fmt: skip
from render.kernels.compiled import kernel
from render.kernels.textures import add_samples, clear_samples

__all__ = [
    "BASE_MAP", "BLEND", "CATCHER", "EMISSIVE_MAP", "FLAGS", "METAL_ROUGH_MAP", "NORMAL_MAP",
    "NORMAL_SCALE", "NUMBERS", "OCCLUSION_MAP", "OCCLUSION_STRENGTH", "TRIPLANAR", "WEAR_MAP",
    "find_material", "map_normal",
    "map_occlusion",
]  # fmt: skip

Array = Any

# Places of a material's numbers, float32,
BASE, METALLIC, ROUGHNESS, EMISSIVE, NORMAL_SCALE, OCCLUSION_STRENGTH, TILE_M, WEAR, WEAR_TILE_M = (
    0, 4, 5, 6, 9, 10, 11, 12, 13,
)  # fmt: skip
NUMBERS = 14
# of its flags; the first six are also its textures',
BASE_MAP, METAL_ROUGH_MAP, NORMAL_MAP, OCCLUSION_MAP, EMISSIVE_MAP, WEAR_MAP = range(6)
TRIPLANAR, BLEND, CATCHER = 6, 7, 8
FLAGS = 9

f4, U = np.float32, np.uint64


@kernel
def find_material(
    S: Array, SI: Array, n: int, numbers: Array, flags: Array, textures: Any, center: Array
) -> None:
    """Colour, metal, roughness, width of the highlight and glow of a chunk of points.

    Args:
        S, SI: Scratch; colour holds what `tint` made.
        n: Pixels.
        numbers: ``(NUMBERS,)`` float32.
        flags: ``(FLAGS,)`` bool.
        textures: Of the first six flags.
        center: ``(3,)`` float32: where the mesh counts from, object frame.

    """
    if flags[BASE_MAP]:
        channels = 4 if flags[BLEND] else 3
        if flags[TRIPLANAR]:
            _lay_on(S, SI, n, textures[BASE_MAP], numbers[TILE_M], center, True, channels)
        else:
            _look_up(S, SI, n, textures[BASE_MAP], True, channels)
        for i in range(n):
            j = U(i)
            S[CR + j] *= S[TEX_R + j]
            S[CG + j] *= S[TEX_G + j]
            S[CB + j] *= S[TEX_B + j]
            if flags[BLEND]:
                S[CA + j] *= S[TEX_A + j]
    metallic, roughness = numbers[METALLIC], numbers[ROUGHNESS]
    if flags[METAL_ROUGH_MAP]:
        _look_up(S, SI, n, textures[METAL_ROUGH_MAP], False, 3)
        for i in range(n):
            j = U(i)
            S[METAL + j] = min(max(metallic * S[TEX_B + j], f4(0.0)), f4(1.0))
            S[ROUGH + j] = min(max(roughness * S[TEX_G + j], f4(0.045)), f4(1.0))
    else:
        for i in range(n):
            j = U(i)
            S[METAL + j] = min(max(metallic, f4(0.0)), f4(1.0))
            S[ROUGH + j] = min(max(roughness, f4(0.045)), f4(1.0))
    if flags[WEAR_MAP]:
        _lay_on(S, SI, n, textures[WEAR_MAP], numbers[WEAR_TILE_M], center, False, 3)
        _wear(S, n, numbers[WEAR])
    for i in range(n):
        j = U(i)
        # Tokuyoshi and Kaplanyan 2019: what the normal does within the pixel widens it.
        alpha = S[ROUGH + j] * S[ROUGH + j]
        spread = min(f4(0.5) * S[SPREAD + j], f4(0.18))
        S[ALPHA + j] = np.sqrt(min(max(alpha * alpha + spread, f4(4e-6)), f4(1.0)))
        S[GLOW_R + j] = numbers[EMISSIVE]
        S[GLOW_G + j] = numbers[EMISSIVE + 1]
        S[GLOW_B + j] = numbers[EMISSIVE + 2]
    if flags[EMISSIVE_MAP]:
        _look_up(S, SI, n, textures[EMISSIVE_MAP], False, 3)
        for i in range(n):
            j = U(i)
            S[GLOW_R + j] *= S[TEX_R + j]
            S[GLOW_G + j] *= S[TEX_G + j]
            S[GLOW_B + j] *= S[TEX_B + j]


@kernel
def _look_up(S: Array, SI: Array, n: int, texture: Any, is_sharp: bool, channels: int) -> None:
    """What a texture shows by the texture coordinates."""
    clear_samples(S, n)
    for i in range(n):
        j = U(i)
        S[SU + j], S[SV + j] = S[TU + j], S[TV + j]
        S[SUX + j], S[SVX + j] = S[TUX + j], S[TVX + j]
        S[SUY + j], S[SVY + j] = S[TUY + j], S[TVY + j]
        S[WEIGHT + j] = f4(1.0)
    add_samples(S, SI, n, texture, is_sharp, channels)


@kernel
def _lay_on(
    S: Array, SI: Array, n: int, texture: Any, tile_m: float, center: Array, is_sharp: bool,
    channels: int,
) -> None:  # fmt: skip
    """What a texture shows that is laid on from the three axes of the object."""
    clear_samples(S, n)
    scale = f4(1.0) / tile_m
    for axis in range(3):
        cx, cy, cz = center[0], center[1], center[2]
        for i in range(n):
            j = U(i)
            x2, y2, z2 = S[NX + j] * S[NX + j], S[NY + j] * S[NY + j], S[NZ + j] * S[NZ + j]
            x4, y4, z4 = x2 * x2, y2 * y2, z2 * z2
            own = x4 if axis == 0 else y4 if axis == 1 else z4
            weight = own / (x4 + y4 + z4)
            # What is hardly seen need not be looked up.
            S[WEIGHT + j] = weight if weight > f4(1e-3) else f4(0.0)
            x, y, z = S[OX + j] + cx, S[OY + j] + cy, S[OZ + j] + cz
            S[SU + j] = (y if axis == 0 else z if axis == 1 else x) * scale
            S[SV + j] = (z if axis == 0 else x if axis == 1 else y) * scale
            x, y, z = S[OXX + j], S[OYX + j], S[OZX + j]
            S[SUX + j] = (y if axis == 0 else z if axis == 1 else x) * scale
            S[SVX + j] = (z if axis == 0 else x if axis == 1 else y) * scale
            x, y, z = S[OXY + j], S[OYY + j], S[OZY + j]
            S[SUY + j] = (y if axis == 0 else z if axis == 1 else x) * scale
            S[SVY + j] = (z if axis == 0 else x if axis == 1 else y) * scale
        add_samples(S, SI, n, texture, is_sharp, channels)


@kernel
def _smoothstep(low: float, high: float, x: float) -> float:
    t = min(max((x - low) / (high - low), f4(0.0)), f4(1.0))
    return t * t * (f4(3.0) - f4(2.0) * t)


@kernel
def _wear(S: Array, n: int, wear: float) -> None:
    """Dirt darkens, dulls and roughens; scratches show bare, bright material."""
    for i in range(n):
        j = U(i)
        dirt = _smoothstep(f4(1.0) - wear, f4(1.15) - wear, S[TEX_R + j])
        start = f4(0.8) * wear
        scratch = _smoothstep(f4(1.0) - start, f4(1.3) - start, S[TEX_G + j])
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
def _worn(color: float, dark: float, dirt: float, scratch: float) -> float:
    color += (color * dark - color) * dirt
    return color + (min(color * f4(1.5) + f4(0.08), f4(0.9)) - color) * scratch


@kernel
def map_normal(S: Array, SI: Array, n: int, texture: Any, scale: float) -> None:
    """Tilts the normals, object frame, by a map. Tangents come from the texture coordinates'
    change: files need not carry any.
    """
    _look_up(S, SI, n, texture, False, 3)
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
        a = (S[TEX_R + j] * f4(2.0) - f4(1.0)) * shrink
        b = (S[TEX_G + j] * f4(2.0) - f4(1.0)) * shrink
        c = S[TEX_B + j] * f4(2.0) - f4(1.0)
        mx, my, mz = tx * a + px * b + nx * c, ty * a + py * b + ny * c, tz * a + pz * b + nz * c
        size2 = mx * mx + my * my + mz * mz
        il = f4(1.0) / np.sqrt(max(size2, f4(1e-20)))
        has_tangent = (longest2 > f4(1e-37)) & (size2 > f4(1e-20))
        S[NX + j] = mx * il if has_tangent else nx
        S[NY + j] = my * il if has_tangent else ny
        S[NZ + j] = mz * il if has_tangent else nz


@kernel
def map_occlusion(S: Array, SI: Array, n: int, texture: Any, strength: float) -> None:
    """Closes more of the sky by a map."""
    _look_up(S, SI, n, texture, False, 3)
    for i in range(n):
        j = U(i)
        S[OPEN + j] *= f4(1.0) + (S[TEX_R + j] - f4(1.0)) * strength
