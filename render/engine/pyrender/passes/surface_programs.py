"""Programs that shade surfaces: their light, their material, their textures."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import moderngl

from render.engine.base import MAX_LIGHTS
from render.engine.pyrender.context import GlContext
from render.engine.pyrender.gl import Program, compile_program
from render.engine.pyrender.gpu_cache import GpuCache
from render.engine.pyrender.passes.environments import EnvironmentTextures, set_environment
from render.engine.pyrender.passes.lights import set_lights
from render.engine.pyrender.passes.shadows import Shadows
from render.engine.sky import MeanColors
from render.engine.split_sum import split_sum_table
from render.scene import Material, Scene, Texture
from render.sensor.color import LUMINANCE

__all__ = ["FIRST_FREE_UNIT", "SurfacePrograms"]

_ALWAYS = (
    "LUMINANCE " + ", ".join(str(weight) for weight in LUMINANCE),
    f"MAX_LIGHTS {MAX_LIGHTS}",
)
_MAPS = (
    "u_base_map", "u_metal_rough_map", "u_normal_map", "u_occlusion_map", "u_emissive_map",
    "u_wear_map", "u_lit_0", "u_lit_1", "u_depth", "u_occlusion", "u_env_mirror", "u_env_glossy",
    "u_split_sum",
)  # fmt: skip
_UNITS = {name: unit for unit, name in enumerate(_MAPS)}
FIRST_FREE_UNIT = len(_MAPS)
_BY_UV = ("BASE_UV", "METAL_ROUGH_MAP", "NORMAL_MAP", "OCCLUSION_MAP", "EMISSIVE_MAP")
_SHADING = ("environment.glsl", "received.glsl", "shading.glsl")


def _nothing(program: Program) -> None:
    """No more uniforms."""


class SurfacePrograms:
    """Programs with ``shading.glsl`` in them: one for each set of things that a material and the
    light of a scene have, because software runs both sides of every `if`.
    """

    def __init__(
        self,
        context: GlContext,
        gpu_cache: GpuCache,
        environments: EnvironmentTextures,
        *,
        vertex: str,
        fragment: str,
        defines: Sequence[str] = (),
        parts: Sequence[str] = (),
    ) -> None:
        self._context = context
        self._gpu_cache = gpu_cache
        self._environments = environments
        self._mean_colors = MeanColors()
        self._sources = (vertex, fragment, tuple(defines), (*parts, *_SHADING))
        self._programs: dict[tuple[str, ...], Program] = {}
        # Those whose uniforms are of this scene; the others are set at their first use for it.
        self._up_to_date: set[tuple[str, ...]] = set()
        self._set_uniforms: Callable[[Program], None] = _nothing
        self._of_scene: tuple[str, ...] = ()
        table = split_sum_table()
        self._split_sum = context.mgl.texture(
            (table.shape[1], table.shape[0]), 2, table.tobytes(), dtype="f4"
        )
        self._split_sum.repeat_x = self._split_sum.repeat_y = False

    def set_scene(
        self,
        scene: Scene,
        *,
        depth: moderngl.Texture,
        occlusion: moderngl.Texture,
        shadows: Shadows,
        set_uniforms: Callable[[Program], None] = _nothing,
    ) -> None:
        """Takes light, environment and what the passes before found.

        Args:
            scene: What is shaded from now on.
            depth: From the id pass.
            occlusion: From the occlusion pass.
            shadows: From the shadow pass.
            set_uniforms: Sets further uniforms of the scene.

        """
        for texture, name in zip(shadows.lit, ("u_lit_0", "u_lit_1"), strict=True):
            texture.use(_UNITS[name])
        depth.use(_UNITS["u_depth"])
        occlusion.use(_UNITS["u_occlusion"])
        self._split_sum.use(_UNITS["u_split_sum"])
        self._environments.use(
            scene.environment,
            mirror_unit=_UNITS["u_env_mirror"],
            glossy_unit=_UNITS["u_env_glossy"],
        )

        def set_all(program: Program) -> None:
            program.set("u_neighbours", 8)
            set_lights(program, scene, shadows)
            set_environment(program, scene, self._mean_colors)
            set_uniforms(program)

        self._set_uniforms = set_all
        self._up_to_date.clear()
        self._of_scene = ()
        if scene.environment is not None:
            self._of_scene += ("ENVIRONMENT",)
        if max(shadows.channel_of_light, default=-1) >= 0:
            self._of_scene += ("SHADOWED",)

    def use(self, material: Material, *, more: Sequence[str] = ()) -> Program:
        """The program for a material, with its factors set and its textures bound.

        Args:
            material: The surface's.
            more: Further defines.

        """
        features = (*self._of_scene, *_features(material), *more)
        program = self._programs.get(features)
        if program is None:
            program = self._programs[features] = self._compile(features)
        if features not in self._up_to_date:
            self._set_uniforms(program)
            self._up_to_date.add(features)
        for name, texture, srgb in _textures(material):
            if texture is not None:
                self._gpu_cache.texture(texture, srgb=srgb).use(_UNITS[name])
        program.set("u_translucency", material.translucency)
        program.set("u_clearcoat", material.clearcoat)
        program.set("u_wear", material.wear)
        program.set("u_wear_tile_m", material.wear_size_m)
        program.set("u_base_color", material.base_color)
        program.set("u_metal_rough", (material.metallic, material.roughness))
        program.set("u_emissive", material.emissive)
        program.set("u_normal_scale", material.normal_scale)
        program.set("u_occlusion_strength", material.occlusion_strength)
        program.set("u_tile_m", material.triplanar_size_m)
        return program

    def _compile(self, features: tuple[str, ...]) -> Program:
        vertex, fragment, defines, parts = self._sources
        program = compile_program(
            self._context, vertex, fragment, (*_ALWAYS, *defines, *features), parts=parts
        )
        for name, unit in _UNITS.items():
            program.set(name, unit)
        return program


def _textures(material: Material) -> tuple[tuple[str, Texture | None, bool], ...]:
    """Sampler, image, and whether it is display sRGB."""
    return (
        ("u_base_map", material.triplanar or material.base_color_texture, True),
        ("u_metal_rough_map", material.metallic_roughness_texture, False),
        ("u_normal_map", material.normal_texture, False),
        ("u_occlusion_map", material.occlusion_texture, False),
        ("u_emissive_map", material.emissive_texture, True),
        ("u_wear_map", material.wear_texture, False),
    )


def _features(material: Material) -> tuple[str, ...]:
    """Defines of ``shading.glsl``."""
    has = {
        "BASE_TRIPLANAR": material.triplanar is not None,
        "BASE_UV": material.triplanar is None and material.base_color_texture is not None,
        "METAL_ROUGH_MAP": material.metallic_roughness_texture is not None,
        "NORMAL_MAP": material.normal_texture is not None,
        "OCCLUSION_MAP": material.occlusion_texture is not None,
        "EMISSIVE_MAP": material.emissive_texture is not None,
        "WEAR": material.wear > 0.0 and material.wear_texture is not None,
        "BLEND": material.alpha_mode == "blend",
        "TRANSLUCENT": material.translucency > 0.0,
        "COATED": material.clearcoat > 0.0,
    }
    has["UV"] = any(has[name] for name in _BY_UV)
    return tuple(name for name, is_there in has.items() if is_there)
