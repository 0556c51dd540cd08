"""Pixel coordinates: the one place that knows about the half pixel.

Two conventions are in use, and every name says which it means:

* *centre* coordinates (`uv`): integer values are pixel centres, as OpenCV has them. `K`,
  keypoints and projected points use these.
* *edge* coordinates (`Box`): integer values are pixel edges, so pixel i covers
  ``[i, i + 1)``. Boxes use these, and the K of BOP's files.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Box", "K_of_centres", "box_of_points"]


@dataclass(frozen=True, slots=True)
class Box:
    """Axis-aligned box in edge coordinates, half open: ``x0 <= x < x1``."""

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def xywh(self) -> tuple[float, float, float, float]:
        """Left, top, width, height."""
        return self.x0, self.y0, self.x1 - self.x0, self.y1 - self.y0


def box_of_points(uv: NDArray[np.float64]) -> Box | None:
    """Tight box of ``(N, 2)`` points in centre coordinates; None if there are none."""
    if len(uv) == 0:
        return None
    (x0, y0), (x1, y1) = uv.min(axis=0) + 0.5, uv.max(axis=0) + 0.5
    return Box(float(x0), float(y0), float(x1), float(y1))


def K_of_centres(K_of_edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """``(3, 3)`` K in centre coordinates, of one in edge coordinates."""
    K = K_of_edges.copy()
    K[:2, 2] -= 0.5
    return K
