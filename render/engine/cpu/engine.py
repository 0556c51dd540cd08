"""The engine of compiled kernels: needs no GL, and its bytes depend on no driver."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from typing import Any, final

import numba
import numpy as np
from numpy.typing import NDArray

from render.buffers import Buffers, Silhouette
from render.engine.base import MAX_INSTANCES, MAX_LIGHTS, AbstractEngine, DeviceInfo
from render.engine.cpu.bodies import Bodies, bodies_of
from render.engine.cpu.visible import Shown, Visible, VisiblePass
from render.errors import EngineError
from render.scene import Instance, Scene

__all__ = ["CpuEngine"]


@final
class CpuEngine(AbstractEngine):
    """Draws scenes on one core."""

    def __init__(self) -> None:
        self._visible = VisiblePass()
        self._shown: tuple[Bodies, Shown] | None = None
        self._is_closed = False

    @property
    def info(self) -> DeviceInfo:
        return DeviceInfo(
            platform="cpu",
            device="cpu",
            vendor="render",
            renderer=f"compiled kernels ({platform.machine()})",
            version=f"Numba {numba.__version__}",
            is_gpu=False,
        )

    def render(self, scene: Scene, *, with_faces: bool = False) -> Buffers:
        """Colour, depth and ids of one scene.

        Raises:
            EngineError: The scene is beyond what the mask files hold.

        """
        bodies, shown = self._prepare(scene)
        visible = shown.visible
        body_idx = visible.owner(bodies.first_face)
        names = np.full(len(bodies.all) + 1, -1, np.int32)
        for instance in scene.labelled_instances:
            names[instance.instance_idx] = instance.instance_idx
        return Buffers(
            radiance=np.zeros((*body_idx.shape, 3), np.float32),
            depth_m=visible.depth_m(),
            # -1, nothing, looks up the last one.
            instance_idx=names.take(body_idx, mode="wrap"),
            faces=_named(bodies, visible) if with_faces else None,
        )

    def silhouettes(self, scene: Scene, instances: Sequence[Instance]) -> tuple[Silhouette, ...]:
        """The amodal outline of each of some instances; see `AbstractEngine.silhouettes`."""
        bodies, shown = self._prepare(scene)
        return tuple(
            shown.outlines[i.instance_idx]
            if i.instance_idx in shown.outlines
            else self._visible.outline(bodies, i.instance_idx)
            for i in instances
        )

    def close(self) -> None:
        """Frees its memory; a second call does nothing."""
        self._shown = None
        self._is_closed = True

    def _prepare(self, scene: Scene) -> tuple[Bodies, Shown]:
        """What the scene shows; of the same scene twice in a row it is found once."""
        if self._is_closed:
            raise EngineError("the engine is closed")
        if self._shown is None or self._shown[0].scene is not scene:
            _check_limits(scene)
            self._shown = None
            bodies = bodies_of(scene)
            self._shown = bodies, self._visible.ids(bodies)
        return self._shown


def _check_limits(scene: Scene) -> None:
    for name, things, most, hint in (
        ("instances", scene.instances, MAX_INSTANCES, ""),
        ("lights", scene.lights, MAX_LIGHTS,
         ": lower lighting.count, or choose kinds of lamp that are fewer lights"),
    ):  # fmt: skip
        if len(things) > most:
            raise EngineError(f"{name} must be at most {most}, got {len(things)}{hint}")


def _named(bodies: Bodies, visible: Visible) -> NDArray[np.int32]:
    """`Buffers.faces`: instance, primitive and face of it; -1 where there is no instance."""
    parts = bodies.parts
    firsts = np.array([*(p.first_face for p in parts), bodies.first_face[-1]], np.int64)
    part_idx = visible.owner(firsts)
    rows: list[tuple[Any, ...]] = []
    for part in parts:
        body = bodies.all[part.body_idx]
        rows.append((body.instance_idx, part.part_idx - body.parts[0].part_idx, part.first_face))
    named = np.array([*rows, (-1, -1, 0)], np.int32).take(part_idx, axis=0, mode="wrap")
    named[..., 2] = visible.face - named[..., 2]
    named[named[..., 0] < 0] = -1
    return named
