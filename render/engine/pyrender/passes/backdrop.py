"""What is behind everything, for the shaders that show it."""

from __future__ import annotations

import cv2
import moderngl
import numpy as np
from numpy.typing import NDArray

from render.engine.pyrender.context import GlContext
from render.engine.pyrender.gl import Program
from render.engine.pyrender.passes.draws import lens_of
from render.engine.pyrender.passes.environments import EnvironmentTextures
from render.engine.sky import map_axes
from render.scene import Environment, Scene

__all__ = ["Backdrop"]


class Backdrop:
    """Uploads the picture, or finds the environment's."""

    def __init__(self, context: GlContext, environments: EnvironmentTextures) -> None:
        self._context = context
        self._environments = environments
        self._picture: moderngl.Texture | None = None
        self._shown: NDArray[np.float32] | None = None

    @staticmethod
    def defines(scene: Scene) -> tuple[str, ...]:
        """Defines that ``backdrop.glsl`` needs for a scene."""
        return ("BACKDROP_MAP",) if isinstance(scene.backdrop, Environment) else ()

    def set(self, program: Program, scene: Scene, *, unit: int) -> None:
        """Sets the uniforms of ``backdrop.glsl``."""
        backdrop = scene.backdrop
        program.set("u_backdrop", unit)
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
        if self._picture is None or backdrop is not self._shown:
            self._upload(backdrop)
        assert self._picture is not None
        self._picture.use(unit)

    def _upload(self, backdrop: NDArray[np.float32]) -> None:
        size_wh = backdrop.shape[1], backdrop.shape[0]
        if self._picture is None or self._picture.size != size_wh:
            if self._picture is not None:
                self._picture.release()
            self._picture = self._context.mgl.texture(size_wh, 4, dtype="f4")
            self._picture.filter = (moderngl.NEAREST, moderngl.NEAREST)
        # Of four channels, because GL converts others value by value.
        self._picture.write(cv2.cvtColor(backdrop, cv2.COLOR_RGB2RGBA))
        self._shown = backdrop
