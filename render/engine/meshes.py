"""Models as the kernels take them: plain arrays, once for each model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from render.kernels.compiled import unwritten
from render.scene import Model
from render.system.memo import on_disk_if_large, per_model

__all__ = ["Mesh", "mesh_of"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Mesh:
    """The triangles of all primitives of a model. Points count from the model's centre.

    Attributes:
        points: ``(3, V)`` float64 metres.
        faces: ``(F, 3)`` int32 vertices.
        ends: ``(P,)`` int32: one past the last face of each primitive.
        vertices: ``(V, 8)`` float32: point, normal (zero: none), texture coordinates with
            ``v = 0`` at the top row of the image.
        colors: ``(V, 4)`` float32 linear RGBA; ``(0, 4)`` where all are white.

    """

    points: NDArray[np.float64]
    faces: NDArray[np.int32]
    ends: NDArray[np.int32]
    vertices: NDArray[np.float32]
    colors: NDArray[np.float32]


@per_model
@on_disk_if_large
def mesh_of(model: Model) -> Mesh:
    """The arrays of a model; they are shared: not to be written to."""
    primitives = model.primitives
    first = np.cumsum([0, *(len(p.positions_m) for p in primitives)])
    points = np.concatenate([p.positions_m for p in primitives]) - model.center_m
    vertices = np.zeros((len(points), 8), np.float32)
    vertices[:, :3] = points
    vertices[:, 3:6] = np.concatenate([p.normals for p in primitives])
    for begin, p in zip(first[:-1], primitives, strict=True):
        if p.uv is not None:
            vertices[begin : begin + len(p.uv), 6] = p.uv[:, 0]
            vertices[begin : begin + len(p.uv), 7] = 1.0 - p.uv[:, 1]
    has_colors = any(p.colors is not None for p in primitives)
    colors = np.ones((len(points) if has_colors else 0, 4), np.float32)
    for begin, p in zip(first[:-1], primitives, strict=True):
        if p.colors is not None:
            colors[begin : begin + len(p.colors)] = p.colors
    faces = [p.faces + int(n) for p, n in zip(primitives, first[:-1], strict=True)]
    return Mesh(
        points=unwritten(points.T),
        faces=unwritten(np.concatenate(faces).astype(np.int32)),
        ends=np.cumsum([len(p.faces) for p in primitives]).astype(np.int32),
        vertices=unwritten(vertices),
        colors=unwritten(colors),
    )
