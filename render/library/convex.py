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

__all__ = ["PILE_EXTRA", "beyond_pieces_m", "coarse_pieces", "convex_pieces"]

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
# Of coarse pieces: how far they may be within the true ones, in the model's size, and about how
# many corners all of them, and one of them at the least, may have.
_COARSE, _CORNERS, _FEWEST = 0.003, 240, 24

Points = NDArray[np.float64]


def convex_pieces(model: Model) -> tuple[Points, ...]:
    """``(N, 3)`` corners of each convex body; together they hold the surface of the model.

    Object frame, metres. Computed once for each model file: the disk cache has them.
    """
    return cached(_key("convex", model), lambda: tuple(_decomposed(model)))


def coarse_pieces(model: Model) -> tuple[Points, ...]:
    """The same bodies with few corners each: for dynamics, not to tell what touches what."""
    allowed_m = _COARSE * model.extent_m
    pieces = convex_pieces(model)
    most = max(_CORNERS // len(pieces), _FEWEST)
    key = _key(f"coarse {_COARSE} {_CORNERS} {_FEWEST}", model)
    return cached(key, lambda: tuple(_coarse(piece, allowed_m, most) for piece in pieces))


def beyond_pieces_m(model: Model) -> float:
    """How far the surface of a model lies outside its convex pieces at most; of many points."""
    return cached(_key(f"beyond {_SAMPLES}", model), lambda: _beyond(model))


def _beyond(model: Model) -> float:
    from scipy.spatial import ConvexHull  # takes a moment to import

    triangles = np.concatenate([p.positions_m[p.faces] for p in model.primitives])
    corners = np.unique(triangles.reshape(-1, 3), axis=0)
    points = np.concatenate([corners, sample_surface(triangles, _SAMPLES)[0]])
    outside = np.full(len(points), np.inf)
    around = _AROUND * model.extent_m
    for piece in convex_pieces(model):
        near = (points >= piece.min(axis=0) - around) & (points <= piece.max(axis=0) + around)
        rows = np.flatnonzero(near.all(axis=1) & (outside > 0.0))
        # Facets of more than three corners come as triangles of one plane.
        planes = np.unique(ConvexHull(piece).equations.round(12), axis=0)
        along = (points[rows] @ planes[:, :3].T + planes[:, 3]).max(axis=1, initial=-np.inf)
        outside[rows] = np.minimum(outside[rows], along)
    return max(float(outside.max()), 0.0)


def _key(what: str, model: Model) -> str:
    version = importlib.metadata.version("coacd")
    settings = ",".join(f"{k}={v}" for k, v in _COACD.items())
    return f"{what} {_VERSION} coacd {version} {settings} {model.sha256} {model.unit_m}"


def _coarse(points: Points, allowed_m: float, most: int) -> Points:
    """Few corners of a convex body, so that no other is farther outside of them than allowed.

    The one that lies farthest outside is added, one after the other, as Quickhull does.
    """
    chosen = list(dict.fromkeys([*points.argmin(axis=0), *points.argmax(axis=0)]))
    while len(chosen) < len(points):
        outside = _outside(points, points[chosen])
        if outside is None:  # those chosen so far lie in a plane
            flat = points[chosen] - points[chosen].mean(axis=0)
            normal = np.linalg.svd(flat)[2][2]
            outside = np.abs((points - points[chosen].mean(axis=0)) @ normal)
        elif outside.max() <= allowed_m or len(chosen) >= most:
            break
        chosen.append(int(outside.argmax()))
    return points[sorted(chosen)]


def _outside(points: Points, corners: Points) -> NDArray[np.float64] | None:
    """``(N,)`` how far points are outside the hull of corners; None where that is flat."""
    from scipy.spatial import ConvexHull, QhullError

    try:
        planes = ConvexHull(corners).equations
    except QhullError:
        return None
    return np.asarray((points @ planes[:, :3].T + planes[:, 3]).max(axis=1))


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
