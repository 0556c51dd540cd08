"""Rules between leaves: what no leaf can be checked for alone."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from render.errors import ConfigError
from render.geometry.distortion import undistort
from render.geometry.frames import nearest_rotation
from render.sampling.distribution import Box, Drawable

__all__ = ["check_group", "check_rigid", "check_together"]

# The field of view that a K may have, as of the leaf `camera.fov_deg`.
_FOV_DEG = (0.5, 150.0)

# How far the rows of a rotation may be from orthonormal: files hold few digits.
_RIGID = 1e-4


def check_group(group: str, leaves: Mapping[str, Drawable]) -> None:
    """Checks the leaves of one group, as of one preset, together.

    Raises:
        ConfigError: A rule is broken by some value that can be drawn.

    """
    if group == "scale":
        _check_scale(leaves)
    elif group == "camera":
        _check_camera(leaves)
    elif group == "occlusion":
        _check_occlusion(leaves)
    elif group == "sensor":
        _check_depth_range(leaves)


def check_together(groups: Mapping[str, Sequence[Mapping[str, Drawable]]]) -> None:
    """Checks what groups ask of each other.

    Args:
        groups: The leaves of each group, once for each preset that can be drawn.

    Raises:
        ConfigError: What is asked can be met by no frame at all.

    """
    _check_cell(groups)
    _check_plane(groups)
    must_be_whole = all(t["truncated_fract"].support == (0,) for t in groups["truncation"])
    if not must_be_whole:
        return
    longest = max(side[1] for c in groups["camera"] for box in c["size_wh"].boxes for side in box)
    smallest = [_smallest_px(scale, longest) for scale in groups["scale"]]
    if all(size is not None and size[1] > longest for size in smallest):
        leaf, size_px = min((s for s in smallest if s is not None), key=lambda s: s[1])
        raise ConfigError(
            f"truncation.truncated_fract=0 keeps the principal target inside the image, and {leaf} "
            f"must then fit into {longest:g} pixels, got at least {size_px:g} pixels: ask for a "
            "smaller size, or set truncation.truncated_fract=null"
        )


def check_rigid(name: str, numbers: Sequence[float]) -> None:
    """Checks that sixteen numbers, row by row, are a rigid transform.

    Raises:
        ConfigError: They are not.

    """
    T = np.array(numbers, np.float64).reshape(4, 4)
    if nearest_rotation(T[:3, :3]).off > _RIGID or T[3].tolist() != [0, 0, 0, 1]:
        raise ConfigError(
            f"{name} must be a rigid transform, row by row: a rotation, a shift in the fourth "
            f"column, and 0, 0, 0, 1 in the last row; got {[float(n) for n in numbers]}"
        )


def _can_be(distribution: Drawable, value: object) -> bool:
    support = distribution.support
    return support is not None and any(v is value or v == value for v in support)


def _is_null(distribution: Drawable) -> bool:
    return distribution.support == (None,)


def _check_scale(leaves: Mapping[str, Drawable]) -> None:
    px, metres = leaves["size_px"], leaves["distance_m"]
    if not _is_null(px) and not _is_null(metres):
        raise ConfigError(
            "scale.size_px and scale.distance_m must not both be set, got both: "
            "set scale.distance_m=null (or scale.size_px=null)"
        )
    if all(_can_be(leaf, None) for leaf in leaves.values()):
        raise ConfigError(
            "one of scale.size_frac, scale.size_px and scale.distance_m must be set in every "
            "frame, got null for all: set scale.size_frac=[uniform,0.1,0.5]"
        )


# Where they stand in a 4 x 4 transform, row by row.
_TRANSLATION = (3, 7, 11)


def _check_cell(groups: Mapping[str, Sequence[Mapping[str, Drawable]]]) -> None:
    """Checks that a calibrated camera is a rigid transform and is not asked to turn."""
    poses = [camera["T_world_cam"] for camera in groups["camera"]]
    for pose in poses:
        for box in pose.boxes:
            if any(lo != hi for i, (lo, hi) in enumerate(box) if i not in _TRANSLATION):
                raise ConfigError(
                    "camera.T_world_cam must have plain numbers but in its translation, the 4th, "
                    "8th and 12th, because a rotation that is drawn number by number is none: "
                    "camera.jitter_deg turns the camera"
                )
            check_rigid("camera.T_world_cam", tuple(lo if lo == hi else 0.0 for lo, hi in box))
    if all(_is_null(pose) for pose in poses):
        return
    if any(not _is_null(truncation["truncated_fract"]) for truncation in groups["truncation"]):
        raise ConfigError(
            "truncation.truncated_fract must be null where camera.T_world_cam is set: a "
            "calibrated camera does not turn"
        )


def _check_plane(groups: Mapping[str, Sequence[Mapping[str, Drawable]]]) -> None:
    """Checks that a camera that looks at a plane is above it, at a distance that is told."""
    views = [view for view in groups["viewpoint"] if _can_be(view["look_at"], "plane")]
    if not views or not any(_can_be(c["T_world_cam"], None) for c in groups["camera"]):
        return
    where = "where viewpoint.look_at=plane"
    if any(_can_be(scale["distance_m"], None) for scale in groups["scale"]):
        raise ConfigError(
            f"scale.distance_m must be set in every frame {where}, got null: it is how far the "
            "camera is from the plane; 'scale.distance_m=[uniform,0.4,0.6]'"
        )
    if any(not _is_null(truncation["truncated_fract"]) for truncation in groups["truncation"]):
        raise ConfigError(
            f"truncation.truncated_fract must be null {where}: the camera does not turn to the "
            "principal target"
        )
    for view in views:
        lowest = (view["elevation_deg"].bounds or (0.0, 0.0))[0]
        if lowest <= 0:
            raise ConfigError(
                f"viewpoint.elevation_deg must be above 0 {where}, because the camera is above the "
                f"plane, got {lowest:g}; 90 looks straight down"
            )


def _smallest_px(scale: Mapping[str, Drawable], longest: float) -> tuple[str, float] | None:
    """The leaf that gives the size in the image, and the least it can be; None: a distance."""
    for name, factor in (("size_px", 1.0), ("size_frac", longest)):
        leaf = scale[name]
        if not _is_null(scale["distance_m"]) or leaf.bounds is None:
            continue
        return f"scale.{name}", factor * leaf.bounds[0]
    return None


def _check_occlusion(leaves: Mapping[str, Drawable]) -> None:
    wanted, by = leaves["occluded_fract"], leaves["by"].support
    if by == ("target",) and any(value not in (None, 0) for value in wanted.support or (1,)):
        raise ConfigError(
            "occlusion.by must allow something beside target where occlusion.occluded_fract is "
            "set, got target alone, which leaves nothing to cover the foremost target: "
            "occlusion.by=[choice,target,primitive]"
        )


def _check_camera(leaves: Mapping[str, Drawable]) -> None:
    if _can_be(leaves["K"], None) and _can_be(leaves["fov_deg"], None):
        raise ConfigError(
            "one of camera.fov_deg and camera.K must be set in every frame, got null for "
            "both: set camera.fov_deg=50"
        )
    sizes = leaves["size_wh"]
    if not sizes.is_whole:
        raise ConfigError(
            "camera.size_wh must be whole numbers of pixels: plain ones, or drawn with "
            "integers, choice or levels"
        )
    for K, size in itertools.product(leaves["K"].boxes, sizes.boxes):
        _check_K(K, size)
    _check_distortion(leaves)


def _check_depth_range(leaves: Mapping[str, Drawable]) -> None:
    for near_m, far_m in leaves["depth_range_m"].boxes:
        if near_m[1] >= far_m[0]:
            raise ConfigError(
                "sensor.depth_range_m must be the nearest depth and a farther one, got "
                f"{_text((near_m, far_m))}"
            )


def _check_K(K: Box, size: Box) -> None:
    if len(K) == 9:
        rest = (K[1], K[3], K[6], K[7], K[8])
        if rest != ((0, 0), (0, 0), (0, 0), (0, 0), (1, 1)):
            raise ConfigError(
                f"camera.K must be [fx, 0, cx, 0, fy, cy, 0, 0, 1], without skew, got {_text(K)}"
            )
        K = (K[0], K[4], K[2], K[5])
    if K[0][0] <= 0 or K[1][0] <= 0:
        raise ConfigError(f"camera.K must have fx > 0 and fy > 0, got {_text(K[:2])}")
    for name, center, side in zip(("cx", "cy"), K[2:], size):
        # Centre coordinates: pixel 0 reaches from -0.5 to 0.5. The smallest image counts.
        # The edge itself is out: the K of an image twice as large has its centre there.
        if center[0] <= -0.5 or center[1] >= side[0] - 0.5:
            raise ConfigError(
                f"camera.K must fit camera.size_wh: {name} must lie between -0.5 and "
                f"{side[0] - 0.5:g}, got {_text((center,))}. Give the K of this image size, "
                "or the size that this K was measured at"
            )
    for name, focal, side in zip(("fx", "fy"), K, size):
        widest, narrowest = _fov_deg(side[1], focal[0]), _fov_deg(max(size)[0], focal[1])
        if widest > _FOV_DEG[1] or narrowest < _FOV_DEG[0]:
            raise ConfigError(
                f"camera.K must fit camera.size_wh: {name} must give a field of view of "
                f"{_FOV_DEG[0]:g} to {_FOV_DEG[1]:g} degrees, got {_text((focal,))} for "
                f"{_text((side,))} pixels. Focal lengths are in pixels, not in millimetres"
            )


def _check_distortion(leaves: Mapping[str, Drawable]) -> None:
    """Each lens at the limits of what can be drawn must be one to one over each image."""
    lenses = {lens for box in leaves["distortion"].boxes for lens in itertools.product(*box)}
    if not lenses:
        return
    for size in leaves["size_wh"].boxes:
        w, h = size[0][1], size[1][1]
        across, down = np.linspace(-0.5, w - 0.5, 33), np.linspace(-0.5, h - 0.5, 33)
        u = np.concatenate([across, across, np.full(33, -0.5), np.full(33, w - 0.5)])
        v = np.concatenate([np.full(33, -0.5), np.full(33, h - 0.5), down, down])
        for fx, fy, cx, cy in _intrinsics(leaves, w, h):
            rim = np.stack([(u - cx) / fx, (v - cy) / fy], axis=1)
            for lens in sorted(lenses):
                share = float(np.isfinite(undistort(rim, lens)).all(axis=1).mean())
                if share < 1.0:
                    raise ConfigError(
                        f"camera.distortion must be one to one over the whole image, got "
                        f"{[round(k, 6) for k in lens]}, which folds at {1 - share:.0%} of the rim "
                        f"of {w:g} x {h:g} pixels with a focal length of {fx:g} pixels. Use "
                        "coefficients that were measured with this focal length (a calibration "
                        "gives both), weaker ones, or a smaller camera.fov_deg"
                    )


def _intrinsics(
    leaves: Mapping[str, Drawable], w: float, h: float
) -> Iterator[tuple[float, float, float, float]]:
    """Focal lengths and centres at the limits of what can be drawn for one image size."""
    widest = leaves["fov_deg"].bounds
    if widest is not None and _can_be(leaves["K"], None):
        focal = 0.5 * w / math.tan(math.radians(widest[1]) / 2)
        yield focal, focal, (w - 1) / 2, (h - 1) / 2
    for K in leaves["K"].boxes:
        fx, fy, cx, cy = (K[0], K[4], K[2], K[5]) if len(K) == 9 else K
        for x, y in itertools.product(cx, cy):
            yield fx[0], fy[0], x, y


def _fov_deg(side: float, focal: float) -> float:
    return math.degrees(2 * math.atan(side / (2 * focal)))


def _text(intervals: Box) -> str:
    return ", ".join(f"{a:g}" if a == b else f"{a:g} to {b:g}" for a, b in intervals)
