"""θ as drawn, and the placement that realises it: what passes between draw, place, assemble."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from render.sampling.background import Background
from render.sampling.camera import Camera
from render.sampling.lighting import Lighting
from render.sampling.material import Material
from render.sampling.objects import Objects
from render.sampling.occlusion import Occlusion
from render.sampling.scale import Scale
from render.sampling.sensor import Sensor
from render.sampling.truncation import Truncation
from render.sampling.viewpoint import Viewpoint
from render.scene import Role

__all__ = ["GROUPS", "PlacedInstance", "Placement", "Theta"]

# The order is part of the sequences: a group's place here fixes its Sobol dimensions.
# New groups go to the end.
GROUPS: dict[str, type[Any]] = {
    "viewpoint": Viewpoint,
    "scale": Scale,
    "lighting": Lighting,
    "objects": Objects,
    "occlusion": Occlusion,
    "background": Background,
    "camera": Camera,
    "material": Material,
    "sensor": Sensor,
    "truncation": Truncation,
}


@dataclass(frozen=True, kw_only=True)
class Theta:
    """Scene parameters of one frame, as asked: plain numbers, strings and tuples.

    Leaves of scope ``target``, ``distractor`` and ``light`` hold one value for each.

    Attributes:
        presets: ``(group, preset)`` of each group whose preset was drawn (``mixture``).

    """

    viewpoint: Viewpoint
    scale: Scale
    lighting: Lighting
    objects: Objects
    occlusion: Occlusion
    background: Background
    camera: Camera
    material: Material
    sensor: Sensor
    truncation: Truncation
    presets: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class PlacedInstance:
    """Where one object ended up.

    Attributes:
        model: `render.scene.Model.name`.
        theta_idx: Its place in θ's tuples of targets or distractors.
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
        center_m: ``(3,)`` world: centre of the principal target's box. Light, focus and surfaces
            are about it also where it is not shown, as in a frame without targets.
        extent_m: Longest side of that box.
        lowest_m: World height of the lowest point of all objects and fixtures: where the
            ground is.
        instances: Targets in the order of θ's tuples, then distractors likewise; of the
            distractors that θ holds for a wanted occlusion only those that were used.

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
