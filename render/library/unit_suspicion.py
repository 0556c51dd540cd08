"""Is a model's size, by its unit, probably a mistake, and which unit would be right?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from render.geometry.circles import circle_diameters
from render.library.build_model import BuiltModel
from render.scene import Model

__all__ = ["FileSize", "is_doubtful", "unit_suspicion"]

_UNITS = {"m": 1.0, "mm": 1e-3, "in": 0.0254, "cm": 1e-2}
# Nobody makes parts outside of this, whatever a file says of its unit; and what most are.
_SMALL_M, _LARGE_M = 1e-3, 10.0
_USUAL_M = (5e-3, 3.0)
# A unit that is a default alone is doubted earlier: 1.35 to 5 may be inches. It is believed where
# some neighbours of sure size are as small, and doubted where all are far smaller.
_DOUBTED_SMALL_M, _DOUBTED_LARGE_M = 6e-3, 1.0
_FEWEST_NEIGHBOURS, _SMALL_NEIGHBOUR_M, _FAR_SMALLER = 3, 12e-3, 8.0
_SAME_SHAPE, _SAME_UNIT = 0.005, 0.01
# Lengths as they are drawn: three digits at most, or fractions of an inch.
_DIGITS, _ROUNDING = 3, 2e-5
_FRACTIONS_IN = ((1.0, 1 / 64), (20.0, 1 / 16), (np.inf, 1.0))
_MOST_CIRCLES, _MOST_FACES = 6, 200_000
_CLEAR = 2  # lengths that speak for one unit, and more than for any other


@dataclass(frozen=True, kw_only=True)
class FileSize:
    """How large a file of a models folder is.

    Attributes:
        name: The model's.
        sides_m: Sides of its box, the longest first.
        unit_m: Metres per unit of the file.
        is_sure: Its unit is not the default of its format alone.

    """

    name: str
    sides_m: tuple[float, ...]
    unit_m: float
    is_sure: bool

    @classmethod
    def of(cls, name: str, built: BuiltModel) -> FileSize:
        """The size of a model."""
        sides = np.sort(np.ptp(built.model.bounds_m, axis=0))[::-1].tolist()
        unit_m = built.model.unit_m
        return cls(
            name=name, sides_m=tuple(sides), unit_m=unit_m, is_sure=not built.is_unit_default
        )

    @property
    def extent_m(self) -> float:
        """Longest side."""
        return self.sides_m[0]


def is_doubtful(size: FileSize, folder: Sequence[FileSize]) -> bool:
    """Whether `unit_suspicion` may say something about a file.

    Args:
        size: That of the file.
        folder: Sizes of all files of the models folder.

    """
    extent = size.extent_m
    if not _SMALL_M <= extent <= _LARGE_M:
        return _twin_unit(size, folder)[1] != size.unit_m
    if size.is_sure:
        return False
    twin, unit_m = _twin_unit(size, folder)
    if twin is not None:
        return unit_m != size.unit_m
    return extent <= _DOUBTED_SMALL_M or extent > _DOUBTED_LARGE_M


def unit_suspicion(built: BuiltModel, size: FileSize, folder: Sequence[FileSize]) -> list[str]:
    """A sentence about a size that is hardly meant; empty where there is nothing to say.

    Weighed are, in this order: a file of the same name whose unit is sure; how many lengths of the
    model are round numbers in millimetres or fractions of an inch by each unit; which units give a
    usual size; and the sizes of the other files.

    Args:
        built: The model.
        size: Its size.
        folder: Sizes of all files of the models folder.

    """
    if not is_doubtful(size, folder):
        return []
    units = {u: m for u, m in _UNITS.items() if m != size.unit_m}
    sizes = {u: size.extent_m / size.unit_m * m for u, m in units.items()}
    told = ", ".join(f"as {u} {_length(m)}" for u, m in sizes.items())
    told = f"it is {_length(size.extent_m)} long by its unit ({built.unit_source}); {told}"
    twin, unit_m = _twin_unit(size, folder)
    for name, metres in units.items():
        if twin is not None and metres == unit_m:
            return [
                f"{told}: {twin.name} is {_length(twin.extent_m)} long, "
                f"say `unit: {name}` in a side file"
            ]
    spoken = {u: _round_lengths(built.model, m) for u, m in _UNITS.items()}
    best = max(spoken, key=lambda u: len(spoken[u]))
    others = max(len(v) for u, v in spoken.items() if u != best)
    own = max((len(v) for u, v in spoken.items() if u not in units), default=0)
    is_extreme = not _SMALL_M <= size.extent_m <= _LARGE_M
    if best in units and len(spoken[best]) >= max(_CLEAR, others + _CLEAR):
        numbers = ", ".join(spoken[best][:_CLEAR])
        return [f"{told}: its round lengths ({numbers}) speak for `unit: {best}` in a side file"]
    if not is_extreme and own >= max(_CLEAR, others):
        return []  # as it is, it is as round as by any other unit
    usual = [u for u, m in sizes.items() if _USUAL_M[0] <= m <= _USUAL_M[1]]
    if is_extreme and len(usual) == 1:
        return [f"{told}: only {usual[0]} is usual, say `unit: {usual[0]}` in a side file"]
    if is_extreme or _is_odd_among(size, folder):
        return [f"{told}: where one of these is right, say it as `unit` in a side file"]
    return []


def _twin_unit(size: FileSize, folder: Sequence[FileSize]) -> tuple[FileSize | None, float | None]:
    """A file of the same name and shape whose unit is sure, and the unit that it proves."""
    stem = PurePosixPath(size.name).stem.lower()
    for other in folder:
        if size.is_sure or not other.is_sure or PurePosixPath(other.name).stem.lower() != stem:
            continue
        ratios = np.divide(other.sides_m, size.sides_m) * size.unit_m
        if np.ptp(ratios) <= _SAME_SHAPE * ratios[0]:
            for metres in _UNITS.values():
                if abs(ratios[0] / metres - 1.0) < _SAME_UNIT:
                    return other, metres
    return None, None


def _is_odd_among(size: FileSize, folder: Sequence[FileSize]) -> bool:
    """Whether a size that would do is unlike those of the other files."""
    others = [
        x.extent_m
        for x in folder
        if x is not size and (x.is_sure or _DOUBTED_SMALL_M < x.extent_m <= _DOUBTED_LARGE_M)
    ]
    usual = float(np.median(others)) if len(others) >= _FEWEST_NEIGHBOURS else None
    if size.extent_m <= _DOUBTED_SMALL_M:
        return usual is None or usual > _SMALL_NEIGHBOUR_M
    return usual is not None and size.extent_m > _FAR_SMALLER * usual


def _round_lengths(model: Model, unit_m: float) -> list[str]:
    """The model's lengths that are round by a unit, and by no other for being short numbers."""
    found = []
    for length in _lengths(model) / model.unit_m:
        if _is_short(length):
            continue
        mm, inches = length * unit_m / 1e-3, length * unit_m / 0.0254
        if _is_short(mm):
            found.append(f"{mm:.4g} mm")
        elif _is_fraction(inches):
            found.append(f"{inches:.6g} in")
    return found


def _lengths(model: Model) -> NDArray[np.float64]:
    """Different sides and the most frequent diameters of a model, metres."""
    lengths = list(np.ptp(model.bounds_m, axis=0))
    if sum(len(p.faces) for p in model.primitives) <= _MOST_FACES:
        offsets = np.cumsum([0, *(len(p.positions_m) for p in model.primitives)])
        points = np.concatenate([p.positions_m for p in model.primitives]).astype(np.float64)
        faces = np.concatenate([p.faces + o for p, o in zip(model.primitives, offsets)])
        found, counts = np.unique(
            _to_digits(circle_diameters(points, faces), 5), return_counts=True
        )
        lengths += found[np.argsort(-counts, kind="stable")][:_MOST_CIRCLES].tolist()
    return np.unique(_to_digits(np.array(lengths), 6))


def _length(metres: float) -> str:
    return f"{metres:.4g} m" if metres >= 1.0 else f"{1e3 * metres:.4g} mm"


def _to_digits(values: NDArray[np.float64], digits: int) -> NDArray[np.float64]:
    return np.array([float(f"{v:.{digits}g}") for v in values])


def _is_short(value: float) -> bool:
    short = float(f"{value:.{_DIGITS}g}")
    return abs(value - short) <= _ROUNDING * value


def _is_fraction(inches: float) -> bool:
    step = next(step for most, step in _FRACTIONS_IN if inches <= most)
    return inches >= step and abs(inches / step - round(inches / step)) * step <= _ROUNDING * inches
