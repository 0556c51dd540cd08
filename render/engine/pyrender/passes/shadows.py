"""Shadows: depth as the lights see it, and from that what of each light reaches each pixel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import moderngl
import numpy as np

from render.engine.light_views import MAX_SHADOWS, LightView, LightViews, light_views
from render.engine.pyrender.context import GlContext
from render.engine.pyrender.gl import (
    Program,
    clear_depth,
    clear_float,
    compile_program,
    release_framebuffer,
)
from render.engine.pyrender.gpu_cache import GpuCache
from render.engine.pyrender.passes.draws import GeometryPrograms, UploadedScene, lens_of
from render.engine.pyrender.passes.ids import GBuffer
from render.engine.pyrender.passes.whole_image import WholeImage
from render.geometry.frames import inverse_rigid
from render.scene import Camera

__all__ = ["ShadowPass", "Shadows"]

_DEPTH_UNIT, _ATLAS_UNIT = 0, 1


@dataclass(frozen=True, eq=False, kw_only=True)
class Shadows:
    """What the colour pass needs.

    Attributes:
        channel_of_light: Which channel of `lit` each of the scene's lights has; -1: it casts no
            shadow.
        lit: Two RGBA images: the share of up to eight lights that arrives at each pixel.

    """

    channel_of_light: tuple[int, ...]
    lit: tuple[moderngl.Texture, moderngl.Texture]


class ShadowPass:
    """One tile of an atlas for each light; drawn again only when a light or an instance moved.

    Where there are more than `MAX_SHADOWS` lights, the first ones cast shadows.
    """

    def __init__(self, context: GlContext, gpu_cache: GpuCache) -> None:
        self._context = context
        self._programs = GeometryPrograms(context, "depth.frag", gpu_cache)
        self._compare = compile_program(
            context, "whole.vert", "shadow.frag", parts=("surface_at.glsl",)
        )
        self._compare.set("u_depth", _DEPTH_UNIT)
        self._compare.set("u_shadow_atlas", _ATLAS_UNIT)
        self._whole_image = WholeImage(context)
        self._atlas: _Atlas | None = None
        self._targets: _ShadowTargets | None = None
        self._drawn: tuple[object, ...] | None = None

    def render(self, uploaded: UploadedScene, gbuffer: GBuffer) -> Shadows:
        """Shadows of a scene on what its pixels show."""
        scene = uploaded.scene
        views = light_views(scene, uploaded.corners_cam)
        atlas = self._atlas_for(views.atlas_px)
        self._draw(uploaded, views, atlas)
        targets = self._targets_for(scene.camera.size_wh)
        targets.framebuffer.use()
        for channel_image in (0, 1):
            clear_float(self._context, channel_image, 1.0)
        if views.all:
            _set(self._compare, views, scene.camera)
            self._context.mgl.enable_only(moderngl.NOTHING)
            gbuffer.depth.use(_DEPTH_UNIT)
            atlas.depth.use(_ATLAS_UNIT)
            self._whole_image.draw(self._compare)
        return Shadows(channel_of_light=views.channel_of_light, lit=targets.lit)

    def _draw(self, uploaded: UploadedScene, views: LightViews, atlas: _Atlas) -> None:
        key, tiles = _key(uploaded, views.all), views.tiles
        if not views.all or key == self._drawn:
            return
        gl, framebuffer = self._context.mgl, atlas.framebuffer
        framebuffer.use()
        side = atlas.side_px // tiles
        # Only the tiles in use are cleared: the whole is large.
        n_rows = -(-len(views.all) // tiles)
        framebuffer.scissor = (0, 0, side * min(len(views.all), tiles), side * n_rows)
        clear_depth(self._context)
        framebuffer.scissor = None  # type: ignore[assignment]
        gl.enable_only(moderngl.DEPTH_TEST)
        for i, view in enumerate(views.all):
            framebuffer.viewport = (
                i % tiles * side, i // tiles * side, side, side,
            )  # fmt: skip
            P_clip_world = view.P_clip_light @ view.T_light_world
            for draw in uploaded.draws:
                if draw.material.alpha_mode != "blend":
                    clip_obj = (P_clip_world @ draw.world_mesh).T.astype(np.float32).tobytes()
                    self._programs.draw(draw, clip_obj=clip_obj)
        self._drawn = key

    def _atlas_for(self, side_px: int) -> _Atlas:
        if self._atlas is None or self._atlas.side_px != side_px:
            if self._atlas is not None:
                release_framebuffer(self._context, self._atlas.framebuffer)
                self._atlas.depth.release()
            depth = self._context.mgl.depth_texture((side_px, side_px))
            depth.compare_func = ""
            depth.filter = (moderngl.NEAREST, moderngl.NEAREST)
            framebuffer = self._context.mgl.framebuffer(depth_attachment=depth)
            self._atlas = _Atlas(side_px, depth, framebuffer)
            self._drawn = None
        return self._atlas

    def _targets_for(self, size_wh: tuple[int, int]) -> _ShadowTargets:
        if self._targets is None or self._targets.lit[0].size != size_wh:
            if self._targets is not None:
                release_framebuffer(self._context, self._targets.framebuffer)
                for texture in self._targets.lit:
                    texture.release()
            lit = self._context.mgl.texture(size_wh, 4), self._context.mgl.texture(size_wh, 4)
            self._targets = _ShadowTargets(lit, self._context.mgl.framebuffer(list(lit)))
        return self._targets


@dataclass(frozen=True, eq=False)
class _Atlas:
    side_px: int
    depth: moderngl.Texture
    framebuffer: moderngl.Framebuffer


@dataclass(frozen=True, eq=False)
class _ShadowTargets:
    lit: tuple[moderngl.Texture, moderngl.Texture]
    framebuffer: moderngl.Framebuffer


def _set(program: Program, views: LightViews, camera: Camera) -> None:
    tiles = views.tiles
    # Whole pixels: tiles need not fill the square.
    side = views.atlas_px // tiles
    size = side / views.atlas_px
    clip = np.zeros((MAX_SHADOWS, 4, 4), np.float32)
    axes = np.zeros((MAX_SHADOWS, 3, 3), np.float32)
    tile = np.zeros((MAX_SHADOWS, 4), np.float32)
    origin, depth, width = (np.zeros((MAX_SHADOWS, 3), np.float32) for _ in range(3))
    T_cam_world = inverse_rigid(camera.T_world_cam)
    for i, view in enumerate(views.all):
        light_cam = view.T_light_world @ camera.T_world_cam
        cam_light = T_cam_world @ inverse_rigid(view.T_light_world)
        clip[i] = (view.P_clip_light @ light_cam).T
        axes[i] = light_cam[:3, :3].T
        origin[i] = cam_light[:3, 3] if view.is_perspective else -cam_light[:3, 2]
        tile[i] = (i % tiles * size, i // tiles * size, size, size)
        depth[i] = (view.near_m, view.far_m, float(view.is_perspective))
        width[i] = (view.soft, 2 * view.half, 2 * view.half / side)
    for name, values in (("clip", clip), ("axes", axes), ("tile", tile), ("origin", origin),
                         ("depth", depth), ("width", width)):  # fmt: skip
        program.write(f"u_shadow_{name}", values.tobytes())
    program.set("u_shadow_count", len(views.all))
    program.set("u_search_taps", 8)
    program.set("u_filter_taps", 16)
    program.set("u_lens", lens_of(camera))


def _key(uploaded: UploadedScene, views: Sequence[LightView]) -> tuple[object, ...]:
    """Equal for equal shadows. Models are kept, so that their identities stay theirs."""
    instances = tuple(
        (i.model, i.materials, i.T_world_obj.tobytes(), i.scale) for i in uploaded.scene.instances
    )
    lights = tuple((v.T_light_world.tobytes(), v.half, v.near_m, v.far_m) for v in views)
    return instances, lights
