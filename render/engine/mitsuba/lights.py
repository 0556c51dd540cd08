"""Lights of a scene as Mitsuba's emitters; all that is far away goes into one map.

Every light casts shadows here, and nothing but the sun's own picture in the map or on a lamp is
its highlight: `Light.casts_shadow` and `Light.has_highlight` have no meaning to a path.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from render.lights.light import Light
from render.scene import Scene

__all__ = ["emitters_of"]

Array = NDArray[np.float64]

_MAP_WH = (2048, 1024)
# A disc narrower than this is a direction: the map could not hold it.
_LEAST_RADIUS_DEG = 0.15
_SPOTS = 24  # of a lamp with a cone and a size
_LEAST_RADIUS_M = 1e-3
# Mitsuba's map has y up, its middle column at +z and a quarter of the width at +x.
_R_MAP_MITSUBA = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


def emitters_of(mi: Any, scene: Scene, origin_world: Array) -> dict[str, Any]:
    """Descriptions by name; lamps with a size are shapes."""
    discs = [x for x in scene.lights if _is_in_map(x)]
    emitters: dict[str, Any] = {}
    if scene.environment is not None or discs or any(scene.ambient):
        emitters["sky"] = _map_of(mi, scene, discs)
    for i, light in enumerate(scene.lights):
        if not _is_in_map(light) and not light.is_in_environment and light.intensity > 0.0:
            for j, lamp in enumerate(_lamp(mi, light, origin_world)):
                emitters[f"light_{i}_{j}"] = lamp
    return emitters


def _is_in_map(light: Light) -> bool:
    """A light from infinity that is wide enough for the pixels of a map."""
    is_lit = light.intensity > 0.0 and not light.is_in_environment
    return is_lit and light.position_world is None and light.radius_deg >= _LEAST_RADIUS_DEG


def _map_of(mi: Any, scene: Scene, discs: list[Light]) -> dict[str, Any]:
    """One map of the environment with its suns, of ambient light and of wide distant lights."""
    environment = scene.environment
    azimuth_deg = 0.0
    radiance: NDArray[np.float32] = np.zeros((8, 16, 3), np.float32)
    if environment is not None:
        radiance = environment.map.radiance * np.float32(environment.gain)
        azimuth_deg = environment.azimuth_deg
    if discs and radiance.shape[1] < _MAP_WH[0]:
        larger = cv2.resize(radiance, _MAP_WH, interpolation=cv2.INTER_LINEAR)
        radiance = np.asarray(larger, dtype=np.float32)
    radiance = radiance + np.array(scene.ambient, np.float32)
    angle = np.radians(azimuth_deg)
    c, s = np.cos(angle), np.sin(angle)
    R_world_map = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
    for light in discs:
        radiance = radiance + _disc(light, R_world_map, radiance.shape[:2])
    T = np.eye(4)
    T[:3, :3] = R_world_map @ _R_MAP_MITSUBA
    bitmap = mi.Bitmap(np.ascontiguousarray(radiance, dtype=np.float32))
    return {"type": "envmap", "bitmap": bitmap, "to_world": mi.ScalarTransform4f(T)}


def _disc(light: Light, R_world_map: Array, shape_hw: tuple[int, int]) -> NDArray[np.float32]:
    """``(H, W, 3)`` the light's disc in a map, with all of its power."""
    to_light = -np.array(light.direction_world) / np.linalg.norm(light.direction_world)
    directions, area = _sphere((shape_hw[1], shape_hw[0]))
    cosine = np.clip(directions @ (R_world_map.T @ to_light), -1.0, 1.0)
    off_deg = np.degrees(np.arccos(cosine))
    soft_deg = 180.0 / shape_hw[0]
    cover = np.clip(0.5 + (light.radius_deg - off_deg) / soft_deg, 0.0, 1.0)
    irradiance = np.pi * light.intensity * np.array(light.color)
    share = cover / float((cover * np.maximum(cosine, 0.0) * area).sum())
    return np.asarray(share[..., None] * irradiance, dtype=np.float32)


def _sphere(size_wh: tuple[int, int]) -> tuple[Array, Array]:
    """Directions and solid angles of a map's pixels; see `render.scene.EnvironmentMap`."""
    w, h = size_wh
    azimuth = np.pi - 2.0 * np.pi * (np.arange(w) + 0.5) / w
    # Mitsuba puts the first and last row on the poles.
    polar = np.pi * np.arange(h) / (h - 1)
    sine = np.sin(polar)[:, None]
    up = np.broadcast_to(np.cos(polar)[:, None], (h, w))
    directions = np.stack([sine * np.cos(azimuth), sine * np.sin(azimuth), up], axis=-1)
    return directions, sine * (np.pi / (h - 1) * 2.0 * np.pi / w)


def _lamp(mi: Any, light: Light, origin_world: Array) -> list[dict[str, Any]]:
    """One light of `intensity` at one metre, whose irradiance is pi times that."""
    power = light.intensity * np.array(light.color)
    forward = np.array(light.direction_world) / np.linalg.norm(light.direction_world)
    if light.position_world is None:
        direction = {"type": "directional", "direction": _list(forward)}
        return [direction | {"irradiance": _rgb(np.pi * power)}]
    position = np.array(light.position_world) - origin_world
    if light.is_flat:
        radius = max(light.radius_m, _LEAST_RADIUS_M)
        at = mi.ScalarTransform4f(_frame(position, forward, radius))
        return [{"type": "disk", "to_world": at, "emitter": _area(power / radius**2)}]
    if light.cone_deg < 180.0:
        return _spots(mi, light, position, forward)
    if light.radius_m < _LEAST_RADIUS_M:
        return [{"type": "point", "position": _list(position), "intensity": _rgb(np.pi * power)}]
    sphere = {"type": "sphere", "center": _list(position), "radius": light.radius_m}
    return [sphere | {"emitter": _area(power / light.radius_m**2)}]


def _spots(mi: Any, light: Light, position: Array, forward: Array) -> list[dict[str, Any]]:
    """A cone; of a lamp with a size, many of them all over its disc."""
    edge = np.cos(np.radians(light.cone_deg))
    count = _SPOTS if light.radius_m >= _LEAST_RADIUS_M else 1
    frame = _frame(position, forward, light.radius_m)
    power = np.pi * light.intensity * np.array(light.color) / count
    spots = []
    for k in range(count):
        r, turn = np.sqrt((k + 0.5) / count), 2.39996323 * k  # Vogel's spiral
        center = (
            frame @ [r * np.cos(turn), r * np.sin(turn), 0.0, 1.0] if count > 1 else frame[:, 3]
        )
        spots.append(
            {
                "type": "spot",
                "to_world": mi.ScalarTransform4f(_frame(center[:3], forward, 1.0)),
                "cutoff_angle": light.cone_deg,
                "beam_width": float(np.degrees(np.arccos(edge + 0.2 * (1.0 - edge)))),
                "intensity": _rgb(power),
            }
        )
    return spots


def _frame(position: Array, forward: Array, scale: float) -> Array:
    """``(4, 4)`` with +z along `forward`."""
    x = np.cross(np.eye(3)[int(np.abs(forward).argmin())], forward)
    x /= np.linalg.norm(x)
    T = np.eye(4)
    T[:3, 0], T[:3, 1], T[:3, 2] = scale * x, scale * np.cross(forward, x), scale * forward
    T[:3, 3] = position
    return T


def _area(radiance: Array) -> dict[str, Any]:
    return {"type": "area", "radiance": _rgb(radiance)}


def _rgb(values: Array) -> dict[str, Any]:
    return {"type": "rgb", "value": _list(values)}


def _list(values: Array) -> list[float]:
    return [float(v) for v in values]
