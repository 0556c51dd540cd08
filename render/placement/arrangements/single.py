"""The principal target alone."""

from __future__ import annotations

from typing import final

from render.placement.arrangement import ARRANGEMENTS, AbstractArrangement
from render.placement.context import PlacementContext
from render.placement.region import in_region
from render.placement.stage import Stage

__all__ = ["Single"]


@final
@ARRANGEMENTS.register("single")
class Single(AbstractArrangement):
    """The principal target is alone, whatever `objects.count` is."""

    n_targets = 1

    def aimed(self, context: PlacementContext) -> Stage:
        return context.aim()

    def calibrated(self, context: PlacementContext) -> Stage:
        return in_region(context, n_targets=1, stands=True)
