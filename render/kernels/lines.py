"""Lines of a picture: where outlines, creases and borders cross between pixels, and their mixing.

A *slot* is a pair of neighbours: ``row * width + column`` for a pixel and the next one in its row,
and as much more as there are pixels for a pixel and the next one in its column. Of the lines that
cross a slot one is kept: how far from the first centre to the second it crosses (`at`, pixels) and
how that changes to the next row or column (`slope`).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from render.kernels.compiled import kernel

__all__ = ["cross_edges", "cross_meetings", "faces_camera", "mix"]

Array = Any

_U = np.uint64
_f: Any = np.float32
# An edge is seen if it lies no farther behind what the two pixels show than this, at a slant of
# 63 degrees; an outline belongs to a surface no farther from it than the second.
_SEEN_PX, _OWN_PX = np.float32(2.0), np.float32(40.0)
# A pixel's centre so close to a line may, by rounding, lie on its other side.
_SNAP_PX = np.float32(1.0 / 200.0)
# A pixel counts for no more than this in another one: a spark must not fill its neighbours.
_LIMIT = np.float32(64.0)
_NOWHERE = np.float32(1e30)


@kernel
def faces_camera(planes: Array, eye: Array, faces: Array) -> None:
    """Which faces look towards the camera.

    Args:
        planes: ``(F, 4)`` float32, of `SurfaceEdges`.
        eye: ``(4,)`` float32: the camera among them, with a 1 at the end.
        faces: ``(F,)`` bool, gets the answers.

    """
    for i in range(planes.shape[0]):
        k = _U(i)
        side = planes[k, 0] * eye[0] + planes[k, 1] * eye[1] + planes[k, 2] * eye[2]
        faces[k] = side + planes[k, 3] * eye[3] > _f(0.0)


@kernel
def _edges_that_show(
    sides: Array, alike: Array, sharpness: Array, faces: Array, one_sided: bool, least: float,
    listed: Array,
) -> int:  # fmt: skip
    n = 0
    for i in range(sides.shape[1]):
        e = _U(i)
        one, other = faces[_U(sides[0, e])], faces[_U(sides[1, e])]
        is_sharp = (sharpness[e] > least) & ((not one_sided) | one | other)
        listed[_U(n)] = i
        n += (one ^ other ^ alike[e]) | is_sharp
    return n


@kernel
def cross_edges(
    points: Array, ends: Array, sides: Array, alike: Array, sharpness: Array, border: Any,
    faces: Array, one_sided: bool, least: Any, M: Array, lens: Array, near: Any, body: int,
    inverse: Array, owner: Array, width: int, height: int, listed: Array, score: Array, at: Array,
    slope: Array, touched: Array, n_touched: int,
) -> int:  # fmt: skip
    """Where the edges of one body are seen to cross between pixels.

    Of several in one slot the outermost outline is kept, or the sharpest crease.

    Args:
        points, ends, sides, alike, sharpness: Of `SurfaceEdges`.
        border: Its `BORDER`; float32.
        faces: ``(F,)`` bool, from `faces_camera`.
        one_sided: Faces that look away cannot be seen.
        least: Creases must be sharper; float32.
        M: ``(4, 4)`` float32: from the points to the camera frame.
        lens: ``(4,)`` float32: fx, fy, cx, cy.
        near: Depth of the near plane; float32.
        body: Its number in `owner`.
        inverse: ``(height * width,)`` float32: one over the depth that pixels show; 0 = nothing.
        owner: ``(height * width,)`` int32: the body that pixels show; -1 = nothing.
        width, height: Of the picture.
        listed: ``(E + 1,)`` int32, scratch.
        score: ``(2 * height * width,)`` float32: of what is kept in each slot; 0 = nothing.
        at: ``(2 * height * width,)`` float32.
        slope: Likewise.
        touched: ``(2 * height * width,)`` int64: the slots that hold something.
        n_touched: How many these are.

    Returns:
        How many there are now.

    """
    n = _edges_that_show(sides, alike, sharpness, faces, one_sided, least, listed)
    pixels = width * height
    barely = _f(0.999) * near
    for i in range(n):
        e = _U(listed[i])
        one, other = faces[_U(sides[0, e])], faces[_U(sides[1, e])]
        is_outline = (one ^ other ^ alike[e]) or sides[0, e] == sides[1, e]
        # A face that looks away walks its edges the other way round, as the picture has it.
        p, q = _U(ends[0, e]), _U(ends[1, e])
        if not one:
            p, q = q, p
        x, y, z = points[p, 0], points[p, 1], points[p, 2]
        px = M[0, 0] * x + M[0, 1] * y + M[0, 2] * z + M[0, 3]
        py = M[1, 0] * x + M[1, 1] * y + M[1, 2] * z + M[1, 3]
        pz = M[2, 0] * x + M[2, 1] * y + M[2, 2] * z + M[2, 3]
        x, y, z = points[q, 0], points[q, 1], points[q, 2]
        qx = M[0, 0] * x + M[0, 1] * y + M[0, 2] * z + M[0, 3]
        qy = M[1, 0] * x + M[1, 1] * y + M[1, 2] * z + M[1, 3]
        qz = M[2, 0] * x + M[2, 1] * y + M[2, 2] * z + M[2, 3]
        if pz < near and qz > near:
            share = (near - pz) / (qz - pz)
            px, py, pz = px + share * (qx - px), py + share * (qy - py), near
        elif qz < near and pz > near:
            share = (near - qz) / (pz - qz)
            qx, qy, qz = qx + share * (px - qx), qy + share * (py - qy), near
        if not (pz > barely and qz > barely):
            continue
        p_inverse, q_inverse = _f(1.0) / pz, _f(1.0) / qz
        pu, pv = px * p_inverse * lens[0] + lens[2], py * p_inverse * lens[1] + lens[3]
        qu, qv = qx * q_inverse * lens[0] + lens[2], qy * q_inverse * lens[1] + lens[3]
        # It crosses the centre lines of the rows that it passes; of columns, if it lies flat.
        is_row = abs(qv - pv) >= abs(qu - pu)
        p_long, q_long = (pv, qv) if is_row else (pu, qu)
        p_short, q_short = (pu, qu) if is_row else (pv, qv)
        lines, others = (height, width) if is_row else (width, height)
        low = int(min(max(math.ceil(min(p_long, q_long)), _f(0.0)), _f(lines)))
        high = int(min(max(math.ceil(max(p_long, q_long)), _f(0.0)), _f(lines)))
        if low >= high:
            continue
        span = q_long - p_long
        lean = (q_short - p_short) / span
        fall = (q_inverse - p_inverse) / span
        # Going down a row's line the body is to the right; going right along a column's, below.
        is_after = (span > _f(0.0)) != (not is_row)
        weight = _f(1.0) if is_outline else sharpness[e] / (_f(2.0) * border)
        for line in range(low, high):
            along = _f(line) - p_long
            crossing = p_short + along * lean
            depth = _f(1.0) / (p_inverse + along * fall)
            if not (_f(-1.0) <= crossing <= _f(others)):
                continue
            first = math.floor(crossing)
            first_at = crossing - _f(first)
            for again in range(2):
                before, share = first, first_at
                if again == 1:
                    # Close to a centre it counts for the pair on the other side as well.
                    if first_at < _SNAP_PX:
                        before, share = first - 1, first_at + _f(1.0)
                    elif first_at > _f(1.0) - _SNAP_PX:
                        before, share = first + 1, first_at - _f(1.0)
                    else:
                        break
                if before < 0 or before + 1 >= others:
                    continue
                pixel = line * width + before if is_row else before * width + line
                following = pixel + (1 if is_row else width)
                is_here, is_there = owner[_U(pixel)] == body, owner[_U(following)] == body
                if not (is_here or is_there) or not (is_outline or (is_here and is_there)):
                    continue
                w, next_w = inverse[_U(pixel)], inverse[_U(following)]
                here = _f(1.0) / w if w > _f(0.0) else _NOWHERE
                there = _f(1.0) / next_w if next_w > _f(0.0) else _NOWHERE
                inner_is_here = is_here and (not is_there or here <= there)
                inner = here if inner_is_here else there
                px_m = depth / lens[0]
                if max(here, there) < depth - _SEEN_PX * px_m:
                    continue
                if abs(inner - depth) > _OWN_PX * px_m:
                    continue
                if is_outline and is_after == inner_is_here:
                    continue  # the outline of another part of it
                outward = share if inner_is_here else _f(1.0) - share
                found = weight
                if is_outline:
                    found = _f(1.0) + min(max(outward, _f(0.0)), _f(1.0))
                slot = _U(pixel if is_row else pixel + pixels)
                kept = score[slot]
                if found >= kept:
                    if kept == _f(0.0):
                        touched[n_touched] = slot
                        n_touched += 1
                    score[slot], at[slot], slope[slot] = found, share, lean
    return n_touched


@kernel
def cross_meetings(
    inverse: Array, part: Array, width: int, height: int, score: Array, at: Array, slope: Array,
    touched: Array, n_touched: int,
) -> int:  # fmt: skip
    """Where two surfaces pass through each other: their depths, continued from both sides of
    two pixels without any line between them, meet there.

    Args:
        inverse: As for `cross_edges`.
        part: ``(height * width,)`` int32: what was drawn at each pixel; -1 = nothing.
        width, height, score, at, slope, touched, n_touched: As for `cross_edges`.

    Returns:
        How many slots hold something now.

    """
    pixels = width * height
    for direction in range(2):
        step = 1 if direction == 0 else width
        rows = range(height) if direction == 0 else range(1, height - 2)
        for y in rows:
            left, right = (1, width - 2) if direction == 0 else (0, width)
            for x in range(left, right):
                pixel = y * width + x
                one, other = part[_U(pixel)], part[_U(pixel + step)]
                if one == other or one < 0 or other < 0:
                    continue
                if part[_U(pixel - step)] != one or part[_U(pixel + 2 * step)] != other:
                    continue
                slot = _U(pixel + direction * pixels)
                if score[slot] > _f(0.0):
                    continue
                here, next_w = float(inverse[_U(pixel)]), float(inverse[_U(pixel + step)])
                rise = here - float(inverse[_U(pixel - step)])
                next_rise = float(inverse[_U(pixel + 2 * step)]) - next_w
                share = (next_w - next_rise - here) / (rise - next_rise)
                if 0.0 <= share <= 1.0:
                    touched[n_touched] = slot
                    n_touched += 1
                    score[slot], at[slot], slope[slot] = _f(1.0), _f(share), _f(0.0)
    return n_touched


@kernel
def _cut_off(beyond: float, slope: float) -> float:
    """Area of a pixel beyond a line that passes its middle row so far inside its border."""
    half = abs(slope) * _f(0.5)
    if beyond >= half:
        return beyond
    if beyond <= -half:
        return _f(0.0)
    return (beyond + half) * (beyond + half) / max(_f(4.0) * half, _f(1e-12))


@kernel
def mix(
    radiance: Array, width: int, height: int, score: Array, at: Array, slope: Array,
    touched: Array, n_touched: int, row_of: Array, shares: Array, places: Array, mixed: Array,
) -> None:  # fmt: skip
    """Mixes neighbours across lines, in place, and forgets the lines.

    The share of a pixel beyond a line is the area it cuts off, exact for a straight one. A line
    that crosses both between two columns and between two rows counts once, by the mean of both
    shares, each weighted by itself.

    Args:
        radiance: ``(height * width * 3,)`` float32 of pixels' centres; gets the means over pixels.
        width, height, score, at, slope, touched, n_touched: As for `cross_edges`; `score` is
            cleared.
        row_of: ``(height * width,)`` int32, all -1, which it is again afterwards.
        shares: ``(height * width, 4)`` float32, scratch: left, right, above, below.
        places: ``(height * width,)`` int64, scratch.
        mixed: ``(height * width, 3)`` float32, scratch.

    """
    pixels = width * height
    n = 0
    for i in range(n_touched):
        slot = touched[i]
        is_row = slot < pixels
        pixel = slot if is_row else slot - pixels
        beyond = _f(0.5) - at[_U(slot)]
        score[_U(slot)] = _f(0.0)
        for k in range(2):
            share = _cut_off(beyond if k == 0 else -beyond, slope[_U(slot)])
            if not share > _f(0.0):
                continue
            place = pixel if k == 0 else pixel + (1 if is_row else width)
            row = row_of[_U(place)]
            if row < 0:
                row = n
                row_of[_U(place)], places[row] = n, place
                for side in range(4):
                    shares[row, side] = _f(0.0)
                n += 1
            shares[row, (1 - k) if is_row else (3 - k)] = share
    for i in range(n):
        place = places[i]
        row_of[_U(place)] = -1
        across, down = shares[i, 0] + shares[i, 1], shares[i, 2] + shares[i, 3]
        # Their mean, each weighted by itself; and no more than the whole pixel.
        whole = across + down
        whole *= max((across * across + down * down) / whole, _f(1.0))
        for channel in range(3):
            own = min(radiance[_U(place * 3 + channel)], _LIMIT)
            value = own
            for side in range(4):
                share = shares[i, side]
                if not share > _f(0.0):
                    continue
                share *= (across if side < 2 else down) / whole
                step = (-1, 1, -width, width)[side]
                other = min(max(place + step, 0), pixels - 1)
                value += (min(radiance[_U(other * 3 + channel)], _LIMIT) - own) * share
            mixed[i, channel] = value
    for i in range(n):
        for channel in range(3):
            radiance[_U(places[i] * 3 + channel)] = mixed[i, channel]
