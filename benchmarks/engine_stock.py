"""The stock script's own functions on poses in memory: colour and SEG calls, nothing written.

To be imported once the engine has chosen the GL platform.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import pyrender
from numpy.typing import NDArray

from benchmarks.engine_scenes import AMBIENT, BRIGHTNESS, Frame
from benchmarks.stock_pyrender import add_objects, load_meshes, make_scene, render_ids

__all__ = ["Stock", "StockFrame"]


@dataclass(frozen=True, eq=False, kw_only=True)
class StockFrame:
    """What the stock script has of a frame.

    Attributes:
        rgb: ``(H, W, 3)`` uint8.
        depth_m: ``(H, W)``; 0 = nothing.
        ids: ``(H, W)`` uint8: 1 + index; 0 = none.
        amodal: ``(H, W)`` bool of each object, where asked for.

    """

    rgb: NDArray[np.uint8]
    depth_m: NDArray[np.float32]
    ids: NDArray[np.uint8]
    amodal: tuple[NDArray[np.bool_], ...] = ()


class Stock:
    """One renderer and one scene with lights, kept; meshes uploaded once.

    It is left to the end of the process: deleting one takes EGL's display from other contexts.
    """

    def __init__(self, frames: Sequence[Frame]) -> None:
        camera = frames[0].scene.camera
        self._renderer = pyrender.OffscreenRenderer(*camera.size_wh)
        self._meshes = load_meshes([{"objects": f.objects} for f in frames])
        self._scene = make_scene()
        self._lamps = {light: light.intensity for light in self._scene.lights}
        self._ambient = self._scene.ambient_light
        self.light("directional")

    def light(self, kind: str) -> None:
        """Lights all that follows as `engine_scenes.lit_by` does: ``directional``, ``ambient``."""
        has_lamps = kind == "directional"
        for lamp, intensity in self._lamps.items():
            lamp.intensity = BRIGHTNESS * intensity if has_lamps else 0.0
        self._scene.ambient_light = BRIGHTNESS * self._ambient if has_lamps else np.full(3, AMBIENT)

    def render(self, frame: Frame, *, amodal: bool, shadows: bool) -> StockFrame:
        """Colour, depth and ids, and a SEG call for each object alone."""
        with self._shown(frame, times=1) as nodes:
            flags = pyrender.RenderFlags.SHADOWS_DIRECTIONAL if shadows else 0
            rgb, depth_m = self._renderer.render(self._scene, flags)
            ids = render_ids(self._renderer, self._scene, {n: i + 1 for i, n in enumerate(nodes)})
            alone = nodes if amodal else []
            masks = tuple(render_ids(self._renderer, self._scene, {n: 1}) > 0 for n in alone)
        return StockFrame(rgb=rgb, depth_m=depth_m, ids=ids, amodal=masks)

    def picture(self, frame: Frame, *, times: int) -> NDArray[np.uint8]:
        """Colour alone, with so many times more pixels along each side."""
        width, height = frame.scene.camera.size_wh
        renderer = self._renderer
        renderer.viewport_width, renderer.viewport_height = times * width, times * height
        with self._shown(frame, times=times):
            rgb: NDArray[np.uint8] = renderer.render(self._scene)[0]
        renderer.viewport_width, renderer.viewport_height = width, height
        return rgb

    @contextmanager
    def _shown(self, frame: Frame, *, times: int) -> Iterator[list[pyrender.Node]]:
        camera = frame.scene.camera
        lens = pyrender.IntrinsicsCamera(
            fx=times * camera.K[0, 0], fy=times * camera.K[1, 1],
            cx=times * (camera.K[0, 2] + 0.5), cy=times * (camera.K[1, 2] + 0.5),
            znear=camera.near_m, zfar=camera.far_m,
        )  # fmt: skip
        nodes = add_objects(self._scene, frame.objects, self._meshes)
        seen_from = self._scene.add(lens)
        try:
            yield nodes
        finally:
            for node in (seen_from, *nodes):
                self._scene.remove_node(node)
