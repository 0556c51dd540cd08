"""Where the borders of cut-outs lie between pixels: no edge of a mesh tells, their images do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from render.engine.picture_lines import Crossings
from render.engine.pyrender.naming import named_faces
from render.engine.pyrender.passes.draws import Draw, UploadedScene, lens_of
from render.engine.pyrender.passes.ids import Ids
from render.scene import Texture

__all__ = ["cutout_crossings"]

_STEPS = 4  # along the way from a pixel's centre to the next
# What lies before a cut-out by this share of its depth hides it, and has outlines of its own.
_BEFORE = 0.003

Floats = NDArray[np.float64]


def cutout_crossings(uploaded: UploadedScene, ids: Ids, lines: Sequence[Crossings]) -> Crossings:
    """Borders of what is cut out, between pixels that no line parts.

    From the last pixel that shows a cut-out the surface is followed in its plane, until its alpha
    falls below the material's cutoff.

    Args:
        uploaded: The scene.
        ids: What the pixels show.
        lines: Those that are known.

    """
    height, width = ids.draw_idx.shape
    cut_out = list(_cut_out(uploaded))
    taken = np.zeros((2, height * width if cut_out else 0), np.bool_)
    for known in lines if cut_out else ():
        taken[np.where(known.is_row, 0, 1), known.pixel] = True
    found: list[tuple[NDArray[np.int64], bool, Floats]] = []
    for draw, k in cut_out:
        x0, y0, w, h = uploaded.windows[draw.instance_idx]
        window = slice(y0, y0 + h), slice(x0, x0 + w)
        shows = ids.draw_idx[window] == draw.draw_idx
        for is_row in (True, False):
            if is_row:
                row, column = np.nonzero(shows[:, :-1] != shows[:, 1:])
            else:
                row, column = np.nonzero(shows[:-1] != shows[1:])
            is_first = shows[row, column]
            pixel = (y0 + row) * width + x0 + column
            known = taken[0 if is_row else 1, pixel]
            pixel, is_first = pixel[~known], is_first[~known]
            following = pixel + (1 if is_row else width)
            inner, outer = np.where(is_first, (pixel, following), (following, pixel))
            depth = ids.depth_m.ravel()
            is_open = (depth[outer] == 0.0) | (depth[outer] > (1.0 - _BEFORE) * depth[inner])
            pixel, is_first = pixel[is_open], is_first[is_open]
            way = _way(uploaded, ids, draw, k, inner=inner[is_open], outer=outer[is_open])
            at = np.where(is_first, way, 1.0 - way)
            ends = way < 1.0
            found.append((pixel[ends], is_row, at[ends]))
            taken[0 if is_row else 1, pixel[ends]] = True
    none = np.zeros(0)
    return Crossings(
        pixel=np.concatenate([none.astype(np.int64), *(pixel for pixel, _, _ in found)]),
        is_row=np.repeat([row for _, row, _ in found], [len(p) for p, _, _ in found]).astype(bool),
        at=np.concatenate([none, *(at for _, _, at in found)]),
        slope=np.zeros(sum(len(at) for _, _, at in found)),
    )


def _cut_out(uploaded: UploadedScene) -> Iterator[tuple[Draw, int]]:
    for draws in uploaded.draws_by_instance:
        for k, draw in enumerate(draws):
            if draw.material.alpha_mode == "mask":
                yield draw, k


def _way(
    uploaded: UploadedScene,
    ids: Ids,
    draw: Draw,
    k: int,
    *,
    inner: NDArray[np.int64],
    outer: NDArray[np.int64],
) -> Floats:
    """``(N,)``: how far from one pixel's centre to the next the k-th primitive is there; 1: all
    the way.
    """
    body = uploaded.bodies[draw.body_idx]
    model, primitive, named = body.model, body.model.primitives[k], named_faces(body.model)[k]
    vertices = primitive.faces[named.face_of[ids.ends_with.ravel()[inner]]]
    points = primitive.positions_m[vertices] - model.center_m
    corners = points @ body.cam_mesh[:3, :3].T + body.cam_mesh[:3, 3]
    fx, fy, cx, cy = lens_of(uploaded.scene.camera)
    width = ids.draw_idx.shape[1]

    def shares(pixel: NDArray[np.int64]) -> Floats:
        row, column = np.divmod(pixel, width)
        rays = np.stack([(column + 0.5 - cx) / fx, (row + 0.5 - cy) / fy, np.ones(len(row))], 1)
        return _shares(corners, rays)

    first, last = shares(inner), shares(outer)
    t = np.linspace(0.0, 1.0, _STEPS + 1)
    along = first[:, None] + t[:, None] * (last - first)[:, None]  # (N, steps, 3)
    alpha = np.full(along.shape[:2], float(draw.material.base_color[3]))
    if primitive.colors is not None:
        alpha *= (along @ primitive.colors[vertices][..., 3:])[..., 0]
    texture = draw.material.base_color_texture
    if texture is not None and primitive.uv is not None:
        uv = along @ primitive.uv[vertices]
        alpha *= _alpha_at(texture, uv)
    above = alpha - draw.material.alpha_cutoff
    is_gone = above[:, 1:] < 0.0
    step = is_gone.argmax(axis=1)
    before, after = (np.take_along_axis(above, (step + d)[:, None], axis=1)[:, 0] for d in (0, 1))
    before = np.maximum(before, 0.0)
    way = (step + before / np.maximum(before - after, 1e-12)) / _STEPS
    return np.where(is_gone.any(axis=1), way, 1.0)


def _shares(corners: Floats, rays: Floats) -> Floats:
    """``(N, 3)``: of the corners ``(N, 3, 3)``, where rays meet the planes of triangles."""
    a, e1, e2 = corners[:, 0], corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    normal = np.cross(e1, e2)
    size = np.maximum(np.einsum("ij,ij->i", normal, normal), 1e-300)
    towards = np.einsum("ij,ij->i", normal, rays)
    towards = np.where(np.abs(towards) > 1e-300, towards, 1e-300)
    at = rays * (np.einsum("ij,ij->i", normal, a) / towards)[:, None] - a
    w1 = np.einsum("ij,ij->i", normal, np.cross(at, e2)) / size
    w2 = np.einsum("ij,ij->i", normal, np.cross(e1, at)) / size
    return np.stack([1.0 - w1 - w2, w1, w2], axis=1)


def _alpha_at(texture: Texture, uv: Floats) -> Floats:
    """Alpha from 0 to 1, linear between texels, where ``v = 0`` is the bottom row."""
    height, width = texture.image.shape[:2]
    x, y = uv[..., 0] * width - 0.5, (1.0 - uv[..., 1]) * height - 0.5
    left, top = np.floor(x), np.floor(y)
    sums = np.zeros(x.shape)
    for dy in (0, 1):
        row = _wrapped(top + dy, height, texture.wrap_st[1])
        share_y = np.abs(1 - dy - (y - top))
        for dx in (0, 1):
            column = _wrapped(left + dx, width, texture.wrap_st[0])
            sums += np.abs(1 - dx - (x - left)) * share_y * texture.image[row, column, 3]
    return sums / 255.0


def _wrapped(coordinate: Floats, size: int, wrap: str) -> NDArray[np.int64]:
    whole = np.clip(coordinate, -1e9, 1e9).astype(np.int64)
    if wrap == "repeat":
        return whole % size
    if wrap == "mirror":
        back = whole % (2 * size)
        return np.minimum(back, 2 * size - 1 - back)
    return np.clip(whole, 0, size - 1)
