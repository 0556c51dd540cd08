"""Targets that float around the principal one."""

from __future__ import annotations

from typing import final

from render.placement.arrangement import ARRANGEMENTS, AbstractArrangement
from render.placement.context import PlacementContext
from render.placement.region import in_region
from render.placement.stage import Stage

__all__ = ["Scattered"]


@final
@ARRANGEMENTS.register("scatter")
class Scattered(AbstractArrangement):
    """Targets float around the principal one in the field of view, without intersecting."""

    floats = True

    def aimed(self, context: PlacementContext) -> Stage:
        stage = context.aim()
        for i in range(1, context.n_targets):
            context.add_target(i, stage)
        return stage

    def calibrated(self, context: PlacementContext) -> Stage:
        return in_region(context, n_targets=context.n_targets, stands=False)
