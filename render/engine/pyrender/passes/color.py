"""Colour: each pixel shaded once, its edges smoothed, what is see-through blended over.

Small triangles make shading while they are drawn expensive, and drawing them at several samples
more so. So ids are drawn first; from them each draw shades the pixels it owns; how much of an
edge pixel each neighbour covers is worked out from the lines that part them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import cv2
import moderngl
import numpy as np
from numpy.typing import NDArray

from render.engine.edges import EdgeSmoother
from render.engine.pyrender.context import GlContext
from render.engine.pyrender.gl import (
    Program,
    attach_depth,
    attach_renderbuffer,
    clear_depth,
    clear_float,
    compile_program,
    delete_renderbuffer,
    release_framebuffer,
)
from render.engine.pyrender.gpu_cache import GpuCache
from render.engine.pyrender.passes.backdrop import Backdrop
from render.engine.pyrender.passes.draws import Draw, UploadedScene, lens_of
from render.engine.pyrender.passes.environments import EnvironmentTextures
from render.engine.pyrender.passes.ids import GBuffer
from render.engine.pyrender.passes.shadows import Shadows
from render.engine.pyrender.passes.smoothing import smooth_lines
from render.engine.pyrender.passes.surface_programs import FIRST_FREE_UNIT, SurfacePrograms
from render.engine.pyrender.passes.whole_image import WholeImage
from render.scene import Environment, Scene

__all__ = ["ColorPass"]

# Depth between the planes of two draws: a power of two, so that it is exact.
_PLANE = 2.0**-20
_MAPS = ("u_drawn", "u_corners", "u_vertices", "u_uvs", "u_colors", "u_backdrop")
_UNITS = {name: FIRST_FREE_UNIT + i for i, name in enumerate(_MAPS)}


class ColorPass:
    """Linear radiance of a scene whose ids, occlusion and shadows are there."""

    def __init__(self, context: GlContext, gpu_cache: GpuCache) -> None:
        self._context = context
        environments = EnvironmentTextures(context)
        self._backdrop = Backdrop(context, environments)
        self._shade = SurfacePrograms(
            context, gpu_cache, environments,
            vertex="whole.vert", fragment="shade.frag", parts=("backdrop.glsl",),
        )  # fmt: skip
        self._see_through = SurfacePrograms(
            context, gpu_cache, environments,
            vertex="geometry.vert", fragment="see_through.frag",
            defines=("SHADED", "FROM_NEIGHBOURS"),
        )  # fmt: skip
        self._owner = compile_program(context, "whole.vert", "owner.frag", (f"PLANE {_PLANE!r}",))
        self._owner.set("u_drawn", _UNITS["u_drawn"])
        self._behind = compile_program(
            context, "whole.vert", "behind.frag", ("BACKDROP_MAP",), parts=("backdrop.glsl",)
        )
        self._behind.set("u_plane", 0.0)  # where no draw owns the pixel
        self._whole_image = WholeImage(context)
        self._smoother = EdgeSmoother()
        self._targets: _ColorTargets | None = None

    def render(
        self,
        uploaded: UploadedScene,
        gbuffer: GBuffer,
        *,
        occlusion: moderngl.Texture,
        shadows: Shadows,
    ) -> NDArray[np.float32]:
        """``(H, W, 3)`` linear radiance.

        Args:
            uploaded: The scene.
            gbuffer: From the id pass.
            occlusion: From the occlusion pass.
            shadows: From the shadow pass.

        """
        scene = uploaded.scene
        targets = self._targets_for(scene.camera.size_wh)
        for programs, set_uniforms in (
            (self._shade, self._set_shade),
            (self._see_through, _no_shift),
        ):
            programs.set_scene(
                scene,
                depth=gbuffer.depth,
                occlusion=occlusion,
                shadows=shadows,
                set_uniforms=partial(set_uniforms, scene),
            )
        self._shade_all(uploaded, gbuffer, targets)
        radiance = np.asarray(cv2.cvtColor(_read(targets.radiance), cv2.COLOR_RGBA2RGB), np.float32)
        if not isinstance(scene.backdrop, Environment):
            shaded, radiance = radiance, scene.backdrop.copy()
            cv2.copyTo(shaded, (gbuffer.pixels.draw_idx >= 0).view(np.uint8), radiance)
        smooth_lines(self._smoother, radiance, uploaded, gbuffer.pixels)
        blended = [d for d in uploaded.draws if d.material.alpha_mode == "blend"]
        if blended:
            self._blend(blended, gbuffer, targets)
            layer = _read(targets.radiance)
            radiance *= 1.0 - layer[..., 3:]
            radiance += layer[..., :3]
        return radiance

    def _shade_all(self, uploaded: UploadedScene, gbuffer: GBuffer, targets: _ColorTargets) -> None:
        """Each pixel once, by what its centre shows; an environment where that is nothing."""
        gl, framebuffer, scene = self._context.mgl, targets.framebuffer, uploaded.scene
        framebuffer.use()
        clear_depth(self._context)
        gbuffer.drawn.use(_UNITS["u_drawn"])
        gl.enable_only(moderngl.DEPTH_TEST)
        gl.depth_func = "1"
        self._whole_image.draw(self._owner)
        gl.depth_func = "=="
        shows_environment = isinstance(scene.backdrop, Environment)
        if uploaded.catchers or shows_environment:
            self._backdrop.use(scene, unit=_UNITS["u_backdrop"])
        if shows_environment:
            self._backdrop.set(self._behind, scene, unit=_UNITS["u_backdrop"])
            self._whole_image.draw(self._behind)
        catchers = {draw.draw_idx for draw in uploaded.catchers}
        catching = ("CATCHER", *self._backdrop.defines(scene))
        for draw in uploaded.solid:
            if draw.instance_idx >= 0:
                framebuffer.scissor = uploaded.windows[draw.instance_idx]
            else:
                framebuffer.scissor = None  # type: ignore[assignment]
            more = catching if draw.draw_idx in catchers else ()
            if draw.mesh.colors is not None and not draw.material.ignores_colors:
                more = ("COLORS", *more)
                draw.mesh.colors.use(_UNITS["u_colors"])
            program = self._shade.use(draw.material, more=more)
            program.set("u_plane", (draw.draw_idx + 1) * _PLANE)
            _set_transform(program, draw)
            draw.mesh.corners.use(_UNITS["u_corners"])
            draw.mesh.vertices.use(_UNITS["u_vertices"])
            draw.mesh.uvs.use(_UNITS["u_uvs"])
            self._whole_image.draw(program)
        framebuffer.scissor = None  # type: ignore[assignment]
        gl.depth_func = ">"

    def _set_shade(self, scene: Scene, program: Program) -> None:
        for name, unit in _UNITS.items():
            program.set(name, unit)
        self._backdrop.set(program, scene, unit=_UNITS["u_backdrop"])
        program.set("u_lens", lens_of(scene.camera))

    def _blend(self, blended: Sequence[Draw], gbuffer: GBuffer, targets: _ColorTargets) -> None:
        """A layer of the see-through surfaces, the farthest first; they hide nothing from each
        other.
        """
        gl, framebuffer = self._context.mgl, targets.framebuffer
        attach_renderbuffer(self._context, framebuffer, gbuffer.depth_buffer)
        gl.enable_only(moderngl.DEPTH_TEST | moderngl.BLEND)
        gl.blend_func = (moderngl.ONE, moderngl.ONE_MINUS_SRC_ALPHA)
        framebuffer.depth_mask = False
        framebuffer.use()
        clear_float(self._context, 0, 0.0)
        for draw in sorted(blended, key=lambda d: (-d.center_depth_m, d.instance_idx)):
            gl.enable(moderngl.CULL_FACE) if draw.culls else gl.disable(moderngl.CULL_FACE)
            program = self._see_through.use(draw.material)
            program.write("u_clip_obj", draw.clip_obj)
            _set_transform(program, draw)
            draw.mesh.draw(gl, program, draw.shown)
        gl.disable(moderngl.BLEND)
        framebuffer.depth_mask = True
        attach_renderbuffer(self._context, framebuffer, targets.depth_buffer)

    def _targets_for(self, size_wh: tuple[int, int]) -> _ColorTargets:
        if self._targets is None or self._targets.radiance.size != size_wh:
            if self._targets is not None:
                self._targets.release(self._context)
            self._targets = _ColorTargets.of(self._context, size_wh)
        return self._targets


def _set_transform(program: Program, draw: Draw) -> None:
    program.write("u_cam_obj", draw.cam_obj)
    program.write("u_normal", draw.normal)
    program.set("u_center", draw.center_m)


def _no_shift(_: Scene, program: Program) -> None:
    program.set("u_shift", (0.0, 0.0, 0.0, 0.0))


def _read(texture: moderngl.Texture) -> NDArray[np.float32]:
    rgba = np.empty((texture.height, texture.width, 4), np.float32)
    texture.read_into(rgba)
    return rgba


@dataclass(frozen=True, eq=False, kw_only=True)
class _ColorTargets:
    radiance: moderngl.Texture
    framebuffer: moderngl.Framebuffer
    depth_buffer: int

    @classmethod
    def of(cls, context: GlContext, size_wh: tuple[int, int]) -> _ColorTargets:
        radiance = context.mgl.texture(size_wh, 4, dtype="f4")
        radiance.filter = (moderngl.NEAREST, moderngl.NEAREST)
        framebuffer = context.mgl.framebuffer([radiance])
        return cls(
            radiance=radiance,
            framebuffer=framebuffer,
            depth_buffer=attach_depth(context, framebuffer, size_wh=size_wh),
        )

    def release(self, context: GlContext) -> None:
        release_framebuffer(context, self.framebuffer)
        delete_renderbuffer(context, self.depth_buffer)
        self.radiance.release()
