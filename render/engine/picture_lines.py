"""Lines of a picture: where outlines, creases and borders of surfaces cross between pixels.

They are found from the meshes, not from samples: an edge is an outline where one of its faces
looks towards the camera and the other away. What is in front of what is taken from the depths
at pixels' centres.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from render.engine.surface_edges import BORDER, SurfaceEdges
from render.scene import Camera

__all__ = [
    "NO_SEGMENTS",
    "Crossings",
    "Segments",
    "ShownPixels",
    "crossings_of",
    "meetings_of",
    "segments_of",
]

# An edge is seen if it lies no farther behind what the two pixels show than this, at a slant of
# 63 degrees; an outline belongs to a surface no farther from it than the second.
_SEEN_PX, _OWN_PX = 2.0, 40.0
# A pixel's centre so close to a line may, in the rasterizer's grid, lie on its other side.
_SNAP_PX = 1.0 / 200.0


@dataclass(frozen=True, eq=False, kw_only=True)
class Segments:
    """Edges of one body that may part two colours.

    On its way from the first to the second end, an outline has its body on the right hand where
    y runs down.

    Attributes:
        first: ``(N, 3)`` float32, camera frame, metres.
        second: Likewise.
        weight: ``(N,)`` from 0: 1 for outlines, less for creases.

    """

    first: NDArray[np.float32]
    second: NDArray[np.float32]
    weight: NDArray[np.float32]


NO_SEGMENTS = Segments(
    first=np.zeros((0, 3), np.float32),
    second=np.zeros((0, 3), np.float32),
    weight=np.zeros(0, np.float32),
)


def segments_of(
    edges: SurfaceEdges,
    faces_camera: NDArray[np.bool_],
    cam_mesh: NDArray[np.float64],
    *,
    one_sided: bool,
    least_sharpness: float = 0.0,
) -> Segments:
    """The outlines of a body, and those of its creases that may be seen.

    Args:
        edges: The edges of its model.
        faces_camera: ``(F,)``: faces that look towards the camera.
        cam_mesh: ``(4, 4)``: from the edges' points to the camera frame.
        one_sided: Faces that look away cannot be seen.
        least_sharpness: Creases must be sharper.

    """
    one, other = faces_camera[edges.sides[0]], faces_camera[edges.sides[1]]
    is_outline = np.asarray(one ^ other ^ edges.alike)
    is_sharp = np.asarray(edges.sharpness > least_sharpness)
    if one_sided:
        is_sharp &= one | other
    chosen = np.flatnonzero(is_outline | is_sharp)
    is_border = np.asarray(edges.sides[0, chosen] == edges.sides[1, chosen])
    crease = edges.sharpness[chosen] / np.float32(2.0 * BORDER)
    # A face that looks away walks its edges the other way round, as the picture has it.
    forwards, (begin, end) = one[chosen], edges.ends[:, chosen]
    R, t = cam_mesh[:3, :3].T.astype(np.float32), cam_mesh[:3, 3].astype(np.float32)
    return Segments(
        first=edges.points[np.where(forwards, begin, end)] @ R + t,
        second=edges.points[np.where(forwards, end, begin)] @ R + t,
        weight=np.where(is_outline[chosen] | is_border, np.float32(1.0), crease),
    )


@dataclass(frozen=True, eq=False, kw_only=True)
class ShownPixels:
    """What the centres of the pixels show.

    Attributes:
        depth_m: ``(H, W)`` along the axis; 0 = nothing.
        draw: ``(H, W)``: what was drawn there; -1 = nothing.
        body: ``(H, W)``: the body of that; -1 = nothing.

    """

    depth_m: NDArray[np.float32]
    draw: NDArray[np.int32]
    body: NDArray[np.int32]


@dataclass(frozen=True, eq=False, kw_only=True)
class Crossings:
    """Where lines cross from the centre of a pixel to that of the next one; at most one each.

    Attributes:
        pixel: ``(N,)`` int64: row times width plus column.
        is_row: ``(N,)``: the next one is in the row; else in the column.
        at: ``(N,)``: how far towards the next one the line crosses, pixels.
        slope: ``(N,)``: how `at` changes to the next column or row.

    """

    pixel: NDArray[np.int64]
    is_row: NDArray[np.bool_]
    at: NDArray[np.floating]
    slope: NDArray[np.floating]


def crossings_of(segments: Sequence[Segments], shown: ShownPixels, camera: Camera) -> Crossings:
    """Where the segments of all bodies, in their order, are seen to cross between pixels."""
    none = np.zeros((0, 3), np.float32)
    first = np.concatenate([none, *(s.first for s in segments)])
    second = np.concatenate([none, *(s.second for s in segments)])
    height, width = shown.depth_m.shape
    first, second = _cut_at(first, second, camera.near_m)
    u, v, inverse, is_in_front = _projected(first, camera)
    next_u, next_v, next_inverse, next_is_in_front = _projected(second, camera)
    # Each segment crosses the centre lines of the rows it passes; of columns, if it lies flat.
    is_row = np.asarray(np.abs(next_v - v) >= np.abs(next_u - u))
    long, next_long = np.where(is_row, v, u), np.where(is_row, next_v, next_u)
    most = np.where(is_row, np.float32(height), np.float32(width))
    low = np.clip(np.ceil(np.minimum(long, next_long)), 0, most)
    count = np.clip(np.ceil(np.maximum(long, next_long)), 0, most) - low
    some = np.flatnonzero((count > 0) & is_in_front & next_is_in_front)

    count, is_row, long = count[some].astype(np.int64), is_row[some], long[some]
    short = np.where(is_row, u[some], v[some])
    span = next_long[some] - long
    slope = (np.where(is_row, next_u[some], next_v[some]) - short) / span
    inverse, fall = inverse[some], (next_inverse[some] - inverse[some]) / span
    of = np.repeat(np.arange(len(some)), count)
    line = np.arange(len(of)) - (np.cumsum(count) - count - low[some].astype(np.int64))[of]
    along = line.astype(np.float32) - long[of]
    crossing = short[of] + along * slope[of]
    depth = 1.0 / (inverse[of] + along * fall[of])
    before = np.floor(crossing).astype(np.int64)
    at = crossing - before
    again, step = _close_to_centers(at)
    of, line = np.concatenate([of, of[again]]), np.concatenate([line, line[again]])
    depth = np.concatenate([depth, depth[again]])
    before = np.concatenate([before, before[again] + step])
    at = np.concatenate([at, at[again] - step.astype(np.float32)])
    row = is_row[of]
    inside = np.flatnonzero((before >= 0) & (before + 1 < np.where(row, width, height)))
    of, line, before, row = of[inside], line[inside], before[inside], row[inside]
    depth, at = depth[inside], at[inside]
    body = np.repeat(np.arange(len(segments)), [len(s.weight) for s in segments])
    weight = np.concatenate([np.zeros(0, np.float32), *(s.weight for s in segments)])
    pixel = np.where(row, line * width + before, before * width + line)
    # Going down a row's line the body is to the right; going right along a column's, below.
    is_after = (span[of] > 0.0) != ~row
    return _seen_of(
        Crossings(pixel=pixel, is_row=row, at=at, slope=slope[of]),
        shown,
        body=body[some[of]],
        depth=depth,
        weight=weight[some[of]],
        is_after=is_after,
        px_m=depth / np.float32(camera.K[0, 0]),
    )


def _close_to_centers(
    at: NDArray[np.floating],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Which crossings count for the pair before or after as well, and which of the two."""
    low, high = np.flatnonzero(at < _SNAP_PX), np.flatnonzero(at > 1.0 - _SNAP_PX)
    return np.concatenate([low, high]), np.repeat([-1, 1], [len(low), len(high)])


def _cut_at(
    first: NDArray[np.float32], second: NDArray[np.float32], near_m: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The ends of segments, moved to the near plane where one alone lies behind it."""
    moved = []
    for end, other in ((first, second), (second, first)):
        z, other_z = end[:, 2], other[:, 2]
        behind = np.flatnonzero((z < near_m) & (other_z > near_m))
        if len(behind):
            share = (near_m - z[behind]) / (other_z[behind] - z[behind])
            end = end.copy()
            end[behind] += share[:, None].astype(np.float32) * (other[behind] - end[behind])
        moved.append(end)
    return moved[0], moved[1]


def _projected(
    points: NDArray[np.float32], camera: Camera
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]:
    """U and v, one over the depth, and whether it is not before the near plane; float32."""
    z = points[:, 2]
    is_in_front = np.asarray(z > np.float32(0.999 * camera.near_m))
    inverse = np.reciprocal(np.where(is_in_front, z, np.float32(1.0)))
    (fx, _, cx), (_, fy, cy) = camera.K[:2].astype(np.float32)
    u, v = points[:, 0] * inverse * fx + cx, points[:, 1] * inverse * fy + cy
    return u, v, inverse, is_in_front


def _seen_of(
    lines: Crossings,
    shown: ShownPixels,
    *,
    body: NDArray[np.int64],
    depth: NDArray[np.floating],
    weight: NDArray[np.float32],
    is_after: NDArray[np.bool_],
    px_m: NDArray[np.floating],
) -> Crossings:
    """Those that nothing hides; of several between two pixels the outermost outline, or the
    sharpest crease.
    """
    height, width = shown.depth_m.shape
    owners = shown.body.ravel()
    following = lines.pixel + np.where(lines.is_row, 1, width)
    is_here, is_there = owners[lines.pixel] == body, owners[following] == body
    own = np.flatnonzero(is_here | is_there)
    lines, following, is_here, is_there = (
        _take(lines, own),
        following[own],
        is_here[own],
        is_there[own],
    )
    depth, weight, is_after, px_m = depth[own], weight[own], is_after[own], px_m[own]
    flat = shown.depth_m.ravel()
    here, there = flat[lines.pixel], flat[following]
    here[here == 0.0] = there[there == 0.0] = np.inf
    is_outline = weight >= 1.0
    inner_is_here = is_here & (~is_there | (here <= there))
    inner = np.where(inner_is_here, here, there)
    kept = np.maximum(here, there) >= depth - _SEEN_PX * px_m
    kept &= is_outline | (is_here & is_there)
    kept &= np.abs(inner - depth) <= _OWN_PX * px_m
    kept &= ~is_outline | (is_after != inner_is_here)  # else the outline of another part of it
    outward = np.where(inner_is_here, lines.at, 1.0 - lines.at)
    score = np.where(is_outline, 1.0 + np.clip(outward, 0.0, 1.0), weight)[kept]
    score = score.astype(np.float32)
    pair = (lines.pixel + np.where(lines.is_row, 0, height * width))[kept]
    best = np.zeros(2 * height * width, np.float32)
    np.maximum.at(best, pair, score)
    winners = np.flatnonzero(score == best[pair])
    slot = np.zeros(2 * height * width, np.int32)
    slot[pair[winners]] = winners  # of equals the last one
    chosen = np.flatnonzero(kept)[winners[slot[pair[winners]] == winners]]
    return _take(lines, chosen)


def meetings_of(shown: ShownPixels, lines: Sequence[Crossings]) -> Crossings:
    """Where two surfaces pass through each other: their depths, continued from both sides of
    two pixels without any line between them, meet there.
    """
    height, width = shown.depth_m.shape
    inverse = np.divide(1.0, shown.depth_m, where=shown.depth_m > 0, dtype=np.float64,
                        out=np.zeros(shown.depth_m.shape)).ravel()  # fmt: skip
    draw = shown.draw.ravel()
    found = []
    for is_row, step in ((True, 1), (False, width)):
        changes = np.zeros((height, width), np.bool_)
        if is_row:
            changes[:, 1:-2] = shown.draw[:, 1:-2] != shown.draw[:, 2:-1]
        else:
            changes[1:-2] = shown.draw[1:-2] != shown.draw[2:-1]
        for known in lines:
            changes.ravel()[known.pixel[known.is_row == is_row]] = False
        pixel = np.flatnonzero(changes)
        before, after, beyond = pixel - step, pixel + step, pixel + 2 * step
        goes_on = (draw[pixel] >= 0) & (draw[after] >= 0)
        goes_on &= (draw[before] == draw[pixel]) & (draw[beyond] == draw[after])
        pixel, before, after, beyond = (x[goes_on] for x in (pixel, before, after, beyond))
        rise, next_rise = inverse[pixel] - inverse[before], inverse[beyond] - inverse[after]
        with np.errstate(divide="ignore", invalid="ignore"):
            at = (inverse[after] - next_rise - inverse[pixel]) / (rise - next_rise)
        meets = (at >= 0.0) & (at <= 1.0)
        found.append((pixel[meets], np.full(int(meets.sum()), is_row), at[meets]))
    pixel, row, at = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return Crossings(pixel=pixel, is_row=row, at=at, slope=np.zeros(len(at)))


def _take(lines: Crossings, chosen: NDArray[np.int64]) -> Crossings:
    return Crossings(
        pixel=lines.pixel[chosen],
        is_row=lines.is_row[chosen],
        at=lines.at[chosen],
        slope=lines.slope[chosen],
    )
