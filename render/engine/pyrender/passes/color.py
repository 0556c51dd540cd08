"""Colour: lit surfaces over what is behind them, anti-aliased, as linear radiance."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain

import moderngl
import numpy as np
from numpy.typing import NDArray

from render.engine.pyrender.context import GlContext
from render.engine.pyrender.gl import (
    Program,
    attach_depth,
    clear_depth,
    clear_float,
    compile_program,
    delete_renderbuffer,
    release_framebuffer,
)
from render.engine.pyrender.passes.draws import Draw, UploadedScene, bind_cutout, lens_of
from render.engine.pyrender.passes.environments import (
    EnvironmentTextures,
    map_axes,
    set_environment,
)
from render.engine.pyrender.passes.lights import set_lights
from render.engine.pyrender.passes.shadows import Shadows
from render.engine.pyrender.upload import Residents
from render.scene import Environment, Material, Scene

__all__ = ["ColorPass"]

_SAMPLES = 4
# A sample counts for no more than this: a spark on an edge must not fill the pixel.
_LIMIT = 64.0
# Texture units.
_MAPS = {
    "u_base_map": 0,
    "u_metal_rough_map": 1,
    "u_normal_map": 2,
    "u_occlusion_map": 3,
    "u_emissive_map": 4,
    "u_cutout": 5,
    "u_lit_0": 6,
    "u_lit_1": 7,
    "u_depth": 8,
    "u_occlusion": 9,
    "u_env_mirror": 10,
    "u_env_glossy": 11,
    "u_wear_map": 12,
}
_SAMPLES_UNIT, _BACKGROUND_UNIT = 0, 1
_PARTS = ("environment.glsl", "received.glsl")


class ColorPass:
    """Four samples a pixel in linear float16, joined with the backdrop by a second shader."""

    def __init__(self, context: GlContext, residents: Residents) -> None:
        self._context = context
        self._residents = residents
        self._environments = EnvironmentTextures(context)
        solid = ("SHADED", "OUT_QUALIFIER centroid")
        cutout = ("SHADED", "CUTOUT", "OUT_QUALIFIER sample")
        self._solid = compile_program(context, "geometry.vert", "color.frag", solid, parts=_PARTS)
        # Cut-outs are decided at every sample, so that their edges are smooth, too.
        self._cutout = compile_program(context, "geometry.vert", "color.frag", cutout, parts=_PARTS)
        for program in (self._solid, self._cutout):
            for name, unit in _MAPS.items():
                program.set(name, unit)
        samples = (f"SAMPLES {_SAMPLES}", f"LIMIT {_LIMIT}")
        self._join = compile_program(context, "composite.vert", "composite.frag", samples)
        self._join.set("u_samples", _SAMPLES_UNIT)
        self._join.set("u_background", _BACKGROUND_UNIT)
        self._whole_image = context.mgl.vertex_array(self._join.raw, [])
        self._targets: _Targets | None = None

    def render(
        self,
        uploaded: UploadedScene,
        *,
        depth: moderngl.Texture,
        occlusion: moderngl.Texture,
        shadows: Shadows,
    ) -> NDArray[np.float32]:
        """``(H, W, 3)`` linear radiance.

        Args:
            uploaded: The scene.
            depth: From the id pass.
            occlusion: From the occlusion pass.
            shadows: From the shadow pass.

        Raises:
            EngineError: The scene has more lights than the shader holds.

        """
        gl, scene = self._context.mgl, uploaded.scene
        targets = self._targets_for(scene.camera.size_wh)
        for program in (self._solid, self._cutout):
            set_lights(program, scene, shadows)
            set_environment(program, scene, self._residents)
            program.set("u_catcher", False)
        for texture, name in zip(shadows.lit, ("u_lit_0", "u_lit_1"), strict=True):
            texture.use(_MAPS[name])
        depth.use(_MAPS["u_depth"])
        occlusion.use(_MAPS["u_occlusion"])
        self._environments.use(
            scene.environment,
            mirror_unit=_MAPS["u_env_mirror"],
            glossy_unit=_MAPS["u_env_glossy"],
        )
        targets.framebuffer.use()
        clear_float(self._context, 0, 0.0)
        clear_depth(self._context)
        gl.enable_only(moderngl.DEPTH_TEST)
        for draw in chain(uploaded.draws, uploaded.surfaces):
            if draw.material.alpha_mode != "blend":
                self._draw(draw)
        self._draw_see_through(uploaded, targets)
        return self._composite(scene, targets)

    def _draw_see_through(self, uploaded: UploadedScene, targets: _Targets) -> None:
        """Caught shadows, then blended surfaces, the farthest first; none hides another."""
        blended = [d for d in uploaded.draws if d.material.alpha_mode == "blend"]
        if not blended and not uploaded.catchers:
            return
        gl = self._context.mgl
        gl.enable(moderngl.BLEND)
        gl.blend_func = (moderngl.ONE, moderngl.ONE_MINUS_SRC_ALPHA)
        targets.framebuffer.depth_mask = False
        targets.framebuffer.use()
        self._solid.set("u_catcher", True)
        for draw in uploaded.catchers:
            self._draw(draw)
        self._solid.set("u_catcher", False)
        for draw in sorted(blended, key=lambda d: (-d.center_depth_m, d.instance_idx)):
            self._draw(draw)
        targets.framebuffer.depth_mask = True
        gl.disable(moderngl.BLEND)

    def _draw(self, draw: Draw) -> None:
        gl, material = self._context.mgl, draw.material
        gl.enable(moderngl.CULL_FACE) if draw.culls else gl.disable(moderngl.CULL_FACE)
        is_cut = material.alpha_mode == "mask"
        program = self._cutout if is_cut else self._solid
        program.write("u_clip_obj", draw.clip_obj)
        program.set("u_shift", (0.0, 0.0, 0.0, 0.0))
        program.write("u_cam_obj", draw.cam_obj)
        program.write("u_normal", draw.normal)
        program.set("u_center", draw.center_m)
        self._set_material(program, material)
        if is_cut:
            bind_cutout(program, material, self._residents, _MAPS["u_cutout"])
        draw.mesh.draw(gl, program)

    def _set_material(self, program: Program, material: Material) -> None:
        texture = self._residents.texture
        base = material.triplanar or material.base_color_texture
        texture(base, srgb=True).use(_MAPS["u_base_map"])
        texture(material.metallic_roughness_texture, srgb=False).use(_MAPS["u_metal_rough_map"])
        texture(material.normal_texture, srgb=False).use(_MAPS["u_normal_map"])
        texture(material.occlusion_texture, srgb=False).use(_MAPS["u_occlusion_map"])
        texture(material.emissive_texture, srgb=True).use(_MAPS["u_emissive_map"])
        texture(material.wear_texture, srgb=False).use(_MAPS["u_wear_map"])
        program.set("u_wear", material.wear)
        program.set("u_wear_tile_m", material.wear_size_m)
        program.set("u_base_color", material.base_color)
        program.set("u_metal_rough", (material.metallic, material.roughness))
        program.set("u_emissive", material.emissive)
        program.set("u_normal_scale", material.normal_scale)
        program.set("u_occlusion_strength", material.occlusion_strength)
        program.set("u_tile_m", material.triplanar_size_m if material.triplanar else 0.0)
        program.set("u_has_normal_map", material.normal_texture is not None)
        program.set("u_blend", material.alpha_mode == "blend")

    def _composite(self, scene: Scene, targets: _Targets) -> NDArray[np.float32]:
        join, backdrop = self._join, scene.backdrop
        is_environment = isinstance(backdrop, Environment)
        join.set("u_is_environment", is_environment)
        if isinstance(backdrop, Environment):
            self._environments.use_radiance(backdrop, unit=_BACKGROUND_UNIT)
            join.set("u_gain", backdrop.gain)
            join.write("u_map_cam", map_axes(backdrop, scene.camera.T_world_cam).tobytes())
            join.set("u_lens", lens_of(scene.camera))
        else:
            targets.background.write(np.ascontiguousarray(backdrop).tobytes(), alignment=1)
            targets.background.use(_BACKGROUND_UNIT)
        targets.radiance_framebuffer.use()
        self._context.mgl.enable_only(moderngl.NOTHING)
        targets.linear.use(_SAMPLES_UNIT)
        self._whole_image.render(moderngl.TRIANGLES, vertices=3)
        width, height = scene.camera.size_wh
        rgba = np.empty((height, width, 4), np.float32)
        targets.radiance.read_into(rgba)
        return np.ascontiguousarray(rgba[..., :3])

    def _targets_for(self, size_wh: tuple[int, int]) -> _Targets:
        if self._targets is None or self._targets.radiance.size != size_wh:
            if self._targets is not None:
                self._targets.release(self._context)
            self._targets = _Targets.of(self._context, size_wh)
        return self._targets


@dataclass(frozen=True, eq=False, kw_only=True)
class _Targets:
    linear: moderngl.Texture
    framebuffer: moderngl.Framebuffer
    depth_buffer: int
    background: moderngl.Texture
    radiance: moderngl.Texture
    radiance_framebuffer: moderngl.Framebuffer

    @classmethod
    def of(cls, context: GlContext, size_wh: tuple[int, int]) -> _Targets:
        gl = context.mgl
        linear = gl.texture(size_wh, 4, samples=_SAMPLES, dtype="f2")
        framebuffer = gl.framebuffer([linear])
        background = gl.texture(size_wh, 3, dtype="f4", alignment=1)
        background.filter = (moderngl.NEAREST, moderngl.NEAREST)
        radiance = gl.texture(size_wh, 4, dtype="f4")
        return cls(
            linear=linear,
            framebuffer=framebuffer,
            depth_buffer=attach_depth(context, framebuffer, size_wh=size_wh, samples=_SAMPLES),
            background=background,
            radiance=radiance,
            radiance_framebuffer=gl.framebuffer([radiance]),
        )

    def release(self, context: GlContext) -> None:
        release_framebuffer(context, self.framebuffer)
        release_framebuffer(context, self.radiance_framebuffer)
        for texture in (self.linear, self.background, self.radiance):
            texture.release()
        delete_renderbuffer(context, self.depth_buffer)
