"""Truncation as asked: where the camera looks, so that the image's edge cuts the target."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from render.errors import RejectedTheta
from render.geometry.projection import project
from render.placement.bodies import Body, OrientedShape
from render.placement.outlines import outline_of
from render.placement.viewing import CameraView, target_distance, view_of
from render.theta import Theta

__all__ = ["TOLERANCE", "aimed"]

# Labels are promised within 0.03.
TOLERANCE = 0.005
_STEPS = 20
_FARTHEST_OFFSET = 8.0
_MOST_CELLS = 128.0
_SIDES = {"left": (-1.0, 0.0), "right": (1.0, 0.0), "top": (0.0, -1.0), "bottom": (0.0, 1.0)}
# Kept between the box of a target that is to be whole and the edge of the image.
_MARGIN_PX = 0.01
_TOO_LARGE = "truncated_fract not reached: the target is larger than the image"
_LEAF = "truncation.truncated_fract"

ShapeIn = Callable[[CameraView], OrientedShape]
ScaleOf = Callable[[OrientedShape], float]


def aimed(
    theta: Theta, shape_in: ShapeIn, scale_of: ScaleOf, rng: np.random.Generator
) -> tuple[CameraView, Body]:
    """The camera and the principal target, cut by the image's edge as much as asked.

    The camera stays in the direction that is asked and turns in place; its distance is
    found anew at every turn, because a target that moves off the axis grows in the image.

    Args:
        theta: `truncation.truncated_fract`: null leaves the target at the viewpoint's offset;
            0 moves it from there towards the middle of the image until it lies inside.
        shape_in: The principal target as a camera sees it.
        scale_of: Multiplies its size.
        rng: The random stream that chooses the corner.

    Raises:
        RejectedTheta: No turn of the camera gives it.

    """
    asked = theta.truncation.truncated_fract
    start = theta.viewpoint.offset_x, theta.viewpoint.offset_y

    def placed_at(offset: tuple[float, float]) -> tuple[CameraView, Body]:
        viewpoint = replace(theta.viewpoint, offset_x=offset[0], offset_y=offset[1])
        view = view_of(viewpoint, theta.camera)
        shape = shape_in(view)
        scale = scale_of(shape)
        distance = target_distance(theta.scale, view, shape, scale=scale)
        return view, Body.of(shape, scale, distance * view.ray_cam)

    if asked is None:
        return placed_at(start)
    if asked == 0.0:
        return _whole(placed_at, start)
    if theta.truncation.side == "corner":
        x, y = np.where(rng.random(2) < 0.5, -1.0, 1.0)
    else:
        x, y = _SIDES[theta.truncation.side]

    def at(shift: float) -> tuple[CameraView, Body]:
        offset = (shift * x if x else start[0], shift * y if y else start[1])
        return placed_at((float(offset[0]), float(offset[1])))

    return _cut(at, asked)


def _cut(at: Callable[[float], tuple[CameraView, Body]], asked: float) -> tuple[CameraView, Body]:
    """The shift at which the share is cut: it grows with the shift, from nothing to all.

    The false position method, every third step a halving.
    """
    placed = at(0.0)
    in_middle = _truncated_fract(*placed)
    if in_middle > asked + TOLERANCE:
        raise RejectedTheta(_TOO_LARGE, _LEAF)
    # Seen from far away, nothing is cut up to one of these shifts, and all from the other on.
    half = 0.5 * max(_sides_in_images(*placed))
    lo, f_lo = max(0.5 - half, 0.0), in_middle - asked
    hi = 0.5 + half
    while (f_hi := _truncated_fract(*at(hi)) - asked) < 0.0:
        lo, f_lo, hi = hi, f_hi, 1.3 * hi
        if hi > _FARTHEST_OFFSET:
            raise RejectedTheta("truncated_fract not reached: the lens shows no such place", _LEAF)
    for step in range(_STEPS):
        guess = 0.5 * (lo + hi) if step % 3 == 2 else (lo * f_hi - hi * f_lo) / (f_hi - f_lo)
        placed = at(guess)
        value = _truncated_fract(*placed) - asked
        if abs(value) <= TOLERANCE:
            return placed
        if value > 0.0:
            hi, f_hi = guess, value
        else:
            lo, f_lo = guess, value
    raise RejectedTheta("truncated_fract not reached: it jumps over the share", _LEAF)


def _whole(
    placed_at: Callable[[tuple[float, float]], tuple[CameraView, Body]], start: tuple[float, float]
) -> tuple[CameraView, Body]:
    """The target inside the image, as near to its offset as that allows."""
    placed = placed_at(start)
    if _is_inside(*placed):
        return placed
    placed = placed_at((0.0, 0.0))
    if not _is_inside(*placed):
        raise RejectedTheta(_TOO_LARGE, _LEAF)
    inside, outside = 0.0, 1.0
    for _ in range(8):
        share = 0.5 * (inside + outside)
        tried = placed_at((share * start[0], share * start[1]))
        if _is_inside(*tried):
            inside, placed = share, tried
        else:
            outside = share
    return placed


def _is_inside(view: CameraView, body: Body) -> bool:
    low, high = _bounds(view, body)
    low, high = low - _MARGIN_PX, high + _MARGIN_PX
    return bool((low >= -0.5).all() and (high <= np.array(view.size_wh) - 0.5).all())


def _sides_in_images(view: CameraView, body: Body) -> NDArray[np.float64]:
    """``(2,)`` width and height of its box over those of the image."""
    low, high = _bounds(view, body)
    return np.asarray((high - low) / np.array(view.size_wh))


def _bounds(view: CameraView, body: Body) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lowest and highest uv; endless if some of it is behind the camera."""
    points = body.center_cam + body.points_cam
    if points[:, 2].min() <= 0.0:
        return np.full(2, -np.inf), np.full(2, np.inf)
    uv = project(points, view.K, view.distortion)
    return uv.min(axis=0), uv.max(axis=0)


def _truncated_fract(view: CameraView, body: Body) -> float:
    """Share of the silhouette outside the image, defined as in the labels."""
    side_px = view.K[0, 0] * body.extent_m / body.depth_m
    cell_px = max(1.0, side_px / _MOST_CELLS)
    whole = outline_of(body, view, cell_px=cell_px)
    w, h = view.size_wh
    return 1.0 - whole.share_within((round(w / cell_px), round(h / cell_px)))
