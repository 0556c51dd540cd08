"""What arrangements place the targets of a frame with: its θ, its streams, and shared steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from render.assembly.materials import distractor_model
from render.errors import ConfigError, RejectedTheta
from render.geometry.states import WantedState
from render.placement.aim import aimed
from render.placement.bodies import Body, OrientedShape, PlacedBodies
from render.placement.fixtures import Obstacles
from render.placement.hulls import are_apart
from render.placement.level import principal_on_plane
from render.placement.occluders import SLACK, Candidate, Occluders
from render.placement.orientation import draw_rotation, random_rotation
from render.placement.sources import ModelSource
from render.placement.stage import Stage
from render.placement.viewing import CameraView, calibrated_pose, intrinsics
from render.placement.visibility import VisibilityMap
from render.sampling.streams import stream
from render.scene import Model
from render.theta import Theta

__all__ = ["PlacementContext"]

# Of this many turns of a distractor the one is taken that shows the most of it: few bars are
# seen end on, few cards edge on.
_TURNS = 3


@dataclass(frozen=True, eq=False, kw_only=True)
class PlacementContext:
    """One draw of a frame, and the steps that arrangements share.

    Attributes:
        theta: The drawn scene parameters; model names are resolved.
        assets: Gives models by name, ``primitive:<kind>`` among them.
        seed: The run's.
        frame_idx: Index of the frame in the run; of several views that of the scene.
        attempt: Which draw of θ this is.
        wanted: States that targets are to show where their orientation is drawn, by index.

    """

    theta: Theta
    assets: ModelSource
    seed: int
    frame_idx: int
    attempt: int
    wanted: Mapping[int, WantedState] = field(default_factory=dict)

    @property
    def first_frame(self) -> int:
        """Index in the run of the first frame that shows this scene."""
        return self.frame_idx * self.theta.viewpoint.views

    @property
    def n_targets(self) -> int:
        """Targets to place: at least one, which is not shown where `objects.count` is 0."""
        return max(self.theta.objects.count, 1)

    def rng(self, name: str, instance: int) -> np.random.Generator:
        """The random stream of one instance for one purpose.

        Args:
            name: What the numbers are for. The same name and instance give the same numbers again.
            instance: Index of the target or distractor.

        """
        return stream(self.seed, self.frame_idx, name, instance=instance, attempt=self.attempt)

    def model(self, i: int) -> Model:
        """The model of target `i`."""
        return self.assets.model(self.theta.objects.model[i])

    def shape(self, i: int, view: CameraView) -> OrientedShape:
        """Target `i` in its orientation."""
        model = self.model(i)
        return OrientedShape.of(model, self._rotation(i, model), view.R_world_cam)

    def is_true_size(self, i: int) -> bool:
        """Whether target `i` has a size of its own, whatever the principal target is."""
        objects = self.theta.objects
        return objects.size_ratio[i] is None or objects.size_m_by_category[i] is not None

    @contextmanager
    def leaving_out(self, i: int, stage: Stage) -> Iterator[None]:
        """Where target `i` has a size of its own and finds no place within, it is left out.

        The stage keeps count of it. The principal target is never left out.

        Raises:
            RejectedTheta: Raised within for any other target.

        """
        try:
            yield
        except RejectedTheta:
            if i == 0 or not self.is_true_size(i):
                raise
            stage.unplaced.append(i)

    def scale(self, i: int, shape: OrientedShape, principal: Body | None) -> float:
        """What multiplies the size of target `i`.

        Args:
            i: Index of the target.
            shape: The target.
            principal: Target 0, to which `objects.size_ratio` refers; None for target 0 itself.

        """
        size_m = self.theta.objects.size_m_by_category[i]
        if size_m is not None:
            return size_m / shape.extent_m
        ratio = self.theta.objects.size_ratio[i]
        if principal is None or ratio is None:
            return 1.0
        return ratio * principal.extent_m / shape.extent_m

    def aim(self) -> Stage:
        """A stage with the principal target alone, before a camera as θ asks for it.

        Raises:
            RejectedTheta: No camera shows the target as asked, or it stands inside it.
            ConfigError: A leaf that is needed is null.

        """
        model = self.model(0)
        view, principal = self.aim_at(model, self._rotation(0, model))
        stage = self.empty_stage(view, principal)
        stage.placed.add(principal, is_target=True)
        return stage

    def aim_at(self, model: Model, R_world_obj: NDArray[np.float64]) -> tuple[CameraView, Body]:
        """The camera as θ asks for it, and the principal target before it.

        Args:
            model: The principal target's.
            R_world_obj: ``(3, 3)`` how the principal target is turned.

        Raises:
            RejectedTheta: No camera shows the target as asked, or it stands inside it.
            ConfigError: A leaf that is needed is null.

        """

        def shape_in(view: CameraView) -> OrientedShape:
            return OrientedShape.of(model, R_world_obj, view.R_world_cam)

        def scale_of(shape: OrientedShape) -> float:
            return self.scale(0, shape, None)

        if self.theta.viewpoint.look_at == "plane":
            rng = self.rng("place.principal", 0)
            view, body = principal_on_plane(self.theta, shape_in, scale_of, rng)
        else:
            view, body = aimed(self.theta, shape_in, scale_of, self.rng("place.truncation", 0))
        if not are_apart(body.points_cam, np.zeros((1, 3)), -body.center_cam):
            raise RejectedTheta("distance_m puts the camera inside the target", "scale.distance_m")
        return view, body

    def calibrated_camera(self) -> tuple[CameraView, NDArray[np.float64], NDArray[np.float64]]:
        """The camera as it was calibrated.

        Returns:
            The camera; ``(4, 4)`` ``T_world_cam``; and ``(6,)`` `objects.region_m`.

        Raises:
            ConfigError: A leaf that is needed is null.

        """
        camera, region_m = self.theta.camera, self.theta.objects.region_m
        T_world_cam = calibrated_pose(camera)
        K, size_wh = intrinsics(camera)
        view = CameraView(
            K=K,
            size_wh=size_wh,
            R_world_cam=T_world_cam[:3, :3],
            ray_cam=np.array([0.0, 0.0, 1.0]),
            distortion=camera.distortion or (),
        )
        if region_m is None:
            raise ConfigError("objects.region_m must be set where camera.T_world_cam is, got null")
        return view, T_world_cam, np.array(region_m)

    def empty_stage(
        self,
        view: CameraView,
        principal: Body,
        *,
        T_world_cam: NDArray[np.float64] | None = None,
        obstacles: Obstacles | None = None,
    ) -> Stage:
        """A stage that nothing is on.

        Args:
            view: The camera.
            principal: Target 0, at least about as large in the picture as it will be.
            T_world_cam: ``(4, 4)`` the camera; None: the world's origin is to be the centre of
                the principal target.
            obstacles: Fixtures, where there are some.

        """
        asked = self.theta.occlusion.occluded_fract
        placed, occluders = PlacedBodies(obstacles=obstacles), None
        if asked is not None:
            visibility = VisibilityMap.of(view, principal, limit=asked + SLACK, obstacles=obstacles)
            placed = PlacedBodies(visibility=visibility, obstacles=obstacles)
            if asked:
                occluders = Occluders(view=view, placed=placed, visibility=visibility, asked=asked)
        return Stage(view=view, T_world_cam=T_world_cam, placed=placed, occluders=occluders)

    def add_target(self, i: int, stage: Stage) -> None:
        """Adds target `i` where it is free; before the target before it where that is asked.

        As in `leaving_out`, one with a size of its own may be left out.

        Raises:
            RejectedTheta: There is no such place.

        """
        shape = self.shape(i, stage.view)
        scale = self.scale(i, shape, stage.principal)
        if stage.occluders is not None and stage.ground is None:
            slot = self.theta.occlusion.count + i - 1
            if self.theta.occlusion.by[slot] == "target":
                before = stage.occluders.visibility.targets[-1]
                if stage.occluders.put_before(shape, scale, before, self.rng("place.before", i)):
                    return
        objects, rng, grows = self.theta.objects, self.rng("place.scatter", i), self.is_true_size(i)
        depth_spread = objects.depth_spread
        with self.leaving_out(i, stage):
            if stage.ground is None:
                stage.surroundings.add_target(shape, scale, depth_spread, rng, grows=grows)
                return
            stage.ground.add_target(
                shape, scale, depth_spread, rng,
                grows=grows, spread=objects.spread, spacing=objects.spacing,
            )  # fmt: skip

    def add_distractor(self, j: int, stage: Stage, targets: list[Body]) -> None:
        """Adds one of the distractors that `occlusion.count` asks.

        Raises:
            RejectedTheta: There is no place for it.

        """
        generator = self.rng("place.distractor", j)
        shape = self._distractor(j, stage.view, generator)
        in_front = self.theta.occlusion.place[j] == "front"
        add = stage.around.add_in_front if in_front else stage.around.add_beside
        add(shape, self.theta.occlusion.size_ratio[j], targets, generator)

    def candidates(self, view: CameraView) -> Iterator[Candidate]:
        """The occluders that may be used, made as they are asked for."""
        occlusion = self.theta.occlusion
        for j in range(occlusion.count, len(occlusion.by)):
            if occlusion.by[j] == "target":
                continue
            generator = self.rng("place.distractor", j)
            yield Candidate(
                theta_idx=j,
                shape=self._distractor(j, view, generator),
                size_ratio=occlusion.size_ratio[j],
                rng=generator,
            )

    def _rotation(self, i: int, model: Model) -> NDArray[np.float64]:
        orientation = self.theta.objects.orientation[i]
        return draw_rotation(
            orientation, model, self.rng("place.orientation", i), self.wanted.get(i)
        )

    def _distractor(self, j: int, view: CameraView, rng: np.random.Generator) -> OrientedShape:
        model = self.assets.model(distractor_model(self.theta.occlusion, j))
        turned = [
            OrientedShape.of(model, random_rotation(rng), view.R_world_cam) for _ in range(_TURNS)
        ]
        return max(turned, key=lambda s: float(np.ptp(s.points_cam[:, :2], axis=0).prod()))
