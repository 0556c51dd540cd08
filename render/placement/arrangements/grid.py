"""Targets in rows and columns on the ground."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import final

import numpy as np

from render.placement.arrangement import ARRANGEMENTS, AbstractArrangement
from render.placement.context import PlacementContext
from render.placement.ground import Ground
from render.placement.region import in_region
from render.placement.stage import Stage

__all__ = ["InGrid"]


@final
@ARRANGEMENTS.register("grid")
class InGrid(AbstractArrangement):
    """Targets stand in rows and columns on one level plane, the principal one in the middle.

    The rows lie along world X and Y. Cells are squares that the largest target fits into
    however it lies, `objects.spacing` apart; the grid is about as wide as long. Before a
    calibrated camera targets stand anywhere in `objects.region_m`.
    """

    def aimed(self, context: PlacementContext) -> Stage:
        stage = context.aim()
        first, ground = stage.principal, Ground.under(stage.surroundings)
        shapes = [context.shape(i, stage.view) for i in range(1, context.n_targets)]
        scales = [context.scale(i, shape, first) for i, shape in enumerate(shapes, start=1)]
        radii = [first.radius_m, *(s * shape.radius_m for s, shape in zip(scales, shapes))]
        step = 2.0 * max(radii) * (1.0 + context.theta.objects.spacing)
        x, y = stage.view.R_world_cam[:2]  # world axes in the camera frame
        cells = _cells(context.n_targets)[1:]
        for shape, scale, (column, row) in zip(shapes, scales, cells, strict=True):
            at = first.center_cam + step * (column * x + row * y)
            ground.stand_target(shape, scale, at, reason="targets do not fit into the grid")
        return replace(stage, ground=ground)

    def calibrated(self, context: PlacementContext) -> Stage:
        return in_region(context, n_targets=context.n_targets, stands=True)


def _cells(n: int) -> list[tuple[int, int]]:
    """The `n` cells of a square grid that are nearest to its middle, the middle first."""
    half = math.ceil(math.sqrt(n)) // 2 + 1
    cells = [(c, r) for r in range(-half, half + 1) for c in range(-half, half + 1)]
    # By rings about the middle: each is full before the next begins.
    return sorted(cells, key=lambda c: (max(abs(c[0]), abs(c[1])), np.hypot(*c), c[1], c[0]))[:n]
