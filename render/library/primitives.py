"""Shapes made by the program: distractors."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from render.geometry.frames import rigid
from render.library.build_model import build_model
from render.library.readers.raw import RawMesh, RawModel
from render.library.side_files import Remarks
from render.scene import Material, Model
from render.system.disk_cache import cached, source_digest
from render.system.interrupts import interrupts_held

__all__ = ["PREFIX", "make_primitive"]

PREFIX = "primitive:"
_LOOK = Material(name="primitive", base_color=(0.6, 0.6, 0.6, 1.0))

# By kind: the function of trimesh.creation, its arguments.
_SHAPES: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "box": ("box", {"extents": (1.0, 1.0, 1.0)}),
    "sphere": ("icosphere", {"subdivisions": 4, "radius": 0.5}),
    "cylinder": ("cylinder", {"radius": 0.35, "height": 1.0, "sections": 64}),
    "cone": ("cone", {"radius": 0.4, "height": 1.0, "sections": 64}),
    "torus": (
        "torus",
        {"major_radius": 0.35, "minor_radius": 0.15, "major_sections": 64, "minor_sections": 32},
    ),
    "bar": ("cylinder", {"radius": 0.045, "height": 1.0, "sections": 24}),
    "card": ("box", {"extents": (1.0, 0.72, 0.012)}),
}
# Both ends and the radius of each limb: wrist, palm, and fingers of two bones.
_HAND = (
    ((0.0, 0.0, -0.5), (0.0, 0.0, -0.12), 0.085),
    ((-0.08, 0.0, -0.08), (-0.09, 0.0, 0.12), 0.072),
    ((0.0, 0.0, -0.08), (0.0, 0.0, 0.13), 0.076),
    ((0.08, 0.0, -0.08), (0.09, 0.0, 0.11), 0.07),
    ((-0.125, 0.0, 0.12), (-0.14, 0.03, 0.28), 0.036),
    ((-0.14, 0.03, 0.28), (-0.14, 0.1, 0.37), 0.032),
    ((-0.045, 0.0, 0.14), (-0.05, 0.03, 0.34), 0.04),
    ((-0.05, 0.03, 0.34), (-0.05, 0.11, 0.44), 0.035),
    ((0.035, 0.0, 0.14), (0.04, 0.03, 0.33), 0.04),
    ((0.04, 0.03, 0.33), (0.04, 0.12, 0.42), 0.035),
    ((0.115, 0.0, 0.11), (0.13, 0.03, 0.24), 0.034),
    ((0.13, 0.03, 0.24), (0.13, 0.09, 0.31), 0.03),
    ((0.12, 0.0, -0.08), (0.21, 0.08, 0.03), 0.045),
    ((0.21, 0.08, 0.03), (0.22, 0.13, 0.14), 0.038),
)


def make_primitive(name: str) -> Model:
    """``primitive:box``, ``sphere``, ``cylinder``, ``cone``, ``torus``, ``bar``, ``card`` or
    ``hand``; about 1 m, closed.

    The cylinder, the cone and the bar stand along z; the torus lies around it. The card is
    thin along z. The hand has its fingers along z and is made of closed parts that
    overlap.

    Raises:
        KeyError: Any other name.

    """
    # Kept, because trimesh and the libraries that it imports take 60 MiB of each process.
    return cached(f"{name} {source_digest()}", lambda: _made(name))


def _made(name: str) -> Model:
    trimesh = _trimesh()
    kind = name.removeprefix(PREFIX)
    mesh: Any
    if kind == "hand":
        mesh = trimesh.util.concatenate([_limb(*part) for part in _HAND])
    else:
        function, arguments = _SHAPES[kind]
        mesh = getattr(trimesh.creation, function)(**arguments)
    positions = np.asarray(mesh.vertices, np.float64)
    faces = np.asarray(mesh.faces, np.int64)
    raw = RawModel(
        meshes=(RawMesh(positions=positions, faces=faces, material=_LOOK),), unit_m=1.0, up="z"
    )
    built = build_model(
        raw,
        path=Path(name),
        name=name,
        category=name,
        sha256=hashlib.sha256(positions.tobytes() + faces.tobytes()).hexdigest(),
        remarks=Remarks(),
    )
    return built.model


def _trimesh() -> Any:
    """The module trimesh, imported at its first use: that takes longer than to render a frame."""
    with interrupts_held():
        import trimesh
    return trimesh


def _limb(start: tuple[float, float, float], end: tuple[float, float, float], radius: float) -> Any:
    """A capsule between two points."""
    trimesh = _trimesh()
    a, b = np.array(start), np.array(end)
    length = float(np.linalg.norm(b - a))
    limb = trimesh.creation.capsule(height=length, radius=radius, count=(12, 12))
    from scipy.spatial.transform import Rotation  # takes a moment to import

    turn, _ = Rotation.align_vectors([(b - a) / length], [(0.0, 0.0, 1.0)])
    limb.apply_transform(rigid(turn.as_matrix(), a))
    return limb
