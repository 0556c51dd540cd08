"""GL contexts without a display: EGL devices, EGL surfaceless, OSMesa.

pyrender's platforms make the EGL contexts; OSMesa is bound here, because the PyOpenGL that
pyrender asks for lacks ``OSMesaCreateContextAttribs``. GL itself is called through moderngl and
through pointers that the platform hands out, never through PyOpenGL: its functions belong to one
platform for the life of a process, so that OSMesa could not take over where EGL fails.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

import moderngl

from render.engine.base import DeviceInfo
from render.engine.pyrender.devices import gpu_file, named, no_such_device, why_software
from render.engine.pyrender.egl import list_devices, open_egl
from render.engine.pyrender.osmesa import OSMesa
from render.errors import EngineError

__all__ = ["NO_GL", "DeviceCandidate", "GlContext", "candidates", "choose", "reason_for_software"]

NO_GL = (
    "no OpenGL platform works on this machine. On Debian or Ubuntu install Mesa's software "
    "rasterizer (apt-get install libegl1 libopengl0 libgl1-mesa-dri) or the driver of the GPU with "
    "its EGL library; `python -m render.doctor` shows what was found"
)

_SOFTWARE = ("llvmpipe", "softpipe", "swrast", "software", "swr ")
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
class DeviceCandidate:
    """A place where a context may be had.

    Attributes:
        platform: ``egl`` or ``osmesa``.
        device: What `engine.device` calls it: a number, ``surfaceless``, or ``software``.
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


def candidates(platform: str, device: str) -> Iterator[DeviceCandidate]:
    """What to try, the best guess first.

    Args:
        platform: ``auto``, ``egl`` or ``osmesa``.
        device: ``auto``, a number (see `named`), ``surfaceless``, or ``software`` (OSMesa).

    Raises:
        EngineError: There is no such platform, or CUDA_VISIBLE_DEVICES cannot be heeded.

    """
    if platform not in ("auto", "egl", "osmesa"):
        raise EngineError(f"engine.platform must be auto, egl or osmesa, got {platform!r}")
    found = [
        *(_egl_candidates() if platform != "osmesa" else ()),
        *([DeviceCandidate("osmesa", "software", OSMesa)] if platform != "egl" else ()),
    ]
    yield from (c for c in found if device in ("auto", c.device))


def choose(platform: str, device: str) -> GlContext:
    """The first GPU among EGL's devices, else the first that works at all.

    Raises:
        EngineError: Nothing works, or nothing matches; or a number got software though a GPU
            seems to be there. The message tells what was found.

    """
    context, failed = _first(platform, device)
    if context.info.is_gpu or not (device == "auto" or device.isdecimal()):
        return context
    reason = "" if platform == "osmesa" else reason_for_software(failed)
    if reason and device.isdecimal():
        renderer = context.info.renderer
        context.close()
        raise EngineError(
            f"engine.device={device} asks for a GPU, and got software ({renderer}): {reason}. "
            "engine.device=auto draws on the CPU all the same; `python -m render.doctor` shows "
            "what was found"
        )
    if device.isdecimal():
        reason = f"engine.device={device} is a software device, and no GPU was found"
    context.info = replace(context.info, remark=reason)
    return context


def reason_for_software(failed: Mapping[str, str]) -> str:
    """Why this machine draws in software though a GPU seems to be there, as `why_software`.

    Args:
        failed: What was tried in vain and why, by name.

    """
    return why_software(list_devices(), _visible(), gpu=gpu_file(), failed=failed)


def _first(platform: str, device: str) -> tuple[GlContext, dict[str, str]]:
    """What `choose` chooses, and why devices before it could not be opened, by name."""
    fallback: GlContext | None = None
    tried: dict[str, str] = {}
    for candidate in candidates(platform, device):
        if fallback is not None and not candidate.device.isdecimal():
            break  # neither OSMesa nor Mesa without a device finds a GPU that the list lacks
        try:
            context = candidate.open()
        except EngineError as error:
            tried[candidate.device] = f"{candidate.platform} {candidate.device}: {error}"
            continue
        if context.info.is_gpu:
            if fallback is not None:
                fallback.close()
                context.make_current()
            return context, tried
        if fallback is None:
            fallback = context
        else:
            context.close()
    if fallback is not None:
        fallback.make_current()
        return fallback, tried
    if not tried:
        names = [candidate.device for candidate in candidates(platform, "auto")]
        why = "" if platform == "osmesa" else reason_for_software({})
        raise EngineError(no_such_device(device, names, _visible(), why=why))
    what = NO_GL if device == "auto" else f"engine.device={device} cannot be opened"
    raise EngineError(f"{what} (engine.platform={platform}). Tried: {'; '.join(tried.values())}")


def _egl_candidates() -> Iterator[DeviceCandidate]:
    for name, index in named(list_devices(), _visible()).items():
        yield DeviceCandidate("egl", name, partial(open_egl, index))
    yield DeviceCandidate("egl", "surfaceless", partial(open_egl, None))


def _visible() -> str | None:
    return os.environ.get("CUDA_VISIBLE_DEVICES")


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
