"""Object File Format (OFF, COFF, NOFF, STOFF), ASCII."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from render.errors import AssetError
from render.library.readers.raw import RawMesh, RawModel, linear_of_srgb, top_of_colors
from render.library.readers.source import Source
from render.library.readers.text import numbers, plain_text, row_indices
from render.library.readers.triangulate import triangulate_all

__all__ = ["read_off"]

_HEADER = re.compile(r"(ST)?(C)?(N)?(4)?(n)?OFF\b")


def read_off(source: Source) -> RawModel:
    """Reads an OFF with colours of vertices (COFF) or faces; no unit, no axes.

    Raises:
        AssetError: Not OFF, four-dimensional, cut off, or a face names no vertex.

    """
    path = source.path
    lines = [line for line in plain_text(source.data).split("\n") if line.strip()]
    first = lines[0].strip() if lines else ""
    # In capitals COFF and 4OFF differ from cOFF and 4off by more than their look.
    match = _HEADER.match(first) or _HEADER.match(first.upper() if first.islower() else "")
    if match is None:
        raise AssetError(path, f"must begin with OFF, got {first[:20]!r}")
    if match[4] or match[5]:
        raise AssetError(path, "has more than three dimensions")
    counts, at = first[match.end() :].split(), 1
    if not counts:
        counts, at = "".join(lines[1:2]).split(), 2
    if len(counts) < 2 or not all(word.isdigit() for word in counts[:2]):
        raise AssetError(path, f"must tell how many vertices and faces, got {' '.join(counts)!r}")
    n_vertices, n_faces = int(counts[0]), int(counts[1])
    vertices = lines[at : at + n_vertices]
    faces = lines[at + n_vertices : at + n_vertices + n_faces]
    if len(vertices) < n_vertices or len(faces) < n_faces:
        raise AssetError(
            path, f"is cut off: {len(vertices)} of {n_vertices} vertices and "
            f"{len(faces)} of {n_faces} faces are there"
        )  # fmt: skip
    values, widths = _numbers(vertices)
    if (widths < 3).any():
        raise AssetError(path, "a vertex has fewer than three numbers")
    starts = np.cumsum(widths) - widths
    positions = values[starts[:, None] + np.arange(3)]
    before = 6 if match[3] else 3
    left = np.minimum(widths - before, 4)  # texture coordinates stand behind the colour
    if not match[1] and not match[2] and (left > 0).any():
        source.notes.add(
            "numbers behind vertices, of which its first line says nothing, are not read"
        )
    colors = _colors(values, starts + before, left) if match[2] else None
    return RawModel(meshes=(_mesh(source, positions, colors, faces),))


def _numbers(lines: list[str]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    return numbers("".join([line + "\n" for line in lines]))


def _mesh(
    source: Source,
    positions: NDArray[np.float64],
    colors: NDArray[np.float64] | None,
    lines: list[str],
) -> RawMesh:
    """Faces of lines that hold a number of corners, that many vertices, and at times a colour."""
    path = source.path
    values, widths = _numbers(lines)
    if not np.isfinite(values).all():
        raise AssetError(path, "a face holds what is no number")
    starts = np.cumsum(widths) - widths
    sizes = values[starts].astype(np.int64)
    if (widths <= sizes).any():
        raise AssetError(path, "a face has fewer corners than it says")
    is_drawn = sizes >= 3
    counts = sizes[is_drawn]
    corners = values[row_indices(starts[is_drawn] + 1, counts)].astype(np.int64)
    if len(corners) and not 0 <= corners.min() <= corners.max() < len(positions):
        raise AssetError(path, f"a face names a vertex outside the {len(positions)} there are")
    faces = triangulate_all(positions[corners], counts)
    face_colors = None
    if colors is None:
        behind, left = starts + 1 + sizes, widths - 1 - sizes
        if (left == 1).any():
            source.notes.add("colours that are numbers of a colour map are not drawn")
        face_colors = _colors(values, behind[is_drawn], left[is_drawn])
    if face_colors is None:
        return RawMesh(positions=positions, faces=corners[faces], colors=colors)
    per_corner = np.repeat(face_colors, counts, axis=0)[faces.reshape(-1)]
    points = positions[corners[faces.reshape(-1)]]
    return RawMesh(
        positions=points,
        faces=np.arange(len(points), dtype=np.int64).reshape(-1, 3),
        colors=per_corner,
    )


def _colors(
    values: NDArray[np.float64], starts: NDArray[np.int64], widths: NDArray[np.int64]
) -> NDArray[np.float64] | None:
    """Linear RGBA of display sRGB, 0 to 1, 0 to 255 or wider; None where no row has one.

    Args:
        values: All numbers of a table.
        starts: Of each row, where its colour begins.
        widths: Of each row, how many numbers the colour has; white where these are not 3 or 4.

    """
    has_color, has_alpha = (widths == 3) | (widths == 4), widths == 4
    if not has_color.any():
        return None
    rgb, alpha = np.ones((len(starts), 3)), np.ones(len(starts))
    found = values[starts[has_color][:, None] + np.arange(3)]
    rgb[has_color] = found / top_of_colors(found)
    found = values[starts[has_alpha] + 3]
    alpha[has_alpha] = found / top_of_colors(found)
    return np.column_stack([linear_of_srgb(rgb), np.clip(alpha, 0, 1)])
