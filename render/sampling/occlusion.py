"""Distractors: things that are in the picture and are no targets."""

from __future__ import annotations

from dataclasses import dataclass

from render.sampling.schema import leaf

__all__ = ["Occlusion"]


@dataclass(frozen=True, kw_only=True)
class Occlusion:
    """Distractors in front of and beside the targets, and how much of the targets they cover."""

    count: int = leaf(
        kind="integer",
        lo=0,
        hi=2000,
        why="memory and time of a frame grow with each body",
        doc="Distractors in a frame.",
        example="[integers,0,5]",
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
    occluded_fract: float | None = leaf(
        kind="number",
        lo=0,
        hi=0.95,
        nullable=True,
        doc="Share of each target's silhouette in the frame that others cover. Bodies are held "
        "in front of the targets until it is reached; null: whatever comes.",
        example="[uniform,0.3,0.7]",
    )
    by: tuple[str, ...] = leaf(
        kind="choice",
        scope="distractor",
        options=("primitive", "model", "hand", "bar", "card", "target"),
        doc="What each distractor is: a `primitive` of some `kind`, a `model` of "
        "`assets.distractors_dir`, a hand-like blob, a bar, or a card with a texture. `target`: "
        "nothing is added; a further target floats before the one before it, where targets float.",
        example="[choice,hand,bar,card]",
    )
    texture: tuple[str, ...] = leaf(
        kind="pattern",
        scope="distractor",
        catalog="textures",
        doc="Picture on a card: name or glob among `assets.textures_dir`.",
        example="*",
    )
    model: tuple[str, ...] = leaf(
        kind="pattern",
        scope="distractor",
        catalog="distractors",
        doc="Name or glob among `assets.distractors_dir`, where it is a `model`.",
        example="*",
    )
