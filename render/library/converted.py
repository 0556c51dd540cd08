"""Slow conversions of model files, kept on disk from one run to the next.

In ``$XDG_CACHE_HOME/render`` (``~/.cache/render``), by the hash of what was converted. It saves
time and changes nothing: an entry that is missing, torn or cannot be written is made again.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from render.errors import DatasetError
from render.execute.files import write_whole

__all__ = ["converted"]

_MOST_BYTES = 2 * 2**30
_HASH_BYTES = 32


def converted(key: str, convert: Callable[[], bytes]) -> bytes:
    """What `convert` gives, or gave in an earlier run.

    Args:
        key: Names input, converter and version: equal keys mean equal results.
        convert: Does the work.

    """
    path = _folder() / hashlib.sha256(key.encode()).hexdigest()
    with contextlib.suppress(OSError):
        kept = path.read_bytes()
        data = kept[_HASH_BYTES:]
        if data and hashlib.sha256(data).digest() == kept[:_HASH_BYTES]:
            path.touch()
            return data
    data = convert()
    with contextlib.suppress(OSError, DatasetError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, hashlib.sha256(data).digest() + data)
        _trim(path.parent)
    return data


def _folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "render"


def _trim(folder: Path) -> None:
    """Deletes what was used longest ago until the folder keeps its size."""
    entries = sorted((p.stat().st_mtime, p.stat().st_size, p) for p in folder.iterdir())
    total = sum(size for _, size, _ in entries)
    for _, size, path in entries:
        if total <= _MOST_BYTES:
            return
        path.unlink(missing_ok=True)
        total -= size
