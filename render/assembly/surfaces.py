"""Ground and walls under and around the objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from render.assembly.materials import TextureSource, library_texture
from render.assembly.textures import TextureCache
from render.geometry.frames import rigid, transform_points
from render.sampling.arrangement import ARRANGEMENTS
from render.sampling.background import Background
from render.scene import Instance, Material, Model, Primitive, Surface
from render.sensor.color import srgb_to_linear
from render.theta import Placement

__all__ = ["REACH", "SURFACES", "build_surfaces", "has_ground"]

SURFACES = ("floor", "room", "tabletop")
# A floor reaches that many distances of the camera; to the eye, up to the horizon.
REACH = 50.0

# Gap under the lowest object, over the principal extent: nothing shows through from below.
_GAP = 1e-4
# How far the edge of a table, or a wall, is from what stands there, in footprints.
_TABLE, _ROOM = 1.35, 1.8
# A wall behind the camera, over the distance of the camera.
_BEHIND = 1.1

Matrix = NDArray[np.float64]


def _square(name: str) -> Model:
    positions = np.array([[-1.0, -1.0, 0.0], [1.0, -1.0, 0.0], [1.0, 1.0, 0.0], [-1.0, 1.0, 0.0]])
    square = Primitive(
        positions_m=positions,
        normals=np.tile(np.array([0.0, 0.0, 1.0], np.float32), (4, 1)),
        faces=np.array([[0, 1, 2], [0, 2, 3]], np.int32),
        material=Material(),
    )
    return Model(
        name=name, category="", sha256="", unit_m=1.0, up="z", primitives=(square,),
        hull_m=positions,
    )  # fmt: skip


# From -1 to 1 along x and y, seen from +z.
_SQUARE = _square("surface:square")


def has_ground(background: Background, arrangement: str) -> bool:
    """Whether there is a plane under the objects; what floats throws no shadow on a picture."""
    if background.kind in SURFACES:
        return True
    return background.catch_shadows and not ARRANGEMENTS[arrangement].floats


def build_surfaces(
    background: Background,
    arrangement: str,
    instances: Sequence[Instance],
    placement: Placement,
    assets: TextureSource,
    cache: TextureCache,
) -> tuple[Surface, ...]:
    """Surfaces of a background, at the height that the placement tells.

    Args:
        background: As drawn.
        arrangement: How the objects are arranged: ``scatter`` floats in the air.
        instances: What stands or floats there, containers and fixtures among it; may be none.
        placement: Tells the principal target, shown or not, and where the cameras of all views
            are: a floor reaches far beyond them, a room holds them.
        assets: Gives textures by name.
        cache: Keeps textures from frame to frame.

    """
    if not has_ground(background, arrangement):
        return ()
    catches = background.kind not in SURFACES
    extent = placement.extent_m
    eyes_world = np.reshape(placement.T_world_cam, (4, 4))[:3, 3][None]
    if placement.eyes_m:
        eyes_world = np.reshape(placement.eyes_m, (-1, 3))
    hulls = np.concatenate(
        [
            np.array(placement.center_m)[None],
            *(transform_points(i.T_world_obj, i.scale * i.model.hull_m) for i in instances),
        ]
    )
    height = placement.lowest_m - _GAP * extent
    center = (hulls[:, :2].min(axis=0) + hulls[:, :2].max(axis=0)) / 2
    footprint = max(float(np.linalg.norm(hulls[:, :2] - center, axis=1).max()), extent)
    level = np.array([*center, height])
    far = REACH * max(float(np.linalg.norm(eye - level)) for eye in eyes_world)
    if catches:
        return (_placed(level, np.eye(3), far, Material(), catches_shadows=True),)
    material = _material(background, extent, assets, cache)
    if background.kind == "tabletop":
        return _table(level, _TABLE * footprint, material)
    if background.kind == "room":
        # The cameras are in the room, too.
        to_eye = float(np.abs(eyes_world[:, :2] - center).max())
        return _room(level, max(_ROOM * footprint, _BEHIND * to_eye), material)
    return (_placed(level, np.eye(3), far, material),)


def _material(
    background: Background, extent: float, assets: TextureSource, cache: TextureCache
) -> Material:
    r, g, b = (float(v) for v in srgb_to_linear(np.array(background.surface_color) / 255.0))
    texture = background.surface_texture
    return Material(
        name="surface",
        base_color=(r, g, b, 1.0),
        roughness=background.surface_roughness,
        triplanar=library_texture(assets.texture(texture), cache) if texture else None,
        triplanar_size_m=background.surface_size * extent,
    )


def _table(level: Matrix, half: float, material: Material) -> tuple[Surface, ...]:
    top = _placed(level, np.eye(3), half, material)
    sides = []
    for turn in range(4):
        outwards = _turned(turn)
        # A side is the square on edge, most of it under the table's foot: out of sight.
        R = outwards @ np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
        middle = level + half * outwards[:, 0] - np.array([0.0, 0.0, half])
        sides.append(_placed(middle, R, half, material))
    return (top, *sides)


def _room(level: Matrix, half: float, material: Material) -> tuple[Surface, ...]:
    floor = _placed(level, np.eye(3), half, material)
    plain = Material(name="wall", base_color=(0.62, 0.6, 0.57, 1.0), roughness=0.9)
    walls = []
    for turn in range(4):
        inwards = -_turned(turn)[:, 0]
        x = np.cross([0.0, 0.0, 1.0], inwards)
        R = np.stack([x, np.array([0.0, 0.0, 1.0]), inwards], axis=1)
        middle = level - half * inwards + np.array([0.0, 0.0, half])
        walls.append(_placed(middle, R, half, plain))
    return (floor, *walls)


def _turned(quarters: int) -> Matrix:
    c, s = ((1, 0), (0, 1), (-1, 0), (0, -1))[quarters]
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]], dtype=np.float64)


def _placed(
    center: Matrix,
    R_world_obj: Matrix,
    half_m: float,
    material: Material,
    *,
    catches_shadows: bool = False,
) -> Surface:
    T = rigid(R_world_obj, center)
    T.setflags(write=False)
    return Surface(
        model=_SQUARE,
        # Triplanar sizes are in metres of the model, which is scaled.
        material=replace(material, triplanar_size_m=material.triplanar_size_m / half_m),
        T_world_obj=T,
        scale=half_m,
        catches_shadows=catches_shadows,
    )
