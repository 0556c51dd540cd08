"""What the sensor does to a clean image."""

from __future__ import annotations

from dataclasses import dataclass

from render.sampling.schema import leaf

__all__ = ["Sensor"]


@dataclass(frozen=True, kw_only=True)
class Sensor:
    """Exposure, blur, noise, then JPEG. Labels stay those of the clean image."""

    exposure_ev: float = leaf(
        kind="number",
        lo=-10,
        hi=10,
        doc="Stops; +1 doubles the light.",
        example="[uniform,-0.5,0.5]",
    )
    blur_px: float = leaf(
        kind="number", lo=0, hi=50, doc="Gaussian blur, sigma.", example="[uniform,0,1.2]"
    )
    noise: float = leaf(
        kind="number",
        lo=0,
        hi=1,
        doc="Standard deviation of noise at mid grey, over full scale; shot and read noise.",
        example="[uniform,0,0.04]",
    )
    noise_seed: int = leaf(
        kind="integer",
        lo=0,
        hi=2**31 - 1,
        doc="Seed of the noise.",
        example="[integers,0,2147483647]",
    )
    jpeg_quality: int = leaf(
        kind="integer", lo=1, hi=100, doc="Quality of the stored JPEG.", example="[integers,60,95]"
    )
