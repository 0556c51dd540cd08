"""3MF: core, production (parts in several files) and the colours of the material extension.

Read here rather than by trimesh, which has no colours and mixes up parts of several files that
bear the same id.
"""

from __future__ import annotations

import posixpath
import re
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from lxml import etree
from numpy.typing import NDArray

from render.errors import AssetError
from render.library.readers.packed import opened_archive, part_of, xml_root
from render.library.readers.raw import (
    UNITS_M,
    PartNames,
    RawMesh,
    RawModel,
    limited,
    linear_of_srgb,
    placed,
)
from render.library.readers.source import Source
from render.library.readers.text import Number, parsed
from render.library.readers.threemf_helpers import (
    Helpers,
    check_required,
    cura_kind,
    is_side_file,
    unread_extensions,
)
from render.scene import Material

__all__ = ["read_3mf"]

_MAX_INSTANCES = 100_000
_MAX_DEPTH = 100
# What is looked at; of the material extension only colours are drawn.
_TAGS = [f"{{*}}{tag}" for tag in (
    "colorgroup", "basematerials", "texture2dgroup", "compositematerials", "multiproperties",
    "object", "item",
)]  # fmt: skip
_Rgba = tuple[float, float, float, float]
_Placed = tuple[str, str, NDArray[np.float64]]  # part, object id, matrix


@dataclass(eq=False)
class _Object:
    """An object of one part: a mesh, or other objects put together.

    Attributes:
        helper: What it is for where it is no part of the model; else "".

    """

    helper: str = ""
    mesh: RawMesh | None = None
    components: list[_Placed] = field(default_factory=list)


@dataclass(eq=False)
class _Part:
    """One .model file inside the archive."""

    unit: str
    objects: dict[str, _Object] = field(default_factory=dict)
    items: list[_Placed] = field(default_factory=list)
    colors: dict[str, list[_Rgba]] = field(default_factory=dict)


def read_3mf(source: Source) -> RawModel:
    """Reads a 3MF; `unit_m` is its unit attribute, not applied; z is up (core spec, 2.2).

    Raises:
        AssetError: No 3MF, or its objects contain each other.

    """
    path = source.path
    reader = _Reader(source)
    with opened_archive(source.data) as archive:
        reader.archive = archive
        root = reader.root()
        part = reader.part(root)
        meshes = tuple(limited(path, reader.meshes(root)))
    if not any(len(mesh.faces) for mesh in meshes) and source.notes.lines():
        raise AssetError(path, f"holds no triangles: {'; '.join(source.notes.lines())}")
    unit_m = UNITS_M.get(part.unit)
    if unit_m is None:
        raise AssetError(path, f"unit must be micron, millimeter or the like, got {part.unit!r}")
    return RawModel(
        meshes=meshes,
        unit_m=unit_m,
        unit_source=f"3MF ({part.unit})",
        up="z",
    )


class _Reader:
    archive: zipfile.ZipFile

    def __init__(self, source: Source) -> None:
        self._path = source.path
        self._notes = source.notes
        self._parts: dict[str, _Part] = {}

    def root(self) -> str:
        """Name of the part that the package points to, else of the one at the usual place."""
        names = {name.lower(): name for name in self.archive.namelist()}
        if "_rels/.rels" in names:
            for relation in xml_root(self._content(names["_rels/.rels"])):
                target = relation.get("Target", "").lstrip("/").lower()
                if relation.get("Type", "").endswith("/3dmodel") and target in names:
                    return names[target]
        usual = [name for low, name in names.items() if low.endswith("3d/3dmodel.model")]
        if not usual:
            raise AssetError(self._path, "is not 3MF: it holds no 3D/3dmodel.model")
        return min(usual)

    def part(self, name: str) -> _Part:
        """A part, parsed once."""
        if name not in self._parts:
            self._parts[name] = self._parse(name, self._content(name))
        return self._parts[name]

    def _content(self, name: str) -> bytes:
        try:
            return part_of(self.archive, name)
        except KeyError as error:
            raise AssetError(self._path, f"names {name}, which is not inside") from error

    def meshes(self, root: str) -> Iterator[RawMesh]:
        """The meshes of all items that are to be built, placed; without helpers."""
        names, helpers = PartNames(), self._helpers()
        if not self.part(root).items and self.part(root).objects:
            self._notes.add("its build section names none of its objects")
        stack = [(item, "", 0) for item in reversed(self.part(root).items)]
        count = 0
        while stack:
            (name, key, matrix), owner, depth = stack.pop()
            count += 1
            if depth > _MAX_DEPTH or count > _MAX_INSTANCES:
                raise AssetError(self._path, "its objects contain each other without end")
            found = self.part(name).objects.get(key)
            if found is None:
                self._notes.add("objects that are named but not defined are left out", key)
                continue
            if helper := found.helper or helpers.parts.get((owner, key), ""):
                self._notes.add("what is no part of the model is left out", helper, count=1)
                continue
            if found.mesh is not None:
                ranges = helpers.ranges.get(key, []) if name == root else []
                solid = self._without(found.mesh, ranges)
                yield replace(placed(solid, matrix), part=names.next(solid.part))
            # Side files name objects of the root part alone.
            inside = key if name == root else ""
            stack.extend(
                ((inner, inner_key, matrix @ local), inside, depth + 1)
                for inner, inner_key, local in reversed(found.components)
            )

    def _helpers(self) -> Helpers:
        helpers = Helpers()
        for name in self.archive.namelist():
            if is_side_file(name):
                helpers.add(xml_root(self._content(name)))
        return helpers

    def _without(self, mesh: RawMesh, ranges: list[tuple[int, int, str]]) -> RawMesh:
        """The mesh without the triangles of helpers."""
        is_solid = np.ones(len(mesh.faces), bool)
        for first, end, kind in ranges:
            is_solid[first:end] = False
            self._notes.add("what is no part of the model is left out", kind, count=1)
        return replace(mesh, faces=mesh.faces[is_solid]) if ranges else mesh

    def _parse(self, name: str, data: bytes) -> _Part:
        root = xml_root(data)
        check_required(self._path, root)
        for extension in unread_extensions(root):
            self._notes.add("what extensions say is not drawn", extension)
        part = _Part(unit=root.get("unit", "millimeter").lower())
        first = next(iter(self._parts.values()), part)
        if part.unit != first.unit:
            kind = f"parts say another unit than {first.unit}, that of the model, which is used"
            self._notes.add(kind, f"{name} ({part.unit})")
        for element in root.iter(*_TAGS):
            tag = etree.QName(element).localname
            if tag in ("colorgroup", "basematerials"):
                key = "color" if tag == "colorgroup" else "displaycolor"
                colors = [_rgba(e.get(key, "")) for e in element.iterchildren("{*}*")]
                part.colors[element.get("id", "")] = colors
            elif tag == "object":
                part.objects[element.get("id", "")] = self._object(name, part, element)
            elif tag == "item" and element.get("printable") == "0":
                # PrusaSlicer's word for what lies on the bed and is left out.
                kind = "objects that are not printable are left out"
                self._notes.add(kind, element.get("objectid", ""))
            elif tag == "item":
                part.items.append(self._placed(name, element))
            else:
                self._notes.add("what the material extension says is not drawn", tag)
        return part

    def _object(self, name: str, part: _Part, element: Any) -> _Object:
        kind = element.get("type", "model")
        found = _Object(helper=cura_kind(element) if kind == "model" else kind)
        for child in element.iter("{*}component", "{*}mesh"):
            if etree.QName(child).localname == "component":
                found.components.append(self._placed(name, child))
            else:
                mesh = self._mesh(part, element, child)
                found.mesh = replace(mesh, part=element.get("name", ""))
        return found

    def _placed(self, name: str, element: Any) -> _Placed:
        """Part, object and matrix; the file's 12 numbers are of row vectors (3.3)."""
        path = next((v for k, v in element.attrib.items() if k.endswith("}path")), None)
        part = name if path is None else posixpath.normpath(path).lstrip("/")
        matrix = np.eye(4)
        if "transform" in element.attrib:
            words = element.attrib["transform"].split()
            if len(words) != 12:
                raise AssetError(self._path, f"transform must be 12 numbers, got {len(words)}")
            matrix[:3] = np.array(words, dtype=np.float64).reshape(4, 3).T
        return part, element.get("objectid", ""), matrix

    def _mesh(self, part: _Part, owner: Any, mesh: Any) -> RawMesh:
        positions = self._numbers(mesh.iter("{*}vertex"), ("x", "y", "z"), np.float64)
        faces = self._numbers(mesh.iter("{*}triangle"), ("v1", "v2", "v3"), np.int64)
        if not part.colors:
            return RawMesh(positions=positions, faces=faces)
        colors = [self._corner_colors(part, owner, e) for e in mesh.iter("{*}triangle")]
        known = {c for c in colors if c is not None}
        if not known:
            return RawMesh(positions=positions, faces=faces)
        if None not in colors and len({rgba for three in known for rgba in three}) == 1:
            material = Material(base_color=next(iter(known))[0])
            return RawMesh(positions=positions, faces=faces, material=material)
        if faces.min() < 0 or faces.max() >= len(positions):
            raise AssetError(self._path, "a triangle names a vertex that is not there")
        white = ((1.0, 1.0, 1.0, 1.0),) * 3
        return RawMesh(
            positions=positions[faces.reshape(-1)],
            faces=np.arange(faces.size, dtype=np.int64).reshape(-1, 3),
            colors=np.array([white if c is None else c for c in colors]).reshape(-1, 4),
        )

    def _numbers(
        self, elements: Iterable[Any], names: tuple[str, str, str], dtype: type[Number]
    ) -> NDArray[Number]:
        """``(N, 3)``: three attributes of each element."""
        a, b, c = names
        words = [f"{e.get(a)} {e.get(b)} {e.get(c)}" for e in elements]
        values = parsed(" ".join(words).encode(), dtype)
        if len(values) != 3 * len(words):
            raise AssetError(self._path, f"{a}, {b} and {c} must be numbers")
        return values.reshape(-1, 3)

    def _corner_colors(
        self, part: _Part, owner: Any, triangle: Any
    ) -> tuple[_Rgba, _Rgba, _Rgba] | None:
        """Colours of the three corners; what a triangle lacks is taken from its object."""
        own = "p1" in triangle.attrib
        group = part.colors.get(triangle.get("pid", owner.get("pid", "")))
        first = triangle.get("p1", owner.get("pindex", ""))
        if group is None or not first:
            return None
        words = [first, *(triangle.get(k, first) if own else first for k in ("p2", "p3"))]
        index = [int(word) for word in words]
        if not all(0 <= i < len(group) for i in index):
            self._notes.add("colours outside their group are not drawn")
            return None
        return group[index[0]], group[index[1]], group[index[2]]


def _rgba(text: str) -> _Rgba:
    """Linear RGBA of ``#RRGGBB`` or ``#RRGGBBAA``; white where it is neither.

    Alpha is left out: CAD programs write 00 and do not mean invisible (SolidWorks).
    """
    if not re.fullmatch(r"#([0-9A-Fa-f]{6}|[0-9A-Fa-f]{8})", text):
        return (1.0, 1.0, 1.0, 1.0)
    srgb = np.array([int(text[i : i + 2], 16) for i in (1, 3, 5)]) / 255.0
    r, g, b = (float(v) for v in linear_of_srgb(srgb))
    return (r, g, b, 1.0)
