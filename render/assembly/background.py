"""What is behind the objects: a picture of the camera's size, or an environment."""

from __future__ import annotations

from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from render.assembly.lights import EnvironmentSource
from render.assembly.patterns import procedural
from render.kernels.compiled import unwritten
from render.kernels.resize import shrink
from render.sampling.background import Background
from render.scene import Environment
from render.sensor.light import blur, map_linear
from render.sensor.tone import radiance_of_display

__all__ = ["BackdropSource", "build_backdrop"]


class BackdropSource(EnvironmentSource, Protocol):
    """What backgrounds need of the asset library."""

    def background(self, name: str) -> NDArray[np.uint8]:
        """``(H, W, 3)`` display sRGB."""
        ...


def build_backdrop(
    background: Background,
    environment: Environment | None,
    assets: BackdropSource,
    *,
    size_wh: tuple[int, int],
    tone: str,
) -> NDArray[np.float32] | Environment:
    """The environment that lights the scene, or one of its own; or a picture as radiance.

    A picture gets the radiance that the sensor's tone curve turns into the picture again.

    Args:
        background: As drawn.
        environment: What lights the scene; None: none.
        assets: Gives photographs and environments by name.
        size_wh: Pixels.
        tone: Tone curve of the sensor.

    """
    if background.kind in ("color", "procedural", "photo"):
        radiance = radiance_of_display(_picture(background, size_wh, assets), tone)
        radiance.setflags(write=False)
        return radiance
    return environment or Environment(map=assets.environment(background.environment))


def _picture(
    background: Background, size_wh: tuple[int, int], assets: BackdropSource
) -> NDArray[np.uint8]:
    """``(H, W, 3)`` display sRGB; blur and brightness come last."""
    if background.kind == "color":
        picture = np.empty((size_wh[1], size_wh[0], 3), np.uint8)
        picture[:] = np.rint(np.clip(background.color, 0, 255)).astype(np.uint8)
        return map_linear(picture, background.brightness)
    if background.kind == "procedural":
        picture = procedural(background.pattern, background.pattern_seed, size_wh)
    else:
        picture = _photo(assets.background(background.photo), background, size_wh)
    return map_linear(blur(picture, background.blur_px), background.brightness)


def _photo(
    source: NDArray[np.uint8], background: Background, size_wh: tuple[int, int]
) -> NDArray[np.uint8]:
    """The crop of the image's shape, mirrored where asked, at the image's size."""
    w, h = size_wh
    src_h, src_w = source.shape[:2]
    zoom = min(src_w / w, src_h / h) * background.crop_frac  # source pixels per pixel
    crop_w = min(max(round(w * zoom), 1), src_w)
    crop_h = min(max(round(h * zoom), 1), src_h)
    x0 = round(background.crop_x * (src_w - crop_w))
    y0 = round(background.crop_y * (src_h - crop_h))
    if crop_w >= w and crop_h >= h:
        shrunk = np.empty((h, w, 3), np.uint8)
        shrink(unwritten(source), x0, y0, crop_w, crop_h, background.flip, shrunk)
        return shrunk
    crop = source[y0 : y0 + crop_h, x0 : x0 + crop_w]
    picture = cv2.resize(crop, (w, h), interpolation=cv2.INTER_CUBIC)
    return np.asarray(cv2.flip(picture, 1) if background.flip else picture, dtype=np.uint8)
