"""Ambient occlusion: what near surroundings keep of the light from all around."""

from __future__ import annotations

from dataclasses import dataclass

import moderngl

from render.engine.pyrender.context import GlContext
from render.engine.pyrender.gl import compile_program, release_framebuffer
from render.engine.pyrender.passes.draws import UploadedScene, lens_of
from render.engine.pyrender.passes.ids import GBuffer
from render.engine.pyrender.passes.whole_image import WholeImage
from render.engine.sky import occlusion_reach_m
from render.scene import Camera

__all__ = ["OcclusionPass"]

_INPUT_UNIT = 0


class OcclusionPass:
    """Works on the depth of the id pass, on every other pixel of every other row."""

    def __init__(self, context: GlContext) -> None:
        self._context = context
        self._gather = compile_program(
            context, "whole.vert", "occlusion.frag", parts=("surface_at.glsl",)
        )
        self._gather.set("u_depth", _INPUT_UNIT)
        self._blur = compile_program(context, "whole.vert", "occlusion_blur.frag")
        self._blur.set("u_share_depth", _INPUT_UNIT)
        self._whole_image = WholeImage(context)
        self._targets: _OcclusionTargets | None = None

    def render(self, uploaded: UploadedScene, gbuffer: GBuffer) -> moderngl.Texture:
        """``(ceil(H / 2), ceil(W / 2))`` of the share that is open, and depth in metres."""
        camera = uploaded.scene.camera
        targets = self._targets_for(camera)
        self._gather.set("u_lens", lens_of(camera))
        self._gather.set("u_radius_m", occlusion_reach_m(uploaded.scene))
        self._context.mgl.enable_only(moderngl.NOTHING)
        source = gbuffer.depth
        for program, framebuffer, texture in zip(
            (self._gather, self._blur), targets.framebuffers, targets.textures, strict=True
        ):
            framebuffer.use()
            source.use(_INPUT_UNIT)
            self._whole_image.draw(program)
            source = texture
        return source

    def _targets_for(self, camera: Camera) -> _OcclusionTargets:
        size = (camera.size_wh[0] + 1) // 2, (camera.size_wh[1] + 1) // 2
        if self._targets is None or self._targets.textures[0].size != size:
            if self._targets is not None:
                self._targets.release(self._context)
            gl = self._context.mgl
            textures = tuple(gl.texture(size, 2, dtype="f4") for _ in range(2))
            for texture in textures:
                texture.filter = (moderngl.NEAREST, moderngl.NEAREST)
            framebuffers = tuple(gl.framebuffer([texture]) for texture in textures)
            self._targets = _OcclusionTargets(textures, framebuffers)
        return self._targets


@dataclass(frozen=True, eq=False)
class _OcclusionTargets:
    textures: tuple[moderngl.Texture, ...]
    framebuffers: tuple[moderngl.Framebuffer, ...]

    def release(self, context: GlContext) -> None:
        for framebuffer in self.framebuffers:
            release_framebuffer(context, framebuffer)
        for texture in self.textures:
            texture.release()
