"""Colour: every pixel shaded once, and a layer of what is see-through."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from render.engine.cpu.bodies import Bodies, Body, Part
from render.engine.cpu.occlusion import OcclusionPass, OpenShares
from render.engine.cpu.scratch import Scratch
from render.engine.cpu.shadows import SPIRALS, ShadowMaps, ShadowPass
from render.engine.cpu.textures import SampledTexture, Textures
from render.engine.cpu.visible import Fragments, Visible
from render.engine.light_numbers import light_numbers
from render.engine.light_views import light_views
from render.engine.sky import MeanColors, Sky, map_axes, sky_of
from render.engine.split_sum import split_sum_table
from render.kernels import materials
from render.kernels.compiled import unwritten
from render.kernels.environment import draw_environment
from render.kernels.shading import blend_over, pixels_of_parts, shade_part
from render.scene import Environment, Material, Scene
from render.sensor.color import LUMINANCE

__all__ = ["ColorPass"]

_LUMINANCE = np.array(LUMINANCE, np.float32)
_NO_LAYER = np.zeros((0, 4), np.float32)
_NO_COLORS = unwritten(np.zeros((0, 4), np.float32))
_NO_MIRROR = unwritten(np.zeros((1, 1, 3), np.float32))
_NO_GLOSSY = unwritten(np.zeros((0, 1, 1, 3), np.float32))


class ColorPass:
    """Linear radiance of a scene, one colour for each pixel's centre."""

    def __init__(self) -> None:
        self._textures = Textures()
        self._mean_colors = MeanColors()
        self._occlusion = OcclusionPass()
        self._shadows = ShadowPass()
        self._scratch = Scratch()
        self._sorted = _SortedPixels()
        self._split_sum = unwritten(split_sum_table())

    def render(
        self, bodies: Bodies, visible: Visible, see_through: Iterable[Fragments] = ()
    ) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        """Radiance of what is solid, and what is to be blended over it.

        Args:
            bodies: Before a pinhole.
            visible: What the pixels' centres show, with unseen catchers of shadows, and without
                what is see-through.
            see_through: What is before that, the farthest first.

        Returns:
            ``(H, W, 3)`` radiance, and a layer ``(H, W, 4)`` of radiance times opacity, and
            opacity; None: nothing is see-through. The sum of ``(1 - opacity) * radiance`` and
            the layer is the picture.

        """
        self._textures.trim()
        scene, (height, width) = bodies.scene, visible.face.shape
        shading = self._prepare(bodies, visible)
        self._sorted.fill(bodies, visible)
        radiance = np.empty((height * width, 3), np.float32)
        self._draw_backdrop(scene, radiance, shading.lens)
        for part in bodies.parts:
            pixels, faces = self._sorted.of(part.part_idx)
            if len(pixels):
                self._shade(bodies, part, pixels, faces, shading, radiance, _NO_LAYER)
        layer = None
        for fragments in see_through:
            if layer is None:
                layer = np.zeros((height * width, 4), np.float32)
            shades = np.empty((len(fragments.pixel), 4), np.float32)
            self._shade(
                bodies, fragments.part, fragments.pixel, fragments.face, shading, radiance, shades
            )
            blend_over(fragments.pixel, shades, layer)
        shown = None if layer is None else layer.reshape(height, width, 4)
        return radiance.reshape(height, width, 3), shown

    def _prepare(self, bodies: Bodies, visible: Visible) -> _Shading:
        scene, K = bodies.scene, bodies.scene.camera.K
        lens = np.array([K[0, 0], K[1, 1], K[0, 2], K[1, 2]], np.float32)
        corners_cam = np.array([b.corners_cam for b in bodies.instances]).reshape(-1, 8, 3)
        views = light_views(scene, corners_cam)
        numbers = light_numbers(scene, views.channel_of_light, slots=len(scene.lights))
        environment = scene.environment
        return _Shading(
            width=visible.face.shape[1],
            lens=lens,
            open_shares=self._occlusion.render(scene, visible, lens, self._scratch),
            shadows=self._shadows.render(bodies, views),
            lights=np.concatenate(
                [numbers.position, numbers.color, numbers.axis, numbers.more[:, :3]], axis=1
            ),
            sky=_sky_numbers(sky_of(scene, self._mean_colors)),
            mirror=unwritten(environment.map.mirror) if environment else _NO_MIRROR,
            glossy=unwritten(environment.map.glossy) if environment else _NO_GLOSSY,
        )

    def _draw_backdrop(
        self, scene: Scene, radiance: NDArray[np.float32], lens: NDArray[np.float32]
    ) -> None:
        """Where nothing is shown, and where shadows are caught."""
        backdrop = scene.backdrop
        if not isinstance(backdrop, Environment):
            np.copyto(radiance, backdrop.reshape(-1, 3))
            return
        map_cam = np.ascontiguousarray(map_axes(backdrop, scene.camera.T_world_cam).T)
        for pixels in self._sorted.behind():
            draw_environment(
                self._scratch.numbers, pixels, radiance, scene.camera.size_wh[0], lens, map_cam,
                np.float32(backdrop.gain), unwritten(backdrop.map.radiance),
            )  # fmt: skip

    def _shade(
        self, bodies: Bodies, part: Part, pixels: NDArray[np.int32], faces: NDArray[np.int32],
        shading: _Shading, radiance: NDArray[np.float32], layer: NDArray[np.float32],
    ) -> None:  # fmt: skip
        body, material = bodies.all[part.body_idx], part.material
        mesh = body.mesh
        numbers, flags = _material_numbers(material, body)
        colors = _NO_COLORS if material.ignores_colors else unwritten(mesh.colors)
        shade_part(
            self._scratch.numbers, self._scratch.indices, pixels, faces,
            part.first_face - part.begin, shading.width, shading.lens, unwritten(mesh.faces),
            unwritten(mesh.vertices), colors, _obj_cam(body),
            body.R_cam_obj.astype(np.float32), body.model.center_m.astype(np.float32), numbers,
            flags, self._textures_of(material), shading.open_shares.share,
            shading.open_shares.depth_m, shading.sky, self._split_sum, shading.mirror,
            shading.glossy, shading.lights, shading.shadows.views, shading.shadows.maps,
            shading.shadows.nearest, shading.shadows.side_px, SPIRALS, _LUMINANCE, radiance, layer,
        )  # fmt: skip

    def _textures_of(self, material: Material) -> tuple[SampledTexture, ...]:
        """In the order of the first flags of a material."""
        find = self._textures.find
        return (
            find(material.triplanar or material.base_color_texture, srgb=True),
            find(material.metallic_roughness_texture, srgb=False),
            find(material.normal_texture, srgb=False),
            find(material.occlusion_texture, srgb=False),
            find(material.emissive_texture, srgb=True),
            find(material.wear_texture, srgb=False),
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class _Shading:
    """What all parts of a scene are shaded with."""

    width: int
    lens: NDArray[np.float32]
    open_shares: OpenShares
    shadows: ShadowMaps
    lights: NDArray[np.float32]
    sky: NDArray[np.float32]
    mirror: NDArray[np.float32]
    glossy: NDArray[np.float32]


class _SortedPixels:
    """Pixels of a picture, by the part that they show; its memory serves many frames."""

    def __init__(self) -> None:
        self._pixels = self._faces = np.empty(0, np.int32)
        self._runs = np.empty((0, 2), np.int32)
        self._starts: list[int] = []
        self._catching: list[int] = []

    def fill(self, bodies: Bodies, visible: Visible) -> None:
        """Sorts those of a picture."""
        count, parts = visible.face.size, bodies.parts
        if len(self._pixels) != count:
            self._pixels, self._faces = np.empty(count, np.int32), np.empty(count, np.int32)
            self._runs = np.empty((count + 1, 2), np.int32)
        first_face = np.array([*(p.first_face for p in parts), bodies.first_face[-1]], np.int64)
        starts = np.empty(len(parts) + 2, np.int64)
        pixels_of_parts(
            visible.face.ravel(), first_face, len(parts), self._runs, self._pixels, self._faces,
            starts,
        )  # fmt: skip
        self._starts = starts.tolist()
        self._catching = [p.part_idx for p in parts if bodies.all[p.body_idx].catches_shadows]

    def of(self, part_idx: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Pixels that show a part, and their faces."""
        some = slice(self._starts[part_idx], self._starts[part_idx + 1])
        return self._pixels[some], self._faces[some]

    def behind(self) -> list[NDArray[np.int32]]:
        """Pixels that show nothing, or nothing but caught shadows."""
        return [self.of(k)[0] for k in (*self._catching, len(self._starts) - 2)]


def _obj_cam(body: Body) -> NDArray[np.float32]:
    """``(3, 4)``: camera frame to the mesh's."""
    return np.linalg.inv(body.cam_mesh)[:3].astype(np.float32)


def _sky_numbers(sky: Sky) -> NDArray[np.float32]:
    """See `render.kernels.environment`."""
    return np.array(
        [*sky.ambient, sky.gain, *sky.ground, *sky.up_cam, *sky.map_cam.T.ravel(),
         *sky.harmonics.ravel()],
        np.float32,
    )  # fmt: skip


def _material_numbers(
    material: Material, body: Body
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """See `render.kernels.materials`."""
    numbers = np.array(
        [*material.base_color, material.metallic, material.roughness, *material.emissive,
         material.normal_scale, material.occlusion_strength, material.triplanar_size_m,
         material.wear, material.wear_size_m, material.translucency, material.clearcoat],
        np.float32,
    )  # fmt: skip
    flags = np.zeros(materials.FLAGS, np.bool_)
    flags[materials.TRIPLANAR] = material.triplanar is not None
    has_base = material.triplanar is not None or material.base_color_texture is not None
    flags[materials.BASE_MAP] = has_base
    flags[materials.METAL_ROUGH_MAP] = material.metallic_roughness_texture is not None
    flags[materials.NORMAL_MAP] = material.normal_texture is not None
    flags[materials.OCCLUSION_MAP] = material.occlusion_texture is not None
    flags[materials.EMISSIVE_MAP] = material.emissive_texture is not None
    flags[materials.WEAR_MAP] = material.wear > 0.0 and material.wear_texture is not None
    flags[materials.BLEND] = material.alpha_mode == "blend"
    flags[materials.CATCHER] = body.catches_shadows
    return numbers, flags
