"""Targets in rows on a tray."""

from __future__ import annotations

from typing import final

import numpy as np

from render.placement.arrangement import ARRANGEMENTS, AbstractArrangement
from render.placement.containers import (
    Container,
    moved,
    packed,
    standing,
    walls_around,
    with_container,
)
from render.placement.context import PlacementContext
from render.placement.stage import Stage
from render.sampling.axes import SIZES

__all__ = ["OnTray"]

_ASPECT = 4 / 3


@final
@ARRANGEMENTS.register("tray")
class OnTray(AbstractArrangement):
    """Targets stand in rows on a flat tray with a rim that is made to them, none touching another.

    The camera is aimed at the whole tray.
    """

    settles = frozenset(SIZES)

    def aimed(self, context: PlacementContext) -> Stage:
        objects, held = context.theta.objects, standing(context)
        extent = max(one.scale * one.model.extent_m for one in held)
        rows = packed(
            held, aspect=_ASPECT, spacing=objects.spacing, rng=context.rng("place.rows", 0)
        )
        depth = sum(float(row.size_m[1]) for row in rows)
        placed = list(held)
        y = -depth / 2
        for row in rows:
            y += float(row.size_m[1])
            for i, x in zip(row.targets, row.x_m, strict=True):
                placed[i] = moved(held[i], x, y - float(row.size_m[1]) / 2, 0.0)
        wall = objects.container_wall * extent
        half_x = objects.container_size * float(rows[0].size_m[0]) / 2
        half_y = objects.container_size * depth / 2
        height = objects.container_height * extent
        outer = np.array([half_x + wall, half_y + wall])
        container = Container(
            boxes_m=walls_around((half_x, half_y), height, wall),
            seen_m=np.array([[*-outer, -wall], [*outer, height]]),
            floor_m=np.array([[-half_x, -half_y], [half_x, half_y]]),
            floor_z_m=0.0,
        )
        return with_container(context, placed, container)
