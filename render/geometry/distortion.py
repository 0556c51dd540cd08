"""Lens distortion by OpenCV's model, both ways, float64.

Points are normalised: x = X / Z, y = Y / Z of the camera frame. Coefficients come in OpenCV's
order: none, or ``(k1, k2, p1, p2[, k3[, k4, k5, k6]])``.

The map is the gradient of a function of the plane. So it is one to one on every disc about the
axis in which its Jacobian is positive definite; `fold_radius` is the largest such disc. What
lies beyond is not imaged, since the polynomial folds back there; where a place is needed all
the same, it is taken to lie at the rim (`onto_disc`).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["bend", "distort", "fold_radius", "jacobian", "onto_disc", "undistort"]

Coefficients = tuple[float, ...]
Points = NDArray[np.float64]

LENGTHS = (0, 4, 5, 8)

_ANGLES = np.linspace(0.0, 2.0 * np.pi, 64, endpoint=False)
_RING = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], axis=1)
# Radii that are looked at: to 89.9 degrees off the axis.
_RADII = np.concatenate([np.linspace(0.0, 4.0, 801)[1:], np.geomspace(4.02, 600.0, 200)])
# An eigenvalue of less is a fold: a pixel there would see twenty pixels' worth of the scene.
# A pole is kept this far away: close to it a lens can turn within no ring.
_POLE_SHARE = 0.95
_LEAST_STRETCH = 0.05
_STEPS, _EXACT = 50, 1e-13


def distort(xy: Points, coefficients: Coefficients) -> Points:
    """``(..., 2)`` points as the lens shows them: OpenCV's formula, also beyond the fold."""
    if not coefficients:
        return np.array(xy, dtype=np.float64)
    k1, k2, p1, p2, k3, k4, k5, k6 = _all(coefficients)
    x, y = xy[..., 0], xy[..., 1]
    r2 = x * x + y * y
    radial = (1 + r2 * (k1 + r2 * (k2 + r2 * k3))) / (1 + r2 * (k4 + r2 * (k5 + r2 * k6)))
    out = np.empty(np.shape(xy))
    out[..., 0] = x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x)
    out[..., 1] = y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y
    return out


def jacobian(xy: Points, coefficients: Coefficients) -> Points:
    """``(..., 3)``: dx'/dx, dx'/dy = dy'/dx and dy'/dy of `distort`."""
    k1, k2, p1, p2, k3, k4, k5, k6 = _all(coefficients)
    x, y = xy[..., 0], xy[..., 1]
    r2 = x * x + y * y
    top = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
    low = 1 + r2 * (k4 + r2 * (k5 + r2 * k6))
    radial = top / low
    # Twice the derivative of `radial` by r2.
    slope = (
        2 * (k1 + r2 * (2 * k2 + 3 * r2 * k3) - radial * (k4 + r2 * (2 * k5 + 3 * r2 * k6))) / low
    )
    out = np.empty((*x.shape, 3))
    out[..., 0] = radial + x * x * slope + 2 * p1 * y + 6 * p2 * x
    out[..., 1] = x * y * slope + 2 * p1 * x + 2 * p2 * y
    out[..., 2] = radial + y * y * slope + 6 * p1 * y + 2 * p2 * x
    return out


def undistort(xy: Points, coefficients: Coefficients, *, guess: Points | None = None) -> Points:
    """The inverse of `distort` by Newton's method, to 1e-13.

    Args:
        xy: ``(..., 2)`` distorted points.
        coefficients: OpenCV's, of the lens.
        guess: Where to start, of the same shape; near the outcome it saves time.

    Returns:
        ``(..., 2)``; NaN where no point within `fold_radius` is shown.

    """
    wanted = np.asarray(xy, dtype=np.float64)
    if not coefficients:
        return wanted.copy()
    fold = fold_radius(coefficients)
    flat = wanted.reshape(-1, 2)
    at = onto_disc(flat if guess is None else guess.reshape(-1, 2), 0.999 * fold)
    found = np.full(flat.shape, np.nan)
    # Column by column: numpy is slow along short axes.
    open_idx = np.flatnonzero(np.isfinite(flat[:, 0] + flat[:, 1] + at[:, 0] + at[:, 1]))
    at, aim = at[open_idx], flat[open_idx]
    for _ in range(_STEPS):
        miss = distort(at, coefficients) - aim
        exact = np.hypot(miss[:, 0], miss[:, 1]) <= _EXACT * (1 + np.hypot(aim[:, 0], aim[:, 1]))
        found[open_idx[exact]] = at[exact]
        if exact.all():
            break
        keep = np.flatnonzero(~exact)
        at, aim, miss, open_idx = at[keep], aim[keep], miss[keep], open_idx[keep]
        at = _newton_step(at, miss, coefficients, fold)
    outside = ~(np.hypot(found[:, 0], found[:, 1]) < fold)
    found[outside] = np.nan
    return found.reshape(wanted.shape)


def _newton_step(at: Points, miss: Points, coefficients: Coefficients, fold: float) -> Points:
    """One step, shortened to at most half of what is left to the fold, or 0.5."""
    a, b, c = np.moveaxis(jacobian(at, coefficients), -1, 0)
    det = a * c - b * b
    step = np.stack([c * miss[:, 0] - b * miss[:, 1], a * miss[:, 1] - b * miss[:, 0]], axis=1)
    step /= det[:, None]
    length = np.hypot(step[:, 0], step[:, 1])
    radius = np.hypot(at[:, 0], at[:, 1])
    room = np.maximum(0.7 * (fold - radius), 0.0) if np.isfinite(fold) else np.inf
    longest = np.maximum(np.minimum(room, 0.5 + radius), 1e-9)
    return np.asarray(at - step * np.minimum(1.0, longest / np.maximum(length, 1e-300))[:, None])


@lru_cache(maxsize=1024)
def fold_radius(coefficients: Coefficients) -> float:
    """Normalised radius within which the lens is one to one; inf if it is so everywhere.

    The smallest eigenvalue of the Jacobian is looked for on rings: a lens that folds and
    unfolds between two of them is taken for one that does not.
    """
    if not coefficients:
        return float("inf")
    least = _least_stretch(_RADII, coefficients)
    bad = np.flatnonzero(~(least > _LEAST_STRETCH))
    pole = _POLE_SHARE * _pole_radius(coefficients)
    if len(bad) == 0:
        return pole
    low, high = (float(_RADII[bad[0] - 1]) if bad[0] else 0.0), float(_RADII[bad[0]])
    for _ in range(40):
        middle = (low + high) / 2
        holds = _least_stretch(np.array([middle]), coefficients)[0] > _LEAST_STRETCH
        low, high = (middle, high) if holds else (low, middle)
    return min(low, pole)


def _pole_radius(coefficients: Coefficients) -> float:
    """Where the denominator of the rational model is zero: points go to infinity there."""
    # Coefficients under the smallest normal number overflow when divided by: they are nothing.
    tail = [c if abs(c) > 1e-200 else 0.0 for c in _all(coefficients)[:4:-1]]
    roots = np.roots([*tail, 1.0])
    squares = roots.real[(np.abs(roots.imag) < 1e-6) & (roots.real > 0)]
    return float(np.sqrt(squares.min(initial=np.inf)))


def onto_disc(xy: Points, radius: float) -> Points:
    """``(..., 2)`` points, those outside the disc moved straight inwards to its rim."""
    if not np.isfinite(radius):
        return np.array(xy, dtype=np.float64)
    r = np.hypot(xy[..., 0], xy[..., 1])
    return np.asarray(xy * np.minimum(1.0, radius / np.maximum(r, 1e-300))[..., None])


def bend(radius: NDArray[np.float64], coefficients: Coefficients) -> NDArray[np.float64]:
    """How much the lens bends straight lines within radii.

    Args:
        radius: ``(N,)`` of discs about the axis, at most `fold_radius`.
        coefficients: OpenCV's, of the lens.

    Returns:
        ``(N,)`` bounds of the second derivative along any direction: a segment of length L
        within the disc strays at most ``bend * L**2 / 8`` from the chord of its picture.

    """
    radii, bends = _bends(coefficients)
    at = np.minimum(np.searchsorted(radii, radius), len(radii) - 1)
    return np.asarray(bends[at])


@lru_cache(maxsize=1024)
def _bends(coefficients: Coefficients) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Radii and bounds that grow with them; by differences of the Jacobian, with a margin."""
    fold = fold_radius(coefficients)
    radii = np.concatenate([_RADII[fold > _RADII][::4], [min(fold, _RADII[-1])]])
    points = radii[:, None, None] * _RING
    step = 1e-4 * radii[:, None, None]
    change = [
        (jacobian(points + step * d, coefficients) - jacobian(points - step * d, coefficients))
        / (2 * step)
        for d in np.eye(2)
    ]
    norm = sum(np.sqrt((c**2 * (1.0, 2.0, 1.0)).sum(axis=-1)) for c in change)
    return radii, 1.2 * np.maximum.accumulate(np.asarray(norm).max(axis=1)) + 1e-12


def _least_stretch(radii: NDArray[np.float64], coefficients: Coefficients) -> Points:
    """``(N,)`` smallest eigenvalue of the Jacobian on each ring; NaN counts as a fold."""
    with np.errstate(all="ignore"):
        a, b, c = np.moveaxis(jacobian(radii[:, None, None] * _RING, coefficients), -1, 0)
        least = (a + c) / 2 - np.hypot((a - c) / 2, b)
    return np.asarray(np.where(np.isfinite(least), least, -1.0).min(axis=1))


def _all(coefficients: Coefficients) -> Coefficients:
    """All eight coefficients of OpenCV's rational model; those that are not given are 0."""
    if len(coefficients) not in LENGTHS:
        raise ValueError(f"distortion must have 4, 5 or 8 coefficients, got {len(coefficients)}")
    return (*coefficients, *(0.0,) * (8 - len(coefficients)))
