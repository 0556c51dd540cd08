"""Edges of meshes, each once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from render.derived import per_model
from render.scene import Model

__all__ = ["Indices", "mesh_of", "unique_edges"]

Indices = NDArray[np.integer[Any]]


@per_model
def mesh_of(model: Model) -> tuple[NDArray[np.float64], Indices, Indices]:
    """All primitives of a model as one: points ``(V, 3)``, faces ``(F, 3)``, edges ``(E, 2)``.

    Points are in the object frame, metres. The arrays are shared: not to be written to.
    """
    if len(model.primitives) == 1:
        only = model.primitives[0]
        return only.positions_m, only.faces, unique_edges(only.faces)
    starts = np.cumsum([0, *(len(p.positions_m) for p in model.primitives)]).astype(np.int32)
    points = np.concatenate([p.positions_m for p in model.primitives])
    faces = np.concatenate([p.faces + start for p, start in zip(model.primitives, starts)])
    return points, faces, unique_edges(faces)


def unique_edges(faces: Indices) -> Indices:
    """``(E, 2)`` pairs of vertices of ``(F, 3)`` faces, the lower one first."""
    following = np.roll(faces, -1, axis=1)
    most = np.int64(faces.max(initial=0)) + 1
    keys = np.minimum(faces, following) * most + np.maximum(faces, following)
    return np.stack(np.divmod(np.unique(keys), most), axis=1).astype(np.int32)
