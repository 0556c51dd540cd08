"""The same objects at the same places for this engine and for the stock script."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from render.assembly.lights import suns_of
from render.geometry.frames import rigid
from render.geometry.projection import fov_to_K
from render.library.environments import EnvironmentLibrary
from render.library.models import ModelLibrary
from render.lights.light import Light
from render.scene import Camera, Environment, Instance, Model, Scene
from render.system.paths import find_assets

__all__ = ["AMBIENT", "BRIGHTNESS", "SIZE_WH", "Frame", "draw_frames", "lit_by", "scaled"]

SIZE_WH = (640, 480)
NEAR_M, FAR_M = 0.05, 5.0
# Of the stock script's lamps: white surfaces stay below white, where edges would be cut off.
BRIGHTNESS = 0.4
AMBIENT = 0.8  # where there are no lamps

# Files that trimesh and this project read alike: no cut-outs, no units or axes of their own.
_MODELS = ("bearing.glb", "bolt.glb", "bottle.glb", "die.glb", "gear.glb", "mug.glb", "nut.glb",
           "screwdriver.glb")  # fmt: skip
_MOST_PX = 125.0  # of an object's longest side
_CROWD = 1.5  # more objects are smaller: their boxes cover so much of the image, all together
# The camera looks along +Y of a world whose Z is up.
_R_WORLD_CAM = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
_TOWARDS_GL = ((-1.0, 1.0, 1.0), (1.0, 1.0, 1.0), (0.0, -1.0, 1.0))  # as in stock_pyrender.py
_CV_FROM_GL = np.diag([1.0, -1.0, -1.0])


@dataclass(frozen=True, eq=False, kw_only=True)
class Frame:
    """One scene, twice.

    Attributes:
        scene: For this engine; without lights.
        objects: For the stock script, in the order of the scene's instances: ``path``, ``R``,
            ``t``, ``scale`` as `stock_pyrender.add_objects` takes them.

    """

    scene: Scene
    objects: list[dict[str, Any]]


def draw_frames(count: int, n_objects: int, seed: int = 5) -> list[Frame]:
    """Frames of so many objects, at any angle, anywhere in the image."""
    folder = find_assets("models").resolve()
    library = ModelLibrary(folder)
    models = [library.load(name) for name in _MODELS]
    camera = Camera(
        K=fov_to_K(50.0, SIZE_WH), size_wh=SIZE_WH, T_world_cam=rigid(_R_WORLD_CAM, np.zeros(3)),
        near_m=NEAR_M, far_m=FAR_M,
    )  # fmt: skip
    backdrop = np.full((SIZE_WH[1], SIZE_WH[0], 3), 0.2, np.float32)
    backdrop.setflags(write=False)
    frames = []
    for i in range(count):
        rng = np.random.default_rng([seed, n_objects, i])
        instances = tuple(_instance(k, models, camera, n_objects, rng) for k in range(n_objects))
        scene = Scene(camera=camera, instances=instances, lights=(), backdrop=backdrop)
        objects = [_stock_object(x, camera) | {"path": str(folder / x.model.name)}
                   for x in instances]  # fmt: skip
        frames.append(Frame(scene=scene, objects=objects))
    return frames


def lit_by(scene: Scene, light: str, *, shadows: bool) -> Scene:
    """The scene under the three lamps of the stock script, or under an environment map.

    Args:
        scene: Without lights.
        light: ``directional``, ``environment``, or ``ambient``: from everywhere alone.
        shadows: Whether lamps, or the map's bright parts, cast them.

    """
    if light == "environment":
        library = EnvironmentLibrary(find_assets("environments"))
        environment = Environment(map=library.load("workshop.hdr"))
        suns = suns_of(environment, casts_shadow=shadows)
        return replace(scene, environment=environment, lights=suns)
    if light == "ambient":
        return replace(scene, ambient=(AMBIENT, AMBIENT, AMBIENT))
    lamps = []
    for towards in _TOWARDS_GL:
        away = -_R_WORLD_CAM @ _CV_FROM_GL @ np.array(towards) / np.linalg.norm(towards)
        lamps.append(
            Light(
                color=(1.0, 1.0, 1.0), intensity=3.0 * BRIGHTNESS / np.pi,
                direction_world=(float(away[0]), float(away[1]), float(away[2])),
                casts_shadow=shadows,
            )
        )  # fmt: skip
    fill = 0.3 * BRIGHTNESS
    return replace(scene, lights=tuple(lamps), ambient=(fill, fill, fill))


def scaled(scene: Scene, times: int) -> Scene:
    """The same view with so many times more pixels along each side."""
    camera = scene.camera
    K = camera.K * times
    K[:2, 2] += (times - 1) / 2  # centre coordinates
    K[2, 2] = 1.0
    size_wh = (camera.size_wh[0] * times, camera.size_wh[1] * times)
    backdrop = np.full((size_wh[1], size_wh[0], 3), 0.2, np.float32)
    return replace(scene, camera=replace(camera, K=K, size_wh=size_wh), backdrop=backdrop)


def _instance(
    idx: int, models: Sequence[Model], camera: Camera, n_objects: int, rng: np.random.Generator
) -> Instance:
    model = models[int(rng.integers(len(models)))]
    width, height = camera.size_wh
    side_px = min(_MOST_PX, float(np.sqrt(_CROWD * width * height / n_objects)))
    side_px *= float(rng.uniform(0.8, 1.2))
    depth_m = float(rng.uniform(0.5, 1.5))
    scale = side_px * depth_m / (camera.K[0, 0] * model.extent_m)
    uv = rng.uniform((0.1 * width, 0.1 * height), (0.9 * width, 0.9 * height))
    middle = depth_m * np.array(
        [(uv[0] - camera.K[0, 2]) / camera.K[0, 0], (uv[1] - camera.K[1, 2]) / camera.K[1, 1], 1.0]
    )
    R_cam_obj = _rotation(rng)
    T_cam_obj = rigid(R_cam_obj, middle - scale * (R_cam_obj @ model.center_m))
    return Instance(
        instance_idx=idx, role="target", model=model,
        materials=tuple(p.material for p in model.primitives),
        T_world_obj=camera.T_world_cam @ T_cam_obj, scale=scale,
    )  # fmt: skip


def _rotation(rng: np.random.Generator) -> NDArray[np.float64]:
    """Any rotation, evenly: from a unit quaternion."""
    w, x, y, z = (q := rng.normal(size=4)) / np.linalg.norm(q)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def _stock_object(instance: Instance, camera: Camera) -> dict[str, Any]:
    """Pose in the camera frame, of the vertices as the file holds them."""
    T = np.linalg.inv(camera.T_world_cam) @ instance.T_world_obj
    return {"R": T[:3, :3], "t": T[:3, 3], "scale": instance.scale * instance.model.unit_m}
