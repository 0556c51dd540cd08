"""Pictures at another size."""

from __future__ import annotations

from typing import Any

import numpy as np

from render.kernels.compiled import kernel

__all__ = ["shrink"]

Array = Any  # of the compiled code; shapes are in the docstrings
_F, _U = np.float32, np.uint64


@kernel
def shrink(
    source: Array, x0: int, y0: int, width: int, height: int, flip: bool, out: Array
) -> None:
    """Means of a part of a picture over what each pixel of a smaller one covers of it.

    Args:
        source: ``(H', W', 3)`` uint8.
        x0, y0, width, height: The part; at least as large as `out`.
        flip: It is mirrored left to right.
        out: ``(H, W, 3)`` uint8, gets it, rounded.

    """
    rows, columns = out.shape[:2]
    down, across = height / rows, width / columns
    taps = min(int(np.ceil(across)) + 1, width)
    firsts, weights = np.empty(columns, np.int64), np.zeros((columns, taps), np.float32)
    for column in range(columns):
        left, right = column * across, min((column + 1) * across, float(width))
        # Where rounding puts a border a little beyond a pixel's, that pixel weighs nothing.
        first = min(int(left), width - taps)
        firsts[column] = 3 * first
        for k in range(taps):
            weight = min(right, first + k + 1.0) - max(left, float(first + k))
            weights[column, k] = max(weight, 0.0) / (down * across)
    line, shrunk = np.empty(3 * width, np.float32), np.empty(3 * columns, np.float32)
    for row in range(rows):
        top, bottom = row * down, min((row + 1) * down, float(height))
        line[:] = _F(0.0)
        for y in range(int(top), min(int(np.ceil(bottom)), height)):
            share = _F(min(bottom, y + 1.0) - max(top, float(y)))
            seen = source[y0 + y, x0 : x0 + width].reshape(-1)
            for i in range(3 * width):
                line[_U(i)] += share * _F(seen[_U(i)])
        for column in range(columns):
            red, green, blue = _F(0.0), _F(0.0), _F(0.0)
            at = _U(firsts[column])
            for k in range(taps):
                share = weights[_U(column), _U(k)]
                red += share * line[at]
                green += share * line[at + _U(1)]
                blue += share * line[at + _U(2)]
                at += _U(3)
            to = _U(3 * (columns - 1 - column if flip else column))
            shrunk[to], shrunk[to + _U(1)], shrunk[to + _U(2)] = red, green, blue
        shown = out[row].reshape(-1)
        for i in range(3 * columns):
            shown[_U(i)] = np.uint8(np.int32(np.rint(shrunk[_U(i)])))
