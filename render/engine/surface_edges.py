"""Edges of a model's surface: which faces they part, and how sharply."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from render.geometry.welding import weld
from render.kernels.compiled import unwritten
from render.scene import Model
from render.system.memo import on_disk_if_large, per_model

__all__ = ["BORDER", "SurfaceEdges", "surface_edges"]

BORDER = 2.0  # sharper than any fold
_CREASE = math.cos(math.radians(12.0))
_FLAT = 1.0 - 1e-9  # cosine of two faces in one plane


@dataclass(frozen=True, eq=False, kw_only=True)
class SurfaceEdges:
    """All edges of a model but those within a plane. Points count from the model's centre.

    Attributes:
        points: ``(V, 3)`` float32 metres: vertices of all primitives, one after the other.
        planes: ``(F, 4)`` float32, one for each face of all primitives. The product with a point
            ``(x, y, z, 1)`` is above 0 in front of the face, on the side its corners turn left.
        ends: ``(2, E)`` int32 vertices, in the order in which the first face walks them; edges
            are in the order of their first faces.
        sides: ``(2, E)`` int32 faces; twice the same where there is no single second one.
        alike: ``(E,)``: the second face walks it the same way round: one of them is turned over.
        sharpness: ``(E,)`` float32: 0 where shading goes on smoothly; for a crease one minus
            the cosine between the normals that it is shaded with; `BORDER` between two
            primitives and where faces end.
        mean_length_m: Mean length of all edges.

    """

    points: NDArray[np.float32]
    planes: NDArray[np.float32]
    ends: NDArray[np.int32]
    sides: NDArray[np.int32]
    alike: NDArray[np.bool_]
    sharpness: NDArray[np.float32]
    mean_length_m: float


@per_model
@on_disk_if_large
def surface_edges(model: Model) -> SurfaceEdges:
    """The edges of a model; the arrays are shared: not to be written to."""
    first = np.cumsum([0, *(len(p.positions_m) for p in model.primitives)])
    points = np.concatenate([p.positions_m for p in model.primitives])
    faces = np.concatenate([p.faces + n for p, n in zip(model.primitives, first)])
    centred = points - model.center_m
    corners = centred[faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    lengths = np.linalg.norm(normals, axis=1)
    normals /= np.maximum(lengths, np.finfo(float).tiny)[:, None]
    offsets = -np.einsum("ij,ij->i", normals, corners[:, 0])

    welded = weld(points)[faces]
    starts, stops = welded.ravel(), np.roll(welded, -1, axis=1).ravel()
    from_vertex, to_vertex = faces.ravel(), np.roll(faces, -1, axis=1).ravel()
    face = np.repeat(np.arange(len(faces), dtype=np.int32), 3)
    is_one = (lengths > 0.0) & _first_of_its_kind(welded)
    one, two, lone = _paired(starts, stops, is_one[face])

    # Of two neighbours that wind alike, the second walks the edge backwards.
    against = starts[one] != starts[two]
    two_from = np.where(against, to_vertex[two], from_vertex[two])
    two_to = np.where(against, from_vertex[two], to_vertex[two])
    shading = np.concatenate([p.normals for p in model.primitives])
    cosine = np.minimum(
        np.einsum("ij,ij->i", shading[from_vertex[one]], shading[two_from]),
        np.einsum("ij,ij->i", shading[to_vertex[one]], shading[two_to]),
    )
    # Shading turns normals towards the eye.
    cosine = np.where(against, cosine, np.abs(cosine))
    sharpness = np.where(cosine < _CREASE, 1.0 - cosine, 0.0)
    primitive = np.repeat(
        np.arange(len(model.primitives)), [len(p.faces) for p in model.primitives]
    )
    sharpness[primitive[face[one]] != primitive[face[two]]] = BORDER
    bend = np.einsum("ij,ij->i", normals[face[one]], normals[face[two]])
    kept = (np.where(against, bend, -bend) < _FLAT) | (sharpness > 0.0)
    one, two, sharpness, against = one[kept], two[kept], sharpness[kept], against[kept]
    walked, others = np.concatenate([one, lone]), np.concatenate([two, lone])
    alike = np.concatenate([~against, np.zeros(len(lone), np.bool_)])
    sharpness = np.concatenate([sharpness, np.full(len(lone), BORDER)])
    # In the order of their faces: what is read of these then lies side by side.
    order = np.argsort(face[walked], kind="stable")
    walked, others = walked[order], others[order]
    along = corners[:, 1] - corners[:, 0]  # one edge of each face stands for all
    return SurfaceEdges(
        points=unwritten(centred.astype(np.float32)),
        planes=unwritten(np.concatenate([normals, offsets[:, None]], axis=1).astype(np.float32)),
        ends=unwritten(np.stack([from_vertex[walked], to_vertex[walked]]).astype(np.int32)),
        sides=unwritten(np.stack([face[walked], face[others]]).astype(np.int32)),
        alike=unwritten(alike[order]),
        sharpness=unwritten(sharpness[order].astype(np.float32)),
        mean_length_m=float(np.sqrt(np.einsum("ij,ij->i", along, along)).mean()),
    )


def _paired(
    starts: NDArray[np.int64], stops: NDArray[np.int64], counts_in: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Half edges of edges where two faces meet, the first ones and the second ones; all others.

    Args:
        starts: ``(3F,)``: where each half edge begins, welded.
        stops: Where it ends.
        counts_in: Those of faces that take part.

    """
    real = np.flatnonzero((starts != stops) & counts_in)
    low, high = np.minimum(starts, stops)[real], np.maximum(starts, stops)[real]
    keys = low.astype(np.int64) * (int(starts.max()) + 1) + high
    order = np.argsort(keys, kind="stable")
    keys, half_edges = keys[order], real[order]
    begins = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
    counts = np.diff(begins, append=len(keys))
    pairs = begins[counts == 2]
    lone = half_edges[np.repeat(counts != 2, counts)]
    return half_edges[pairs], half_edges[pairs + 1], lone


def _first_of_its_kind(welded: NDArray[np.int64]) -> NDArray[np.bool_]:
    """``(F,)``: faces without those whose corners another one before them has: a sheet that is
    drawn from both sides has the edges of one.
    """
    corners = np.sort(welded, axis=1)
    count = int(welded.max()) + 1
    # Sums tell nearly all apart, and are far quicker to compare than rows.
    sums = corners @ np.array([1, 31, 1009], np.int64) * count + corners[:, 0]
    order = np.argsort(sums, kind="stable")
    again = np.flatnonzero(sums[order][1:] == sums[order][:-1])
    is_first = np.ones(len(welded), np.bool_)
    if len(again):
        suspects = np.unique(np.concatenate([order[again], order[again + 1]]))
        _, first = np.unique(corners[suspects], axis=0, return_index=True)
        is_first[suspects] = False
        is_first[suspects[first]] = True
    return is_first
