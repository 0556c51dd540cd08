"""Keypoints, symmetries and states as side files declare them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from render.errors import AssetError
from render.geometry.frames import nearest_rotation
from render.geometry.states import SAME_DEG, States, angles_deg
from render.geometry.symmetry import Symmetry, SymmetryAxis
from render.system import values

__all__ = ["Ups", "keypoints_of", "states_of", "symmetry_of"]

_Point = tuple[float, float, float]
Ups = tuple[tuple[str, tuple[_Point, ...]], ...]
"""Names of states with the directions that are up in them, unit vectors, axes of the file."""
# How far the rows of a declared rotation may be from orthonormal: files hold three digits or more.
_ROUNDING = 2e-3
_STATE_FORMS = "{up: [x, y, z]}, several of which may be listed, or {R_world_obj: 9 numbers}"


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


def states_of(entry: Any, path: Path) -> Ups | None:
    """The states that a side file declares, in its order; None where it declares none.

    Raises:
        AssetError: It is no mapping of names to ``{up: ...}`` or ``{R_world_obj: ...}`` each, a
            direction has no length, a rotation is none, or two states are less than a degree
            apart.

    """
    if entry is None:
        return None
    if not isinstance(entry, Mapping) or not entry:
        raise AssetError(path, f"states must map names to {_STATE_FORMS}, got {entry!r:.80}")
    found = {}
    for name, state in entry.items():
        try:
            found[values.name(name)] = _ups(name, state, path)
        except ValueError as error:
            raise AssetError(path, f"states must each {error}, got {name!r}: quote it") from None
    states = States.of(found)
    for i, name in enumerate(states.names):
        for other in states.names[:i]:
            apart = angles_deg(states.ups_of(name)[:, None], states.ups_of(other)).min()
            if apart < SAME_DEG:
                raise AssetError(
                    path,
                    f"states must be at least {SAME_DEG:g} degree apart, got {apart:.2g} between "
                    f"states.{other} and states.{name}",
                )
    return tuple(found.items())


def _ups(name: str, state: Any, path: Path) -> tuple[_Point, ...]:
    """The unit vectors that are up in a state."""
    if not isinstance(state, Mapping) or len(state) != 1 or not set(state) <= {"up", "R_world_obj"}:
        raise AssetError(path, f"states.{name} must be {_STATE_FORMS}, got {state!r:.80}")
    if "up" in state:
        value = state["up"]
        is_one = isinstance(value, Sequence) and not any(isinstance(v, Sequence) for v in value)
        listed = [value] if is_one or not isinstance(value, Sequence) else list(value)
        return tuple(_direction(one, f"states.{name}.up", path) for one in listed)
    numbers = _numbers(state["R_world_obj"], 9)
    near = None if numbers is None else nearest_rotation(np.array(numbers).reshape(3, 3))
    if near is None or near.off > _ROUNDING:
        raise AssetError(
            path,
            f"states.{name}.R_world_obj must be the 9 numbers of a rotation, row by row, "
            f"got {state['R_world_obj']!r:.80}",
        )
    return (_point(near.R[2].tolist()),)


def _direction(value: Any, name: str, path: Path) -> _Point:
    numbers = _numbers(value, 3)
    length = math.hypot(*numbers) if numbers is not None else 0.0
    if numbers is None or length < 1e-9:
        raise AssetError(path, f"{name} must be [x, y, z] with a length, got {value!r:.80}")
    return _point([n / length for n in numbers])


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
