"""Targets that were dropped into a bin."""

from __future__ import annotations

import math
from typing import final

import numpy as np

from render.errors import RejectedTheta
from render.library.assets import AssetLibrary
from render.library.containers import container_model
from render.placement.arrangement import ARRANGEMENTS, AbstractArrangement
from render.placement.bodies import Body, OrientedShape
from render.placement.containers import Container, Held, walls_around, with_container
from render.placement.context import PlacementContext
from render.placement.orientation import random_rotation
from render.placement.rigid_bodies import OpenBox
from render.placement.settling import DroppedTarget, prepare_drops, settle
from render.placement.stage import Stage
from render.sampling.axes import SIZES

__all__ = ["InBin"]

_LONGER = 4 / 3  # length over width
_ROOM = 1.15  # width of the narrowest bin, in diameters of the largest target
_LAYERS = 1.2  # of targets that lie flat, on the floor of a bin of many


@final
@ARRANGEMENTS.register("bin")
class InBin(AbstractArrangement):
    """Targets were dropped into an open bin that is made to them; needs the extra `pile`.

    The camera is aimed at the whole bin.
    """

    settles = frozenset({"objects.orientation", *SIZES})

    def aimed(self, context: PlacementContext) -> Stage:
        objects = context.theta.objects
        things = _things(context)
        extent = max(t.extent_m for t in things)
        sides = np.array([np.sort(t.scale * np.ptp(t.model.bounds_m, axis=0)) for t in things])
        widest = _ROOM * max(2 * t.scale * t.model.radius_m for t in things)
        area = max(_LONGER * widest**2, float((sides[:, 1] * sides[:, 2]).sum()) / _LAYERS)
        half_y = objects.container_size * math.sqrt(area / _LONGER) / 2
        half = (_LONGER * half_y, half_y)
        volume = float(sides.prod(axis=1).sum())
        height = max(objects.container_height * extent, volume / (4 * half[0] * half[1]))
        wall = objects.container_wall * extent
        boxes = walls_around(half, height, wall)
        # The last one comes to lie uppermost: the principal target.
        poses = settle(
            things[::-1],
            context.rng("place.pile", 0),
            box=OpenBox(half_m=half, height_m=height, wall_m=wall),
            container=container_model(boxes),
        )[::-1]
        if any((np.abs(T[:2, 3]) > half).any() for T in poses):
            raise RejectedTheta("something falls out of the bin", "objects.container_height")
        held = [
            Held(model=t.model, scale=t.scale, T_world_obj=T)
            for t, T in zip(things, poses, strict=True)
        ]
        outer = np.array([half[0] + wall, half[1] + wall])
        container = Container(
            boxes_m=boxes,
            seen_m=np.array([[*-outer, -wall], [*outer, height]]),
            floor_m=np.array([[-half[0], -half[1]], half]),
            floor_z_m=0.0,
        )
        return with_container(context, held, container)

    def prepare(self, assets: AssetLibrary, n_frames: int) -> None:
        prepare_drops(assets, "bin")


def _things(context: PlacementContext) -> list[DroppedTarget]:
    """The targets, as they are before they fall."""
    things = []
    principal = None
    for i in range(context.n_targets):
        R = random_rotation(context.rng("place.orientation", i))
        shape = OrientedShape.of(context.model(i), R, np.eye(3))
        body = Body.of(shape, context.scale(i, shape, principal), np.zeros(3))
        principal = principal or body
        things.append(DroppedTarget(model=shape.model, scale=body.scale, R_world_obj=R))
    return things
