"""What an engine gives back: pictures and outlines, numpy, no GL."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Buffers", "Silhouette"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Buffers:
    """What an engine gives back; all of one geometry, camera and set of cut-outs.

    Attributes:
        radiance: ``(H, W, 3)`` float32, linear RGB, anti-aliased: what reaches the sensor. 1 is
            a white surface in full light.
        depth_m: ``(H, W)`` float32, z at the pixel's centre; 0 = nothing.
        instance_idx: ``(H, W)`` int32 at the pixel's centre: which labelled instance it shows;
            -1 = none, or something without a label.
        faces: ``(H, W, 3)`` int32 at the pixel's centre, where asked for: which instance it
            shows, labelled or not, which primitive of its model, and which face of that; -1
            where there is no instance.

    """

    radiance: NDArray[np.float32]
    depth_m: NDArray[np.float32]
    instance_idx: NDArray[np.int32]
    faces: NDArray[np.int32] | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class Silhouette:
    """The whole outline of one instance, drawn alone, clipped at the near plane only.

    Attributes:
        x0: Column of the window's first pixel; negative left of the image.
        y0: Row of the window's first pixel; negative above the image.
        mask: ``(h, w)`` bool; the window holds the silhouette, also outside the image, up
            to a canvas of 8 image sizes a side centred on the image. ``(0, 0)`` if empty.

    """

    x0: int
    y0: int
    mask: NDArray[np.bool_]
