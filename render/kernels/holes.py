"""Where the borders of cut-outs lie between pixels: no edge of a mesh tells, their images do."""

from __future__ import annotations

from typing import Any

import numpy as np

from render.kernels.compiled import kernel
from render.kernels.rays import alpha_on

__all__ = ["cross_holes"]

Array = Any

_U = np.uint64
_STEPS = 4  # along the way from a pixel's centre to the next
# What lies before a cut-out by this share of its depth hides it, and has outlines of its own.
_BEFORE = 0.003


@kernel
def _shares(
    cam: Array, a: int, b: int, c: int, column: int, row: int, lens: Array
) -> tuple[float, float]:
    """Of the second and third corner, where a pixel's ray meets the plane of a face."""
    x, y = (column - lens[2]) / lens[0], (row - lens[3]) / lens[1]
    ax, ay, az = cam[a, 0], cam[a, 1], cam[a, 2]
    e1x, e1y, e1z = cam[b, 0] - ax, cam[b, 1] - ay, cam[b, 2] - az
    e2x, e2y, e2z = cam[c, 0] - ax, cam[c, 1] - ay, cam[c, 2] - az
    nx, ny, nz = e1y * e2z - e1z * e2y, e1z * e2x - e1x * e2z, e1x * e2y - e1y * e2x
    size = max(nx * nx + ny * ny + nz * nz, 1e-300)
    towards = nx * x + ny * y + nz
    if abs(towards) < 1e-300:
        towards = 1e-300
    far = (nx * ax + ny * ay + nz * az) / towards
    px, py, pz = x * far - ax, y * far - ay, far - az
    second = (
        nx * (py * e2z - pz * e2y) + ny * (pz * e2x - px * e2z) + nz * (px * e2y - py * e2x)
    ) / size
    third = (
        nx * (e1y * pz - e1z * py) + ny * (e1z * px - e1x * pz) + nz * (e1x * py - e1y * px)
    ) / size
    return second, third


@kernel
def cross_holes(
    cam: Array, faces: Array, vertices: Array, colors: Array, image: Array, wrap_s: int,
    wrap_t: int, factor: float, cutoff: float, lens: Array, part: Array, part_idx: int,
    shown: Array, first_face: int, inverse: Array, width: int, height: int, window: Array,
    score: Array, at: Array, slope: Array, touched: Array, n_touched: int,
) -> int:  # fmt: skip
    """Borders of what is cut out of one part, between pixels that no line parts yet.

    From the last pixel that shows the part its surface is followed in its plane, until its alpha
    falls below the cutoff.

    Args:
        cam: ``(V, 3)`` float64: points of the mesh, camera frame.
        faces, vertices, colors, image, wrap_s, wrap_t, factor, cutoff: As for
            `rays.draw_faces_by_rays`.
        lens: ``(4,)`` float64: fx, fy, cx, cy.
        part: ``(height * width,)`` int32: what was drawn at each pixel; -1 = nothing.
        part_idx: The number of the part there.
        shown: ``(height * width,)`` int32: numbers of faces where the part is shown.
        first_face: Number of face 0.
        inverse: ``(height * width,)`` float32: one over the depth; 0 = nothing.
        width, height: Of the picture.
        window: ``(4,)`` int64: x0, y0, x1, y1 of pixels that the part may cover.
        score, at, slope, touched, n_touched: As for `lines.cross_edges`.

    Returns:
        How many slots hold something now.

    """
    pixels = width * height
    left, top = max(window[0] - 1, 0), max(window[1] - 1, 0)
    for direction in range(2):
        step = 1 if direction == 0 else width
        right = min(window[2] + 1, width - 1 if direction == 0 else width)
        bottom = min(window[3] + 1, height if direction == 0 else height - 1)
        for y in range(top, bottom):
            for x in range(left, right):
                pixel = y * width + x
                is_first = part[_U(pixel)] == part_idx
                if is_first == (part[_U(pixel + step)] == part_idx):
                    continue
                slot = _U(pixel + direction * pixels)
                if score[slot] > np.float32(0.0):
                    continue
                inner, outer = (pixel, pixel + step) if is_first else (pixel + step, pixel)
                if not (1.0 - _BEFORE) * inverse[_U(outer)] < inverse[_U(inner)]:
                    continue
                f = shown[_U(inner)] - first_face
                a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
                b0, c0 = _shares(cam, a, b, c, inner % width, inner // width, lens)
                b1, c1 = _shares(cam, a, b, c, outer % width, outer // width, lens)
                before = 0.0
                for k in range(_STEPS + 1):
                    of_b, of_c = b0 + k / _STEPS * (b1 - b0), c0 + k / _STEPS * (c1 - c0)
                    alpha = factor * alpha_on(
                        vertices, colors, image, wrap_s, wrap_t, a, b, c, of_b, of_c
                    )
                    above = alpha - cutoff
                    if k > 0 and above < 0.0:
                        before = max(before, 0.0)
                        way = (k - 1 + before / max(before - above, 1e-12)) / _STEPS
                        if way < 1.0:
                            touched[n_touched] = slot
                            n_touched += 1
                            score[slot], slope[slot] = np.float32(1.0), np.float32(0.0)
                            at[slot] = np.float32(way if is_first else 1.0 - way)
                        break
                    before = above
    return n_touched
