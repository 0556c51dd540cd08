"""What is behind everything, for the shaders that show it."""

from __future__ import annotations

import moderngl
import numpy as np

from render.engine.pyrender.context import GlContext
from render.engine.pyrender.gl import Program
from render.engine.pyrender.passes.draws import lens_of
from render.engine.pyrender.passes.environments import EnvironmentTextures, map_axes
from render.scene import Environment, Scene

__all__ = ["Backdrop"]


class Backdrop:
    """Uploads the picture, or finds the environment's."""

    def __init__(self, context: GlContext, environments: EnvironmentTextures) -> None:
        self._context = context
        self._environments = environments
        self._picture: moderngl.Texture | None = None

    def set(self, program: Program, scene: Scene, *, unit: int) -> None:
        """Sets the uniforms of ``backdrop.glsl``."""
        backdrop = scene.backdrop
        program.set("u_backdrop", unit)
        program.set("u_backdrop_is_map", isinstance(backdrop, Environment))
        if isinstance(backdrop, Environment):
            program.set("u_backdrop_gain", backdrop.gain)
            axes = map_axes(backdrop, scene.camera.T_world_cam)
            program.write("u_backdrop_map_cam", axes.tobytes())
            program.set("u_backdrop_lens", lens_of(scene.camera))

    def use(self, scene: Scene, *, unit: int) -> None:
        """Brings the picture of a scene to the GPU and binds it."""
        backdrop = scene.backdrop
        if isinstance(backdrop, Environment):
            self._environments.use_radiance(backdrop, unit=unit)
            return
        size_wh = scene.camera.size_wh
        if self._picture is None or self._picture.size != size_wh:
            if self._picture is not None:
                self._picture.release()
            self._picture = self._context.mgl.texture(size_wh, 3, dtype="f4", alignment=1)
            self._picture.filter = (moderngl.NEAREST, moderngl.NEAREST)
        self._picture.write(np.ascontiguousarray(backdrop).tobytes(), alignment=1)
        self._picture.use(unit)
