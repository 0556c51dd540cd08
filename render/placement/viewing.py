"""Where the camera stands: intrinsics, direction, and the distance that gives a size."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from render.errors import ConfigError, RejectedTheta
from render.geometry.distortion import fold_radius
from render.geometry.frames import look_at, rigid
from render.geometry.projection import backproject, bounds_of_edges, fov_to_K
from render.geometry.roots import root_between
from render.library.meshes import mesh_of
from render.placement.bodies import OrientedShape
from render.sampling.camera import CameraGroup
from render.sampling.scale import Scale
from render.sampling.viewpoint import Viewpoint

__all__ = [
    "MIN_NEAREST",
    "CameraView",
    "calibrated_pose",
    "distance_for_size",
    "intrinsics",
    "target_distance",
    "view_of",
]

# The nearest point of the principal target has at least this share of its centre's depth,
# so that all of it can be kept in front of the near plane.
MIN_NEAREST = 0.02
_FARTHEST = 1e9


@dataclass(frozen=True, eq=False, kw_only=True)
class CameraView:
    """A camera whose distance to the target's centre is still open.

    Attributes:
        K: ``(3, 3)`` pixels, centre coordinates.
        size_wh: Image size, pixels.
        R_world_cam: ``(3, 3)``.
        ray_cam: ``(3,)`` unit vector from the camera to what it looks at: the target's centre, or
            a point of a plane.
        distortion: OpenCV's coefficients; empty for a pinhole.
        plane_m: How far away that point is; None: the camera looks at the target.

    """

    K: NDArray[np.float64]
    size_wh: tuple[int, int]
    R_world_cam: NDArray[np.float64]
    ray_cam: NDArray[np.float64]
    distortion: tuple[float, ...] = ()
    plane_m: float | None = None


def intrinsics(camera: CameraGroup) -> tuple[NDArray[np.float64], tuple[int, int]]:
    """``(3, 3)`` K and whole image size.

    Raises:
        ConfigError: If neither `K` nor `fov_deg` is set.

    """
    size_wh = (round(camera.size_wh[0]), round(camera.size_wh[1]))
    if camera.K is not None:
        if len(camera.K) == 4:
            fx, fy, cx, cy = camera.K
            return np.array([[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]]), size_wh
        return np.array(camera.K, dtype=np.float64).reshape(3, 3), size_wh
    if camera.fov_deg is None:
        raise ConfigError("camera.fov_deg must be set where camera.K is null, got null for both")
    return fov_to_K(camera.fov_deg, size_wh), size_wh


def calibrated_pose(camera: CameraGroup) -> NDArray[np.float64]:
    """``(4, 4)`` ``T_world_cam`` with its tolerance; exactly rigid."""
    from scipy.spatial.transform import Rotation  # takes a moment to import

    T = np.array(camera.T_world_cam, np.float64).reshape(4, 4)
    u, _, vt = np.linalg.svd(T[:3, :3])
    turn = Rotation.from_rotvec(camera.jitter_deg, degrees=True).as_matrix()
    T_cam_jittered = rigid(turn, np.array(camera.jitter_m))
    return np.asarray(rigid(u @ vt, T[:3, 3]) @ T_cam_jittered)


def view_of(viewpoint: Viewpoint, camera: CameraGroup) -> CameraView:
    """The camera that sees the world's origin as `viewpoint` asks, from any distance.

    It looks at the origin, turned by the roll; then it is turned in place, by the
    smallest turn, until the origin lies at the offset. So the direction from the origin to
    the camera is that of azimuth and elevation whatever the offset, and a camera that is
    moved along it keeps its orientation.

    Raises:
        RejectedTheta: If the lens shows nothing at the offset.
        ConfigError: If neither `K` nor `fov_deg` is set.

    """
    K, size_wh = intrinsics(camera)
    distortion = camera.distortion or ()
    w, h = size_wh
    uv = np.array([[(w - 1) / 2 + viewpoint.offset_x * w, (h - 1) / 2 + viewpoint.offset_y * h]])
    ray = backproject(uv, 1.0, K, distortion)[0]
    if np.isnan(ray).any():
        raise RejectedTheta(
            "offset beyond what the lens shows", "viewpoint.offset_x", "viewpoint.offset_y"
        )
    ray /= np.linalg.norm(ray)
    az, el = np.radians(viewpoint.azimuth_deg), np.radians(viewpoint.elevation_deg)
    to_camera = np.array([np.cos(el) * np.cos(az), np.cos(el) * np.sin(az), np.sin(el)])
    R_world_look = look_at(to_camera, np.zeros(3), roll_deg=viewpoint.roll_deg)[:3, :3]
    return CameraView(
        K=K,
        size_wh=size_wh,
        R_world_cam=R_world_look @ _turn_to_axis(ray),
        ray_cam=ray,
        distortion=distortion,
    )


def target_distance(asked: Scale, view: CameraView, shape: OrientedShape, *, scale: float) -> float:
    """Metres from the camera to the target's centre, as asked.

    Args:
        asked: `distance_m` wins over `size_px`, which wins over `size_frac`.
        view: The camera.
        shape: The target.
        scale: Multiplies its size. What is larger looks the same from as many times as far.

    Raises:
        RejectedTheta: If no distance gives the size.
        ConfigError: If nothing is asked.

    """
    if asked.distance_m is not None:
        return asked.distance_m
    if asked.size_px is not None:
        return scale * distance_for_size(view, shape, size_px=asked.size_px)
    if asked.size_frac is not None:
        size_px = asked.size_frac * max(view.size_wh)
        return scale * distance_for_size(view, shape, size_px=size_px, leaf="scale.size_frac")
    raise ConfigError("scale.size_frac must be set where size_px and distance_m are null, got null")


def distance_for_size(
    view: CameraView, shape: OrientedShape, *, size_px: float, leaf: str = "scale.size_px"
) -> float:
    """Metres to the centre at which the longest side of the amodal box is `size_px`.

    Exact to 1e-9 relative: the box of a mesh in front of a pinhole is the box of its
    hull's projected vertices. Through a lens with distortion it is that of the whole mesh,
    exact to 0.002 px. The side grows without end as the camera comes near, unless
    the nearest point lies on the ray to the centre.

    Args:
        view: The camera.
        shape: The target.
        size_px: Longest side of the box, not clipped at the image.
        leaf: What asks for it, for the message.

    Raises:
        RejectedTheta: If even the nearest allowed distance shows it smaller, or the lens does
            not show all of it at that size.

    """
    side_px = _bent_side(view, shape) if view.distortion else _straight_side(view, shape)

    def log_excess(log_d: float) -> float:
        return math.log(max(side_px(math.exp(log_d)), 1e-300) / size_px)

    nearest = float(shape.points_cam[:, 2].min())
    lo = math.log(max(-nearest, 1e-12) / ((1.0 - MIN_NEAREST) * view.ray_cam[2]))
    if log_excess(lo) < 0:
        raise RejectedTheta("size not reachable: the target would touch the camera", leaf)
    hi = lo + 1.0
    while log_excess(hi) > 0:
        if hi - lo > math.log(_FARTHEST):
            raise RejectedTheta("size not reachable: the target would be too far away", leaf)
        hi += 1.5
    distance = math.exp(root_between(log_excess, lo, hi, xtol=1e-10, rtol=1e-12))
    if view.distortion and not _is_shown(view, shape, distance):
        raise RejectedTheta(
            "size not reachable: the target would reach beyond what the lens shows", leaf
        )
    return distance


def _straight_side(view: CameraView, shape: OrientedShape) -> Callable[[float], float]:
    """Longest side of the target's box by its distance, through a pinhole."""
    near_end = shape.points_cam @ view.K.T
    along = view.K @ view.ray_cam

    def side_px(distance: float) -> float:
        uvw = near_end + distance * along
        uv = uvw[:, :2] / uvw[:, 2:]
        return float(np.ptp(uv, axis=0).max())

    return side_px


def _bent_side(view: CameraView, shape: OrientedShape) -> Callable[[float], float]:
    """Longest side of the target's box by its distance, through a lens with distortion."""
    points, _, edges = mesh_of(shape.model)
    turn = view.R_world_cam.T @ shape.R_world_obj
    points_cam = (points - shape.model.center_m) @ turn.T

    def side_px(distance: float) -> float:
        placed = points_cam + distance * view.ray_cam
        bounds = bounds_of_edges(placed, edges, view.K, view.distortion)
        return float(np.ptp(bounds, axis=0).max())

    return side_px


def _is_shown(view: CameraView, shape: OrientedShape, distance: float) -> bool:
    """All of the target lies within what the lens shows."""
    placed = shape.points_cam + distance * view.ray_cam
    radius = np.hypot(placed[:, 0], placed[:, 1]) / placed[:, 2]
    return bool(radius.max() < fold_radius(view.distortion))


def _turn_to_axis(ray: NDArray[np.float64]) -> NDArray[np.float64]:
    """Smallest rotation R with ``R @ ray = (0, 0, 1)``; Rodrigues. `ray` is unit, z > 0."""
    x, y, z = ray
    axis = np.array([y, -x, 0.0])  # ray x e_z
    cross = np.array([[0.0, 0.0, axis[1]], [0.0, 0.0, -axis[0]], [-axis[1], axis[0], 0.0]])
    return np.asarray(np.eye(3) + cross + cross @ cross / (1.0 + z))
