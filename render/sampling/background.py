"""What is behind the objects."""

from __future__ import annotations

from dataclasses import dataclass

from render.sampling.schema import leaf

__all__ = ["Background"]


@dataclass(frozen=True, kw_only=True)
class Background:
    """A picture behind everything, a place to stand in, or the environment map itself."""

    kind: str = leaf(
        kind="choice",
        options=(
            "color",
            "procedural",
            "photo",
            "environment",
            "floor",
            "room",
            "tabletop",
        ),
        doc="What kind of background. `floor`, `room` (a floor and walls) and `tabletop` are "
        "surfaces on which things stand, with an environment map behind; `environment` is that "
        "map alone.",
        example="[choice,photo,floor]",
    )
    color: tuple[float, float, float] = leaf(
        kind="vector",
        length=(3,),
        lo=0,
        hi=255,
        doc="`color`: display sRGB, 0 to 255.",
        example="[[uniform,0,255],[uniform,0,255],[uniform,0,255]]",
    )
    pattern: str = leaf(
        kind="choice",
        options=("noise", "gradient", "checker", "stripes", "voronoi"),
        doc="`procedural`: which pattern, in colours drawn from `pattern_seed`.",
        example="[choice,noise,checker]",
    )
    pattern_seed: int = leaf(
        kind="integer",
        lo=0,
        hi=2**31 - 1,
        doc="`procedural`: seed of colours and layout.",
        example="[integers,0,2147483647]",
    )
    photo: str = leaf(
        kind="pattern",
        catalog="backgrounds",
        doc="`photo`: name or glob among `assets.backgrounds_dir`.",
        example="*",
    )
    crop_frac: float = leaf(
        kind="number",
        lo=0.02,
        hi=1,
        doc="`photo`: side of the crop over the largest crop of the image's shape.",
        example="[uniform,0.5,1]",
    )
    crop_x: float = leaf(
        kind="number",
        lo=0,
        hi=1,
        doc="`photo`: crop from left (0) to right.",
        example="[uniform,0,1]",
    )
    crop_y: float = leaf(
        kind="number",
        lo=0,
        hi=1,
        doc="`photo`: crop from top (0) to bottom.",
        example="[uniform,0,1]",
    )
    flip: bool = leaf(
        kind="flag", doc="`photo`: mirror left and right.", example="[choice,true,false]"
    )
    environment: str = leaf(
        kind="pattern",
        catalog="environments",
        doc="The map behind `environment`, `floor`, `room` and `tabletop` where none lights the "
        "scene: name or glob among `assets.environments_dir`.",
        example="*",
    )
    surface_texture: str | None = leaf(
        kind="pattern",
        catalog="textures",
        nullable=True,
        doc="Surfaces: name or glob among `assets.textures_dir`; null: plain.",
        example="*",
    )
    surface_size: float = leaf(
        kind="number",
        lo=0.01,
        hi=1000,
        doc="Surfaces: edge of one tile of the texture, in extents of the principal target.",
        example="[log_uniform,1,8]",
    )
    surface_color: tuple[float, float, float] = leaf(
        kind="vector",
        length=(3,),
        lo=0,
        hi=255,
        doc="Surfaces: display sRGB, multiplies the texture.",
        example="[[uniform,90,255],[uniform,90,255],[uniform,90,255]]",
    )
    surface_roughness: float = leaf(
        kind="number",
        lo=0,
        hi=1,
        doc="Surfaces: 0 a mirror, 1 dull.",
        example="[uniform,0.3,0.9]",
    )
    catch_shadows: bool = leaf(
        kind="flag",
        doc="`photo`, `procedural`, `color`, `environment`: an unseen plane under the objects "
        "takes their shadows, unless they float.",
        example="true",
    )
    blur_px: float = leaf(
        kind="number",
        lo=0,
        hi=200,
        doc="Pictures: Gaussian blur, sigma.",
        example="[uniform,0,3]",
    )
    brightness: float = leaf(
        kind="number",
        lo=0,
        hi=8,
        doc="Pictures: factor on linear light.",
        example="[uniform,0.6,1.3]",
    )
