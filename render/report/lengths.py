"""Lengths for people: in the unit that suits them."""

from __future__ import annotations

import math
from collections.abc import Sequence

__all__ = ["length_text", "number_text", "size_text", "suited_unit", "unit_text"]

# Metres per unit, and from which length on it is used.
_UNITS = (("km", 1e3, 1e4), ("m", 1.0, 1.0), ("mm", 1e-3, 1e-3), ("um", 1e-6, 0.0))
_KNOWN = {1.0: "m", 1e-3: "mm", 1e-2: "cm", 1e-6: "um", 0.0254: "in", 0.3048: "ft"}


def suited_unit(length_m: float) -> tuple[str, float]:
    """Name and metres of the unit in which a length reads best: mm below 1 m, m above."""
    # Rounding to what is printed comes first: 0.9999999 m is 1 m.
    rounded = abs(float(f"{length_m:.3g}"))
    return next((name, metres) for name, metres, start in _UNITS if rounded >= start)


def length_text(length_m: float) -> str:
    """A length with its unit, three digits: ``23.5 mm``, ``12 m``."""
    name, metres = suited_unit(length_m)
    return f"{number_text(length_m / metres)} {name}"


def size_text(size_m: Sequence[float]) -> str:
    """Sides of a box in one unit, that of the longest: ``60 x 50 x 4 mm``."""
    name, metres = suited_unit(max(size_m))
    return f"{' x '.join(number_text(side / metres) for side in size_m)} {name}"


def unit_text(unit_m: float) -> str:
    """The unit of a file: ``mm``, or its metres where it has no name."""
    named = (name for metres, name in _KNOWN.items() if math.isclose(metres, unit_m, rel_tol=1e-6))
    return next(named, f"{unit_m:g} m")


def number_text(value: float) -> str:
    """Three digits, all of those before the point, and no zeros at the end."""
    if abs(value) >= 1000:
        return f"{value:.0f}"
    return f"{float(f'{value:.3g}'):g}"
