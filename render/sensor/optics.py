"""What the lens and the hand do to the light before it reaches the sensor."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from render.kernels.develop import darken_corners
from render.sampling.camera import CameraGroup
from render.sampling.steps import Steps
from render.sensor.steps import after

__all__ = ["expose"]

Radiance = NDArray[np.float32]

# Layers of equal blur, in pixels of diameter; what lies between two is in the nearer one.
_LAYERS_PX = (0.0, 1.5, 2.5, 4.0, 6.0, 9.0, 13.0, 19.0, 28.0, 41.0, 60.0, 88.0, 130.0, 200.0)


def expose(
    radiance: Radiance,
    depth_m: NDArray[np.float32],
    camera: CameraGroup,
    *,
    principal_depth_m: float,
    steps: Steps = (),
) -> Radiance:
    """Light as it falls onto the sensor: defocus, motion, chromatic aberration, vignetting.

    Args:
        radiance: ``(H, W, 3)`` of a sharp picture at the middle of the exposure.
        depth_m: ``(H, W)``; 0 = far behind everything.
        camera: As drawn.
        principal_depth_m: Depth of the principal target's centre.
        steps: Further steps, those of the lens among them.

    Returns:
        ``(H, W, 3)``; `radiance` itself where all is off.

    """
    light = _defocused(radiance, depth_m, camera, principal_depth_m)
    light = _moved(after("defocus", light, steps), camera)
    light = _split_colors(after("motion", light, steps), camera.chromatic_px)
    light = after("chromatic", light, steps)
    if camera.vignette > 0.0:
        tangent2 = 1.0 / max(1.0 - camera.vignette, 1e-3) ** 0.5 - 1.0
        darkened = np.empty(light.shape, np.float32)
        darken_corners(light, tangent2, darkened)
        light = darkened
    return after("vignette", light, steps)


def _defocused(
    radiance: Radiance, depth_m: NDArray[np.float32], camera: CameraGroup, principal_depth_m: float
) -> Radiance:
    """Layers of about equal blur, each blurred with its edges, the farthest first.

    A thin lens that is sharp at depth f blurs depth z to a disc of ``|z - f| / z`` of that of
    a point at infinity.
    """
    if camera.defocus_px < _LAYERS_PX[1] / 2:
        return radiance
    focus_m = camera.focus * principal_depth_m
    share = np.where(depth_m > 0, 1.0 - focus_m / np.maximum(depth_m, 1e-12), 1.0)
    signed_px = np.clip(camera.defocus_px * share, -_LAYERS_PX[-1], _LAYERS_PX[-1])
    edges = [(a + b) / 2 for a, b in pairwise(_LAYERS_PX)]
    layer = np.digitize(np.abs(signed_px), edges) * np.where(signed_px < 0, -1, 1)
    light = np.zeros((*depth_m.shape, 4), np.float32)
    for number in sorted(np.unique(layer).tolist(), reverse=True):
        here = (layer == number).astype(np.float32)[..., None]
        part = np.concatenate([radiance * here, here], axis=2)
        part = _disc_blurred(part, _LAYERS_PX[abs(number)])
        light = part + (1.0 - part[..., 3:]) * light
    return np.asarray(light[..., :3] / np.maximum(light[..., 3:], 1e-6), dtype=np.float32)


def _disc_blurred(image: Radiance, diameter_px: float) -> Radiance:
    if diameter_px <= 1.0:
        return image
    # Large discs on a smaller image, which differs little from the exact blur.
    shrink = max(int(diameter_px // 24), 1)
    h, w = image.shape[:2]
    if shrink > 1:
        small = (max(w // shrink, 1), max(h // shrink, 1))
        image = np.asarray(cv2.resize(image, small, interpolation=cv2.INTER_AREA))
    kernel = _disc(diameter_px / shrink)
    blurred = cv2.filter2D(image, -1, kernel, borderType=cv2.BORDER_REPLICATE)
    if shrink > 1:
        blurred = cv2.resize(blurred, (w, h), interpolation=cv2.INTER_LINEAR)
    return np.asarray(blurred, dtype=np.float32)


def _disc(diameter_px: float) -> NDArray[np.float32]:
    """Kernel of a disc with a soft rim, odd side, sum 1."""
    half = int(np.ceil(diameter_px / 2))
    y, x = np.mgrid[-half : half + 1, -half : half + 1]
    cover = np.clip(diameter_px / 2 + 0.5 - np.hypot(x, y), 0.0, 1.0)
    return np.asarray(cover / cover.sum(), dtype=np.float32)


def _moved(light: Radiance, camera: CameraGroup) -> Radiance:
    """Averages the picture along a straight way through each pixel."""
    if camera.motion_px < 0.5:
        return light
    half = int(np.ceil(camera.motion_px / 2)) + 1
    y, x = np.mgrid[-half : half + 1, -half : half + 1].astype(np.float64)
    angle = np.radians(camera.motion_deg)
    along = np.cos(angle) * x + np.sin(angle) * y
    aside = np.cos(angle) * y - np.sin(angle) * x
    length = np.clip(camera.motion_px / 2 + 0.5 - np.abs(along), 0.0, 1.0)
    kernel = length * np.clip(1.0 - np.abs(aside), 0.0, 1.0)
    kernel = (kernel / kernel.sum()).astype(np.float32)
    moved = cv2.filter2D(light, -1, kernel, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(moved, dtype=np.float32)


def _split_colors(light: Radiance, corner_px: float) -> Radiance:
    """Red a little larger and blue a little smaller than green, about the image's centre."""
    if abs(corner_px) < 0.02:
        return light
    h, w = light.shape[:2]
    corner = float(np.hypot(w, h)) / 2
    channels = list(cv2.split(light))
    for channel, away_px in ((0, corner_px), (2, -corner_px)):
        zoom = corner / (corner + away_px)
        shift = np.array([(w - 1) / 2, (h - 1) / 2]) * (1.0 - zoom)
        matrix = np.array([[zoom, 0.0, shift[0]], [0.0, zoom, shift[1]]])
        channels[channel] = cv2.warpAffine(
            channels[channel],
            matrix,
            (w, h),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
    return np.asarray(cv2.merge(channels), dtype=np.float32)
