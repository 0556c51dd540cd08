"""The folder that keeps what was slow to make, from one run to the next.

``$XDG_CACHE_HOME/render`` (``~/.cache/render``).
"""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["MOST_BYTES", "folder_of_kept", "trim_kept"]

MOST_BYTES = 4 * 2**30


def folder_of_kept() -> Path | None:
    """Where it is; it need not be there yet. None for a user without a home."""
    base = os.environ.get("XDG_CACHE_HOME")
    if base:
        return Path(base) / "render"
    try:
        return Path.home() / ".cache" / "render"
    except RuntimeError:
        return None


def trim_kept(folder: Path) -> None:
    """Deletes what was used longest ago, but not the newest, until the folder keeps its size."""
    entries = sorted((p.stat().st_mtime, p.stat().st_size, p) for p in folder.iterdir())
    total = sum(size for _, size, _ in entries)
    for _, size, path in entries[:-1]:
        if total <= MOST_BYTES:
            return
        path.unlink(missing_ok=True)
        total -= size
