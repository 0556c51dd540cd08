"""Twenty scenes of the starter assets, made by hand: things that stand on a surface."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from render.assembly.lights import suns_of
from render.geometry.frames import look_at, rigid, transform_points
from render.geometry.projection import fov_to_K
from render.library.environments import EnvironmentLibrary
from render.library.images import ImageLibrary
from render.library.models import ModelLibrary
from render.lights.light import Light
from render.scene import (
    Camera,
    Environment,
    Instance,
    Material,
    Model,
    Primitive,
    Scene,
    Surface,
    Texture,
)
from render.system.paths import find_assets

__all__ = ["draw_scenes"]

_MODELS = ("bolt.glb", "mug.glb", "die.glb", "gear.glb", "bearing.glb", "bottle.glb",
           "screwdriver.glb", "nut.glb", "bracket.obj", "pulley.stl")  # fmt: skip
_SURFACES = ("wood", "granite", "fabric", None)
_EXTENT_M = 0.1
_PLACES = ((0.0, 0.0), (0.13, 0.03), (-0.04, 0.13), (-0.12, -0.04))
_SIZE_WH = (320, 240)

Array = NDArray[np.float64]


def draw_scenes(count: int, seed: int = 3) -> list[Scene]:
    """Scenes of three or four things; every fourth lit by lamps, the others by a map."""
    models = ModelLibrary(find_assets("models"))
    maps = EnvironmentLibrary(find_assets("environments"))
    textures = ImageLibrary(find_assets("textures"), what="texture")
    scenes = []
    for i in range(count):
        rng = np.random.default_rng([seed, i])
        chosen = rng.permutation(len(_MODELS))[: rng.integers(3, 5)]
        instances = _instances([models.load(_MODELS[k]) for k in chosen], rng)
        azimuth_deg = float(rng.uniform(0, 360))
        environment = Environment(
            map=maps.load(maps.names[i % len(maps.names)]), azimuth_deg=azimuth_deg
        )
        surface = _surface(_SURFACES[(i // 2) % len(_SURFACES)], textures)
        is_lamp_lit = i % 4 == 3
        scenes.append(
            Scene(
                camera=_camera(rng),
                instances=instances,
                lights=_lamps(rng) if is_lamp_lit else suns_of(environment),
                ambient=(0.19, 0.2, 0.22) if is_lamp_lit else (0.0, 0.0, 0.0),
                backdrop=environment,
                environment=None if is_lamp_lit else environment,
                surfaces=(surface,),
            )
        )
    return scenes


def _instances(models: Sequence[Model], rng: np.random.Generator) -> tuple[Instance, ...]:
    instances = []
    for i, model in enumerate(models):
        scale = float(_EXTENT_M * rng.uniform(0.8, 1.2) / model.extent_m)
        rest = model.stable_poses[rng.choice(len(model.stable_poses), p=model.stable_probs)]
        turn = rng.uniform(0, 2 * np.pi)
        c, s = np.cos(turn), np.sin(turn)
        R = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]]) @ rest
        hull = transform_points(rigid(R, np.zeros(3)), scale * model.hull_m)
        low, high = hull.min(axis=0), hull.max(axis=0)
        shift = np.array([*(np.array(_PLACES[i]) - (low + high)[:2] / 2), -low[2]])
        instances.append(
            Instance(
                instance_idx=i,
                role="target",
                model=model,
                materials=tuple(p.material for p in model.primitives),
                T_world_obj=rigid(R, shift),
                scale=scale,
            )
        )
    return tuple(instances)


def _camera(rng: np.random.Generator) -> Camera:
    azimuth, elevation = rng.uniform(0, 2 * np.pi), np.radians(rng.uniform(20, 60))
    away = np.array(
        [
            np.cos(elevation) * np.cos(azimuth),
            np.cos(elevation) * np.sin(azimuth),
            np.sin(elevation),
        ]
    )
    return Camera(
        K=fov_to_K(42.0, _SIZE_WH),
        size_wh=_SIZE_WH,
        T_world_cam=look_at(0.5 * away, np.array([0.0, 0.03, 0.03])),
        near_m=0.05,
        far_m=60.0,
    )


def _surface(texture: str | None, textures: ImageLibrary) -> Surface:
    corners = np.array([[-1.0, -1.0, 0.0], [1.0, -1.0, 0.0], [1.0, 1.0, 0.0], [-1.0, 1.0, 0.0]])
    square = Primitive(
        positions_m=corners,
        normals=np.tile(np.array([0.0, 0.0, 1.0], np.float32), (4, 1)),
        faces=np.array([[0, 1, 2], [0, 2, 3]], np.int32),
        material=Material(),
    )
    model = Model(
        name="square", category="", sha256="", unit_m=1.0, up="z", primitives=(square,),
        hull_m=corners,
    )  # fmt: skip
    material = Material(base_color=(0.5, 0.48, 0.45, 1.0), roughness=0.6)
    half_m = 20.0
    if texture is not None:
        rgb = textures.load(f"{texture}.jpg")
        rgba = np.concatenate([rgb, np.full((*rgb.shape[:2], 1), 255, np.uint8)], axis=-1)
        material = replace(
            material,
            base_color=(1.0, 1.0, 1.0, 1.0),
            triplanar=Texture(image=rgba),
            triplanar_size_m=0.3 / half_m,
        )
    T = rigid(np.eye(3), np.array([0.0, 0.0, -1e-5]))
    return Surface(model=model, material=material, T_world_obj=T, scale=half_m)


def _lamps(rng: np.random.Generator) -> tuple[Light, ...]:
    """A soft lamp above and a far one from the side."""
    angle, side = rng.uniform(0, 2 * np.pi, 2)
    place = np.array([0.4 * np.cos(angle), 0.4 * np.sin(angle), 0.6])
    x, y, z = (float(v) for v in place)
    length = float(np.linalg.norm(place))
    low = np.array([np.cos(side), np.sin(side), 0.6]) / np.hypot(1.0, 0.6)
    return (
        Light(
            color=(1.05, 1.0, 0.85),
            intensity=0.5 * length**2,
            position_world=(x, y, z),
            direction_world=(-x / length, -y / length, -z / length),
            radius_m=0.12,
            is_flat=True,
        ),
        Light(
            color=(1.0, 1.0, 1.0),
            intensity=0.25,
            direction_world=(-float(low[0]), -float(low[1]), -float(low[2])),
            radius_deg=4.0,
        ),
    )
