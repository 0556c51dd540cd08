"""COLLADA (.dae) through pycollada: its scene graph and effects, with polygons cut as drawn."""

from __future__ import annotations

import io
import re
import urllib.parse
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import collada
import collada.polylist
import collada.triangleset
import numpy as np
from collada.material import OPAQUE_MODE, Map
from collada.scene import ControllerNode, GeometryNode, Node
from numpy.typing import NDArray

from render.errors import AssetError
from render.library.readers.notes import Notes
from render.library.readers.packed import check_xml
from render.library.readers.raw import (
    READ_ERRORS,
    UNITS_M,
    PartNames,
    RawMesh,
    RawModel,
    limited,
    linear_of_srgb,
    phong_roughness,
    placed,
)
from render.library.readers.source import Source
from render.library.readers.text import parsed
from render.library.readers.triangulate import triangulate_all
from render.scene import AlphaMode, Material, Texture

__all__ = ["read_dae"]

_MAX_INSTANCES = 100_000


def read_dae(source: Source) -> RawModel:
    """Reads a COLLADA file; `unit_m` and `up` are of its asset element, not applied.

    Skinned parts are left out, with a warning.

    Raises:
        AssetError: Not COLLADA, without a scene, or with an index out of range.

    """
    path = source.path
    if zipfile.is_zipfile(io.BytesIO(source.data)):
        raise AssetError(path, "must be COLLADA itself, got a zip archive: unpack it")
    try:
        check_xml(source.data)
        document = collada.Collada(io.BytesIO(source.data), ignore=[collada.common.DaeError])
        reader = _DaeReader(source, document)
        meshes = tuple(limited(path, reader.meshes()))
    except (*READ_ERRORS, collada.common.DaeError) as error:
        told = " ".join(str(error).split())
        raise AssetError(path, f"is not COLLADA that can be read: {told}") from error
    root = document.xmlnode.getroot()
    unit_m, unit_source = _unit(root.find("{*}asset/{*}unit"), source.notes)
    up = (root.findtext("{*}asset/{*}up_axis") or "Y_UP").strip().upper()
    if up not in ("X_UP", "Y_UP", "Z_UP"):
        source.notes.add("its up_axis cannot be read; Y_UP is taken", up)
        up = "Y_UP"
    return RawModel(meshes=meshes, unit_m=unit_m, unit_source=unit_source, up=up[0].lower())


def _unit(unit: Any, notes: Notes) -> tuple[float, str]:
    """Metres per unit, by its number, else by its name, and where that comes from."""
    default = 1.0, "DAE (metres, its default)"  # that of the schema
    if unit is None:
        return default
    said, name = unit.get("meter"), unit.get("name", "").strip().lower()
    try:
        metres = UNITS_M[name] if said is None else float(said)
    except (KeyError, ValueError):
        metres = 0.0
    if not (np.isfinite(metres) and metres > 0):
        notes.add("its unit cannot be read; metres are taken", name if said is None else said)
        return default
    return metres, f"DAE (unit name={name})" if said is None else f"DAE (unit meter={metres:g})"


class _DaeReader:
    def __init__(self, source: Source, document: Any) -> None:
        self._path = source.path
        self._notes, self._companions = source.notes, source.companions
        self._document = document
        self._materials: dict[str, Material] = {}
        self._sources: dict[int, NDArray[np.float64]] = {}

    def meshes(self) -> Iterator[RawMesh]:
        if self._document.scene is None:
            raise AssetError(self._path, "names no scene to show")
        names = PartNames()
        for count, (name, node, matrix) in enumerate(self._instances()):
            if count > _MAX_INSTANCES:
                raise AssetError(self._path, f"has more than {_MAX_INSTANCES} instances")
            part = names.next(name or node.geometry.name)
            bound = {m.symbol: m.target for m in node.materials}
            for primitive in node.geometry.primitives:
                mesh = self._mesh(primitive, bound)
                if mesh is not None:
                    yield replace(placed(mesh, matrix), part=part)

    def _instances(self) -> Iterator[tuple[str | None, Any, NDArray[np.float64]]]:
        """Name and world matrix of the node of each geometry of the scene, in order."""
        stack = [(None, node, np.eye(4), 0) for node in reversed(self._document.scene.nodes)]
        while stack:
            name, node, matrix, depth = stack.pop()
            if depth > 1000:
                raise AssetError(self._path, "its nodes are nested without end")
            if isinstance(node, GeometryNode):
                yield name, node, matrix
            elif isinstance(node, ControllerNode):
                self._notes.add("skinned parts are left out")
            elif isinstance(node, Node):
                inner = matrix @ np.asarray(node.matrix, dtype=np.float64)
                own = node.xmlnode.get("name") or node.id
                children = reversed(node.children or [])
                stack.extend((own, child, inner, depth + 1) for child in children)

    def _mesh(self, primitive: Any, bound: dict[str, Any]) -> RawMesh | None:
        """One vertex per corner, because the kinds of data have indices of their own."""
        if isinstance(primitive, collada.triangleset.TriangleSet):
            counts = np.full(len(primitive), 3, np.int64)
        elif isinstance(primitive, collada.polylist.Polylist):
            counts = np.asarray(primitive.vcounts, dtype=np.int64)
        else:
            self._notes.add("it holds points or lines, which are not drawn")
            return None
        rows = np.asarray(primitive.index).reshape(-1, primitive.nindices)
        if not len(rows):
            return None
        if counts.min(initial=0) < 0 or counts.sum() > len(rows):
            raise AssetError(self._path, "its polygons have more corners than are there")
        keep = np.repeat(counts >= 3, counts)
        rows, counts = rows[: len(keep)][keep], counts[counts >= 3]
        positions = self._corner_values(primitive, rows, "VERTEX", 3)
        if positions is None:
            return None
        corners = triangulate_all(positions, counts).reshape(-1)
        normals = self._corner_values(primitive, rows, "NORMAL", 3)
        uv = self._corner_values(primitive, rows, "TEXCOORD", 2)
        effect = bound.get(primitive.material)
        colors = self._corner_values(primitive, rows, "COLOR", 3)
        return RawMesh(
            positions=positions[corners],
            faces=np.arange(len(corners), dtype=np.int64).reshape(-1, 3),
            material=None if effect is None else self._material(effect),
            normals=None if normals is None else normals[corners],
            uv=None if uv is None else uv[corners],
            colors=None if colors is None else _rgba(colors[corners]),
        )

    def _corner_values(
        self, primitive: Any, rows: NDArray[Any], name: str, width: int
    ) -> NDArray[np.float64] | None:
        """Values of the first input of a kind, per corner; at least `width` columns."""
        inputs = primitive.sources.get(name) or []
        if not inputs:
            return None
        offset, source = inputs[0][0], inputs[0][4]
        values = np.asarray(source.data, dtype=np.float64)
        if name == "VERTEX":
            values = self._positions(source, values)
        index = rows[:, offset]
        if not len(index) or values.ndim != 2 or values.shape[1] < width:
            return None
        if index.min() < 0 or index.max() >= len(values):
            raise AssetError(self._path, f"a face names {name} {index.max()} of {len(values)}")
        return np.asarray(values[index] if name == "COLOR" else values[index][:, :width])

    def _positions(self, source: Any, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values of a source; what pycollada made 0 of is NaN again, so that it is refused."""
        if id(source) not in self._sources:
            array = source.xmlnode.find("{*}float_array")
            text = "" if array is None else array.text or ""
            if re.search("nan", text, re.IGNORECASE):
                is_nan = np.isnan(parsed(text.encode(), np.float64)).reshape(values.shape)
                values = np.where(is_nan, np.nan, values)
            self._sources[id(source)] = values
        return self._sources[id(source)]

    def _material(self, material: Any) -> Material:
        if material.id not in self._materials:
            self._materials[material.id] = self._effect(str(material.name or ""), material.effect)
        return self._materials[material.id]

    def _effect(self, name: str, effect: Any) -> Material:
        color, texture = self._slot(effect.diffuse, (1.0, 1.0, 1.0))
        glow, glow_texture = self._slot(effect.emission, (0.0, 0.0, 0.0))
        alpha = self._alpha(name, effect)
        mode: AlphaMode = "opaque" if alpha == 1 else "blend"
        if mode == "opaque" and texture is not None and (texture.image[..., 3] < 128).any():
            mode = "mask"
        shine = effect.shininess
        known = isinstance(shine, float | int) and np.isfinite(shine) and shine > 0
        # Some exporters write the exponent as a share of 128.
        exponent = float(shine) * (128.0 if shine <= 1 else 1.0) if known else None
        return Material(
            name=name,
            base_color=(*color, alpha),
            roughness=0.5 if exponent is None else phong_roughness(exponent),
            emissive=glow,
            base_color_texture=texture,
            emissive_texture=glow_texture,
            alpha_mode=mode,
            double_sided=bool(effect.double_sided),
        )

    def _slot(
        self, value: Any, default: tuple[float, float, float]
    ) -> tuple[tuple[float, float, float], Texture | None]:
        """Linear colour and texture of a shading parameter."""
        if isinstance(value, Map):
            image = self._companions.image(
                urllib.parse.unquote(str(value.sampler.surface.image.path))
            )
            texture = None if image is None else Texture(image=image)
            return (1.0, 1.0, 1.0), texture
        if value is None or np.ndim(value) != 1 or not np.all(np.isfinite(value)):
            return default, None
        r, g, b = (float(v) for v in linear_of_srgb(value[:3]))
        return (r, g, b), None

    def _alpha(self, name: str, effect: Any) -> float:
        """Opacity (COLLADA 1.4.1, "Determining transparency")."""
        value, share = effect.transparent, effect.transparency
        if value is None or isinstance(value, Map) or isinstance(share, Map):
            return 1.0
        share = 1.0 if share is None else float(share)
        if effect.opaque_mode == OPAQUE_MODE.RGB_ZERO:
            luminance = float(np.dot(value[:3], (0.212671, 0.715160, 0.072169)))
            alpha = 1.0 - luminance * share
        else:
            alpha = float(value[3]) * share
        if not alpha > 0:
            self._notes.add("materials that are wholly transparent are drawn opaque", name)
            return 1.0
        return min(alpha, 1.0)


def _rgba(values: NDArray[np.float64]) -> NDArray[np.float64]:
    rgba = np.ones((len(values), 4))
    rgba[:, : min(values.shape[1], 4)] = values[:, :4]
    rgba[:, :3] = linear_of_srgb(rgba[:, :3])
    return np.asarray(np.clip(rgba, 0, 1))
