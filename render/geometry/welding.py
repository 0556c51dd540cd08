"""Facts about a triangle surface: which vertices coincide, and whether it encloses a solid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from render.geometry.graphs import components

__all__ = ["Topology", "equal_rows", "pieces", "weld"]


# Cells that vertices are sorted into, as a share of the longest side: files hold one corner as
# 0 and as 1e-17, and mean no gap. The shift keeps round numbers away from the cells' walls.
_CELL, _SHIFT = 1e-8, 0.3183098861837907


def weld(points: NDArray[np.float64]) -> NDArray[np.int64]:
    """``(V,)``: one number from 0 for each distinct position, apart from rounding noise."""
    centred = points - (points.min(axis=0) + points.max(axis=0)) / 2
    longest = float(np.ptp(points, axis=0).max()) or 1.0
    return equal_rows(np.floor(centred / (_CELL * longest) + _SHIFT))


def equal_rows(table: NDArray[np.float64]) -> NDArray[np.int64]:
    """``(V,)``: one number from 0 for each distinct row of ``(V, N)``."""
    ids = np.zeros(len(table), np.int64)
    for column in table.T:
        _, column_ids = np.unique(column, return_inverse=True)
        _, ids = np.unique(ids * len(table) + column_ids, return_inverse=True)
    return ids


def pieces(points: NDArray[np.float64], faces: NDArray[np.int64]) -> NDArray[np.int64]:
    """``(F,)``: which piece connected over corners each face is of, in the order of faces."""
    welded = weld(points)[faces]
    n_faces, n_corners = len(faces), int(welded.max()) + 1
    face = np.repeat(np.arange(n_faces), 3)
    of_node = components(face, n_faces + welded.ravel(), n_faces + n_corners)
    _, first, piece = np.unique(of_node[:n_faces], return_index=True, return_inverse=True)
    return np.asarray(np.argsort(np.argsort(first))[piece])


@dataclass(frozen=True, kw_only=True)
class Topology:
    """How the triangles of one object hang together.

    Attributes:
        is_watertight: An even number of triangles meet at every edge.
        is_wound: Each edge is walked as often in one direction as in the other: neighbours
            agree on which side is outside. Implies watertight.
        n_pieces: Pieces connected over edges.
        n_inside_out: Pieces of negative or no volume.
        volume: Signed, in the cube of the unit; of use where the surface is watertight and wound.
        centroid: ``(3,)`` centre of the volume, or of the vertices' box where there is none.

    """

    is_watertight: bool
    is_wound: bool
    n_pieces: int
    n_inside_out: int
    volume: float
    centroid: tuple[float, float, float]

    @property
    def is_closed(self) -> bool:
        """No back face can be seen from outside.

        Conservative: a hollow body, whose inner wall is a piece of negative volume, is not
        called closed.
        """
        return self.is_watertight and self.is_wound and self.n_inside_out == 0

    @classmethod
    def of(cls, points: NDArray[np.float64], faces: NDArray[np.int64]) -> Topology:
        """Looks at ``(V, 3)`` points and ``(F, 3)`` faces, F >= 1, welded."""
        ids = weld(points)
        welded = ids[faces]
        count = int(ids.max()) + 1
        start, end = welded.ravel(), welded[:, [1, 2, 0]].ravel()
        forward = start < end
        real = start != end
        low, high = np.minimum(start, end), np.maximum(start, end)
        _, edge = np.unique((low * count + high)[real], return_inverse=True)
        total = np.bincount(edge)
        ahead = np.bincount(edge, weights=forward[real])
        middle = (points.min(axis=0) + points.max(axis=0)) / 2
        volumes, moments = _volumes(points - middle, faces)
        per_piece = _volume_of_pieces(volumes, np.flatnonzero(real) // 3, edge)
        tiny = 1e-12 * float(np.ptp(points, axis=0).max()) ** 3
        volume = float(volumes.sum())
        centroid = middle + moments.sum(axis=0) / volume if abs(volume) > tiny else middle
        x, y, z = (float(v) for v in centroid)
        return cls(
            is_watertight=bool((total % 2 == 0).all()),
            is_wound=bool((2 * ahead == total).all()),
            n_inside_out=int((per_piece <= tiny).sum()),
            n_pieces=len(per_piece),
            volume=volume,
            centroid=(x, y, z),
        )


def _volume_of_pieces(
    volumes: NDArray[np.float64], face: NDArray[np.int64], edge: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Volume of each piece, given pairs of a face and one of its edges.

    Faces that have no edges, because they are points, take no part.
    """
    n_faces, n_edges = len(volumes), int(edge.max(initial=-1)) + 1
    of_node = components(face, n_faces + edge, n_faces + n_edges)
    with_edges = np.unique(face)
    _, piece = np.unique(of_node[with_edges], return_inverse=True)
    sums = np.zeros(int(piece.max(initial=-1)) + 1)
    np.add.at(sums, piece, volumes[with_edges])
    return sums


def _volumes(
    points: NDArray[np.float64], faces: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Signed volume and first moment of the tetrahedron of each triangle and the origin."""
    a, b, c = points[faces[:, 0]], points[faces[:, 1]], points[faces[:, 2]]
    volumes = np.einsum("ij,ij->i", a, np.cross(b, c)) / 6.0
    return volumes, volumes[:, None] * (a + b + c) / 4.0
