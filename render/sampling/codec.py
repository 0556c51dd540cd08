"""θ and placement as plain JSON, and back, without loss.

Python writes floats with as many digits as it needs to read the same float again, so a
record is exact.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from render.errors import DatasetError
from render.theta import GROUPS, PlacedInstance, Placement, Theta

__all__ = ["placement_from_json", "placement_to_json", "theta_from_json", "theta_to_json"]

_PRESET = "preset"


def theta_to_json(theta: Theta) -> dict[str, dict[str, Any]]:
    """``{group: {leaf: value}}``, and ``preset`` where a mixture drew one."""
    presets = dict(theta.presets)
    data: dict[str, dict[str, Any]] = {}
    for group, schema in GROUPS.items():
        drawn = getattr(theta, group)
        head = {_PRESET: presets[group]} if group in presets else {}
        data[group] = head | {f.name: _listed(getattr(drawn, f.name)) for f in fields(schema)}
    return data


def theta_from_json(data: Mapping[str, Mapping[str, Any]]) -> Theta:
    """The inverse of `theta_to_json`.

    Raises:
        DatasetError: A group or leaf is missing or unknown.

    """
    groups: dict[str, Any] = {}
    presets: list[tuple[str, str]] = []
    for group, schema in GROUPS.items():
        leaves = dict(_part(data, group, "θ"))
        if _PRESET in leaves:
            presets.append((group, leaves.pop(_PRESET)))
        groups[group] = _make(schema, leaves, f"θ.{group}")
    return Theta(**groups, presets=tuple(presets))


def placement_to_json(placement: Placement) -> dict[str, Any]:
    """All fields, tuples as lists."""
    data = {f.name: _listed(getattr(placement, f.name)) for f in fields(Placement)}
    data["instances"] = [
        {f.name: _listed(getattr(instance, f.name)) for f in fields(PlacedInstance)}
        for instance in placement.instances
    ]
    return data


def placement_from_json(data: Mapping[str, Any]) -> Placement:
    """The inverse of `placement_to_json`.

    Raises:
        DatasetError: A field is missing or unknown.

    """
    instances = tuple(
        _make(PlacedInstance, instance, "placement.instances")
        for instance in _part(data, "instances", "placement")
    )
    rest = {key: value for key, value in data.items() if key != "instances"}
    placement: Placement = _make(Placement, rest | {"instances": instances}, "placement")
    return placement


def _make(schema: type[Any], leaves: Mapping[str, Any], where: str) -> Any:
    names = {f.name for f in fields(schema)}
    if names != set(leaves):
        odd = ", ".join(sorted(names ^ set(leaves)))
        raise DatasetError(f"the record of {where} must hold exactly its fields; odd: {odd}")
    return schema(**{name: _tupled(value) for name, value in leaves.items()})


def _part(data: Mapping[str, Any], key: str, where: str) -> Any:
    if key not in data:
        raise DatasetError(f"the record of {where} must hold {key}")
    return data[key]


def _listed(value: Any) -> Any:
    return [_listed(v) for v in value] if isinstance(value, tuple) else value


def _tupled(value: Any) -> Any:
    return tuple(_tupled(v) for v in value) if isinstance(value, list | tuple) else value
