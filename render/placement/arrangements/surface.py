"""Targets that stand on one level plane."""

from __future__ import annotations

from typing import final

from render.placement.arrangement import ARRANGEMENTS, AbstractArrangement
from render.placement.context import PlacementContext
from render.placement.region import in_region
from render.placement.stage import Stage

__all__ = ["OnSurface"]


@final
@ARRANGEMENTS.register("surface")
class OnSurface(AbstractArrangement):
    """Targets and distractors stand on one level plane, without intersecting."""

    def aimed(self, context: PlacementContext) -> Stage:
        stage = context.aim().on_ground()
        for i in range(1, context.n_targets):
            context.add_target(i, stage)
        return stage

    def calibrated(self, context: PlacementContext) -> Stage:
        spacing = context.theta.objects.spacing
        return in_region(context, n_targets=context.n_targets, stands=True, spacing=spacing)
