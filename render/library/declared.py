"""Keypoints and symmetries as side files declare them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from render.errors import AssetError
from render.geometry.frames import nearest_rotation
from render.geometry.symmetry import Symmetry, SymmetryAxis
from render.system import values

__all__ = ["keypoints_of", "symmetry_of"]

_Point = tuple[float, float, float]
# How far the rows of a declared rotation may be from orthonormal: files hold three digits or more.
_ROUNDING = 2e-3


def keypoints_of(entry: Any, path: Path) -> tuple[tuple[str, _Point], ...] | None:
    """Name and position of each keypoint, in the order of the file; None where it declares none.

    Raises:
        AssetError: It is no mapping of names to three numbers each.

    """
    if entry is None:
        return None
    if not isinstance(entry, Mapping) or not entry:
        raise AssetError(path, f"keypoints must map names to [x, y, z], got {entry!r:.80}")
    found = []
    for name, place in entry.items():
        numbers = _numbers(place, 3)
        if numbers is None:
            raise AssetError(path, f"keypoints.{name} must be [x, y, z], got {place!r:.80}")
        if not values.is_text(str(name)):
            raise AssetError(path, f"keypoints must have names in UTF-8, got {name!r}")
        found.append((str(name), _point(numbers)))
    return tuple(found)


def symmetry_of(entry: Any, path: Path) -> Symmetry | None:
    """The symmetry that a side file declares; None where it declares none.

    Raises:
        AssetError: Unknown keys, no rigid motion, an axis without direction, or motions that
            make no finite group.

    """
    if entry is None:
        return None
    if not isinstance(entry, Mapping) or not set(entry) <= {"discrete", "continuous"}:
        raise AssetError(
            path, f"symmetries must have the keys discrete and continuous, got {entry!r:.80}"
        )
    motions = [_motion(numbers, path) for numbers in _entries(entry, "discrete", path)]
    axes = [_axis(axis, path) for axis in _entries(entry, "continuous", path)]
    try:
        return Symmetry.of(motions, axes)
    except ValueError as error:
        raise AssetError(path, f"symmetries.discrete must fit each other: {error}") from error


def _entries(entry: Mapping[Any, Any], key: str, path: Path) -> Sequence[Any]:
    value = entry.get(key)
    if value is None:
        return ()
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise AssetError(path, f"symmetries.{key} must be a list, got {value!r:.80}")
    return value


def _motion(value: Any, path: Path) -> NDArray[np.float64]:
    numbers = _numbers(value, 16)
    rule = "symmetries.discrete must be 16 numbers each, of a rotation and a translation"
    if numbers is None:
        raise AssetError(path, f"{rule}, got {value!r:.80}")
    T = np.array(numbers).reshape(4, 4)
    near = nearest_rotation(T[:3, :3])
    if near.off > _ROUNDING or not np.array_equal(T[3], [0, 0, 0, 1]):
        raise AssetError(path, f"{rule} (a mirror image is another object), got {value!r:.80}")
    T[:3, :3] = near.R
    return T


def _axis(value: Any, path: Path) -> SymmetryAxis:
    rule = "symmetries.continuous must be {axis: [x, y, z], offset: [x, y, z]} each"
    if not isinstance(value, Mapping) or not {"axis"} <= set(value) <= {"axis", "offset"}:
        raise AssetError(path, f"{rule}, got {value!r:.80}")
    axis, offset = _numbers(value["axis"], 3), _numbers(value.get("offset", [0, 0, 0]), 3)
    length = math.hypot(*axis) if axis is not None else 0.0
    if axis is None or offset is None or length < 1e-9:
        raise AssetError(path, f"{rule}, got {value!r:.80}")
    return SymmetryAxis(direction=_point([a / length for a in axis]), point_m=_point(offset))


def _numbers(value: Any, count: int) -> list[float] | None:
    """The value as `count` finite numbers; None if it is anything else."""
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) != count:
        return None
    try:
        return [values.read_number(v) for v in value]
    except ValueError:
        return None


def _point(numbers: Sequence[float]) -> _Point:
    x, y, z = numbers
    return float(x), float(y), float(z)
