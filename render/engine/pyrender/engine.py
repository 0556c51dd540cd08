"""The rasterizer: pyrender's headless contexts, our own passes over one uploaded scene."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from render.buffers import Buffers, Silhouette
from render.engine.base import MAX_INSTANCES, MAX_LIGHTS, AbstractEngine, DeviceInfo, Probe
from render.engine.lens import pinhole_scene, through_lens
from render.engine.pyrender.context import GlContext, choose
from render.engine.pyrender.gl import use_or, use_reversed_depth
from render.engine.pyrender.gpu_cache import GpuCache
from render.engine.pyrender.passes.color import ColorPass
from render.engine.pyrender.passes.draws import UploadedScene, upload
from render.engine.pyrender.passes.ids import IdPass, Ids
from render.engine.pyrender.passes.occlusion import OcclusionPass
from render.engine.pyrender.passes.rays import RayIdPass, RayTables
from render.engine.pyrender.passes.shadows import ShadowPass
from render.engine.pyrender.passes.silhouettes import SilhouettePass
from render.engine.pyrender.probe import probe
from render.errors import EngineError
from render.scene import Instance, Scene

__all__ = ["PyrenderEngine"]

_BUDGET_BYTES = 1 << 30


@final
class PyrenderEngine(AbstractEngine):
    """Draws scenes with OpenGL, headless, on a GPU or in software."""

    def __init__(self, *, platform: str = "auto", device: str | int = "auto") -> None:
        """Opens a context.

        Args:
            platform: ``auto`` (a GPU through EGL, else EGL in software, else OSMesa), ``egl``
                or ``osmesa``.
            device: ``auto``, ``surfaceless``, or a number: that of a CUDA device, as
                CUDA_VISIBLE_DEVICES limits and orders them; where EGL has no CUDA device (GPUs
                of other makers, Mesa's software), the number in EGL's list.
                ``python -m render.doctor`` lists all.

        Raises:
            EngineError: No such platform or device works; tells what was tried. Or a number got
                software though a GPU seems to be there.

        """
        self._context: GlContext | None = choose(platform, str(device))
        use_reversed_depth(self._context)
        use_or(self._context)
        self._context.mgl.depth_func = ">"
        # The image's y axis runs down in GL's window as well, which mirrors every triangle.
        self._context.mgl.front_face = "cw"
        self._info = self._context.info
        self._gpu_cache = GpuCache(self._context, budget_bytes=_BUDGET_BYTES)
        self._ids = IdPass(self._context, self._gpu_cache)
        self._ray_tables = RayTables(self._context)
        self._ray_ids = RayIdPass(self._context, self._gpu_cache, self._ray_tables)
        self._silhouettes = SilhouettePass(self._context, self._gpu_cache, self._ray_tables)
        self._shadows = ShadowPass(self._context, self._gpu_cache)
        self._occlusion = OcclusionPass(self._context)
        self._color = ColorPass(self._context, self._gpu_cache)
        self._uploaded: UploadedScene | None = None
        # The last one whose ids were drawn, and these.
        self._drawn: tuple[UploadedScene, Ids] | None = None

    @classmethod
    def probe(cls, *, platform: str = "auto", device: str | int = "auto", **_: Any) -> Probe:
        """Tells of every platform and device of this machine; see `AbstractEngine.probe`."""
        return probe(platform, str(device))

    @property
    def info(self) -> DeviceInfo:
        return self._info

    def render(self, scene: Scene, *, with_faces: bool = False) -> Buffers:
        """Colour, depth and ids of one scene.

        Raises:
            EngineError: The scene is beyond what GL or the mask files hold, or GL failed.

        """
        uploaded = self._prepare(scene)
        look = self._look_through_lens if scene.camera.distortion else self._look
        radiance, ids = look(uploaded)
        self._check()
        self._drawn = uploaded, ids
        return Buffers(
            radiance=radiance,
            # A copy: the caller may write to what it gets.
            depth_m=ids.depth_m.copy(),
            instance_idx=ids.labelled(uploaded),
            faces=ids.faces(uploaded) if with_faces else None,
        )

    def silhouettes(self, scene: Scene, instances: Sequence[Instance]) -> tuple[Silhouette, ...]:
        """The amodal outline of each of some instances; see `AbstractEngine.silhouettes`."""
        uploaded = self._prepare(scene)
        ids = self._drawn[1] if self._drawn and self._drawn[0] is uploaded else None
        outlines = self._silhouettes.render(uploaded, [i.instance_idx for i in instances], ids)
        self._check()
        return outlines

    def close(self) -> None:
        """Frees the context; a second call does nothing."""
        if self._context is not None:
            self._uploaded = self._drawn = None
            self._context.close()
            self._context = None

    def _look(self, uploaded: UploadedScene) -> tuple[NDArray[np.float32], Ids]:
        """Radiance and ids as a pinhole camera has them."""
        ids = self._ids.render(uploaded)
        gbuffer = self._ids.gbuffer(uploaded, ids)
        radiance = self._color.render(
            uploaded,
            gbuffer,
            occlusion=self._occlusion.render(uploaded, gbuffer),
            shadows=self._shadows.render(uploaded, gbuffer),
        )
        return radiance, ids

    def _look_through_lens(self, uploaded: UploadedScene) -> tuple[NDArray[np.float32], Ids]:
        """Ids and depth by each pixel's own ray, colour by way of a pinhole's larger picture."""
        scene = uploaded.scene
        pinhole = pinhole_scene(scene)
        self._check_limits(self._open_context(), pinhole)
        radiance, _ = self._look(uploaded.before(pinhole))
        rays = self._ray_tables.rays(scene.camera)
        return through_lens(radiance, pinhole, scene, rays), self._ray_ids.render(uploaded)

    def _prepare(self, scene: Scene) -> UploadedScene:
        """The scene on the GPU; the same scene twice in a row is uploaded once."""
        context = self._open_context()
        context.make_current()
        if self._uploaded is None or self._uploaded.scene is not scene:
            self._check_limits(context, scene)
            self._uploaded = self._drawn = None
            self._gpu_cache.trim()
            self._uploaded = upload(scene, self._gpu_cache)
        return self._uploaded

    def _check_limits(self, context: GlContext, scene: Scene) -> None:
        if len(scene.instances) > MAX_INSTANCES:
            raise EngineError(
                f"instances must be at most {MAX_INSTANCES}, got {len(scene.instances)}"
            )
        if len(scene.lights) > MAX_LIGHTS:
            raise EngineError(
                f"lights must be at most {MAX_LIGHTS}, got {len(scene.lights)}: lower "
                "lighting.count, or choose kinds of lamp that are fewer lights"
            )
        largest, size_wh = int(context.mgl.info["GL_MAX_TEXTURE_SIZE"]), scene.camera.size_wh
        if max(size_wh) > largest:
            raise EngineError(
                f"camera.size_wh must be at most {largest} on {self._info.renderer}, got {size_wh}"
            )

    def _open_context(self) -> GlContext:
        if self._context is None:
            raise EngineError("the engine is closed")
        return self._context

    def _check(self) -> None:
        error = self._open_context().mgl.error
        if error != "GL_NO_ERROR":
            raise EngineError(f"{self._info.renderer}: {error} while drawing a frame")
