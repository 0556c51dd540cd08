"""Shapes made by the program: distractors."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from render.library.build_model import build_model
from render.library.raw import RawMesh, RawModel
from render.library.side_files import Remarks
from render.scene import Material, Model

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
}


def make_primitive(name: str) -> Model:
    """``primitive:box``, ``sphere``, ``cylinder``, ``cone`` or ``torus``; about 1 m, closed.

    The cylinder and the cone stand along z; the torus lies around it.

    Raises:
        KeyError: Any other name.

    """
    # At use: it takes longer to import than a frame to render.
    import trimesh

    function, arguments = _SHAPES[name.removeprefix(PREFIX)]
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
