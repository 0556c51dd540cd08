"""Meshes without what their textures cut out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from render.scene import Primitive, Texture

__all__ = ["solid_parts"]

_MOST_HALVINGS = 9
_MOST_FACES = 400_000


def solid_parts(
    primitive: Primitive, size_m: float
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Points and faces of a primitive, without those whose alpha is under the cut-off.

    Faces that a texture cuts are halved along their longest edges until they are no larger
    than `size_m`; the alpha at its middle decides whether a face stays or goes.

    Args:
        primitive: A primitive with the material that it is drawn with.
        size_m: Longest edge, metres, of a face that stays or goes as a whole.

    """
    material, faces = primitive.material, primitive.faces.astype(np.int64)
    texture = material.base_color_texture if primitive.uv is not None else None
    if material.alpha_mode != "mask" or (texture is None and primitive.colors is None):
        return primitive.positions_m, faces
    alpha = np.ones(len(primitive.positions_m))
    if primitive.colors is not None:
        alpha = primitive.colors[:, 3].astype(np.float64)
    # Position, uv and alpha of each corner, halved together.
    uv: NDArray[np.floating] = np.zeros((len(alpha), 2))
    uv = uv if primitive.uv is None else primitive.uv
    points = np.column_stack([primitive.positions_m, uv, alpha]).astype(np.float64)
    corners = points[faces]
    for _ in range(2 * _MOST_HALVINGS):
        edges = np.linalg.norm(corners[:, [1, 2, 0], :3] - corners[:, :, :3], axis=2)
        large = edges.max(axis=1) > size_m
        if not large.any() or len(corners) > _MOST_FACES:
            break
        halves = _halved(corners[large], edges[large].argmax(axis=1))
        corners = np.concatenate([corners[~large], halves])
    middle = corners.mean(axis=1)
    opaque = material.base_color[3] * middle[:, 5]
    if texture is not None:
        opaque = opaque * _alpha(texture, middle[:, 3:5])
    corners = corners[opaque >= material.alpha_cutoff]
    return corners[:, :, :3].reshape(-1, 3), np.arange(3 * len(corners)).reshape(-1, 3)


def _halved(corners: NDArray[np.float64], longest: NDArray[np.int64]) -> NDArray[np.float64]:
    """Both halves of each triangle, cut at the middle of edge `longest`."""
    order = (longest[:, None] + np.arange(3)) % 3
    a, b, c = (np.take_along_axis(corners, order[:, i, None, None], axis=1)[:, 0] for i in range(3))
    middle = 0.5 * (a + b)
    return np.concatenate([np.stack([a, middle, c], axis=1), np.stack([middle, b, c], axis=1)])


def _alpha(texture: Texture, uv: NDArray[np.float64]) -> NDArray[np.float64]:
    """Alpha in [0, 1] of the nearest texel."""
    height, width = texture.image.shape[:2]
    st = np.stack([uv[:, 0], 1.0 - uv[:, 1]], axis=1)
    for axis, wrap in enumerate(texture.wrap_st):
        if wrap == "repeat":
            st[:, axis] %= 1.0
        elif wrap == "mirror":
            st[:, axis] = 1.0 - np.abs(st[:, axis] % 2.0 - 1.0)
    texel = np.clip((st * (width, height)).astype(np.int64), 0, (width - 1, height - 1))
    return np.asarray(texture.image[texel[:, 1], texel[:, 0], 3] / 255.0)
