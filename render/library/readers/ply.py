"""Polygon File Format (PLY): ASCII, little and big endian; colours, UVs, one texture."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from render.errors import AssetError
from render.library.readers.notes import Notes
from render.library.readers.ply_file import Element, PlyFile
from render.library.readers.raw import RawMesh, RawModel, linear_of_srgb, top_of_colors
from render.library.readers.source import Source
from render.library.readers.triangulate import triangulate_all
from render.scene import Material, Texture

__all__ = ["read_ply"]

_UV_NAMES = (("s", "t"), ("u", "v"), ("texture_u", "texture_v"), ("texture_s", "texture_t"))
_COLOR_NAMES = (("red", "green", "blue"), ("r", "g", "b"),
                ("diffuse_red", "diffuse_green", "diffuse_blue"))  # fmt: skip


def read_ply(source: Source) -> RawModel:
    """Reads a PLY; it stores neither unit nor axes.

    Raises:
        AssetError: Not PLY, cut off, or a face names no vertex.

    """
    path = source.path
    file = PlyFile(path, source.data)
    texture = None
    if file.textures:
        image = source.companions.image(file.textures[0])
        texture = None if image is None else Texture(image=image)
    if len(file.textures) > 1:
        source.notes.add("its textures but the first are not drawn")
    _note_unread(file, source.notes)
    meshes: tuple[RawMesh, ...] = ()
    if "face" in file.elements and file.elements["face"].count:
        material = Material(base_color_texture=texture) if texture else None
        meshes = (_mesh(path, file.elements["vertex"], file.elements["face"], material),)
    elif "tristrips" in file.elements:
        raise AssetError(path, "stores triangle strips, which are not supported: export faces")
    return RawModel(meshes=meshes)


def _note_unread(file: PlyFile, notes: Notes) -> None:
    """Notes what may be a look or a shape, and is not drawn."""
    for name, element in file.elements.items():
        if name not in ("vertex", "face") and element.count:
            notes.add("elements that are not drawn", name)
        for column in (*element.scalars, *element.lists):
            if re.search("rgb|colou?r", column):
                notes.add("colours of a kind that is not read", column)


@dataclass(eq=False)
class _Corners:
    """The triangles' corners: index of the vertex and of the polygon's corner and polygon."""

    vertex: NDArray[np.int64]
    corner: NDArray[np.int64]
    polygon: NDArray[np.int64] = field(repr=False)


def _mesh(path: Path, vertex: Element, face: Element, material: Material | None) -> RawMesh:
    positions = _columns(vertex, ("x", "y", "z"))
    if positions is None:
        raise AssetError(path, "its vertices have no x, y and z")
    at = _corners(path, face, positions)
    uv = _face_uv(face, at)
    colors = _colors(face)
    if uv is None and colors is None:
        return RawMesh(
            positions=positions,
            faces=at.vertex.reshape(-1, 3),
            material=material,
            normals=_columns(vertex, ("nx", "ny", "nz")),
            uv=_vertex_uv(vertex),
            colors=_colors(vertex),
        )
    # What belongs to faces or their corners needs vertices of their own.
    normals, vertex_uv = _columns(vertex, ("nx", "ny", "nz")), _vertex_uv(vertex)
    if uv is None and vertex_uv is not None:
        uv = vertex_uv[at.vertex]
    vertex_colors = _colors(vertex)
    if vertex_colors is not None:
        vertex_colors = vertex_colors[at.vertex]
    return RawMesh(
        positions=positions[at.vertex],
        faces=np.arange(len(at.vertex), dtype=np.int64).reshape(-1, 3),
        material=material,
        normals=None if normals is None else normals[at.vertex],
        uv=uv,
        colors=vertex_colors if colors is None else colors[at.polygon],
    )


def _corners(path: Path, face: Element, positions: NDArray[np.float64]) -> _Corners:
    found = face.lists.get("vertex_indices") or face.lists.get("vertex_index")
    if found is None:
        raise AssetError(path, "its faces have no vertex_indices")
    counts, flat = found
    keep = counts >= 3
    polygon, corner = np.flatnonzero(keep), np.flatnonzero(np.repeat(keep, counts))
    index = flat[corner].astype(np.int64)
    if len(index) and not 0 <= index.min() <= index.max() < len(positions):
        raise AssetError(path, f"a face names a vertex outside the {len(positions)} there are")
    rows = triangulate_all(positions[index], counts[keep]).reshape(-1)
    return _Corners(index[rows], corner[rows], np.repeat(polygon, counts[keep])[rows])


def _columns(element: Element, names: tuple[str, ...]) -> NDArray[np.float64] | None:
    if not all(name in element.scalars for name in names):
        return None
    return np.stack([element.scalars[name].astype(np.float64) for name in names], axis=1)


def _vertex_uv(vertex: Element) -> NDArray[np.float64] | None:
    found = (_columns(vertex, names) for names in _UV_NAMES)
    return next((uv for uv in found if uv is not None), None)


def _face_uv(face: Element, at: _Corners) -> NDArray[np.float64] | None:
    """UVs of the ``texcoord`` list: two numbers for each corner of a face."""
    if "texcoord" not in face.lists:
        return None
    counts, flat = face.lists["texcoord"]
    corners = (face.lists.get("vertex_indices") or face.lists["vertex_index"])[0]
    if not np.array_equal(counts, 2 * corners):
        return None
    return np.asarray(flat.astype(np.float64).reshape(-1, 2)[at.corner])


def _colors(element: Element) -> NDArray[np.float64] | None:
    """Linear RGBA of display sRGB; alpha may have another range than the colours."""
    names = next((n for n in _COLOR_NAMES if all(c in element.scalars for c in n)), None)
    if names is None:
        return None
    srgba = np.ones((element.count, 4))
    for rows, columns in (("alpha",), [3]), (names, [0, 1, 2]):
        found = [element.scalars[name] for name in rows if name in element.scalars]
        if found:
            values = np.stack(found, axis=1)
            if values.dtype == np.int8:  # C's char, which is signed on some machines
                values = values.view(np.uint8)
            srgba[:, columns] = np.clip(values / top_of_colors(values), 0, 1)
    srgba[:, :3] = linear_of_srgb(srgba[:, :3])
    return srgba
