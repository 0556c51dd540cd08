"""Targets settled in a pile: dropped as convex pieces, then checked by their meshes."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from render.errors import ConfigError, RejectedTheta
from render.geometry.frames import inverse_rigid, rigid, transform_points
from render.kernels.hulls import pieces_are_apart
from render.library.assets import AssetLibrary
from render.library.containers import CONTAINER
from render.library.convex import PILE_EXTRA, beyond_pieces_m, coarse_pieces, convex_pieces
from render.library.fixtures import Fixture
from render.placement.contact import Solid, allowed_m, penetration_m
from render.placement.rigid_bodies import OpenBox, RigidBody, StaticBody, drop
from render.placement.scatter import TARGETS
from render.scene import Model
from render.system.memo import per_model

__all__ = ["DroppedTarget", "prepare_drops", "settle", "settle_in_region"]

_ON_PLANE = 5e-3  # how far things may be in the plane, in their extents


@dataclass(frozen=True, eq=False, kw_only=True)
class DroppedTarget:
    """One target of a pile: a model, its scale, and how it is turned when it is dropped."""

    model: Model
    scale: float
    R_world_obj: NDArray[np.float64]

    @property
    def extent_m(self) -> float:
        """Longest side of its box, object axes."""
        return self.scale * self.model.extent_m


def settle(
    things: Sequence[DroppedTarget],
    rng: np.random.Generator,
    *,
    middle_m: tuple[float, float, float] = (0.0, 0.0, 0.0),
    spread_m: tuple[float, float] | None = None,
    fixtures: Sequence[Fixture] = (),
    box: OpenBox | None = None,
    container: Model | None = None,
) -> list[NDArray[np.float64]]:
    """``(4, 4)`` ``T_world_obj`` of the centre of each thing's box, in a pile at rest.

    Args:
        things: In the order in which they fall.
        rng: The random stream of this pile alone.
        middle_m: Where they are aimed at, world; z is the plane.
        spread_m: Half sides of the rectangle about it that they fall into; None: a disc that
            makes a pile.
        fixtures: What they fall into or onto.
        box: What they fall into, all of them; in place of `spread_m`.
        container: The model of that box, made of boxes.

    Raises:
        RejectedTheta: They do not come to rest, or two are deeper in each other than
            `allowed_m`, containment included.

    """
    dropped = [
        RigidBody(pieces_m=_coarse(t.model), scale=t.scale, R_world_obj=t.R_world_obj)
        for t in things
    ]
    statics = [
        StaticBody(pieces_m=tuple(transform_points(f.T_world_obj, p) for p in _pieces(f.model)))
        for f in fixtures
    ]
    poses = drop(dropped, rng, middle_m=middle_m, spread_m=spread_m, statics=statics, box=box)
    placed = [
        _SettledSolid(
            T @ rigid(np.eye(3), -t.scale * t.model.center_m), t.scale, t.extent_m, t.model
        )
        for t, T in zip(things, poses, strict=True)
    ]
    static = [
        _SettledSolid(f.T_world_obj, 1.0, f.model.extent_m, f.model)
        for f in (*fixtures, *_at_origin(container))
    ]
    _check_contacts(placed, static, float(middle_m[2]))
    return poses


def settle_in_region(
    things: Sequence[DroppedTarget],
    rng: np.random.Generator,
    bounds_m: NDArray[np.float64],
    *,
    fixtures: Sequence[Fixture],
) -> list[NDArray[np.float64]]:
    """Poses as `settle` gives them, in a part of the world.

    Args:
        things: In the order in which they fall.
        rng: The random stream of this pile alone.
        bounds_m: ``(6,)`` x0, x1, y0, y1, z0, z1, metres; things lie on the plane z0.
        fixtures: What they fall into or onto.

    Raises:
        RejectedTheta: They do not come to rest, two are too deep in each other, or something
            falls out of the region.

    """
    x0, x1, y0, y1, z0, _ = (float(v) for v in bounds_m)
    reach = max(t.extent_m for t in things) / 2
    spread = (max((x1 - x0) / 2 - reach, 0.0), max((y1 - y0) / 2 - reach, 0.0))
    middle = ((x0 + x1) / 2, (y0 + y1) / 2, z0)
    poses = settle(things, rng, middle_m=middle, spread_m=spread, fixtures=fixtures)
    for T in poses:
        if not (x0 <= T[0, 3] <= x1 and y0 <= T[1, 3] <= y1):
            raise RejectedTheta(
                "something falls out of objects.region_m", "objects.region_m", "objects.count"
            )
    return poses


@dataclass(frozen=True, eq=False)
class _SettledSolid:
    T_world_obj: NDArray[np.float64]
    scale: float
    extent_m: float
    model: Model

    @property
    def solid(self) -> Solid:
        return _solid(self.model)

    @property
    def beyond_m(self) -> float:
        """How far its surface lies outside its convex pieces at most."""
        return self.scale * _beyond_m(self.model)

    @cached_property
    def points_m(self) -> NDArray[np.float64]:
        """``(N, 3)`` corners of all its convex pieces, in the world."""
        return transform_points(self.T_world_obj, self.scale * np.concatenate(_pieces(self.model)))

    @cached_property
    def begins(self) -> NDArray[np.int64]:
        """``(P + 1,)`` first point of each piece, and their number."""
        return np.cumsum([0, *map(len, _pieces(self.model))])

    @cached_property
    def boxes_m(self) -> NDArray[np.float64]:
        """``(P, 6)`` lowest and highest corner of each piece."""
        first = self.begins[:-1]
        low, high = (
            np.minimum.reduceat(self.points_m, first),
            np.maximum.reduceat(self.points_m, first),
        )
        return np.concatenate([low, high], axis=1)


def _check_contacts(
    placed: Sequence[_SettledSolid], static: Sequence[_SettledSolid], plane_m: float
) -> None:
    for a, b in (*combinations(placed, 2), *((a, b) for a in placed for b in static)):
        allowed = allowed_m(a.extent_m, b.extent_m)
        # Pieces hold the meshes but for what lies beyond them, which is far less than allowed.
        clearance = max(a.beyond_m + b.beyond_m - allowed, 0.0)
        if pieces_are_apart(
            a.points_m, a.begins, a.boxes_m, b.points_m, b.begins, b.boxes_m, clearance
        ):
            continue
        depth = penetration_m(
            a.solid, b.solid, T_a_b=inverse_rigid(a.T_world_obj) @ b.T_world_obj,
            scale_a=a.scale, scale_b=b.scale, enough=allowed,
        )  # fmt: skip
        if depth > allowed:
            raise RejectedTheta("things of the pile are pressed into each other", *TARGETS)
    for one in placed:
        if float(one.points_m[:, 2].min()) < plane_m - _ON_PLANE * one.extent_m:
            raise RejectedTheta("a thing of the pile is pressed into the plane", *TARGETS)


def _at_origin(container: Model | None) -> tuple[Fixture, ...]:
    return () if container is None else (Fixture(model=container, T_world_obj=np.eye(4)),)


def prepare_drops(assets: AssetLibrary, name: str) -> None:
    """Divides all models into convex pieces, which stay on disk: workers find them there.

    Args:
        assets: What may be dropped, and onto what.
        name: The arrangement's, for messages.

    Raises:
        ConfigError: What that needs is not installed.

    """
    for package in ("mujoco", "coacd"):
        if importlib.util.find_spec(package) is None:
            raise ConfigError(
                f"objects.arrangement={name} needs {package}, which is not installed: {PILE_EXTRA}"
            )
    models = [assets.models.load(one) for one in assets.models.names]
    from tqdm import tqdm  # takes a moment to import

    shown = tqdm(
        [*models, *(f.model for f in assets.fixtures)],
        unit="model", desc="pieces", disable=None, leave=False,
    )  # fmt: skip
    for model in shown:
        beyond_pieces_m(model)
        coarse_pieces(model)


@per_model
def _beyond_m(model: Model) -> float:
    return 0.0 if model.name.startswith(CONTAINER) else beyond_pieces_m(model)


@per_model
def _pieces(model: Model) -> tuple[NDArray[np.float64], ...]:
    if model.name.startswith(CONTAINER):  # each of its boxes is one, and has eight corners
        return tuple(model.hull_m.reshape(-1, 8, 3))
    return convex_pieces(model)


@per_model
def _coarse(model: Model) -> tuple[NDArray[np.float64], ...]:
    return tuple(piece - model.center_m for piece in coarse_pieces(model))


@per_model
def _solid(model: Model) -> Solid:
    return Solid.of(model, () if model.is_closed else _pieces(model))
