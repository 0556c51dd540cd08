"""STL, PLY, OFF, DAE and 3MF through trimesh's parsers, without trimesh's merging."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import trimesh
from numpy.typing import NDArray

from render.library.raw import UNITS_M, RawMesh, RawModel, linear_of_srgb, rgba_of_image
from render.scene import Material, Texture

__all__ = ["read_3mf", "read_dae", "read_off", "read_ply", "read_stl"]


def read_stl(path: Path) -> RawModel:
    """Reads binary or ASCII STL; it stores neither unit nor axes."""
    return _read(path)


def read_ply(path: Path) -> RawModel:
    """Reads PLY with colours of vertices or faces, or one texture; no unit, no axes."""
    return _read(path)


def read_off(path: Path) -> RawModel:
    """Reads OFF; it stores neither unit nor axes."""
    return _read(path)


def read_dae(path: Path) -> RawModel:
    """Reads COLLADA; `up` and `unit_m` are of its asset element, not applied."""
    return _read(path, up=_dae_up(path))


def read_3mf(path: Path) -> RawModel:
    """Reads 3MF; `unit_m` is its unit attribute, not applied; z is up (core spec, 2.2)."""
    return _read(path, up="z")


def _read(path: Path, up: str | None = None) -> RawModel:
    scene: Any = trimesh.load(path, force="scene", process=False)
    meshes, units = [], set()
    for name in scene.graph.nodes_geometry:
        matrix, geometry = scene.graph[name]
        mesh = scene.geometry[geometry]
        if not isinstance(mesh, trimesh.Trimesh):
            continue
        units.add(mesh.metadata.get("units"))
        meshes.append(_mesh(mesh, np.asarray(matrix, dtype=np.float64)))
    unit = units.pop() if len(units) == 1 else None
    unit_m = _unit_m(unit)
    source = f"{path.suffix[1:].upper()} file ({unit})" if unit_m else ""
    return RawModel(meshes=tuple(meshes), unit_m=unit_m, unit_source=source, up=up)


def _unit_m(unit: str | None) -> float | None:
    if unit is None:
        return None
    match = re.fullmatch(r"(\S+) \* meters", unit)
    return float(match[1]) if match else UNITS_M.get(unit)


def _dae_up(path: Path) -> str:
    match = re.search(rb"<up_axis>\s*([XYZ])_UP", path.read_bytes())
    return match[1].decode().lower() if match else "y"


def _mesh(mesh: Any, matrix: NDArray[np.float64]) -> RawMesh:
    positions = np.asarray(mesh.vertices, dtype=np.float64)
    faces = np.asarray(mesh.faces, dtype=np.int64)
    uv = colors = material = None
    if mesh.visual.kind == "face":
        positions = positions[faces.reshape(-1)]
        colors = _colors(np.repeat(mesh.visual.face_colors, 3, axis=0))
        faces = np.arange(len(positions)).reshape(-1, 3)
    elif mesh.visual.kind == "vertex":
        colors = _colors(mesh.visual.vertex_colors)
    elif mesh.visual.kind == "texture":
        uv = None if mesh.visual.uv is None else np.asarray(mesh.visual.uv, dtype=np.float64)
        material = _material(mesh.visual.material)
    if float(np.linalg.det(matrix[:3, :3])) < 0:
        faces = faces[:, ::-1]
    return RawMesh(
        positions=positions @ matrix[:3, :3].T + matrix[:3, 3],
        faces=faces,
        material=material,
        uv=uv,
        colors=colors,
    )


def _colors(rgba: Any) -> NDArray[np.float64]:
    colors = np.asarray(rgba, dtype=np.float64) / 255.0
    colors[:, :3] = linear_of_srgb(colors[:, :3])
    return colors


def _material(material: Any) -> Material | None:
    if isinstance(material, trimesh.visual.material.PBRMaterial):
        color = np.ones(4) if material.baseColorFactor is None else material.baseColorFactor / 255.0
        r, g, b = (float(v) for v in linear_of_srgb(color[:3]))
        rough = material.roughnessFactor
        return Material(
            base_color=(r, g, b, float(color[3])),
            roughness=0.5 if rough is None else float(rough),
            base_color_texture=_texture(material.baseColorTexture),
        )
    texture = _texture(getattr(material, "image", None))
    return None if texture is None else Material(base_color_texture=texture)


def _texture(image: Any) -> Texture | None:
    return None if image is None else Texture(image=rgba_of_image(image))
