"""Memory that the kernels work in."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from render.kernels.chunks import CHUNK, N_INT_ROWS, N_ROWS

__all__ = ["Scratch"]


@dataclass(frozen=True, eq=False)
class Scratch:
    """Rows of a chunk of pixels; see `render.kernels.chunks`."""

    numbers: NDArray[np.float32] = field(
        default_factory=lambda: np.zeros(N_ROWS * CHUNK, np.float32)
    )
    indices: NDArray[np.int32] = field(
        default_factory=lambda: np.zeros(N_INT_ROWS * CHUNK, np.int32)
    )
