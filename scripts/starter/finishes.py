"""Looks of the parts, linear light; metals by their reflectance at normal incidence."""

from __future__ import annotations

from starter.shapes import Finish

__all__ = [
    "BALL_STEEL", "BLACK_PLASTIC", "BLACK_STEEL", "BLUE_PAINT", "BRASS", "CAGE", "CHROME",
    "IVORY", "MATT_BRASS", "MATT_STEEL", "PIP", "RED_PAINT", "RED_PLASTIC", "STEEL", "ZINC",
]  # fmt: skip

STEEL = Finish(name="steel", color=(0.56, 0.55, 0.53), metallic=1.0, roughness=0.35)
ZINC = Finish(name="zinc", color=(0.66, 0.66, 0.64), metallic=1.0, roughness=0.38)
# For files that store a colour and nothing else: metal as it looks in grey surroundings.
MATT_BRASS = Finish(name="matt_brass", color=(0.38, 0.23, 0.075))
MATT_STEEL = Finish(name="matt_steel", color=(0.27, 0.27, 0.27))
BLACK_STEEL = Finish(name="black_oxide", color=(0.05, 0.05, 0.052), metallic=0.6, roughness=0.45)
BALL_STEEL = Finish(name="ball_steel", color=(0.66, 0.65, 0.64), metallic=1.0, roughness=0.12)
CHROME = Finish(name="chrome", color=(0.6, 0.6, 0.6), metallic=1.0, roughness=0.18)
BRASS = Finish(name="brass", color=(0.75, 0.52, 0.2), metallic=1.0, roughness=0.32)
CAGE = Finish(name="cage", color=(0.6, 0.44, 0.2), metallic=1.0, roughness=0.4)
BLUE_PAINT = Finish(name="blue_paint", color=(0.01, 0.07, 0.25), metallic=0.0, roughness=0.42)
RED_PAINT = Finish(name="red_paint", color=(0.42, 0.014, 0.012), metallic=0.0, roughness=0.35)
RED_PLASTIC = Finish(name="red_plastic", color=(0.5, 0.02, 0.015), metallic=0.0, roughness=0.3)
BLACK_PLASTIC = Finish(
    name="black_plastic", color=(0.018, 0.018, 0.02), metallic=0.0, roughness=0.5
)
IVORY = Finish(name="ivory", color=(0.8, 0.77, 0.68), metallic=0.0, roughness=0.28)
PIP = Finish(name="pip", color=(0.012, 0.012, 0.013), metallic=0.0, roughness=0.4)
