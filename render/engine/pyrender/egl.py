"""EGL: its devices, and contexts on them by way of pyrender's platform."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from typing import Any

from render.engine.pyrender.devices import EglDevice
from render.engine.pyrender.libraries import first_library
from render.errors import EngineError
from render.system.interrupts import interrupts_held

__all__ = ["list_devices", "open_egl"]

_EGL_PLATFORM_SURFACELESS_MESA = 0x31DD
_EGL_EXTENSIONS = 0x3055
_EGL_CUDA_DEVICE_NV = 0x323A


def list_devices() -> list[EglDevice]:
    """What EGL lists; nothing also where EGL or its device extension is missing."""
    try:
        handles = [device._display for device in _import_egl().query_devices()]
        return [_described(index, handle) for index, handle in enumerate(handles)]
    except Exception:  # noqa: BLE001  (PyOpenGL raises AttributeError, ImportError, TypeError ...)
        return []


def open_egl(index: int | None) -> Any:
    """A platform object for one of EGL's devices; None: Mesa's display without a device."""
    egl = _import_egl()

    class Surfaceless:
        """Mesa's display without a device."""

        def get_display(self) -> Any:
            return egl._eglGetPlatformDisplayEXT(_EGL_PLATFORM_SURFACELESS_MESA, None, None)

    class EGL(egl.EGLPlatform):  # type: ignore[misc,name-defined]
        """Without eglTerminate: contexts of one device share its display."""

        _egl_context: Any

        def make_current(self) -> None:
            if self._egl_context is None or not self._egl_context.address:
                raise EngineError("the driver offers no OpenGL 4.1 core context")
            # EGL passes over a context that it holds for current, also when OSMesa, which EGL
            # knows nothing of, has taken the thread since.
            self.make_uncurrent()
            super().make_current()

        def make_uncurrent(self) -> None:
            none = egl.egl.EGL_NO_SURFACE
            egl.egl.eglMakeCurrent(self._egl_display, none, none, egl.egl.EGL_NO_CONTEXT)

        def delete_context(self) -> None:
            # pyrender's __del__ calls this once more, at any moment: whatever context the
            # thread works with by then must stay current.
            if self._egl_context is None:
                return
            if egl.egl.eglGetCurrentContext().address == self._egl_context.address:
                self.make_uncurrent()
            egl.egl.eglDestroyContext(self._egl_display, self._egl_context)
            self._egl_context = None

        def load(self, name: str) -> int:
            return int(library.eglGetProcAddress(name.encode()) or 0)

    library = _library()
    return EGL(1, 1, device=Surfaceless() if index is None else egl.query_devices()[index])


def _import_egl() -> Any:
    """Pyrender's EGL module, imported at use: it fails where libEGL is missing."""
    first_library("libEGL.so.1")  # PyOpenGL tells less well that it is missing
    # pyrender imports a viewer, which must not look for a display.
    os.environ.setdefault("PYOPENGL_PLATFORM", "egl")
    with interrupts_held():
        from pyrender.platforms import egl

    return egl


def _described(index: int, handle: Any) -> EglDevice:
    """Asks a device what it is (EGL_EXT_device_query, EGL_NV_device_cuda)."""
    query = _function("eglQueryDeviceStringEXT", ctypes.c_char_p, ctypes.c_int)
    extensions = (query(handle, _EGL_EXTENSIONS) or b"").split() if query else []
    if b"EGL_NV_device_cuda" not in extensions:
        return EglDevice(index=index)
    number = ctypes.c_ssize_t()
    attribute = ctypes.POINTER(ctypes.c_ssize_t)
    ask = _function("eglQueryDeviceAttribEXT", ctypes.c_uint, ctypes.c_int, attribute)
    # It fails where CUDA is missing, and for a device that CUDA_VISIBLE_DEVICES hides.
    has_number = ask is not None and ask(handle, _EGL_CUDA_DEVICE_NV, ctypes.byref(number))
    return EglDevice(index=index, is_nvidia=True, cuda_idx=number.value if has_number else None)


def _function(name: str, result: Any, *arguments: Any) -> Callable[..., Any] | None:
    """A function of EGL whose first argument is a device; None where EGL lacks it."""
    address = _library().eglGetProcAddress(name.encode())
    return ctypes.CFUNCTYPE(result, ctypes.c_void_p, *arguments)(address) if address else None


def _library() -> ctypes.CDLL:
    library = ctypes.CDLL("libEGL.so.1")
    library.eglGetProcAddress.restype = ctypes.c_void_p
    library.eglGetProcAddress.argtypes = [ctypes.c_char_p]
    return library
