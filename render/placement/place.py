"""θ to poses: the search whose outcome is recorded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from render.assembly.materials import distractor_model
from render.assembly.surfaces import REACH, has_ground
from render.errors import RejectedTheta
from render.geometry.frames import rigid
from render.placement.aim import aimed
from render.placement.bodies import Body, Crowd, Shape
from render.placement.gauge import Gauge
from render.placement.ground import Ground
from render.placement.hulls import are_apart
from render.placement.occluders import SLACK, Occluders, Spare
from render.placement.orientation import draw_rotation, random_rotation
from render.placement.scatter import Surroundings
from render.placement.viewing import View
from render.sampling.streams import stream
from render.scene import Model, Role
from render.theta import PlacedInstance, Placement, Theta

__all__ = ["ModelSource", "place"]

# Near and far planes hug the scene, because depth buffers resolve the span between them:
# half the depth of the nearest point, yet at least a share of the principal target's depth.
_NEAR_SHARE = 0.5
_NEAR_OF_PRINCIPAL = 0.01
_FAR_SHARE = 1.05
# Of this many turns of a distractor the one is taken that shows the most of it: few bars are
# seen end on, few cards edge on.
_TURNS = 3


class ModelSource(Protocol):
    """What placement needs of the asset library."""

    def model(self, name: str) -> Model:
        """The model of that name."""
        ...


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
    view, principal = search.principal()
    asked = theta.occlusion.occluded_fract
    gauge = None if asked is None else Gauge.of(view, principal, limit=asked + SLACK)
    crowd = Crowd(gauge=gauge)
    crowd.add(principal, is_target=True)
    surroundings = Surroundings(view=view, crowd=crowd)
    stands = theta.objects.arrangement == "surface"
    around = Ground.under(surroundings) if stands else surroundings
    occluders = None
    if asked and gauge is not None:
        occluders = Occluders(view=view, crowd=crowd, gauge=gauge, asked=asked)
    for i in range(1, search.n_targets):
        search.add_target(i, around, occluders)
    targets = list(crowd.bodies)
    for j in range(theta.occlusion.count):
        search.add_distractor(j, around, targets)
    distractors = tuple(range(theta.occlusion.count))
    if occluders is not None:
        distractors += occluders.settle(search.spares(view))
    reach = REACH if has_ground(theta.background, theta.objects.arrangement) else 0.0
    return _placement(
        view, crowd.bodies, distractors, reach=reach, is_negative=theta.objects.count == 0
    )


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

    def principal(self) -> tuple[View, Body]:
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

    def add_target(
        self, i: int, around: Ground | Surroundings, occluders: Occluders | None
    ) -> None:
        """A further target, before the one before it where that is asked."""
        surroundings = around.around if isinstance(around, Ground) else around
        model = self.assets.model(self.theta.objects.model[i])
        shape = Shape.of(model, self._rotation(i, model), surroundings.view.R_world_cam)
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
    sizes = theta.objects.size_m_by_category
    size_m = None if sizes is None else sizes[i]
    return None if size_m is None else size_m / shape.extent_m


def _target_scale(theta: Theta, i: int, shape: Shape, principal: Body) -> float:
    own = _own_scale(theta, i, shape)
    if own is not None:
        return own
    if theta.objects.size_ratio is None:
        return 1.0
    return theta.objects.size_ratio[i] * principal.extent_m / shape.extent_m


def _placement(
    view: View,
    bodies: list[Body],
    distractors: tuple[int, ...],
    *,
    reach: float,
    is_negative: bool,
) -> Placement:
    """Camera frame to world, whose origin is the centre of the first body.

    Args:
        view: The camera.
        bodies: Targets first.
        distractors: Place in θ's tuples of each that is a distractor.
        reach: How far the surfaces go, in distances of the camera.
        is_negative: The targets are not shown.

    """
    principal = bodies[0]
    up = view.R_world_cam[2]
    points = np.concatenate([b.center_cam + b.points_cam for b in bodies]) - principal.center_cam
    near = _NEAR_OF_PRINCIPAL * principal.depth_m
    if reach == 0.0:  # ground comes as near as the camera is low
        near = max(near, _NEAR_SHARE * min(b.nearest_m for b in bodies))
    far = _FAR_SHARE * max(b.farthest_m for b in bodies)
    # The far corner of a square of that half side, seen from above its middle.
    far = max(far, 2.0 * reach * float(np.linalg.norm(principal.center_cam)))
    T_world_cam = rigid(view.R_world_cam, -(view.R_world_cam @ principal.center_cam))
    n_targets = len(bodies) - len(distractors)
    if is_negative:
        bodies, n_targets = bodies[n_targets:], 0
    roles: list[tuple[Role, int]] = [("target", i) for i in range(n_targets)]
    roles += [("distractor", j) for j in distractors]
    return Placement(
        K=_numbers(view.K),
        size_wh=view.size_wh,
        T_world_cam=_numbers(T_world_cam),
        near_m=float(near),
        far_m=float(max(far, 2.0 * near)),
        distortion=view.distortion,
        center_m=(0.0, 0.0, 0.0),
        extent_m=principal.extent_m,
        lowest_m=float((points @ up).min()),
        instances=tuple(
            PlacedInstance(
                model=b.shape.model.name,
                role=role,
                theta_idx=idx,
                T_world_obj=_numbers(_pose(b, view, principal.center_cam)),
                scale=b.scale,
            )
            for b, (role, idx) in zip(bodies, roles)
        ),
    )


def _pose(body: Body, view: View, origin_cam: NDArray[np.float64]) -> NDArray[np.float64]:
    """``(4, 4)`` ``T_world_obj`` that puts the centre of the body's box at its place."""
    R = body.shape.R_world_obj
    center_world = view.R_world_cam @ (body.center_cam - origin_cam)
    return rigid(R, center_world - R @ (body.scale * body.shape.model.center_m))


def _numbers(matrix: NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(float(v) for v in matrix.ravel())
