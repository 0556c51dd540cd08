"""How kernels are compiled, and where machine code is kept between runs.

Numba compiles a kernel when it is first called. What it made is kept in
``$XDG_CACHE_HOME/render/kernels`` (``~/.cache/render/kernels``), in a folder named for a digest of
all kernels, of the versions of Python, Numba, llvmlite and NumPy: Numba itself only sees whether
the file of a function has changed, not those of the functions that it calls. Numba also keys what
it keeps by the CPU.

Kept code is loaded by pickle, so it is read from a folder alone that nobody else can write to.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import logging
import os
import stat
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from numba.core.caching import FunctionCache

__all__ = ["kept_code", "kernel"]

F = TypeVar("F", bound=Callable[..., Any])

_LOG = logging.getLogger(__name__)


def kernel(function: F) -> F:
    """Compiles a function of numbers and arrays when it is first called.

    Divisions by zero give infinities and indices are not checked; sums stay in their order,
    because bytes must not depend on the machine.
    """
    compiled: Any = numba.njit(error_model="numpy", boundscheck=False, nogil=True)(function)
    folder = kept_code()
    if folder is not None:
        # What numba.config.CACHE_DIR says counts when a function's cache is made.
        settings: Any = numba.config
        before, settings.CACHE_DIR = settings.CACHE_DIR, str(folder)
        try:
            compiled._cache = _KeptCode(function)  # type: ignore[no-untyped-call]
        finally:
            settings.CACHE_DIR = before
    return cast(F, compiled)


@cache
def kept_code() -> Path | None:
    """The folder of the compiled kernels, which is there; None where there can be none.

    It says once why there is none: kernels are then compiled again in every process.
    """
    folder = _base() / "render" / "kernels" / _digest()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        reason = f"cannot be made ({error.strerror})"
    else:
        reason = _why_not(folder)
        if not reason:
            return folder
    _LOG.warning("kernels are compiled anew by each process, because %s %s", folder, reason)
    return None


class _KeptCode(FunctionCache):
    """Numba's, where a damaged entry is compiled again and a full disk stops nothing."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        found = None
        # Whatever pickle makes of damaged bytes.
        with contextlib.suppress(Exception):
            found = super().load_overload(sig, target_context)  # type: ignore[no-untyped-call]
        if found is None:
            _say_once()
        return found

    def save_overload(self, sig: Any, data: Any) -> None:
        try:
            super().save_overload(sig, data)  # type: ignore[no-untyped-call]
        # Of a damaged index, again whatever pickle makes of it; it is written anew.
        except Exception:  # noqa: BLE001
            with contextlib.suppress(OSError):
                self.flush()  # type: ignore[no-untyped-call]


@cache
def _say_once() -> None:
    _LOG.warning("compiling kernels for this machine: once, for up to half a minute")


def _base() -> Path:
    base = os.environ.get("XDG_CACHE_HOME")
    if base:
        return Path(base)
    try:
        return Path.home() / ".cache"
    except RuntimeError:  # a user without a home
        return Path("/nonexistent")


def _why_not(folder: Path) -> str:
    """Why code from a folder is not to be trusted, as a clause; "" where it is."""
    own = os.geteuid()
    resolved = folder.resolve()
    for path in (resolved, *resolved.parents):
        found = path.stat()
        if found.st_uid not in (own, 0) or (path == resolved and found.st_uid != own):
            return f"belongs to another user at {path}"
        others_write = found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        # In a sticky folder such as /tmp nobody can replace what is not theirs.
        if others_write and (path == resolved or not found.st_mode & stat.S_ISVTX):
            return f"can be written to by others at {path}"
    return "" if os.access(resolved, os.W_OK) else "cannot be written to"


def _digest() -> str:
    names = ("numba", "llvmlite", "numpy")
    versions = [sys.version, *(importlib.metadata.version(name) for name in names)]
    digest = hashlib.sha256(repr(versions).encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:32]
