"""A level plane as a camera sees it, and the principal target anywhere on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from render.errors import ConfigError, RejectedTheta
from render.geometry.projection import backproject, project
from render.placement.bodies import Body, OrientedShape
from render.placement.viewing import CameraView, view_of
from render.theta import Theta

__all__ = [
    "FARTHEST_SHARE",
    "MARGIN",
    "NEAREST_RADII",
    "NEAREST_SHARE",
    "are_in_picture",
    "disc",
    "principal_on_plane",
    "reach_m",
    "standing",
]

# Nothing stands much nearer to the camera than what it looks at, or is strewn much farther away.
NEAREST_SHARE, FARTHEST_SHARE = 0.5, 2.0
NEAREST_RADII = 1.5
# Centres of what is crowded keep this share of the image away from its edges.
MARGIN = 0.04
_TRIES = 2000
# Of the picture's rim, a side: where the farthest point of a plane is seen.
_RIM = 9

Points = NDArray[np.float64]


def disc(up_cam: Points, rng: np.random.Generator, n: int) -> Points:
    """``(n, 3)`` level steps from the middle, even over the disc of radius 1.

    Args:
        up_cam: ``(3,)`` world Z in the camera frame.
        rng: The random stream of these steps alone.
        n: How many.

    """
    x = np.cross(up_cam, np.eye(3)[int(np.abs(up_cam).argmin())])
    x /= np.linalg.norm(x)
    y = np.cross(up_cam, x)
    u = rng.random((n, 2))
    r, angle = np.sqrt(u[:, 0]), 2 * np.pi * u[:, 1]
    return np.asarray((r * np.cos(angle))[:, None] * x + (r * np.sin(angle))[:, None] * y)


def standing(
    shape: OrientedShape, scale: float, at_cam: Points, *, up_cam: Points, height_m: float
) -> Points:
    """``(N, 3)`` points moved along the vertical, so that a shape touches a level plane.

    Args:
        shape: The shape whose box has its centre at the points.
        scale: Multiplies its size.
        at_cam: ``(N, 3)`` camera frame, metres.
        up_cam: ``(3,)`` world Z in the camera frame.
        height_m: How high the plane is over the camera.

    """
    lowest = scale * float((shape.points_cam @ up_cam).min())
    rise = height_m - lowest - at_cam @ up_cam
    return np.asarray(at_cam + rise[:, None] * up_cam)


def are_in_picture(view: CameraView, centers_cam: Points, margin: float) -> NDArray[np.bool_]:
    """``(N,)`` whether points in front of the camera are seen, a share of the image from its edges.

    Args:
        view: The camera.
        centers_cam: ``(N, 3)`` camera frame, z > 0.
        margin: The share.

    """
    share = (project(centers_cam, view.K, view.distortion) + 0.5) / np.array(view.size_wh)
    return np.asarray(((share > margin) & (share < 1.0 - margin)).all(axis=1))


def reach_m(view: CameraView, up_cam: Points, at_cam: Points, farthest_m: float) -> float:
    """How far from a point the picture shows the level plane through it, metres.

    Args:
        view: The camera.
        up_cam: ``(3,)`` world Z in the camera frame.
        at_cam: ``(3,)`` the point, camera frame.
        farthest_m: Depth at which the plane ends, as it does where the picture shows the horizon.

    """
    across = np.linspace(0.0, 1.0, _RIM)
    rim = np.stack(np.meshgrid(across, across), axis=-1)
    rim = np.concatenate([rim[[0, -1]].reshape(-1, 2), rim[:, [0, -1]].reshape(-1, 2)])
    rays = backproject(rim * np.array(view.size_wh) - 0.5, 1.0, view.K, view.distortion)
    with np.errstate(divide="ignore", invalid="ignore"):
        depth = float(at_cam @ up_cam) / (rays @ up_cam)
    depth = np.where((depth > 0.0) & (depth < farthest_m), depth, farthest_m)
    steps = depth[:, None] * rays - at_cam
    steps -= (steps @ up_cam)[:, None] * up_cam
    return float(np.linalg.norm(steps, axis=1).max())


def principal_on_plane(
    theta: Theta,
    shape_in: Callable[[CameraView], OrientedShape],
    scale_of: Callable[[OrientedShape], float],
    rng: np.random.Generator,
) -> tuple[CameraView, Body]:
    """A camera that looks at a point of a plane, and the principal target strewn about it.

    Args:
        theta: `scale.distance_m` is how far the point is, `objects.spread` how much of what the
            picture shows of the plane the target may stand on.
        shape_in: The principal target as a camera sees it.
        scale_of: Multiplies its size.
        rng: The random stream of its place.

    Raises:
        RejectedTheta: The target has no such place.
        ConfigError: A leaf that is needed is null.

    """
    distance, spread = theta.scale.distance_m, theta.objects.spread
    if distance is None:
        raise ConfigError("scale.distance_m must be set where viewpoint.look_at=plane, got null")
    view = replace(view_of(theta.viewpoint, theta.camera), plane_m=distance)
    shape = shape_in(view)
    scale = scale_of(shape)
    up, at = view.R_world_cam[2], distance * view.ray_cam
    radius = spread * reach_m(view, up, at, FARTHEST_SHARE * float(at[2])) if spread else 0.0
    places = at + radius * disc(up, rng, _TRIES)
    centers = standing(shape, scale, places, up_cam=up, height_m=float(at @ up))
    nearest = max(NEAREST_SHARE * float(at[2]), NEAREST_RADII * scale * shape.radius_m)
    centers = centers[centers[:, 2] >= nearest]
    centers = centers[are_in_picture(view, centers, (1.0 - spread) * MARGIN)]
    if not len(centers):
        raise RejectedTheta(
            "the principal target has no place in the picture",
            "scale.distance_m", "viewpoint.offset_x", "viewpoint.offset_y",
        )  # fmt: skip
    return view, Body.of(shape, scale, centers[0])
