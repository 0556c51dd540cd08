"""Wavefront OBJ, read here rather than by trimesh: negative indices count from the line they
stand on, concave polygons are triangulated as drawn, and what is missing is told.
"""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from render.errors import AssetError
from render.library.readers.mtl import MtlReader
from render.library.readers.raw import RawMesh, RawModel, linear_of_srgb
from render.library.readers.triangulate import triangulate_all

__all__ = ["read_obj"]

_Corner = tuple[int, int, int]  # vertex, texture vertex, normal; -1 = none
_Where = tuple[str, str, str]  # material, object, group


@dataclass(eq=False)
class _Parsed:
    """What the lines of a file say; lists grow while it is read."""

    vertices: list[list[float]] = field(default_factory=list)
    uvs: list[list[float]] = field(default_factory=list)
    normals: list[list[float]] = field(default_factory=list)
    # By material, object ("o") and group ("g"), in the order of the file.
    polygons: dict[_Where, list[list[_Corner]]] = field(default_factory=dict)
    libraries: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def warn(self, text: str) -> None:
        if text not in self.warnings:
            self.warnings.append(text)


def read_obj(path: Path) -> RawModel:
    """Reads an OBJ with its material files and textures.

    Raises:
        AssetError: Not text, or a face that names a vertex that is not there.

    """
    parsed = _parse(path, _text(path))
    reader = MtlReader(path.parent)
    for name in parsed.libraries:
        reader.read(name)
    meshes = [
        _mesh(parsed, polygons, reader, material=material, part=part)
        for (material, part), polygons in _bodies(parsed).items()
    ]
    return RawModel(
        meshes=tuple(meshes),
        warnings=(*parsed.warnings, *reader.warnings),
        companions=tuple(reader.companions),
    )


def _text(path: Path) -> str:
    data = path.read_bytes()
    for mark, name in ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"),
                       (codecs.BOM_UTF16_BE, "utf-16")):  # fmt: skip
        if data.startswith(mark):
            return data.decode(name, errors="replace")
    if b"\0" in data[:4096]:
        # UTF-16 without a mark: every other byte of plain text is zero.
        return data.decode("utf-16-be" if data[:1] == b"\0" else "utf-16-le", errors="replace")
    return data.decode("utf-8", errors="replace")


def _parse(path: Path, text: str) -> _Parsed:
    parsed, material, body, group = _Parsed(), "", "", ""
    for number, line in enumerate(text.replace("\\\r\n", " ").replace("\\\n", " ").splitlines(), 1):
        words = line.split()
        if not words:
            continue
        key = words[0]
        if key == "v":
            parsed.vertices.append(_floats(words[1:8], 3))
        elif key == "vt":
            parsed.uvs.append(_floats(words[1:3], 2))
        elif key == "vn":
            parsed.normals.append(_floats(words[1:4], 3))
        elif key == "f":
            polygon = _polygon(path, number, words[1:], parsed)
            if polygon is not None:
                parsed.polygons.setdefault((material, body, group), []).append(polygon)
        elif key == "usemtl":
            material = line.strip()[6:].strip()
        elif key == "o":
            body = line.strip()[1:].strip()
        elif key == "g":
            group = line.strip()[1:].strip()
        elif key == "mtllib":
            parsed.libraries.append(line.strip()[6:].strip())
        elif key in ("l", "p"):
            parsed.warn("it holds points or lines, which are not drawn")
    return parsed


def _bodies(parsed: _Parsed) -> dict[tuple[str, str], list[list[_Corner]]]:
    """Polygons by material and body: by its objects, in a file without any by its groups."""
    has_objects = any(body for _, body, _ in parsed.polygons)
    materials = dict.fromkeys(material for material, _, _ in parsed.polygons)
    bodies: dict[tuple[str, str], list[list[_Corner]]] = {}
    for one in materials:
        for (material, body, group), polygons in parsed.polygons.items():
            if material == one:
                bodies.setdefault((one, body if has_objects else group), []).extend(polygons)
    return bodies


def _floats(words: Sequence[str], at_least: int) -> list[float]:
    """Numbers; one that cannot be read is NaN, which is refused if a face uses it."""
    values = []
    for word in words:
        try:
            values.append(float(word))
        except ValueError:
            values.append(np.nan)
    return values + [0.0 if at_least == 2 else np.nan] * (at_least - len(values))


def _polygon(path: Path, number: int, words: list[str], parsed: _Parsed) -> list[_Corner] | None:
    counts = (len(parsed.vertices), len(parsed.uvs), len(parsed.normals))
    corners: list[_Corner] = []
    for word in words:
        if word.startswith("#"):
            break
        indices = [-1, -1, -1]
        for slot, part in enumerate(word.split("/")[:3]):
            if part:
                indices[slot] = _index(path, number, part, counts[slot], required=slot == 0)
        corners.append((indices[0], indices[1], indices[2]))
    if len(corners) < 3:
        parsed.warn("faces of fewer than three corners are left out")
        return None
    return corners


def _index(path: Path, number: int, part: str, count: int, *, required: bool) -> int:
    """From 0; -1 for a missing UV or normal, which is no reason to refuse the shape."""
    try:
        value = int(part)
    except ValueError as error:
        raise AssetError(path, f"line {number}: {part!r:.40} is not an index") from error
    index = value - 1 if value > 0 else count + value
    if 0 <= index < count and value != 0:
        return index
    if required:
        raise AssetError(path, f"line {number}: a face names vertex {value} of {count}")
    return -1


def _mesh(
    parsed: _Parsed, polygons: list[list[_Corner]], reader: MtlReader, *, material: str, part: str
) -> RawMesh:
    positions = np.array([v[:3] for v in parsed.vertices], dtype=np.float64)
    corners = np.array([corner for polygon in polygons for corner in polygon], dtype=np.int64)
    counts = np.array([len(polygon) for polygon in polygons], dtype=np.int64)
    corners = corners[triangulate_all(positions[corners[:, 0]], counts).reshape(-1)]
    unique, inverse = np.unique(corners, axis=0, return_inverse=True)
    look = reader.materials.get(material)
    if material and look is None and reader.companions:
        parsed.warn(f"material {material} is in none of its material files")
    return RawMesh(
        positions=positions[unique[:, 0]],
        faces=inverse.reshape(-1, 3).astype(np.int64),
        material=look,
        normals=_of(parsed.normals, unique[:, 2], whole=True),
        uv=_of(parsed.uvs, unique[:, 1], whole=False),
        colors=_colors(parsed, unique[:, 0]),
        part=part,
    )


def _of(
    values: list[list[float]], index: NDArray[np.int64], *, whole: bool
) -> NDArray[np.float64] | None:
    """Rows by index; None where no corner (`whole`: not every corner) has one."""
    has = index >= 0
    if not has.any() or (whole and not has.all()):
        return None
    rows = np.array(values, dtype=np.float64)[np.where(has, index, 0)]
    rows[~has] = 0.0
    return rows


def _colors(parsed: _Parsed, index: NDArray[np.int64]) -> NDArray[np.float64] | None:
    """Colours behind the coordinates (``v x y z r g b``), display sRGB; white where missing."""
    if not any(len(v) in (6, 7) for v in parsed.vertices):
        return None
    colors = np.ones((len(parsed.vertices), 4))
    for row, values in enumerate(parsed.vertices):
        if len(values) in (6, 7):
            colors[row, : len(values) - 3] = values[3:]
    used = colors[index]
    bad = ~np.isfinite(used).all(axis=1)
    if bad.any():
        parsed.warn("vertex colours that are not numbers are drawn white")
        used[bad] = 1.0
    if used.max(initial=0) > 1.0:
        used[~bad] /= 255.0
        used[bad] = 1.0
    used[:, :3] = linear_of_srgb(used[:, :3])
    return np.asarray(np.clip(used, 0, 1))
