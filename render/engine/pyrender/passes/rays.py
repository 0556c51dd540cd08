"""Ids, depth and outlines through a lens that distorts: each pixel's own ray against triangles.

A rasterizer knows straight edges alone. So each triangle is drawn as a rectangle that holds it,
and every pixel of the rectangle finds out whether its ray, which comes from a table worked out in
float64, hits the triangle.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import chain

import moderngl
import numpy as np
from numpy.typing import NDArray

from render.engine.lens import SeenRays, Tile, pixel_rays, seen_rays
from render.engine.pyrender.context import GlContext
from render.engine.pyrender.gl import compile_program
from render.engine.pyrender.gpu_cache import GpuCache
from render.engine.pyrender.passes.draws import Draw, UploadedScene, bind_cutout, lens_of
from render.engine.pyrender.passes.ids import Ids, IdTargets
from render.scene import Camera
from render.system.cache import Cache

__all__ = ["RayIdPass", "RayPrograms", "RayTables"]

_RAYS_UNIT, _CUTOUT_UNIT = 0, 7
_NOTHING = 1e30
_MOST_BYTES = 1 << 28
_NO_TABLE_BYTES = 1 << 10  # of what remembers that the lens shows nothing in a tile

_Key = tuple[bytes, tuple[int, int], tuple[float, ...], Tile]


@dataclass(frozen=True, eq=False, kw_only=True)
class _Table:
    """What the pixels of a tile see, on the GPU.

    Attributes:
        seen: Rays and their bounds; no rays but for the tile that is the image.

    """

    texture: moderngl.Texture
    seen: SeenRays


class RayTables:
    """What each pixel sees, by camera and tile; least recently used goes first."""

    def __init__(self, context: GlContext) -> None:
        self._context = context
        self._tables: Cache[_Key, _Table | None] = Cache(_MOST_BYTES, _bytes_of, release=_release)

    def rays(self, camera: Camera) -> NDArray[np.float64]:
        """``(H, W, 2)`` of the image; see `pixel_rays`."""
        table = self.table(camera, (0, 0))
        return pixel_rays(camera) if table is None else table.seen.rays

    def table(self, camera: Camera, tile: Tile) -> _Table | None:
        """The rays of one tile; None if the lens shows nothing there."""
        key = (camera.K.tobytes(), camera.size_wh, camera.distortion, tile)
        return self._tables.find(key, lambda: self._make(camera, tile))

    def _make(self, camera: Camera, tile: Tile) -> _Table | None:
        seen = seen_rays(camera, tile)
        if seen is None:
            return None
        filled = np.where(np.isfinite(seen.rays), seen.rays, _NOTHING).astype(np.float32)
        texture = self._context.mgl.texture(camera.size_wh, 2, filled.tobytes(), dtype="f4")
        texture.filter = (moderngl.NEAREST, moderngl.NEAREST)
        if tile != (0, 0):
            seen = replace(seen, rays=np.zeros((0, 0, 2)))
        return _Table(texture=texture, seen=seen)


def _bytes_of(table: _Table | None) -> int:
    return _NO_TABLE_BYTES if table is None else 8 * table.texture.width * table.texture.height


def _release(table: _Table | None) -> None:
    if table is not None:
        table.texture.release()


class RayPrograms:
    """The fragment shader's ray test, for ids and depth or for outlines."""

    def __init__(
        self, context: GlContext, gpu_cache: GpuCache, tables: RayTables, *defines: str
    ) -> None:
        self._context = context
        self._gpu_cache = gpu_cache
        self._tables = tables
        shared = ("RAYS", *defines)
        self._solid = compile_program(
            context, "rays.vert", "rays.frag", shared, geometry="rays.geom"
        )
        self._cutout = compile_program(
            context, "rays.vert", "rays.frag", (*shared, "CUTOUT"), geometry="rays.geom"
        )
        for program in (self._solid, self._cutout):
            program.set("u_ray_map", _RAYS_UNIT)
            program.set("u_cutout", _CUTOUT_UNIT)

    def look(self, camera: Camera, tile: Tile) -> bool:
        """Prepares to draw a tile of the plane of pixels; False if the lens shows nothing there."""
        table = self._tables.table(camera, tile)
        if table is None:
            return False
        table.texture.use(_RAYS_UNIT)
        (w, h), (fx, fy, cx, cy) = camera.size_wh, lens_of(camera)
        k = (*camera.distortion, *(0.0,) * (8 - len(camera.distortion)))
        for program in (self._solid, self._cutout):
            program.set("u_lens", (fx, fy, cx - tile[0] * w, cy - tile[1] * h))
            program.set("u_distortion", list(k))
            program.set("u_rays", table.seen.bounds)
            program.set("u_reach", table.seen.reach)
            program.set("u_bend", table.seen.bend)
            program.set("u_stretch", table.seen.stretch)
            program.set("u_size", (float(w), float(h)))
            program.set("u_near", camera.near_m)
            program.set("u_near_far", (camera.near_m, camera.far_m))
        return True

    def draw(self, draw: Draw, **values: int) -> None:
        """Draws one mesh; `values` are integer uniforms of the fragment shader."""
        gl = self._context.mgl
        # Rectangles have no back; the ray test knows which side of a triangle it sees.
        gl.disable(moderngl.CULL_FACE)
        is_cut = draw.material.alpha_mode == "mask"
        program = self._cutout if is_cut else self._solid
        if is_cut:
            bind_cutout(program, draw.material, self._gpu_cache, _CUTOUT_UNIT)
        program.write("u_cam_obj", draw.cam_obj)
        program.set("u_culls", draw.culls)
        for name, value in values.items():
            program.set(name, value)
        draw.mesh.draw(gl, program, draw.shown)


class RayIdPass:
    """Which instance each pixel shows, and how deep it lies."""

    def __init__(self, context: GlContext, gpu_cache: GpuCache, tables: RayTables) -> None:
        self._context = context
        self._programs = RayPrograms(context, gpu_cache, tables)
        self._targets: IdTargets | None = None

    def render(self, uploaded: UploadedScene) -> Ids:
        """What the pixels' centres show."""
        camera = uploaded.scene.camera
        targets = self._targets_for(camera.size_wh)
        targets.clear(self._context)
        self._context.mgl.enable_only(moderngl.DEPTH_TEST)
        if self._programs.look(camera, (0, 0)):
            for draw in chain(uploaded.draws, uploaded.surfaces):
                self._programs.draw(draw, u_draw_idx=draw.draw_idx)
        return targets.read(uploaded)

    def _targets_for(self, size_wh: tuple[int, int]) -> IdTargets:
        if self._targets is None or self._targets.depth.size != size_wh:
            if self._targets is not None:
                self._targets.release(self._context)
            self._targets = IdTargets.of(self._context, size_wh)
        return self._targets
