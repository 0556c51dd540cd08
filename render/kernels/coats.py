"""What lies over or within a material: a clear coat, and plastic that light passes through.

The coat is glTF's ``KHR_materials_clearcoat``: a smooth dielectric of the index 1.5 over all else.
Translucency is that of a thin sheet: of its diffuse light one half of `translucency` leaves on the
other side. A lamp behind the surface counts without shadows, because the body itself would cast
them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from render.kernels.chunks import (
    ALPHA,
    BELOW_ALPHA,
    BELOW_B,
    BELOW_G,
    BELOW_METAL,
    BELOW_R,
    CB,
    CG,
    CHUNK,
    COAT_B,
    COAT_G,
    COAT_R,
    CR,
    LIGHT,
    LIT,
    LX,
    LY,
    LZ,
    METAL,
    NV,
    NX,
    NY,
    NZ,
    OUT_B,
    OUT_G,
    OUT_R,
    SPREAD,
)  # fmt: skip
from render.kernels.compiled import kernel
from render.kernels.lights import COLOR

__all__ = ["begin_coat", "end_coat", "lay_coat", "pass_light"]

Array = Any
Number = Any  # a float32

COAT_ROUGHNESS = 0.06

f4: Any = np.float32
U: Any = np.uint64


@kernel
def begin_coat(S: Array, n: int) -> None:
    """Puts the material aside, and a black and smooth dielectric in its place: what that sends back
    is what the coat does.
    """
    for i in range(n):
        j = U(i)
        S[BELOW_R + j], S[BELOW_G + j], S[BELOW_B + j] = S[CR + j], S[CG + j], S[CB + j]
        S[BELOW_METAL + j], S[BELOW_ALPHA + j] = S[METAL + j], S[ALPHA + j]
        S[CR + j], S[CG + j], S[CB + j] = f4(0.0), f4(0.0), f4(0.0)
        alpha = f4(COAT_ROUGHNESS * COAT_ROUGHNESS)
        spread = f4(0.5) * S[SPREAD + j]
        spread = spread if spread < f4(0.18) else f4(0.18)  # what is no number as well
        S[METAL + j] = f4(0.0)
        S[ALPHA + j] = np.sqrt(min(max(alpha * alpha + spread, f4(4e-6)), f4(1.0)))


@kernel
def end_coat(S: Array, n: int) -> None:
    """Keeps what the coat sends back, and takes the material up again."""
    for i in range(n):
        j = U(i)
        S[COAT_R + j], S[COAT_G + j], S[COAT_B + j] = S[OUT_R + j], S[OUT_G + j], S[OUT_B + j]
        S[CR + j], S[CG + j], S[CB + j] = S[BELOW_R + j], S[BELOW_G + j], S[BELOW_B + j]
        S[METAL + j], S[ALPHA + j] = S[BELOW_METAL + j], S[BELOW_ALPHA + j]


@kernel
def lay_coat(S: Array, n: int, clearcoat: Number) -> None:
    """Lays the coat over what the material sends back, which gets through it but for the share
    that it reflects.
    """
    for i in range(n):
        j = U(i)
        q = f4(1.0) - S[NV + j]
        through = f4(1.0) - clearcoat * (f4(0.04) + f4(0.96) * (q * q * (q * q) * q))
        S[OUT_R + j] = S[OUT_R + j] * through + clearcoat * S[COAT_R + j]
        S[OUT_G + j] = S[OUT_G + j] * through + clearcoat * S[COAT_G + j]
        S[OUT_B + j] = S[OUT_B + j] * through + clearcoat * S[COAT_B + j]


@kernel
def pass_light(S: Array, n: int, light: Array, translucency: Number) -> None:
    """Moves half of the translucent share of a lamp's diffuse light to the other side."""
    for channel in range(3):
        out, color = OUT_R + U(channel * CHUNK), CR + U(channel * CHUNK)
        share = f4(0.5) * translucency * light[COLOR + channel]
        for i in range(n):
            j = U(i)
            nl = S[NX + j] * S[LX + j] + S[NY + j] * S[LY + j] + S[NZ + j] * S[LZ + j]
            moved = max(-nl, f4(0.0)) - max(nl, f4(0.0)) * S[LIT + j]
            S[out + j] += share * S[LIGHT + j] * moved * S[color + j] * (f4(1.0) - S[METAL + j])
