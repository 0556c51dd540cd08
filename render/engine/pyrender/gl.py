"""The few GL calls that moderngl lacks, and the programs."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import moderngl

from render.engine.pyrender.context import GlContext

__all__ = [
    "Program",
    "attach_depth",
    "attach_renderbuffer",
    "clear_depth",
    "clear_float",
    "clear_int",
    "compile_program",
    "delete_renderbuffer",
    "release_framebuffer",
    "set_wrap",
    "use_or",
    "use_reversed_depth",
]

_SHADERS = Path(__file__).parent / "shaders"

_GL_COLOR, _GL_DEPTH = 0x1800, 0x1801
_GL_DEPTH_COMPONENT32F, _GL_DEPTH_ATTACHMENT = 0x8CAC, 0x8D00
_GL_FRAMEBUFFER, _GL_RENDERBUFFER = 0x8D40, 0x8D41
_GL_LOWER_LEFT, _GL_ZERO_TO_ONE = 0x8CA1, 0x935F
_GL_TEXTURE_2D, _GL_TEXTURE_WRAP_S, _GL_TEXTURE_WRAP_T = 0x0DE1, 0x2802, 0x2803
_GL_OR = 0x1507
_SCRATCH_UNIT = 31  # every GL 4 has as many; no pass binds anything there
_WRAPS = {"repeat": 0x2901, "clamp": 0x812F, "mirror": 0x8370}


class Program:
    """A linked program; `raw` is moderngl's view of it."""

    def __init__(self, raw: moderngl.Program) -> None:
        self.raw = raw
        members = ((name, raw[name]) for name in raw)
        self._uniforms = {name: m for name, m in members if isinstance(m, moderngl.Uniform)}

    def set(self, name: str, value: object) -> None:
        """Sets a uniform; one that the compiler found unused is passed over."""
        uniform = self._uniforms.get(name)
        if uniform is not None:
            uniform.value = value

    def write(self, name: str, data: bytes) -> None:
        """Sets a uniform from its bytes; one that is unused is passed over."""
        uniform = self._uniforms.get(name)
        if uniform is not None:
            uniform.write(data)


def compile_program(
    context: GlContext,
    vertex: str,
    fragment: str,
    defines: Sequence[str] = (),
    *,
    parts: Sequence[str] = (),
    geometry: str | None = None,
) -> Program:
    """A program of files of the shader folder.

    Args:
        context: Where it lives.
        vertex: File name of the vertex shader.
        fragment: File name of the fragment shader; gets ``cutout.glsl`` in front.
        defines: ``NAME value`` lines for all.
        parts: Further files in front of the fragment shader.
        geometry: File name of the geometry shader.

    """
    head = "#version 410 core\n" + "".join(f"#define {line}\n" for line in defines)
    names = ("cutout.glsl", *parts, fragment)
    return Program(
        context.mgl.program(
            vertex_shader=head + (_SHADERS / vertex).read_text(encoding="utf-8"),
            geometry_shader=head + (_SHADERS / geometry).read_text(encoding="utf-8")
            if geometry
            else None,
            fragment_shader=head
            + "".join((_SHADERS / name).read_text(encoding="utf-8") for name in names),
        )
    )


def use_reversed_depth(context: GlContext) -> None:
    """Depth 1 at the near plane and 0 at the far plane, which float32 resolves evenly."""
    context.call("glClipControl", ctypes.c_uint(_GL_LOWER_LEFT), ctypes.c_uint(_GL_ZERO_TO_ONE))


def use_or(context: GlContext) -> None:
    """Makes OR the logic operation; it stays off until a pass enables it."""
    context.call("glLogicOp", ctypes.c_uint(_GL_OR))


def attach_depth(
    context: GlContext, framebuffer: moderngl.Framebuffer, *, size_wh: tuple[int, int]
) -> int:
    """Gives a framebuffer a float32 depth buffer (moderngl's have 24 bits); its GL name."""
    name = ctypes.c_uint()
    context.call("glGenRenderbuffers", ctypes.c_int(1), ctypes.c_void_p(ctypes.addressof(name)))
    context.call("glBindRenderbuffer", ctypes.c_uint(_GL_RENDERBUFFER), name)
    context.call(
        "glRenderbufferStorageMultisample",
        ctypes.c_uint(_GL_RENDERBUFFER),
        ctypes.c_int(0),
        ctypes.c_uint(_GL_DEPTH_COMPONENT32F),
        ctypes.c_int(size_wh[0]),
        ctypes.c_int(size_wh[1]),
    )
    attach_renderbuffer(context, framebuffer, int(name.value))
    framebuffer.depth_mask = True
    return int(name.value)


def attach_renderbuffer(context: GlContext, framebuffer: moderngl.Framebuffer, name: int) -> None:
    """Gives a framebuffer a depth buffer by its GL name, or takes it away (0)."""
    framebuffer.use()
    context.call(
        "glFramebufferRenderbuffer",
        ctypes.c_uint(_GL_FRAMEBUFFER),
        ctypes.c_uint(_GL_DEPTH_ATTACHMENT),
        ctypes.c_uint(_GL_RENDERBUFFER),
        ctypes.c_uint(name),
    )


def delete_renderbuffer(context: GlContext, name: int) -> None:
    """Frees what `attach_depth` made."""
    value = ctypes.c_uint(name)
    context.call("glDeleteRenderbuffers", ctypes.c_int(1), ctypes.c_void_p(ctypes.addressof(value)))


def release_framebuffer(context: GlContext, framebuffer: moderngl.Framebuffer) -> None:
    """Frees a framebuffer; another is bound first, since moderngl binds the last one again."""
    context.mgl.screen.use()
    framebuffer.release()


def clear_int(context: GlContext, attachment: int, value: int) -> None:
    """Fills an integer colour attachment of the bound framebuffer (moderngl clears floats)."""
    filled = (ctypes.c_int * 4)(*[value] * 4)
    _clear(context, "glClearBufferiv", _GL_COLOR, attachment, filled)


def clear_float(context: GlContext, attachment: int, value: float) -> None:
    """Fills a float colour attachment of the bound framebuffer."""
    _clear(context, "glClearBufferfv", _GL_COLOR, attachment, (ctypes.c_float * 4)(*[value] * 4))


def clear_depth(context: GlContext) -> None:
    """Sets the depth buffer of the bound framebuffer to the far plane."""
    _clear(context, "glClearBufferfv", _GL_DEPTH, 0, (ctypes.c_float * 1)(0.0))


def set_wrap(context: GlContext, texture: moderngl.Texture, wrap_st: tuple[str, str]) -> None:
    """How a texture goes on outside [0, 1] (moderngl knows no mirror)."""
    texture.use(_SCRATCH_UNIT)  # may run between the bindings of one material's textures
    for name, wrap in zip((_GL_TEXTURE_WRAP_S, _GL_TEXTURE_WRAP_T), wrap_st, strict=True):
        context.call(
            "glTexParameteri",
            ctypes.c_uint(_GL_TEXTURE_2D),
            ctypes.c_uint(name),
            ctypes.c_int(_WRAPS[wrap]),
        )


def _clear(
    context: GlContext, function: str, buffer: int, attachment: int, values: ctypes.Array[Any]
) -> None:
    # glClearBuffer obeys the write masks that moderngl sets with Framebuffer.use.
    pointer = ctypes.c_void_p(ctypes.addressof(values))
    context.call(function, ctypes.c_uint(buffer), ctypes.c_int(attachment), pointer)
