"""Edges of meshes, each once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Indices", "unique_edges"]

Indices = NDArray[np.integer[Any]]


def unique_edges(faces: Indices) -> Indices:
    """``(E, 2)`` pairs of vertices of ``(F, 3)`` faces, the lower one first."""
    following = np.roll(faces, -1, axis=1)
    most = np.int64(faces.max(initial=0)) + 1
    keys = np.minimum(faces, following) * most + np.maximum(faces, following)
    return np.stack(np.divmod(np.unique(keys), most), axis=1).astype(np.int32)
