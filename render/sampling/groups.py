"""The groups of θ, and θ itself: scene parameters as drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from render.sampling.background import Background
from render.sampling.camera import CameraGroup
from render.sampling.lighting import Lighting
from render.sampling.material import MaterialGroup
from render.sampling.objects import Objects
from render.sampling.occlusion import Occlusion
from render.sampling.scale import Scale
from render.sampling.sensor import Sensor
from render.sampling.steps import Steps
from render.sampling.truncation import Truncation
from render.sampling.viewpoint import Viewpoint

__all__ = ["GROUPS", "Theta"]

# The order is part of the sequences: a group's position here fixes its Sobol dimensions.
# New groups go to the end.
GROUPS: dict[str, type[Any]] = {
    "viewpoint": Viewpoint,
    "scale": Scale,
    "lighting": Lighting,
    "objects": Objects,
    "occlusion": Occlusion,
    "background": Background,
    "camera": CameraGroup,
    "material": MaterialGroup,
    "sensor": Sensor,
    "truncation": Truncation,
}


@dataclass(frozen=True, kw_only=True)
class Theta:
    """Scene parameters of one frame, as asked: plain numbers, strings and tuples.

    Leaves of scope ``target``, ``distractor`` and ``light`` hold one value for each.

    Attributes:
        presets: ``(group, preset)`` of each group whose preset was drawn (``mixture``).
        steps: Further steps of the sensor, with their settings.

    """

    viewpoint: Viewpoint
    scale: Scale
    lighting: Lighting
    objects: Objects
    occlusion: Occlusion
    background: Background
    camera: CameraGroup
    material: MaterialGroup
    sensor: Sensor
    truncation: Truncation
    presets: tuple[tuple[str, str], ...] = ()
    steps: Steps = ()
