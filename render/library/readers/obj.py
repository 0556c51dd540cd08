"""Wavefront OBJ. trimesh's reader counts negative indices from the end of the file, fans concave
polygons and knows no bodies; here they count from their own line and are cut as drawn.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from render.errors import AssetError
from render.library.readers.mtl import MtlReader
from render.library.readers.notes import Notes
from render.library.readers.raw import RawMesh, RawModel, linear_of_srgb, top_of_colors
from render.library.readers.source import Source
from render.library.readers.text import (
    begins,
    numbers,
    parsed,
    row_indices,
    statements,
    word_counts,
)
from render.library.readers.triangulate import triangulate_all
from render.scene import Material

__all__ = ["read_obj"]

_KINDS = ("v", "vt", "vn")  # in the order in which a corner of a face names them
_INDEX = re.compile(r"[+-]?[0-9]+", re.ASCII)
# Free-form curves and surfaces, other files, and forms of old.
_NOT_READ = {"curv", "curv2", "surf", "call", "csh", "fo", "bzp", "bsp", "cdc", "cdp", "usemap"}
_Where = tuple[str, ...]  # material, object, group


@dataclass(eq=False)
class _Statements:
    """What a file says, by kind, in its order.

    Attributes:
        rows: What stands behind each ``v``, ``vt``, ``vn`` and ``f``, a line each.
        runs: For each run of ``f``: its line, the first of its faces, and how many ``v``,
            ``vt`` and ``vn`` stand before it.
        spans: Faces by material, object (``o``) and group (``g``).
        libraries: What stands behind each ``mtllib``.
        names_materials: Whether there is any ``usemtl``.
        has_others: Whether there are points or lines.
        not_read: Keywords of shapes and looks that are not drawn.

    """

    rows: dict[str, str] = field(default_factory=dict)
    runs: list[list[int]] = field(default_factory=list)
    spans: dict[_Where, list[range]] = field(default_factory=dict)
    libraries: list[str] = field(default_factory=list)
    names_materials: bool = False
    has_others: bool = False
    not_read: list[str] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class _Geometry:
    """All triangles of a file.

    Attributes:
        vertices: ``(V, 7)``: x, y, z, red, green, blue, alpha; NaN where missing.
        has_color: ``(V,)``.
        uv: ``(T, 2)``; zero where missing.
        normals: ``(N, 3)``.
        corners: ``(C, 3)``: vertex, uv and normal of each corner of a polygon; -1 for none.
        triangles: ``(F, 3)`` rows of `corners`.
        first_triangle: ``(P + 1,)``: of each polygon, and the number of all.

    """

    vertices: NDArray[np.float64]
    has_color: NDArray[np.bool_]
    uv: NDArray[np.float64]
    normals: NDArray[np.float64]
    corners: NDArray[np.int64]
    triangles: NDArray[np.int64]
    first_triangle: NDArray[np.int64]


def read_obj(source: Source) -> RawModel:
    """Reads an OBJ with its material files and textures; it stores neither unit nor axes.

    Raises:
        AssetError: A face names a vertex that is not there, or holds what is no index.

    """
    path, notes = source.path, source.notes
    found = _parse(source.data)
    reader = MtlReader(source)
    for line in found.libraries:
        reader.read(line)
    if found.has_others:
        notes.add("it holds points or lines, which are not drawn")
    for key in found.not_read:
        notes.add("statements that are not read", key)
    if found.names_materials and not found.libraries:
        notes.add("it uses materials but names no material file (mtllib)")
    geometry = _geometry(path, found, notes)
    looks = _looks(found, reader, notes)
    meshes = []
    for (material, part), spans in _bodies(found).items():
        which = np.concatenate(
            [np.arange(*geometry.first_triangle[[s.start, s.stop]]) for s in spans]
        )
        if len(which):
            mesh = _mesh(geometry, geometry.triangles[which], notes)
            meshes.append(replace(mesh, material=looks[material], part=part))
    return RawModel(meshes=tuple(meshes))


def _parse(data: bytes) -> _Statements:
    found = _Statements()
    where: _Where = ("", "", "")
    rows: dict[str, list[str]] = {kind: [] for kind in (*_KINDS, "f")}
    counts = dict.fromkeys(rows, 0)
    for line, written, lines in statements(data):
        key = written.lower()
        if key in rows:
            first = counts[key]
            rows[key].append(lines)
            counts[key] += lines.count("\n")
            if key == "f":
                found.runs.append([line, first, *(counts[kind] for kind in _KINDS)])
                found.spans.setdefault(where, []).append(range(first, counts["f"]))
        elif key in ("usemtl", "o", "g"):
            name = lines[:-1].rpartition("\n")[2].strip()
            where = tuple(
                name if key == kind else old for kind, old in zip(("usemtl", "o", "g"), where)
            )
            found.names_materials |= key == "usemtl"
        elif key == "mtllib":
            found.libraries += map(str.strip, lines[:-1].split("\n"))
        elif key in ("l", "p"):
            found.has_others = True
        elif key in _NOT_READ:
            found.not_read.append(key)
    found.rows = {kind: "".join(each) for kind, each in rows.items()}
    return found


def _bodies(found: _Statements) -> dict[tuple[str, str], list[range]]:
    """Faces by material and body: by its objects, in a file without any by its groups."""
    has_objects = any(body for _, body, _ in found.spans)
    bodies: dict[tuple[str, str], list[range]] = {}
    for one in dict.fromkeys(material for material, _, _ in found.spans):
        for (material, body, group), spans in found.spans.items():
            if material == one:
                bodies.setdefault((one, body if has_objects else group), []).extend(spans)
    return bodies


def _looks(found: _Statements, reader: MtlReader, notes: Notes) -> dict[str, Material | None]:
    """The material of each name that faces bear; without any ``usemtl`` the only one there is."""
    names = {material for material, _, _ in found.spans}
    if not found.names_materials and len(reader.materials) > 1:
        notes.add("no usemtl says which of its materials is meant; none is drawn")
        return dict.fromkeys(names)
    if not found.names_materials and reader.materials:
        ((only, look),) = reader.materials.items()
        reader.note_use({only})
        return dict.fromkeys(names, look)
    reader.note_use(names - {""})
    return {name: reader.materials.get(name) for name in names}


def _geometry(path: Path, found: _Statements, notes: Notes) -> _Geometry:
    vertices, width = _table(found.rows["v"], 7, np.nan)
    corners, counts = _corners(path, found)
    is_drawn = counts >= 3
    if not is_drawn.all():
        notes.add("faces of fewer than three corners are left out")
    drawn_rows = np.flatnonzero(np.repeat(is_drawn, counts))
    triangles = triangulate_all(vertices[corners[drawn_rows, 0], :3], counts[is_drawn])
    return _Geometry(
        vertices=vertices,
        has_color=width >= 6,
        uv=_table(found.rows["vt"], 2, 0.0)[0],
        normals=_table(found.rows["vn"], 3, np.nan)[0],
        corners=corners,
        triangles=drawn_rows[triangles],
        first_triangle=np.append(0, np.cumsum(np.maximum(counts - 2, 0))),
    )


def _table(rows: str, width: int, missing: float) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """``(R, width)`` numbers, those behind left out, and how many each row had."""
    values, counts = numbers(rows)
    row = np.repeat(np.arange(len(counts)), counts)
    column = row_indices(np.zeros_like(counts), counts)
    table = np.full((len(counts), width), missing)
    fits = column < width
    table[row[fits], column[fits]] = values[fits]
    return table, counts


def _corners(path: Path, found: _Statements) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Vertex, uv and normal of each corner, ``(C, 3)`` from 0, -1 for none; corners a face.

    An index that names no uv or normal is no reason to refuse the shape.
    """
    named, counts = _named(path, found)
    corners = np.full_like(named, -1)
    runs = np.array(found.runs, np.int64).reshape(-1, 5)
    face = np.repeat(np.arange(len(counts)), counts)
    for column, kind in enumerate(_KINDS):
        value, count = named[:, column], found.rows[kind].count("\n")
        index = value - 1
        if (negative := value < 0).any():
            # Backwards from their own line.
            run = np.searchsorted(runs[:, 1], face[negative], side="right") - 1
            index[negative] = runs[run, 2 + column] + value[negative]
        is_there = (index >= 0) & (index < count)
        if column == 0 and not is_there.all():
            first = int(np.argmin(is_there))
            reason = f"a face names vertex {value[first]} of {count}"
            raise AssetError(path, f"line {_line(found, int(face[first]))}: {reason}")
        corners[is_there, column] = index[is_there]
    return corners, counts


def _named(path: Path, found: _Statements) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The indices of each corner as they are written, ``(C, 3)``, 0 for none; corners a face."""
    text = found.rows["f"].encode(errors="replace")
    codes = np.frombuffer(text, np.uint8)
    is_space, is_slash = codes <= ord(" "), codes == ord("/")
    begins_word = begins(is_space)
    number_at = np.flatnonzero(begins(is_space | is_slash))
    values = parsed(text.replace(b"/", b" "), np.int64)
    junk = text.translate(None, b"0123456789+-/ \t\n") or (begins_word & is_slash).any()
    if junk or len(values) != len(number_at):
        raise _no_index(path, found)
    # Each number is of the same word as the one before it, behind one slash or two, or begins one.
    is_first = begins_word[number_at]
    step = np.where(is_first, 0, 1 + is_slash[number_at - 2])
    word = np.cumsum(is_first.astype(np.int64)) - 1
    behind = np.cumsum(step)
    slot = behind - behind[is_first][word]
    counts = word_counts(text)
    named = np.zeros((int(counts.sum()), 3), np.int64)
    named[word[slot < 3], slot[slot < 3]] = values[slot < 3]
    return named, counts


def _line(found: _Statements, face: int) -> int:
    """The line of a face, where no line before it in its run is continued."""
    line, first, *_ = next(run for run in reversed(found.runs) if run[1] <= face)
    return line + face - first


def _no_index(path: Path, found: _Statements) -> AssetError:
    for face, row in enumerate(found.rows["f"].splitlines()):
        for part in row.replace("/", " ").split():
            if not _INDEX.fullmatch(part):
                return AssetError(path, f"line {_line(found, face)}: {part!r:.40} is not an index")
    return AssetError(path, "its faces hold what is no index")


def _mesh(geometry: _Geometry, triangles: NDArray[np.int64], notes: Notes) -> RawMesh:
    """Some of the triangles, with one vertex for each vertex, uv and normal that go together."""
    corners = geometry.corners[triangles.reshape(-1)]
    sizes = corners.max(axis=0) + 2
    if float(np.prod(sizes.astype(np.float64))) < 2**62:  # several times as fast
        key, inverse = np.unique(np.ravel_multi_index((corners + 1).T, sizes), return_inverse=True)
        unique = np.stack(np.unravel_index(key, sizes), axis=1) - 1
    else:
        unique, inverse = np.unique(corners, axis=0, return_inverse=True)
    vertex, uv, normal = unique.T
    return RawMesh(
        positions=geometry.vertices[vertex, :3],
        faces=inverse.reshape(-1, 3).astype(np.int64),
        normals=geometry.normals[normal] if (normal >= 0).all() else None,
        uv=np.where((uv >= 0)[:, None], geometry.uv[uv], 0.0) if (uv >= 0).any() else None,
        colors=_colors(geometry, vertex, notes) if geometry.has_color.any() else None,
    )


def _colors(geometry: _Geometry, vertex: NDArray[np.int64], notes: Notes) -> NDArray[np.float64]:
    """Linear RGBA of display sRGB behind the coordinates, 0 to 1 or 0 to 255; white if missing."""
    used = geometry.vertices[vertex][:, 3:]
    has_color = geometry.has_color[vertex]
    is_good = has_color & np.isfinite(used[:, :3]).all(axis=1)
    if (has_color & ~is_good).any():
        notes.add("vertex colours that are not numbers are drawn white")
    used[:, :3] /= top_of_colors(used[is_good, :3])
    used[:, 3] /= top_of_colors(used[is_good, 3])
    used[~is_good] = 1.0
    used[np.isnan(used[:, 3]), 3] = 1.0
    used[:, :3] = linear_of_srgb(used[:, :3])
    return np.asarray(np.clip(used, 0, 1))
