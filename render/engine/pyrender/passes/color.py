"""Colour: lit surfaces over the background, anti-aliased, in display sRGB."""

from __future__ import annotations

from dataclasses import dataclass

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
from render.engine.pyrender.passes.draws import Draw, UploadedScene, bind_cutout
from render.engine.pyrender.upload import Residents
from render.errors import EngineError
from render.geometry.frames import inverse_rigid
from render.scene import Camera, Light, Material

__all__ = ["MAX_LIGHTS", "ColorPass"]

MAX_LIGHTS = 32  # as in color.frag

_SAMPLES = 4
_GL_SRGB8 = 0x8C41
# Texture units.
_MAPS = {
    "u_base_map": 0,
    "u_metal_rough_map": 1,
    "u_normal_map": 2,
    "u_occlusion_map": 3,
    "u_emissive_map": 4,
    "u_cutout": 5,
}
_SAMPLES_UNIT, _BACKGROUND_UNIT = 0, 1


class ColorPass:
    """Four samples a pixel in linear float16, joined with the background by a second shader."""

    def __init__(self, context: GlContext, residents: Residents) -> None:
        self._context = context
        self._residents = residents
        solid = ("SHADED", "OUT_QUALIFIER centroid")
        cutout = ("SHADED", "CUTOUT", "OUT_QUALIFIER sample")
        self._solid = compile_program(context, "geometry.vert", "color.frag", solid)
        # Cut-outs are decided at every sample, so that their edges are smooth, too.
        self._cutout = compile_program(context, "geometry.vert", "color.frag", cutout)
        for program in (self._solid, self._cutout):
            for name, unit in _MAPS.items():
                program.set(name, unit)
        samples = (f"SAMPLES {_SAMPLES}",)
        self._join = compile_program(context, "composite.vert", "composite.frag", samples)
        self._join.set("u_samples", _SAMPLES_UNIT)
        self._join.set("u_background", _BACKGROUND_UNIT)
        self._whole_image = context.mgl.vertex_array(self._join.raw, [])
        self._targets: _Targets | None = None

    def render(self, uploaded: UploadedScene) -> NDArray[np.uint8]:
        """``(H, W, 3)`` display sRGB.

        Raises:
            EngineError: The scene has more than `MAX_LIGHTS` lights.

        """
        gl = self._context.mgl
        targets = self._targets_for(uploaded.scene.camera.size_wh)
        self._set_lights(uploaded.scene.lights, uploaded.scene.camera)
        targets.framebuffer.use()
        clear_float(self._context, 0, 0.0)
        clear_depth(self._context)
        gl.enable_only(moderngl.DEPTH_TEST)
        for draw in uploaded.draws:
            if draw.material.alpha_mode != "blend":
                self._draw(draw)
        self._draw_see_through(uploaded, targets)
        return self._composite(uploaded.scene.background_rgb, targets)

    def _draw_see_through(self, uploaded: UploadedScene, targets: _Targets) -> None:
        """Blended surfaces, the farthest first; they hide nothing from each other."""
        blended = [d for d in uploaded.draws if d.material.alpha_mode == "blend"]
        if not blended:
            return
        gl = self._context.mgl
        gl.enable(moderngl.BLEND)
        gl.blend_func = (moderngl.ONE, moderngl.ONE_MINUS_SRC_ALPHA)
        targets.framebuffer.depth_mask = False
        targets.framebuffer.use()
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
        program.set("u_base_color", material.base_color)
        program.set("u_metal_rough", (material.metallic, material.roughness))
        program.set("u_emissive", material.emissive)
        program.set("u_normal_scale", material.normal_scale)
        program.set("u_occlusion_strength", material.occlusion_strength)
        program.set("u_tile_m", material.triplanar_size_m if material.triplanar else 0.0)
        program.set("u_has_normal_map", material.normal_texture is not None)
        program.set("u_blend", material.alpha_mode == "blend")

    def _set_lights(self, lights: tuple[Light, ...], camera: Camera) -> None:
        placed = [light for light in lights if light.kind != "ambient"]
        if len(placed) > MAX_LIGHTS:
            raise EngineError(f"lights must be at most {MAX_LIGHTS}, got {len(placed)}")
        T_cam_world = inverse_rigid(camera.T_world_cam)
        places, colors = (
            np.zeros((MAX_LIGHTS, 4), np.float32),
            np.zeros((MAX_LIGHTS, 3), np.float32),
        )
        for i, light in enumerate(placed):
            colors[i] = light.intensity * np.array(light.color)
            if light.kind == "point":
                position = T_cam_world[:3, :3] @ light.position_world + T_cam_world[:3, 3]
                places[i] = (*position, 1.0)
            else:
                towards = -T_cam_world[:3, :3] @ light.direction_world
                places[i] = (*(towards / np.linalg.norm(towards)), 0.0)
        ambient = sum(
            (x.intensity * np.array(x.color) for x in lights if x.kind == "ambient"), np.zeros(3)
        )
        for program in (self._solid, self._cutout):
            program.set("u_ambient", tuple(float(v) for v in ambient))
            program.set("u_light_count", len(placed))
            program.write("u_light_place", places.tobytes())
            program.write("u_light_color", colors.tobytes())

    def _composite(self, background_rgb: NDArray[np.uint8], targets: _Targets) -> NDArray[np.uint8]:
        targets.background.write(np.ascontiguousarray(background_rgb).tobytes(), alignment=1)
        targets.display_framebuffer.use()
        self._context.mgl.enable_only(moderngl.NOTHING)
        targets.linear.use(_SAMPLES_UNIT)
        targets.background.use(_BACKGROUND_UNIT)
        self._whole_image.render(moderngl.TRIANGLES, vertices=3)
        rgba = np.empty((*background_rgb.shape[:2], 4), np.uint8)
        targets.display.read_into(rgba)
        return np.ascontiguousarray(rgba[..., :3])

    def _targets_for(self, size_wh: tuple[int, int]) -> _Targets:
        if self._targets is None or self._targets.display.size != size_wh:
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
    display: moderngl.Texture
    display_framebuffer: moderngl.Framebuffer

    @classmethod
    def of(cls, context: GlContext, size_wh: tuple[int, int]) -> _Targets:
        gl = context.mgl
        linear = gl.texture(size_wh, 4, samples=_SAMPLES, dtype="f2")
        framebuffer = gl.framebuffer([linear])
        background = gl.texture(size_wh, 3, internal_format=_GL_SRGB8, alignment=1)
        background.filter = (moderngl.NEAREST, moderngl.NEAREST)
        display = gl.texture(size_wh, 4)
        return cls(
            linear=linear,
            framebuffer=framebuffer,
            depth_buffer=attach_depth(context, framebuffer, size_wh=size_wh, samples=_SAMPLES),
            background=background,
            display=display,
            display_framebuffer=gl.framebuffer([display]),
        )

    def release(self, context: GlContext) -> None:
        release_framebuffer(context, self.framebuffer)
        release_framebuffer(context, self.display_framebuffer)
        for texture in (self.linear, self.background, self.display):
            texture.release()
        delete_renderbuffer(context, self.depth_buffer)
