"""θ to poses: the search whose outcome is recorded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from render.assembly.materials import distractor_model
from render.assembly.surfaces import REACH, has_ground
from render.errors import ConfigError, RejectedTheta
from render.geometry.frames import inverse_rigid, transform_points
from render.placement.aim import aimed
from render.placement.bodies import Body, Crowd, Shape
from render.placement.fallen import Thing, heap, heap_in_region, pile_stage
from render.placement.fixtures import Obstacles
from render.placement.grid import add_grid
from render.placement.ground import Ground
from render.placement.hulls import are_apart
from render.placement.occluders import SLACK, Occluders, Spare
from render.placement.orientation import draw_rotation, random_rotation
from render.placement.region import Region, calibrated_pose
from render.placement.scatter import Surroundings
from render.placement.sources import ModelSource
from render.placement.stage import Stage
from render.placement.viewing import View, intrinsics
from render.placement.visibility import Gauge
from render.sampling.streams import stream
from render.scene import Model
from render.theta import Placement, Theta

__all__ = ["place"]

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
    elif theta.objects.arrangement == "pile":
        stage = search.piled()
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
    return stage.placement(distractors, reach=reach, is_negative=theta.objects.count == 0)


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

    def aimed(self) -> Stage:
        """The camera stands as `viewpoint`, `scale` and `truncation` ask."""
        model = self.assets.model(self.theta.objects.model[0])
        view, principal = self._principal(model, self._rotation(0, model))
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
        return Stage(view=view, T_world_cam=None, crowd=crowd, around=around, occluders=occluders)

    def piled(self) -> Stage:
        """Targets lie as they fell on each other."""
        objects, calibrated = self.theta.objects, self.theta.camera.T_world_cam is not None
        models = [self.assets.model(objects.model[i]) for i in range(max(self.n_targets, 1))]
        things: list[Thing] = []
        for i, model in enumerate(models):
            ratio, own = objects.size_ratio[i], objects.size_m_by_category[i]
            scale = 1.0 if i == 0 or ratio is None else ratio * things[0].extent_m / model.extent_m
            scale = scale if own is None else own / model.extent_m
            R = random_rotation(self.rng("place.orientation", i))
            things.append(Thing(model=model, scale=scale, R_world_obj=R))
        if not calibrated:
            poses = heap(things, self.rng("place.pile", 0))
            view, principal = self._principal(models[0], poses[0][:3, :3])
            return pile_stage(
                self._crowd(view, principal, None), view, things, poses, T_world_cam=None,
                center_cam=principal.center_cam,
            )  # fmt: skip
        view, T_world_cam, bounds = self._calibrated()
        poses = heap_in_region(
            things, self.rng("place.pile", 0), bounds, fixtures=self.assets.fixtures
        )
        T_cam_world = inverse_rigid(T_world_cam)
        first = Shape.of(models[0], poses[0][:3, :3], view.R_world_cam)
        center_cam = transform_points(T_cam_world, poses[0][:3, 3][None])[0]
        obstacles = Obstacles.of(self.assets.fixtures, T_cam_world)
        crowd = self._crowd(view, Body.of(first, things[0].scale, center_cam), obstacles)
        return pile_stage(
            crowd, view, things, poses, T_world_cam=T_world_cam, center_cam=center_cam
        )

    def _calibrated(self) -> tuple[View, NDArray[np.float64], NDArray[np.float64]]:
        """The camera, where it is, and the bounds of the targets' region."""
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
        return view, T_world_cam, np.array(theta.objects.region_m)

    def in_cell(self) -> Stage:
        """The camera stands where it was calibrated; targets lie in a part of the world."""
        theta = self.theta
        view, T_world_cam, bounds = self._calibrated()
        obstacles = Obstacles.of(self.assets.fixtures, inverse_rigid(T_world_cam))
        first = self._shape(0, view)
        # About as large in the picture as it will be, wherever it comes to lie.
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
        return Stage(
            view=view, T_world_cam=T_world_cam, crowd=crowd, around=around, occluders=occluders
        )

    def posed(self) -> Stage:
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
        return Stage(
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

    def _principal(self, model: Model, R: NDArray[np.float64]) -> tuple[View, Body]:
        """Target 0, turned by `R`, and the camera."""
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
