"""Environment maps on the GPU, and what a scene's light from all around looks like there."""

from __future__ import annotations

from dataclasses import dataclass

import moderngl
import numpy as np
from numpy.typing import NDArray

from render.engine.pyrender.context import GlContext
from render.engine.pyrender.gl import Program
from render.engine.pyrender.gpu_cache import GpuCache
from render.geometry.frames import transform_points
from render.lights.light import Light
from render.scene import Environment, EnvironmentMap, Scene, Surface
from render.system.cache import Cache, Same

__all__ = ["EnvironmentTextures", "set_environment"]

_MOST = 24
_Y00 = 0.282094792
# What a white diffuse surface sends back by its normal, in spherical harmonics: light that is
# the same everywhere; the same below the horizon alone (its bands 0, 1 and 2: a half, z, none).
_Y00_CONSTANT = np.array([[1.0 / _Y00]] + [[0.0]] * 8)
_LOWER = np.array([[0.5 / _Y00], [0.0], [-0.5 / 0.488602512], *[[0.0]] * 6])
# The harmonics at the normal +Z.
_UP = np.array([_Y00, 0.0, 0.488602512, 0.0, 0.0, 0.0, 2 * 0.315391565, 0.0, 0.0])


@dataclass(frozen=True, eq=False, kw_only=True)
class _Uploaded:
    radiance: moderngl.Texture
    mirror: moderngl.Texture
    glossy: moderngl.TextureArray

    def release(self) -> None:
        for texture in (self.radiance, self.mirror, self.glossy):
            texture.release()


class EnvironmentTextures:
    """Copies on the GPU of the maps that were used last; it holds no reference to the maps."""

    def __init__(self, context: GlContext) -> None:
        self._context = context
        self._uploaded: Cache[Same, _Uploaded] = Cache(
            _MOST, lambda _: 1, release=_Uploaded.release
        )
        gl = context.mgl
        self._black = gl.texture((1, 1), 3, np.zeros(3, np.float16).tobytes(), dtype="f2")
        self._black_levels = gl.texture_array((1, 1, 2), 3, bytes(12), dtype="f2")

    def use(self, environment: Environment | None, *, mirror_unit: int, glossy_unit: int) -> None:
        """Binds the reflections; black for None."""
        if environment is None:
            self._black.use(mirror_unit)
            self._black_levels.use(glossy_unit)
            return
        found = self._get(environment.map)
        found.mirror.use(mirror_unit)
        found.glossy.use(glossy_unit)

    def use_radiance(self, environment: Environment | None, *, unit: int) -> None:
        """Binds the whole map, for the backdrop; black for None."""
        (self._get(environment.map).radiance if environment else self._black).use(unit)

    def _get(self, source: EnvironmentMap) -> _Uploaded:
        return self._uploaded.find(
            Same(source),
            lambda: _Uploaded(
                radiance=self._texture(source.radiance),
                mirror=self._texture(source.mirror),
                glossy=self._levels(source.glossy),
            ),
        )

    def _texture(self, image: NDArray[np.float32]) -> moderngl.Texture:
        h, w = image.shape[:2]
        texture = self._context.mgl.texture((w, h), 3, _half(image), dtype="f2", alignment=1)
        texture.filter = (moderngl.LINEAR, moderngl.LINEAR)
        texture.repeat_y = False
        return texture

    def _levels(self, levels: NDArray[np.float32]) -> moderngl.TextureArray:
        n, h, w = levels.shape[:3]
        array = self._context.mgl.texture_array(
            (w, h, n), 3, _half(levels), dtype="f2", alignment=1
        )
        array.filter = (moderngl.LINEAR, moderngl.LINEAR)
        array.repeat_y = False
        return array


def set_environment(program: Program, scene: Scene, gpu_cache: GpuCache) -> None:
    """Sets the uniforms of ``environment.glsl``."""
    environment = scene.environment
    ambient = np.array(scene.ambient)
    gain = environment.gain if environment else 0.0
    sky = np.zeros((9, 3))
    sky[0] = ambient / _Y00
    if environment is not None:
        sky += gain * environment.map.sh
    ground = ground_radiance(scene, gpu_cache)
    if ground is not None:
        upper = ambient * (_Y00_CONSTANT - _LOWER)
        sky = upper + (gain * environment.map.sh_upper if environment else 0.0) + ground * _LOWER
    program.write("u_sh", sky.astype(np.float32).tobytes())
    program.set("u_ambient", _three(ambient))
    program.set("u_env_gain", gain)
    program.set("u_env_levels", float(len(environment.map.glossy)) if environment else 2.0)
    program.write("u_map_cam", map_axes(environment, scene.camera.T_world_cam).tobytes())
    program.set("u_ground", (*_three(ground if ground is not None else np.zeros(3)),
                             float(ground is not None)))  # fmt: skip
    program.set("u_up_cam", _three(scene.camera.T_world_cam[2, :3]))


def ground_radiance(scene: Scene, gpu_cache: GpuCache) -> NDArray[np.float64] | None:
    """What level ground sends up, were it lit all over; None without any.

    Things that stand on it see this below the horizon, in place of the map.
    """
    level = [s for s in scene.surfaces if s.T_world_obj[2, 2] > 0.99 and not s.catches_shadows]
    if not level:
        return None
    received = np.zeros(3)
    if scene.environment is not None:
        received += scene.environment.gain * (_UP @ scene.environment.map.sh_upper)
    received += scene.ambient
    for light in scene.lights:
        color = light.intensity * np.array(light.color)
        received += color * _share_of_light(light, _foot(scene, level[0]))
    return np.asarray(received * gpu_cache.mean_color(level[0].material))


def _foot(scene: Scene, ground: Surface) -> NDArray[np.float64]:
    """``(3,)`` world: the point of the ground under the principal instance."""
    if not scene.instances:
        return ground.T_world_obj[:3, 3]
    first = scene.instances[0]
    at = transform_points(first.T_world_obj, first.scale * first.model.center_m[None])[0]
    at[2] = ground.T_world_obj[2, 3]
    return np.asarray(at)


def _share_of_light(light: Light, at: NDArray[np.float64]) -> float:
    """What a level white surface at a point of the world sends back of a light of intensity 1."""
    forward = np.array(light.direction_world) / np.linalg.norm(light.direction_world)
    if light.position_world is None:
        return float(max(-forward[2], 0.0))
    towards = np.array(light.position_world) - at
    distance = max(float(np.linalg.norm(towards)), 1e-9)
    share = max(float(towards[2]) / distance, 0.0) / distance**2
    if light.is_flat:
        share *= max(float(-forward @ towards) / distance, 0.0)
    return share


def map_axes(
    environment: Environment | None, T_world_cam: NDArray[np.float64]
) -> NDArray[np.float32]:
    """``(3, 3)`` camera frame to the map's, column by column."""
    angle = np.radians(environment.azimuth_deg if environment else 0.0)
    c, s = np.cos(angle), np.sin(angle)
    R_map_world = np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]])
    return np.ascontiguousarray((R_map_world @ T_world_cam[:3, :3]).T, dtype=np.float32)


def _three(values: NDArray[np.float64]) -> tuple[float, float, float]:
    r, g, b = (float(v) for v in values)
    return r, g, b


def _half(image: NDArray[np.float32]) -> bytes:
    return np.minimum(image, np.float32(65504.0)).astype(np.float16).tobytes()
