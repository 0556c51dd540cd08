"""glTF metallic-roughness as Mitsuba's principled material.

Both are GGX with Schlick's Fresnel over a diffuse base; its dielectrics have the index 1.5, and
their base follows Burley 2012, which is Lambert's but for grazing light.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from render.engine.mitsuba.geometry import Part
from render.scene import Texture
from render.sensor.color import srgb_to_linear

__all__ = ["bsdf_of", "emission_of"]

_LEAST_ROUGHNESS = 0.045  # as in color.frag
# Between a wide lobe at 0 and a mirror at 1.
_COAT_GLOSS = 0.97
_CUT_FINER, _CUT_PX = 4, 4096

Image = NDArray[np.float32]


def bsdf_of(mi: Any, part: Part) -> dict[str, Any]:
    """Description of the material of a part; the occlusion texture takes no part."""
    material = part.material
    opacity = _opacity(mi, part)
    metallic, roughness = _metallic_roughness(mi, part)
    surface: dict[str, Any] = {
        "type": "principled",
        "base_color": _base_color(mi, part),
        "metallic": metallic,
        "roughness": roughness,
        "specular": 0.5,  # index 1.5: reflects 0.04 at normal incidence
    }
    if material.clearcoat:
        surface |= {"clearcoat": material.clearcoat, "clearcoat_gloss": _COAT_GLOSS}
    if material.translucency:  # each wall of a closed body is a thin sheet
        surface = {
            "type": "principledthin",
            "base_color": surface["base_color"],
            "roughness": roughness,
            "eta": 1.5,
            "diff_trans": material.translucency,
        }
    bumps = material.normal_texture
    if bumps is not None and part.primitive.uv is not None:
        normals = _bitmap(mi, _scaled_normals(bumps, material.normal_scale), bumps)
        surface = {"type": "normalmap", "normalmap": normals, "nested": surface}
    if not material.translucency:
        surface = {"type": "twosided", "nested": surface}
    if opacity is None:
        return surface
    return {"type": "mask", "opacity": opacity, "nested": surface}


def emission_of(mi: Any, part: Part) -> dict[str, Any] | None:
    """An emitter for what shines by itself; None where nothing does."""
    material = part.material
    factor = np.array(material.emissive, np.float32)
    if not (factor > 0.0).any():
        return None
    texture = material.emissive_texture
    if texture is None or part.primitive.uv is None:
        return {"type": "area", "radiance": _rgb(factor)}
    radiance = _linear(texture) * factor
    return {"type": "area", "radiance": _bitmap(mi, radiance, texture)}


def _base_color(mi: Any, part: Part) -> dict[str, Any]:
    """Factor, texture and vertex colours; under a texture the latter count by their mean."""
    material, colors = part.material, part.primitive.colors
    factor = np.array(material.base_color[:3], np.float32)
    texture = material.triplanar or material.base_color_texture
    if texture is not None and part.primitive.uv is not None:
        if colors is not None:
            factor = factor * colors[:, :3].mean(axis=0)
        return _bitmap(mi, np.clip(_linear(texture) * factor, 0.0, 1.0), texture)
    if colors is None:
        return _rgb(factor)
    return {"type": "mesh_attribute", "name": "vertex_color"}


def _metallic_roughness(mi: Any, part: Part) -> tuple[Any, Any]:
    material = part.material
    texture = material.metallic_roughness_texture
    if texture is None or part.primitive.uv is None:
        return material.metallic, max(material.roughness, _LEAST_ROUGHNESS)
    values = texture.image.astype(np.float32) / 255.0
    rough = np.maximum(values[..., 1:2] * material.roughness, _LEAST_ROUGHNESS)
    metallic = np.clip(values[..., 2:3] * material.metallic, 0.0, 1.0)
    return _bitmap(mi, metallic, texture), _bitmap(mi, rough, texture)


def _opacity(mi: Any, part: Part) -> float | dict[str, Any] | None:
    material, colors = part.material, part.primitive.colors
    if material.alpha_mode == "opaque":
        return None
    factor = material.base_color[3] * (1.0 if colors is None else float(colors[:, 3].mean()))
    texture = material.base_color_texture
    is_cut = material.alpha_mode == "mask"
    if texture is None or part.primitive.uv is None:
        return float(factor >= material.alpha_cutoff) if is_cut else min(max(factor, 0.0), 1.0)
    alpha = texture.image[..., 3].astype(np.float32) / 255.0 * np.float32(factor)
    if not is_cut:
        return _bitmap(mi, np.clip(alpha, 0.0, 1.0)[..., None], texture)
    # Cut where the interpolated alpha crosses the limit, so on a finer grid.
    h, w = alpha.shape
    finer = max(min(_CUT_FINER, _CUT_PX // max(h, w)), 1)
    fine = cv2.resize(alpha, (w * finer, h * finer), interpolation=cv2.INTER_LINEAR)
    cut = (fine >= material.alpha_cutoff).astype(np.float32)
    return _bitmap(mi, cut[..., None], texture) | {"filter_type": "nearest"}


def _scaled_normals(texture: Texture, scale: float) -> Image:
    n = texture.image[..., :3].astype(np.float32) / 255.0 * 2.0 - 1.0
    n[..., :2] *= scale
    n /= np.maximum(np.linalg.norm(n, axis=-1, keepdims=True), 1e-6)
    return np.asarray(n * 0.5 + 0.5, dtype=np.float32)


def _linear(texture: Texture) -> Image:
    levels = srgb_to_linear(np.arange(256) / 255.0).astype(np.float32)
    return np.asarray(levels[texture.image[..., :3]])


def _bitmap(mi: Any, values: Image, texture: Texture) -> dict[str, Any]:
    wrap_s, wrap_t = texture.wrap_st
    return {
        "type": "bitmap",
        "bitmap": mi.Bitmap(np.ascontiguousarray(values, dtype=np.float32)),
        "raw": True,
        # There is one way for both axes.
        "wrap_mode": wrap_s if wrap_s == wrap_t else "repeat",
    }


def _rgb(values: NDArray[np.float32]) -> dict[str, Any]:
    return {"type": "rgb", "value": [float(v) for v in values]}
