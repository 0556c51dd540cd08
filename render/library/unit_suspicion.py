"""Is a model's size, by its unit, probably a mistake?"""

from __future__ import annotations

from render.library.build_model import BuiltModel

__all__ = ["unit_suspicion"]

_LARGE_M, _SMALL_M = 10.0, 1e-3
# What a size that looks wrong was probably meant in, the likeliest first.
_COMMON = (("mm", 1e-3), ("in", 0.0254), ("cm", 1e-2), ("m", 1.0))
_PLAUSIBLE_M = (5e-3, 3.0)


def unit_suspicion(built: BuiltModel) -> list[str]:
    """A sentence about a size that nobody makes parts in; empty where there is nothing to say."""
    extent_m, unit_m = built.model.extent_m, built.model.unit_m
    if _SMALL_M <= extent_m <= _LARGE_M:
        return []
    units = extent_m / unit_m
    sentence = f"it is {_length(extent_m)} long by its unit ({built.unit_source})"
    for name, metres in _COMMON:
        if metres != unit_m and _PLAUSIBLE_M[0] <= units * metres <= _PLAUSIBLE_M[1]:
            sentence += f"; as {name} it would be {_length(units * metres)}: "
            return [sentence + f"say `unit: {name}` in a side file"]
    return [sentence]


def _length(metres: float) -> str:
    if metres >= 1.0:
        return f"{metres:.4g} m"
    return f"{1e3 * metres:.4g} mm"
