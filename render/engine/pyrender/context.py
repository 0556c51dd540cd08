"""GL contexts without a display: EGL devices, EGL surfaceless, OSMesa.

pyrender's platforms make the EGL contexts; OSMesa is bound here, because the PyOpenGL that
pyrender asks for lacks ``OSMesaCreateContextAttribs``. GL itself is called through moderngl and
through pointers that the platform hands out, never through PyOpenGL: its functions belong to one
platform for the life of a process, so that OSMesa could not take over where EGL fails.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import moderngl

from render.engine.base import DeviceInfo
from render.errors import EngineError

__all__ = ["NO_GL", "Candidate", "GlContext", "candidates", "choose"]

NO_GL = (
    "no OpenGL platform works on this machine. On Debian or Ubuntu install Mesa's software "
    "rasterizer (apt-get install libegl1 libopengl0 libgl1-mesa-dri) or the driver of the GPU with "
    "its EGL library; `python -m render.doctor` shows what was found"
)

_SOFTWARE = ("llvmpipe", "softpipe", "swrast", "software", "swr ")
_EGL_PLATFORM_SURFACELESS_MESA = 0x31DD
_EGL_ERRORS = {
    0x3001: "EGL_NOT_INITIALIZED (no driver for this device)",
    0x3002: "EGL_BAD_ACCESS (this user may not open the device)",
    0x3003: "EGL_BAD_ALLOC (out of memory)",
    0x3004: "EGL_BAD_ATTRIBUTE",
    0x3005: "EGL_BAD_CONFIG",
    0x3008: "EGL_BAD_DISPLAY (no driver offers it)",
    0x3009: "EGL_BAD_MATCH (the driver offers no OpenGL 4.1 core context)",
    0x300C: "EGL_BAD_PARAMETER",
}


class _Platform(Protocol):
    """A context of one platform, current in this thread after `init_context`."""

    def init_context(self) -> None: ...
    def make_current(self) -> None: ...
    def delete_context(self) -> None: ...
    def load(self, name: str) -> int: ...


class _Loader:
    """The shape of object that moderngl takes GL functions from."""

    def __init__(self, load: Callable[[str], int]) -> None:
        self._load = load

    def load_opengl_function(self, name: str) -> int:
        return self._load(name)

    def release(self) -> None:
        """The context is freed by its platform."""


class GlContext:
    """One GL context: moderngl's view of it, and the functions that moderngl lacks."""

    def __init__(self, platform: _Platform, *, name: str, device: str) -> None:
        self._platform = platform
        self._bound: dict[str, Callable[..., Any]] = {}
        platform.init_context()
        platform.make_current()
        try:
            loader: Any = _Loader(platform.load)  # annotated as a dict of settings by moderngl
            self.mgl = moderngl.create_context(require=410, context=loader)
        except BaseException:
            platform.delete_context()
            raise
        info = self.mgl.info
        renderer = str(info["GL_RENDERER"])
        self.info = DeviceInfo(
            platform=name,
            device=device,
            vendor=str(info["GL_VENDOR"]),
            renderer=renderer,
            version=str(info["GL_VERSION"]),
            is_gpu=not any(word in renderer.lower() for word in _SOFTWARE),
        )

    def make_current(self) -> None:
        """Binds the context to this thread, whatever other contexts did since."""
        self._platform.make_current()

    def call(self, name: str, *args: Any) -> None:
        """Calls a GL function that returns nothing; arguments are ctypes values.

        Raises:
            EngineError: The driver lacks the function.

        """
        function = self._bound.get(name)
        if function is None:
            address = self._platform.load(name)
            if not address:
                raise EngineError(
                    f"{self.info.renderer} ({self.info.version}) lacks {name}; OpenGL 4.1 with "
                    "ARB_clip_control is needed"
                )
            function = ctypes.CFUNCTYPE(None, *(type(a) for a in args))(address)
            self._bound[name] = function
        function(*args)

    def close(self) -> None:
        """Frees the context and all that lives in it."""
        self._platform.make_current()
        self.mgl.release()
        self._platform.delete_context()


@dataclass(frozen=True)
class Candidate:
    """A place where a context may be had.

    Attributes:
        platform: ``egl`` or ``osmesa``.
        device: ``<index>`` of an EGL device, ``surfaceless``, or ``software``.
        make: Makes the platform object; raises where a library is missing.

    """

    platform: str
    device: str
    make: Callable[[], _Platform]

    def open(self) -> GlContext:
        """A current context.

        Raises:
            EngineError: It cannot be had; the message says why, without naming the candidate.

        """
        # Drivers, PyOpenGL, pyrender (by assert) and moderngl fail each in its own way.
        try:
            return GlContext(self.make(), name=self.platform, device=self.device)
        except EngineError:
            raise
        except Exception as error:
            raise EngineError(_reason(error)) from error


def candidates(platform: str, device: str) -> Iterator[Candidate]:
    """What to try, the best guess first.

    Args:
        platform: ``auto``, ``egl`` or ``osmesa``.
        device: ``auto``, the index of an EGL device, ``surfaceless``, or ``software``
            (OSMesa).

    Raises:
        EngineError: There is no such platform.

    """
    if platform not in ("auto", "egl", "osmesa"):
        raise EngineError(f"engine.platform must be auto, egl or osmesa, got {platform!r}")
    found = [
        *(_egl_candidates() if platform != "osmesa" else ()),
        *([Candidate("osmesa", "software", _OSMesa)] if platform != "egl" else ()),
    ]
    yield from (c for c in found if device in ("auto", c.device))


def choose(platform: str, device: str) -> GlContext:
    """The first GPU among EGL's devices, else the first that works at all.

    Raises:
        EngineError: Nothing works, or nothing matches; the message tells what was tried.

    """
    fallback: GlContext | None = None
    tried: list[str] = []
    for candidate in candidates(platform, device):
        if fallback is not None and not candidate.device.isdecimal():
            break  # neither OSMesa nor Mesa without a device finds a GPU that the list lacks
        try:
            context = candidate.open()
        except EngineError as error:
            tried.append(f"{candidate.platform} {candidate.device}: {error}")
            continue
        if context.info.is_gpu:
            if fallback is not None:
                fallback.close()
                context.make_current()
            return context
        if fallback is None:
            fallback = context
        else:
            context.close()
    if fallback is not None:
        fallback.make_current()
        return fallback
    asked = f" (engine.platform={platform} engine.device={device})"
    known = ", ".join(c.device for c in candidates(platform, "auto"))
    outcome = "; ".join(tried) if tried else f"no such device, only {known}"
    raise EngineError(f"{NO_GL}{asked}. Tried: {outcome}")


def _egl_candidates() -> Iterator[Candidate]:
    for index in range(_count_egl_devices()):
        yield Candidate("egl", str(index), lambda index=index: _open_egl(index))  # type: ignore[misc]
    yield Candidate("egl", "surfaceless", lambda: _open_egl(None))


def _import_egl() -> Any:
    """Pyrender's EGL module, imported at use: it fails where libEGL is missing."""
    _first_library("libEGL.so.1")  # PyOpenGL tells less well that it is missing
    # pyrender imports a viewer, which must not look for a display.
    os.environ.setdefault("PYOPENGL_PLATFORM", "egl")
    from pyrender.platforms import egl

    return egl


def _count_egl_devices() -> int:
    """0 also where EGL or its device extension is missing: surfaceless is tried all the same."""
    try:
        return len(_import_egl().query_devices())
    except Exception:  # noqa: BLE001  (PyOpenGL raises AttributeError, ImportError, TypeError ...)
        return 0


def _open_egl(index: int | None) -> _Platform:
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

    library = ctypes.CDLL("libEGL.so.1")
    library.eglGetProcAddress.restype = ctypes.c_void_p
    library.eglGetProcAddress.argtypes = [ctypes.c_char_p]
    platform: _Platform = EGL(
        1, 1, device=Surfaceless() if index is None else egl.query_devices()[index]
    )
    return platform


class _OSMesa:
    """Mesa's off-screen library: software, dropped in Mesa 25.1."""

    # OSMESA_FORMAT RGBA, DEPTH_BITS 24, PROFILE CORE, CONTEXT_MAJOR_VERSION 4, MINOR 1.
    _ATTRIBUTES = (0x22, 0x1908, 0x30, 24, 0x33, 0x34, 0x36, 4, 0x37, 1, 0)
    _GL_UNSIGNED_BYTE = 0x1401

    def __init__(self) -> None:
        self._library = _first_library("libOSMesa.so.8", "libOSMesa.so.6", "libOSMesa.so")
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


def _first_library(*names: str) -> ctypes.CDLL:
    broken = ""
    for name in names:
        try:
            return ctypes.CDLL(name)
        except OSError as error:
            # One that is there and cannot be loaded is told as such.
            if "cannot open shared object file" not in str(error):
                broken = broken or f"{name} cannot be loaded: {error}"
    raise EngineError(broken or f"{names[0]} is not installed")


def _reason(error: Exception) -> str:
    """One line for whatever a driver or its wrappers raise."""
    call = getattr(getattr(error, "baseOperation", None), "__name__", "")
    code = getattr(error, "err", None)
    if call.startswith("egl") and isinstance(code, int):  # PyOpenGL's GLError, its text is empty
        return f"{call} fails with {_EGL_ERRORS.get(code, hex(code))}"
    # How PyOpenGL and pyrender stumble where the library is too old, or is not EGL's.
    if isinstance(error, AttributeError | TypeError | AssertionError | ImportError):
        return "the library that is there lacks functions or devices that are needed"
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
