"""The disk cache: what was slow to make serves later runs, and all processes of a machine.

It lies in ``$XDG_CACHE_HOME/render`` (``~/.cache/render``) and may be deleted at any time. It saves
time and memory and changes no result: an entry that is missing, damaged or cannot be written is
made again. `render.system.memory_map` says what a file holds.

Of the libraries for this, joblib.Memory and diskcache store pickles, and to read a pickle from a
folder that others may write to is to run their code; neither maps the arrays of a nested value
into memory, which is what lets eight workers share one model of ten million triangles.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TypeVar, cast

from render.errors import DatasetError
from render.system.files import write_whole
from render.system.memory_map import mapped_value, parts_of

__all__ = ["cache_folder", "cached", "source_digest"]

T = TypeVar("T")

_MAX_BYTES = 4 * 2**30


def cached(key: str, make: Callable[[], T], *, is_valid: Callable[[T], bool] = lambda _: True) -> T:
    """Returns what `make` returns, or returned in an earlier run; it must not be written to.

    Args:
        key: Names input and method: equal keys mean equal values.
        make: Does the work. The value is made of what `memory_map.parts_of` takes.
        is_valid: Whether a value of an earlier run still holds, where the key cannot tell.

    Raises:
        TypeError: The value holds something else.

    """
    folder = cache_folder()
    if folder is None:
        return make()
    path = folder / f"{hashlib.sha256(key.encode()).hexdigest()}.mapped"
    with contextlib.suppress(OSError, ValueError):
        found = cast(T, mapped_value(path))
        with contextlib.suppress(OSError):  # a folder that may only be read
            path.touch()
        if is_valid(found):
            return found
    value = make()
    parts = parts_of(value)
    if sum(map(len, parts)) > _MAX_BYTES // 2:
        return value
    with contextlib.suppress(OSError, ValueError, DatasetError):
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(path, parts)
        _trim(folder)
        return cast(T, mapped_value(path))
    return value


@cache
def source_digest() -> str:
    """SHA-256 (hex) of this package's code and of the names and versions of all that is installed:
    part of the keys of what other code would make otherwise.
    """
    package = Path(__file__).parents[1]
    installed = sorted((d.name, d.version) for d in importlib.metadata.distributions())
    digest = hashlib.sha256(repr(installed).encode())
    for path in sorted(package.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def cache_folder() -> Path | None:
    """Where the cache is; it need not be there yet. None for a user without a home.

    Files in it may be deleted at any time; its folders belong to others.
    """
    base = os.environ.get("XDG_CACHE_HOME")
    if base:
        return Path(base) / "render"
    try:
        return Path.home() / ".cache" / "render"
    except RuntimeError:
        return None


def _trim(folder: Path) -> None:
    """Deletes what was used longest ago, but not the newest, until the folder keeps its bound."""
    files = (path for path in folder.iterdir() if path.is_file())
    entries = sorted((p.stat().st_mtime, p.stat().st_size, p) for p in files)
    total = sum(size for _, size, _ in entries)
    for _, size, path in entries[:-1]:
        if total <= _MAX_BYTES:
            return
        path.unlink(missing_ok=True)
        total -= size
