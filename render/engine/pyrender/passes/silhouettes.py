"""Every instance alone, also outside the image: amodal masks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

import cv2
import moderngl
import numpy as np
from numpy.typing import NDArray

from render.buffers import Silhouette
from render.engine.pyrender.context import GlContext
from render.engine.pyrender.gl import clear_int, release_framebuffer
from render.engine.pyrender.gpu_cache import GpuCache
from render.engine.pyrender.passes.draws import GeometryPrograms, UploadedScene
from render.engine.pyrender.passes.ids import Ids
from render.engine.pyrender.passes.rays import RayPrograms, RayTables
from render.engine.windows import Window, window_of
from render.geometry.projection import project

__all__ = ["SilhouettePass"]

_GL_COLOR_LOGIC_OP = 0x0BF2
_BITS = 32
# Depths of pixels are of single precision.
_BEYOND = 1.0 + 1e-5
_NONE = Silhouette(x0=0, y0=0, mask=np.zeros((0, 0), np.bool_))


class SilhouettePass:
    """Outlines by bit masks: no depth, one bit for each of up to 32 instances at a time.

    What lies outside the image is drawn with the image moved by whole image sizes, so that the
    grid of pixels is the same everywhere. What nothing can hide is taken from the ids.
    """

    def __init__(self, context: GlContext, gpu_cache: GpuCache, tables: RayTables) -> None:
        self._context = context
        self._programs = GeometryPrograms(context, "silhouettes.frag", gpu_cache)
        self._rays = RayPrograms(context, gpu_cache, tables, "SILHOUETTES")
        self._targets: tuple[moderngl.Texture, moderngl.Framebuffer] | None = None

    def render(
        self, uploaded: UploadedScene, wanted: Sequence[int], ids: Ids | None
    ) -> tuple[Silhouette, ...]:
        """One silhouette for each wanted instance, in order.

        Args:
            uploaded: The scene.
            wanted: The `instance_idx` of each.
            ids: What the id pass found for the scene, if it did.

        """
        camera = uploaded.scene.camera
        found = {idx: window_of(uploaded.corners_cam[idx], camera) for idx in wanted}
        windows = {idx: window for idx, window in found.items() if window is not None}
        masks = {
            idx: np.zeros((y1 - y0, x1 - x0), np.bool_) for idx, (x0, y0, x1, y1) in windows.items()
        }
        rest = dict(windows)
        if ids is not None:
            for idx in _whole_in(uploaded, windows, ids):
                x0, y0, x1, y1 = rest.pop(idx)
                np.equal(ids.body_idx[y0:y1, x0:x1], idx, out=masks[idx])
        for tile, members in _tiles_of(rest, camera.size_wh).items():
            for batch in _batches(members):
                bits = self._draw_tile(uploaded, tile, batch)
                for bit, idx in enumerate(batch):
                    _take(bits, bit, tile, window=windows[idx], mask=masks[idx])
        return tuple(
            Silhouette(x0=windows[idx][0], y0=windows[idx][1], mask=masks[idx])
            if idx in windows and masks[idx].any()
            else _NONE
            for idx in wanted
        )

    def _draw_tile(
        self, uploaded: UploadedScene, tile: tuple[int, int], batch: Sequence[int]
    ) -> NDArray[np.uint32]:
        gl, camera = self._context.mgl, uploaded.scene.camera
        size_wh = camera.size_wh
        texture, framebuffer = self._targets_for(size_wh)
        if camera.distortion and not self._rays.look(camera, tile):
            return np.zeros((size_wh[1], size_wh[0]), np.uint32)
        framebuffer.use()
        clear_int(self._context, 0, 0)
        gl.enable_only(moderngl.NOTHING)
        gl.enable_direct(_GL_COLOR_LOGIC_OP)
        # Tile (1, 0) is right of the image: it is drawn moved to the left by one image.
        shift_xy = (-2.0 * tile[0], -2.0 * tile[1])
        for bit, idx in enumerate(batch):
            for draw in uploaded.draws_by_instance[idx]:
                if camera.distortion:
                    self._rays.draw(draw, u_bit=1 << bit)
                else:
                    self._programs.draw(draw, u_bit=1 << bit, shift_xy=shift_xy)
        gl.disable_direct(_GL_COLOR_LOGIC_OP)
        bits = np.empty((size_wh[1], size_wh[0]), np.uint32)
        texture.read_into(bits)
        return bits

    def _targets_for(
        self, size_wh: tuple[int, int]
    ) -> tuple[moderngl.Texture, moderngl.Framebuffer]:
        if self._targets is None or self._targets[0].size != size_wh:
            if self._targets is not None:
                release_framebuffer(self._context, self._targets[1])
                self._targets[0].release()
            texture = self._context.mgl.texture(size_wh, 1, dtype="u4")
            self._targets = texture, self._context.mgl.framebuffer([texture])
        return self._targets


def _whole_in(uploaded: UploadedScene, windows: Mapping[int, Window], ids: Ids) -> Iterator[int]:
    """Instances that the image holds whole, with nothing before them.

    Within the projection of its convex hull, all pixels show an instance, nothing, or what lies
    beyond it.
    """
    camera = uploaded.scene.camera
    if camera.distortion:
        return
    width, height = camera.size_wh
    for idx, (x0, y0, x1, y1) in windows.items():
        z = uploaded.corners_cam[idx, :, 2]
        if z.min() <= camera.near_m or z.max() >= camera.far_m:
            continue
        if x0 < 0 or y0 < 0 or x1 > width or y1 > height:
            continue
        body = uploaded.bodies[idx]
        hull = (body.model.hull_m - body.model.center_m) @ body.cam_mesh[:3, :3].T
        uv = project(hull + body.cam_mesh[:3, 3], camera.K) - (x0, y0)
        outline = cv2.convexHull(np.rint(uv).astype(np.int32))
        inside = np.zeros((y1 - y0, x1 - x0), np.uint8)
        cv2.fillConvexPoly(inside, outline, 1)
        cv2.polylines(inside, [outline], True, 1, thickness=3)  # what rounding may cut off
        seen, depth_m = ids.body_idx[y0:y1, x0:x1], ids.depth_m[y0:y1, x0:x1]
        other = (seen != idx) & (depth_m > 0.0) & (depth_m <= z.max() * _BEYOND)
        if not (other & inside.view(np.bool_)).any():
            yield idx


def _take(
    bits: NDArray[np.uint32],
    bit: int,
    tile: tuple[int, int],
    *,
    window: Window,
    mask: NDArray[np.bool_],
) -> None:
    """Copies one instance's share of a tile into its mask."""
    h, w = bits.shape
    left, top = tile[0] * w, tile[1] * h
    x0, y0, x1, y1 = window
    u0, u1 = max(x0, left), min(x1, left + w)
    v0, v1 = max(y0, top), min(y1, top + h)
    part = bits[v0 - top : v1 - top, u0 - left : u1 - left]
    mask[v0 - y0 : v1 - y0, u0 - x0 : u1 - x0] = (part >> np.uint32(bit)) & np.uint32(1)


def _tiles_of(
    windows: Mapping[int, Window], size_wh: tuple[int, int]
) -> dict[tuple[int, int], list[int]]:
    """Instances by the tile, in whole image sizes from the image, that they may touch."""
    w, h = size_wh
    tiles: dict[tuple[int, int], list[int]] = {}
    for idx, (x0, y0, x1, y1) in windows.items():
        for ty in range(y0 // h, (y1 - 1) // h + 1):
            for tx in range(x0 // w, (x1 - 1) // w + 1):
                tiles.setdefault((tx, ty), []).append(idx)
    return tiles


def _batches(members: Sequence[int]) -> list[list[int]]:
    rest = iter(members)
    return list(iter(lambda: list(islice(rest, _BITS)), []))
