"""Where the borders of cut-outs lie between pixels: no edge of a mesh tells, their images do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from render.engine.windows import Scissor
from render.scene import Camera, Material, Primitive, Texture

__all__ = ["CutOut", "ShownPixels", "cutout_crossings"]

_STEPS = 4  # along the way from a pixel's centre to the next
# What lies before a cut-out by this share of its depth hides it, and has outlines of its own.
_BEFORE = 0.003

Floats = NDArray[np.float64]
Pixels = NDArray[np.int64]


@dataclass(frozen=True, eq=False, kw_only=True)
class ShownPixels:
    """What the centres of the pixels show; all ``(H, W)``.

    Attributes:
        inverse_m: One over the depth along the axis; 0 = nothing.
        part: What was drawn there; -1 = nothing.
        body: The body of that; -1 = nothing.

    """

    inverse_m: NDArray[np.float32]
    part: NDArray[np.int32]
    body: NDArray[np.int32]


@dataclass(frozen=True, eq=False, kw_only=True)
class CutOut:
    """A part of a body whose material cuts holes.

    Attributes:
        part: Its number in `ShownPixels.part`.
        primitive: Its triangles.
        center_m: ``(3,)``: of the model, which `cam_mesh` counts from.
        cam_mesh: ``(4, 4)`` float64.
        window: Pixels of the picture that it may cover: first column and row, width, height.
        faces_at: Which faces of the primitive some pixels show that show the part.

    """

    part: int
    primitive: Primitive
    material: Material
    center_m: Floats
    cam_mesh: Floats
    window: Scissor
    faces_at: Callable[[Pixels], NDArray[np.int32]]


def cutout_crossings(
    cut_out: CutOut,
    shown: ShownPixels,
    camera: Camera,
    is_taken: Callable[[Pixels, bool], NDArray[np.bool_]],
) -> tuple[Pixels, NDArray[np.bool_], Floats]:
    """Borders of what is cut out, between pixels that no line parts.

    From the last pixel that shows a cut-out the surface is followed in its plane, until its alpha
    falls below the material's cutoff.

    Args:
        cut_out: What has holes.
        shown: What the pixels show.
        camera: A pinhole.
        is_taken: Whether a line is known already between pixels and the next ones, in rows or in
            columns.

    Returns:
        ``(N,)`` each: pixels, whether the next one is in the row, how far on the way to it the
        border is.

    """
    width = shown.part.shape[1]
    x0, y0, w, h = cut_out.window
    # With the neighbours, so that a border at the rim of the window is seen.
    x1, y1 = x0 + w + 1, y0 + h + 1
    x0, y0 = max(x0 - 1, 0), max(y0 - 1, 0)
    shows = shown.part[y0:y1, x0:x1] == cut_out.part
    inverse = shown.inverse_m.ravel()
    found: list[tuple[Pixels, NDArray[np.bool_], Floats]] = []
    for is_row in (True, False):
        changes = shows[:, :-1] != shows[:, 1:] if is_row else shows[:-1] != shows[1:]
        row, column = np.nonzero(changes)
        pixel, is_first = (y0 + row) * width + x0 + column, shows[row, column]
        known = is_taken(pixel, is_row)
        pixel, is_first = pixel[~known], is_first[~known]
        following = pixel + (1 if is_row else width)
        inner, outer = np.where(is_first, (pixel, following), (following, pixel))
        is_open = (1.0 - _BEFORE) * inverse[outer] < inverse[inner]
        pixel, is_first, inner, outer = (x[is_open] for x in (pixel, is_first, inner, outer))
        way = _way(cut_out, camera, width, inner=inner, outer=outer)
        ends = way < 1.0
        at = np.where(is_first, way, 1.0 - way)[ends]
        found.append((pixel[ends], np.full(len(at), is_row), at))
    pixels, rows, ats = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return pixels, rows, ats


def _way(cut_out: CutOut, camera: Camera, width: int, *, inner: Pixels, outer: Pixels) -> Floats:
    """``(N,)``: how far from one pixel's centre to the next the part is there; 1: all the way."""
    primitive, material = cut_out.primitive, cut_out.material
    vertices = primitive.faces[cut_out.faces_at(inner)]
    points = primitive.positions_m[vertices] - cut_out.center_m
    corners = points @ cut_out.cam_mesh[:3, :3].T + cut_out.cam_mesh[:3, 3]
    K = camera.K

    def shares(pixel: Pixels) -> Floats:
        row, column = np.divmod(pixel, width)
        x, y = (column - K[0, 2]) / K[0, 0], (row - K[1, 2]) / K[1, 1]
        return _shares(corners, np.stack([x, y, np.ones(len(row))], 1))

    first, last = shares(inner), shares(outer)
    t = np.linspace(0.0, 1.0, _STEPS + 1)
    along = first[:, None] + t[:, None] * (last - first)[:, None]  # (N, steps, 3)
    alpha = np.full(along.shape[:2], float(material.base_color[3]))
    if primitive.colors is not None:
        alpha *= (along @ primitive.colors[vertices][..., 3:])[..., 0]
    texture = material.base_color_texture
    if texture is not None and primitive.uv is not None:
        uv = along @ primitive.uv[vertices]
        alpha *= _alpha_at(texture, uv)
    above = alpha - material.alpha_cutoff
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
