"""All primitives of a model as one mesh."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from render.geometry.edges import Indices, unique_edges
from render.scene import Model
from render.system.memo import per_model

__all__ = ["mesh_of"]


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
