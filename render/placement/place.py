"""θ to poses: the search whose outcome is recorded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from render.assembly.materials import distractor_model
from render.assembly.surfaces import REACH, has_ground
from render.errors import ConfigError, RejectedTheta
from render.geometry.frames import inverse_rigid, rigid, transform_points
from render.placement.aim import aimed
from render.placement.bodies import Body, Crowd, Shape
from render.placement.fixtures import Obstacles
from render.placement.gauge import Gauge
from render.placement.grid import add_grid
from render.placement.ground import Ground
from render.placement.hulls import are_apart
from render.placement.occluders import SLACK, Occluders, Spare
from render.placement.orientation import draw_rotation, random_rotation
from render.placement.region import Region, calibrated_pose
from render.placement.scatter import Surroundings
from render.placement.sources import ModelSource
from render.placement.viewing import View, intrinsics
from render.sampling.streams import stream
from render.scene import Model, Role
from render.theta import PlacedInstance, Placement, Theta

__all__ = ["place"]

# Near and far planes hug the scene, because depth buffers resolve the span between them:
# half the depth of the nearest point, yet at least a share of the principal target's depth.
_NEAR_SHARE = 0.5
_NEAR_OF_PRINCIPAL = 0.01
_FAR_SHARE = 1.05
# Of this many turns of a distractor the one is taken that shows the most of it: few bars are
# seen end on, few cards edge on.
_TURNS = 3


def place(
    theta: Theta, assets: ModelSource, *, seed: int, frame_idx: int, attempt: int
) -> Placement:
    """Finds the poses and the camera that realise θ.

    The principal target has its true size and the centre of its box at the world's
    origin. The camera stands at the viewpoint's direction from it, at the distance that
    `scale` asks. Further targets and distractors are put where their convex hulls hit
    nothing. Every random number comes from a stream named for its instance.

    Args:
        theta: As drawn; model names are resolved.
        assets: Gives models by name, ``primitive:<kind>`` among them.
        seed: Of the run.
        frame_idx: Of the frame.
        attempt: Which draw of θ this is.

    Raises:
        RejectedTheta: If θ cannot be realised: a size that no distance gives, a camera
            inside the target, objects that find no free place.
        ConfigError: If a leaf that is needed is null.

    """
    search = _Search(theta, assets, (seed, frame_idx, attempt))
    if theta.objects.arrangement == "poses":
        stage = search.posed()
    elif theta.camera.T_world_cam is not None:
        stage = search.in_cell()
    else:
        stage = search.aimed()
    crowd = stage.crowd
    targets = list(crowd.bodies)
    for j in range(theta.occlusion.count):
        search.add_distractor(j, stage.around, targets)
    distractors = tuple(range(theta.occlusion.count))
    if stage.occluders is not None:
        distractors += stage.occluders.settle(search.spares(stage.view))
    reach = REACH if has_ground(theta.background, theta.objects.arrangement) else 0.0
    return _placement(stage, distractors, reach=reach, is_negative=theta.objects.count == 0)


@dataclass(frozen=True, eq=False, kw_only=True)
class _Stage:
    """All targets at their places.

    Attributes:
        T_world_cam: None: the world's origin is the centre of the principal target.
        around: Finds places for more.
        occluders: Covers targets, where that is asked.

    """

    view: View
    T_world_cam: NDArray[np.float64] | None
    crowd: Crowd
    around: Ground | Surroundings
    occluders: Occluders | None


@dataclass(frozen=True, eq=False)
class _Search:
    """The steps of `place`, with what all of them need."""

    theta: Theta
    assets: ModelSource
    key: tuple[int, int, int]

    @property
    def n_targets(self) -> int:
        """Targets of the frame."""
        return 1 if self.theta.objects.arrangement == "single" else self.theta.objects.count

    def rng(self, name: str, instance: int) -> np.random.Generator:
        """The stream of one instance for one purpose."""
        seed, frame_idx, attempt = self.key
        return stream(seed, frame_idx, name, instance=instance, attempt=attempt)

    def aimed(self) -> _Stage:
        """The camera stands as `viewpoint`, `scale` and `truncation` ask."""
        view, principal = self._principal()
        crowd, occluders = self._crowd(view, principal, None)
        crowd.add(principal, is_target=True)
        surroundings = Surroundings(view=view, crowd=crowd)
        stands = self.theta.objects.arrangement in ("surface", "grid")
        around = Ground.under(surroundings) if stands else surroundings
        if isinstance(around, Ground) and self.theta.objects.arrangement == "grid":
            shapes = (self._shape(i, view) for i in range(1, self.n_targets))
            targets = [
                (shape, _target_scale(self.theta, i, shape, principal))
                for i, shape in enumerate(shapes, start=1)
            ]
            add_grid(around, targets, spacing=self.theta.objects.spacing)
        else:
            for i in range(1, self.n_targets):
                self.add_target(i, around, occluders)
        return _Stage(view=view, T_world_cam=None, crowd=crowd, around=around, occluders=occluders)

    def in_cell(self) -> _Stage:
        """The camera stands where it was calibrated; targets lie in a part of the world."""
        theta = self.theta
        T_world_cam = calibrated_pose(theta.camera)
        K, size_wh = intrinsics(theta.camera)
        view = View(
            K=K,
            size_wh=size_wh,
            R_world_cam=T_world_cam[:3, :3],
            ray_cam=np.array([0.0, 0.0, 1.0]),
            distortion=theta.camera.distortion or (),
        )
        if theta.objects.region_m is None:
            raise ConfigError("objects.region_m must be set where camera.T_world_cam is, got null")
        obstacles = Obstacles.of(self.assets.fixtures, inverse_rigid(T_world_cam))
        first = self._shape(0, view)
        # About as large in the picture as it will be, wherever it comes to lie.
        bounds = np.array(theta.objects.region_m)
        away = float(np.linalg.norm(bounds.reshape(3, 2).mean(axis=1) - T_world_cam[:3, 3]))
        scale = _own_scale(theta, 0, first) or 1.0
        middle = Body.of(first, scale, np.array([0.0, 0.0, away]))
        crowd, occluders = self._crowd(view, middle, obstacles)
        stands = theta.objects.arrangement != "scatter"
        region = Region(
            view=view,
            T_world_cam=T_world_cam,
            bounds_m=bounds,
            stands=stands,
            crowd=crowd,
        )
        for i in range(max(self.n_targets, 1)):
            shape = self._shape(i, view)
            if i == 0:
                scale = _own_scale(theta, i, shape) or 1.0
            else:
                scale = _target_scale(theta, i, shape, crowd.bodies[0])
            region.add_target(shape, scale, self.rng("place.region", i))
        surroundings = Surroundings(view=view, crowd=crowd)
        around: Ground | Surroundings = surroundings
        if stands:
            height = region.ground_over_camera_m
            around = Ground(around=surroundings, up_cam=T_world_cam[2, :3], height_m=height)
        return _Stage(
            view=view, T_world_cam=T_world_cam, crowd=crowd, around=around, occluders=occluders
        )

    def posed(self) -> _Stage:
        """Camera and targets are as a file says."""
        poses = self.assets.poses
        if poses is None:
            raise ConfigError("poses.file must be set where objects.arrangement is poses, got null")
        image = poses.images[self.key[1]]
        _, size_wh = intrinsics(self.theta.camera)
        view = View(
            K=image.K,
            size_wh=size_wh,
            R_world_cam=image.T_world_cam[:3, :3],
            ray_cam=np.array([0.0, 0.0, 1.0]),
            distortion=self.theta.camera.distortion or (),
        )
        bodies = []
        for name, T_cam_obj in zip(image.models, image.T_cam_obj, strict=True):
            model = self.assets.model(name)
            R_world_obj = view.R_world_cam @ T_cam_obj[:3, :3]
            shape = Shape.of(model, R_world_obj, view.R_world_cam)
            bodies.append(Body.of(shape, 1.0, transform_points(T_cam_obj, model.center_m[None])[0]))
        crowd, occluders = self._crowd(view, bodies[0], None)
        for body in bodies:
            crowd.add(body, is_target=True)
        return _Stage(
            view=view,
            T_world_cam=image.T_world_cam,
            crowd=crowd,
            around=Surroundings(view=view, crowd=crowd),
            occluders=occluders,
        )

    def _crowd(
        self, view: View, principal: Body, obstacles: Obstacles | None
    ) -> tuple[Crowd, Occluders | None]:
        """An empty crowd, and what covers its targets where that is asked."""
        asked = self.theta.occlusion.occluded_fract
        if asked is None:
            return Crowd(obstacles=obstacles), None
        gauge = Gauge.of(view, principal, limit=asked + SLACK, obstacles=obstacles)
        crowd = Crowd(gauge=gauge, obstacles=obstacles)
        if not asked:
            return crowd, None
        return crowd, Occluders(view=view, crowd=crowd, gauge=gauge, asked=asked)

    def _principal(self) -> tuple[View, Body]:
        """Target 0 and the camera."""
        model = self.assets.model(self.theta.objects.model[0])
        R = self._rotation(0, model)
        view, body = aimed(
            self.theta,
            lambda view: Shape.of(model, R, view.R_world_cam),
            lambda shape: _own_scale(self.theta, 0, shape) or 1.0,
            self.rng("place.truncation", 0),
        )
        if not are_apart(body.points_cam, np.zeros((1, 3)), -body.center_cam):
            raise RejectedTheta("distance_m puts the camera inside the target")
        return view, body

    def _shape(self, i: int, view: View) -> Shape:
        """Target `i` in its orientation."""
        model = self.assets.model(self.theta.objects.model[i])
        return Shape.of(model, self._rotation(i, model), view.R_world_cam)

    def add_target(
        self, i: int, around: Ground | Surroundings, occluders: Occluders | None
    ) -> None:
        """A further target, before the one before it where that is asked."""
        surroundings = around.around if isinstance(around, Ground) else around
        shape = self._shape(i, surroundings.view)
        scale = _target_scale(self.theta, i, shape, surroundings.principal)
        if occluders is not None and around is surroundings:
            slot = self.theta.occlusion.count + i - 1
            if self.theta.occlusion.by[slot] == "target":
                before = occluders.gauge.targets[i - 1]
                if occluders.put_before(shape, scale, before, self.rng("place.before", i)):
                    return
        spread = self.theta.objects.depth_spread
        around.add_target(shape, scale, spread, self.rng("place.scatter", i))

    def add_distractor(self, j: int, around: Ground | Surroundings, targets: list[Body]) -> None:
        """One of the distractors that `occlusion.count` asks."""
        surroundings = around.around if isinstance(around, Ground) else around
        generator = self.rng("place.distractor", j)
        shape = self._distractor(j, surroundings.view, generator)
        in_front = self.theta.occlusion.place[j] == "front"
        add = around.add_in_front if in_front else around.add_beside
        add(shape, self.theta.occlusion.size_ratio[j], targets, generator)

    def spares(self, view: View) -> Iterator[Spare]:
        """The occluders that may be used, made as they are asked for."""
        occlusion = self.theta.occlusion
        for j in range(occlusion.count, len(occlusion.by)):
            if occlusion.by[j] == "target":
                continue
            generator = self.rng("place.distractor", j)
            yield Spare(
                theta_idx=j,
                shape=self._distractor(j, view, generator),
                size_ratio=occlusion.size_ratio[j],
                rng=generator,
            )

    def _rotation(self, i: int, model: Model) -> NDArray[np.float64]:
        orientation = self.theta.objects.orientation[i]
        return draw_rotation(orientation, model, self.rng("place.orientation", i))

    def _distractor(self, j: int, view: View, rng: np.random.Generator) -> Shape:
        model = self.assets.model(distractor_model(self.theta.occlusion, j))
        turned = [Shape.of(model, random_rotation(rng), view.R_world_cam) for _ in range(_TURNS)]
        return max(turned, key=lambda s: float(np.ptp(s.points_cam[:, :2], axis=0).prod()))


def _own_scale(theta: Theta, i: int, shape: Shape) -> float | None:
    """The scale that gives a target the size of its category, where that is asked."""
    size_m = theta.objects.size_m_by_category[i]
    return None if size_m is None else size_m / shape.extent_m


def _target_scale(theta: Theta, i: int, shape: Shape, principal: Body) -> float:
    own = _own_scale(theta, i, shape)
    if own is not None:
        return own
    ratio = theta.objects.size_ratio[i]
    return 1.0 if ratio is None else ratio * principal.extent_m / shape.extent_m


def _placement(
    stage: _Stage, distractors: tuple[int, ...], *, reach: float, is_negative: bool
) -> Placement:
    """Camera frame to world.

    Args:
        stage: The camera and all bodies, targets first.
        distractors: Place in θ's tuples of each that is a distractor.
        reach: How far the surfaces go, in distances of the camera.
        is_negative: The targets are not shown.

    """
    view, bodies = stage.view, stage.crowd.bodies
    principal = bodies[0]
    T_world_cam = stage.T_world_cam
    if T_world_cam is None:
        T_world_cam = rigid(view.R_world_cam, -(view.R_world_cam @ principal.center_cam))
    points = np.concatenate([b.center_cam + b.points_cam for b in bodies])
    near, far = _planes(stage, reach)
    n_targets = len(bodies) - len(distractors)
    if is_negative:
        bodies, n_targets = bodies[n_targets:], 0
    roles: list[tuple[Role, int]] = [("target", i) for i in range(n_targets)]
    roles += [("distractor", j) for j in distractors]
    return Placement(
        K=_numbers(view.K),
        size_wh=view.size_wh,
        T_world_cam=_numbers(T_world_cam),
        near_m=near,
        far_m=far,
        distortion=view.distortion,
        center_m=_numbers(transform_points(T_world_cam, principal.center_cam[None])[0]),
        extent_m=principal.extent_m,
        lowest_m=float(transform_points(T_world_cam, points)[:, 2].min()),
        instances=tuple(
            PlacedInstance(
                model=b.shape.model.name,
                role=role,
                theta_idx=idx,
                T_world_obj=_numbers(_pose(b, T_world_cam)),
                scale=b.scale,
            )
            for b, (role, idx) in zip(bodies, roles)
        ),
    )


def _planes(stage: _Stage, reach: float) -> tuple[float, float]:
    """Depths of the near and the far plane, which hold all bodies, fixtures and surfaces."""
    bodies = stage.crowd.bodies
    near = _NEAR_OF_PRINCIPAL * bodies[0].depth_m
    if reach == 0.0:  # ground comes as near as the camera is low
        near = max(near, _NEAR_SHARE * min(b.nearest_m for b in bodies))
    far = _FAR_SHARE * max(b.farthest_m for b in bodies)
    # The far corner of a square of that half side, seen from above its middle.
    far = max(far, 2.0 * reach * float(np.linalg.norm(bodies[0].center_cam)))
    obstacles = stage.crowd.obstacles
    if isinstance(obstacles, Obstacles) and len(obstacles.corners_cam):
        depth = obstacles.corners_cam[:, :, 2]
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
