"""What the centre of each pixel shows, and the whole outline of each instance: one pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from render.buffers import Silhouette
from render.engine.cpu.bodies import Bodies, Part

__all__ = ["Visible"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Visible:
    """What the pixels' centres show.

    Attributes:
        inverse_m: ``(H, W)`` float32: one over the depth along the axis; 0 = nothing.
        face: ``(H, W)`` int32: number of the face among all of the scene (`Bodies.first_face`,
            `Part.first_face`); -1 = nothing.

    """

    inverse_m: NDArray[np.float32]
    face: NDArray[np.int32]
