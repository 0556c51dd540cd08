"""All bodies at their places, and the record of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from render.geometry.frames import rigid, transform_points
from render.library.containers import Boxes
from render.placement.bodies import Body, PlacedBodies
from render.placement.ground import Ground
from render.placement.occluders import Occluders
from render.placement.scatter import Surroundings
from render.placement.viewing import CameraView
from render.scene import Role
from render.theta import PlacedInstance, Placement

__all__ = ["PlacedContainer", "Stage"]

# Near and far planes hug the scene, because depth buffers resolve the span between them:
# half the depth of the nearest point, yet at least a share of the principal target's depth.
_NEAR_SHARE = 0.5
_NEAR_OF_PRINCIPAL = 0.01
_FAR_SHARE = 1.05


@dataclass(frozen=True, eq=False, kw_only=True)
class PlacedContainer:
    """What holds the targets, in the world.

    Attributes:
        boxes_m: Of six numbers each; see `render.library.containers.Boxes`.
        center_m: ``(3,)`` middle of what the camera is to see of it.
        extent_m: Longest side of that.

    """

    boxes_m: Boxes
    center_m: NDArray[np.float64]
    extent_m: float


@dataclass(frozen=True, eq=False, kw_only=True)
class Stage:
    """A camera and the bodies before it; targets first, the principal one at their head.

    Attributes:
        view: The camera.
        T_world_cam: ``(4, 4)`` where it is; None: the world's origin is what the camera looks at,
            the centre of the principal target or a point of the plane.
        placed: The bodies; grows.
        occluders: Covers targets, where that is asked.
        ground: The plane that things stand on; None: they float.
        im_id: Number of the image of `poses.file` that it shows; None: of none.
        unplaced: Index in θ's tuples of each target that found no place; grows.
        container: What holds the targets; None: nothing does.

    """

    view: CameraView
    T_world_cam: NDArray[np.float64] | None
    placed: PlacedBodies
    occluders: Occluders | None
    ground: Ground | None = None
    im_id: int | None = None
    unplaced: list[int] = field(default_factory=list)
    container: PlacedContainer | None = None

    @property
    def principal(self) -> Body:
        """Target 0."""
        return self.placed.bodies[0]

    @property
    def surroundings(self) -> Surroundings:
        """Finds places in the air."""
        return Surroundings(view=self.view, placed=self.placed)

    @property
    def around(self) -> Ground | Surroundings:
        """Finds places for more: on the ground where there is one, else in the air."""
        return self.ground or self.surroundings

    def on_ground(self) -> Stage:
        """The same stage with the plane that the principal target stands on."""
        return replace(self, ground=Ground.under(self.surroundings))

    def placement(
        self, distractors: tuple[int, ...], *, reach: float, is_negative: bool
    ) -> Placement:
        """From the camera frame to the world, as it is recorded.

        Args:
            distractors: Index in θ's tuples of each body that is a distractor.
            reach: How far the surfaces go, in distances of the camera.
            is_negative: The targets are not shown.

        """
        view, bodies, principal = self.view, self.placed.bodies, self.principal
        T_world_cam = self.T_world_cam
        if T_world_cam is None:
            origin = principal.center_cam
            if view.plane_m is not None:
                origin = view.plane_m * view.ray_cam
            T_world_cam = rigid(view.R_world_cam, -(view.R_world_cam @ origin))
        points = np.concatenate([b.center_cam + b.points_cam for b in bodies])
        obstacles = self.placed.obstacles
        if obstacles is not None:
            # A bin stands on the ground, and what is in it does not.
            points = np.concatenate([points, obstacles.corners_cam.reshape(-1, 3)])
        center, extent = (
            transform_points(T_world_cam, principal.center_cam[None])[0],
            principal.extent_m,
        )
        if self.container is not None:
            center, extent = self.container.center_m, self.container.extent_m
        near, far = self.planes(reach * float(np.linalg.norm(principal.center_cam)))
        n_targets = len(bodies) - len(distractors)
        shown = [i for i in range(n_targets + len(self.unplaced)) if i not in self.unplaced]
        if is_negative:
            bodies, shown = bodies[n_targets:], []
        roles: list[tuple[Role, int]] = [("target", i) for i in shown]
        roles += [("distractor", j) for j in distractors]
        return Placement(
            K=_numbers(view.K),
            size_wh=view.size_wh,
            T_world_cam=_numbers(T_world_cam),
            near_m=near,
            far_m=far,
            distortion=view.distortion,
            center_m=_numbers(center),
            extent_m=extent,
            lowest_m=float(transform_points(T_world_cam, points)[:, 2].min()),
            instances=tuple(
                PlacedInstance(
                    model=b.shape.model.name,
                    role=role,
                    theta_idx=idx,
                    T_world_obj=_numbers(_pose(b, T_world_cam)),
                    scale=b.scale,
                )
                for b, (role, idx) in zip(bodies, roles, strict=True)
            ),
            im_id=self.im_id,
            container_m=() if self.container is None else self.container.boxes_m,
        )

    def planes(
        self, reach_m: float, T_view_cam: NDArray[np.float64] | None = None
    ) -> tuple[float, float]:
        """Depths of the near and the far plane, which hold all bodies, fixtures and surfaces.

        Args:
            reach_m: How far the surfaces go; 0: there are none.
            T_view_cam: ``(4, 4)`` to the camera of a further view; None: that of the stage.

        """

        def depth_of(points_cam: NDArray[np.float64]) -> NDArray[np.float64]:
            seen = points_cam if T_view_cam is None else transform_points(T_view_cam, points_cam)
            return seen[:, 2]

        bodies = self.placed.bodies
        depths = [depth_of(b.center_cam + b.points_cam) for b in bodies]
        near = _NEAR_OF_PRINCIPAL * float(depth_of(bodies[0].center_cam[None])[0])
        if reach_m == 0.0:  # ground comes as near as the camera is low
            near = max(near, _NEAR_SHARE * min(float(depth.min()) for depth in depths))
        far = _FAR_SHARE * max(float(depth.max()) for depth in depths)
        # The far corner of a square of that half side, seen from above its middle.
        far = max(far, 2.0 * reach_m)
        obstacles = self.placed.obstacles
        if obstacles is not None and len(obstacles.corners_cam):
            depth = depth_of(obstacles.corners_cam.reshape(-1, 3))
            ahead = depth[depth > 0.0]
            near = min(near, max(_NEAR_SHARE * float(ahead.min(initial=near)), 0.1 * near))
            far = max(far, _FAR_SHARE * float(ahead.max(initial=0.0)))
        return float(near), float(max(far, 2.0 * near))


def _pose(body: Body, T_world_cam: NDArray[np.float64]) -> NDArray[np.float64]:
    """``(4, 4)`` ``T_world_obj`` that puts the centre of the body's box at its place."""
    R = body.shape.R_world_obj
    center_world = transform_points(T_world_cam, body.center_cam[None])[0]
    return rigid(R, center_world - R @ (body.scale * body.shape.model.center_m))


def _numbers(matrix: NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(float(v) for v in matrix.ravel())
