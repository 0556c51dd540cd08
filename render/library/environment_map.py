"""Light from all around: what a shader needs of an equirectangular map.

Where directions lie in the images: `render.scene.EnvironmentMap`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from render.scene import EnvironmentMap, Sun
from render.sensor.color import LUMINANCE
from render.system.disk_cache import cached

__all__ = [
    "build_environment",
    "directions_of",
    "irradiance_sh",
    "luminance",
    "solid_angles",
]

Radiance = NDArray[np.float32]

# Roughness of glossy level k is k / (_GLOSSY_LEVELS - 1); level 0 is the mirror.
_GLOSSY_LEVELS = 7
_GLOSSY_WH = (128, 64)
_MIRROR_WH = (512, 256)
_WORK_WH = (512, 256)

# What shines this many times brighter than the mean of the map, and gives this share of all its
# light, is a light of its own.
_SUN_CONTRAST = 6.0
_SUN_SHARE = 0.04
_MAX_SUNS = 3
# A light wider than this stays in the reflected map, where it has its shape.
_MIRRORED_RADIUS_DEG = 3.0
# A white plane that faces the brightest side of a map at exposure 0 sends back this radiance.
_WHITE_LEVEL = 0.75


def build_environment(name: str, radiance: Radiance) -> EnvironmentMap:
    """Splits and prefilters a map, scaled so that day and night give usable pictures.

    Args:
        name: Name of the map.
        radiance: ``(H, W, 3)``, W = 2 H, finite and not negative, not all 0.

    """
    work = _resized(radiance, _WORK_WH)
    gain = _WHITE_LEVEL / max(_brightest_side(work), 1e-12)
    whole, work = radiance * np.float32(gain), work * np.float32(gain)
    suns, diffuse, reflected = _split(work)
    return EnvironmentMap(
        name=name,
        radiance=_frozen(whole),
        suns=suns,
        sh=_frozen(irradiance_sh(diffuse)),
        sh_upper=_frozen(irradiance_sh(_upper(diffuse))),
        glossy=_frozen(_glossy(reflected)),
        mirror=_frozen(_resized(reflected, _MIRROR_WH)),
    )


def directions_of(size_wh: tuple[int, int]) -> NDArray[np.float64]:
    """``(H, W, 3)`` unit vectors at the pixels' centres."""
    w, h = size_wh
    azimuth = np.pi - 2 * np.pi * (np.arange(w) + 0.5) / w
    polar = np.pi * (np.arange(h) + 0.5) / h
    x = np.sin(polar)[:, None] * np.cos(azimuth)
    y = np.sin(polar)[:, None] * np.sin(azimuth)
    z = np.broadcast_to(np.cos(polar)[:, None], (h, w))
    return np.stack([x, y, z], axis=-1)


def solid_angles(size_wh: tuple[int, int]) -> NDArray[np.float64]:
    """``(H, 1)`` solid angle of a pixel in each row, steradians; all pixels together have 4 pi."""
    w, h = size_wh
    edges = np.cos(np.pi * np.arange(h + 1) / h)
    return np.asarray((edges[:-1] - edges[1:])[:, None] * (2 * np.pi / w))


def irradiance_sh(radiance: Radiance) -> Radiance:
    """``(9, 3)``: radiance of a white diffuse surface by its normal, in spherical harmonics.

    Ramamoorthi and Hanrahan 2001: bands are the map's, times pi, 2 pi / 3 and pi / 4, over pi.
    """
    h, w = radiance.shape[:2]
    basis = _sh_basis(directions_of((w, h)))
    weighted = radiance * solid_angles((w, h))[..., None]
    coefficients = np.einsum("hwb,hwc->bc", basis, weighted)
    cosine = np.array([1.0, *[2 / 3] * 3, *[1 / 4] * 5])
    return np.asarray(coefficients * cosine[:, None], dtype=np.float32)


def _upper(radiance: Radiance) -> Radiance:
    upper = radiance.copy()
    upper[radiance.shape[0] // 2 :] = 0.0
    return upper


def _sh_basis(d: NDArray[np.float64]) -> NDArray[np.float64]:
    x, y, z = d[..., 0], d[..., 1], d[..., 2]
    one = np.ones_like(x)
    return np.stack(
        [
            0.282094792 * one,
            0.488602512 * y, 0.488602512 * z, 0.488602512 * x,
            1.092548431 * x * y, 1.092548431 * y * z, 0.315391565 * (3 * z * z - 1),
            1.092548431 * x * z, 0.546274215 * (x * x - y * y),
        ],
        axis=-1,
    )  # fmt: skip


def _brightest_side(radiance: Radiance) -> float:
    """Luminance of a white surface turned to where most light comes from, or upwards."""
    small = _resized(radiance, (64, 32))
    weighted = luminance(small) * solid_angles((64, 32))
    towards = directions_of((64, 32)).reshape(-1, 3)
    normals = directions_of((16, 8)).reshape(-1, 3)
    received = np.maximum(normals @ towards.T, 0.0) @ weighted.ravel() / np.pi
    return float(received.max())


def luminance(rgb: Radiance) -> NDArray[np.float32]:
    """``(...)`` luminance of ``(..., 3)`` linear RGB, by Rec. 709."""
    return np.asarray(rgb @ LUMINANCE.astype(np.float32))


def _split(work: Radiance) -> tuple[tuple[Sun, ...], Radiance, Radiance]:
    """The suns, the map without any of them, and the map without the narrow ones alone."""
    h, w = work.shape[:2]
    area = solid_angles((w, h))
    bright = luminance(work)
    mean = float((bright * area).sum() / (4 * np.pi))
    limit = np.float32(_SUN_CONTRAST * mean)
    over = np.where(bright > limit, 1.0 - limit / np.maximum(bright, 1e-12), 0.0)[..., None]
    excess = work * over.astype(np.float32)
    diffuse, reflected = work.copy(), work.copy()
    suns: list[tuple[Sun, NDArray[np.bool_]]] = []
    total = float((bright * area).sum())
    for member in _blobs(bright > limit, bright * area, _SUN_SHARE * total):
        power = (excess * member[..., None] * area[..., None]).sum(axis=(0, 1))
        if float(luminance(power.astype(np.float32))) < _SUN_SHARE * total:
            continue
        suns.append((_sun(excess, member, area, power), member))
    strongest = sorted(suns, key=lambda found: -sum(found[0].irradiance))[:_MAX_SUNS]
    for sun, member in strongest:
        diffuse -= excess * member[..., None]
        if not sun.is_in_reflections:
            reflected -= excess * member[..., None]
    return tuple(sun for sun, _ in strongest), diffuse, reflected


def _blobs(
    mask: NDArray[np.bool_], power: NDArray[np.float64], least: float
) -> Iterator[NDArray[np.bool_]]:
    """Connected parts of a map's mask with at least that power; left and right edge touch."""
    _, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
    for a, b in zip(labels[:, 0].tolist(), labels[:, -1].tolist(), strict=True):
        if a and b and a != b:
            labels[labels == b] = a
    sums = np.bincount(labels.ravel(), weights=power.ravel())
    yield from (labels == i for i in np.flatnonzero(sums >= least) if i > 0)


def _sun(
    excess: Radiance,
    member: NDArray[np.bool_],
    area: NDArray[np.float64],
    power: NDArray[np.float64],
) -> Sun:
    h, w = member.shape
    bright = luminance(excess) * member * area
    x, y, z = (bright[..., None] * directions_of((w, h))).sum(axis=(0, 1))
    length = float(np.sqrt(x * x + y * y + z * z))
    # The solid angle that would hold all the light at its power-weighted mean radiance.
    solid = float(bright.sum() ** 2 / max((bright**2 / area).sum(), 1e-30))
    radius_deg = float(np.degrees(np.arccos(np.clip(1.0 - solid / (2 * np.pi), -1.0, 1.0))))
    r, g, b = (float(v) for v in power)
    return Sun(
        to_light=(float(x) / length, float(y) / length, float(z) / length),
        irradiance=(r, g, b),
        radius_deg=radius_deg,
        is_in_reflections=radius_deg > _MIRRORED_RADIUS_DEG,
    )


def _glossy(reflected: Radiance) -> Radiance:
    """`_prefiltered`, once for a map and not again by each process that shows it."""
    key = hashlib.sha256(reflected.tobytes())
    key.update(Path(__file__).read_bytes())
    return cached(
        f"glossy {np.__version__} {cv2.__version__} {reflected.shape} {key.hexdigest()}",
        lambda: _prefiltered(reflected),
    )


def _prefiltered(radiance: Radiance) -> Radiance:
    """``(_GLOSSY_LEVELS, h, w, 3)``: the map seen in ever rougher metal, by convolution along its
    parallels.
    """
    levels = [_resized(radiance, _GLOSSY_WH)]
    for k in range(1, _GLOSSY_LEVELS):
        alpha = (k / (_GLOSSY_LEVELS - 1)) ** 2
        size_wh = (256, 128) if k <= 2 else (128, 64)
        source = _resized(radiance, size_wh)
        spectrum = np.fft.rfft(source.astype(np.float64), axis=1)
        mixed = np.einsum("ijf,jfc->ifc", _glossy_kernel(alpha, size_wh), spectrum, optimize=True)
        filtered = np.fft.irfft(mixed, n=size_wh[0], axis=1).astype(np.float32)
        levels.append(np.maximum(_resized(filtered, _GLOSSY_WH), 0.0))
    return np.stack(levels)


@lru_cache(maxsize=_GLOSSY_LEVELS)
def _glossy_kernel(alpha: float, size_wh: tuple[int, int]) -> NDArray[np.complex128]:
    """Spectrum along a parallel of what row j gives to row i: GGX lobe about the mirror ray.

    With view and normal along the lobe's axis (Karis 2013) a direction at angle g from it has
    the weight D(g / 2) cos(g); rows are normalised to 1.
    """
    w, h = size_wh
    polar = np.pi * (np.arange(h) + 0.5) / h
    turn = np.cos(2 * np.pi * np.arange(w) / w)
    c, s = np.cos(polar), np.sin(polar)
    cos_g = np.clip((c[:, None] * c)[..., None] + (s[:, None] * s)[..., None] * turn, -1.0, 1.0)
    cos_half2 = (1.0 + cos_g) / 2.0
    lobe = 1.0 / (cos_half2 * (alpha * alpha - 1.0) + 1.0) ** 2
    weight = lobe * np.maximum(cos_g, 0.0) * solid_angles(size_wh).reshape(1, h, 1)
    weight /= weight.sum(axis=(1, 2), keepdims=True)
    return np.asarray(np.fft.rfft(weight, axis=2))


def _resized(image: Radiance, size_wh: tuple[int, int]) -> Radiance:
    h, w = image.shape[:2]
    if (w, h) == size_wh:
        return image
    shrinks = size_wh[0] <= w
    way = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, size_wh, interpolation=way), dtype=np.float32)


def _frozen(array: Radiance) -> Radiance:
    array = np.ascontiguousarray(array)
    array.setflags(write=False)
    return array
