"""Scenes for engine and ray caster: whatever makes ids, silhouettes and boxes hard to get right."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import trimesh
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from render.geometry.frames import rigid
from render.library.models import ModelLibrary
from render.scene import Model, Scene
from tests.hand_made import model_of
from tests.oracle.hand_scenes import HAND_MADE
from tests.oracle.staging import scene_around, view

__all__ = ["Case", "hand_made_cases", "library_cases"]

SHARED_GROUPS = {
    "household": (
        "pbr/polyhaven_painted_wooden_stool/painted_wooden_stool_1k.gltf",
        "pbr/evo_bowl/evo_bowl.gltf",
        "pbr/polyhaven_tea_set_01/tea_set_01_1k.gltf",
        "pbr/bell_pepper/yellow_bell_pepper_no_stem_low.gltf",
        "pbr/anisotropy_barn_lamp_ktx2/AnisotropyBarnLamp.gltf",
    ),
    "furniture": (
        "pbr/polyhaven_sofa_03/sofa_03_1k.gltf",
        "pbr/polyhaven_wooden_bookshelf_worn/wooden_bookshelf_worn_1k.gltf",
        "pbr/polyhaven_wooden_table_02/wooden_table_02_1k.gltf",
        "pbr/polyhaven_painted_wooden_cabinet_02/painted_wooden_cabinet_02_1k.gltf",
        "pbr/fox_skinned/Fox.glb",
    ),
    "robot": (
        "robot/iiwa14/meshes/link_0.gltf",
        "robot/iiwa14/meshes/link_2_grey.gltf",
        "robot/iiwa14/meshes/link_4_orange.gltf",
        "robot/iiwa14/meshes/link_7.gltf",
        "pbr/franka_hand/hand.gltf",
    ),
    "parts": (
        "cad/rparak/CAD/OBJ/T_Joint.obj",
        "cad/trimesh/plate_holes.STL",
        "cad/trimesh/octagonal_pocket.stl",
        "cad/trimesh/angle_block.STL",
        "cad/trimesh/featuretype.ply",
    ),
    "cad": (
        "cad/die/d6_die_16mm_mm.stl",
        "cad/rparak/CAD/STEP/Metal_Blank.stp",
        "cad/trimesh/1002_tray_bottom.STL",
        "cad/trimesh/torus.STL",
        "cad/trimesh/ADIS16480.STL",
    ),
    "dense": (
        "pbr/flight_helmet/FlightHelmet.gltf",
        "cad/trimesh/cycloidal.ply",
        "cad/trimesh/counter.unitsmm.STL",
        "cad/trimesh/idler_riser.STL",
    ),
}  # fmt: skip
STARTER_GROUPS = {
    "hardware": ("bolt.glb", "nut.glb", "gear.glb", "bearing.glb", "grille.glb", "bracket.obj"),
    "objects": ("bottle.glb", "mug.glb", "die.glb", "screwdriver.glb", "valve.ply", "pulley.stl"),
}


@dataclass(frozen=True, kw_only=True)
class Case:
    """A scene to be built when its turn comes."""

    name: str
    build: Callable[[], Scene]


def hand_made_cases() -> tuple[Case, ...]:
    """Without any file."""
    return tuple(Case(name=f"hand/{name}", build=build) for name, build in HAND_MADE.items())


def library_cases(source: str, folder: Path) -> tuple[Case, ...]:
    """Each group of models in each situation.

    Args:
        source: ``shared`` or ``starter``.
        folder: Where that source's model files lie.

    """
    groups = SHARED_GROUPS if source == "shared" else STARTER_GROUPS
    return tuple(
        Case(
            name=f"{source}/{group}/{name}",
            build=partial(_build, folder, names, situation, f"{group}/{name}"),
        )
        for group, names in groups.items()
        for name, situation in SITUATIONS.items()
    )


@lru_cache(maxsize=2)
def _library(folder: Path) -> ModelLibrary:
    return ModelLibrary(folder)


Situation = Callable[[list[Model], np.random.Generator], Scene]


def _build(folder: Path, names: Sequence[str], situation: Situation, key: str) -> Scene:
    models = [_library(folder).load(name) for name in names]
    return situation(models, np.random.default_rng(zlib.crc32(key.encode())))


def _placed(
    model: Model, rng: np.random.Generator, at: Sequence[float], extent_m: float
) -> tuple[Model, NDArray[np.float64], float]:
    """Any which way round, its middle at a point, its longest side of a length."""
    scale = extent_m / model.extent_m
    R = Rotation.random(random_state=rng).as_matrix()
    return model, rigid(R, np.asarray(at, float) - R @ (scale * model.center_m)), scale


def _crowd(models: list[Model], rng: np.random.Generator) -> Scene:
    """Two of each in one small place: they run through each other."""
    places = [
        _placed(m, rng, rng.uniform(-0.09, 0.09, 3), rng.uniform(0.08, 0.16)) for m in models * 2
    ]
    return scene_around(view((0.3, -0.35, 0.25), (0, 0, 0), roll_deg=13.0), places)


def _frame_edge(models: list[Model], rng: np.random.Generator) -> Scene:
    """About the image's border, and far outside it."""
    angles = np.arange(len(models)) * 2 * np.pi / len(models) + rng.uniform(0, 1)
    ring = np.stack([np.cos(angles) * 0.23, np.sin(angles) * 0.17, 0 * angles], axis=1)
    places = [_placed(m, rng, p, 0.12) for m, p in zip(models, ring, strict=True)]
    places += [_placed(m, rng, 3.0 * p, 0.2) for m, p in zip(models, ring, strict=True)]
    camera = view((0, 0, 0.5), (0, 0, 0), shift_px=(31.3, -17.6), aspect=1.07, size_wh=(480, 360))
    return scene_around(camera, places)


def _among(models: list[Model], rng: np.random.Generator) -> Scene:
    """The camera between them: some behind it, some cut by the near plane."""
    places = []
    for i, model in enumerate(models * 2):
        direction = rng.normal(size=3)
        distance = (0.03, 0.12, 0.4)[i % 3]
        places.append(_placed(model, rng, distance * direction / np.linalg.norm(direction), 0.13))
    return scene_around(view((0, 0, 0), (1, 0.3, 0.1), fov_deg=75.0, size_wh=(200, 150)), places)


def _on_table(models: list[Model], rng: np.random.Generator) -> Scene:
    """Standing on one plane, seen at a low angle from afar through a long lens."""
    places = []
    for i, model in enumerate(models):
        scale = 0.2 / model.extent_m
        R = Rotation.from_euler("z", rng.uniform(0, 360), degrees=True).as_matrix()
        low = (scale * model.hull_m @ R.T)[:, 2].min()
        x, y = 0.15 * (i - len(models) / 2), 0.1 * rng.uniform(-1, 1)
        middle = R @ (scale * model.center_m)
        places.append((model, rigid(R, np.array([x - middle[0], y - middle[1], -low])), scale))
    table = model_of(trimesh.creation.box((1.5, 1.0, 0.1)), "table.obj")
    places.append((table, rigid(np.eye(3), np.array([0.0, 0.0, -0.05])), 1.0))
    camera = view((2.0, -5.0, 1.0), (0, 0, 0.05), fov_deg=12.0, near_m=0.05)
    return scene_around(camera, places)


SITUATIONS: dict[str, Situation] = {
    "crowd": _crowd,
    "frame_edge": _frame_edge,
    "among": _among,
    "on_table": _on_table,
}
