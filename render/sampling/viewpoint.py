"""Where the camera stands around the principal target, where it looks, and from where else."""

from __future__ import annotations

from dataclasses import dataclass

from render.sampling.schema import leaf

__all__ = ["MOST_LISTED", "NUMBERS_OF_ANGLES", "NUMBERS_OF_POSE", "Viewpoint"]

MOST_LISTED = 63
"""Further views that `viewpoint.listed` can say."""
NUMBERS_OF_ANGLES, NUMBERS_OF_POSE = 3, 16
"""What it says of each: azimuth, elevation, roll; or of calibrated cameras `T_world_cam`."""

_COUNTS = range(1, MOST_LISTED + 1)
_LENGTHS = {k * n for k in _COUNTS for n in (NUMBERS_OF_ANGLES, NUMBERS_OF_POSE)}


@dataclass(frozen=True, kw_only=True)
class Viewpoint:
    """Direction of the camera, seen from the principal target, in the world frame."""

    azimuth_deg: float = leaf(
        kind="number",
        lo=-360,
        hi=360,
        doc="Angle about world Z; 0 is +X, 90 is +Y.",
        example="[uniform,0,360]",
    )
    elevation_deg: float = leaf(
        kind="number",
        lo=-90,
        hi=90,
        doc="Angle above the horizontal plane; `sin_uniform` is even over solid angle.",
        example="[sin_uniform,10,80]",
    )
    roll_deg: float = leaf(
        kind="number",
        lo=-360,
        hi=360,
        doc="Turn of the camera about its viewing axis.",
        example="[uniform,-15,15]",
    )
    offset_x: float = leaf(
        kind="number",
        lo=-2,
        hi=2,
        doc="Where the target's centre lies right of the image centre, in image widths.",
        example="[uniform,-0.2,0.2]",
    )
    offset_y: float = leaf(
        kind="number",
        lo=-2,
        hi=2,
        doc="Where the target's centre lies below the image centre, in image heights.",
        example="[uniform,-0.2,0.2]",
    )
    look_at: str = leaf(
        kind="choice",
        options=("target", "plane"),
        doc="What the other leaves and `scale.distance_m` are told of. `target`: the principal "
        "target. `plane`: a point of the plane that targets stand on, as of a camera that hangs "
        "over a table; the principal target stands about it as `objects.spread` says.",
        example="target",  # a plane needs scale.distance_m too
    )
    views: int = leaf(
        kind="integer",
        lo=1,
        hi=1000,
        doc="Pictures of each scene, the same number over the whole dataset: that many frames in a "
        "row show one scene, the first of them as the other leaves say (docs/scenes.md).",
        example="2",
    )
    layout: str = leaf(
        kind="choice",
        options=("around", "drawn", "stereo", "listed"),
        doc="Where the further views of a scene are: spread evenly in azimuth, drawn anew from "
        "azimuth, elevation and roll, beside the first, or as `listed` says.",
        example="stereo",
    )
    baseline_m: float | None = leaf(
        kind="number",
        lo=-100,
        hi=100,
        nullable=True,
        doc="`stereo`: how far right of the first camera, along its x axis, the second one is.",
        example="0.06",
    )
    listed: tuple[float, ...] | None = leaf(
        kind="vector",
        length=tuple(sorted(_LENGTHS)),
        lo=-1e6,
        hi=1e6,
        nullable=True,
        doc="`listed`: azimuth, elevation and roll of each further view; with "
        "`camera.T_world_cam` the 16 numbers of its transform.",
        example="[90,30,0]",
    )
