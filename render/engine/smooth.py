"""Smooth edges: pixels that a line cuts take their share of the colour beyond it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from render.engine.picture_lines import Crossings

__all__ = ["smooth"]

# A pixel counts for no more than this in another one: a spark must not fill its neighbours.
_LIMIT = np.float32(64.0)


def smooth(radiance: NDArray[np.float32], crossings: Sequence[Crossings]) -> None:
    """Mixes neighbours across lines, in place.

    The share of a pixel beyond a line is the area it cuts off, exact for a straight one. A line
    that crosses both between two columns and between two rows counts once, by the mean of both
    shares, each weighted by itself.

    Args:
        radiance: ``(H, W, 3)`` of pixels' centres; gets the means over pixels.
        crossings: Where lines are; no two of them between the same pixels.

    """
    height, width = radiance.shape[:2]
    pixel, is_row, at, slope = (
        np.concatenate([getattr(c, name) for c in crossings])
        for name in ("pixel", "is_row", "at", "slope")
    )
    following = pixel + np.where(is_row, 1, width)
    targets = np.concatenate([pixel, following])
    side = np.concatenate([np.where(is_row, 1, 3), np.where(is_row, 0, 2)])
    share = np.concatenate([_cut_off(0.5 - at, slope), _cut_off(at - 0.5, slope)])
    some = share > 0.0
    targets, side, share = targets[some], side[some], share[some]

    touched = np.zeros(height * width, np.bool_)
    touched[targets] = True
    pixels = np.flatnonzero(touched)
    row_of = np.empty(height * width, np.int32)
    row_of[pixels] = np.arange(len(pixels))
    shares = np.zeros((4, len(pixels)), np.float32)  # left, right, above, below
    shares[side, row_of[targets]] = share
    rows, columns = shares[0] + shares[1], shares[2] + shares[3]
    # Their mean, each weighted by itself; and no more than the whole pixel.
    whole = rows + columns
    whole *= np.maximum((rows * rows + columns * columns) / whole, 1.0)
    shares[:2] *= rows / whole
    shares[2:] *= columns / whole

    colors = radiance.reshape(-1, 3)
    own = np.minimum(colors[pixels], _LIMIT)
    mixed = own.copy()
    last = height * width - 1
    for share_of, step in zip(shares, (-1, 1, -width, width), strict=True):
        taking = np.flatnonzero(share_of)
        neighbour = colors[np.clip(pixels[taking] + step, 0, last)]
        np.minimum(neighbour, _LIMIT, out=neighbour)
        neighbour -= own[taking]
        neighbour *= share_of[taking, None]
        mixed[taking] += neighbour
    colors[pixels] = mixed


def _cut_off(beyond: NDArray[np.floating], slope: NDArray[np.floating]) -> NDArray[np.floating]:
    """Area of a pixel beyond a line that passes its middle row so far inside its border."""
    half = np.abs(slope) / 2.0
    corner = (beyond + half) ** 2 / np.maximum(4.0 * half, 1e-12)
    return np.where(beyond >= half, beyond, np.where(beyond <= -half, 0.0, corner))
