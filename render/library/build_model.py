"""From what a reader found to a checked `Model`: the gate that bad geometry does not pass.

A unit comes from the side file or models.yaml, else from the file, else it is the default of
the format (`DEFAULT_UNITS`): millimetres for STL, metres for the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from render.errors import AssetError
from render.geometry.welding import Topology, equal_rows
from render.library.finishes import DEFAULT_FINISH, FINISHES
from render.library.hull import hull_centroid, hull_vertices
from render.library.normals import crease_normals
from render.library.readers.notes import Notes
from render.library.readers.raw import UNITS_M, RawMesh, RawModel
from render.library.side_files import Remarks
from render.library.stable import stable_poses
from render.scene import Keypoint, Material, Model, Primitive, Texture
from render.system.memory_map import is_mapped

__all__ = ["DEFAULT_UNITS", "BuiltModel", "build_model"]

DEFAULT_UNITS = {".stl": "mm"}
"""Unit of formats that store none, where it is not metres."""

# Where neither the file nor a side file says: modelling tools have Y up, CAD has Z up.
_Y_UP = (".obj", ".gltf", ".glb")
_SMALLEST_M, _LARGEST_M = 1e-9, 1e6
_SMALLEST_UNIT_M = 1e-12
_FAR = 1e4
# How far a declared diameter may be off what the box allows: models are simplified for a renderer.
_LOOSE = 0.02
# Height of a triangle over its longest side, below which it has no direction.
_NO_HEIGHT = 1e-12
_DEFAULT = "default for "
_DEGENERATE = "degenerate triangles (without area) were left out"


@dataclass(frozen=True, eq=False, kw_only=True)
class BuiltModel:
    """A model and what the doctor says about it.

    Attributes:
        unit_source: Where the unit comes from.
        surface: Topology of all meshes together, units of the file.
        warnings: What was repaired or left out, and what looks wrong.

    """

    model: Model
    unit_source: str
    surface: Topology
    warnings: tuple[str, ...]

    @property
    def is_unit_default(self) -> bool:
        """Whether neither the file nor a side file says the unit."""
        return self.unit_source.startswith(_DEFAULT)

    @property
    def notable(self) -> tuple[str, ...]:
        """The warnings without those that change no pixel."""
        return tuple(w for w in self.warnings if not w.endswith(_DEGENERATE))

    @property
    def n_bytes(self) -> int:
        """Memory of arrays, images and memoised results so far, without what is mapped."""
        return self._own_bytes + self.model.memo.n_bytes

    @cached_property
    def _own_bytes(self) -> int:
        images: dict[int, int] = {}
        model = self.model
        arrays = sum(a.nbytes for a in (model.hull_m, model.stable_poses) if not is_mapped(a))
        for primitive in self.model.primitives:
            for array in (
                primitive.positions_m, primitive.normals, primitive.faces, primitive.uv,
                primitive.colors, primitive.face_parts,
            ):  # fmt: skip
                arrays += 0 if array is None or is_mapped(array) else array.nbytes
            for texture in _textures(primitive.material):
                if not is_mapped(texture.image):
                    images[id(texture.image)] = texture.image.nbytes
        return arrays + sum(images.values())


def build_model(
    raw: RawModel, *, path: Path, name: str, category: str, sha256: str, remarks: Remarks
) -> BuiltModel:
    """Checks and completes what was read.

    Degenerate triangles are dropped, meshes of one material become one primitive, and
    normals that are missing or not usable are computed; each repair is a warning.

    Args:
        raw: As read.
        path: Path of the file, for its suffix and for messages.
        remarks: What side files say about it.

    Raises:
        AssetError: No triangle with an area; a position that is used and not finite; a face
            that names no vertex; a size outside 1e-9 to 1e6 m.

    """
    warnings = list(raw.warnings)
    unit_m, unit_source = _unit(raw, path, remarks)
    meshes = [_checked(mesh, path, warnings) for mesh in raw.meshes]
    # Before anything is computed of numbers that may be too large for it.
    _check_size(meshes, 0.0, unit_m, unit_source, path)
    surface = _surface([mesh for mesh in meshes if len(mesh.faces)], path)
    meshes = _without_degenerate(meshes, path, warnings)
    warnings += _surface_warnings(surface)
    warnings += _precision_warnings(meshes)
    _check_size(meshes, _SMALLEST_M, unit_m, unit_source, path)
    names = tuple(dict.fromkeys(mesh.part or "part" for mesh in meshes))
    notes = Notes()
    merged = _merged([_dressed(mesh, remarks, notes) for mesh in meshes])
    primitives = tuple(_primitive(group, names, unit_m, warnings) for group in merged)
    points = np.concatenate([p.positions_m for p in primitives])
    hull_m = points[hull_vertices(points)]
    if remarks.diameter is not None:
        warnings += _diameter_warnings(hull_m, remarks.diameter * unit_m)
    is_closed = surface.is_closed and all(p.material.alpha_mode != "mask" for p in primitives)
    centroid = np.array(surface.centroid) * unit_m if surface.is_closed else hull_centroid(hull_m)
    poses, probs = stable_poses(hull_m, centroid)
    model = Model(
        name=name,
        category=category,
        sha256=sha256,
        unit_m=unit_m,
        up=remarks.up or raw.up or ("y" if path.suffix.lower() in _Y_UP else "z"),
        primitives=primitives,
        hull_m=_frozen(hull_m),
        is_closed=is_closed,
        stable_poses=_frozen(poses),
        stable_probs=_frozen(probs),
        parts=names if len(names) > 1 else (),
        keypoints=tuple(
            Keypoint(name=name, point_m=(x * unit_m, y * unit_m, z * unit_m))
            for name, (x, y, z) in remarks.keypoints or ()
        ),
        symmetry=None if remarks.symmetry is None else remarks.symmetry.scaled(unit_m),
        diameter_m=None if remarks.diameter is None else remarks.diameter * unit_m,
    )
    return BuiltModel(
        model=model,
        unit_source=unit_source,
        surface=surface,
        warnings=tuple(dict.fromkeys([*warnings, *notes.lines()])),
    )


def _checked(mesh: RawMesh, path: Path, warnings: list[str]) -> RawMesh:
    """The mesh with the vertices that are used, all of them finite."""
    faces, count = mesh.faces, len(mesh.positions)
    if faces.size and not (faces.min() >= 0 and faces.max() < count):
        bad = faces.max() if faces.max() >= count else faces.min()
        raise AssetError(path, f"faces must name vertices 0 to {count - 1}, got {bad}")
    used = np.zeros(count, bool)
    used[faces] = True
    positions = mesh.positions[used]
    if not np.isfinite(positions).all():
        n_bad = int((~np.isfinite(positions)).any(axis=1).sum())
        raise AssetError(path, f"positions must be finite, got {n_bad} that are not")

    def of_used(array: NDArray[np.float64] | None, what: str) -> NDArray[np.float64] | None:
        if array is None:
            return None
        # In single precision, in which they are drawn.
        if (np.abs(array[used]) <= np.finfo(np.float32).max).all():
            return array[used]
        warnings.append(f"{what} that are not finite were left out")
        return None

    return replace(
        mesh,
        positions=positions + 0.0,  # no negative zeros: equal positions are equal bytes
        faces=(np.cumsum(used) - 1)[faces],
        normals=None if mesh.normals is None else mesh.normals[used],
        uv=of_used(mesh.uv, "UVs"),
        colors=of_used(mesh.colors, "vertex colours"),
    )


def _surface(meshes: Sequence[RawMesh], path: Path) -> Topology:
    if not meshes:
        raise AssetError(path, "holds no triangles")
    starts = np.cumsum([0, *(len(mesh.positions) for mesh in meshes)])
    return Topology.of(
        np.concatenate([mesh.positions for mesh in meshes]),
        np.concatenate([mesh.faces + start for mesh, start in zip(meshes, starts)]),
    )


def _without_degenerate(
    meshes: Sequence[RawMesh], path: Path, warnings: list[str]
) -> list[RawMesh]:
    solid_meshes: list[RawMesh] = []
    dropped = 0
    for mesh in meshes:
        corners = mesh.positions[mesh.faces]
        edges = corners[:, [1, 2, 0]] - corners
        area = np.linalg.norm(np.cross(edges[:, 0], edges[:, 1]), axis=1)
        longest = np.einsum("fij,fij->fi", edges, edges).max(axis=1, initial=0.0)
        solid = area > _NO_HEIGHT * longest
        dropped += int((~solid).sum())
        if solid.all() and len(solid):
            solid_meshes.append(mesh)
        elif solid.any():
            solid_meshes.append(_checked(replace(mesh, faces=mesh.faces[solid]), path, warnings))
    if not solid_meshes:
        raise AssetError(path, "holds no triangle that has an area")
    if dropped:
        warnings.append(f"{dropped} {_DEGENERATE}")
    return solid_meshes


def _surface_warnings(surface: Topology) -> list[str]:
    if surface.is_wound and surface.n_inside_out == surface.n_pieces and surface.volume < 0:
        return ["its winding is inside out: turn its faces round in the modelling tool"]
    if surface.is_watertight and not surface.is_wound:
        return ["its winding is mixed: some faces are turned round"]
    return []


def _precision_warnings(meshes: Sequence[RawMesh]) -> list[str]:
    """Warns of a shape far from its origin: files hold 7 digits, of which few are left for it."""
    points = np.concatenate([mesh.positions for mesh in meshes])
    lo, hi = points.min(axis=0), points.max(axis=0)
    offset, extent = float(np.abs((lo + hi) / 2).max()), float((hi - lo).max())
    if offset < _FAR * extent:
        return []
    return [
        f"it lies {offset / extent:.3g} times its size from the origin, where single precision "
        "loses detail: move it to the origin before export"
    ]


def _diameter_warnings(hull_m: NDArray[np.float64], diameter_m: float) -> list[str]:
    """A declared diameter lies between the longest side of the box and its diagonal."""
    sides = np.ptp(hull_m, axis=0)
    low, high = float(sides.max()), float(np.linalg.norm(sides))
    if low * (1 - _LOOSE) <= diameter_m <= high * (1 + _LOOSE):
        return []
    return [
        f"models_info.json says a diameter of {diameter_m:.4g} m, and its box allows {low:.4g} to "
        f"{high:.4g} m: that is of another model, or in another unit"
    ]


def _unit(raw: RawModel, path: Path, remarks: Remarks) -> tuple[float, str]:
    suffix = path.suffix.lower()
    unit = DEFAULT_UNITS.get(suffix, "m")
    found = (UNITS_M[unit], f"{_DEFAULT}{suffix[1:].upper()} ({unit})")
    if remarks.unit_m is not None:
        found = (remarks.unit_m, remarks.unit_source)
    elif raw.unit_m is not None:
        found = (raw.unit_m, raw.unit_source)
    if not _SMALLEST_UNIT_M <= found[0] <= 1 / _SMALLEST_UNIT_M:
        rule = f"be {_SMALLEST_UNIT_M:g} to {1 / _SMALLEST_UNIT_M:g} m"
        raise AssetError(path, f"unit must {rule}, got {found[0]:g} m ({found[1]})")
    return found


def _check_size(
    meshes: Sequence[RawMesh], smallest_m: float, unit_m: float, source: str, path: Path
) -> None:
    points = np.concatenate([mesh.positions for mesh in meshes])
    with np.errstate(over="ignore"):
        extent_m = float(np.ptp(points, axis=0).max(initial=0.0)) * unit_m
    if not smallest_m <= extent_m <= _LARGEST_M:
        raise AssetError(
            path,
            f"its longest side must be {_SMALLEST_M:g} to {_LARGEST_M:g} m, got {extent_m:.3g} m "
            f"at {unit_m:g} m a unit ({source}); state its unit in a side file",
        )


def _dressed(mesh: RawMesh, remarks: Remarks, notes: Notes) -> RawMesh:
    """The mesh with the finish that a side file names, else its own material, else the default."""
    if remarks.finish is not None:
        return replace(mesh, material=FINISHES[remarks.finish], uv=None, colors=None)
    if mesh.material is None:
        return replace(mesh, material=FINISHES[DEFAULT_FINISH])
    if mesh.uv is None and _textures(mesh.material):
        kind = "materials have textures, and their meshes no UVs; the factors alone are drawn"
        notes.add(kind, mesh.material.name)
    return mesh


def _merged(meshes: Sequence[RawMesh]) -> list[list[RawMesh]]:
    """Meshes of one material object that carry the same attributes, which become one."""
    groups: dict[tuple[int, bool, bool, bool], list[RawMesh]] = {}
    for mesh in meshes:
        uv = mesh.uv if mesh.material is not None and _textures(mesh.material) else None
        carried = replace(mesh, uv=uv)
        key = (id(mesh.material), uv is not None, mesh.colors is not None, _has_normals(mesh))
        groups.setdefault(key, []).append(carried)
    return list(groups.values())


def _joined(meshes: Sequence[RawMesh]) -> RawMesh:
    if len(meshes) == 1:
        return meshes[0]
    starts = np.cumsum([0, *(len(mesh.positions) for mesh in meshes)])

    def all_of(what: str) -> NDArray[np.float64] | None:
        arrays = [getattr(mesh, what) for mesh in meshes]
        return None if any(a is None for a in arrays) else np.concatenate(arrays)

    return RawMesh(
        positions=np.concatenate([mesh.positions for mesh in meshes]),
        faces=np.concatenate([mesh.faces + start for mesh, start in zip(meshes, starts)]),
        material=meshes[0].material,
        normals=all_of("normals"),
        uv=all_of("uv"),
        colors=all_of("colors"),
    )


def _has_normals(mesh: RawMesh) -> bool:
    """True if every vertex has a normal with a direction."""
    if mesh.normals is None:
        return False
    with np.errstate(over="ignore", invalid="ignore"):
        lengths = np.linalg.norm(mesh.normals, axis=1)
    return bool(((lengths > 1e-12) & np.isfinite(lengths)).all())


def _primitive(
    group: Sequence[RawMesh], parts: Sequence[str], unit_m: float, warnings: list[str]
) -> Primitive:
    mesh = _joined(group)
    primitive = _with_normals(mesh, unit_m, warnings)
    if len(parts) < 2:
        return primitive
    idx = np.array([parts.index(one.part or "part") for one in group], np.int32)
    return replace(primitive, face_parts=_frozen(np.repeat(idx, [len(one.faces) for one in group])))


def _with_normals(mesh: RawMesh, unit_m: float, warnings: list[str]) -> Primitive:
    faces, old, normals = mesh.faces, slice(None), mesh.normals
    if normals is None or not _has_normals(mesh):
        if normals is not None:
            warnings.append("normals that have no direction were replaced")
        carried = [a for a in (mesh.positions, mesh.uv, mesh.colors) if a is not None]
        alike = equal_rows(np.concatenate(carried, axis=1))
        vertices, faces, normals = crease_normals(mesh.positions, mesh.faces, alike)
        return _frozen_primitive(mesh, vertices, faces, normals, unit_m)
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    return _frozen_primitive(mesh, old, faces, normals / lengths, unit_m)


def _frozen_primitive(
    mesh: RawMesh,
    vertices: NDArray[np.int64] | slice,
    faces: NDArray[np.int64],
    normals: NDArray[np.float64],
    unit_m: float,
) -> Primitive:
    material = mesh.material or FINISHES[DEFAULT_FINISH]
    if mesh.uv is None and _textures(material):
        material = _without_textures(material)
    uv = None if mesh.uv is None else _frozen(mesh.uv[vertices].astype(np.float32))
    colors = None
    if mesh.colors is not None:
        colors = _frozen(np.clip(mesh.colors[vertices], 0.0, 1.0).astype(np.float32))
    return Primitive(
        positions_m=_frozen(mesh.positions[vertices] * unit_m),
        normals=_frozen(normals.astype(np.float32)),
        faces=_frozen(np.ascontiguousarray(faces, dtype=np.int32)),
        material=material,
        uv=uv,
        colors=colors,
    )


def _textures(material: Material) -> list[Texture]:
    values = [getattr(material, f.name) for f in fields(material)]
    return [v for v in values if isinstance(v, Texture)]


def _without_textures(material: Material) -> Material:
    slots = [f.name for f in fields(material) if isinstance(getattr(material, f.name), Texture)]
    nothing: dict[str, Any] = dict.fromkeys(slots)
    return replace(material, **nothing)


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    array.setflags(write=False)
    return array
