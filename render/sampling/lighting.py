"""Lights without size: directional, point, ambient."""

from __future__ import annotations

from dataclasses import dataclass

from render.sampling.schema import leaf

__all__ = ["Lighting"]


@dataclass(frozen=True, kw_only=True)
class Lighting:
    """Intensity 1 makes a white diffuse surface that faces the light just white."""

    count: int = leaf(
        kind="integer", lo=0, hi=16, doc="Lights beside the ambient one.", example="[integers,1,3]"
    )
    kind: tuple[str, ...] = leaf(
        kind="choice",
        scope="light",
        options=("directional", "point"),
        doc="`directional` comes from infinity; `point` from a place near the target.",
        example="[choice,directional,point]",
    )
    azimuth_deg: tuple[float, ...] = leaf(
        kind="number",
        scope="light",
        lo=-360,
        hi=360,
        doc="Where the light comes from, about world Z.",
        example="[uniform,0,360]",
    )
    elevation_deg: tuple[float, ...] = leaf(
        kind="number",
        scope="light",
        lo=-90,
        hi=90,
        doc="Where the light comes from, above the horizontal plane.",
        example="[sin_uniform,20,90]",
    )
    distance: tuple[float, ...] = leaf(
        kind="number",
        scope="light",
        lo=0.5,
        hi=1000,
        doc="Distance of a point light from the target, in extents of the target.",
        example="[uniform,2,6]",
    )
    intensity: tuple[float, ...] = leaf(
        kind="number",
        scope="light",
        lo=0,
        hi=1000,
        doc="What a white diffuse surface at the target, facing the light, sends back.",
        example="[uniform,0.5,1.2]",
    )
    temperature_k: tuple[float, ...] = leaf(
        kind="number",
        scope="light",
        lo=1000,
        hi=40000,
        doc="Colour temperature in kelvin; 6504 is white.",
        example="[uniform,3000,8000]",
    )
    ambient: float = leaf(
        kind="number",
        lo=0,
        hi=1000,
        doc="Intensity of light from everywhere.",
        example="[uniform,0.15,0.4]",
    )
    ambient_temperature_k: float = leaf(
        kind="number",
        lo=1000,
        hi=40000,
        doc="Its colour temperature in kelvin.",
        example="[uniform,5000,8000]",
    )
