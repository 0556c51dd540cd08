"""The engine of compiled kernels: needs no GL, and its bytes depend on no driver."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Sequence
from typing import final

import numpy as np
from numpy.typing import NDArray

from render.buffers import Buffers, Silhouette
from render.engine.base import MAX_INSTANCES, MAX_LIGHTS, AbstractEngine, DeviceInfo
from render.engine.cpu.bodies import Bodies, Part, bodies_of
from render.engine.cpu.color import ColorPass
from render.engine.cpu.plain import AbstractFaceDrawer
from render.engine.cpu.visible import Shown, Visible, VisiblePass
from render.engine.cpu.warm_up import warm_up
from render.engine.edges import CutOut, EdgedBody, EdgeSmoother, ShownPixels
from render.engine.lens import pinhole_scene, pixel_rays, through_lens
from render.engine.windows import scissor_of
from render.errors import EngineError
from render.scene import Instance, Scene

__all__ = ["CpuEngine"]


@final
class CpuEngine(AbstractEngine):
    """Draws scenes on one core."""

    def __init__(self, drawer: AbstractFaceDrawer | None = None) -> None:
        """Compiles the kernels, where no earlier process of this user did.

        Args:
            drawer: Draws faces in place of the kernels, where another engine wraps this one.

        """
        self._visible = VisiblePass()
        self._color = ColorPass()
        self._edges = EdgeSmoother()
        self._shown: tuple[Bodies, Shown] | None = None
        self._is_closed = False
        warm_up(self)
        if drawer is not None:
            self._visible = VisiblePass(drawer)  # not before: all kernels are to be compiled

    @property
    def info(self) -> DeviceInfo:
        return DeviceInfo(
            platform="cpu",
            device="cpu",
            vendor="render",
            renderer=f"compiled kernels ({platform.machine()})",
            version=f"Numba {importlib.metadata.version('numba')}",
            is_gpu=False,
        )

    def render(self, scene: Scene, *, with_faces: bool = False) -> Buffers:
        """Colour, depth and ids of one scene.

        Raises:
            EngineError: The scene is beyond what the mask files hold.

        """
        bodies, shown = self._prepare(scene)
        visible = shown.visible
        look = self._look_through_lens if scene.camera.distortion else self._look
        radiance = look(bodies, visible)
        body_idx = visible.owner(bodies.first_face)
        names = np.full(len(bodies.all) + 1, -1, np.int32)
        for instance in scene.labelled_instances:
            names[instance.instance_idx] = instance.instance_idx
        return Buffers(
            radiance=radiance,
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

    def _look(self, bodies: Bodies, visible: Visible) -> NDArray[np.float32]:
        """Radiance as a pinhole camera has it."""
        solid = self._visible.solid(bodies, visible)
        see_through = self._visible.fragments(bodies, solid)
        radiance, layer = self._color.render(bodies, solid, see_through)
        self._smooth(radiance, bodies, solid)
        if layer is not None:
            radiance *= 1.0 - layer[..., 3:]
            radiance += layer[..., :3]
        return radiance

    def _look_through_lens(self, bodies: Bodies, _: Visible) -> NDArray[np.float32]:
        """Colour by way of a pinhole's larger picture."""
        scene = bodies.scene
        pinhole = pinhole_scene(scene)
        before_pinhole = bodies.seen_by(pinhole)
        radiance = self._look(before_pinhole, self._visible.ids(before_pinhole).visible)
        seen = self._visible.rays(scene.camera)
        rays = pixel_rays(scene.camera) if seen is None else seen.rays
        return through_lens(radiance, pinhole, scene, rays)

    def _smooth(self, radiance: NDArray[np.float32], bodies: Bodies, solid: Visible) -> None:
        # The border of what catches shadows alone is not to be seen.
        self._edges.smooth(
            radiance,
            ShownPixels(
                inverse_m=solid.inverse_m,
                part=solid.owner(bodies.first_faces),
                body=solid.owner(bodies.first_face),
            ),
            [
                EdgedBody(body=k, model=body.model, cam_mesh=body.cam_mesh, culls=body.culls)
                for k, body in enumerate(bodies.all)
                if not body.catches_shadows
            ],
            bodies.scene.camera,
            cut_outs=[
                _cut_out(bodies, part, solid)
                for part in bodies.parts
                if part.material.alpha_mode == "mask"
            ],
        )

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
    part_idx = visible.owner(bodies.first_faces)
    rows: list[tuple[int, int, int]] = []
    for part in bodies.parts:
        body = bodies.all[part.body_idx]
        rows.append((body.instance_idx, part.part_idx - body.parts[0].part_idx, part.first_face))
    named = np.array([*rows, (-1, -1, 0)], np.int32).take(part_idx, axis=0, mode="wrap")
    named[..., 2] = visible.face - named[..., 2]
    named[named[..., 0] < 0] = -1
    return named


def _cut_out(bodies: Bodies, part: Part, solid: Visible) -> CutOut:
    body = bodies.all[part.body_idx]
    return CutOut(
        part=part.part_idx,
        material=part.material,
        mesh=body.mesh,
        cam_mesh=body.cam_mesh,
        window=scissor_of(body.corners_cam, bodies.scene.camera),
        faces=solid.face,
        first_face=part.first_face - part.begin,
    )
