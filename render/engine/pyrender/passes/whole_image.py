"""Fragment shaders over the whole image."""

from __future__ import annotations

import moderngl

from render.engine.pyrender.context import GlContext
from render.engine.pyrender.gl import Program

__all__ = ["WholeImage"]


class WholeImage:
    """Runs programs whose vertex shader is ``whole.vert``."""

    def __init__(self, context: GlContext) -> None:
        self._context = context
        self._arrays: dict[int, moderngl.VertexArray] = {}

    def draw(self, program: Program) -> None:
        """Shades each pixel of the bound framebuffer that its scissor and depth test let through.

        Args:
            program: Its uniforms are set.

        """
        array = self._arrays.get(program.raw.glo)
        if array is None:
            array = self._context.mgl.vertex_array(program.raw, [])
            self._arrays[program.raw.glo] = array
        array.render(moderngl.TRIANGLES, vertices=3)
