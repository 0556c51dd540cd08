"""What depth sensors have in common: edges of depth, shadows of a baseline, light that returns.

Only operations that every processor rounds alike are used (no angle functions of NumPy), so that
the same frame has the same bytes everywhere.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from render.sampling.depth_sensors import DepthView

__all__ = [
    "displaced",
    "is_lit",
    "near_edges",
    "quantised",
    "returned_light",
    "sees_from_aside",
    "supported",
    "tilt_term",
    "touches_edge",
]

Map = NDArray[np.float64]
Mask = NDArray[np.bool_]

# Two neighbours lie on different surfaces where their depths differ by more than this share, and
# by more than so many times what the tilt of the flatter one explains.
_JUMP_SHARE, _JUMP_TILTS = 0.01, 3.0
_LEAST_COS = 0.05
_DIELECTRIC = 0.04  # reflectance of plastics and paints, seen straight on
_SMOOTHEST = 0.01
# Shares of the light that a white matte surface facing the sensor returns: less is lost in the
# background, more saturates.
_LEAST_LIGHT, _MOST_LIGHT = 0.02, 3.0
_SPECKLE = 0.2
# Abramowitz and Stegun 1964, 4.4.46: arccos x = sqrt(1 - x) p(x), to 2e-8.
_ARCCOS = (
    -0.0012624911, 0.0066700901, -0.0170881256, 0.0308918810,
    -0.0501743046, 0.0889789874, -0.2145988016, 1.5707963050,
)  # fmt: skip


def sees_from_aside(view: DepthView, baseline_m: float) -> Mask:
    """``(H, W)``: what a point at the camera's right sees as well; the rest lies in shadow.

    A point at depth z on the ray x is seen from there at ``x - baseline / z``. What is farther to
    the right in the picture and is seen at or left of that place is in front of it. Exact for a
    pinhole, whose rows are epipolar lines; a lens that distorts bends these by a few pixels, which
    is neglected. What is outside of the picture hides nothing.
    """
    at = view.rays[..., 0] - baseline_m * _inverse(view.depth_m)
    right = np.minimum.accumulate(at[:, ::-1], axis=1)[:, ::-1]
    seen = view.depth_m > 0
    seen[:, :-1] &= at[:, :-1] < right[:, 1:]
    return seen


def touches_edge(view: DepthView) -> Mask:
    """``(H, W)``: pixels with a neighbour, above, below or beside, on another surface."""
    z = view.depth_m
    slack = _slack(view)
    edge = np.zeros(z.shape, bool)
    for a, b in (
        ((slice(None), slice(1, None)), (slice(None), slice(None, -1))),
        ((slice(1, None), slice(None)), (slice(None, -1), slice(None))),
    ):
        jump = np.abs(z[a] - z[b]) > np.minimum(slack[a], slack[b])
        edge[a] |= jump
        edge[b] |= jump
    return edge


def near_edges(edge: Mask, radius_px: int) -> Mask:
    """``(H, W)``: pixels with one of `edge` in the square of that radius around them."""
    kernel = np.ones((2 * radius_px + 1,) * 2, np.uint8)
    return np.asarray(cv2.dilate(edge.astype(np.uint8), kernel) > 0)


def supported(view: DepthView, edge: Mask, *, window_px: int, least: float) -> Mask:
    """``(H, W)``: pixels whose surface fills enough of the window that is matched.

    Args:
        view: What is looked at.
        edge: As `touches_edge` gives it.
        window_px: Side of the square window, odd; pixels beyond the image do not count.
        least: Share of the window.

    """
    half = window_px // 2
    z, slack = view.depth_m, _slack(view)
    enough = z > 0
    rows, columns = np.nonzero(near_edges(edge, half) & enough)
    own, each = z[rows, columns], slack[rows, columns]
    same, there = np.zeros((2, len(rows)), np.int64)
    for dy in range(-half, half + 1):
        for dx in range(-half, half + 1):
            y, x = rows + dy, columns + dx
            inside = (y >= 0) & (y < z.shape[0]) & (x >= 0) & (x < z.shape[1])
            other = z[np.clip(y, 0, z.shape[0] - 1), np.clip(x, 0, z.shape[1] - 1)]
            reach = each * max(abs(dx), abs(dy), 1)
            there += inside
            same += inside & (other > 0) & (np.abs(other - own) <= reach)
    enough[rows, columns] = same >= least * there
    return enough


def displaced(
    edge: Mask, sigma_px: float, rng: np.random.Generator
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns that pixels take their measurement from: lateral noise.

    Near edges they are off by a normal number of pixels, rounded and within three sigmas;
    elsewhere a pixel measures its own place, since along a surface lateral noise is axial noise.
    """
    height, width = edge.shape
    shift = np.clip(rng.standard_normal((2, height, width)), -3.0, 3.0) * sigma_px
    moves = near_edges(edge, int(np.ceil(3.0 * sigma_px)))
    rows, columns = np.indices(edge.shape)
    dy, dx = np.where(moves, np.rint(shift), 0.0).astype(np.intp)
    return np.clip(rows + dy, 0, height - 1), np.clip(columns + dx, 0, width - 1)


def returned_light(view: DepthView) -> Map:
    """``(H, W)``: light of a lamp at the sensor that comes back, over that of a facing white sheet.

    The material of glTF: what is not metal scatters its base colour evenly, and both shine by the
    microfacets of GGX (Walter et al. 2007; visibility by Heitz 2014), here with the lamp where
    the sensor is, so that the half vector is the way to the sensor. A metal returns much where it
    faces the sensor and little elsewhere.
    """
    cos = np.maximum(view.tilt_cos, 0.0)
    alpha2 = np.maximum(view.roughness * view.roughness, _SMOOTHEST) ** 2
    bent = cos * cos * (alpha2 - 1.0) + 1.0
    facets = alpha2 / np.maximum(bent * bent, 1e-12)  # pi times the distribution of normals
    reach = np.sqrt(cos * cos * (1.0 - alpha2) + alpha2)
    visible = 0.25 / np.maximum(cos * reach, 1e-6)
    mirror = _DIELECTRIC * (1.0 - view.metallic) + view.albedo * view.metallic
    return np.asarray(cos * (view.albedo * (1.0 - view.metallic) + facets * visible * mirror))


def is_lit(light: Map, noise: float, rng: np.random.Generator) -> Mask:
    """``(H, W)``: light enough to be told from the background, and not so much that it saturates.

    Speckle makes it differ from pixel to pixel. The exposure is taken to follow the distance.
    """
    limit = 1.0 + noise * _SPECKLE * np.abs(rng.standard_normal(light.shape))
    return np.asarray((light >= _LEAST_LIGHT * limit) & (light <= _MOST_LIGHT * limit))


def tilt_term(tilt_cos: Map) -> Map:
    """``theta^2 / (pi / 2 - theta)^2``, by which noise grows with the angle of the surface.

    The form of Nguyen, Izadi and Lovell 2012 ("Modeling Kinect Sensor Noise for Improved 3D
    Reconstruction and Tracking"); at most that of 87 degrees.
    """
    cos = np.clip(tilt_cos, _LEAST_COS, 1.0)
    tilt = np.full(cos.shape, _ARCCOS[0])
    for coefficient in _ARCCOS[1:]:
        tilt = tilt * cos + coefficient
    tilt = tilt * np.sqrt(1.0 - cos)
    share = tilt / (np.pi / 2 - tilt)
    return np.asarray(share * share)


def quantised(disparity_px: Map, *, step_px: float, fb: float) -> Map:
    """Depth of disparities that come in steps; 0 where they are not above 0.

    Args:
        disparity_px: ``(H, W)``.
        step_px: Least difference.
        fb: Focal length in pixels times baseline in metres.

    """
    return fb * _inverse(np.rint(disparity_px / step_px) * step_px)


def _inverse(values: Map) -> Map:
    return np.asarray(np.where(values > 0, 1.0 / np.where(values > 0, values, 1.0), 0.0))


def _slack(view: DepthView) -> Map:
    """By how much the depth of a neighbour on the same surface may differ."""
    z, cos = view.depth_m, np.clip(view.tilt_cos, _LEAST_COS, 1.0)
    tilted = np.sqrt(1.0 - cos * cos) / cos / view.focal_px
    return z * (_JUMP_SHARE + _JUMP_TILTS * tilted)
