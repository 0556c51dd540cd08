"""What the sensor does to a clean image."""

from __future__ import annotations

from dataclasses import dataclass

from render.sampling.depth_sensors import DEPTH_SENSORS
from render.sampling.schema import leaf

__all__ = ["Sensor"]


@dataclass(frozen=True, kw_only=True)
class Sensor:
    """From light to a file: exposure, noise, colour filters, tone, sharpening, JPEG."""

    exposure_ev: float = leaf(
        kind="number",
        lo=-10,
        hi=10,
        doc="Stops; +1 doubles the light.",
        example="[uniform,-0.5,0.5]",
    )
    white_balance_k: float = leaf(
        kind="number",
        lo=1000,
        hi=40000,
        doc="Colour temperature of the light that the camera takes for white; 6504 leaves "
        "colours as they are, less makes them colder.",
        example="[uniform,5000,8000]",
    )
    blur_px: float = leaf(
        kind="number",
        lo=0,
        hi=50,
        doc="Gaussian blur of lens and filters, sigma.",
        example="[uniform,0,1.2]",
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
    bayer: bool = leaf(
        kind="flag",
        doc="Each pixel sees one colour; the others are guessed from its neighbours.",
        example="[choice,true,false]",
    )
    tone: str = leaf(
        kind="choice",
        options=("filmic", "agx", "linear"),
        doc="Tone curve from light to picture: `filmic` has deep shadows and soft highlights, "
        "`agx` is flatter, `linear` cuts highlights off.",
        example="[choice,filmic,agx]",
    )
    sharpen: float = leaf(
        kind="number",
        lo=0,
        hi=4,
        doc="Unsharp mask of the picture, as cameras do it.",
        example="[uniform,0,0.6]",
    )
    jpeg_quality: int = leaf(
        kind="integer", lo=1, hi=100, doc="Quality of the stored JPEG.", example="[integers,60,95]"
    )
    depth: str = leaf(
        kind="choice",
        options=DEPTH_SENSORS,
        doc="What measures the depth that `output.depth_sensor` writes: docs/labels.md tells what "
        "each sensor does to it.",
        example="[choice,stereo,tof]",
    )
    depth_noise: float = leaf(
        kind="number",
        lo=0,
        hi=100,
        doc="Factor of the noise of that sensor; 0: it has steps and holes alone.",
        example="[uniform,0.5,2]",
    )
    depth_seed: int = leaf(
        kind="integer",
        lo=0,
        hi=2**31 - 1,
        doc="Seed of that noise.",
        example="[integers,0,2147483647]",
    )
    depth_baseline_m: float | None = leaf(
        kind="number",
        lo=1e-4,
        hi=10,
        nullable=True,
        doc="Distance to its second camera or projector; null: 0.05 (`stereo`), 0.075 "
        "(`structured_light`).",
        example="0.055",
    )
    depth_range_m: tuple[float, float] | None = leaf(
        kind="vector",
        length=(2,),
        lo=0,
        hi=1e6,
        nullable=True,
        doc="Nearest and farthest depth that it measures; null: 0.2 to 10 (`stereo`), 0.5 to 5 "
        "(`structured_light`), 0.5 to 4.5 (`tof`).",
        example="[0.1,2]",
    )
    burnt_fract: float | None = leaf(
        kind="number",
        lo=0,
        hi=1,
        nullable=True,
        doc="Where more than this share of what has a depth is white, such as a pale floor in the "
        "sun, the picture is exposed for less, until no more is; null: as `exposure_ev` says.",
        example="0.02",
    )
