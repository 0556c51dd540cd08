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

# Room at true sizes: for targets so many times as large as the principal one, whatever is in view.
_LEAST_ROOM = 2.0


@final
@ARRANGEMENTS.register("grid")
class InGrid(AbstractArrangement):
    """Targets stand in rows and columns on one level plane, the principal one in the middle.

    The rows lie along world X and Y. Cells are squares that the largest target fits into
    however it lies, `objects.spacing` apart; the grid is about as wide as long. At true sizes,
    targets are left out that would put their neighbours out of the picture. Before a calibrated
    camera targets stand anywhere in `objects.region_m`.
    """

    def aimed(self, context: PlacementContext) -> Stage:
        stage = context.aim()
        first, ground = stage.principal, Ground.under(stage.surroundings)
        shapes = {i: context.shape(i, stage.view) for i in range(1, context.n_targets)}
        scales = {i: context.scale(i, shape, first) for i, shape in shapes.items()}
        radii = {i: scales[i] * shape.radius_m for i, shape in shapes.items()}
        gap = 1.0 + context.theta.objects.spacing
        most = max(_half_picture_m(stage) / (2.0 * gap), _LEAST_ROOM * first.radius_m)
        fits = [i for i in shapes if radii[i] <= most or not context.is_true_size(i)]
        stage.unplaced.extend(i for i in shapes if i not in fits)
        step = 2.0 * gap * max([first.radius_m, *(radii[i] for i in fits)])
        x, y = stage.view.R_world_cam[:2]  # world axes in the camera frame
        for i, (column, row) in zip(fits, _cells(len(fits) + 1)[1:], strict=True):
            at = first.center_cam + step * (column * x + row * y)
            with context.leaving_out(i, stage):
                ground.stand_target(
                    shapes[i], scales[i], at, reason="targets do not fit into the grid"
                )
        return replace(stage, ground=ground)

    def calibrated(self, context: PlacementContext) -> Stage:
        return in_region(context, n_targets=context.n_targets, stands=True)


def _half_picture_m(stage: Stage) -> float:
    """Half of the picture's longer side at the depth of the principal target."""
    K, size_wh = stage.view.K, stage.view.size_wh
    return float(stage.principal.depth_m * max(size_wh[0] / K[0, 0], size_wh[1] / K[1, 1]) / 2.0)


def _cells(n: int) -> list[tuple[int, int]]:
    """The `n` cells of a square grid that are nearest to its middle, the middle first."""
    half = math.ceil(math.sqrt(n)) // 2 + 1
    cells = [(c, r) for r in range(-half, half + 1) for c in range(-half, half + 1)]
    # By rings about the middle: each is full before the next begins.
    return sorted(cells, key=lambda c: (max(abs(c[0]), abs(c[1])), np.hypot(*c), c[1], c[0]))[:n]
