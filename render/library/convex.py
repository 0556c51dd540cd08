"""Models as a few convex bodies, for physics: by CoACD, then fitted to the true surface."""

from __future__ import annotations

import importlib
import importlib.metadata
from typing import Any

import numpy as np
from numpy.typing import NDArray

from render.geometry.surface_samples import sample_surface
from render.library.hull import hull_vertices
from render.scene import Model
from render.system.disk_cache import cached

__all__ = ["PILE_EXTRA", "convex_pieces"]

PILE_EXTRA = "in the checkout scripts/setup --all-extras, or pip install 'render-theta[pile]'"

# Wei et al., "Approximate Convex Decomposition for 3D Meshes with Collision-Aware Concavity and
# Tree Search", 2022. Coarse: the surface is remeshed on a grid of 20 cells, which makes it closed
# whatever it was, and a tenth of the size may be filled in.
_COACD: dict[str, Any] = {
    "threshold": 0.1, "preprocess_mode": "on", "preprocess_resolution": 20, "resolution": 500,
    "mcts_nodes": 8, "mcts_iterations": 20, "mcts_max_depth": 2, "seed": 0,
}  # fmt: skip
_VERSION = 1  # of what is done with its result
# The remeshed surface lies around the true one, by about a cell's diagonal at most.
_AROUND = 0.02
_SAMPLES = 30_000
# Below this share of the size in some direction, a piece is too flat for a solid.
_THINNEST = 1e-3

Points = NDArray[np.float64]


def convex_pieces(model: Model) -> tuple[Points, ...]:
    """``(N, 3)`` corners of each convex body; together they hold the surface of the model.

    Object frame, metres. Computed once for each model file: the disk cache has them.
    """
    version = importlib.metadata.version("coacd")
    settings = ",".join(f"{k}={v}" for k, v in _COACD.items())
    key = f"convex {_VERSION} coacd {version} {settings} {model.sha256} {model.unit_m}"
    return cached(key, lambda: tuple(_decomposed(model)))


def _decomposed(model: Model) -> list[Points]:
    coacd: Any = importlib.import_module("coacd")
    coacd.set_log_level("error")
    triangles = np.concatenate([p.positions_m[p.faces] for p in model.primitives])
    # About the centre, the longest side 1: its tolerances are of that size.
    triangles = (triangles - model.center_m) / model.extent_m
    corners = triangles.reshape(-1, 3)
    faces = np.arange(len(corners)).reshape(-1, 3).astype(np.int32)
    parts = coacd.run_coacd(coacd.Mesh(corners, faces), **_COACD)
    surface = np.concatenate([corners, sample_surface(triangles, _SAMPLES)[0]])
    found = [_fitted(np.asarray(vertices, np.float64), surface) for vertices, _ in parts]
    pieces = [piece for piece in found if piece is not None] or [_solid(corners)]
    return [piece * model.extent_m + model.center_m for piece in pieces]


def _fitted(part: Points, surface: Points) -> Points | None:
    """``(N, 3)`` corners of the hull of the points of `surface` that lie in a part or just outside
    of it; None where there are none.
    """
    from scipy.spatial import ConvexHull  # takes a moment to import

    planes = ConvexHull(part).equations
    inside = (surface @ planes[:, :3].T + planes[:, 3] <= _AROUND).all(axis=1)
    return _solid(surface[inside]) if inside.any() else None


def _solid(points: Points) -> Points:
    """``(N, 3)`` corners of the convex hull of points; flat ones are given some thickness first."""
    middle = points.mean(axis=0)
    _, _, axes = np.linalg.svd(points - middle, full_matrices=False)
    spans = np.ptp((points - middle) @ axes.T, axis=0)
    for axis, span in zip(axes, spans):
        if span < _THINNEST:
            points = np.concatenate([points - _THINNEST / 2 * axis, points + _THINNEST / 2 * axis])
    return np.asarray(points[hull_vertices(points)])
