"""How much of a uniform light a glossy surface reflects: the table behind split-sum shading."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["split_sum_table"]

_SIDE, _SAMPLES = 32, 512


@lru_cache(maxsize=1)
def split_sum_table() -> NDArray[np.float32]:
    """``(32, 32, 2)``: scale and offset of f0, by roughness (rows) and cosine of the view.

    GGX with the height-correlated Smith term and Schlick's Fresnel, importance sampled by
    half vectors (Karis 2013, "Real shading in Unreal Engine 4").
    """
    centers = (np.arange(_SIDE) + 0.5) / _SIDE
    nv, roughness = np.meshgrid(centers, centers)
    a2 = (roughness**4)[..., None]
    nv = nv[..., None]
    u = (np.arange(_SAMPLES) + 0.5) / _SAMPLES
    phi = 2 * np.pi * ((np.arange(_SAMPLES) * 0.6180339887498949) % 1.0)
    nh = np.sqrt((1 - u) / (1 + (a2 - 1) * u))
    vh = np.maximum(np.sqrt(1 - nv**2) * np.sqrt(1 - nh**2) * np.cos(phi) + nv * nh, 1e-6)
    nl = 2 * vh * nh - nv
    lit = nl > 0
    nl = np.maximum(nl, 1e-6)
    visible = 2 * nl / (nl * np.sqrt(nv**2 * (1 - a2) + a2) + nv * np.sqrt(nl**2 * (1 - a2) + a2))
    weight = np.where(lit, visible * vh / np.maximum(nh, 1e-6), 0.0)
    fresnel = (1 - vh) ** 5
    return np.stack(
        [(weight * (1 - fresnel)).mean(axis=2), (weight * fresnel).mean(axis=2)], axis=2
    ).astype(np.float32)
