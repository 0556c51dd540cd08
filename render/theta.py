"""What passes between draw, place and assemble: θ, the placement that realises it, and their JSON.

Python writes floats with as many digits as it needs to read the same float again, so a
record is exact.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any

from render.errors import DatasetError
from render.sampling.groups import GROUPS, Theta
from render.scene import Role

__all__ = [
    "PlacedInstance",
    "Placement",
    "Theta",
    "placement_from_json",
    "placement_to_json",
    "theta_from_json",
    "theta_to_json",
]

_PRESET = "preset"
_STEPS = "steps"


@dataclass(frozen=True, kw_only=True)
class PlacedInstance:
    """Where one object ended up.

    Attributes:
        model: `render.scene.Model.name`.
        theta_idx: Its index in θ's tuples of targets or distractors.
        T_world_obj: 16 numbers, row by row; rigid.
        scale: Multiplies the model's metres.

    """

    model: str
    role: Role
    theta_idx: int
    T_world_obj: tuple[float, ...]
    scale: float


@dataclass(frozen=True, kw_only=True)
class Placement:
    """The outcome of the search for poses; recorded, so that a replay never searches.

    Attributes:
        K: 9 numbers, row by row; pixels, centre coordinates.
        T_world_cam: 16 numbers, row by row; rigid, OpenCV camera.
        near_m: Depth of the near plane.
        far_m: Depth of the far plane, behind everything.
        distortion: OpenCV's coefficients; empty for a pinhole.
        center_m: ``(3,)`` world: centre of the principal target's box, or of a container. Light,
            focus and surfaces are about it also where no target is shown.
        extent_m: Longest side of that box.
        lowest_m: World height of the lowest point of all objects and fixtures: where the
            ground is.
        instances: Targets in the order of θ's tuples, then distractors likewise; of the
            distractors that θ holds for a wanted occlusion only those that were used.
        im_id: Number of the real image in `poses.file` that it repeats; None: it is none.
        container_m: What the targets lie in or stand on, in boxes of six numbers: middle and half
            sides along world x, y and z; none where there is no such thing, nor in its record.
        eyes_m: World position of the camera of each view, three numbers each; empty where the
            scene has one view. Surfaces are as large as all of them ask.

    """

    K: tuple[float, ...]
    size_wh: tuple[int, int]
    T_world_cam: tuple[float, ...]
    near_m: float
    far_m: float
    distortion: tuple[float, ...]
    center_m: tuple[float, ...]
    extent_m: float
    lowest_m: float
    instances: tuple[PlacedInstance, ...]
    im_id: int | None = None
    container_m: tuple[tuple[float, ...], ...] = ()
    eyes_m: tuple[float, ...] = ()


def theta_to_json(theta: Theta) -> dict[str, dict[str, Any]]:
    """``{group: {leaf: value}}``, and ``preset`` where a mixture drew one.

    ``sensor`` also has ``{steps: {name: {setting: value}}}`` where there are further steps.
    """
    presets = dict(theta.presets)
    data: dict[str, dict[str, Any]] = {}
    for group, schema in GROUPS.items():
        drawn = getattr(theta, group)
        head = {_PRESET: presets[group]} if group in presets else {}
        data[group] = head | {f.name: _listed(getattr(drawn, f.name)) for f in fields(schema)}
    if theta.steps:
        data["sensor"][_STEPS] = {
            name: {key: _listed(value) for key, value in settings} for name, settings in theta.steps
        }
    return data


def theta_from_json(data: Mapping[str, Mapping[str, Any]]) -> Theta:
    """The inverse of `theta_to_json`.

    Raises:
        DatasetError: A group or leaf is missing or unknown.

    """
    groups: dict[str, Any] = {}
    presets: list[tuple[str, str]] = []
    steps: Mapping[str, Mapping[str, Any]] = {}
    for group, schema in GROUPS.items():
        leaves = dict(_part(data, group, "θ"))
        if _PRESET in leaves:
            presets.append((group, leaves.pop(_PRESET)))
        if group == "sensor":
            steps = leaves.pop(_STEPS, {})
        groups[group] = _make(schema, leaves, f"θ.{group}")
    found = (
        (name, tuple((key, _tupled(value)) for key, value in settings.items()))
        for name, settings in steps.items()
    )
    return Theta(**groups, presets=tuple(presets), steps=tuple(found))


def placement_to_json(placement: Placement) -> dict[str, Any]:
    """All fields, tuples as lists; `eyes_m` where there are several views."""
    data = {f.name: _listed(getattr(placement, f.name)) for f in fields(Placement)}
    if not placement.container_m:
        del data["container_m"]
    if not placement.eyes_m:
        del data["eyes_m"]
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
    # What has a default may be missing: earlier versions did not record it.
    needed = {f.name for f in fields(schema) if f.default is MISSING}
    if not needed <= set(leaves) <= names:
        odd = ", ".join(sorted((needed - set(leaves)) | (set(leaves) - names)))
        raise DatasetError(f"the record of {where} must hold exactly its fields; odd: {odd}")
    return schema(**{name: _tupled(value) for name, value in leaves.items()})


def _part(data: Mapping[str, Any], key: str, where: str) -> Any:
    if key not in data:
        raise DatasetError(f"the record of {where} must hold {key}")
    return data[key]


def _listed(value: Any) -> Any:
    if not isinstance(value, tuple):
        return value
    return [_listed(v) if isinstance(v, tuple) else v for v in value]


def _tupled(value: Any) -> Any:
    return tuple(_tupled(v) for v in value) if isinstance(value, list | tuple) else value
