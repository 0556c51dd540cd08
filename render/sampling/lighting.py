"""What lights the scene: an environment map, lamps, light from everywhere."""

from __future__ import annotations

from dataclasses import dataclass

from render.lights.base import LIGHTS
from render.sampling.schema import leaf

__all__ = ["Lighting"]


@dataclass(frozen=True, kw_only=True)
class Lighting:
    """Intensity 1 makes a white diffuse surface that faces the light just white."""

    environment: str | None = leaf(
        kind="pattern",
        catalog="environments",
        nullable=True,
        doc="Name or glob of the map among `assets.environments_dir` that lights the scene from "
        "all around; null: none. Its brightest parts cast shadows.",
        example="*",
    )
    environment_azimuth_deg: float = leaf(
        kind="number",
        lo=-360,
        hi=360,
        doc="Turns the map about world Z.",
        example="[uniform,0,360]",
    )
    environment_ev: float = leaf(
        kind="number",
        lo=-20,
        hi=20,
        doc="Stops; at 0 every map, of day or night, gives a usable picture.",
        example="[uniform,-0.5,0.5]",
    )
    count: int = leaf(kind="integer", lo=0, hi=16, doc="Lamps.", example="[integers,1,3]")
    kind: tuple[str, ...] = leaf(
        kind="choice",
        scope="light",
        options=LIGHTS,
        doc="What each lamp is; `docs/extending.md` adds a kind.",
        example="[choice,directional,point]",
    )
    azimuth_deg: tuple[float, ...] = leaf(
        kind="number",
        scope="light",
        lo=-360,
        hi=360,
        doc="Where the lamp is, about world Z.",
        example="[uniform,0,360]",
    )
    elevation_deg: tuple[float, ...] = leaf(
        kind="number",
        scope="light",
        lo=-90,
        hi=90,
        doc="Where the lamp is, above the horizontal plane.",
        example="[sin_uniform,20,90]",
    )
    distance: tuple[float, ...] = leaf(
        kind="number",
        scope="light",
        lo=0.5,
        hi=1000,
        doc="Distance of a lamp that has a place, from the target, in extents of the target.",
        example="[uniform,2,6]",
    )
    intensity: tuple[float, ...] = leaf(
        kind="number",
        scope="light",
        lo=0,
        hi=1000,
        doc="What a white diffuse surface at the target, facing the lamp, sends back.",
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
    radius_deg: tuple[float, ...] = leaf(
        kind="number",
        scope="light",
        lo=0,
        hi=30,
        doc="Radius of the lamp as seen from the target: how soft its shadows are. The sun has "
        "0.27.",
        example="[uniform,0.3,6]",
    )
    cone_deg: tuple[float, ...] = leaf(
        kind="number",
        scope="light",
        lo=1,
        hi=89,
        doc="`spot`: from its axis to where its light ends.",
        example="[uniform,15,40]",
    )
    shadows: bool = leaf(
        kind="flag",
        doc="Lamps and the bright parts of the map cast shadows; of more than 8 the first ones.",
        example="true",
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
