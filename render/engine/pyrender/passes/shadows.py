"""Shadows: depth as the lights see it, and from that what of each light reaches each pixel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import moderngl
import numpy as np
from numpy.typing import NDArray

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
from render.geometry.frames import inverse_rigid
from render.lights.light import Light
from render.scene import Camera

__all__ = ["MAX_SHADOWS", "ShadowPass", "Shadows"]

MAX_SHADOWS = 8  # as in shadow.frag: two images of four channels

# Sides of the atlas, and the longest image side that the smaller one is enough for.
_SMALL_PX, _LARGE_PX, _SMALL_IMAGE_PX = 2048, 4096, 960
_DEPTH_UNIT, _ATLAS_UNIT = 0, 1
# A light stands at least this share of the scene's radius outside it, to be seen from at once.
_OUTSIDE = 1.05
# One among the instances sees that far to the sides, and nothing nearer than this share of the
# farthest.
_WIDEST_DEG, _NEAREST = 65.0, 0.01

Matrix = NDArray[np.float64]


@dataclass(frozen=True, eq=False, kw_only=True)
class _View:
    """A light as a camera that looks along its +z.

    Attributes:
        T_light_world: ``(4, 4)``, rigid.
        half: Half the width of what its tile shows: metres, or the tangent of half the angle of
            view if it is a perspective.
        near_m: Nothing is nearer to the light's plane.
        far_m: Nothing that casts a shadow is farther.
        soft: Width of the penumbra over the gap, or of the light in metres.

    """

    T_light_world: Matrix
    half: float
    near_m: float
    far_m: float
    soft: float
    is_perspective: bool

    @property
    def P_clip_light(self) -> Matrix:
        """Depth 1 at the near plane, 0 at the far plane; y runs down as in the image."""
        P = np.zeros((4, 4))
        span = self.far_m - self.near_m
        P[0, 0] = P[1, 1] = 1.0 / self.half
        if self.is_perspective:
            P[2, 2], P[2, 3] = -self.near_m / span, self.near_m * self.far_m / span
            P[3, 2] = 1.0
        else:
            P[2, 2], P[2, 3] = -1.0 / span, self.far_m / span
            P[3, 3] = 1.0
        return P


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
        self._shadow_programs: dict[int, Program] = {}
        self._atlas: _Atlas | None = None
        self._targets: _ShadowTargets | None = None
        self._drawn: tuple[object, ...] | None = None

    def render(self, uploaded: UploadedScene, gbuffer: GBuffer) -> Shadows:
        """Shadows of a scene on what its pixels show."""
        scene = uploaded.scene
        channels = [-1] * len(scene.lights)
        views: list[_View] = []
        sphere = _sphere(uploaded) if scene.instances else None
        for i, light in enumerate(scene.lights):
            casts = light.casts_shadow and light.intensity > 0
            if casts and sphere is not None and len(views) < MAX_SHADOWS:
                channels[i] = len(views)
                views.append(_view_of(light, *sphere))
        atlas = self._atlas_for(scene.camera.size_wh)
        tiles = int(np.ceil(np.sqrt(max(len(views), 1))))
        self._draw(uploaded, views, tiles, atlas)
        targets = self._targets_for(scene.camera.size_wh)
        targets.framebuffer.use()
        for channel_image in (0, 1):
            clear_float(self._context, channel_image, 1.0)
        if views:
            program = self._shadow_program(len(views))
            _set(program, views, tiles, scene.camera, side_px=atlas.side_px)
            self._context.mgl.enable_only(moderngl.NOTHING)
            gbuffer.depth.use(_DEPTH_UNIT)
            atlas.depth.use(_ATLAS_UNIT)
            gbuffer.tiles.draw(program)
        return Shadows(channel_of_light=tuple(channels), lit=targets.lit)

    def _shadow_program(self, count: int) -> Program:
        """The program that compares pixels with the depth maps of so many lights."""
        if count not in self._shadow_programs:
            program = compile_program(
                self._context, "tiles.vert", "shadow.frag", (f"SHADOWS {count}",),
                parts=("surface_at.glsl",),
            )  # fmt: skip
            program.set("u_depth", _DEPTH_UNIT)
            program.set("u_shadow_atlas", _ATLAS_UNIT)
            self._shadow_programs[count] = program
        return self._shadow_programs[count]

    def _draw(
        self, uploaded: UploadedScene, views: Sequence[_View], tiles: int, atlas: _Atlas
    ) -> None:
        key = _key(uploaded, views)
        if not views or key == self._drawn:
            return
        gl, framebuffer = self._context.mgl, atlas.framebuffer
        framebuffer.use()
        side = atlas.side_px // tiles
        # Only the tiles in use are cleared: the whole is large.
        n_rows = -(-len(views) // tiles)
        framebuffer.scissor = (0, 0, side * min(len(views), tiles), side * n_rows)
        clear_depth(self._context)
        framebuffer.scissor = None  # type: ignore[assignment]
        gl.enable_only(moderngl.DEPTH_TEST)
        for i, view in enumerate(views):
            framebuffer.viewport = (
                i % tiles * side, i // tiles * side, side, side,
            )  # fmt: skip
            P_clip_world = view.P_clip_light @ view.T_light_world
            for draw in uploaded.draws:
                if draw.material.alpha_mode != "blend":
                    clip_obj = (P_clip_world @ draw.world_mesh).T.astype(np.float32).tobytes()
                    self._programs.draw(draw, clip_obj=clip_obj)
        self._drawn = key

    def _atlas_for(self, size_wh: tuple[int, int]) -> _Atlas:
        side_px = _SMALL_PX if max(size_wh) <= _SMALL_IMAGE_PX else _LARGE_PX
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


def _set(
    program: Program, views: Sequence[_View], tiles: int, camera: Camera, *, side_px: int
) -> None:
    clip = np.zeros((len(views), 4, 4), np.float32)
    axes = np.zeros((len(views), 3, 3), np.float32)
    tile = np.zeros((len(views), 4), np.float32)
    origin, depth, width = (np.zeros((len(views), 3), np.float32) for _ in range(3))
    T_cam_world = inverse_rigid(camera.T_world_cam)
    for i, view in enumerate(views):
        light_cam = view.T_light_world @ camera.T_world_cam
        cam_light = T_cam_world @ inverse_rigid(view.T_light_world)
        clip[i] = (view.P_clip_light @ light_cam).T
        axes[i] = light_cam[:3, :3].T
        origin[i] = cam_light[:3, 3] if view.is_perspective else -cam_light[:3, 2]
        size = 1.0 / tiles
        tile[i] = (i % tiles * size, i // tiles * size, size, size)
        depth[i] = (view.near_m, view.far_m, float(view.is_perspective))
        width[i] = (view.soft, 2 * view.half, 2 * view.half * tiles / side_px)
    for name, values in (("clip", clip), ("axes", axes), ("tile", tile), ("origin", origin),
                         ("depth", depth), ("width", width)):  # fmt: skip
        program.write(f"u_shadow_{name}", values.tobytes())
    program.set("u_search_taps", 8)
    program.set("u_filter_taps", 16)
    program.set("u_lens", lens_of(camera))


def _key(uploaded: UploadedScene, views: Sequence[_View]) -> tuple[object, ...]:
    """Equal for equal shadows. Models are kept, so that their identities stay theirs."""
    instances = tuple(
        (i.model, i.materials, i.T_world_obj.tobytes(), i.scale) for i in uploaded.scene.instances
    )
    lights = tuple((v.T_light_world.tobytes(), v.half, v.near_m, v.far_m) for v in views)
    return instances, lights


def _sphere(uploaded: UploadedScene) -> tuple[Matrix, float]:
    """Centre (world) and radius of a sphere about the boxes of all instances."""
    corners = uploaded.corners_cam.reshape(-1, 3)
    center = (corners.min(axis=0) + corners.max(axis=0)) / 2
    radius = float(np.linalg.norm(corners - center, axis=1).max())
    T_world_cam = uploaded.scene.camera.T_world_cam
    return T_world_cam[:3, :3] @ center + T_world_cam[:3, 3], radius


def _view_of(light: Light, center: Matrix, radius: float) -> _View:
    """The light as a camera that sees a sphere, or what is before it from inside the sphere."""
    if light.position_world is None:
        forward = np.array(light.direction_world)
        forward = forward / np.linalg.norm(forward)
        eye = center - 2.0 * radius * forward
        return _View(
            T_light_world=inverse_rigid(_looking(eye, forward)),
            half=1.01 * radius,
            near_m=0.98 * radius,
            far_m=3.02 * radius,
            soft=float(np.tan(np.radians(light.radius_deg))),
            is_perspective=False,
        )
    eye = np.array(light.position_world)
    distance = float(np.linalg.norm(center - eye))
    if distance < _OUTSIDE * radius:
        return _view_among(light, eye, distance + radius)
    return _View(
        T_light_world=inverse_rigid(_looking(eye, (center - eye) / distance)),
        half=1.01 * radius / float(np.sqrt(distance**2 - radius**2)),
        near_m=0.98 * (distance - radius),
        far_m=1.02 * (distance + radius),
        soft=light.radius_m,
        is_perspective=True,
    )


def _view_among(light: Light, eye: Matrix, far_m: float) -> _View:
    """A light among the instances: no more than a wide cone about its axis is shaded."""
    forward = np.array(light.direction_world) / np.linalg.norm(light.direction_world)
    return _View(
        T_light_world=inverse_rigid(_looking(eye, forward)),
        half=1.01 * float(np.tan(np.radians(min(light.cone_deg, _WIDEST_DEG)))),
        # What is as near as the light is wide would blur the shadows of all.
        near_m=max(_NEAREST * far_m, min(4.0 * light.radius_m, 0.5 * far_m)),
        far_m=1.02 * far_m,
        soft=light.radius_m,
        is_perspective=True,
    )


def _looking(eye: Matrix, forward: Matrix) -> Matrix:
    """``T_world_light`` of a light at `eye` that shines along `forward`."""
    side = np.eye(3)[int(np.abs(forward).argmin())]
    x = np.cross(side, forward)
    x /= np.linalg.norm(x)
    T = np.eye(4)
    T[:3, 0], T[:3, 1], T[:3, 2], T[:3, 3] = x, np.cross(forward, x), forward, eye
    return T
