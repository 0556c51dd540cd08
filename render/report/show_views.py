"""A model from eight sides: cameras and studio light.

Everything is drawn at one size: the world is the model about its box's centre, its longest
side 1, its up axis Z.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from render.geometry.frames import inverse_rigid, look_at, rigid, transform_points
from render.geometry.projection import project
from render.lights.light import Light
from render.placement.orientation import UPRIGHT
from render.scene import Camera, Instance, Model, Scene
from render.sensor.tone import radiance_of_display

__all__ = ["VIEWS", "Studio", "View"]

# From far away a box looks as in a drawing: its near side is 1 % larger than its far side.
_FAR, _NEAR = 100.0, 4.0
_SHARE_OF_BOX = 0.58  # longest side over the picture's, in drawings
_SHARE_OF_CORNER_VIEW = 0.7
_N_LIGHTS, _LIT, _AMBIENT = 30, 0.5, 0.36
_AT_EYE = 0.88  # cosine
TONE = "linear"  # of the pictures
_TOP, _BOTTOM = 234.0, 206.0  # background, display sRGB


@dataclass(frozen=True, kw_only=True)
class View:
    """A direction from which the model is seen.

    Attributes:
        name: For people.
        towards_eye: World direction from the model to the eye; any length.
        is_flat: Along an axis, from far away.

    """

    name: str
    towards_eye: tuple[float, float, float]
    is_flat: bool = True


VIEWS = (
    View(name="front, right, above", towards_eye=(1.0, -1.5, 0.95), is_flat=False),
    View(name="front", towards_eye=(0.0, -1.0, 0.0)),
    View(name="right", towards_eye=(1.0, 0.0, 0.0)),
    View(name="top", towards_eye=(0.0, 0.0, 1.0)),
    View(name="back, left, above", towards_eye=(-1.0, 1.5, 0.95), is_flat=False),
    View(name="back", towards_eye=(0.0, 1.0, 0.0)),
    View(name="left", towards_eye=(-1.0, 0.0, 0.0)),
    View(name="bottom", towards_eye=(0.0, 0.0, -1.0)),
)
"""In reading order, four a row."""


class Studio:
    """One model before cameras of one picture size."""

    def __init__(self, model: Model, *, side_px: int) -> None:
        self.model = model
        self.side_px = side_px
        self._scale = 1.0 / model.extent_m
        rotation = UPRIGHT[model.up]
        self._T_world_obj = rigid(rotation, -rotation @ (self._scale * model.center_m))
        shades = np.linspace(_TOP, _BOTTOM, side_px)[:, None, None]
        paper = np.broadcast_to(shades, (side_px, side_px, 3)).astype(np.uint8)
        self._backdrop = radiance_of_display(paper, TONE)

    def axis_towards_eye(self, view: View) -> str:
        """The axis of the file that a flat view looks down: ``-Y``."""
        along = self._T_world_obj[:3, :3].T @ view.towards_eye
        axis = int(np.abs(along).argmax())
        return f"{'+' if along[axis] > 0 else '-'}{'XYZ'[axis]}"

    def scene(self, view: View, center_uv: tuple[float, float]) -> Scene:
        """What the engine draws; the middle of the model's box is seen at `center_uv`."""
        camera = self._camera(view, center_uv)
        instance = Instance(
            instance_idx=0,
            role="target",
            model=self.model,
            materials=tuple(p.material for p in self.model.primitives),
            T_world_obj=self._T_world_obj,
            scale=self._scale,
        )
        return Scene(
            camera=camera,
            instances=(instance,),
            lights=_lights(camera.T_world_cam[:3, :3]),
            ambient=(_AMBIENT, _AMBIENT, _AMBIENT),
            backdrop=self._backdrop,
        )

    def points_cam(self, points_m: NDArray[np.float64], camera: Camera) -> NDArray[np.float64]:
        """``(N, 3)`` points of the object frame, metres, in the camera's frame."""
        world = transform_points(self._T_world_obj, self._scale * points_m)
        return transform_points(inverse_rigid(camera.T_world_cam), world)

    def _camera(self, view: View, center_uv: tuple[float, float]) -> Camera:
        direction = np.array(view.towards_eye) / np.linalg.norm(view.towards_eye)
        distance = _FAR if view.is_flat else _NEAR
        T_world_cam = look_at(distance * direction, np.zeros(3))
        focal_px = _SHARE_OF_BOX * self.side_px * distance
        if not view.is_flat:
            corners = np.stack(np.meshgrid(*self.model.bounds_m.T), axis=-1).reshape(-1, 3)
            world = transform_points(self._T_world_obj, self._scale * corners)
            flat = project(transform_points(inverse_rigid(T_world_cam), world), np.eye(3))
            low, high = flat.min(axis=0), flat.max(axis=0)
            focal_px = _SHARE_OF_CORNER_VIEW * self.side_px / float((high - low).max())
            center_uv = tuple(np.array(center_uv) - focal_px * (low + high) / 2)
        u, v = center_uv
        return Camera(
            K=np.array([[focal_px, 0.0, u], [0.0, focal_px, v], [0.0, 0.0, 1.0]]),
            size_wh=(self.side_px, self.side_px),
            T_world_cam=T_world_cam,
            near_m=distance - 2.0,
            far_m=distance + 2.0,
        )


def _lights(R_world_cam: NDArray[np.float64]) -> tuple[Light, ...]:
    """White light that comes with the camera: every side is lit alike.

    Many weak lights around the model, the stronger the nearer to the upper left: one strong
    one would burn flat metal out, and so would one behind the eye.
    """
    white = (1.0, 1.0, 1.0)
    i = np.arange(_N_LIGHTS)
    # Even over the sphere: a spiral of golden turns, in the camera's frame.
    down, turn = 1.0 - (2 * i + 1) / _N_LIGHTS, i * np.pi * (3 - np.sqrt(5))
    across = np.sqrt(1.0 - down**2)
    to_light = np.stack([across * np.cos(turn), down, across * np.sin(turn)], axis=1)
    key = np.array([-0.5, -0.6, -0.62])
    weights = 0.12 + np.maximum(to_light @ key, 0.0) ** 2
    weights[-to_light[:, 2] > _AT_EYE] = 0.0
    # What a white matt surface that faces the camera gets of all.
    faced = float((weights * np.maximum(-to_light[:, 2], 0.0)).sum())
    lights = []
    for direction, weight in zip(-to_light @ R_world_cam.T, weights, strict=True):
        x, y, z = (float(c) for c in direction)
        intensity = _LIT * float(weight) / faced
        lights.append(Light(color=white, intensity=intensity, direction_world=(x, y, z)))
    return tuple(lights)
