"""Ids and depth: one sample at the pixel's centre."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain

import moderngl
import numpy as np
from numpy.typing import NDArray

from render.engine.pyrender.context import GlContext
from render.engine.pyrender.gl import (
    attach_depth,
    clear_depth,
    clear_float,
    clear_int,
    delete_renderbuffer,
    release_framebuffer,
)
from render.engine.pyrender.passes.draws import Draw, GeometryPrograms, UploadedScene
from render.engine.pyrender.upload import Residents

__all__ = ["IdPass", "IdTargets", "Seen", "faces_of"]


class IdPass:
    """Which instance each pixel shows, and how deep it lies."""

    def __init__(self, context: GlContext, residents: Residents) -> None:
        self._context = context
        self._programs = GeometryPrograms(context, "ids.frag", residents)
        self._targets: IdTargets | None = None

    def render(self, uploaded: UploadedScene) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """``(H, W)`` instance indices (-1 = none) and depth in metres (0 = nothing)."""
        gl, size_wh = self._context.mgl, uploaded.scene.camera.size_wh
        targets = self._targets_for(size_wh)
        targets.framebuffer.use()
        clear_int(self._context, 0, -1)
        clear_float(self._context, 1, 0.0)
        clear_int(self._context, 2, -1)
        clear_depth(self._context)
        gl.enable_only(moderngl.DEPTH_TEST)
        for draw in chain(uploaded.draws, uploaded.surfaces):
            self._draw(draw)
        shape = (size_wh[1], size_wh[0])
        ids, depth_m = np.empty(shape, np.int32), np.empty(shape, np.float32)
        targets.ids.read_into(ids)
        targets.depth.read_into(depth_m)
        return ids, depth_m

    def faces(self, uploaded: UploadedScene) -> NDArray[np.int32]:
        """`Buffers.faces` of the scene that `render` drew last."""
        return faces_of(self._targets_for(uploaded.scene.camera.size_wh).drawn, uploaded)

    def seen(self, uploaded: UploadedScene) -> Seen:
        """What the pixels' centres of the scene drawn last show, for the passes that shade.

        Unlike what `render` gave, unseen catchers of shadows are there, and see-through
        surfaces are not.
        """
        targets = self._targets_for(uploaded.scene.camera.size_wh)
        targets.framebuffer.use()
        self._context.mgl.enable_only(moderngl.DEPTH_TEST)
        if any(draw.material.alpha_mode == "blend" for draw in uploaded.draws):
            clear_float(self._context, 1, 0.0)
            clear_int(self._context, 2, -1)
            clear_depth(self._context)
            for draw in uploaded.solid:
                self._draw(draw)
        else:
            for draw in uploaded.catchers:
                self._draw(draw)
        return Seen(depth=targets.depth, drawn=targets.drawn, depth_buffer=targets.depth_buffer)

    def _draw(self, draw: Draw) -> None:
        self._programs.draw(draw, u_instance_idx=draw.instance_idx, u_draw_idx=draw.draw_idx)

    def _targets_for(self, size_wh: tuple[int, int]) -> IdTargets:
        if self._targets is None or self._targets.ids.size != size_wh:
            if self._targets is not None:
                self._targets.release(self._context)
            self._targets = IdTargets.of(self._context, size_wh)
        return self._targets


@dataclass(frozen=True, eq=False, kw_only=True)
class Seen:
    """What the centre of each pixel shows.

    Attributes:
        depth: Metres along the axis; 0 = nothing.
        drawn: `Draw.draw_idx` (-1 = nothing), and which triangle of its mesh.
        depth_buffer: GL's name of the depth buffer.

    """

    depth: moderngl.Texture
    drawn: moderngl.Texture
    depth_buffer: int


@dataclass(frozen=True, eq=False)
class IdTargets:
    """What ids, depth, and draws with their triangles are drawn into."""

    ids: moderngl.Texture
    depth: moderngl.Texture
    drawn: moderngl.Texture
    framebuffer: moderngl.Framebuffer
    depth_buffer: int

    @classmethod
    def of(cls, context: GlContext, size_wh: tuple[int, int]) -> IdTargets:
        """Of an image's size."""
        ids = context.mgl.texture(size_wh, 1, dtype="i4")
        depth = context.mgl.texture(size_wh, 1, dtype="f4")
        drawn = context.mgl.texture(size_wh, 2, dtype="i4")
        for texture in (ids, depth, drawn):
            texture.filter = (moderngl.NEAREST, moderngl.NEAREST)
        framebuffer = context.mgl.framebuffer([ids, depth, drawn])
        buffer = attach_depth(context, framebuffer, size_wh=size_wh, samples=0)
        return cls(ids, depth, drawn, framebuffer, buffer)

    def release(self, context: GlContext) -> None:
        """Frees them."""
        release_framebuffer(context, self.framebuffer)
        self.ids.release()
        self.depth.release()
        self.drawn.release()
        delete_renderbuffer(context, self.depth_buffer)


def faces_of(drawn: moderngl.Texture, uploaded: UploadedScene) -> NDArray[np.int32]:
    """``(H, W, 2)``: primitive and face of it, of what a texture of draws and triangles shows."""
    faces = np.empty((drawn.height, drawn.width, 2), np.int32)
    drawn.read_into(faces)
    primitive_of = [k for draws in uploaded.draws_by_instance for k in range(len(draws))]
    # Surfaces are drawn after all instances; -1, nothing, looks up the last one.
    n_surfaces = len(uploaded.surfaces) + len(uploaded.catchers)
    table = np.array([*primitive_of, *[-1] * (n_surfaces + 1)], np.int32)
    faces[..., 0] = table[faces[..., 0]]
    faces[faces[..., 0] < 0] = -1
    return faces
