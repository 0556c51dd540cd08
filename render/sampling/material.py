"""What is done to the materials of the targets."""

from __future__ import annotations

from dataclasses import dataclass

from render.sampling.schema import leaf

__all__ = ["MaterialGroup"]


@dataclass(frozen=True, kw_only=True)
class MaterialGroup:
    """Jitter of the authored finish, or a random texture in its place, and wear."""

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
        doc="`textured`: edge of one tile, in extents of the model.",
        example="[uniform,0.3,1.5]",
    )
    texture_seed: tuple[int, ...] = leaf(
        kind="integer",
        scope="target",
        lo=0,
        hi=2**31 - 1,
        doc="Seed of procedural textures and of wear.",
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
