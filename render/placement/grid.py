"""Targets in rows and columns on the ground."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from render.errors import RejectedTheta
from render.placement.bodies import Body, Shape
from render.placement.ground import Ground

__all__ = ["add_grid"]


def add_grid(ground: Ground, targets: Sequence[tuple[Shape, float]], *, spacing: float) -> None:
    """Stands further targets in cells around the principal one, along world X and Y.

    The cells are squares that the largest target fits into however it lies. The grid is about
    as wide as long, and the principal target is in the middle of it.

    Args:
        ground: Under the principal target.
        targets: Shape and scale of each further one.
        spacing: Between the cells, in sides of a cell.

    Raises:
        RejectedTheta: A target hits something, or takes in the camera.

    """
    crowd, view = ground.around.crowd, ground.around.view
    first = ground.around.principal
    radii = [first.radius_m, *(scale * shape.radius_m for shape, scale in targets)]
    step = 2.0 * max(radii) * (1.0 + spacing)
    x, y = view.R_world_cam[0], view.R_world_cam[1]  # world axes in the camera frame
    for (shape, scale), (column, row) in zip(targets, _cells(len(targets) + 1)[1:]):
        at = first.center_cam + step * (column * x + row * y)
        center = ground.standing(shape, scale, at[None])[0]
        body = Body.of(shape, scale, center)
        if float(np.linalg.norm(center)) <= body.radius_m or not crowd.is_free(body):
            raise RejectedTheta("targets do not fit into the grid")
        crowd.add(body, is_target=True)


def _cells(n: int) -> list[tuple[int, int]]:
    """The `n` cells of a square grid that are nearest to its middle, the middle first."""
    half = math.ceil(math.sqrt(n)) // 2 + 1
    cells = [(c, r) for r in range(-half, half + 1) for c in range(-half, half + 1)]
    # By rings about the middle: each is full before the next begins.
    return sorted(cells, key=lambda c: (max(abs(c[0]), abs(c[1])), np.hypot(*c), c[1], c[0]))[:n]
