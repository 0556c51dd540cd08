"""Compiles every kernel of the engine once, by drawing small scenes that use them all."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from render.errors import DatasetError
from render.kernels.compiled import kept_code
from render.lights.light import Light
from render.scene import (
    Camera,
    Environment,
    EnvironmentMap,
    Instance,
    Material,
    Model,
    Primitive,
    Scene,
    Surface,
    Texture,
)
from render.system.files import write_whole

if TYPE_CHECKING:
    from render.engine.cpu.engine import CpuEngine

__all__ = ["warm_up"]

_DONE = "engine-compiled"


def warm_up(engine: CpuEngine) -> None:
    """Has every kernel compiled and kept, so that no frame and no worker waits for one.

    Nothing where that was done, and where compiled code cannot be kept: each kernel is then
    compiled when it is first used.
    """
    folder = kept_code()
    if folder is None or (folder / _DONE).exists():
        return
    with _all_kept():
        for scene in _scenes():
            engine.render(scene, with_faces=True)
            engine.silhouettes(scene, scene.instances)
    # Not on a full disk, where kernels are compiled by each process.
    with contextlib.suppress(DatasetError):
        write_whole(folder / _DONE, b"done\n")


@contextlib.contextmanager
def _all_kept() -> Iterator[None]:
    """Looks for no garbage, which takes a tenth of the time: a compiler keeps what it makes."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _scenes() -> Iterator[Scene]:
    """A room of everything through a pinhole, before a map, and through a lens."""
    image = np.full((4, 4, 4), 128, np.uint8)
    image.setflags(write=False)
    texture = Texture(image=image)
    maps = Material(
        base_color_texture=texture, metallic_roughness_texture=texture, normal_texture=texture,
        occlusion_texture=texture, emissive_texture=texture, wear=0.5, wear_texture=texture,
    )  # fmt: skip
    materials = (
        maps,
        Material(triplanar=texture),
        Material(alpha_mode="mask", base_color_texture=texture),
        Material(alpha_mode="blend", base_color=(1.0, 1.0, 1.0, 0.5)),
    )
    # The last one reaches behind the camera.
    places = ((0.0, 0.0, 2.0), (0.6, 0.0, 2.2), (-0.6, 0.0, 2.4), (0.0, 0.4, 1.8), (0.9, 0.9, -0.1))
    instances = tuple(
        Instance(
            instance_idx=k, role="target", model=_tetrahedron(is_closed=k % 2 == 0),
            materials=(materials[k % len(materials)],), T_world_obj=_at(*place),
        )
        for k, place in enumerate(places)
    )  # fmt: skip
    lights = (
        Light(
            color=(1.0, 1.0, 1.0), intensity=1.0, direction_world=(0.2, 0.1, 1.0), radius_deg=2.0
        ),
        Light(color=(1.0, 1.0, 1.0), intensity=1.0, position_world=(0.1, 0.1, 2.1), radius_m=0.05),
    )
    ground = Surface(
        model=_tetrahedron(is_closed=False), material=Material(), T_world_obj=_at(0, 1, 2)
    )
    pixels = np.ones((2, 4, 3), np.float32)
    around = EnvironmentMap(
        name="", radiance=pixels, suns=(), sh=np.ones((9, 3), np.float32),
        sh_upper=np.ones((9, 3), np.float32), glossy=np.ones((2, 2, 4, 3), np.float32),
        mirror=pixels,
    )  # fmt: skip
    camera = Camera(
        K=np.array([[60.0, 0.0, 31.5], [0.0, 60.0, 23.5], [0.0, 0.0, 1.0]]), size_wh=(64, 48),
        T_world_cam=np.eye(4), near_m=0.05, far_m=100.0,
    )  # fmt: skip
    room = Scene(
        camera=camera, instances=instances, lights=lights,
        backdrop=np.zeros((48, 64, 3), np.float32),
        surfaces=(ground, replace(ground, catches_shadows=True)),
    )  # fmt: skip
    environment = Environment(map=around)
    yield room
    yield replace(room, backdrop=environment, environment=environment)
    yield replace(room, camera=replace(camera, distortion=(-0.1, 0.01, 0.001, 0.001)))


def _tetrahedron(*, is_closed: bool) -> Model:
    points = np.array([[0.0, 0.0, 0.0], [0.5, 0.0, 0.0], [0.0, 0.5, 0.0], [0.0, 0.0, 0.5]])
    normals = np.full((4, 3), 1.0 / np.sqrt(3.0), np.float32)
    primitive = Primitive(
        positions_m=points, normals=normals,
        faces=np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]], np.int32),
        material=Material(), uv=points[:, :2].astype(np.float32),
        colors=np.ones((4, 4), np.float32) if is_closed else None,
    )  # fmt: skip
    return Model(
        name="", category="", sha256="", unit_m=1.0, up="z", primitives=(primitive,),
        hull_m=points, is_closed=is_closed,
    )  # fmt: skip


def _at(x: float, y: float, z: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    T = np.eye(4)
    T[:3, 3] = x, y, z
    return T
