"""θ to poses: the search whose outcome is recorded."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from render.assembly.surfaces import REACH, has_ground
from render.errors import RejectedTheta
from render.geometry.frames import rigid
from render.placement.bodies import Body, Crowd, Shape
from render.placement.ground import Ground
from render.placement.hulls import are_apart
from render.placement.orientation import draw_rotation, random_rotation
from render.placement.scatter import Surroundings
from render.placement.viewing import View, target_distance, view_of
from render.sampling.streams import stream
from render.scene import Model, Role
from render.theta import PlacedInstance, Placement, Theta

__all__ = ["ModelSource", "place"]

# Near and far planes hug the scene, because depth buffers resolve the span between them:
# half the depth of the nearest point, yet at least a share of the principal target's depth.
_NEAR_SHARE = 0.5
_NEAR_OF_PRINCIPAL = 0.01
_FAR_SHARE = 1.05


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

    def rng(name: str, instance: int) -> np.random.Generator:
        return stream(seed, frame_idx, name, instance=instance, attempt=attempt)

    view = view_of(theta.viewpoint, theta.camera)
    n_targets = 1 if theta.objects.arrangement == "single" else theta.objects.count
    surroundings = Surroundings(view=view, crowd=Crowd())
    ground: Ground | None = None
    around: Ground | Surroundings
    for i in range(n_targets):
        model = assets.model(theta.objects.model[i])
        R = draw_rotation(theta.objects.orientation[i], model, rng("place.orientation", i))
        shape = Shape.of(model, R, view.R_world_cam)
        if i == 0:
            surroundings.crowd.add(_principal(theta, view, shape))
            if theta.objects.arrangement == "surface":
                ground = Ground.under(surroundings)
        else:
            scale = _target_scale(theta, i, shape, surroundings.principal)
            around = ground or surroundings
            around.add_target(shape, scale, theta.objects.depth_spread, rng("place.scatter", i))
    targets = list(surroundings.crowd.bodies)
    for j in range(theta.occlusion.count):
        generator = rng("place.distractor", j)
        model = assets.model(f"primitive:{theta.occlusion.kind[j]}")
        shape = Shape.of(model, random_rotation(generator), view.R_world_cam)
        in_front = theta.occlusion.place[j] == "front"
        around = ground or surroundings
        add = around.add_in_front if in_front else around.add_beside
        add(shape, theta.occlusion.size_ratio[j], targets, generator)
    reach = REACH if has_ground(theta.background, theta.objects.arrangement) else 0.0
    return _placement(view, surroundings.crowd.bodies, n_targets, reach=reach)


def _principal(theta: Theta, view: View, shape: Shape) -> Body:
    distance = target_distance(theta.scale, view, shape)
    body = Body.of(shape, 1.0, distance * view.ray_cam)
    if not are_apart(body.points_cam, np.zeros((1, 3)), -body.center_cam):
        raise RejectedTheta("distance_m puts the camera inside the target")
    return body


def _target_scale(theta: Theta, i: int, shape: Shape, principal: Body) -> float:
    if theta.objects.size_ratio is None:
        return 1.0
    return theta.objects.size_ratio[i] * principal.extent_m / shape.extent_m


def _placement(view: View, bodies: list[Body], n_targets: int, *, reach: float) -> Placement:
    """Camera frame to world, whose origin is the centre of the first body.

    Args:
        view: The camera.
        bodies: Targets first.
        n_targets: How many of them are targets.
        reach: How far the surfaces go, in distances of the camera.

    """
    principal = bodies[0]
    near = _NEAR_OF_PRINCIPAL * principal.depth_m
    if reach == 0.0:  # ground comes as near as the camera is low
        near = max(near, _NEAR_SHARE * min(b.nearest_m for b in bodies))
    far = _FAR_SHARE * max(b.farthest_m for b in bodies)
    # The far corner of a square of that half side, seen from above its middle.
    far = max(far, 2.0 * reach * float(np.linalg.norm(principal.center_cam)))
    T_world_cam = rigid(view.R_world_cam, -(view.R_world_cam @ principal.center_cam))
    roles: list[Role] = ["target" if i < n_targets else "distractor" for i in range(len(bodies))]
    return Placement(
        K=_numbers(view.K),
        size_wh=view.size_wh,
        T_world_cam=_numbers(T_world_cam),
        near_m=float(near),
        far_m=float(max(far, 2.0 * near)),
        distortion=view.distortion,
        instances=tuple(
            PlacedInstance(
                model=b.shape.model.name,
                role=role,
                T_world_obj=_numbers(_pose(b, view, principal.center_cam)),
                scale=b.scale,
            )
            for b, role in zip(bodies, roles)
        ),
    )


def _pose(body: Body, view: View, origin_cam: NDArray[np.float64]) -> NDArray[np.float64]:
    """``(4, 4)`` ``T_world_obj`` that puts the centre of the body's box at its place."""
    R = body.shape.R_world_obj
    center_world = view.R_world_cam @ (body.center_cam - origin_cam)
    return rigid(R, center_world - R @ (body.scale * body.shape.model.center_m))


def _numbers(matrix: NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(float(v) for v in matrix.ravel())
