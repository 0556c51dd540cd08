"""Edges of meshes, each once."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from render.scene import Model

__all__ = ["mesh_of", "unique_edges"]

_KEPT = 64  # models


@lru_cache(maxsize=_KEPT)
def mesh_of(model: Model) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """All primitives of a model as one: points ``(V, 3)``, faces ``(F, 3)``, edges ``(E, 2)``.

    Points are in the object frame, metres. The arrays are shared: not to be written to.
    """
    sizes = [len(p.positions_m) for p in model.primitives]
    starts = np.cumsum([0, *sizes[:-1]])
    points = np.concatenate([p.positions_m for p in model.primitives])
    faces = np.concatenate([p.faces.astype(np.int64) + s for p, s in zip(model.primitives, starts)])
    return points, faces, unique_edges(faces)


def unique_edges(faces: NDArray[np.int64]) -> NDArray[np.int64]:
    """``(E, 2)`` pairs of vertices of ``(F, 3)`` faces, the lower one first."""
    pairs = np.sort(faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    most = int(pairs.max(initial=0)) + 1
    keys = np.unique(pairs[:, 0] * most + pairs[:, 1])
    return np.stack([keys // most, keys % most], axis=1)
