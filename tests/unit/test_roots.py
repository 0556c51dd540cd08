"""Zeros of functions: those of SciPy, to the last bit."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy.optimize import brentq

from render.geometry.roots import root_between


def _functions(rng: np.random.Generator) -> list[Callable[[float], float]]:
    a, b, c = rng.uniform(0.1, 3.0, 3)
    return [
        lambda x: x**3 - a * x - b * 4,
        lambda x: math.atan(b * (x - a)) + c * (x - a),
        lambda x: math.log((math.exp(c * x) + 1e-3) / 5.0),
        lambda x: math.tanh(30.0 * (x - a)),
        lambda x: (x - b) ** 3 + 0.2 * (x - b),
        lambda x: -1.0 if x < a else b,
    ]


@pytest.mark.parametrize("seed", range(200))
def test_zeros_are_those_of_scipy(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for function in _functions(rng):
        lo, hi = float(rng.uniform(-9, -1)), float(rng.uniform(20, 30))
        for xtol, rtol in ((1e-10, 1e-12), (1e-3, 1e-9)):
            expected = brentq(function, lo, hi, xtol=xtol, rtol=rtol)
            assert root_between(function, lo, hi, xtol=xtol, rtol=rtol) == expected
            assert root_between(function, hi, lo, xtol=xtol, rtol=rtol) == brentq(
                function, hi, lo, xtol=xtol, rtol=rtol
            )


def test_an_end_can_be_the_zero() -> None:
    assert root_between(lambda x: x - 2.0, 2.0, 5.0, xtol=1e-9, rtol=1e-9) == 2.0
    assert root_between(lambda x: x - 5.0, 2.0, 5.0, xtol=1e-9, rtol=1e-9) == 5.0


def test_a_function_of_one_sign_is_refused() -> None:
    with pytest.raises(ValueError, match="change its sign"):
        root_between(lambda x: x + 1.0, 2.0, 5.0, xtol=1e-9, rtol=1e-9)
