"""Light from all around a scene, in the numbers that engines shade with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from render.geometry.frames import transform_points
from render.lights.light import Light
from render.scene import Environment, Material, Scene, Surface
from render.sensor.color import srgb_to_linear
from render.system.cache import Cache, Same

__all__ = ["MeanColors", "Sky", "map_axes", "occlusion_reach_m", "sky_of"]

# Surroundings occlude up to this share of the mean extent of the instances.
_REACH = 0.6
_MOST_MEANS = 64
_Y00 = 0.282094792
# What a white diffuse surface sends back by its normal, in spherical harmonics: light that is
# the same everywhere; the same below the horizon alone (its bands 0, 1 and 2: a half, z, none).
_Y00_CONSTANT = np.array([[1.0 / _Y00]] + [[0.0]] * 8)
_LOWER = np.array([[0.5 / _Y00], [0.0], [-0.5 / 0.488602512], *[[0.0]] * 6])
# The harmonics at the normal +Z.
_UP = np.array([_Y00, 0.0, 0.488602512, 0.0, 0.0, 0.0, 2 * 0.315391565, 0.0, 0.0])


class MeanColors:
    """Mean colours of materials; that of an image is worked out once."""

    def __init__(self) -> None:
        self._means: Cache[Same, NDArray[np.float64]] = Cache(_MOST_MEANS, lambda _: 1)

    def of(self, material: Material) -> NDArray[np.float64]:
        """``(3,)`` linear base colour, averaged over its texture."""
        factor = np.array(material.base_color[:3])
        texture = material.triplanar or material.base_color_texture
        if texture is None:
            return factor
        image = texture.image

        def mean() -> NDArray[np.float64]:
            coarse = image[:: max(image.shape[0] // 64, 1), :: max(image.shape[1] // 64, 1), :3]
            return np.asarray(srgb_to_linear(coarse / 255.0).mean(axis=(0, 1)))

        return factor * self._means.find(Same(image), mean)


@dataclass(frozen=True, eq=False, kw_only=True)
class Sky:
    """The environment of a scene, its uniform light, and the ground below the horizon.

    Attributes:
        harmonics: ``(9, 3)``: radiance of a white diffuse surface by its normal in the frame of
            the map, in the order of `EnvironmentMap.sh`.
        ambient: ``(3,)``: the uniform part, for reflections.
        gain: Of the map; 0 without one.
        ground: ``(4,)``: radiance of the ground, and 1 if there is any.
        map_cam: ``(3, 3)`` float32: camera frame to the map's, column by column.
        up_cam: ``(3,)``: world Z in the camera frame.

    """

    harmonics: NDArray[np.float64]
    ambient: NDArray[np.float64]
    gain: float
    ground: NDArray[np.float64]
    map_cam: NDArray[np.float32]
    up_cam: NDArray[np.float64]


def sky_of(scene: Scene, mean_colors: MeanColors) -> Sky:
    """What lights a scene beside its lights."""
    environment = scene.environment
    ambient = np.array(scene.ambient)
    gain = environment.gain if environment else 0.0
    harmonics = np.zeros((9, 3))
    harmonics[0] = ambient / _Y00
    if environment is not None:
        harmonics += gain * environment.map.sh
    ground = _ground_radiance(scene, mean_colors)
    if ground is not None:
        upper = ambient * (_Y00_CONSTANT - _LOWER)
        if environment is not None:
            upper = upper + gain * environment.map.sh_upper
        harmonics = upper + ground * _LOWER
    return Sky(
        harmonics=harmonics,
        ambient=ambient,
        gain=gain,
        ground=np.zeros(4) if ground is None else np.append(ground, 1.0),
        map_cam=map_axes(environment, scene.camera.T_world_cam),
        up_cam=scene.camera.T_world_cam[2, :3],
    )


def occlusion_reach_m(scene: Scene) -> float:
    """How far away surroundings keep light from a surface."""
    extents = [i.scale * i.model.extent_m for i in scene.instances] or [1.0]
    return _REACH * float(np.mean(extents))


def _ground_radiance(scene: Scene, mean_colors: MeanColors) -> NDArray[np.float64] | None:
    """What level ground sends up, were it lit all over; None without any.

    Things that stand on it see this below the horizon, in place of the map.
    """
    level = [s for s in scene.surfaces if s.T_world_obj[2, 2] > 0.99 and not s.catches_shadows]
    if not level:
        return None
    received = np.zeros(3)
    if scene.environment is not None:
        received += scene.environment.gain * (_UP @ scene.environment.map.sh_upper)
    received += scene.ambient
    for light in scene.lights:
        color = light.intensity * np.array(light.color)
        received += color * _share_of_light(light, _foot(scene, level[0]))
    return np.asarray(received * mean_colors.of(level[0].material))


def _foot(scene: Scene, ground: Surface) -> NDArray[np.float64]:
    """``(3,)`` world: the point of the ground under the principal instance."""
    if not scene.instances:
        return ground.T_world_obj[:3, 3]
    first = scene.instances[0]
    at = transform_points(first.T_world_obj, first.scale * first.model.center_m[None])[0]
    at[2] = ground.T_world_obj[2, 3]
    return np.asarray(at)


def _share_of_light(light: Light, at: NDArray[np.float64]) -> float:
    """What a level white surface at a point of the world sends back of a light of intensity 1."""
    forward = np.array(light.direction_world) / np.linalg.norm(light.direction_world)
    if light.position_world is None:
        return float(max(-forward[2], 0.0))
    towards = np.array(light.position_world) - at
    distance = max(float(np.linalg.norm(towards)), 1e-9)
    share = max(float(towards[2]) / distance, 0.0) / distance**2
    if light.is_flat:
        share *= max(float(-forward @ towards) / distance, 0.0)
    return share


def map_axes(
    environment: Environment | None, T_world_cam: NDArray[np.float64]
) -> NDArray[np.float32]:
    """``(3, 3)`` camera frame to the map's, column by column."""
    angle = np.radians(environment.azimuth_deg if environment else 0.0)
    c, s = np.cos(angle), np.sin(angle)
    R_map_world = np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]])
    return np.ascontiguousarray((R_map_world @ T_world_cam[:3, :3]).T, dtype=np.float32)
