"""Faces met by each pixel's own ray: through a lens that distorts, and where images cut holes.

Both faces of an edge see the very same number for it, with opposite signs: no ray slips between.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from render.kernels.compiled import kernel

__all__ = ["WRAPS", "alpha_at", "alpha_on", "cam_points", "draw_faces_by_rays", "list_fragments"]

Array = Any

WRAPS = {"repeat": 0, "clamp": 1, "mirror": 2}

_MARGIN_PX = 1.0
_SLACK = 1e-9


@kernel
def cam_points(points: Array, M: Array, out: Array) -> None:
    """Points in the camera frame.

    Args:
        points: ``(3, V)`` float64.
        M: ``(4, 4)`` float64.
        out: ``(V, 3)`` float64, gets them.

    """
    for i in range(points.shape[1]):
        x, y, z = points[0, i], points[1, i], points[2, i]
        for row in range(3):
            out[i, row] = M[row, 0] * x + M[row, 1] * y + M[row, 2] * z + M[row, 3]


@kernel
def _texel(at: int, size: int, wrap: int) -> int:
    if wrap == 1:
        return min(max(at, 0), size - 1)
    if wrap == 2:
        back = at % (2 * size)
        return min(back, 2 * size - 1 - back)
    return at % size


@kernel
def alpha_at(image: Array, wrap_s: int, wrap_t: int, u: float, v: float) -> float:
    """Alpha of an image from 0 to 1, linear between texels.

    Args:
        image: ``(H, W, 4)`` uint8.
        wrap_s, wrap_t: From `WRAPS`.
        u, v: Texture coordinates; ``v = 0`` is the top row.

    """
    height, width = image.shape[0], image.shape[1]
    x = min(max(u, -1e6), 1e6) * width - 0.5
    y = min(max(v, -1e6), 1e6) * height - 0.5
    left, top = int(np.floor(x)), int(np.floor(y))
    s, t = x - left, y - top
    x0, x1 = _texel(left, width, wrap_s), _texel(left + 1, width, wrap_s)
    y0, y1 = _texel(top, height, wrap_t), _texel(top + 1, height, wrap_t)
    upper = (1.0 - s) * image[y0, x0, 3] + s * image[y0, x1, 3]
    lower = (1.0 - s) * image[y1, x0, 3] + s * image[y1, x1, 3]
    return ((1.0 - t) * upper + t * lower) / 255.0


@kernel
def alpha_on(
    vertices: Array, colors: Array, image: Array, wrap_s: int, wrap_t: int, a: int, b: int, c: int,
    of_b: float, of_c: float,
) -> float:  # fmt: skip
    """Alpha of image and vertex colours at a point of a face, by the shares of its corners."""
    of_a, alpha = 1.0 - of_b - of_c, 1.0
    if colors.shape[0] > 0:
        alpha *= of_a * colors[a, 3] + of_b * colors[b, 3] + of_c * colors[c, 3]
    if image.shape[0] > 0:
        s = of_a * vertices[a, 6] + of_b * vertices[b, 6] + of_c * vertices[c, 6]
        t = of_a * vertices[a, 7] + of_b * vertices[b, 7] + of_c * vertices[c, 7]
        alpha *= alpha_at(image, wrap_s, wrap_t, s, t)
    return alpha


@kernel
def _shown(x: float, y: float, k: Array, lens: Array) -> tuple[float, float]:
    """The pixel where the lens shows a normalised point."""
    r2 = x * x + y * y
    top = 1.0 + r2 * (k[0] + r2 * (k[1] + r2 * k[4]))
    low = 1.0 + r2 * (k[5] + r2 * (k[6] + r2 * k[7]))
    scale = top / low
    u = x * scale + 2.0 * k[2] * x * y + k[3] * (r2 + 2.0 * x * x)
    v = y * scale + 2.0 * k[3] * x * y + k[2] * (r2 + 2.0 * y * y)
    return u * lens[0] + lens[2], v * lens[1] + lens[3]


@kernel
def _bounds(
    cam: Array, a: int, b: int, c: int, near: float, lens: Array, distortion: Array, rays: Array,
    limits: Array,
) -> tuple[float, float, float, float]:  # fmt: skip
    """Pixels between which all of a face is shown: least u, v, greatest u, v; none: inverted."""
    x_least, y_least, x_most, y_most = 1e300, 1e300, -1e300, -1e300
    n_near = 0
    for k in range(3):
        p, q = (a, b) if k == 0 else ((b, c) if k == 1 else (c, a))
        z, next_z = cam[p, 2], cam[q, 2]
        if z >= near:
            x, y = cam[p, 0] / z, cam[p, 1] / z
            x_least, x_most = min(x_least, x), max(x_most, x)
            y_least, y_most = min(y_least, y), max(y_most, y)
        else:
            n_near += 1
        if (z >= near) != (next_z >= near):
            share = (near - z) / (next_z - z)
            x = (cam[p, 0] + share * (cam[q, 0] - cam[p, 0])) / near
            y = (cam[p, 1] + share * (cam[q, 1] - cam[p, 1])) / near
            x_least, x_most = min(x_least, x), max(x_most, x)
            y_least, y_most = min(y_least, y), max(y_most, y)
    if n_near == 3:
        return 0.0, 0.0, -1.0, -1.0
    x_least -= _SLACK * (1.0 + abs(x_least))
    y_least -= _SLACK * (1.0 + abs(y_least))
    x_most += _SLACK * (1.0 + abs(x_most))
    y_most += _SLACK * (1.0 + abs(y_most))
    if rays.shape[0] == 0:
        return (
            x_least * lens[0] + lens[2], y_least * lens[1] + lens[3],
            x_most * lens[0] + lens[2], y_most * lens[1] + lens[3],
        )  # fmt: skip
    # limits: least x and y that the tile sees, greatest, reach, bend, stretch.
    x_least, y_least = max(x_least, limits[0]), max(y_least, limits[1])
    x_most, y_most = min(x_most, limits[2]), min(y_most, limits[3])
    if x_least > x_most or y_least > y_most:
        return 0.0, 0.0, -1.0, -1.0
    if n_near == 0:
        ax, ay = cam[a, 0] / cam[a, 2], cam[a, 1] / cam[a, 2]
        bx, by = cam[b, 0] / cam[b, 2], cam[b, 1] / cam[b, 2]
        cx, cy = cam[c, 0] / cam[c, 2], cam[c, 1] / cam[c, 2]
        farthest = max(ax * ax + ay * ay, max(bx * bx + by * by, cx * cx + cy * cy))
        if farthest <= limits[4] * limits[4]:
            longest = max(
                (ax - bx) ** 2 + (ay - by) ** 2,
                max((bx - cx) ** 2 + (by - cy) ** 2, (cx - ax) ** 2 + (cy - ay) ** 2),
            )
            # So far a straight edge may be bent aside.
            stray = limits[5] * longest / 6.0
            stray_u, stray_v = stray * lens[0] + _MARGIN_PX, stray * lens[1] + _MARGIN_PX
            au, av = _shown(ax, ay, distortion, lens)
            bu, bv = _shown(bx, by, distortion, lens)
            cu, cv = _shown(cx, cy, distortion, lens)
            return (
                min(au, min(bu, cu)) - stray_u, min(av, min(bv, cv)) - stray_v,
                max(au, max(bu, cu)) + stray_u, max(av, max(bv, cv)) + stray_v,
            )  # fmt: skip
    # No place of a part of the view is shown farther from its middle than that.
    x, y = (x_least + x_most) / 2.0, (y_least + y_most) / 2.0
    half = np.hypot(x_most - x_least, y_most - y_least) / 2.0
    inwards = min(1.0, limits[4] / max(np.hypot(x, y), 1e-20))
    u, v = _shown(x * inwards, y * inwards, distortion, lens)
    reach_u = limits[6] * half * lens[0] + _MARGIN_PX
    reach_v = limits[6] * half * lens[1] + _MARGIN_PX
    return u - reach_u, v - reach_v, u + reach_u, v + reach_v


@kernel
def _met(
    cam: Array, a: int, b: int, c: int, ray_x: float, ray_y: float, culls: bool
) -> tuple[bool, float, float, float]:
    """Whether a ray meets a face, and the shares of its corners there."""
    z_a, z_b, z_c = cam[a, 2], cam[b, 2], cam[c, 2]
    # Corners seen from the ray, across it: the ray is the origin.
    ax, ay = cam[a, 0] - ray_x * z_a, cam[a, 1] - ray_y * z_a
    bx, by = cam[b, 0] - ray_x * z_b, cam[b, 1] - ray_y * z_b
    cx, cy = cam[c, 0] - ray_x * z_c, cam[c, 1] - ray_y * z_c
    of_a, of_b, of_c = bx * cy - by * cx, cx * ay - cy * ax, ax * by - ay * bx
    hits = (of_a >= 0.0 and of_b >= 0.0 and of_c >= 0.0) or (
        of_a <= 0.0 and of_b <= 0.0 and of_c <= 0.0
    )
    total = of_a + of_b + of_c
    # Negative: the front, wound anticlockwise as seen from outside.
    if not hits or total == 0.0 or (culls and total > 0.0):
        return False, 0.0, 0.0, 0.0
    return True, of_a / total, of_b / total, of_c / total


@kernel
def draw_faces_by_rays(
    cam: Array, faces: Array, begin: int, end: int, culls: bool, near: float, far: float,
    lens: Array, distortion: Array, rays: Array, limits: Array, origin: Array,
    vertices: Array, colors: Array, image: Array, wrap_s: int, wrap_t: int,
    factor: float, cutoff: float,
    first_face: int, inverse: Array, shown: Array, width: int, height: int,
    mask: Array, window: Array, part: Array,
) -> None:  # fmt: skip
    """Draws faces into a picture and an outline; what is cut out of them is not there.

    Args:
        cam: ``(V, 3)`` float64, camera frame.
        faces: ``(F, 3)`` int32.
        begin, end: The first face to be drawn, and one past the last.
        culls: Faces that look away are left out.
        near, far: Depths between which there is anything.
        lens: ``(4,)`` float64: fx, fy, cx, cy.
        distortion: ``(8,)`` float64: k1 k2 p1 p2 k3 k4 k5 k6.
        rays: ``(h, w, 2)`` float64 that the pixels from `origin` on see, NaN: nothing;
            ``(0, 0, 2)``: of a pinhole.
        limits: ``(7,)``: what `rays` hold: least x, y, greatest x, y, distance from the axis; the
            distortion's second and first derivative at most.
        origin: ``(2,)`` int64.
        vertices: ``(V, 8)`` float32, with texture coordinates in the last two columns.
        colors: ``(V, 4)`` float32, or none.
        image: ``(H, W, 4)`` uint8 of the base colour, or ``(0, 0, 4)``.
        wrap_s, wrap_t: From `WRAPS`.
        factor: Alpha of the material.
        cutoff: What has less alpha is not there; 0: nothing is cut out.
        first_face: Number of face 0.
        inverse, shown, width, height: The picture, as for `raster.draw_faces`.
        mask: ``(h, w)`` uint8 of the window, gets 1 where they are.
        window: ``(4,)`` int64.
        part: ``(4,)`` int64: pixels of the window that are drawn.

    """
    for f in range(begin, end):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        u0, v0, u1, v1 = _bounds(cam, a, b, c, near, lens, distortion, rays, limits)
        x0, x1 = int(max(np.ceil(u0), part[0])), int(min(np.floor(u1), part[2] - 1))
        y0, y1 = int(max(np.ceil(v0), part[1])), int(min(np.floor(v1), part[3] - 1))
        for y in range(y0, y1 + 1):
            for x in range(x0, x1 + 1):
                if rays.shape[0] == 0:
                    ray_x, ray_y = (x - lens[2]) / lens[0], (y - lens[3]) / lens[1]
                else:
                    ray_x, ray_y = rays[y - origin[1], x - origin[0]]
                    if not np.isfinite(ray_x):
                        continue
                hits, of_a, of_b, of_c = _met(cam, a, b, c, ray_x, ray_y, culls)
                if not hits:
                    continue
                z = of_a * cam[a, 2] + of_b * cam[b, 2] + of_c * cam[c, 2]
                if not near <= z <= far:
                    continue
                if cutoff > 0.0:
                    alpha = factor * alpha_on(
                        vertices, colors, image, wrap_s, wrap_t, a, b, c, of_b, of_c
                    )
                    if alpha < cutoff:
                        continue
                mask[y - window[1], x - window[0]] = 1
                if 0 <= x < width and 0 <= y < height:
                    w = np.float32(1.0 / z)
                    if w > inverse[y * width + x]:
                        inverse[y * width + x] = w
                        shown[y * width + x] = first_face + f


@kernel
def list_fragments(
    cam: Array, faces: Array, begin: int, end: int, culls: bool, near: float, far: float,
    lens: Array, first_face: int, inverse: Array, width: int, height: int, pixels: Array,
    shown: Array,
) -> int:  # fmt: skip
    """Lists every meeting of a pinhole's pixels with faces, in front of what a picture shows.

    Args:
        cam, faces, begin, end, culls, near, far, lens, first_face: As above.
        inverse: ``(height * width,)`` float32 of the picture.
        width, height: Of the picture.
        pixels: ``(N,)`` int32, gets row times width plus column.
        shown: ``(N,)`` int32, gets the numbers of the faces.

    Returns:
        How many there are, whether or not there is room for all.

    """
    no_rays, nothing = np.empty((0, 0, 2)), np.zeros(8)
    n = 0
    for f in range(begin, end):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        u0, v0, u1, v1 = _bounds(cam, a, b, c, near, lens, nothing, no_rays, nothing)
        x0, x1 = int(max(np.ceil(u0), 0.0)), int(min(np.floor(u1), width - 1.0))
        y0, y1 = int(max(np.ceil(v0), 0.0)), int(min(np.floor(v1), height - 1.0))
        for y in range(y0, y1 + 1):
            for x in range(x0, x1 + 1):
                ray_x, ray_y = (x - lens[2]) / lens[0], (y - lens[3]) / lens[1]
                hits, of_a, of_b, of_c = _met(cam, a, b, c, ray_x, ray_y, culls)
                if not hits:
                    continue
                z = of_a * cam[a, 2] + of_b * cam[b, 2] + of_c * cam[c, 2]
                if near <= z <= far and np.float32(1.0 / z) > inverse[y * width + x]:
                    if n < len(pixels):
                        pixels[n], shown[n] = y * width + x, first_face + f
                    n += 1
    return n
