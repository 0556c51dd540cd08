"""What a reader of a model file gives: arrays in the file's own units, not yet checked."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from render.errors import AssetError
from render.scene import Material
from render.sensor.color import srgb_to_linear

__all__ = [
    "MAX_FACES",
    "READ_ERRORS",
    "UNITS_M",
    "PartNames",
    "RawMesh",
    "RawModel",
    "cofactors",
    "limited",
    "linear_of_srgb",
    "phong_roughness",
    "placed",
    "top_of_colors",
]

# Beyond any model that can be drawn many times a second; guards memory against broken counts
# and against parts that are placed over and over.
MAX_FACES = 64 * 10**6

# Rounding leaves floats a little over 1.
_WELL_OVER_1 = 1.5

# Metres per unit; the long names are those of 3MF, DAE and trimesh.
UNITS_M = {
    "m": 1.0, "meter": 1.0, "meters": 1.0, "metre": 1.0, "metres": 1.0,
    "mm": 1e-3, "millimeter": 1e-3, "millimeters": 1e-3,
    "cm": 1e-2, "centimeter": 1e-2, "centimeters": 1e-2,
    "um": 1e-6, "micron": 1e-6, "microns": 1e-6, "micrometer": 1e-6,
    "in": 0.0254, "inch": 0.0254, "inches": 0.0254,
    "ft": 0.3048, "foot": 0.3048, "feet": 0.3048,
}  # fmt: skip

# What parsers of the libraries raise on broken files: nearly all there is, because some of them
# check nothing and stumble.
READ_ERRORS = (
    ValueError, TypeError, KeyError, IndexError, AttributeError, AssertionError, OSError,
    RecursionError, ArithmeticError, NotImplementedError, StopIteration, EOFError, ImportError,
    SyntaxError, MemoryError, RuntimeError, NameError, struct.error, zlib.error,
    zipfile.BadZipFile,
)  # fmt: skip


@dataclass(frozen=True, eq=False, kw_only=True)
class RawMesh:
    """Triangles of one material, in file units, with node transforms applied.

    Attributes:
        positions: ``(V, 3)`` float64.
        faces: ``(F, 3)`` int64; may still be out of range.
        material: None where the file says nothing about the look.
        normals: ``(V, 3)`` float64 or None; as authored, any length.
        uv: ``(V, 2)`` float64 or None; ``v = 0`` is the bottom row of the image.
        colors: ``(V, 4)`` float64 linear RGBA or None.
        part: The body it belongs to; "" where the file does not tell bodies apart.

    """

    positions: NDArray[np.float64]
    faces: NDArray[np.int64]
    material: Material | None = None
    normals: NDArray[np.float64] | None = None
    uv: NDArray[np.float64] | None = None
    colors: NDArray[np.float64] | None = None
    part: str = ""


class PartNames:
    """Names for the bodies of a file, each once: a second ``screw`` is ``screw.2``."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._taken: set[str] = set()

    def next(self, name: object) -> str:
        """A name that no other body has, from the one in the file, "part" where there is none."""
        base = (name.strip() if isinstance(name, str) else "") or "part"
        while True:
            self._counts[base] += 1
            n = self._counts[base]
            made = base if n == 1 else f"{base}.{n}"
            if made not in self._taken:
                self._taken.add(made)
                return made


@dataclass(frozen=True, eq=False, kw_only=True)
class RawModel:
    """One model file as read.

    Attributes:
        unit_m: Metres per unit, where the file or its format stores it.
        unit_source: Where `unit_m` comes from, for people.
        up: Axis that points up, where the file or its format says so.
        warnings: What was left out or replaced; `read_raw` fills in this and what follows.
        companions: Other files that were read (textures, .mtl, .bin), in reading order.
        is_whole: Whether all companions that it names were read.

    """

    meshes: tuple[RawMesh, ...]
    unit_m: float | None = None
    unit_source: str = ""
    up: str | None = None
    warnings: tuple[str, ...] = ()
    companions: tuple[Path, ...] = field(default=())
    is_whole: bool = True


def limited(path: Path, meshes: Iterable[RawMesh]) -> Iterator[RawMesh]:
    """Passes meshes on.

    Raises:
        AssetError: Before they hold more than `MAX_FACES` faces together, or more vertices than
            so many faces can have.

    """
    n_faces = n_vertices = 0
    for mesh in meshes:
        n_faces, n_vertices = n_faces + len(mesh.faces), n_vertices + len(mesh.positions)
        if n_faces > MAX_FACES:
            raise AssetError(path, f"must have at most {MAX_FACES} triangles: simplify it")
        if n_vertices > 3 * MAX_FACES:
            raise AssetError(path, f"must have at most {3 * MAX_FACES} vertices: simplify it")
        yield mesh


def linear_of_srgb(srgb: Any) -> NDArray[np.float64]:
    """Linear light of display sRGB, elementwise, clipped to [0, 1] before."""
    value = np.clip(np.asarray(srgb, dtype=np.float64), 0.0, 1.0)
    return srgb_to_linear(value)


def top_of_colors(values: NDArray[Any]) -> float:
    """What stands for 1 in stored colours: 1 in floats, 255, 65535, or the most of an integer type.

    The first of these that no value is over, because writers put bytes into floats and into wider
    integers. Bytes of 0 and 1 alone as floats would be black.
    """
    most = np.nanmax(values, initial=0)
    if values.dtype.kind in "iu":
        of_type = float(np.iinfo(values.dtype).max)
        return next((t for t in (255.0, min(65535.0, of_type)) if most <= t), of_type)
    return next((t for t in (1.0, 255.0) if most <= _WELL_OVER_1 * t), 65535.0)


def phong_roughness(exponent: float) -> float:
    """Roughness r of a Phong exponent: r^2 = sqrt(2 / (n + 2)) (Walter et al. 2007)."""
    return float((2.0 / (max(exponent, 0.0) + 2.0)) ** 0.25)


def placed(raw: RawMesh, matrix: NDArray[np.float64]) -> RawMesh:
    """Applies a ``(4, 4)`` world matrix; a mirroring one turns the winding round."""
    linear = matrix[:3, :3]
    if np.array_equal(linear, np.eye(3)):
        # No negative zeros, as the products below have none.
        normals = None if raw.normals is None else raw.normals + 0.0
        return replace(raw, positions=raw.positions + matrix[:3, 3], normals=normals)
    normals, faces = raw.normals, raw.faces
    det = float(np.linalg.det(linear))
    if normals is not None:
        normals = normals @ cofactors(linear).T * (-1.0 if det < 0 else 1.0)
    if det < 0:
        faces = faces[:, ::-1]
    return replace(
        raw, positions=raw.positions @ linear.T + matrix[:3, 3], faces=faces, normals=normals
    )


def cofactors(linear: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cofactor matrices of ``(..., 3, 3)``, by which normals turn.

    The inverse transpose times the determinant; exists for flat ones too.
    """
    x, y, z = (linear[..., row, :] for row in range(3))
    return np.stack([np.cross(y, z), np.cross(z, x), np.cross(x, y)], axis=-2)
