"""Parts of the image that show anything: what the others would get need not be worked out."""

from __future__ import annotations

import moderngl
import numpy as np
from numpy.typing import NDArray

from render.engine.pyrender.context import GlContext
from render.engine.pyrender.gl import Program

__all__ = ["Tiles"]

_SIDE = 16  # even, for passes at half the size


class Tiles:
    """Squares of `_SIDE` pixels; programs over them have ``tiles.vert``."""

    def __init__(self, context: GlContext) -> None:
        self._context = context
        self._middles = context.mgl.buffer(reserve=1 << 16, dynamic=True)
        self._arrays: dict[int, moderngl.VertexArray] = {}
        self._count = 0
        self._size_wh = (0, 0)

    def fill(self, depth_m: NDArray[np.float32]) -> None:
        """Takes the tiles in which some of ``(H, W)`` depths are not 0."""
        height, width = depth_m.shape
        rows, columns = -(-height // _SIDE), -(-width // _SIDE)
        shows = np.zeros((rows * _SIDE, columns * _SIDE), np.bool_)
        np.greater(depth_m, 0.0, out=shows[:height, :width])
        # Eight pixels at a time.
        words = shows.view(np.uint64).reshape(rows, _SIDE, columns, _SIDE // 8)
        row, column = np.nonzero(np.bitwise_or.reduce(words, axis=1).any(axis=2))
        corners = np.stack([column, row], axis=1) * _SIDE
        # The last ones end with the image, to an even pixel: a point is drawn if its middle is
        # inside.
        size = np.array([width, height])
        corners = np.minimum(corners, np.maximum((size - _SIDE + 1) // 2 * 2, 0))
        corners = np.minimum(corners, (size - _SIDE // 2) // 2 * 2)
        middles = (corners + _SIDE / 2).astype(np.float32)
        if middles.nbytes > self._middles.size:
            self._middles.orphan(2 * middles.nbytes)
        if len(middles):
            self._middles.write(middles)
        self._count, self._size_wh = len(middles), (width, height)

    def draw(self, program: Program, *, shrink: int = 1) -> None:
        """Runs a fragment shader over the tiles.

        Args:
            program: Its uniforms are set.
            shrink: The target's pixels are so many of the image's wide.

        """
        array = self._arrays.get(program.raw.glo)
        if array is None:
            array = self._context.mgl.vertex_array(program.raw, [(self._middles, "2f", "a_middle")])
            self._arrays[program.raw.glo] = array
        width, height = (shrink * -(-side // shrink) for side in self._size_wh)
        program.set("u_image", (float(width), float(height)))
        program.set("u_side", float(_SIDE // shrink))
        gl = self._context.mgl
        gl.enable(moderngl.PROGRAM_POINT_SIZE)
        if self._count:
            array.render(moderngl.POINTS, vertices=self._count)
        gl.disable(moderngl.PROGRAM_POINT_SIZE)
