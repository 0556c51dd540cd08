"""How kernels are compiled, and where machine code is kept between runs.

Numba compiles a kernel when it is first called. What it made is kept in
``$XDG_CACHE_HOME/render/kernels`` (``~/.cache/render/kernels``), in a folder named for a digest of
all kernels, of the versions of Python, Numba, llvmlite and NumPy, and of the CPU: Numba itself only
sees whether the file of a function has changed, not those of the functions that it calls.

Kept code is loaded by pickle, so it is read from a folder alone that nobody else can write to.
Whatever is damaged there is compiled and written again; what cannot be written is compiled by each
process.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import logging
import os
import shutil
import stat
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from render.errors import EngineError

_MOST_FOLDERS = 8
_PACKAGES = ("numba", "llvmlite", "numpy")


def _versions() -> dict[str, str]:
    """Of what compiles the kernels; packages that are not there are left out."""
    found = {"python": sys.version.split()[0]}
    for name in _PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


try:
    import llvmlite.binding
    import numba
    from numba.core.caching import CompileResultCacheImpl, FunctionCache, _CacheLocator
    from numba.core.runtime import _nrt_python  # type: ignore[attr-defined]
# It looks at versions itself, and a broken one can raise anything.
except Exception as error:
    there = ", ".join(f"{name} {version}" for name, version in _versions().items())
    raise EngineError(
        f"Numba 0.61 or newer, which compiles what draws, cannot be imported ({error}); there are "
        f"{there}: pip install --upgrade render-theta gets versions that work with each other"
    ) from error

__all__ = ["has_compiled", "kept_code", "kernel", "unwritten"]

F = TypeVar("F", bound=Callable[..., Any])

_LOG = logging.getLogger(__name__)


def kernel(function: F) -> F:
    """Compiles a function of numbers and arrays when it is first called.

    Divisions by zero give infinities and indices are not checked; sums stay in their order,
    because bytes must not depend on the machine. One whose name begins with an underscore is for
    other kernels alone: nothing is made for calls from Python, which takes as long as the code
    itself, and it is kept within those that call it.
    """
    is_inner = function.__name__.startswith("_")
    options: dict[str, Any] = {"no_cfunc_wrapper": True, "no_cpython_wrapper": is_inner}
    compiled: Any = numba.njit(
        error_model="numpy", boundscheck=False, nogil=True, **options
    )(function)  # fmt: skip
    if not is_inner and kept_code() is not None:
        compiled._cache = _KeptCode(function)  # type: ignore[no-untyped-call]
    return cast(F, compiled)


def unwritten(array: NDArray[Any]) -> NDArray[Any]:
    """An array as all that kernels only read are typed: plain, contiguous, not to be written to.

    A kernel is compiled anew for each kind of array.
    """
    if not (array.flags.c_contiguous and array.flags.aligned):
        array = np.require(array, requirements=["C", "A"])
    plain = array.view(np.ndarray)
    plain.flags.writeable = False
    return plain


@cache
def kept_code() -> Path | None:
    """The folder of the compiled kernels, which is there; None where there can be none.

    It says once why there is none: kernels are then compiled again in every process.
    """
    folder = _base() / "render" / "kernels" / _digest()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.utime(folder)
    except OSError as error:
        reason = f"cannot be made ({error.strerror})"
    else:
        reason = _why_not(folder)
        if not reason:
            _forget_oldest(folder.parent)
            return folder
    _LOG.warning("kernels are compiled anew by each process, because %s %s", folder, reason)
    return None


def _forget_oldest(base: Path) -> None:
    """Deletes the code that was used longest ago, of which other versions leave much behind."""
    with contextlib.suppress(OSError):
        by_age = sorted(base.iterdir(), key=lambda p: p.stat().st_mtime, reverse=True)
        for old in by_age[_MOST_FOLDERS:]:
            shutil.rmtree(old, ignore_errors=True)


class _Place(_CacheLocator):
    """Where Numba keeps a kernel."""

    def __init__(self, function: Callable[..., Any], file: str) -> None:
        self._py_file = file  # Numba names it in warnings
        self._line = function.__code__.co_firstlineno

    @classmethod
    def from_function(cls, function: Callable[..., Any], file: str) -> _Place:
        return cls(function, file)

    def get_cache_path(self) -> str:
        return str(kept_code())

    def get_source_stamp(self) -> str:
        """Of its own file, for kernels of a user: the folder's name tells of all of ours."""
        return hashlib.sha256(Path(self._py_file).read_bytes()).hexdigest()

    def get_disambiguator(self) -> str:
        return str(self._line)


class _KeptResult(CompileResultCacheImpl):
    """In that place alone: beside the sources or in Numba's own folders it may be stale."""

    _locator_classes: list[type[object]] = [_Place]  # noqa: RUF012  as in its base

    def rebuild(self, target_context: Any, payload: Any) -> Any:
        """A kernel of its machine code; its bitcode is read when another is compiled with it.

        LLVM takes longer to read that than the machine code, and megabytes to hold it.
        """
        (name, kind, (machine_code, bitcode)), described, *others = payload
        parts = ((name, kind, (machine_code, _no_bitcode())), described, *others)
        # What is asked for by name; else Numba reads the names in the bitcode.
        target_context.codegen()._engine._defined_symbols |= {
            described.llvm_func_name, described.llvm_cpython_wrapper_name, described.env_name,
        }  # fmt: skip
        result = super().rebuild(target_context, parts)  # type: ignore[no-untyped-call]
        library = result.library

        @cache
        def module_for_linking() -> Any:
            module = llvmlite.binding.parse_bitcode(bitcode)
            library.codegen._engine._load_defined_symbols(module)
            return module

        library._get_module_for_linking = module_for_linking
        return result


class _KeptCode(FunctionCache):
    """Numba's, where a damaged entry is compiled again and a full disk stops nothing."""

    _impl_class = _KeptResult

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        found = None
        _tell_helpers()
        # Whatever pickle makes of damaged bytes. Numba's own method would first import all that
        # a compilation needs, which takes half a second and 60 MiB.
        with contextlib.suppress(Exception):
            found = self._load_overload(sig, target_context)  # type: ignore[no-untyped-call]
        if found is None:
            _say_once()
        return found

    def save_overload(self, sig: Any, data: Any) -> None:
        try:
            try:
                super().save_overload(sig, data)  # type: ignore[no-untyped-call]
            except OSError:
                raise
            # Of a damaged index, again whatever pickle makes of it.
            except Exception:  # noqa: BLE001
                self.flush()  # type: ignore[no-untyped-call]
                super().save_overload(sig, data)  # type: ignore[no-untyped-call]
        except OSError as error:
            _say_not_kept(error.strerror or str(error))


@cache
def _no_bitcode() -> bytes:
    return cast(bytes, llvmlite.binding.parse_assembly("").as_bitcode())


@cache
def _tell_helpers() -> None:
    """Tells LLVM where the functions of Numba are that kept code calls."""
    for name, address in _nrt_python.c_helpers.items():
        llvmlite.binding.add_symbol(name if name[0] == "_" else f"NRT_{name}", address)


_compiled: list[bool] = []


def has_compiled() -> bool:
    """Whether this process has compiled a kernel that no process before it had kept."""
    return bool(_compiled)


def _say_once() -> None:
    if _compiled:
        return
    _compiled.append(True)
    _LOG.warning("compiling kernels for this machine: once, for up to a minute")


@cache
def _say_not_kept(reason: str) -> None:
    _LOG.warning("compiled kernels cannot be kept in %s: %s", kept_code(), reason)


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
    settings: Any = numba.config
    features = llvmlite.binding.get_host_cpu_features().flatten()
    cpu = (
        settings.CPU_NAME or llvmlite.binding.get_host_cpu_name(),
        features if settings.CPU_FEATURES is None else settings.CPU_FEATURES,
    )
    digest = hashlib.sha256(repr((sys.version, _versions(), cpu)).encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:32]
