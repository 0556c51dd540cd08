"""What the centre of each pixel shows, and the whole outline of each instance: one pass."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from render.buffers import Silhouette
from render.engine.cpu.bodies import Bodies, Body, Part
from render.engine.cpu.plain import AbstractFaceDrawer, Plain, delay, is_holed, joined, plain_of
from render.engine.lens import SeenRays, Tile, seen_rays
from render.engine.windows import Window, canvas_of, window_of
from render.kernels.compiled import unwritten
from render.kernels.raster import cut_by_near, draw_faces, faces_in, owners, project
from render.kernels.rays import WRAPS, cam_points, draw_faces_by_rays, list_fragments
from render.scene import Camera
from render.system.cache import Cache

__all__ = [
    "Fragments",
    "Shown",
    "Visible",
    "VisiblePass",
    "lens_of",
    "outline_of",
]

_MOST_RAY_BYTES = 1 << 28
_NO_RAYS_BYTES = 1 << 10  # of what remembers that the lens shows nothing in a tile
_NOTHING = Silhouette(x0=0, y0=0, mask=np.zeros((0, 0), np.bool_))
_NO_IMAGE = unwritten(np.zeros((0, 0, 4), np.uint8))
_PINHOLE = np.zeros((0, 0, 2))

_Outlines = dict[int, Silhouette]
_RayKey = tuple[bytes, tuple[int, int], tuple[float, ...], Tile]


@dataclass(frozen=True, eq=False, kw_only=True)
class Visible:
    """What the pixels' centres show.

    Attributes:
        inverse_m: ``(H, W)`` float32: one over the depth along the axis; 0 = nothing.
        face: ``(H, W)`` int32: number of the face among all of the scene (`Bodies.first_face`,
            `Part.first_face`); -1 = nothing.

    """

    inverse_m: NDArray[np.float32]
    face: NDArray[np.int32]

    def depth_m(self) -> NDArray[np.float32]:
        """``(H, W)`` metres along the axis; 0 = nothing."""
        depth = np.zeros_like(self.inverse_m)
        np.divide(np.float32(1.0), self.inverse_m, out=depth, where=self.inverse_m > 0.0)
        return depth

    def owner(self, firsts: NDArray[np.int64]) -> NDArray[np.int32]:
        """``(H, W)``: which of the ranges of faces that begin at `firsts` is shown; -1 = none."""
        owner = np.empty(self.face.shape, np.int32)
        owners(self.face.ravel(), firsts, owner.ravel())
        return owner


@dataclass(frozen=True, eq=False, kw_only=True)
class Shown:
    """All that one pass over the bodies finds.

    Attributes:
        visible: What is solid for labels: all but unseen catchers of shadows.
        outlines: Of each labelled instance, by `instance_idx`.

    """

    visible: Visible
    outlines: _Outlines


@dataclass(frozen=True, eq=False, kw_only=True)
class Fragments:
    """Where a see-through part covers pixels, in the order in which it is drawn.

    Attributes:
        pixel: ``(N,)`` int32: row times width plus column; some may be there more than once.
        face: ``(N,)`` int32: number of the face among all of the scene.

    """

    part: Part
    pixel: NDArray[np.int32]
    face: NDArray[np.int32]


class VisiblePass:
    """Draws bodies into pictures and outlines; its scratch memory serves many frames."""

    def __init__(self, drawer: AbstractFaceDrawer | None = None) -> None:
        """Nothing is drawn yet.

        Args:
            drawer: Draws what it can; None: all is drawn here.

        """
        self._drawer = drawer
        self._at = np.empty((0, 3))
        self._listed = np.empty(0, np.int32)
        self._count = np.zeros(1, np.int64)
        self._rays: Cache[_RayKey, SeenRays | None] = Cache(
            _MOST_RAY_BYTES, lambda x: _NO_RAYS_BYTES if x is None else x.rays.nbytes
        )

    def rays(self, camera: Camera, tile: Tile = (0, 0)) -> SeenRays | None:
        """What the pixels of a tile see through the lens of a camera; None: nothing."""
        key = (camera.K.tobytes(), camera.size_wh, camera.distortion, tile)
        return self._rays.find(key, lambda: seen_rays(camera, tile))

    def ids(self, bodies: Bodies) -> Shown:
        """What labels are made of."""
        order = [k for k, body in enumerate(bodies.all) if not body.catches_shadows]
        return self._draw_all(
            bodies, order, outlined={i.instance_idx for i in bodies.scene.labelled_instances}
        )

    def solid(self, bodies: Bodies, visible: Visible) -> Visible:
        """What is shaded: with unseen catchers of shadows, and without what is see-through.

        Args:
            bodies: Before a pinhole.
            visible: What `ids` found.

        """
        blends = any(p.material.alpha_mode == "blend" for p in bodies.parts)
        if not blends and not any(body.catches_shadows for body in bodies.all):
            return visible
        order = sorted(range(len(bodies.all)), key=lambda i: bodies.all[i].catches_shadows)
        shown = self._draw_all(bodies, order, wanted=lambda p: p.material.alpha_mode != "blend")
        return shown.visible

    def fragments(self, bodies: Bodies, solid: Visible) -> Iterator[Fragments]:
        """What is see-through and lies before what is solid, the farthest first.

        Args:
            bodies: Before a pinhole.
            solid: What `solid` found.

        """
        camera = bodies.scene.camera
        height, width = solid.face.shape
        see_through = [p for p in bodies.parts if p.material.alpha_mode == "blend"]
        see_through.sort(key=lambda p: -bodies.all[p.body_idx].cam_mesh[2, 3])
        for part in see_through:
            body = bodies.all[part.body_idx]
            cam = self._at_least(body)
            cam_points(body.mesh.points, body.cam_mesh, cam)
            room = width * height
            while True:
                pixel, face = np.empty(room, np.int32), np.empty(room, np.int32)
                found = list_fragments(
                    cam, body.mesh.faces, part.begin, part.end, body.culls, camera.near_m,
                    camera.far_m, lens_of(camera), part.first_face - part.begin,
                    solid.inverse_m.ravel(), width, height, pixel, face,
                )  # fmt: skip
                if found <= room:
                    break
                room = found
            yield Fragments(part=part, pixel=pixel[:found], face=face[:found])

    def outline(self, bodies: Bodies, body_idx: int) -> Silhouette:
        """The whole outline of one body."""
        return self._draw(bodies, body_idx, _Picture(bodies.scene.camera), outlines=True)

    def _draw_all(
        self,
        bodies: Bodies,
        order: Sequence[int],
        *,
        outlined: Collection[int] = (),
        wanted: Callable[[Part], bool] = lambda _: True,
    ) -> Shown:
        """Draws bodies into one picture: here those that are not plain, or all."""
        camera = bodies.scene.camera
        plain: dict[int, Plain] = {}
        if self._drawer is not None:
            for k in order:
                parts = [*filter(wanted, bodies.all[k].parts)]
                found = plain_of(bodies, k, parts, outlined)
                if found is not None:
                    plain[k] = found
        picture = _Picture(camera)
        outlines: _Outlines = {}
        for k in order:
            if k in plain:
                continue
            instance_idx = bodies.all[k].instance_idx
            is_outlined = instance_idx in outlined
            outline = self._draw(bodies, k, picture, outlines=is_outlined, wanted=wanted)
            if is_outlined:
                outlines[instance_idx] = outline
        shown = Shown(visible=picture.visible(), outlines=outlines)
        if self._drawer is None or not plain:
            return shown
        drawn = self._drawer.draw(camera, [*plain.values()], int(bodies.first_face[-1]))
        if len(plain) == len(order):
            return drawn
        return Shown(
            visible=_nearest(bodies, shown.visible, drawn.visible),
            outlines=outlines | drawn.outlines,
        )

    def _draw(
        self,
        bodies: Bodies,
        body_idx: int,
        picture: _Picture,
        *,
        outlines: bool = False,
        wanted: Callable[[Part], bool] = lambda _: True,
    ) -> Silhouette:
        """Draws a body into a picture; its outline too, where that is asked for."""
        body, camera = bodies.all[body_idx], bodies.scene.camera
        first_face = int(bodies.first_face[body_idx])
        if camera.distortion:
            return self._draw_through_lens(body, camera, picture, first_face, outlines=outlines)
        at = self._at_least(body)
        lens = lens_of(camera)
        z_least, *bounds = project(body.mesh.points, body.cam_mesh, lens, at)
        is_cut = not z_least > camera.near_m
        if not outlines:
            window: Window | None = (0, 0, *camera.size_wh)
        elif is_cut:
            window = window_of(body.corners_cam, camera)
        else:
            window = _window(bounds, camera)
        if window is None:
            return _NOTHING
        mask = _mask(window) if outlines else picture.unused
        target = picture.target(mask, window, self._count)
        for has_holes, parts in groupby(filter(wanted, body.parts), lambda p: is_holed(p.material)):
            ranges = [*parts]
            if has_holes:
                cam = np.empty((body.mesh.points.shape[1], 3))
                cam_points(body.mesh.points, body.cam_mesh, cam)
                for part in ranges:
                    _draw_by_rays(body, part, camera, None, picture, cam, first_face, mask, window,
                                  (0, 0), window)  # fmt: skip
                continue
            for begin, end in joined(ranges):
                if is_cut:
                    cut_by_near(
                        body.mesh.points, body.cam_mesh, body.mesh.faces, begin, end, body.culls,
                        lens, camera.near_m, first_face, *target,
                    )  # fmt: skip
                    continue
                n = faces_in(
                    body.mesh.faces, begin, end, at, body.culls, np.array(window), self._listed
                )
                draw_faces(body.mesh.faces, self._listed, n, at, first_face, *target)
        return outline_of(mask, window) if outlines else _NOTHING

    def _draw_through_lens(
        self, body: Body, camera: Camera, picture: _Picture, first_face: int, *, outlines: bool
    ) -> Silhouette:
        w, h = camera.size_wh
        window = window_of(body.corners_cam, camera) if outlines else (0, 0, w, h)
        if window is None:
            return _NOTHING
        mask = _mask(window) if outlines else picture.unused
        cam = self._at_least(body)
        cam_points(body.mesh.points, body.cam_mesh, cam)
        x0, y0, x1, y1 = window
        for tile in product(range(x0 // w, (x1 - 1) // w + 1), range(y0 // h, (y1 - 1) // h + 1)):
            rays = self.rays(camera, tile)
            if rays is None:
                continue
            left, top = tile[0] * w, tile[1] * h
            shared = max(x0, left), max(y0, top), min(x1, left + w), min(y1, top + h)
            for part in body.parts:
                _draw_by_rays(body, part, camera, rays, picture, cam, first_face, mask, window,
                              (left, top), shared)  # fmt: skip
        return outline_of(mask, window) if outlines else _NOTHING

    def _at_least(self, body: Body) -> NDArray[np.float64]:
        """Scratch memory for the points of a body; that for its faces has room as well."""
        n_points, n_faces = body.mesh.points.shape[1], len(body.mesh.faces)
        if len(self._at) < n_points:
            self._at = np.empty((n_points, 3))
        if len(self._listed) <= n_faces:
            self._listed = np.empty(n_faces + 1, np.int32)
        return self._at


class _Picture:
    """The pixels of a camera, with nothing in them."""

    def __init__(self, camera: Camera) -> None:
        width, height = camera.size_wh
        # What is beyond the far plane is not nearer than this.
        self.inverse = np.full((height, width), 1.0 / camera.far_m, np.float32)
        self.face = np.full((height, width), -1, np.int32)
        self.unused = np.empty((height, width), np.uint8)  # an outline that nobody reads

    def target(
        self, mask: NDArray[np.uint8], window: Window, count: NDArray[np.int64]
    ) -> tuple[Any, ...]:
        """The last arguments of `draw_faces`."""
        height, width = self.face.shape
        flat = self.inverse.ravel(), self.face.ravel()
        return *flat, width, height, mask.ravel(), np.array(window, np.int64), count

    def visible(self) -> Visible:
        """What was drawn."""
        self.inverse[self.face < 0] = 0.0
        return Visible(inverse_m=self.inverse, face=self.face)


def _draw_by_rays(
    body: Body,
    part: Part,
    camera: Camera,
    seen: SeenRays | None,
    picture: _Picture,
    cam: NDArray[np.float64],
    first_face: int,
    mask: NDArray[np.uint8],
    window: Window,
    origin: tuple[int, int],
    shared: Window,
) -> None:
    material = part.material
    has_holes = is_holed(material)
    texture = material.base_color_texture if has_holes else None
    wrap_s, wrap_t = texture.wrap_st if texture else ("repeat", "repeat")
    coefficients = np.zeros(8)
    coefficients[: len(camera.distortion)] = camera.distortion
    limits = np.zeros(7)
    if seen is not None:
        limits[:] = (*seen.bounds, seen.reach, seen.bend, seen.stretch)
    height, width = picture.face.shape
    draw_faces_by_rays(
        cam, body.mesh.faces, part.begin, part.end, body.culls, camera.near_m, camera.far_m,
        lens_of(camera), coefficients,
        _PINHOLE if seen is None else np.ascontiguousarray(seen.rays), limits, np.array(origin),
        body.mesh.vertices, body.mesh.colors,
        _NO_IMAGE if texture is None else unwritten(texture.image), WRAPS[wrap_s], WRAPS[wrap_t],
        float(material.base_color[3]), float(material.alpha_cutoff) if has_holes else 0.0,
        first_face, picture.inverse.ravel(), picture.face.ravel(), width, height, mask,
        np.array(window), np.array(shared),
    )  # fmt: skip


def _nearest(bodies: Bodies, one: Visible, other: Visible) -> Visible:
    """What two pictures of different bodies show together; of equal depths the first drawn."""
    delays = np.array([*(delay(bodies, body) for body in bodies.all), 0])  # -1: the last one
    turns = [x.face + delays.take(x.owner(bodies.first_face), mode="wrap") for x in (one, other)]
    is_first = (one.face >= 0) & ((other.face < 0) | (turns[0] < turns[1]))
    takes_one = (one.inverse_m > other.inverse_m) | (one.inverse_m == other.inverse_m) & is_first
    return Visible(
        inverse_m=np.where(takes_one, one.inverse_m, other.inverse_m),
        face=np.where(takes_one, one.face, other.face),
    )


def lens_of(camera: Camera) -> NDArray[np.float64]:
    """``(4,)``: fx, fy, cx, cy."""
    K = camera.K
    return np.array([K[0, 0], K[1, 1], K[0, 2], K[1, 2]])


def _window(bounds: Sequence[float], camera: Camera) -> Window | None:
    """Pixels of the canvas whose centres points may cover.

    Args:
        bounds: Their least and greatest u, then v.
        camera: Gives the canvas.

    """
    (x0, x1), (y0, y1) = (
        np.clip([np.floor(bounds[2 * k]), np.ceil(bounds[2 * k + 1]) + 1], *canvas_of(size))
        .astype(int)
        .tolist()
        for k, size in enumerate(camera.size_wh)
    )
    return (x0, y0, x1, y1) if x0 < x1 and y0 < y1 else None


def _mask(window: Window) -> NDArray[np.uint8]:
    x0, y0, x1, y1 = window
    return np.zeros((y1 - y0, x1 - x0), np.uint8)


def outline_of(mask: NDArray[np.uint8], window: Window) -> Silhouette:
    """The outline that a mask of a window holds."""
    if not mask.any():
        return _NOTHING
    return Silhouette(x0=window[0], y0=window[1], mask=mask.view(np.bool_))
