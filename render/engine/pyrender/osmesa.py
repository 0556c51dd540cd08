"""Contexts of OSMesa."""

from __future__ import annotations

import ctypes
from typing import final

from render.engine.pyrender.libraries import first_library
from render.errors import EngineError

__all__ = ["OSMesa"]


@final
class OSMesa:
    """Mesa's off-screen library: software, dropped in Mesa 25.1."""

    # OSMESA_FORMAT RGBA, DEPTH_BITS 24, PROFILE CORE, CONTEXT_MAJOR_VERSION 4, MINOR 1.
    _ATTRIBUTES = (0x22, 0x1908, 0x30, 24, 0x33, 0x34, 0x36, 4, 0x37, 1, 0)
    _GL_UNSIGNED_BYTE = 0x1401

    def __init__(self) -> None:
        self._library = first_library("libOSMesa.so.8", "libOSMesa.so.6", "libOSMesa.so")
        self._context: int | None = None
        # Frames are drawn into framebuffer objects; a context still wants a buffer.
        self._buffer = (ctypes.c_ubyte * 4)()

    def init_context(self) -> None:
        create = self._library.OSMesaCreateContextAttribs
        create.restype = ctypes.c_void_p
        create.argtypes = [ctypes.POINTER(ctypes.c_int), ctypes.c_void_p]
        self._context = create((ctypes.c_int * len(self._ATTRIBUTES))(*self._ATTRIBUTES), None)
        if not self._context:
            raise EngineError("osmesa offers no OpenGL 4.1 core context")

    def make_current(self) -> None:
        bind = self._library.OSMesaMakeCurrent
        bind.argtypes = [ctypes.c_void_p, ctypes.c_void_p, *[ctypes.c_int] * 3]
        if not bind(self._context, self._buffer, self._GL_UNSIGNED_BYTE, 1, 1):
            raise EngineError("the OSMesa context cannot be made current")

    def delete_context(self) -> None:
        self._library.OSMesaDestroyContext.argtypes = [ctypes.c_void_p]
        self._library.OSMesaDestroyContext(self._context)
        self._context = None

    def load(self, name: str) -> int:
        find = self._library.OSMesaGetProcAddress
        find.restype = ctypes.c_void_p
        find.argtypes = [ctypes.c_char_p]
        return int(find(name.encode()) or 0)
