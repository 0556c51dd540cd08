"""Memory that a frame frees is kept for the next one."""

from __future__ import annotations

import ctypes
from functools import cache

__all__ = ["keep_freed_memory"]

# <malloc.h> of the GNU library.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_KEPT_BYTES, _BLOCK_BYTES = 1 << 28, 1 << 25  # the latter is the most that it takes


@cache
def keep_freed_memory() -> None:
    """Lets the process keep up to 256 MiB that it has freed; for one that renders and no more.

    A frame's pictures and the rasterizer's lists are a few megabytes each: blocks that the GNU
    library gets from the system each time and gives back, and the system clears each page of
    them again. Other C libraries are left as they are.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return
    mallopt(_M_MMAP_THRESHOLD, _BLOCK_BYTES)
    mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)
