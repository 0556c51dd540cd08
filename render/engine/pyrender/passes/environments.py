"""Environment maps on the GPU, and what a scene's light from all around looks like there."""

from __future__ import annotations

from dataclasses import dataclass

import moderngl
import numpy as np
from numpy.typing import NDArray

from render.engine.pyrender.context import GlContext
from render.engine.pyrender.gl import Program
from render.engine.sky import MeanColors, sky_of
from render.scene import Environment, EnvironmentMap, Scene
from render.system.cache import Cache, Same

__all__ = ["EnvironmentTextures", "set_environment"]

_MOST = 24


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


def set_environment(program: Program, scene: Scene, mean_colors: MeanColors) -> None:
    """Sets the uniforms of ``environment.glsl``."""
    environment, sky = scene.environment, sky_of(scene, mean_colors)
    program.write("u_sh", sky.harmonics.astype(np.float32).tobytes())
    program.set("u_ambient", tuple(sky.ambient.tolist()))
    program.set("u_env_gain", sky.gain)
    program.set("u_env_levels", float(len(environment.map.glossy)) if environment else 2.0)
    program.write("u_map_cam", sky.map_cam.tobytes())
    program.set("u_ground", tuple(sky.ground.tolist()))
    program.set("u_up_cam", tuple(sky.up_cam.tolist()))


def _half(image: NDArray[np.float32]) -> bytes:
    return np.minimum(image, np.float32(65504.0)).astype(np.float16).tobytes()
