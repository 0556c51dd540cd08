"""Object File Format (OFF, COFF, NOFF, STOFF), ASCII."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from render.errors import AssetError
from render.library.readers.raw import RawMesh, RawModel, linear_of_srgb
from render.library.readers.triangulate import triangulate_all

__all__ = ["read_off"]

_HEADER = re.compile(r"(ST)?(C)?(N)?(4)?(n)?OFF\b")


def read_off(path: Path) -> RawModel:
    """Reads an OFF with colours of vertices (COFF) or faces; no unit, no axes.

    Raises:
        AssetError: Not OFF, four-dimensional, cut off, or a face names no vertex.

    """
    lines = _lines(path.read_bytes().decode("utf-8", errors="replace"))
    first = next(lines, "")
    match = _HEADER.match(first)
    if match is None:
        raise AssetError(path, f"must begin with OFF, got {first[:20]!r}")
    if match[4] or match[5]:
        raise AssetError(path, "has more than three dimensions")
    counts = first[match.end() :].split() or next(lines, "").split()
    if len(counts) < 2 or not all(word.isdigit() for word in counts[:2]):
        raise AssetError(path, f"must tell how many vertices and faces, got {' '.join(counts)!r}")
    n_vertices, n_faces = int(counts[0]), int(counts[1])
    vertices = [line.split() for _, line in zip(range(n_vertices), lines, strict=False)]
    polygons = [line.split() for _, line in zip(range(n_faces), lines, strict=False)]
    if len(vertices) < n_vertices or len(polygons) < n_faces:
        raise AssetError(
            path, f"is cut off: {len(vertices)} of {n_vertices} vertices and "
            f"{len(polygons)} of {n_faces} faces are there"
        )  # fmt: skip
    positions = np.array([words[:3] for words in vertices], dtype=np.float64).reshape(-1, 3)
    start = 6 if match[3] else 3
    colors = _colors([words[start : start + 4] for words in vertices]) if match[2] else None
    return RawModel(meshes=(_mesh(path, positions, colors, polygons),))


def _lines(text: str) -> Iterator[str]:
    """Lines that hold anything, without comments."""
    for line in text.splitlines():
        bare = line.partition("#")[0].strip()
        if bare:
            yield bare


def _mesh(
    path: Path,
    positions: NDArray[np.float64],
    colors: NDArray[np.float64] | None,
    polygons: list[list[str]],
) -> RawMesh:
    sizes = [int(words[0]) for words in polygons]
    drawn = [(words, size) for words, size in zip(polygons, sizes, strict=True) if size >= 3]
    corners = np.array([w for words, n in drawn for w in words[1 : n + 1]], dtype=np.int64)
    counts = np.array([n for _, n in drawn], dtype=np.int64)
    if counts.sum() != len(corners):
        raise AssetError(path, "a face has fewer corners than it says")
    if len(corners) and not 0 <= corners.min() <= corners.max() < len(positions):
        raise AssetError(path, f"a face names a vertex outside the {len(positions)} there are")
    faces = triangulate_all(positions[corners], counts)
    face_colors = None if colors is not None else _colors([w[n + 1 :] for w, n in drawn])
    if face_colors is None:
        return RawMesh(positions=positions, faces=corners[faces], colors=colors)
    per_corner = np.repeat(face_colors, counts, axis=0)[faces.reshape(-1)]
    points = positions[corners[faces.reshape(-1)]]
    return RawMesh(
        positions=points,
        faces=np.arange(len(points), dtype=np.int64).reshape(-1, 3),
        colors=per_corner,
    )


def _colors(rows: list[list[str]]) -> NDArray[np.float64] | None:
    """Linear RGBA of display sRGB, 0 to 1 or 0 to 255; None where not all rows have one."""
    if not rows or any(len(row) not in (3, 4) for row in rows):
        return None
    srgba = np.ones((len(rows), 4))
    for at, row in enumerate(rows):
        scale = 255.0 if all(word.isdigit() for word in row) else 1.0
        srgba[at, : len(row)] = np.clip(np.array(row, dtype=np.float64) / scale, 0, 1)
    srgba[:, :3] = linear_of_srgb(srgba[:, :3])
    return srgba
