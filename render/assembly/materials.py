"""Finishes as θ asks: jitter of the authored ones, random textures, colours of distractors."""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from render.assembly.patterns import procedural
from render.assembly.textures import TextureCache
from render.assembly.two_tone import two_tone_texture
from render.assembly.wear import wear_texture
from render.sampling.material import MaterialGroup
from render.sampling.objects import Objects
from render.sampling.occlusion import Occlusion
from render.scene import Material, Model, Primitive, Texture
from render.sensor.color import hsv_to_linear, linear_to_srgb, srgb_to_linear

__all__ = [
    "PROCEDURAL",
    "TextureSource",
    "container_material",
    "distractor_materials",
    "distractor_model",
    "library_texture",
    "target_materials",
]

PROCEDURAL = "procedural/"
# Kinds of distractors that are a shape of their own.
_SHAPED = ("hand", "bar", "card")
_PATTERN_PX = 256
_WEAR_TILE = 1.2  # extents of the model
_WHITE = (1.0, 1.0, 1.0, 1.0)
_IDENTITY = (0.0, 1.0, 1.0, 0.0, 0.0)


class TextureSource(Protocol):
    """What materials need of the asset library."""

    def texture(self, name: str) -> NDArray[np.uint8]:
        """``(H, W, 3)`` display sRGB."""
        ...


def target_materials(
    model: Model, jitter: MaterialGroup, i: int, *, assets: TextureSource, cache: TextureCache
) -> tuple[Material, ...]:
    """One material per primitive of target `i`.

    What is asked in place of the authored finish comes first, then a texture in place of that,
    then jitter. Hue and saturation are those of HSV on display sRGB and act on the base colour,
    that is on factor times texture; brightness is a factor on linear light. Where nothing is
    asked, the authored objects themselves come back. Vertex colours that count take part in the
    brightness only.
    Cut-outs keep their texture where `textured` asks for another, because it holds their
    shape.
    """
    amounts = (
        jitter.hue_shift_deg[i],
        jitter.saturation_factor[i],
        jitter.brightness_factor[i],
        jitter.metallic_shift[i],
        jitter.roughness_shift[i],
    )
    authored = tuple(_asked(p, model, jitter, i, assets, cache) for p in model.primitives)
    if jitter.wear[i] > 0.0:
        worn = wear_texture(jitter.texture_seed[i], cache)
        size_m = _WEAR_TILE * model.extent_m
        authored = tuple(
            replace(m, wear=jitter.wear[i], wear_texture=worn, wear_size_m=size_m) for m in authored
        )
    if jitter.textured[i]:
        texture = _pattern(jitter, i, assets, cache)
        size_m = jitter.texture_size[i] * model.extent_m
        authored = tuple(_retextured(m, texture, size_m) for m in authored)
    if amounts == _IDENTITY:
        return authored
    return tuple(
        _jittered(
            material,
            amounts,
            has_colors=primitive.colors is not None and not material.ignores_colors,
            cache=cache,
        )
        for material, primitive in zip(authored, model.primitives)
    )


def _asked(
    primitive: Primitive,
    model: Model,
    group: MaterialGroup,
    i: int,
    assets: TextureSource,
    cache: TextureCache,
) -> Material:
    """The material of a primitive with what θ asks in its place."""
    authored = material = primitive.material
    named = (dict(own) for name, own in group.by_material[i] if fnmatchcase(material.name, name))
    own = next(named, {})

    def of(leaf: str) -> Any:
        return own[leaf] if leaf in own else getattr(group, leaf)[i]

    metallic, roughness, decal = of("metallic"), of("roughness"), of("decal")
    if of("translucency") or of("clearcoat"):
        material = replace(material, translucency=of("translucency"), clearcoat=of("clearcoat"))
    if metallic is not None:
        material = replace(material, metallic=metallic, metallic_roughness_texture=None)
    if roughness is not None:
        material = replace(material, roughness=roughness, metallic_roughness_texture=None)
    if decal is not None and material.base_color_texture is not None and primitive.uv is not None:
        texture = library_texture(assets.texture(decal), cache)
        material = replace(material, base_color=_WHITE, base_color_texture=texture)
    base_color, pattern = of("base_color"), of("pattern")
    if authored.alpha_mode == "mask" or (base_color is None and pattern == "none"):
        return material
    rgb = authored.base_color[:3]
    if base_color is not None:
        rgb = tuple(srgb_to_linear(np.array(base_color) / 255.0).tolist())
    material = replace(
        material,
        base_color=(*rgb, authored.base_color[3]),
        base_color_texture=None,
        ignores_colors=True,
    )
    if pattern == "none":
        return material
    second = tuple(srgb_to_linear(np.array(of("pattern_color")) / 255.0).tolist())
    texture = two_tone_texture(pattern, group.texture_seed[i], (rgb, second), cache)
    return _retextured(material, texture, group.texture_size[i] * model.extent_m)


def container_material(objects: Objects) -> Material:
    """What a container is made of."""
    r, g, b = (float(v) for v in srgb_to_linear(np.array(objects.container_color) / 255.0))
    return Material(
        name="container",
        base_color=(r, g, b, 1.0),
        metallic=objects.container_metallic,
        roughness=objects.container_roughness,
    )


def distractor_model(occlusion: Occlusion, j: int) -> str:
    """Name of the model of distractor `j`."""
    by = occlusion.by[j]
    if by == "model":
        return f"distractor:{occlusion.model[j]}"
    return f"primitive:{by if by in _SHAPED else occlusion.kind[j]}"


def distractor_materials(
    model: Model, occlusion: Occlusion, j: int, *, assets: TextureSource, cache: TextureCache
) -> tuple[Material, ...]:
    """One material per primitive of distractor `j`.

    A plain colour; on a card a picture; a model file keeps its own.
    """
    if occlusion.by[j] == "model":
        return tuple(primitive.material for primitive in model.primitives)
    return (_plain(model, occlusion, j, assets, cache),) * len(model.primitives)


def _plain(
    model: Model, occlusion: Occlusion, j: int, assets: TextureSource, cache: TextureCache
) -> Material:
    if occlusion.by[j] == "card":
        return Material(
            name="card",
            triplanar=library_texture(assets.texture(occlusion.texture[j]), cache),
            triplanar_size_m=model.extent_m,
            roughness=occlusion.roughness[j],
        )
    rgb = hsv_to_linear(occlusion.hue_deg[j], occlusion.saturation[j], occlusion.brightness[j])
    return Material(
        name="distractor",
        base_color=(*rgb, 1.0),
        metallic=occlusion.metallic[j],
        roughness=occlusion.roughness[j],
    )


def _pattern(jitter: MaterialGroup, i: int, assets: TextureSource, cache: TextureCache) -> Texture:
    """A picture of the library, or a procedural one, mirrored from tile to tile."""
    name, seed = jitter.texture[i], jitter.texture_seed[i]
    if not name.startswith(PROCEDURAL):
        return library_texture(assets.texture(name), cache)
    kind = name.removeprefix(PROCEDURAL)

    def make() -> Texture:
        rgb = procedural(kind, seed, (_PATTERN_PX, _PATTERN_PX))
        image = np.dstack([rgb, np.full(rgb.shape[:2], 255, np.uint8)])
        image.setflags(write=False)
        return Texture(image=image, wrap_st=("mirror", "mirror"))

    return cache.get(procedural, (kind, seed), make)


def _retextured(material: Material, texture: Texture, size_m: float) -> Material:
    if material.alpha_mode == "mask":
        return material
    alpha = material.base_color[3]
    return replace(
        material,
        base_color=(1.0, 1.0, 1.0, alpha),
        base_color_texture=None,
        triplanar=texture,
        triplanar_size_m=size_m,
    )


def _jittered(
    material: Material,
    amounts: tuple[float, float, float, float, float],
    *,
    has_colors: bool,
    cache: TextureCache,
) -> Material:
    hue_deg, saturation, brightness, metallic, roughness = amounts
    texture = material.triplanar or material.base_color_texture
    factor = np.array(material.base_color[:3])
    turned = texture
    if (hue_deg, saturation) != (0.0, 1.0):
        if texture is None:
            factor = _turn_factor(factor, hue_deg, saturation)
        else:
            turned = _turned_texture(texture, factor, hue_deg, saturation, cache)
            factor = np.ones(3)
    factor = factor * brightness
    if texture is None and not has_colors:
        factor = np.minimum(factor, 1.0)  # nothing sends back more light than it gets
    r, g, b = (float(v) for v in factor)
    slot = "triplanar" if material.triplanar is not None else "base_color_texture"
    changed = replace(
        material,
        base_color=(r, g, b, material.base_color[3]),
        metallic=min(max(material.metallic + metallic, 0.0), 1.0),
        roughness=min(max(material.roughness + roughness, 0.0), 1.0),
    )
    if slot == "triplanar":
        return replace(changed, triplanar=turned)
    return replace(changed, base_color_texture=turned)


def _turn_factor(
    linear: NDArray[np.float64], hue_deg: float, saturation: float
) -> NDArray[np.float64]:
    srgb = linear_to_srgb(np.clip(linear, 0.0, 1.0)).astype(np.float32)
    hsv = cv2.cvtColor(srgb.reshape(1, 1, 3), cv2.COLOR_RGB2HSV)
    hsv[..., 0] = (hsv[..., 0] + hue_deg) % 360.0
    hsv[..., 1] = np.clip(hsv[..., 1] * saturation, 0.0, 1.0)
    turned = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB).reshape(3)
    return srgb_to_linear(np.asarray(turned, dtype=np.float64))


def _turned_texture(
    texture: Texture,
    factor: NDArray[np.float64],
    hue_deg: float,
    saturation: float,
    cache: TextureCache,
) -> Texture:
    params = (tuple(factor.tolist()), hue_deg, saturation, texture.wrap_st)

    def make() -> Texture:
        rgb = _turned_pixels(texture.image[..., :3], factor, hue_deg, saturation)
        image = np.dstack([rgb, texture.image[..., 3]])
        image.setflags(write=False)
        return Texture(image=image, wrap_st=texture.wrap_st)

    return cache.get(texture, params, make)


def _turned_pixels(
    rgb: NDArray[np.uint8], factor: NDArray[np.float64], hue_deg: float, saturation: float
) -> NDArray[np.uint8]:
    """Hue and saturation of pixels, in 8-bit HSV: within a few levels of the exact."""
    pixels = np.ascontiguousarray(rgb)
    if (factor != 1.0).any():
        linear = srgb_to_linear(np.arange(256) / 255.0)[:, None] * factor
        table = np.rint(linear_to_srgb(np.clip(linear, 0.0, 1.0)) * 255.0).astype(np.uint8)
        pixels = np.asarray(cv2.LUT(pixels, table[:, None, :]), dtype=np.uint8)
    hsv = cv2.cvtColor(pixels, cv2.COLOR_RGB2HSV_FULL)
    level = np.arange(256)
    table = np.stack(
        [
            (level + round(hue_deg * 256.0 / 360.0)) % 256,
            np.clip(np.rint(level * saturation), 0, 255),
            level,
        ],
        axis=1,
    ).astype(np.uint8)
    turned = cv2.LUT(hsv, table[:, None, :])
    return np.asarray(cv2.cvtColor(turned, cv2.COLOR_HSV2RGB_FULL), dtype=np.uint8)


def library_texture(rgb: NDArray[np.uint8], cache: TextureCache) -> Texture:
    """A picture of the asset library as a texture."""

    def make() -> Texture:
        image = np.dstack([rgb, np.full(rgb.shape[:2], 255, np.uint8)])
        image.setflags(write=False)
        return Texture(image=image)

    return cache.get(rgb, ("library",), make)
