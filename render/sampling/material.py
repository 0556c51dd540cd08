"""What is done to the materials of the targets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from render.sampling.schema import Leaf, leaf

__all__ = ["SURFACE_PATTERNS", "MaterialGroup"]

SURFACE_PATTERNS = ("none", "marble", "speckle", "swirl")
# What can be asked of all materials of a target, and of each one by its name.
_BASE_COLOR: Mapping[str, Any] = {
    "kind": "vector", "length": (3,), "lo": 0, "hi": 255, "nullable": True,
    "doc": "Colour in place of the file's colour, texture and vertex colours: red, green, blue of "
    "display sRGB. null: the file's. Cut-outs keep theirs.",
    "example": "[[uniform,120,255],[uniform,0,60],20]",
}  # fmt: skip
_METALLIC: Mapping[str, Any] = {
    "kind": "number", "lo": 0, "hi": 1, "nullable": True,
    "doc": "In place of the file's metallic; null: the file's.",
    "example": "[choice,0,1]",
}  # fmt: skip
_ROUGHNESS: Mapping[str, Any] = {
    "kind": "number", "lo": 0, "hi": 1, "nullable": True,
    "doc": "In place of the file's roughness; null: the file's.",
    "example": "[uniform,0.1,0.5]",
}  # fmt: skip
_PATTERN: Mapping[str, Any] = {
    "kind": "choice", "options": SURFACE_PATTERNS,
    "doc": "Mixes `pattern_color` into the base colour, in the body of the part rather than "
    "printed on it: `marble` in veins, `speckle` in grains, `swirl` in streaks.",
    "example": "[choice,{none:0.5,swirl:0.5}]",
}  # fmt: skip
_PATTERN_COLOR: Mapping[str, Any] = {
    "kind": "vector", "length": (3,), "lo": 0, "hi": 255,
    "doc": "`pattern`: the second colour, red, green, blue of display sRGB.",
    "example": "[255,[uniform,200,255],255]",
}  # fmt: skip
_TRANSLUCENCY: Mapping[str, Any] = {
    "kind": "number", "lo": 0, "hi": 1,
    "doc": "Thin or cloudy plastic: twice the share of the diffuse light that leaves on the other "
    "side.",
    "example": "[uniform,0,0.6]",
}  # fmt: skip
_CLEARCOAT: Mapping[str, Any] = {
    "kind": "number", "lo": 0, "hi": 1,
    "doc": "How much of a smooth, clear coat lies over the material, as on lacquer.",
    "example": "[choice,0,1]",
}  # fmt: skip
_DECAL: Mapping[str, Any] = {
    "kind": "pattern", "catalog": "textures", "nullable": True,
    "doc": "Name or glob of a picture of `assets.textures_dir` in place of the file's texture, as "
    "a label is exchanged; materials without texture coordinates keep theirs.",
    "example": "*",
}  # fmt: skip
_SURFACE: Mapping[str, Mapping[str, Any]] = {
    "base_color": _BASE_COLOR, "metallic": _METALLIC, "roughness": _ROUGHNESS,
    "translucency": _TRANSLUCENCY, "clearcoat": _CLEARCOAT,
    "pattern": _PATTERN, "pattern_color": _PATTERN_COLOR, "decal": _DECAL,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class MaterialGroup:
    """Colours and gloss in place of the authored ones, jitter, random textures, and wear."""

    base_color: tuple[tuple[float, ...] | None, ...] = leaf(scope="target", **_BASE_COLOR)
    metallic: tuple[float | None, ...] = leaf(scope="target", **_METALLIC)
    roughness: tuple[float | None, ...] = leaf(scope="target", **_ROUGHNESS)
    translucency: tuple[float, ...] = leaf(scope="target", **_TRANSLUCENCY)
    clearcoat: tuple[float, ...] = leaf(scope="target", **_CLEARCOAT)
    pattern: tuple[str, ...] = leaf(scope="target", **_PATTERN)
    pattern_color: tuple[tuple[float, ...], ...] = leaf(scope="target", **_PATTERN_COLOR)
    decal: tuple[str | None, ...] = leaf(scope="target", **_DECAL)
    by_material: tuple[tuple[tuple[str, tuple[tuple[str, Any], ...]], ...], ...] = leaf(
        kind="by_material",
        scope="target",
        catalog="textures",
        parts={name: Leaf(**spec) for name, spec in _SURFACE.items()},
        doc="The leaves above for materials of the file by their names or globs; the first "
        "entry that fits counts, and what it does not say is as of the target.",
        example="[{material:ivory,base_color:[200,20,[uniform,0,60]]},{material:pip,roughness:0.3}]",
    )
    hue_shift_deg: tuple[float, ...] = leaf(
        kind="number",
        scope="target",
        lo=-180,
        hi=180,
        doc="Turn of the hue.",
        example="[uniform,-20,20]",
    )
    saturation_factor: tuple[float, ...] = leaf(
        kind="number",
        scope="target",
        lo=0,
        hi=4,
        doc="Factor on the saturation (HSV).",
        example="[uniform,0.7,1.3]",
    )
    brightness_factor: tuple[float, ...] = leaf(
        kind="number",
        scope="target",
        lo=0,
        hi=4,
        doc="Factor on the linear base colour.",
        example="[uniform,0.7,1.3]",
    )
    metallic_shift: tuple[float, ...] = leaf(
        kind="number",
        scope="target",
        lo=-1,
        hi=1,
        doc="Added to metallic, then clipped.",
        example="[uniform,-0.2,0.2]",
    )
    roughness_shift: tuple[float, ...] = leaf(
        kind="number",
        scope="target",
        lo=-1,
        hi=1,
        doc="Added to roughness, then clipped.",
        example="[uniform,-0.2,0.2]",
    )
    textured: tuple[bool, ...] = leaf(
        kind="flag",
        scope="target",
        doc="Replace the base colour by a texture laid on from three sides (needs no UVs).",
        example="[choice,{true:0.3,false:0.7}]",
    )
    texture: tuple[str, ...] = leaf(
        kind="pattern",
        scope="target",
        catalog="patterns",
        doc="`textured`: name or glob among `assets.textures_dir` and `procedural/noise`, "
        "`gradient`, `checker`, `stripes`, `voronoi`.",
        example="[choice,{*:0.7,procedural/*:0.3}]",
    )
    texture_size: tuple[float, ...] = leaf(
        kind="number",
        scope="target",
        lo=0.01,
        hi=100,
        doc="`textured` and `pattern`: edge of one tile, in extents of the model.",
        example="[uniform,0.3,1.5]",
    )
    texture_seed: tuple[int, ...] = leaf(
        kind="integer",
        scope="target",
        lo=0,
        hi=2**31 - 1,
        doc="Seed of procedural textures, of `pattern` and of wear.",
        example="[integers,0,2147483647]",
    )
    wear: tuple[float, ...] = leaf(
        kind="number",
        scope="target",
        lo=0,
        hi=1,
        doc="Dirt, stains and scratches: dull, dark and rough where they are.",
        example="[uniform,0,0.6]",
    )
