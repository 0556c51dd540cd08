"""Triangles onto pixels: which face each pixel's centre shows, how deep, and whole outlines.

Pixels have their centres at whole numbers; u runs right and v down, so a face seen from its front
(its corners turn left as seen from outside) has a negative area. A pixel belongs to a face whose
border its centre lies on; of faces at the same depth it shows the first one drawn.

A picture is flat, row after row: `inverse` one over the depth (0 < it, larger is nearer), `shown`
the number of the face. A window ``(x0, y0, x1, y1)``, half open, may reach beyond the picture.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from render.kernels.compiled import kernel

__all__ = [
    "FAR_AWAY",
    "ON_BORDER",
    "box_of",
    "cut_by_near",
    "draw_faces",
    "edges_of",
    "faces_in",
    "plane_of",
    "project",
    "project_parallel",
    "span",
]

Array = Any  # of the compiled code; shapes are in the docstrings

# A border takes in centres that lie this close, pixels: what rounding may make of one on it.
ON_BORDER = 1e-9
FAR_AWAY = 1e9
_SHORT = 8
_U = np.uint64


@kernel
def project(
    points: Array, M: Array, lens: Array, out: Array
) -> tuple[float, float, float, float, float]:
    """Points as a pinhole camera shows them.

    Args:
        points: ``(3, V)`` float64.
        M: ``(4, 4)`` float64, to the camera frame.
        lens: ``(4,)`` float64: fx, fy, cx, cy.
        out: ``(V, 3)`` float64, gets u, v and one over the depth.

    Returns:
        The least depth; the least and greatest u, the least and greatest v.

    """
    fx, fy, cx, cy = lens[0], lens[1], lens[2], lens[3]
    z_least, u_least, u_most, v_least, v_most = 1e300, 1e300, -1e300, 1e300, -1e300
    for i in range(points.shape[1]):
        x, y, z = points[0, i], points[1, i], points[2, i]
        depth = M[2, 0] * x + M[2, 1] * y + M[2, 2] * z + M[2, 3]
        inverse = 1.0 / depth
        u = fx * (M[0, 0] * x + M[0, 1] * y + M[0, 2] * z + M[0, 3]) * inverse + cx
        v = fy * (M[1, 0] * x + M[1, 1] * y + M[1, 2] * z + M[1, 3]) * inverse + cy
        out[i, 0], out[i, 1], out[i, 2] = u, v, inverse
        z_least = min(z_least, depth)
        u_least, u_most = min(u_least, u), max(u_most, u)
        v_least, v_most = min(v_least, v), max(v_most, v)
    return z_least, u_least, u_most, v_least, v_most


@kernel
def project_parallel(points: Array, M: Array, out: Array) -> tuple[float, float, float, float]:
    """Points as parallel light shows them.

    Args:
        points: ``(3, V)`` float64.
        M: ``(4, 4)`` float64; its rows give u, v and a value along the light.
        out: ``(V, 3)`` float64, gets these.

    Returns:
        The least and greatest u, the least and greatest v.

    """
    u_least, u_most, v_least, v_most = 1e300, -1e300, 1e300, -1e300
    for i in range(points.shape[1]):
        x, y, z = points[0, i], points[1, i], points[2, i]
        u = M[0, 0] * x + M[0, 1] * y + M[0, 2] * z + M[0, 3]
        v = M[1, 0] * x + M[1, 1] * y + M[1, 2] * z + M[1, 3]
        out[i, 0], out[i, 1] = u, v
        out[i, 2] = M[2, 0] * x + M[2, 1] * y + M[2, 2] * z + M[2, 3]
        u_least, u_most = min(u_least, u), max(u_most, u)
        v_least, v_most = min(v_least, v), max(v_most, v)
    return u_least, u_most, v_least, v_most


@kernel
def faces_in(
    faces: Array, begin: int, end: int, at: Array, culls: bool, window: Array, listed: Array
) -> int:
    """Lists the faces that hold a pixel's centre of a window, without a branch for each.

    Args:
        faces: ``(F, 3)`` int32.
        begin: The first face that counts.
        end: One past the last.
        at: From `project` or `project_parallel`; all in front of the camera.
        culls: Faces that look away are left out.
        window: ``(4,)`` int64.
        listed: ``(at least end - begin + 1,)`` int32, gets them.

    Returns:
        How many they are.

    """
    n = 0
    most = 0.0 if culls else 1e300
    x0, y0, x1, y1 = float(window[0]), float(window[1]), window[2] - 1.0, window[3] - 1.0
    for i in range(begin, end):
        f = _U(i)
        a, b, c = _U(faces[f, 0]), _U(faces[f, 1]), _U(faces[f, 2])
        ua, ub, uc = at[a, 0], at[b, 0], at[c, 0]
        va, vb, vc = at[a, 1], at[b, 1], at[c, 1]
        area = (ub - ua) * (vc - va) - (vb - va) * (uc - ua)
        left = max(np.ceil(min(ua, min(ub, uc)) - ON_BORDER), x0)
        right = min(np.floor(max(ua, max(ub, uc)) + ON_BORDER), x1)
        top = max(np.ceil(min(va, min(vb, vc)) - ON_BORDER), y0)
        bottom = min(np.floor(max(va, max(vb, vc)) + ON_BORDER), y1)
        listed[_U(n)] = i
        n += (area < most) & (area != 0.0) & (left <= right) & (top <= bottom)
    return n


@kernel
def box_of(
    ua: float, va: float, ub: float, vb: float, uc: float, vc: float, x0: int, y0: int, x1: int,
    y1: int,
) -> tuple[float, float, int, int]:  # fmt: skip
    """The first and last column and row of a window whose pixels a face may hold."""
    return (
        max(np.ceil(min(ua, min(ub, uc)) - ON_BORDER), float(x0)),
        min(np.floor(max(ua, max(ub, uc)) + ON_BORDER), x1 - 1.0),
        int(max(np.ceil(min(va, min(vb, vc)) - ON_BORDER), float(y0))),
        int(min(np.floor(max(va, max(vb, vc)) + ON_BORDER), y1 - 1.0)),
    )


@kernel
def plane_of(
    ua: float, va: float, wa: float, ub: float, vb: float, wb: float, uc: float, vc: float,
    wc: float,
) -> tuple[float, float, float, float]:  # fmt: skip
    """How a value that is linear in the picture changes along u and v; its least and greatest at
    the corners, beyond which rounding must not lead it.
    """
    area = (ub - ua) * (vc - va) - (vb - va) * (uc - ua)
    return (
        ((wb - wa) * (vc - va) - (wc - wa) * (vb - va)) / area,
        ((wc - wa) * (ub - ua) - (wb - wa) * (uc - ua)) / area,
        min(wa, min(wb, wc)),
        max(wa, max(wb, wc)),
    )


@kernel
def edges_of(
    ua: float, va: float, ub: float, vb: float, uc: float, vc: float
) -> tuple[float, float, float, float, float, float]:
    """Of each edge of a face whether it bounds rows from the left (> 0) or from the right (< 0),
    or lies along them; then of each how u changes along it with v.
    """
    turn = np.copysign(1.0, (ub - ua) * (vc - va) - (vb - va) * (uc - ua))
    return (
        (va - vb) * turn, (vb - vc) * turn, (vc - va) * turn,
        (ub - ua) / (vb - va), (uc - ub) / (vc - vb), (ua - uc) / (va - vc),
    )  # fmt: skip


@kernel
def span(
    y: int, ua: float, va: float, ub: float, vb: float, uc: float, vc: float, edges: Any,
    x_low: float, x_high: float,
) -> tuple[int, int]:  # fmt: skip
    """The first and last pixel of a row that a face holds; none where that is less."""
    side_c, side_a, side_b, slope_c, slope_a, slope_b = edges
    x_c, x_a = ua + (y - va) * slope_c, ub + (y - vb) * slope_a
    x_b = uc + (y - vc) * slope_b
    left = max(
        max(x_c if side_c > 0.0 else -FAR_AWAY, x_a if side_a > 0.0 else -FAR_AWAY),
        max(x_b if side_b > 0.0 else -FAR_AWAY, x_low),
    )
    right = min(
        min(x_c if side_c < 0.0 else FAR_AWAY, x_a if side_a < 0.0 else FAR_AWAY),
        min(x_b if side_b < 0.0 else FAR_AWAY, x_high),
    )
    return int(np.ceil(left - ON_BORDER)), int(np.floor(right + ON_BORDER))


@kernel
def draw_faces(
    faces: Array, listed: Array, n: int, at: Array, first_face: int,
    inverse: Array, shown: Array, width: int, height: int, mask: Array, window: Array,
    scratch: Array,
) -> None:  # fmt: skip
    """Draws faces into a picture, and into the outline of what they belong to.

    Args:
        faces: ``(F, 3)`` int32.
        listed: ``(n,)`` int32: which of them, from `faces_in`.
        n: How many.
        at: ``(V, 3)`` float64: u, v, one over the depth.
        first_face: Number of face 0.
        inverse: ``(height * width,)`` float32.
        shown: ``(height * width,)`` int32.
        width, height: Of the picture.
        mask: ``(h * w,)`` uint8 of the window, gets 1 where they are.
        window: ``(4,)`` int64.
        scratch: ``(1,)`` int64.

    """
    for k in range(n):
        f = listed[k]
        a, b, c = _U(faces[f, 0]), _U(faces[f, 1]), _U(faces[f, 2])
        _draw_face(
            at[a, 0], at[a, 1], at[a, 2], at[b, 0], at[b, 1], at[b, 2], at[c, 0], at[c, 1],
            at[c, 2], first_face + f, inverse, shown, width, height, mask, window, scratch,
        )  # fmt: skip


@kernel
def _draw_face(
    ua: float, va: float, wa: float, ub: float, vb: float, wb: float, uc: float, vc: float,
    wc: float, face: int, inverse: Array, shown: Array, width: int, height: int, mask: Array,
    window: Array, scratch: Array,
) -> None:  # fmt: skip
    x_first, y_first, x_end, y_end = window[0], window[1], window[2], window[3]
    columns = x_end - x_first
    within = x_first >= 0 and y_first >= 0 and x_end <= width and y_end <= height
    x_low, x_high, y_low, y_high = box_of(ua, va, ub, vb, uc, vc, x_first, y_first, x_end, y_end)
    along_u, along_v, least, most = plane_of(ua, va, wa, ub, vb, wb, uc, vc, wc)
    edges = edges_of(ua, va, ub, vb, uc, vc)
    for y in range(y_low, y_high + 1):
        x0, x1 = span(y, ua, va, ub, vb, uc, vc, edges, x_low, x_high)
        if x0 > x1:
            continue
        at_mask = _U((y - y_first) * columns + x0 - x_first)
        if not within:
            for x in range(_U(x1 - x0 + 1)):
                mask[at_mask + x] = 1
            if y < 0 or y >= height:
                continue
            x0, x1 = max(x0, 0), min(x1, width - 1)
            if x0 > x1:
                continue
        start = wa + along_u * (x0 - ua) + along_v * (y - va)
        pixel = _U(y * width + x0)
        if within and x1 - x0 < _SHORT:
            # Its bound is read again each time, so that LLVM does not make vector code of the
            # loop, whose checks cost more than the few pixels.
            scratch[0] = x1 - x0
            x = 0
            while True:
                mask[at_mask + _U(x)] = 1
                w = np.float32(min(max(start + along_u * float(x), least), most))
                if w > inverse[pixel + _U(x)]:
                    inverse[pixel + _U(x)] = w
                    shown[pixel + _U(x)] = face
                if x >= scratch[0]:
                    break
                x += 1
            continue
        if within:
            for x in range(_U(x1 - x0 + 1)):
                mask[at_mask + x] = 1
        for x in range(_U(x1 - x0 + 1)):
            w = np.float32(min(max(start + along_u * float(x), least), most))
            if w > inverse[pixel + x]:
                inverse[pixel + x] = w
                shown[pixel + x] = face


@kernel
def cut_by_near(
    points: Array, M: Array, faces: Array, begin: int, end: int, culls: bool, lens: Array,
    near: float, first_face: int, inverse: Array, shown: Array, width: int, height: int,
    mask: Array, window: Array, scratch: Array,
) -> None:  # fmt: skip
    """Draws faces of which some may reach behind the near plane: what is before it is not there.

    Args:
        points: ``(3, V)`` float64.
        M: ``(4, 4)`` float64, to the camera frame.
        faces: ``(F, 3)`` int32.
        begin, end: The first face to be drawn, and one past the last.
        culls: Faces that look away are left out.
        lens: ``(4,)`` float64: fx, fy, cx, cy.
        near: Depth of the near plane, > 0.
        first_face, inverse, shown, width, height, mask, window, scratch: As for `draw_faces`.

    """
    corner = np.empty((3, 3))
    kept = np.empty((4, 3))
    for f in range(begin, end):
        n = 0
        for k in range(3):
            v = faces[f, k]
            x, y, z = points[0, v], points[1, v], points[2, v]
            for row in range(3):
                corner[k, row] = M[row, 0] * x + M[row, 1] * y + M[row, 2] * z + M[row, 3]
        for k in range(3):
            after = k + 1 if k < 2 else 0
            here, there = corner[k, 2], corner[after, 2]
            if here >= near:
                for row in range(3):  # an assignment of rows takes seconds to compile
                    kept[n, row] = corner[k, row]
                n += 1
            if (here >= near) != (there >= near):
                # Both faces of an edge cut it at the very same point.
                p, q = (corner[k], corner[after]) if here < there else (corner[after], corner[k])
                share = (near - p[2]) / (q[2] - p[2])
                for row in range(2):
                    kept[n, row] = p[row] + share * (q[row] - p[row])
                kept[n, 2] = near
                n += 1
        for k in range(n):
            w = 1.0 / kept[k, 2]
            kept[k, 0] = lens[0] * kept[k, 0] * w + lens[2]
            kept[k, 1] = lens[1] * kept[k, 1] * w + lens[3]
            kept[k, 2] = w
        for k in range(1, n - 1):
            ua, va, ub, vb = kept[0, 0], kept[0, 1], kept[k, 0], kept[k, 1]
            uc, vc = kept[k + 1, 0], kept[k + 1, 1]
            area = (ub - ua) * (vc - va) - (vb - va) * (uc - ua)
            if not (area < 0.0 or (area > 0.0 and not culls)):
                continue
            if max(ua, ub, uc) < window[0] - 1 or min(ua, ub, uc) > window[2]:
                continue
            if max(va, vb, vc) < window[1] - 1 or min(va, vb, vc) > window[3]:
                continue
            _draw_face(
                ua, va, kept[0, 2], ub, vb, kept[k, 2], uc, vc, kept[k + 1, 2], first_face + f,
                inverse, shown, width, height, mask, window, scratch,
            )  # fmt: skip


@kernel
def owners(shown: Array, firsts: Array, owner: Array) -> None:
    """Finds which range of numbers each face lies in.

    Args:
        shown: ``(N,)`` int32: numbers of faces, -1 = none.
        firsts: ``(K + 1,)`` int64, rising: the first of each range, and one past the last.
        owner: ``(N,)`` int32, gets the index of the range; -1 = none.

    """
    low, high, last = 0, 0, -1  # neighbours mostly show the same thing
    for i in range(len(shown)):
        face = shown[i]
        if face < 0:
            owner[i] = -1
            continue
        if not low <= face < high:
            # By halves, here, because NumPy's search takes seconds to compile.
            last, after = 0, len(firsts) - 1
            while after - last > 1:
                middle = (last + after) // 2
                if firsts[middle] <= face:
                    last = middle
                else:
                    after = middle
            low, high = firsts[last], firsts[last + 1]
        owner[i] = last
