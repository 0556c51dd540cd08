"""Colour: each pixel shaded once, edges smoothed by samples, what is see-through blended over.

Small triangles make shading while they are drawn expensive. So ids are drawn first; from them
each draw shades the pixels it owns; samples tell how much of an edge pixel each neighbour
covers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import moderngl
import numpy as np
from numpy.typing import NDArray

from render.engine.pyrender.context import GlContext
from render.engine.pyrender.gl import (
    Program,
    attach_depth,
    attach_renderbuffer,
    clear_depth,
    clear_float,
    clear_int,
    compile_program,
    delete_renderbuffer,
    release_framebuffer,
)
from render.engine.pyrender.passes.backdrop import Backdrop
from render.engine.pyrender.passes.draws import Draw, GeometryPrograms, UploadedScene, lens_of
from render.engine.pyrender.passes.environments import EnvironmentTextures
from render.engine.pyrender.passes.ids import Seen
from render.engine.pyrender.passes.shadows import Shadows
from render.engine.pyrender.passes.surface_programs import FIRST_FREE_UNIT, SurfacePrograms
from render.engine.pyrender.upload import Residents
from render.scene import Scene

__all__ = ["ColorPass"]

_SAMPLES = 4
# A pixel counts for no more than this in an edge: a spark must not fill its neighbours.
_LIMIT = 64.0
# Depth between the planes of two draws: a power of two, so that it is exact.
_PLANE = 2.0**-20
_DRAWN, _VERTICES, _CORNERS, _BACKDROP = range(FIRST_FREE_UNIT, FIRST_FREE_UNIT + 4)
_RESOLVE_UNITS = {
    "u_sample_draws": 0, "u_sample_depths": 1, "u_drawn": 2, "u_depth": 3, "u_shaded": 4,
}  # fmt: skip
_RESOLVE_BACKDROP = 5


class ColorPass:
    """Linear radiance of a scene whose ids, occlusion and shadows are there."""

    def __init__(self, context: GlContext, residents: Residents) -> None:
        self._context = context
        environments = EnvironmentTextures(context)
        self._backdrop = Backdrop(context, environments)
        self._shade = SurfacePrograms(
            context, residents, environments,
            vertex="whole.vert", fragment="shade.frag", parts=("backdrop.glsl",),
        )  # fmt: skip
        self._see_through = SurfacePrograms(
            context, residents, environments,
            vertex="geometry.vert", fragment="see_through.frag", defines=("SHADED",),
        )  # fmt: skip
        self._coverage = GeometryPrograms(context, "coverage.frag", residents, per_sample=True)
        self._behind: dict[tuple[str, ...], Program] = {}
        self._resolve: dict[tuple[str, ...], Program] = {}
        self._owner = compile_program(context, "whole.vert", "owner.frag", (f"PLANE {_PLANE!r}",))
        self._owner.set("u_drawn", _DRAWN)
        self._whole_image: dict[int, moderngl.VertexArray] = {}
        self._targets: _Targets | None = None

    def render(
        self, uploaded: UploadedScene, seen: Seen, *, occlusion: moderngl.Texture, shadows: Shadows
    ) -> NDArray[np.float32]:
        """``(H, W, 3)`` linear radiance.

        Args:
            uploaded: The scene.
            seen: From the id pass.
            occlusion: From the occlusion pass.
            shadows: From the shadow pass.

        """
        scene = uploaded.scene
        targets = self._targets_for(scene.camera.size_wh)
        for programs, tell in ((self._shade, self._tell_shade), (self._see_through, _no_shift)):
            programs.set_scene(
                scene,
                depth=seen.depth,
                occlusion=occlusion,
                shadows=shadows,
                tell=partial(tell, scene),
            )
        self._context.mgl.enable_only(moderngl.NOTHING)
        self._shade_all(uploaded, seen, targets)
        self._cover(uploaded, targets)
        self._smooth(uploaded, seen, targets)
        self._blend(uploaded, seen, targets)
        width, height = scene.camera.size_wh
        rgba = np.empty((height, width, 4), np.float32)
        targets.radiance.read_into(rgba)
        return np.ascontiguousarray(rgba[..., :3])

    def _shade_all(self, uploaded: UploadedScene, seen: Seen, targets: _Targets) -> None:
        gl, framebuffer = self._context.mgl, targets.shaded_framebuffer
        framebuffer.use()
        clear_float(self._context, 0, 0.0)
        seen.drawn.use(_DRAWN)
        gl.enable_only(moderngl.DEPTH_TEST)
        gl.depth_func = "1"
        self._whole(self._owner)
        gl.depth_func = "=="
        self._backdrop.use(uploaded.scene, unit=_BACKDROP)
        catchers = {draw.draw_idx for draw in uploaded.catchers}
        catching = ("CATCHER", *self._backdrop.defines(uploaded.scene))
        for draw in uploaded.solid:
            if draw.instance_idx >= 0:
                framebuffer.scissor = uploaded.windows[draw.instance_idx]
            else:
                framebuffer.scissor = None  # type: ignore[assignment]
            more = catching if draw.draw_idx in catchers else ()
            program = self._shade.use(draw.material, more=more)
            program.set("u_plane", (draw.draw_idx + 1) * _PLANE)
            _set_place(program, draw)
            draw.mesh.vertices.use(_VERTICES)
            draw.mesh.corners.use(_CORNERS)
            self._whole(program)
        framebuffer.scissor = None  # type: ignore[assignment]
        gl.depth_func = ">"

    def _tell_shade(self, scene: Scene, program: Program) -> None:
        units = {"u_drawn": _DRAWN, "u_vertices": _VERTICES, "u_corners": _CORNERS}
        for name, unit in units.items():
            program.set(name, unit)
        self._backdrop.set(program, scene, unit=_BACKDROP)
        program.set("u_lens", lens_of(scene.camera))

    def _cover(self, uploaded: UploadedScene, targets: _Targets) -> None:
        """Which draw each of the samples of each pixel shows."""
        targets.coverage_framebuffer.use()
        clear_int(self._context, 0, -1)
        clear_depth(self._context)
        self._context.mgl.enable_only(moderngl.DEPTH_TEST)
        for draw in uploaded.solid:
            self._coverage.draw(draw, u_draw_idx=draw.draw_idx)

    def _smooth(self, uploaded: UploadedScene, seen: Seen, targets: _Targets) -> None:
        scene = uploaded.scene
        self._context.mgl.enable_only(moderngl.NOTHING)
        self._backdrop.use(scene, unit=_RESOLVE_BACKDROP)
        framebuffer = targets.radiance_framebuffer
        framebuffer.use()
        behind, resolve = self._programs_before(scene)
        if not uploaded.surfaces and not uploaded.catchers:
            # All but the objects' surroundings is the backdrop alone.
            self._backdrop.set(behind, scene, unit=_RESOLVE_BACKDROP)
            self._whole(behind)
            framebuffer.scissor = uploaded.busy
        self._backdrop.set(resolve, scene, unit=_RESOLVE_BACKDROP)
        resolve.set("u_near_far", (scene.camera.near_m, scene.camera.far_m))
        resolve.set("u_neighbours", 9)
        resolve.set("u_once", 1)
        textures = (
            targets.sample_draws, targets.sample_depths, seen.drawn, seen.depth, targets.shaded,
        )  # fmt: skip
        for texture, unit in zip(textures, _RESOLVE_UNITS.values(), strict=True):
            texture.use(unit)
        self._whole(resolve)
        framebuffer.scissor = None  # type: ignore[assignment]

    def _programs_before(self, scene: Scene) -> tuple[Program, Program]:
        """What shows a scene's backdrop, and what smooths edges before it."""
        kind = self._backdrop.defines(scene)
        if kind not in self._resolve:
            self._behind[kind] = compile_program(
                self._context, "whole.vert", "behind.frag", kind, parts=("backdrop.glsl",)
            )
            self._resolve[kind] = compile_program(
                self._context, "whole.vert", "resolve.frag",
                (f"SAMPLES {_SAMPLES}", f"LIMIT {_LIMIT}", *kind), parts=("backdrop.glsl",),
            )  # fmt: skip
            for name, unit in _RESOLVE_UNITS.items():
                self._resolve[kind].set(name, unit)
        return self._behind[kind], self._resolve[kind]

    def _blend(self, uploaded: UploadedScene, seen: Seen, targets: _Targets) -> None:
        """See-through surfaces, the farthest first; they hide nothing from each other."""
        blended = [d for d in uploaded.draws if d.material.alpha_mode == "blend"]
        if not blended:
            return
        gl, framebuffer = self._context.mgl, targets.radiance_framebuffer
        attach_renderbuffer(self._context, framebuffer, seen.depth_buffer)
        gl.enable_only(moderngl.DEPTH_TEST | moderngl.BLEND)
        gl.blend_func = (moderngl.ONE, moderngl.ONE_MINUS_SRC_ALPHA)
        framebuffer.depth_mask = False
        framebuffer.use()
        for draw in sorted(blended, key=lambda d: (-d.center_depth_m, d.instance_idx)):
            gl.enable(moderngl.CULL_FACE) if draw.culls else gl.disable(moderngl.CULL_FACE)
            program = self._see_through.use(draw.material)
            program.write("u_clip_obj", draw.clip_obj)
            _set_place(program, draw)
            draw.mesh.draw(gl, program)
        attach_renderbuffer(self._context, framebuffer, 0)
        gl.disable(moderngl.BLEND)

    def _whole(self, program: Program) -> None:
        array = self._whole_image.get(program.raw.glo)
        if array is None:
            array = self._context.mgl.vertex_array(program.raw, [])
            self._whole_image[program.raw.glo] = array
        array.render(moderngl.TRIANGLES, vertices=3)

    def _targets_for(self, size_wh: tuple[int, int]) -> _Targets:
        if self._targets is None or self._targets.radiance.size != size_wh:
            if self._targets is not None:
                self._targets.release(self._context)
            self._targets = _Targets.of(self._context, size_wh)
        return self._targets


def _set_place(program: Program, draw: Draw) -> None:
    program.write("u_cam_obj", draw.cam_obj)
    program.write("u_normal", draw.normal)
    program.set("u_center", draw.center_m)


def _no_shift(_: Scene, program: Program) -> None:
    program.set("u_shift", (0.0, 0.0, 0.0, 0.0))


@dataclass(frozen=True, eq=False, kw_only=True)
class _Targets:
    shaded: moderngl.Texture
    shaded_framebuffer: moderngl.Framebuffer
    depth_buffer: int
    sample_draws: moderngl.Texture
    sample_depths: moderngl.Texture
    coverage_framebuffer: moderngl.Framebuffer
    radiance: moderngl.Texture
    radiance_framebuffer: moderngl.Framebuffer

    @classmethod
    def of(cls, context: GlContext, size_wh: tuple[int, int]) -> _Targets:
        gl = context.mgl
        shaded = gl.texture(size_wh, 4, dtype="f4")
        radiance = gl.texture(size_wh, 4, dtype="f4")
        for texture in (shaded, radiance):
            texture.filter = (moderngl.NEAREST, moderngl.NEAREST)
        shaded_framebuffer = gl.framebuffer([shaded])
        sample_draws = gl.texture(size_wh, 1, samples=_SAMPLES, dtype="i4")
        sample_depths = gl.depth_texture(size_wh, samples=_SAMPLES)
        return cls(
            shaded=shaded,
            shaded_framebuffer=shaded_framebuffer,
            depth_buffer=attach_depth(context, shaded_framebuffer, size_wh=size_wh, samples=0),
            sample_draws=sample_draws,
            sample_depths=sample_depths,
            coverage_framebuffer=gl.framebuffer([sample_draws], sample_depths),
            radiance=radiance,
            radiance_framebuffer=gl.framebuffer([radiance]),
        )

    def release(self, context: GlContext) -> None:
        for framebuffer in (
            self.shaded_framebuffer, self.coverage_framebuffer, self.radiance_framebuffer,
        ):  # fmt: skip
            release_framebuffer(context, framebuffer)
        delete_renderbuffer(context, self.depth_buffer)
        for texture in (self.shaded, self.sample_draws, self.sample_depths, self.radiance):
            texture.release()
