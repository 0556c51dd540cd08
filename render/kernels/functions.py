"""Elementary functions of float32 that become vector code, each with its greatest error."""

from __future__ import annotations

from typing import Any

import numpy as np

from render.kernels.compiled import kernel

__all__ = ["arccos", "arctan2", "cosine", "exp2", "log2"]

Number = Any  # a float32

f4: Any = np.float32


@kernel
def log2(x: Number) -> Number:
    """Of a normal number > 0: 0.005."""
    bits = f4(x).view(np.int32)
    mantissa = np.int32((bits & 0x7FFFFF) | 0x3F800000).view(np.float32)
    exponent = f4((bits >> 23) - 127)
    return exponent + (f4(-0.34484843) * mantissa + f4(2.02466578)) * mantissa - f4(1.67487759)


@kernel
def exp2(x: Number) -> Number:
    """For x below 128: a share of 1.6e-4."""
    x = max(x, f4(-126.0))
    whole = np.floor(x)
    r = x - whole
    power = np.int32((np.int32(whole) + 127) << 23).view(np.float32)
    return power * (f4(1.0) + r * (f4(0.69606564) + r * (f4(0.22449434) + r * f4(0.07944024))))


@kernel
def arctan2(y: Number, x: Number) -> Number:
    """Radians: 2e-6."""
    across, along = abs(y), abs(x)
    a = min(along, across) / max(max(along, across), f4(1e-20))
    s = a * a
    r = f4(0.05265332) - f4(0.01172120) * s
    r = f4(0.19354346) + s * (f4(-0.11643287) + s * r)
    r = a * (f4(0.99997726) + s * (f4(-0.33262347) + s * r))
    r = f4(1.57079633) - r if across > along else r
    r = f4(3.14159265) - r if x < f4(0.0) else r
    return -r if y < f4(0.0) else r


@kernel
def arccos(x: Number) -> Number:
    """Radians: 7e-5 (Abramowitz and Stegun, 4.4.45). Beyond -1 and 1 as there."""
    a = min(abs(x), f4(1.0))
    r = f4(1.5707288) + a * (f4(-0.2121144) + a * (f4(0.0742610) - f4(0.0187293) * a))
    r = np.sqrt(f4(1.0) - a) * r
    return f4(3.14159265) - r if x < f4(0.0) else r


@kernel
def cosine(x: Number) -> Number:
    """Of up to a few turns: 2e-6."""
    x = x - np.floor(x * f4(0.15915494) + f4(0.5)) * f4(6.28318531)
    a = abs(x)
    is_beyond = a > f4(1.57079633)
    a = f4(3.14159265) - a if is_beyond else a
    q = a * a
    c = f4(0.0416666418) + q * (f4(-0.0013888397) + q * (f4(0.0000247609) - q * f4(0.0000002605)))
    c = f4(1.0) + q * (f4(-0.4999999963) + q * c)
    return -c if is_beyond else c
