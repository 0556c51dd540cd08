"""Depth maps of the lights of a scene."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from render.engine.cpu.bodies import Bodies, Body, Part
from render.engine.detail import Level, level_of
from render.engine.light_views import LightView, LightViews
from render.kernels.compiled import unwritten
from render.kernels.depth_maps import (
    LEVELS,
    NOTHING,
    blocks_of,
    clear_map,
    corners_beyond,
    draw_cutout_depth,
    draw_depth,
    gather_nearest,
)
from render.kernels.raster import faces_in, project, project_parallel
from render.kernels.rays import WRAPS
from render.kernels.shadows import FILTER, SEARCH, VIEW_NUMBERS
from render.scene import Camera

__all__ = ["SPIRALS", "ShadowMaps", "ShadowPass"]

# The largest error of a simplified mesh: pixels of the picture, and of the light's map.
_PIXELS, _TEXELS = 0.2, 0.5


@dataclass(frozen=True, eq=False, kw_only=True)
class ShadowMaps:
    """What the kernel `cast` needs.

    Attributes:
        views: ``(V, VIEW_NUMBERS)`` float32.
        maps: ``(V, side_px * side_px)`` float32.
        nearest: ``(V, LEVELS, blocks * blocks)`` float32: bounds of their blocks.

    """

    views: NDArray[np.float32]
    maps: NDArray[np.float32]
    nearest: NDArray[np.float32]
    side_px: int


@dataclass(frozen=True, eq=False)
class _Map:
    """One of them, and the first level of its bounds."""

    depth: NDArray[np.float32]
    nearest: NDArray[np.float32]
    side_px: int


class ShadowPass:
    """Draws them; its memory serves many frames."""

    def __init__(self) -> None:
        self._maps = self._nearest = np.empty((0, 0), np.float32)
        self._at = np.empty((0, 3))
        self._listed = np.empty(0, np.int32)

    def render(self, bodies: Bodies, views: LightViews) -> ShadowMaps:
        """Instances as lights see them; what is see-through casts no shadow."""
        side_px = views.atlas_px // views.tiles
        count = len(views.all)
        self._empty(count, side_px)
        maps, nearest = self._maps[:count], self._nearest[:count]
        rows = np.zeros((count, VIEW_NUMBERS), np.float32)
        for row, view, depth, bounds in zip(rows, views.all, maps, nearest, strict=True):
            row[:] = _numbers(view, bodies.scene.camera, side_px)
            onto = _Map(depth, bounds[0], side_px)
            for body in bodies.instances:
                level = _level(body, view, bodies.scene.camera, side_px)
                if level is None:
                    self._draw(body, view, onto)
                else:
                    self._draw_level(level, body, view, onto)
            gather_nearest(bounds, side_px)
        return ShadowMaps(views=rows, maps=maps, nearest=nearest, side_px=side_px)

    def _empty(self, count: int, side_px: int) -> None:
        """Makes room for maps, with nothing in them."""
        if self._maps.shape[1] == side_px**2:
            for depth, bounds in zip(self._maps, self._nearest, strict=True):
                clear_map(depth, bounds, side_px)
        if self._maps.shape[1] != side_px**2 or len(self._maps) < count:
            self._maps = np.full((count, side_px**2), NOTHING, np.float32)
            self._nearest = np.full((count, LEVELS, blocks_of(side_px) ** 2), NOTHING, np.float32)

    def _draw_level(self, level: Level, body: Body, view: LightView, onto: _Map) -> None:
        light_mesh = view.T_light_world @ body.world_mesh
        # What may lie before the surface that it shadows is moved behind it.
        light_mesh[2, 3] += level.error_m * body.scale
        at, _ = self._project(level.points, len(level.faces), light_mesh, view, onto)
        self._draw_faces(level.faces, 0, len(level.faces), at, body.culls, onto)

    def _project(
        self, points: NDArray[np.float64], n_faces: int, light_mesh: NDArray[np.float64],
        view: LightView, onto: _Map,
    ) -> tuple[NDArray[np.float64], bool]:  # fmt: skip
        """Points as `draw_depth` takes them, and whether some lie before the near plane."""
        n_points, lens = points.shape[1], _lens(view, onto.side_px)
        if len(self._at) < n_points:
            self._at = np.empty((n_points, 3))
        if len(self._listed) <= n_faces:
            self._listed = np.empty(n_faces + 1, np.int32)
        at = self._at[:n_points]
        if view.is_perspective:
            least, *_ = project(points, light_mesh, lens, at)
            np.negative(at[:, 2], out=at[:, 2])
            return at, not least > view.near_m
        to_pixels = light_mesh.copy()
        to_pixels[:2] = lens[:2, None] * light_mesh[:2]
        to_pixels[:2, 3] += lens[2:]
        project_parallel(points, to_pixels, at)
        return at, False

    def _draw(self, body: Body, view: LightView, onto: _Map) -> None:
        mesh, lens = body.mesh, _lens(view, onto.side_px)
        light_mesh = view.T_light_world @ body.world_mesh
        at, is_cut = self._project(mesh.points, len(mesh.faces), light_mesh, view, onto)
        for part in body.parts:
            if part.material.alpha_mode == "blend":
                continue
            if not is_cut and part.material.alpha_mode != "mask":
                self._draw_faces(mesh.faces, part.begin, part.end, at, body.culls, onto)
                continue
            corners, sources, shares = _corners(body, part, view, light_mesh, lens, at, is_cut)
            if part.material.alpha_mode == "mask":
                _draw_cutout(body, part, view, corners, sources, shares, onto)
                continue
            faces = unwritten(np.arange(3 * len(sources), dtype=np.int32).reshape(-1, 3))
            if len(self._listed) <= len(faces):
                self._listed = np.empty(len(faces) + 1, np.int32)
            self._draw_faces(faces, 0, len(faces), corners, body.culls, onto)

    def _draw_faces(
        self, faces: NDArray[np.int32], begin: int, end: int, at: NDArray[np.float64],
        culls: bool, onto: _Map,
    ) -> None:  # fmt: skip
        window = np.array([0, 0, onto.side_px, onto.side_px], np.int64)
        n = faces_in(faces, begin, end, at, culls, window, self._listed)
        draw_depth(faces, self._listed, n, at, onto.depth, onto.nearest, onto.side_px)


def _level(body: Body, view: LightView, camera: Camera, side_px: int) -> Level | None:
    """The level of a body that a light may see in its place; None: all of it is to be drawn.

    Its error is below a fifth of a pixel of the camera and half a pixel of the light's map.
    """
    depth_m = float(body.corners_cam[:, 2].min())
    if depth_m <= camera.near_m or any(p.material.alpha_mode != "opaque" for p in body.parts):
        return None
    texel_m = 2 * view.half / side_px
    if view.is_perspective:
        T_light_cam = view.T_light_world @ camera.T_world_cam
        from_light_m = float((body.corners_cam @ T_light_cam[2, :3] + T_light_cam[2, 3]).min())
        if from_light_m <= view.near_m:
            return None
        texel_m *= from_light_m
    pixel_m = depth_m / float(max(camera.K[0, 0], camera.K[1, 1]))
    most_m = min(_PIXELS * pixel_m, _TEXELS * texel_m)
    return level_of(body.model, most_m / body.scale)


def _corners(
    body: Body, part: Part, view: LightView, light_mesh: NDArray[np.float64],
    lens: NDArray[np.float64], at: NDArray[np.float64], is_cut: bool,
) -> tuple[NDArray[np.float64], NDArray[np.int32], NDArray[np.float64]]:  # fmt: skip
    """What of a part the light sees, each face with corners of its own; see `corners_beyond`."""
    count = part.end - part.begin
    if not is_cut:
        corners = at[body.mesh.faces[part.begin : part.end].ravel()]
        shares = np.tile([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]], (count, 1))
        return corners, np.arange(part.begin, part.end, dtype=np.int32), shares
    corners, shares = np.empty((6 * count, 3)), np.empty((6 * count, 2))
    sources = np.empty(2 * count, np.int32)
    n = corners_beyond(
        body.mesh.points, light_mesh, body.mesh.faces, part.begin, part.end, view.near_m, lens,
        corners, sources, shares,
    )  # fmt: skip
    return corners[: 3 * n], sources[:n], shares[: 3 * n]


def _draw_cutout(
    body: Body, part: Part, view: LightView, corners: NDArray[np.float64],
    sources: NDArray[np.int32], shares: NDArray[np.float64], onto: _Map,
) -> None:  # fmt: skip
    texture, mesh = part.material.base_color_texture, body.mesh
    image = np.full((1, 1, 4), 255, np.uint8) if texture is None else texture.image
    wrap_s, wrap_t = texture.wrap_st if texture else ("repeat", "repeat")
    draw_cutout_depth(
        corners, sources, shares, len(sources), view.is_perspective, mesh.faces, mesh.vertices,
        mesh.colors, unwritten(image), WRAPS[wrap_s], WRAPS[wrap_t], part.material.base_color[3],
        part.material.alpha_cutoff, body.culls, onto.depth, onto.nearest,
        onto.side_px,
    )  # fmt: skip


def _lens(view: LightView, side_px: int) -> NDArray[np.float64]:
    """``(4,)``: fx, fy, cx, cy of the map; centre coordinates."""
    focal = side_px / (2.0 * view.half)
    return np.array([focal, focal, side_px / 2 - 0.5, side_px / 2 - 0.5])


def _numbers(view: LightView, camera: Camera, side_px: int) -> NDArray[np.float64]:
    """See `render.kernels.shadows`; edge coordinates of the map."""
    light_cam = view.T_light_world @ camera.T_world_cam
    to_map = light_cam[:3].copy()
    to_map[:2] *= side_px / (2.0 * view.half)
    middle = to_map[2] if view.is_perspective else np.array([0.0, 0.0, 0.0, 1.0])
    to_map[:2] += side_px / 2 * middle
    width = 2 * view.half
    more = view.near_m, view.soft, width, width / side_px, float(view.is_perspective)
    return np.array([*to_map.ravel(), *light_cam[:3, :3].ravel(), *more])


def _spiral(count: int) -> NDArray[np.float64]:
    """Vogel's: each point is turned by the golden angle from the one before."""
    k = np.arange(count)
    turn, away = k * np.pi * (3.0 - np.sqrt(5.0)), np.sqrt((k + 0.5) / count)
    return np.stack([away * np.cos(turn), away * np.sin(turn)], axis=1)


SPIRALS = np.concatenate([_spiral(SEARCH), _spiral(FILTER)]).astype(np.float32)
"""Points of the unit disc that `cast` looks at."""
