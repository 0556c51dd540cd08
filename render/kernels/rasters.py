"""Values of pixels as files hold them."""

from __future__ import annotations

from typing import Any

import numpy as np

from render.kernels.compiled import kernel

__all__ = ["depth_in_units", "plus_one"]

Array = Any  # of the compiled code; shapes are in the docstrings
_U16_MAX = 65535


@kernel
def depth_in_units(depth: Array, unit: float, out: Array) -> None:
    """Depths in whole units, rounded to the nearest.

    Args:
        depth: ``(N,)`` float32; what is not above 0 is nothing.
        unit: Above 0.
        out: ``(N,)`` uint16; at least 1, and 0 for nothing and for what it cannot hold.

    """
    for i in range(len(depth)):
        units = np.rint(np.float64(depth[i]) / unit)
        held = depth[i] > 0 and units <= _U16_MAX
        out[i] = np.int32(max(units, 1.0) if held else 0.0)


@kernel
def plus_one(indices: Array, out: Array) -> tuple[int, int]:
    """Indices from -1 on as numbers from 0 on.

    Args:
        indices: ``(N,)`` int32.
        out: ``(N,)`` uint16; not to be used where an index does not fit.

    Returns:
        The least and the greatest index.

    """
    least, most = indices[0], indices[0]
    for i in range(len(indices)):
        least, most = min(least, indices[i]), max(most, indices[i])
        out[i] = indices[i] + 1
    return least, most
