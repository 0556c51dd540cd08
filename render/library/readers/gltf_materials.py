"""Materials of glTF 2.0 (chapter 3.9) with the extensions that real files carry."""

from __future__ import annotations

import math
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from render.errors import AssetError
from render.library.readers.gltf_file import GltfFile
from render.scene import AlphaMode, Material, Texture

__all__ = ["GltfMaterials", "UvChoice"]

Wrap = Literal["repeat", "clamp", "mirror"]
_WRAPS: Mapping[int, Wrap] = {10497: "repeat", 33071: "clamp", 33648: "mirror"}
_ALPHA: Mapping[str, AlphaMode] = {"OPAQUE": "opaque", "MASK": "mask", "BLEND": "blend"}
# Extensions that are converted here, or change nothing about a rasterised look.
_KNOWN = {
    "KHR_materials_emissive_strength", "KHR_materials_pbrSpecularGlossiness",
    "KHR_materials_unlit", "KHR_materials_ior",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class UvChoice:
    """Which UVs the textures of a material are laid on with.

    Attributes:
        texcoord: Number of the TEXCOORD set.
        matrix: ``(3, 3)``, applied to ``(u, v, 1)`` of glTF (v down); KHR_texture_transform.

    """

    texcoord: int
    matrix: NDArray[np.float64]

    def same(self, other: UvChoice) -> bool:
        """Whether both give the same UVs."""
        return self.texcoord == other.texcoord and np.allclose(self.matrix, other.matrix)


class GltfMaterials:
    """Converts materials on demand; one object per material, so that meshes can be merged."""

    def __init__(self, file: GltfFile) -> None:
        self._file = file
        self._images: dict[int, NDArray[np.uint8] | None] = {}
        self._done: dict[int, tuple[Material, UvChoice | None]] = {}

    def material(self, index: Any) -> tuple[Material, UvChoice | None]:
        """A material and the UVs it needs, None where it has no texture."""
        spec = self._file.item("materials", index, "a primitive")
        if index not in self._done:
            self._done[index] = self._convert(spec, f"materials[{index}]")
        return self._done[index]

    def _convert(self, spec: dict[str, Any], where: str) -> tuple[Material, UvChoice | None]:
        file = self._file
        extensions = file.object(spec, "extensions", where)
        for name in sorted(set(extensions) - _KNOWN):
            file.warn("extensions of materials are not drawn", name)
        pbr = file.object(spec, "pbrMetallicRoughness", where)
        slots: dict[str, tuple[Texture, UvChoice, dict[str, Any]]] = {}
        glossy = extensions.get("KHR_materials_pbrSpecularGlossiness")
        if isinstance(glossy, dict):
            color, metallic, roughness = self._glossy(glossy)
            self._slot(slots, "base", glossy, "diffuseTexture")
        else:
            color = file.numbers(pbr, "baseColorFactor", [1, 1, 1, 1])
            metallic = file.number(pbr, "metallicFactor", 1.0)
            roughness = file.number(pbr, "roughnessFactor", 1.0)
            self._slot(slots, "base", pbr, "baseColorTexture")
            self._slot(slots, "rough", pbr, "metallicRoughnessTexture")
        for slot, key in (("normal", "normal"), ("ao", "occlusion"), ("glow", "emissive")):
            self._slot(slots, slot, spec, f"{key}Texture")
        choice = self._one_uv(slots, where)
        emissive = file.numbers(spec, "emissiveFactor", [0, 0, 0])
        strength = extensions.get("KHR_materials_emissive_strength")
        if isinstance(strength, dict):
            emissive = emissive * file.number(strength, "emissiveStrength", 1.0)
        if "KHR_materials_unlit" in extensions:
            metallic, roughness = 0.0, 1.0
        mode = spec.get("alphaMode", "OPAQUE")
        if mode not in _ALPHA:
            raise file.fail(f"alphaMode of {where} must be one of {', '.join(_ALPHA)}, got {mode}")
        texture = {slot: found[0] for slot, found in slots.items()}
        material = Material(
            name=str(spec.get("name", "")),
            base_color=_four(color),
            metallic=float(np.clip(metallic, 0, 1)),
            roughness=float(np.clip(roughness, 0, 1)),
            emissive=(float(emissive[0]), float(emissive[1]), float(emissive[2])),
            base_color_texture=texture.get("base"),
            metallic_roughness_texture=texture.get("rough"),
            normal_texture=texture.get("normal"),
            normal_scale=self._slot_number(slots, "normal", "scale"),
            occlusion_texture=texture.get("ao"),
            occlusion_strength=self._slot_number(slots, "ao", "strength"),
            emissive_texture=texture.get("glow"),
            alpha_mode=_ALPHA[mode],
            alpha_cutoff=file.number(spec, "alphaCutoff", 0.5),
            double_sided=spec.get("doubleSided") is True,
        )
        return material, choice

    def _glossy(self, spec: dict[str, Any]) -> tuple[NDArray[np.float64], float, float]:
        """Rough conversion of specular-glossiness: bright coloured specular means metal."""
        file = self._file
        diffuse = file.numbers(spec, "diffuseFactor", [1, 1, 1, 1])
        specular = file.numbers(spec, "specularFactor", [1, 1, 1])
        roughness = 1.0 - file.number(spec, "glossinessFactor", 1.0)
        metallic = 0.0
        if "specularGlossinessTexture" in spec:
            file.warn("the specular-glossiness texture is not drawn; a matt surface stands in")
            roughness = max(roughness, 0.6)
        elif specular.max() > diffuse[:3].max():
            metallic = float(np.clip((specular.max() - 0.04) / 0.96, 0, 1))
            diffuse[:3] = (1 - metallic) * diffuse[:3] + metallic * specular
        return diffuse, metallic, roughness

    def _slot(
        self,
        slots: dict[str, tuple[Texture, UvChoice, dict[str, Any]]],
        slot: str,
        owner: dict[str, Any],
        key: str,
    ) -> None:
        if key not in owner:
            return
        info = self._file.object(owner, key, "a material")
        texture = self._texture(info.get("index"), key)
        if texture is not None:
            slots[slot] = (texture, self._uv_choice(info, key), info)

    def _slot_number(
        self, slots: Mapping[str, tuple[Texture, UvChoice, dict[str, Any]]], slot: str, key: str
    ) -> float:
        return self._file.number(slots[slot][2], key, 1.0) if slot in slots else 1.0

    def _one_uv(
        self, slots: dict[str, tuple[Texture, UvChoice, dict[str, Any]]], where: str
    ) -> UvChoice | None:
        """The UVs of the first texture; textures on other UVs are left out, with a warning."""
        if not slots:
            return None
        choice = next(iter(slots.values()))[1]
        for slot in [s for s, found in slots.items() if not found[1].same(choice)]:
            del slots[slot]
            self._file.warn(
                "textures on other UVs than the first of their material are not drawn", slot
            )
        return choice

    def _uv_choice(self, info: dict[str, Any], where: str) -> UvChoice:
        file = self._file
        texcoord = file.whole(info, "texCoord", 0)
        move = file.object(info, "extensions", where).get("KHR_texture_transform")
        if not isinstance(move, dict):
            return UvChoice(texcoord, np.eye(3))
        texcoord = file.whole(move, "texCoord", texcoord)
        du, dv = file.numbers(move, "offset", [0, 0])
        su, sv = file.numbers(move, "scale", [1, 1])
        angle = file.number(move, "rotation", 0.0)
        c, s = math.cos(angle), math.sin(angle)
        # translation @ rotation @ scale; v points down, so counter-clockwise is (c, s; -s, c).
        return UvChoice(
            texcoord, np.array([[c * su, s * sv, du], [-s * su, c * sv, dv], [0, 0, 1.0]])
        )

    def _texture(self, index: Any, where: str) -> Texture | None:
        file = self._file
        spec = file.item("textures", index, where)
        sources = [
            found.get("source")
            for name in ("EXT_texture_webp", "KHR_texture_basisu")
            if isinstance(found := file.object(spec, "extensions", where).get(name), dict)
        ]
        # The plain source first: it is the fallback that always decodes.
        for source in [spec.get("source"), *sources]:
            if source is not None:
                image = self._image(source)
                if image is not None:
                    return Texture(image=image, wrap_st=self._wrap(spec))
        if spec.get("source") is None and not sources:
            file.warn("textures name no image; the factors alone are drawn", str(index))
        return None

    def _wrap(self, spec: dict[str, Any]) -> tuple[Wrap, Wrap]:
        if "sampler" not in spec:
            return ("repeat", "repeat")
        sampler = self._file.item("samplers", spec["sampler"], "a texture")
        return (
            _WRAPS.get(sampler.get("wrapS", 10497), "repeat"),
            _WRAPS.get(sampler.get("wrapT", 10497), "repeat"),
        )

    def _image(self, index: Any) -> NDArray[np.uint8] | None:
        spec = self._file.item("images", index, "a texture")
        if index not in self._images:
            self._images[index] = self._decode(spec, index)
        return self._images[index]

    def _decode(self, spec: dict[str, Any], index: int) -> NDArray[np.uint8] | None:
        file, uri = self._file, spec.get("uri")
        if "bufferView" not in spec and isinstance(uri, str) and not uri.startswith("data:"):
            return file.companions.image(urllib.parse.unquote(uri))
        name = str(spec.get("name", f"images[{index}]"))
        try:
            data = file.view(spec["bufferView"])[0] if "bufferView" in spec else file.uri(uri)
        except AssetError as error:
            if "bufferView" in spec:
                raise
            kind = "textures cannot be read; the factors alone are drawn"
            file.warn(kind, f"{name} ({error.reason})")
            return None
        return file.companions.decoded(data, name)


def _four(color: NDArray[np.float64]) -> tuple[float, float, float, float]:
    r, g, b, a = (float(v) for v in np.clip(color, 0, 1))
    return (r, g, b, a)
