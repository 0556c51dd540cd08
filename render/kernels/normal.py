"""Normal random numbers, the very ones of NumPy's generators, without a call for each.

The words come from SFC64 (Doty-Humphrey, PractRand), the numbers from them by the ziggurat of
Marsaglia and Tsang 2000 ("The ziggurat method for generating random variables") with 256 layers of
float32: word for word what ``Generator(SFC64(seed)).standard_normal(dtype=np.float32)`` does.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from render.kernels.compiled import kernel

__all__ = ["fill_normal"]

Array = Any  # of the compiled code; shapes are in the docstrings
_F, _U = np.float32, np.uint64
# Where the tail begins, and the area of each layer.
_TAIL, _AREA = 3.6541528853610088, 0.00492867323399
_STEPS = 1 << 23  # of a number within its layer
_SHARE = _F(1.0 / (1 << 24))


def _layers() -> tuple[Array, Array, Array]:
    """Of each layer: steps that lie under the curve, width of a step, height of the curve."""

    def height(x: float) -> float:
        return math.exp(-0.5 * x * x)

    edges = [_AREA / height(_TAIL), *[0.0] * 254, _TAIL]
    for i in range(254, 0, -1):
        edges[i] = math.sqrt(-2.0 * math.log(_AREA / edges[i + 1] + height(edges[i + 1])))
    inner = [_TAIL, 0.0, *edges[1:255]]
    within = [int(a / b * _STEPS + 0.5) for a, b in zip(inner, edges)]
    heights = [1.0, *map(height, edges[1:])]
    return (
        np.array(within, np.uint64),
        np.array([edge / _STEPS for edge in edges], np.float32),
        np.array(heights, np.float32),
    )


_WITHIN, _WIDTH, _HEIGHT = _layers()


@kernel
def fill_normal(state: Array, out: Array) -> None:
    """Fills an array with normal numbers.

    Args:
        state: ``(4,)`` uint64 of ``SFC64(seed).state["state"]["state"]``.
        out: ``(N,)`` float32.

    """
    # SFC64's three words and its counter; the upper half of the last word that it gave; whether
    # that is still to be used.
    at = (state[0], state[1], state[2], state[3], _U(0), False)
    tail, inverse = _F(_TAIL), _F(1.0 / _TAIL)
    for i in range(len(out)):
        while True:
            word, at = _next(at)
            layer, steps = word & _U(255), (word >> _U(9)) & _U(_STEPS - 1)
            x = _F(np.int32(steps)) * _WIDTH[layer]
            x = -x if (word >> _U(8)) & _U(1) else x
            if steps < _WITHIN[layer]:
                break
            if layer == 0:
                while True:
                    a, at = _next(at)
                    b, at = _next(at)
                    beyond = -inverse * _F(np.log1p(-_unit(a)))
                    y = -_F(np.log1p(-_unit(b)))
                    if y + y > beyond * beyond:
                        break
                x = -(tail + beyond) if (steps >> _U(8)) & _U(1) else tail + beyond
                break
            a, at = _next(at)
            low, high = _HEIGHT[layer], _HEIGHT[layer - _U(1)]
            wide = np.float64(x)
            if np.float64((high - low) * _unit(a) + low) < math.exp(-0.5 * wide * wide):
                break
        out[i] = x


@kernel
def _next(at: Array) -> Array:
    """32 random bits, and what comes after."""
    a, b, c, counter, half, is_left = at
    if is_left:
        return half, (a, b, c, counter, half, False)
    word = a + b + counter
    a, b = b ^ (b >> _U(11)), c + (c << _U(3))
    c = ((c << _U(24)) | (c >> _U(40))) + word
    return word & _U(0xFFFFFFFF), (a, b, c, counter + _U(1), word >> _U(32), True)


@kernel
def _unit(word: int) -> Any:
    """A number in [0, 1) of 32 bits."""
    return _F(np.int32(word >> _U(8))) * _SHARE
