"""Distractors: things that are in the picture and are no targets."""

from __future__ import annotations

from dataclasses import dataclass

from render.sampling.schema import leaf

__all__ = ["Occlusion"]


@dataclass(frozen=True, kw_only=True)
class Occlusion:
    """Number, kind and size of distractors in front of and beside the targets."""

    count: int = leaf(
        kind="integer", lo=0, hi=2000, doc="Distractors in a frame.", example="[integers,0,5]"
    )
    kind: tuple[str, ...] = leaf(
        kind="choice",
        scope="distractor",
        options=("box", "sphere", "cylinder", "cone", "torus"),
        doc="Shape of each distractor.",
        example="[choice,box,sphere]",
    )
    place: tuple[str, ...] = leaf(
        kind="choice",
        scope="distractor",
        options=("front", "beside"),
        doc="`front`: between the camera and a target, overlapping it in the image. "
        "`beside`: anywhere in view at the targets' depth.",
        example="[choice,{front:0.6,beside:0.4}]",
    )
    size_ratio: tuple[float, ...] = leaf(
        kind="number",
        scope="distractor",
        lo=0.01,
        hi=20,
        doc="Apparent extent of each distractor over the principal target's.",
        example="[uniform,0.2,0.6]",
    )
    hue_deg: tuple[float, ...] = leaf(
        kind="number",
        scope="distractor",
        lo=0,
        hi=360,
        doc="Hue of its colour.",
        example="[uniform,0,360]",
    )
    saturation: tuple[float, ...] = leaf(
        kind="number",
        scope="distractor",
        lo=0,
        hi=1,
        doc="Saturation of its colour.",
        example="[uniform,0,0.9]",
    )
    brightness: tuple[float, ...] = leaf(
        kind="number",
        scope="distractor",
        lo=0,
        hi=1,
        doc="Value (HSV) of its colour.",
        example="[uniform,0.2,0.9]",
    )
    metallic: tuple[float, ...] = leaf(
        kind="number",
        scope="distractor",
        lo=0,
        hi=1,
        doc="Metallic factor.",
        example="[choice,0,1]",
    )
    roughness: tuple[float, ...] = leaf(
        kind="number",
        scope="distractor",
        lo=0.02,
        hi=1,
        doc="Roughness factor.",
        example="[uniform,0.2,0.9]",
    )
