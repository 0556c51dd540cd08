"""Triangles onto pixels on a CUDA device: `render.kernels.raster`, number for number.

EXPERIMENTAL: tested on Warp's CPU backend, where its answers equal those of the engine of compiled
kernels bit for bit, and compiled for CUDA; it has not been run on a GPU.

Every sum and product stands in the order of `render.kernels.raster` and none is fused, so that the
same bits come out. What is drawn at once there in turn is drawn here in any order: a pixel is a key
of 64 bits, of which the greatest stays. Its upper half is one over the depth as float32, whose bits
rise with the number; its lower half is 0xFFFFFFFE less the turn of the face, so that of faces at
the same depth the first one stays. 0xFFFFFFFF there: nothing.
"""

# No `from __future__ import annotations`: Warp reads the types of arguments from the objects.
import warp as wp

from render.kernels.raster import FAR_AWAY, ON_BORDER

__all__ = ["NOTHING", "draw", "project", "split"]

wp.set_module_options({"enable_backward": False, "fast_math": False, "fuse_fp": False})

NOTHING = 0xFFFFFFFF  # lower half of the key of a pixel that shows nothing

_ON_BORDER = wp.constant(wp.float64(ON_BORDER))
_FAR_AWAY = wp.constant(wp.float64(FAR_AWAY))
_ZERO = wp.constant(wp.float64(0.0))
_ONE = wp.constant(wp.float64(1.0))
_NOTHING = wp.constant(wp.uint32(NOTHING))
_FIRST = wp.constant(wp.uint32(NOTHING - 1))
_HALF = wp.constant(wp.uint64(32))


@wp.kernel
def project(
    points: wp.array2d(dtype=wp.float64), M: wp.mat44d, lens: wp.vec4d, canvas: wp.vec4d,
    row: int, at: wp.array(dtype=wp.vec3d), windows: wp.array2d(dtype=int),
) -> None:  # fmt: skip
    """Points as a pinhole camera shows them, one a thread, and the pixels that hold them all.

    Args:
        points: ``(3, V)`` metres, all in front of the camera.
        M: To the camera frame.
        lens: fx, fy, cx, cy.
        canvas: Least u and v that a window may have, greatest.
        row: Of `windows`.
        at: ``(V,)``, gets u, v and one over the depth.
        windows: ``(N, 4)``, least column and row, one past the greatest: widened.

    """
    i = wp.tid()
    x, y, z = points[0, i], points[1, i], points[2, i]
    depth = M[2, 0] * x + M[2, 1] * y + M[2, 2] * z + M[2, 3]
    inverse = _ONE / depth
    u = lens[0] * (M[0, 0] * x + M[0, 1] * y + M[0, 2] * z + M[0, 3]) * inverse + lens[2]
    v = lens[1] * (M[1, 0] * x + M[1, 1] * y + M[1, 2] * z + M[1, 3]) * inverse + lens[3]
    at[i] = wp.vec3d(u, v, inverse)
    left = int(wp.clamp(wp.floor(u), canvas[0], canvas[2]))
    top = int(wp.clamp(wp.floor(v), canvas[1], canvas[3]))
    right = int(wp.clamp(wp.ceil(u) + _ONE, canvas[0], canvas[2]))
    bottom = int(wp.clamp(wp.ceil(v) + _ONE, canvas[1], canvas[3]))
    # Read first: few points widen it, and all threads would wait for one number.
    if left < windows[row, 0]:
        wp.atomic_min(windows, row, 0, left)
    if top < windows[row, 1]:
        wp.atomic_min(windows, row, 1, top)
    if right > windows[row, 2]:
        wp.atomic_max(windows, row, 2, right)
    if bottom > windows[row, 3]:
        wp.atomic_max(windows, row, 3, bottom)


@wp.kernel
def draw(
    faces: wp.array2d(dtype=int), begin: int, at: wp.array(dtype=wp.vec3d), culls: int,
    first_turn: wp.uint32, lanes: int, window: wp.vec4i, width: int, height: int,
    keys: wp.array(dtype=wp.uint64), outlines: int, mask: wp.array(dtype=wp.uint8),
) -> None:  # fmt: skip
    """Draws faces into a picture, and into the outline of what they belong to.

    Launched over ``(faces, lanes)``: a thread draws every `lanes`-th row of a face.

    Args:
        faces: ``(F, 3)``.
        begin: The face of the first thread.
        at: From `project`.
        culls: Not 0: faces that look away are left out.
        first_turn: Turn of face 0.
        lanes: As launched.
        window: Least column and row, one past the greatest; it may reach beyond the picture.
        width, height: Of the picture.
        keys: ``(height * width,)``.
        outlines: Not 0: there is a mask.
        mask: ``(h * w,)`` of the window, gets 1 where the faces are.

    """
    thread, lane = wp.tid()
    f = begin + thread
    a, b, c = at[faces[f, 0]], at[faces[f, 1]], at[faces[f, 2]]
    ua, va, wa = a[0], a[1], a[2]
    ub, vb, wb = b[0], b[1], b[2]
    uc, vc, wc = c[0], c[1], c[2]
    area = (ub - ua) * (vc - va) - (vb - va) * (uc - ua)
    # Written so that no face whose area is no number comes through.
    if not (area < _ZERO or (area > _ZERO and culls == 0)):
        return
    x_first, y_first, x_end, y_end = window[0], window[1], window[2], window[3]
    x_low = wp.max(wp.ceil(wp.min(ua, wp.min(ub, uc)) - _ON_BORDER), wp.float64(x_first))
    x_high = wp.min(wp.floor(wp.max(ua, wp.max(ub, uc)) + _ON_BORDER), wp.float64(x_end) - _ONE)
    top = wp.max(wp.ceil(wp.min(va, wp.min(vb, vc)) - _ON_BORDER), wp.float64(y_first))
    bottom = wp.min(wp.floor(wp.max(va, wp.max(vb, vc)) + _ON_BORDER), wp.float64(y_end) - _ONE)
    if x_low > x_high or top > bottom:
        return
    turn = wp.where(area < _ZERO, -_ONE, _ONE)
    along_u = ((wb - wa) * (vc - va) - (wc - wa) * (vb - va)) / area
    along_v = ((wc - wa) * (ub - ua) - (wb - wa) * (uc - ua)) / area
    least, most = wp.min(wa, wp.min(wb, wc)), wp.max(wa, wp.max(wb, wc))
    side_c, side_a, side_b = (va - vb) * turn, (vb - vc) * turn, (vc - va) * turn
    slope_c, slope_a = (ub - ua) / (vb - va), (uc - ub) / (vc - vb)
    slope_b = (ua - uc) / (va - vc)
    code = wp.uint64(_FIRST - (first_turn + wp.uint32(f)))
    for y in range(int(top) + lane, int(bottom) + 1, lanes):
        row = wp.float64(y)
        x_c, x_a = ua + (row - va) * slope_c, ub + (row - vb) * slope_a
        x_b = uc + (row - vc) * slope_b
        left = wp.max(
            wp.max(
                wp.where(side_c > _ZERO, x_c, -_FAR_AWAY), wp.where(side_a > _ZERO, x_a, -_FAR_AWAY)
            ),
            wp.max(wp.where(side_b > _ZERO, x_b, -_FAR_AWAY), x_low),
        )
        right = wp.min(
            wp.min(
                wp.where(side_c < _ZERO, x_c, _FAR_AWAY), wp.where(side_a < _ZERO, x_a, _FAR_AWAY)
            ),
            wp.min(wp.where(side_b < _ZERO, x_b, _FAR_AWAY), x_high),
        )
        x0, x1 = int(wp.ceil(left - _ON_BORDER)), int(wp.floor(right + _ON_BORDER))
        if outlines != 0:
            at_mask = (y - y_first) * (x_end - x_first) - x_first
            for x in range(x0, x1 + 1):
                mask[at_mask + x] = wp.uint8(1)
        if y >= 0 and y < height:
            x0, x1 = wp.max(x0, 0), wp.min(x1, width - 1)
            start = wa + along_u * (wp.float64(x0) - ua) + along_v * (row - va)
            for x in range(x0, x1 + 1):
                exact = wp.min(wp.max(start + along_u * wp.float64(x - x0), least), most)
                inverse = wp.uint64(wp.cast(wp.float32(exact), wp.uint32))
                wp.atomic_max(keys, y * width + x, (inverse << _HALF) | code)


@wp.kernel
def split(
    keys: wp.array(dtype=wp.uint64), n_faces: wp.uint32,
    inverse: wp.array(dtype=wp.float32), face: wp.array(dtype=int),
) -> None:  # fmt: skip
    """One over the depth, and the face that a pixel shows; 0 and -1 for nothing.

    Args:
        keys: ``(N,)``.
        n_faces: Of the scene. A turn is the number of a face, or that and as many more.
        inverse: ``(N,)``.
        face: ``(N,)``.

    """
    i = wp.tid()
    low = wp.uint32(keys[i] & wp.uint64(_NOTHING))
    if low == _NOTHING:
        inverse[i] = wp.float32(0.0)
        face[i] = -1
    else:
        turn = _FIRST - low
        if turn >= n_faces:
            turn = turn - n_faces
        inverse[i] = wp.cast(wp.uint32(keys[i] >> _HALF), wp.float32)
        face[i] = int(turn)
