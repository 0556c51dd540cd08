"""Draws plain bodies with the kernels for CUDA. Experimental, as these are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, final

import numpy as np
import warp as wp

from render.buffers import Silhouette
from render.engine.cpu.plain import AbstractFaceDrawer, Plain
from render.engine.cpu.visible import Shown, Visible, lens_of, outline_of
from render.engine.cuda import kernels
from render.engine.meshes import Mesh
from render.engine.windows import Window, canvas_of
from render.scene import Camera
from render.system.cache import Cache, Same

__all__ = ["WarpDrawer"]

_MOST_MESH_BYTES = 1 << 30
_MOST_MASK_BYTES = 1 << 28  # at once; one outline alone may have more
# So many threads share the rows of the faces of a range: of few and large ones, many a face.
_THREADS = 1 << 18
_NO_WINDOW = (2**31 - 1, 2**31 - 1, -(2**31), -(2**31))


@dataclass(frozen=True, eq=False, kw_only=True)
class _DeviceMesh:
    """`Mesh.points` and `Mesh.faces` on the device."""

    points: Any
    faces: Any

    @property
    def n_bytes(self) -> int:
        return int(self.points.capacity + self.faces.capacity)


@final
class WarpDrawer(AbstractFaceDrawer):
    """Keeps meshes on one device; launches the kernels in turn, reads back once for all bodies."""

    def __init__(self, device: Any) -> None:
        """Compiles the kernels for a device, where that was not done.

        Args:
            device: A `warp.Device`.

        """
        wp.load_module(kernels, device=device)
        self._device = device
        self._meshes: Cache[Same, _DeviceMesh] = Cache(_MOST_MESH_BYTES, lambda x: x.n_bytes)
        self._no_mask = wp.zeros(1, dtype=wp.uint8, device=device)

    def draw(self, camera: Camera, plain: Sequence[Plain], n_faces: int) -> Shown:
        """See `AbstractFaceDrawer.draw`."""
        self._meshes.drop(lambda mesh: mesh.is_gone)
        width, height = camera.size_wh
        nothing = int(np.float32(1.0 / camera.far_m).view(np.uint32)) << 32 | kernels.NOTHING
        keys = wp.full(width * height, nothing, dtype=wp.uint64, device=self._device)
        outlines: dict[int, Silhouette] = {}
        for batch in _batches(self._project(camera, plain)):
            outlines |= self._draw_batch(camera, batch, keys)
        return Shown(visible=self._visible(camera, keys, n_faces), outlines=outlines)

    def _project(self, camera: Camera, plain: Sequence[Plain]) -> list[_Projected]:
        lens = wp.vec4d(*lens_of(camera))
        low, high = zip(*map(canvas_of, camera.size_wh), strict=True)
        none_yet = np.tile(np.array(_NO_WINDOW, np.int32), (len(plain), 1))
        windows = wp.array(none_yet, device=self._device)
        found = []
        for row, one in enumerate(plain):
            mesh = self._meshes.find(Same(one.body.mesh), partial(self._upload, one.body.mesh))
            n_points = mesh.points.shape[1]
            at = wp.empty(n_points, dtype=wp.vec3d, device=self._device)
            self._launch(
                kernels.project, n_points, mesh.points, wp.mat44d(*one.body.cam_mesh.ravel()),
                lens, wp.vec4d(*low, *high), row, at, windows,
            )  # fmt: skip
            found.append((one, mesh, at))
        return [
            _Projected(plain=one, mesh=mesh, at=at, window=tuple(window))
            for (one, mesh, at), window in zip(found, windows.numpy().tolist(), strict=True)
        ]

    def _draw_batch(
        self, camera: Camera, batch: Sequence[_Projected], keys: Any
    ) -> dict[int, Silhouette]:
        begins = np.cumsum([0, *(one.mask_size for one in batch)]).tolist()
        masks = wp.zeros(max(begins[-1], 1), dtype=wp.uint8, device=self._device)
        for one, begin, end in zip(batch, begins[:-1], begins[1:], strict=True):
            self._draw_one(camera, one, keys, masks[begin:end] if end > begin else self._no_mask)
        on_host = masks.numpy()
        outlines = {}
        for one, begin, end in zip(batch, begins[:-1], begins[1:], strict=True):
            if one.plain.outlines:
                x0, y0, x1, y1 = one.window
                # A copy, so that one outline does not hold the memory of all.
                mask = on_host[begin:end].reshape(max(y1 - y0, 0), max(x1 - x0, 0)).copy()
                outlines[one.plain.body.instance_idx] = outline_of(mask, one.window)
        return outlines

    def _draw_one(self, camera: Camera, one: _Projected, keys: Any, mask: Any) -> None:
        outlines = one.plain.outlines
        window = one.window if outlines else (0, 0, *camera.size_wh)
        if outlines and not one.mask_size:
            return
        for begin, end in one.plain.ranges:
            lanes = min(max(_THREADS // (end - begin), 1), window[3] - window[1])
            self._launch(
                kernels.draw, (end - begin, lanes), one.mesh.faces, begin, one.at,
                int(one.plain.body.culls), one.plain.first_turn, lanes, wp.vec4i(*window),
                *camera.size_wh, keys, int(outlines), mask,
            )  # fmt: skip

    def _visible(self, camera: Camera, keys: Any, n_faces: int) -> Visible:
        width, height = camera.size_wh
        inverse = wp.empty(len(keys), dtype=wp.float32, device=self._device)
        face = wp.empty(len(keys), dtype=wp.int32, device=self._device)
        self._launch(kernels.split, len(keys), keys, n_faces, inverse, face)
        shape = height, width
        return Visible(inverse_m=inverse.numpy().reshape(shape), face=face.numpy().reshape(shape))

    def _upload(self, mesh: Mesh) -> _DeviceMesh:
        return _DeviceMesh(
            points=wp.array(mesh.points, dtype=wp.float64, device=self._device),
            faces=wp.array(mesh.faces, dtype=wp.int32, device=self._device),
        )

    def _launch(self, kernel: Any, dim: int | tuple[int, int], *inputs: Any) -> None:
        wp.launch(kernel, dim=dim, inputs=inputs, device=self._device)


@dataclass(frozen=True, eq=False, kw_only=True)
class _Projected:
    """A body whose points lie on the device as pixels see them.

    Attributes:
        at: ``(V,)`` on the device: u, v, one over the depth.
        window: Pixels of the canvas that hold them; empty where none is there.

    """

    plain: Plain
    mesh: _DeviceMesh
    at: Any
    window: Window

    @property
    def mask_size(self) -> int:
        """Pixels of the outline that is wanted."""
        x0, y0, x1, y1 = self.window
        return max(x1 - x0, 0) * max(y1 - y0, 0) if self.plain.outlines else 0


def _batches(projected: Sequence[_Projected]) -> Iterator[list[_Projected]]:
    """In their order, with no more masks at once than memory is meant to hold."""
    batch: list[_Projected] = []
    size = 0
    for one in projected:
        if batch and size + one.mask_size > _MOST_MASK_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(one)
        size += one.mask_size
    yield batch
