"""Where a function of one number is zero."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["root_between"]

_MOST_STEPS = 100


def root_between(
    function: Callable[[float], float], lo: float, hi: float, *, xtol: float, rtol: float
) -> float:
    """A zero of a continuous function between two places at which its signs differ.

    Brent's method ("Algorithms for Minimization Without Derivatives", 1973, chapter 4), with the
    steps of `scipy.optimize.brentq`, to the last bit: each frame needs this and nothing else of
    SciPy's optimizers, which take a fifth of a second and 20 MiB to import.

    Args:
        function: Of a number; finite.
        lo: One end.
        hi: The other end.
        xtol: How near the zero is to what is returned, together with `rtol`.
        rtol: Likewise, as a share of it.

    Raises:
        ValueError: The signs do not differ, or 100 steps do not lead there.

    """
    before, now = lo, hi
    f_before, f_now = function(before), function(now)
    if f_before == 0:
        return before
    if f_now == 0:
        return now
    if (f_before < 0) == (f_now < 0):
        raise ValueError(f"the function must change its sign between {lo} and {hi}")
    # The zero lies between `now`, the best place so far, and `beyond`.
    beyond, f_beyond = 0.0, 0.0
    step = last_step = 0.0
    for _ in range(_MOST_STEPS):
        if f_before != 0 and (f_before < 0) != (f_now < 0):
            beyond, f_beyond = before, f_before
            step = last_step = now - before
        if abs(f_beyond) < abs(f_now):
            before, now, beyond = now, beyond, now
            f_before, f_now, f_beyond = f_now, f_beyond, f_now
        delta = (xtol + rtol * abs(now)) / 2
        half = (beyond - now) / 2
        if f_now == 0 or abs(half) < delta:
            return now
        bisects = True
        if abs(last_step) > delta and abs(f_now) < abs(f_before):
            if before == beyond:  # a secant
                tried = -f_now * (now - before) / (f_now - f_before)
            else:  # a parabola through three places, of x over f
                to_before = (f_before - f_now) / (before - now)
                to_beyond = (f_beyond - f_now) / (beyond - now)
                divisor = to_beyond * to_before * (f_beyond - f_before)
                tried = -f_now * (f_beyond * to_beyond - f_before * to_before) / divisor
            bisects = not 2 * abs(tried) < min(abs(last_step), 3 * abs(half) - delta)
        last_step, step = (half, half) if bisects else (step, tried)
        before, f_before = now, f_now
        now += step if abs(step) > delta else (delta if half > 0 else -delta)
        f_now = function(now)
    raise ValueError(f"the zero between {lo} and {hi} was not found in {_MOST_STEPS} steps")
