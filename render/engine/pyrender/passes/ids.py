"""Ids and depth: one sample at the pixel's centre."""

from __future__ import annotations

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
)
from render.engine.pyrender.passes.draws import GeometryPrograms, UploadedScene
from render.engine.pyrender.upload import Residents

__all__ = ["IdPass"]


class IdPass:
    """Which instance each pixel shows, and how deep it lies."""

    def __init__(self, context: GlContext, residents: Residents, size_wh: tuple[int, int]) -> None:
        self._context = context
        self._size_wh = size_wh
        self._programs = GeometryPrograms(context, "ids.frag", residents)
        self._ids = context.mgl.texture(size_wh, 1, dtype="i4")
        self._depth = context.mgl.texture(size_wh, 1, dtype="f4")
        self._target = context.mgl.framebuffer([self._ids, self._depth])
        self._depth_buffer = attach_depth(context, self._target, size_wh=size_wh, samples=0)

    def render(self, uploaded: UploadedScene) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """``(H, W)`` instance indices (-1 = none) and depth in metres (0 = nothing)."""
        self._target.use()
        clear_int(self._context, 0, -1)
        clear_float(self._context, 1, 0.0)
        clear_depth(self._context)
        self._context.mgl.enable_only(moderngl.DEPTH_TEST)
        for draw in uploaded.draws:
            self._programs.draw(
                draw, value_name="u_instance_idx", value=draw.instance_idx, shift_xy=(0.0, 0.0)
            )
        shape = (self._size_wh[1], self._size_wh[0])
        ids, depth_m = np.empty(shape, np.int32), np.empty(shape, np.float32)
        self._ids.read_into(ids)
        self._depth.read_into(depth_m)
        return ids, depth_m

    def release(self) -> None:
        """Frees the targets."""
        self._target.release()
        self._ids.release()
        self._depth.release()
        delete_renderbuffer(self._context, self._depth_buffer)
