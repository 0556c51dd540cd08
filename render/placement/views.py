"""Further cameras of a scene whose first one, and all bodies, are placed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from render.errors import ConfigError, RejectedTheta
from render.geometry.frames import inverse_rigid, look_at, rigid, transform_points
from render.geometry.projection import project
from render.placement.hulls import are_apart
from render.placement.stage import Stage
from render.placement.viewing import calibrated_pose
from render.sampling.views import listed_of
from render.theta import Placement, Theta

__all__ = ["all_views", "check_listed_cameras"]

_LEAVES = {
    "stereo": ("viewpoint.baseline_m",),
    "listed": ("viewpoint.listed",),
    "drawn": ("viewpoint.elevation_deg", "viewpoint.layout"),
    "around": ("viewpoint.views", "viewpoint.layout"),
}
# Points of a region that are looked for along each side of it, and how far off the axis of the
# widest lens there may be something to see: slopes.
_PER_SIDE, _WIDEST = 9, 6.0
Matrix = NDArray[np.float64]


def all_views(
    thetas: Sequence[Theta], first: Placement, stage: Stage, *, n_targets: int, reach: float
) -> tuple[Placement, ...]:
    """What each view of a scene records: it differs in the pose of the camera and its planes.

    Args:
        thetas: Of each view.
        first: Of the first view.
        stage: What stands there, the targets first.
        n_targets: How many of its bodies are targets, the hidden one of a negative among them.
        reach: How far the surfaces go, in distances of the farthest camera.

    Raises:
        RejectedTheta: A further view sees no target, or its camera is in one or under the ground.

    """
    if len(thetas) == 1:
        return (first,)
    T_world_cam = np.array(first.T_world_cam).reshape(4, 4)
    center = np.array(first.center_m)
    poses = [T_world_cam, *(_pose(thetas, i, first) for i in range(1, len(thetas)))]
    reach_m = reach * max(float(np.linalg.norm(T[:3, 3] - center)) for T in poses)
    placements = []
    for view_idx, T in enumerate(poses):
        T_view_cam = inverse_rigid(T) @ T_world_cam if view_idx else None
        near, far = stage.planes(reach_m, T_view_cam)
        if T_view_cam is not None:
            leaves = _LEAVES[thetas[0].viewpoint.layout]
            if problem := _problem(stage, T_view_cam, n_targets, near):
                raise RejectedTheta(f"view {view_idx} {problem}", *leaves)
            if reach and T[2, 3] <= first.lowest_m < T_world_cam[2, 3]:
                raise RejectedTheta(f"view {view_idx} is under the ground", *leaves)
        placements.append(
            replace(
                first,
                T_world_cam=tuple(T.ravel().tolist()),
                near_m=near,
                far_m=far,
                eyes_m=tuple(float(v) for pose in poses for v in pose[:3, 3]),
            )
        )
    return tuple(placements)


def check_listed_cameras(theta: Theta, n_views: int) -> None:
    """Checks that calibrated cameras that are listed look towards the region of the targets.

    Args:
        theta: Of any frame, where what it says of cameras and region holds for all.
        n_views: How many views a scene has.

    Raises:
        ConfigError: One sees nothing of it.

    """
    x0, x1, y0, y1, z0, z1 = theta.objects.region_m or (0.0,) * 6
    sides = (np.linspace(lo, hi, _PER_SIDE) for lo, hi in ((x0, x1), (y0, y1), (z0, z1)))
    points = np.stack(np.meshgrid(*sides), axis=-1).reshape(-1, 3)
    for view_idx in range(1, n_views):
        T_world_cam = np.array(listed_of(theta, view_idx)).reshape(4, 4)
        seen = transform_points(np.linalg.inv(T_world_cam), points)
        if not (np.linalg.norm(seen[:, :2], axis=1) < _WIDEST * seen[:, 2]).any():
            raise ConfigError(
                f"viewpoint.listed must have cameras that see objects.region_m, got view "
                f"{view_idx}, which sees nothing of it: OpenCV's camera looks along +z, y down"
            )


def _pose(thetas: Sequence[Theta], view_idx: int, first: Placement) -> Matrix:
    """``(4, 4)`` ``T_world_cam`` of a further view."""
    theta, T_world_cam = thetas[view_idx], np.array(first.T_world_cam).reshape(4, 4)
    viewpoint, region = theta.viewpoint, theta.objects.region_m
    if viewpoint.layout == "stereo":
        assert viewpoint.baseline_m is not None  # checked before frame 0
        return np.asarray(T_world_cam @ rigid(np.eye(3), np.array([viewpoint.baseline_m, 0, 0])))
    if theta.camera.T_world_cam is None:
        turn = _looking(theta) @ _looking(thetas[0]).T
        return np.asarray(_about(np.array(first.center_m), turn) @ T_world_cam)
    if viewpoint.layout == "listed":
        return calibrated_pose(replace(theta.camera, T_world_cam=listed_of(theta, view_idx)))
    # A calibrated camera goes around what stays where it is: the region, not a target in it.
    assert region is not None
    angle = 2.0 * np.pi * view_idx / viewpoint.views
    c, s = np.cos(angle), np.sin(angle)
    middle = np.array([region[0] + region[1], region[2] + region[3], 0.0]) / 2.0
    turn = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
    return np.asarray(_about(middle, turn) @ T_world_cam)


def _looking(theta: Theta) -> Matrix:
    """``(3, 3)`` orientation of a camera that looks at the principal target as θ says."""
    viewpoint = theta.viewpoint
    az, el = np.radians(viewpoint.azimuth_deg), np.radians(viewpoint.elevation_deg)
    to_camera = np.array([np.cos(el) * np.cos(az), np.cos(el) * np.sin(az), np.sin(el)])
    return look_at(to_camera, np.zeros(3), roll_deg=viewpoint.roll_deg)[:3, :3]


def _about(point: Matrix, turn: Matrix) -> Matrix:
    """``(4, 4)`` the turn about a point of the world."""
    return rigid(turn, point - turn @ point)


def _problem(stage: Stage, T_view_cam: Matrix, n_targets: int, near_m: float) -> str:
    """Why a further view cannot be, for messages; "" if it can."""
    bodies = stage.placed.bodies
    eye_cam = inverse_rigid(T_view_cam)[:3, 3]
    if transform_points(T_view_cam, bodies[0].center_cam[None])[0, 2] <= 0.0:
        return "has the principal target behind its camera"
    is_seen = False
    for i, body in enumerate(bodies):
        if not are_apart(body.points_cam, np.zeros((1, 3)), eye_cam - body.center_cam):
            return "has its camera inside an object"
        points = transform_points(T_view_cam, body.center_cam + body.points_cam)
        if points[:, 2].max() <= near_m:
            continue
        if points[:, 2].min() < near_m:
            return "has an object that reaches behind its camera"
        if i < n_targets and not is_seen:
            uv = project(points, stage.view.K)
            is_seen = bool((uv.max(0) > -0.5).all()) and bool(
                (uv.min(0) < np.array(stage.view.size_wh) - 0.5).all()
            )
    return "" if is_seen else "sees no target"
