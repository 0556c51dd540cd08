"""Where the camera stands around the principal target, and where it looks."""

from __future__ import annotations

from dataclasses import dataclass

from render.sampling.schema import leaf

__all__ = ["Viewpoint"]


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
