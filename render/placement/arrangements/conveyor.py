"""Targets along a conveyor belt."""

from __future__ import annotations

from typing import final

import numpy as np

from render.placement.arrangement import ARRANGEMENTS, AbstractArrangement
from render.placement.containers import Container, moved, packed, standing, with_container
from render.placement.context import PlacementContext
from render.placement.stage import Stage
from render.sampling.axes import SIZES

__all__ = ["OnConveyor"]

_ASPECT = 2.0
_LENGTH = 4.0  # of the belt, in lengths of what stands there: its ends are out of the picture


@final
@ARRANGEMENTS.register("conveyor")
class OnConveyor(AbstractArrangement):
    """Targets stand along a belt with side rails that is made to them, none touching another.

    The belt runs along world X; the camera is aimed at the stretch where targets stand.
    """

    settles = frozenset(SIZES)

    def aimed(self, context: PlacementContext) -> Stage:
        objects, held = context.theta.objects, standing(context)
        rng = context.rng("place.rows", 0)
        extent = max(one.scale * one.model.extent_m for one in held)
        rows = packed(held, aspect=_ASPECT, spacing=objects.spacing, rng=rng)
        length, depth = float(rows[0].size_m[0]), sum(float(row.size_m[1]) for row in rows)
        width = objects.container_size * depth
        spare = (width - depth) / len(rows)
        placed = list(held)
        y = -width / 2
        for row in rows:
            room = float(row.size_m[1]) + spare
            for i, x in zip(row.targets, row.x_m, strict=True):
                free = room - float(np.ptp(held[i].bounds_m[:, 1]))
                at = y + room / 2 + (rng.random() - 0.5) * free
                placed[i] = moved(held[i], x, at, 0.0)
            y += room
        wall, height = objects.container_wall * extent, objects.container_height * extent
        long, side = _LENGTH * length / 2, width / 2 + wall / 2
        boxes = (
            (0.0, 0.0, -wall / 2, long, width / 2, wall / 2),
            *((0.0, s * side, (height - wall) / 2, long, wall / 2, (height + wall) / 2)
              for s in (-1.0, 1.0)),
        )  # fmt: skip
        container = Container(
            boxes_m=boxes,
            seen_m=np.array(
                [[-length / 2, -width / 2 - wall, -wall], [length / 2, width / 2 + wall, height]]
            ),
            floor_m=np.array([[-long, -width / 2], [long, width / 2]]),
            floor_z_m=0.0,
        )
        return with_container(context, placed, container)
