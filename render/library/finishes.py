"""Looks for models whose file says nothing about theirs.

Base colours of metals are their reflectance at normal incidence, linear sRGB primaries;
those of plastics and paint are their albedo.
"""

from __future__ import annotations

from collections.abc import Mapping

from render.scene import Material

__all__ = ["DEFAULT_FINISH", "FINISHES"]


def _finish(
    name: str, rgb: tuple[float, float, float], *, metallic: float, roughness: float
) -> Material:
    # CAD meshes come with faces turned the wrong way: both sides are drawn.
    return Material(
        name=name,
        base_color=(*rgb, 1.0),
        metallic=metallic,
        roughness=roughness,
        double_sided=True,
    )


FINISHES: Mapping[str, Material] = {
    material.name: material
    for material in (
        _finish("steel", (0.56, 0.57, 0.58), metallic=1.0, roughness=0.38),
        _finish("stainless", (0.66, 0.66, 0.65), metallic=1.0, roughness=0.25),
        _finish("cast_iron", (0.15, 0.15, 0.16), metallic=0.7, roughness=0.75),
        _finish("black_oxide", (0.035, 0.036, 0.04), metallic=0.6, roughness=0.45),
        _finish("zinc", (0.62, 0.64, 0.67), metallic=1.0, roughness=0.45),
        _finish("aluminium", (0.90, 0.91, 0.92), metallic=1.0, roughness=0.42),
        _finish("anodised", (0.06, 0.08, 0.14), metallic=0.6, roughness=0.5),
        _finish("brass", (0.88, 0.68, 0.35), metallic=1.0, roughness=0.32),
        _finish("copper", (0.93, 0.55, 0.42), metallic=1.0, roughness=0.35),
        _finish("abs", (0.18, 0.18, 0.19), metallic=0.0, roughness=0.5),
        _finish("abs_white", (0.75, 0.74, 0.71), metallic=0.0, roughness=0.45),
        _finish("rubber", (0.018, 0.018, 0.018), metallic=0.0, roughness=0.88),
        _finish("painted", (0.02, 0.14, 0.42), metallic=0.0, roughness=0.3),
        _finish("painted_red", (0.50, 0.03, 0.02), metallic=0.0, roughness=0.3),
        _finish("painted_yellow", (0.80, 0.45, 0.02), metallic=0.0, roughness=0.3),
    )
}
"""Materials by the names that side files use."""

DEFAULT_FINISH = "steel"
"""The finish of meshes without a material of their own: most CAD parts are machined metal."""
