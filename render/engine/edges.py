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

from render.engine.cutout_lines import CutOut, ShownPixels, cutout_crossings
from render.engine.surface_edges import BORDER, surface_edges
from render.kernels.lines import cross_edges, cross_meetings, faces_camera, mix
from render.scene import Camera, Model

__all__ = ["CutOut", "EdgeSmoother", "EdgedBody", "Lines", "ShownPixels"]

_FINEST_CREASE_PX = 0.5


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
            lines.add(*cutout_crossings(cut_out, shown, camera, lines.is_taken))
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

    def is_taken(self, pixel: NDArray[np.int64], is_row: bool) -> NDArray[np.bool_]:
        """Whether there is a line already between pixels and the next ones."""
        return np.asarray(self._score[self._slot(pixel, is_row)] > 0.0)

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
