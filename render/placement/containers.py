"""What holds the targets: its boxes, the camera that sees all of it, and rows of what stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from render.errors import RejectedTheta
from render.geometry.frames import inverse_rigid, rigid, transform_points
from render.geometry.projection import project
from render.library.containers import Boxes, container_model
from render.library.fixtures import Fixture
from render.placement.aim import aimed
from render.placement.bodies import Body, OrientedShape
from render.placement.context import PlacementContext
from render.placement.fixtures import Obstacles
from render.placement.ground import Ground
from render.placement.stage import PlacedContainer, Stage
from render.placement.viewing import CameraView
from render.scene import Model

__all__ = [
    "Container",
    "Held",
    "Row",
    "moved",
    "packed",
    "standing",
    "walls_around",
    "with_container",
]

Points = NDArray[np.float64]

_NEAREST = 0.05  # depth of what is nearest to the camera, in depths of the container
_FARTHER, _MOST_STEPS = 1.02, 200
# What stands on a board is this share of its size above it, so that nothing shows through.
_GAP = 1e-4
_LEAST_SPACING = 0.04
_WIDER = 1.1  # rows are made wider by so much until all together have the shape that is asked


@dataclass(frozen=True, eq=False, kw_only=True)
class Held:
    """A target where it lies.

    Attributes:
        scale: Multiplies its size.
        T_world_obj: ``(4, 4)`` of the centre of its box.

    """

    model: Model
    scale: float
    T_world_obj: Points

    @property
    def bounds_m(self) -> Points:
        """``(2, 3)`` lowest and highest corner, world axes."""
        hull = self.scale * (self.model.hull_m - self.model.center_m)
        points = transform_points(self.T_world_obj, hull)
        return np.stack([points.min(axis=0), points.max(axis=0)])


@dataclass(frozen=True, eq=False, kw_only=True)
class Container:
    """What holds targets, in the world.

    Attributes:
        boxes_m: What it is made of.
        seen_m: ``(2, 3)`` lowest and highest corner of what the camera is to see.
        floor_m: ``(2, 2)`` lowest and highest x and y of where more may stand.
        floor_z_m: How high that is.

    """

    boxes_m: Boxes
    seen_m: Points
    floor_m: Points
    floor_z_m: float


def walls_around(half_m: tuple[float, float], height_m: float, wall_m: float) -> Boxes:
    """A floor whose upper side is at z = 0, and four walls about it.

    Args:
        half_m: Half of the room between the walls along x and y.
        height_m: Of the walls over the floor.
        wall_m: How thick floor and walls are.

    """
    (x, y), t, h = half_m, wall_m / 2, height_m / 2
    return (
        (0.0, 0.0, -t, x + wall_m, y + wall_m, t),
        (x + t, 0.0, h, t, y + wall_m, h),
        (-x - t, 0.0, h, t, y + wall_m, h),
        (0.0, y + t, h, x, t, h),
        (0.0, -y - t, h, x, t, h),
    )


def standing(context: PlacementContext) -> list[Held]:
    """All targets, as `objects.orientation` turns them, upon the plane z = 0 at the origin."""
    # Where a camera is level with the world, its axes are those of the world, up to signs.
    level = CameraView(
        K=np.eye(3), size_wh=(1, 1), R_world_cam=np.eye(3), ray_cam=np.array([0.0, 0.0, 1.0])
    )
    found: list[Held] = []
    principal = None
    for i in range(context.n_targets):
        shape = context.shape(i, level)
        body = Body.of(shape, context.scale(i, shape, principal), np.zeros(3))
        principal = principal or body
        lowest = float(body.points_cam[:, 2].min())
        T = rigid(shape.R_world_obj, np.array([0.0, 0.0, _GAP * body.extent_m - lowest]))
        found.append(Held(model=shape.model, scale=body.scale, T_world_obj=T))
    return found


@dataclass(frozen=True, eq=False, kw_only=True)
class Row:
    """Targets beside each other.

    Attributes:
        targets: Index of each.
        x_m: Middle of each, from the middle of the row.
        size_m: ``(3,)`` what the row needs along x, y and z.

    """

    targets: tuple[int, ...]
    x_m: tuple[float, ...]
    size_m: Points


def packed(
    held: Sequence[Held],
    *,
    aspect: float,
    spacing: float,
    rng: np.random.Generator,
    upright: bool = False,
) -> list[Row]:
    """Targets in rows of about one width, in any order, none touching another.

    Args:
        held: The targets.
        aspect: About the width of all rows together, over their depth.
        spacing: Gap between neighbours, in widths of the middle one.
        rng: Chooses the order.
        upright: Rows lie one above the other: it is their height that counts, not their depth.

    """
    sizes = np.array([np.ptp(one.bounds_m, axis=0) for one in held])
    gap = max(spacing, _LEAST_SPACING) * float(np.median(sizes[:, :2].max(axis=1)))
    axis = 2 if upright else 1
    order = rng.permutation(len(held)).tolist()
    width = float(sizes[:, 0].max()) + gap
    whole = float((sizes[:, 0] + gap).sum())
    while True:
        groups = _divided(order, sizes[:, 0] + gap, width)
        high = sum(float(sizes[group, axis].max()) + gap for group in groups)
        if width >= min(aspect * high, whole):
            break
        width *= _WIDER
    rows = []
    for group in groups:
        # Each row is as wide as the others.
        apart = (width - float(sizes[group, 0].sum())) / len(group)
        ends = np.cumsum(sizes[group, 0] + apart)
        middles = ends - (sizes[group, 0] + apart) / 2 - width / 2
        _, deep, tall = sizes[group].max(axis=0)
        size = np.array([width, deep + gap, tall])
        rows.append(Row(targets=tuple(group), x_m=tuple(middles.tolist()), size_m=size))
    return rows


def _divided(order: Sequence[int], widths: NDArray[np.float64], width: float) -> list[list[int]]:
    """Groups of neighbours in an order that are not wider than a width, as full as can be."""
    groups: list[list[int]] = [[]]
    used = 0.0
    for i in order:
        if groups[-1] and used + widths[i] > width * (1 + 1e-9):
            groups.append([])
            used = 0.0
        groups[-1].append(i)
        used += float(widths[i])
    return groups


def moved(one: Held, x: float, y: float, z: float) -> Held:
    """A target that stands upon the plane z = 0, with the middle of its box over x and y, at z."""
    T = one.T_world_obj.copy()
    bounds = one.bounds_m
    T[:3, 3] += np.array([x, y, z]) - np.array([*bounds.mean(axis=0)[:2], 0.0])
    return replace(one, T_world_obj=T)


def with_container(context: PlacementContext, held: Sequence[Held], container: Container) -> Stage:
    """Targets and what holds them before a camera that sees all of it.

    `viewpoint`, `scale` and `truncation` aim the camera at what is to be seen of the container, in
    place of the principal target; where neither `scale.distance_m` nor a truncation is asked, it
    moves away until that is whole in the picture.

    Args:
        context: The frame.
        held: The targets where they lie.
        container: What holds them.

    Raises:
        RejectedTheta: No camera shows it as asked, or it is among the targets.

    """
    middle, half = container.seen_m.mean(axis=0), np.ptp(container.seen_m, axis=0) / 2
    aim = container_model(((0.0, 0.0, 0.0, *half.tolist()),))
    theta = context.theta
    view, body = aimed(
        theta,
        lambda view: OrientedShape.of(aim, np.eye(3), view.R_world_cam),
        lambda shape: 1.0,
        context.rng("place.truncation", 0),
    )
    if theta.scale.distance_m is None and theta.truncation.truncated_fract is None:
        body = _whole(view, body)
    R = view.R_world_cam
    T_world_cam = rigid(R, middle - R @ body.center_cam)
    T_cam_world = inverse_rigid(T_world_cam)
    fixture = Fixture(model=container_model(container.boxes_m), T_world_obj=np.eye(4))
    obstacles = replace(
        Obstacles.of([fixture], T_cam_world), sides_cam=_sides(container.floor_m, T_world_cam)
    )
    bodies = []
    for one in held:
        shape = OrientedShape.of(one.model, one.T_world_obj[:3, :3], R)
        center = transform_points(T_cam_world, one.T_world_obj[:3, 3][None])[0]
        bodies.append(Body.of(shape, one.scale, center))
    nearest = min(one.nearest_m for one in (body, *bodies))
    if nearest < _NEAREST * body.depth_m:
        raise RejectedTheta("the camera is within the container", "scale.distance_m")
    stage = context.empty_stage(view, bodies[0], T_world_cam=T_world_cam, obstacles=obstacles)
    for one_body in bodies:
        stage.placed.add(one_body, is_target=True)
    ground = Ground(
        around=stage.surroundings,
        up_cam=R[2],
        height_m=container.floor_z_m - float(T_world_cam[2, 3]),
    )
    placed = PlacedContainer(
        boxes_m=container.boxes_m, center_m=middle, extent_m=float(2 * half.max())
    )
    return replace(stage, ground=ground, container=placed)


def _whole(view: CameraView, body: Body) -> Body:
    """The body so far away that all of it is in the picture, or as far as it was."""
    size = np.array(view.size_wh)
    for _ in range(_MOST_STEPS):
        points = body.center_cam + body.points_cam
        if points[:, 2].min() > 0.0:
            uv = project(points, view.K, view.distortion)
            if (uv >= -0.5).all() and (uv <= size - 0.5).all():
                return body
        body = replace(body, center_cam=_FARTHER * body.center_cam)
    raise RejectedTheta(
        "the container does not fit into the picture", "viewpoint.offset_x", "viewpoint.offset_y"
    )


def _sides(floor_m: Points, T_world_cam: Points) -> Points:
    """``(4, 4)`` planes about a floor, camera frame: outward normal, and its offset."""
    planes = []
    for axis in (0, 1):
        for sign, edge in zip((-1.0, 1.0), floor_m[:, axis]):
            normal = np.zeros(3)
            normal[axis] = sign
            offset = float(normal @ T_world_cam[:3, 3]) - sign * float(edge)
            planes.append([*(T_world_cam[:3, :3].T @ normal), offset])
    return np.array(planes)
