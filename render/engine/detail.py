"""Models with fewer triangles, for what need not show them all: shadows."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from render.engine.meshes import Mesh, mesh_of
from render.geometry.welding import weld
from render.kernels.collapse import collapse_some, sort_corners
from render.kernels.compiled import unwritten
from render.scene import Model
from render.system.memo import on_disk_from, per_model

__all__ = ["Level", "level_of", "levels_of"]

# Fewer faces cost so little that levels do not pay.
_LEAST_FACES = 20_000
# The errors that are allowed, as shares of the longest side: what a fifth of a pixel is where that
# side is 800, 566, 400, ... 50 pixels long.
_ERRORS = tuple(math.sqrt(2.0) ** k / 4000 for k in range(9))
# A level has at most this share of the faces of the one before.
_SHARE = 0.75
# Rounds end where fewer vertices than this share of all faces move.
_FEW = 1 / 100
# What welding moves a vertex, as a share of the longest side, and more.
_WELDED = 2e-8


@dataclass(frozen=True, eq=False, kw_only=True)
class Level:
    """The surface of a model with fewer triangles. Points count from the model's centre.

    Attributes:
        points: ``(3, V)`` float64 metres.
        faces: ``(F, 3)`` int32 vertices, of all primitives together; wound as in the model.
        error_m: No point of this surface is farther from the model's, and none of the model's
            from this one.

    """

    points: NDArray[np.float64]
    faces: NDArray[np.int32]
    error_m: float


def level_of(model: Model, most_m: float) -> Level | None:
    """The level with the fewest faces whose error is not above a limit; None: there is none."""
    if model.n_faces < _LEAST_FACES or most_m < _ERRORS[0] * model.extent_m:
        return None
    fit = [level for level in levels_of(model) if level.error_m <= most_m]
    return fit[-1] if fit else None


@per_model
@on_disk_from(_LEAST_FACES)
def levels_of(model: Model) -> tuple[Level, ...]:
    """The levels of a model, each with fewer faces; the arrays are not to be written to.

    The bound is that of `render.kernels.collapse`.
    """
    mesh, levels = mesh_of(model), list[Level]()
    simplified = _Simplified(mesh, _WELDED * model.extent_m)
    most_faces = _SHARE * len(mesh.faces)
    for share in _ERRORS:
        simplified.simplify(share * model.extent_m)
        if len(simplified.faces) <= most_faces:
            levels.append(simplified.level())
            most_faces = _SHARE * len(simplified.faces)
    return tuple(levels)


class _Simplified:
    """A surface that gets fewer faces, step by step."""

    def __init__(self, mesh: Mesh, error_m: float) -> None:
        welded = weld(mesh.points.T)
        _, first = np.unique(welded, return_index=True)
        faces = welded[mesh.faces]
        is_one = (faces != faces[:, [1, 2, 0]]).all(axis=1)
        self.points = np.ascontiguousarray(mesh.points.T[first])
        self.faces = faces[is_one].astype(np.int32)
        self.errors = np.full(len(self.faces), error_m)

    def simplify(self, error_m: float) -> None:
        """Moves vertices while many can, each face no farther than that from where it was."""
        states = np.zeros(len(self.points), np.uint8)
        starts = np.empty(len(self.points) + 2, np.int64)
        moved = len(self.faces)
        while moved > _FEW * len(self.faces):
            corners = np.empty(self.faces.size, np.int64)
            sort_corners(self.faces, starts, corners)
            moved = collapse_some(
                self.points, self.faces, self.errors, starts, corners, states, error_m
            )
            is_there = self.faces[:, 0] >= 0
            self.faces, self.errors = self.faces[is_there], self.errors[is_there]
        used, faces = np.unique(self.faces, return_inverse=True)
        self.points, self.faces = self.points[used], faces.reshape(-1, 3).astype(np.int32)

    def level(self) -> Level:
        return Level(
            points=unwritten(self.points.T),
            faces=unwritten(self.faces.copy()),
            error_m=float(self.errors.max(initial=0.0)),
        )
