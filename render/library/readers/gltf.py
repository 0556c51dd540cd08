"""glTF 2.0 and GLB, read here rather than by trimesh: samplers, texture transforms, quantised
and sparse accessors, and every index checked before it is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from render.library.readers.gltf_file import GltfFile
from render.library.readers.gltf_materials import GltfMaterials, UvChoice
from render.library.readers.gltf_skins import GltfSkins, is_of_skin
from render.library.readers.raw import (
    READ_ERRORS,
    UNITS_M,
    PartNames,
    RawMesh,
    RawModel,
    limited,
    placed,
)
from render.library.readers.source import Source
from render.scene import Material

__all__ = ["read_gltf"]

_DRACO = "KHR_draco_mesh_compression"
# Required extensions that are understood, or whose absence changes the look alone.
_SUPPORTED = {
    _DRACO, "KHR_mesh_quantization", "KHR_texture_transform", "EXT_texture_webp",
    "KHR_texture_basisu", "KHR_lights_punctual",
}  # fmt: skip


def read_gltf(source: Source) -> RawModel:
    """Reads a .gltf or .glb file and the files it names.

    Skinned models come in the pose of the file's nodes, animated ones at rest, morph targets
    without weights.

    Raises:
        AssetError: Breaks the specification, or needs an extension that is not supported.

    """
    file = GltfFile(source)
    _check_extensions(file)
    units: set[str] = set()
    meshes = tuple(limited(source.path, _meshes(file, units)))
    if file.items("animations"):
        file.warn("it is animated: shown at rest")
    unit_m, unit_source = _unit(file, units)
    return RawModel(
        meshes=meshes,
        unit_m=unit_m,
        unit_source=unit_source,
        up="y",
    )


def _meshes(file: GltfFile, units: set[str]) -> Iterator[RawMesh]:
    """All triangles, placed; adds the units that meshes speak of to `units`."""
    materials, skins, names = GltfMaterials(file), GltfSkins(file), PartNames()
    for node, matrix, index in _placed_meshes(file):
        mesh = file.item("meshes", index, "a node")
        extras = mesh.get("extras")
        if isinstance(extras, dict) and isinstance(extras.get("units"), str):
            units.add(extras["units"])
        part = names.next(node.get("name") or mesh.get("name"))
        for number, spec in enumerate(file.array(mesh, "primitives", f"meshes[{index}]")):
            where = f"meshes[{index}].primitives[{number}]"
            if not isinstance(spec, dict):
                raise file.fail(f"{where} must be an object, got {spec!r:.60}")
            values, faces = _attributes(file, spec, where)
            if not len(faces):
                continue
            raw = _primitive(file, materials, spec, values, faces)
            if "skin" in node:
                file.warn("it is skinned: shown in the pose of its nodes")
                raw = skins.posed(raw, node["skin"], values)
            else:
                raw = placed(raw, matrix)
            yield replace(raw, part=part)


def _unit(file: GltfFile, units: set[str]) -> tuple[float, str]:
    """Metres, unless trimesh wrote the unit of its source into the extras of the meshes."""
    known = {UNITS_M[u] for u in units if u in UNITS_M}
    if len(known) == 1 and known != {1.0}:
        unit = min(units)
        file.warn(f"its meshes say units: {unit}, against the glTF rule of metres; {unit} is used")
        return known.pop(), f"extras of the meshes ({unit})"
    return 1.0, "glTF (metres)"


def _check_extensions(file: GltfFile) -> None:
    for name in file.array(file.json, "extensionsRequired", "the file"):
        if not isinstance(name, str):
            raise file.fail(f"extensionsRequired must hold names, got {name!r:.60}")
        if name == "EXT_meshopt_compression":
            raise file.fail(
                "is compressed with EXT_meshopt_compression, which is not supported: "
                "export it without (gltfpack without -c)"
            )
        if name not in _SUPPORTED and not name.startswith("KHR_materials_"):
            raise file.fail(f"needs the extension {name}, which is not supported")


def _placed_meshes(file: GltfFile) -> Iterator[tuple[dict[str, Any], NDArray[np.float64], Any]]:
    """Nodes of the default scene that have a mesh, world matrices, mesh indices, in order."""
    nodes = file.items("nodes")
    seen: set[int] = set()
    stack = [(root, np.eye(4)) for root in reversed(_roots(file))]
    while stack:
        index, parent = stack.pop()
        node = file.item("nodes", index, "a scene or node")
        if index in seen:
            raise file.fail(f"nodes[{index}] is reached twice: nodes must form a tree")
        seen.add(index)
        matrix = parent @ file.local_matrix(node)
        if "EXT_mesh_gpu_instancing" in file.object(node, "extensions", f"nodes[{index}]"):
            raise file.fail("uses EXT_mesh_gpu_instancing, which is not supported")
        if "mesh" in node:
            yield node, matrix, node["mesh"]
        children = file.array(node, "children", f"nodes[{index}]")
        stack.extend((child, matrix) for child in reversed(children))
        if len(stack) > len(nodes):
            raise file.fail("its nodes must form a tree")


def _roots(file: GltfFile) -> list[Any]:
    scenes = file.items("scenes")
    if not scenes:
        children: set[Any] = set()
        for node in file.items("nodes"):
            if isinstance(node, dict):
                children.update(c for c in node.get("children") or [] if isinstance(c, int))
        return [i for i in range(len(file.items("nodes"))) if i not in children]
    scene = file.item("scenes", file.json.get("scene", 0), "the file")
    return file.array(scene, "nodes", "the scene")


def _attributes(
    file: GltfFile, spec: dict[str, Any], where: str
) -> tuple[dict[str, NDArray[Any]], NDArray[np.int64]]:
    """Attributes of a primitive and the ``(F, 3)`` triangles; none for points and lines."""
    mode = file.whole(spec, "mode", 4)
    if mode not in (4, 5, 6):
        file.warn("it holds points or lines, which are not drawn")
        return {}, np.zeros((0, 3), np.int64)
    attributes = file.object(spec, "attributes", where)
    if "POSITION" not in attributes:
        raise file.fail(f"{where} has no POSITION")
    draco = file.object(spec, "extensions", where).get(_DRACO)
    if isinstance(draco, dict):
        values, corners = _draco(file, draco, attributes)
    else:
        values = {
            name: file.accessor(a)
            for name, a in attributes.items()
            if name in ("POSITION", "NORMAL", "COLOR_0")
            or name.startswith("TEXCOORD_")
            or is_of_skin(name)
        }
        corners = np.arange(len(values["POSITION"]))
        if "indices" in spec:
            corners = file.accessor(spec["indices"])[:, 0].astype(np.int64)
    count = len(values["POSITION"])
    for name, array in values.items():
        if len(array) != count:
            raise file.fail(f"{name} of {where} has {len(array)} items, POSITION has {count}")
    return values, _triangles(corners, mode)


def _primitive(
    file: GltfFile,
    materials: GltfMaterials,
    spec: dict[str, Any],
    values: dict[str, NDArray[Any]],
    faces: NDArray[np.int64],
) -> RawMesh:
    """One primitive in the coordinates of its mesh."""
    material: Material | None = None
    choice: UvChoice | None = None
    if "material" in spec:
        material, choice = materials.material(spec["material"])
    if spec.get("targets"):
        file.warn("it has morph targets: shown without")
    return RawMesh(
        positions=_columns(file, values["POSITION"], 3, "POSITION"),
        faces=faces,
        material=material,
        normals=_columns(file, values["NORMAL"], 3, "NORMAL") if "NORMAL" in values else None,
        uv=_uv(values, choice),
        colors=_colors(values["COLOR_0"]) if "COLOR_0" in values else None,
    )


def _columns(file: GltfFile, values: NDArray[Any], width: int, name: str) -> NDArray[np.float64]:
    if values.shape[1] != width:
        raise file.fail(f"{name} must have {width} columns, got {values.shape[1]}")
    return values.astype(np.float64)


def _triangles(corners: NDArray[np.int64], mode: int) -> NDArray[np.int64]:
    """Corner indices of a list (4), strip (5) or fan (6) to ``(F, 3)``."""
    if mode == 4:
        return np.asarray(corners[: len(corners) // 3 * 3].reshape(-1, 3), dtype=np.int64)
    if len(corners) < 3:
        return np.zeros((0, 3), np.int64)
    if mode == 6:
        first = np.broadcast_to(corners[0], len(corners) - 2)
        return np.stack([first, corners[1:-1], corners[2:]], axis=1)
    faces = np.stack([corners[:-2], corners[1:-1], corners[2:]], axis=1)
    faces[1::2] = faces[1::2, [1, 0, 2]]
    return faces


def _uv(values: dict[str, NDArray[Any]], choice: UvChoice | None) -> NDArray[np.float64] | None:
    name = f"TEXCOORD_{0 if choice is None else choice.texcoord}"
    if name not in values or values[name].shape[1] != 2:
        return None
    uv = values[name].astype(np.float64)
    if choice is not None and not np.array_equal(choice.matrix, np.eye(3)):
        uv = uv @ choice.matrix[:2, :2].T + choice.matrix[:2, 2]
    uv[:, 1] = 1.0 - uv[:, 1]
    return uv


def _colors(values: NDArray[Any]) -> NDArray[np.float64] | None:
    """Linear RGBA; some writers leave out `normalized` on integer colours."""
    scale = float(np.iinfo(values.dtype).max) if values.dtype.kind in "iu" else 1.0
    if values.shape[1] not in (3, 4):
        return None
    colors = np.ones((len(values), 4))
    colors[:, : values.shape[1]] = values / scale
    return colors


def _draco(
    file: GltfFile, draco: dict[str, Any], attributes: dict[str, Any]
) -> tuple[dict[str, NDArray[Any]], NDArray[np.int64]]:
    try:
        import DracoPy
    except ImportError as error:
        raise file.fail(
            f"is compressed with {_DRACO}: pip install DracoPy, or export it without"
        ) from error
    data, _ = file.view(draco.get("bufferView"))
    ids = file.object(draco, "attributes", _DRACO)
    try:
        mesh = DracoPy.decode(bytes(data))
        by_id = {a["unique_id"]: np.asarray(a["data"]) for a in mesh.attributes}
        faces = np.asarray(mesh.faces, dtype=np.int64).reshape(-1)
        values = {
            name: by_id[i].reshape(len(by_id[i]), -1)
            for name, i in ids.items()
            if name in attributes
        }
    except READ_ERRORS as error:
        raise file.fail(f"its {_DRACO} data cannot be decoded: {error}") from error
    if "POSITION" not in values:
        raise file.fail(f"its {_DRACO} data has no POSITION")
    for name, array in values.items():
        spec = file.item("accessors", attributes[name], "a primitive")
        if spec.get("normalized") is True and array.dtype.kind in "iu":
            values[name] = array / np.iinfo(array.dtype).max
    return values, faces
