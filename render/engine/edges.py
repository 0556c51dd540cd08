"""Smooth edges of a shaded picture, from the meshes and not from samples.

An edge is an outline where one of its faces looks towards the camera and the other away. What is
in front of what is taken from the depths at pixels' centres. Pixels that a line cuts take their
share of the colour beyond it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from render.engine.meshes import Mesh
from render.engine.surface_edges import BORDER, surface_edges
from render.engine.windows import Scissor
from render.kernels.compiled import unwritten
from render.kernels.holes import cross_holes
from render.kernels.lines import cross_edges, cross_meetings, faces_camera, mix
from render.kernels.rays import WRAPS, cam_points
from render.scene import Camera, Material, Model

__all__ = ["CutOut", "EdgeSmoother", "EdgedBody", "Lines", "ShownPixels"]

_FINEST_CREASE_PX = 0.5


_NO_IMAGE = unwritten(np.zeros((0, 0, 4), np.uint8))


@dataclass(frozen=True, eq=False, kw_only=True)
class ShownPixels:
    """What the centres of the pixels show; all ``(H, W)``.

    Attributes:
        inverse_m: One over the depth along the axis; 0 = nothing.
        part: What was drawn there; -1 = nothing.
        body: The body of that; -1 = nothing.

    """

    inverse_m: NDArray[np.float32]
    part: NDArray[np.int32]
    body: NDArray[np.int32]


@dataclass(frozen=True, eq=False, kw_only=True)
class CutOut:
    """A part of a body whose material cuts holes.

    Attributes:
        part: Its number in `ShownPixels.part`.
        cam_mesh: ``(4, 4)`` float64: from the mesh's points to the camera frame.
        window: Pixels of the picture that it may cover: first column and row, width, height.
        faces: ``(H, W)`` int32: numbers of the faces of the mesh where pixels show the part.
        first_face: The number of the mesh's first face there.

    """

    part: int
    material: Material
    mesh: Mesh
    cam_mesh: NDArray[np.float64]
    window: Scissor
    faces: NDArray[np.int32]
    first_face: int


@dataclass(frozen=True, eq=False, kw_only=True)
class EdgedBody:
    """A model with its pose, whose edges part colours.

    Attributes:
        body: Its number in `ShownPixels.body`.
        cam_mesh: ``(4, 4)`` float64: from points that count from the model's centre to the
            camera frame.
        culls: Back faces cannot be seen.

    """

    body: int
    model: Model
    cam_mesh: NDArray[np.float64]
    culls: bool


class EdgeSmoother:
    """Finds lines and mixes colours across them; its scratch memory serves many pictures."""

    def __init__(self) -> None:
        self._lines: Lines | None = None

    def smooth(
        self,
        radiance: NDArray[np.float32],
        shown: ShownPixels,
        bodies: Sequence[EdgedBody],
        camera: Camera,
        *,
        cut_outs: Sequence[CutOut] = (),
    ) -> None:
        """Smooths a picture in place.

        Args:
            radiance: ``(H, W, 3)``: one colour for each pixel's centre.
            shown: What the pixels' centres show, without what is see-through.
            bodies: In the order in which they are drawn.
            camera: A pinhole.
            cut_outs: Parts of the bodies with holes that no edge of a mesh tells.

        """
        size_wh = shown.body.shape[1], shown.body.shape[0]
        if self._lines is None or self._lines.size_wh != size_wh:
            self._lines = Lines(size_wh)
        lines = self._lines
        for body in bodies:
            lines.add_edges(body, shown, camera)
        lines.add_meetings(shown)
        for cut_out in cut_outs:
            lines.add_holes(cut_out, shown, camera)
        lines.mix(radiance)


class Lines:
    """At most one line between any two neighbours of a picture; see `render.kernels.lines`."""

    def __init__(self, size_wh: tuple[int, int]) -> None:
        self.size_wh = size_wh
        pixels = size_wh[0] * size_wh[1]
        self._score, self._at, self._slope = (np.zeros(2 * pixels, np.float32) for _ in range(3))
        self._touched = np.empty(2 * pixels, np.int64)
        self._count = 0
        self._row_of = np.full(pixels, -1, np.int32)
        self._mixing = (
            np.empty((pixels, 4), np.float32),
            np.empty(pixels, np.int64),
            np.empty((pixels, 3), np.float32),
        )
        self._faces = np.empty(0, np.bool_)
        self._listed = np.empty(0, np.int32)

    def add_edges(self, body: EdgedBody, shown: ShownPixels, camera: Camera) -> None:
        """Lines of the edges of a body."""
        edges = surface_edges(body.model)
        if len(self._faces) < len(edges.planes):
            self._faces = np.empty(len(edges.planes), np.bool_)
        if len(self._listed) <= edges.ends.shape[1]:
            self._listed = np.empty(edges.ends.shape[1] + 1, np.int32)
        eye = np.linalg.solve(body.cam_mesh, [0.0, 0.0, 0.0, 1.0]).astype(np.float32)
        faces_camera(edges.planes, eye, self._faces)
        # Creases far finer than pixels, of which there may be millions, are left out.
        K = camera.K.astype(np.float32)
        scale = float(np.linalg.norm(body.cam_mesh[:3, 0]))
        length_px = scale * edges.mean_length_m * float(K[0, 0]) / max(body.cam_mesh[2, 3], 1e-9)
        least = 0.0 if length_px > _FINEST_CREASE_PX else 0.99 * BORDER
        self._count = cross_edges(
            edges.points, edges.ends, edges.sides, edges.alike, edges.sharpness, np.float32(BORDER),
            self._faces, body.culls, np.float32(least), body.cam_mesh.astype(np.float32),
            K[[0, 1, 0, 1], [0, 1, 2, 2]], np.float32(camera.near_m), body.body,
            shown.inverse_m.ravel(),
            shown.body.ravel(), *self.size_wh, self._listed, self._score, self._at, self._slope,
            self._touched, self._count,
        )  # fmt: skip

    def add_meetings(self, shown: ShownPixels) -> None:
        """Lines where surfaces pass through each other."""
        self._count = cross_meetings(
            shown.inverse_m.ravel(), shown.part.ravel(), *self.size_wh, self._score, self._at,
            self._slope, self._touched, self._count,
        )  # fmt: skip

    def add_holes(self, cut_out: CutOut, shown: ShownPixels, camera: Camera) -> None:
        """Lines along the borders of holes, between pixels that have none."""
        mesh, material, K = cut_out.mesh, cut_out.material, camera.K
        cam = np.empty((mesh.points.shape[1], 3))
        cam_points(mesh.points, cut_out.cam_mesh, cam)
        texture = material.base_color_texture
        wrap_s, wrap_t = texture.wrap_st if texture else ("repeat", "repeat")
        x0, y0, w, h = cut_out.window
        self._count = cross_holes(
            cam, mesh.faces, mesh.vertices, mesh.colors,
            _NO_IMAGE if texture is None else unwritten(texture.image), WRAPS[wrap_s],
            WRAPS[wrap_t], float(material.base_color[3]), float(material.alpha_cutoff),
            np.array([K[0, 0], K[1, 1], K[0, 2], K[1, 2]]), shown.part.ravel(), cut_out.part,
            cut_out.faces.ravel(), cut_out.first_face, shown.inverse_m.ravel(), *self.size_wh,
            np.array([x0, y0, x0 + w, y0 + h]), self._score, self._at, self._slope,
            self._touched, self._count,
        )  # fmt: skip

    def add(
        self, pixel: NDArray[np.int64], is_row: NDArray[np.bool_], at: NDArray[np.floating]
    ) -> None:
        """Lines across the way from one centre to the next, between pixels that have none."""
        slot = self._slot(pixel, is_row)
        self._score[slot], self._at[slot], self._slope[slot] = 1.0, at, 0.0
        self._touched[self._count : self._count + len(slot)] = slot
        self._count += len(slot)

    def mix(self, radiance: NDArray[np.float32]) -> None:
        """Mixes colours across all lines, in place; none is left."""
        mix(
            radiance.reshape(-1), *self.size_wh, self._score, self._at, self._slope, self._touched,
            self._count, self._row_of, *self._mixing,
        )  # fmt: skip
        self._count = 0

    def _slot(
        self, pixel: NDArray[np.int64], is_row: bool | NDArray[np.bool_]
    ) -> NDArray[np.int64]:
        return pixel + np.where(is_row, 0, self.size_wh[0] * self.size_wh[1])
