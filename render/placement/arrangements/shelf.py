"""Targets on the boards of a shelf."""

from __future__ import annotations

from typing import final

import numpy as np

from render.errors import ConfigError
from render.placement.arrangement import ARRANGEMENTS, AbstractArrangement
from render.placement.containers import Container, moved, packed, standing, with_container
from render.placement.context import PlacementContext
from render.placement.stage import Stage
from render.sampling.axes import SIZES

__all__ = ["OnShelf"]

_ASPECT = 1.3


@final
@ARRANGEMENTS.register("shelf")
class OnShelf(AbstractArrangement):
    """Targets stand on the boards of a shelf that is made to them, none touching another.

    Its open side faces world -Y; the camera is aimed at the whole shelf.
    """

    settles = frozenset(SIZES)

    def aimed(self, context: PlacementContext) -> Stage:
        objects = context.theta.objects
        if "so3" in objects.orientation:
            raise ConfigError(
                f"objects.orientation must be stable, upright or fixed where "
                f"objects.arrangement={objects.arrangement}, because things stand there, got so3"
            )
        held, rng = standing(context), context.rng("place.rows", 0)
        extent = max(one.scale * one.model.extent_m for one in held)
        rows = packed(held, aspect=_ASPECT, spacing=objects.spacing, rng=rng, upright=True)
        width = objects.container_size * float(rows[0].size_m[0])
        depth = objects.container_size * max(float(row.size_m[1]) for row in rows)
        t = objects.container_wall * extent
        boxes, placed, z = [(0.0, 0.0, -t / 2, width / 2, depth / 2, t / 2)], list(held), 0.0
        for row in rows:
            for i, x in zip(row.targets, row.x_m, strict=True):
                free = depth - float(np.ptp(held[i].bounds_m[:, 1]))
                placed[i] = moved(held[i], x, (rng.random() - 0.5) * free, z)
            z += float(row.size_m[2]) + objects.container_height * extent
            boxes.append((0.0, 0.0, z + t / 2, width / 2, depth / 2, t / 2))
            z += t
        half, middle = (z + t) / 2, (z - t) / 2
        boxes += [(s * (width + t) / 2, 0.0, middle, t / 2, depth / 2, half) for s in (-1.0, 1.0)]
        boxes.append((0.0, (depth + t) / 2, middle, width / 2 + t, t / 2, half))
        container = Container(
            boxes_m=tuple(boxes),
            seen_m=np.array([[-width / 2 - t, -depth / 2, -t], [width / 2 + t, depth / 2 + t, z]]),
            floor_m=np.array([[-width / 2, -depth / 2], [width / 2, depth / 2]]),
            floor_z_m=0.0,
        )
        return with_container(context, placed, container)
