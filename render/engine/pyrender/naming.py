"""Faces that name themselves: each one's last corner is a vertex that no other face ends with.

A shader then learns its face from a flat attribute. GL's own number of a primitive would make
software copy all three vertices of every triangle.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from render.scene import Model
from render.system.memo import on_disk_if_large, per_model

__all__ = ["NamedFaces", "named_faces"]

_ROUNDS = 6


@dataclass(frozen=True, eq=False, kw_only=True)
class NamedFaces:
    """A primitive's faces over its vertices, some of which are there twice.

    Attributes:
        faces: ``(F, 3)`` int32 into `sources`: the corners of each face of the primitive in
            their order, begun at any of them.
        sources: ``(N,)`` int32: which of the primitive's vertices each vertex is.
        face_of: ``(N,)`` int32: the face that ends with a vertex; -1 = none.

    """

    faces: NDArray[np.int32]
    sources: NDArray[np.int32]
    face_of: NDArray[np.int32]


@per_model
@on_disk_if_large
def named_faces(model: Model) -> tuple[NamedFaces, ...]:
    """The faces of each primitive of a model; the arrays are shared: not to be written to."""
    return tuple(_name(p.faces, len(p.positions_m)) for p in model.primitives)


def _name(faces: NDArray[np.int32], n_vertices: int) -> NamedFaces:
    last = np.full(len(faces), -1, np.int8)  # which corner becomes the last one
    owner = np.full(n_vertices, -1, np.int32)
    rest = np.arange(len(faces), dtype=np.int32)
    for _ in range(_ROUNDS):
        is_free = owner[faces[rest]] < 0
        wanting = np.flatnonzero(is_free.any(axis=1))
        corner = is_free[wanting].argmax(axis=1)
        wanted = faces[rest[wanting], corner]
        owner[wanted] = rest[wanting]  # the last of several gets it
        won = owner[wanted] == rest[wanting]
        last[rest[wanting[won]]] = corner[won]
        rest = rest[last[rest] < 0]
    # Those left over get a copy of their last corner.
    last[rest] = 2
    order = (last[:, None].astype(np.intp) + np.arange(1, 4)) % 3
    named = np.take_along_axis(faces, order, axis=1)
    sources = np.concatenate([np.arange(n_vertices, dtype=np.int32), named[rest, 2]])
    named[rest, 2] = np.arange(n_vertices, len(sources), dtype=np.int32)
    face_of = np.full(len(sources), -1, np.int32)
    face_of[named[:, 2]] = np.arange(len(faces), dtype=np.int32)
    return NamedFaces(faces=named, sources=sources, face_of=face_of)
