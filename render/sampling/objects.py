"""How many targets, which, how they lie and where."""

from __future__ import annotations

from dataclasses import dataclass

from render.sampling.arrangement import ARRANGEMENTS
from render.sampling.schema import leaf

__all__ = ["TURNED", "Objects"]

TURNED = frozenset({"so3", "stable"})
"""Words of `objects.orientation` that leave open which direction of a target is up."""


@dataclass(frozen=True, kw_only=True)
class Objects:
    """The labelled objects. Target 0 is the principal one."""

    count: int = leaf(
        kind="integer",
        lo=1,
        hi=2000,
        why="memory and time of a frame grow with each body",
        doc="Targets in a frame.",
        example="[integers,1,8]",
    )
    arrangement: str = leaf(
        kind="choice",
        options=ARRANGEMENTS,
        doc="How the targets lie; `docs/extending.md` adds an arrangement.",
        example="surface",
    )
    model: tuple[str, ...] = leaf(
        kind="pattern",
        scope="target",
        catalog="models",
        doc="Name or glob of the model of each target; `*` is any of `models`.",
        example="[choice,{*bolt*:0.7,*nut*:0.3}]",
    )
    orientation: tuple[str, ...] = leaf(
        kind="choice",
        scope="target",
        options=("so3", "upright", "stable", "fixed"),
        doc="`so3`: any rotation, evenly. `upright`: the model's up axis is up, any yaw. "
        "`stable`: as it would come to rest on a plane, any yaw. `fixed`: the up axis is up, "
        "and nothing turns it. Without effect on what is dropped.",
        example="[choice,stable,so3]",
    )
    size_ratio: tuple[float | None, ...] = leaf(
        kind="number",
        scope="target",
        lo=0.01,
        hi=100,
        nullable=True,
        doc="Extent of each further target over the principal one's; 1: all are equal. null: true "
        "sizes; what is many times as small is a speck then, and what finds no place for its size "
        "is left out and counted.",
        example="[uniform,0.7,1.4]",
    )
    depth_spread: float = leaf(
        kind="number",
        lo=0,
        hi=20,
        doc="Depth of the scattered volume, in extents of the principal target.",
        example="3",
    )
    size_m_by_category: tuple[float | None, ...] = leaf(
        kind="by_category",
        scope="target",
        lo=1e-5,
        hi=1e4,
        nullable=True,
        doc="Longest side of the targets of a category, metres: in place of the file's size and "
        "of `size_ratio`.",
        example="[{category:mug,size_m:[uniform,0.08,0.12]}]",
    )
    spacing: float = leaf(
        kind="number",
        lo=0,
        hi=100,
        doc="Gap between targets that stand, in diameters of the balls that hold them (the mean of "
        "two); 0: they may touch. In rows and columns it is that between cells, each as large as "
        "the largest target; elsewhere the least gap. Not in piles.",
        example="0.5",
    )
    region_m: tuple[float, ...] | None = leaf(
        kind="vector",
        length=(6,),
        lo=-1e6,
        hi=1e6,
        nullable=True,
        doc="With `camera.T_world_cam`: the part of the world where targets are, `[x0,x1,y0,y1,z0,"
        "z1]`, metres. They stand on the plane z0; of those that float the centres are in the box.",
        example="[-0.2,0.2,-0.15,0.15,0,0.1]",
    )
    spread: float = leaf(
        kind="number",
        lo=0,
        hi=1,
        doc="How far targets that stand are strewn. 0: crowded, in a disc about the principal one "
        "that `depth_spread` makes larger. 1: evenly over all of the plane that the picture shows, "
        "to its edges, as far as twice the depth of what the camera looks at. Between: the disc's "
        "radius grows from one to the other. Not in rows, piles and `region_m`.",
        example="1",
    )
    container_size: float = leaf(
        kind="number",
        lo=1,
        hi=20,
        why="a container is made to what it holds",
        doc="Sides of a bin, tray, belt or shelf over those that just hold the targets.",
        example="[uniform,1,1.5]",
    )
    container_height: float = leaf(
        kind="number",
        lo=0.01,
        hi=20,
        doc="Height of walls, rim or rails; on a shelf, the room over what is tallest on a board: "
        "in extents of the largest target. A bin's walls are at least as high as its targets need.",
        example="[uniform,0.7,1.4]",
    )
    container_wall: float = leaf(
        kind="number",
        lo=0.005,
        hi=1,
        doc="How thick walls, floor and boards are, in extents of the largest target.",
        example="0.06",
    )
    container_color: tuple[float, float, float] = leaf(
        kind="vector",
        length=(3,),
        lo=0,
        hi=255,
        doc="Of the container: display sRGB.",
        example="[40,80,150]",
    )
    container_roughness: float = leaf(
        kind="number",
        lo=0,
        hi=1,
        doc="Of the container: 0 a mirror, 1 dull.",
        example="[uniform,0.3,0.9]",
    )
    container_metallic: float = leaf(
        kind="number",
        lo=0,
        hi=1,
        doc="Of the container: 1 is bare metal.",
        example="[choice,{0:0.8,1:0.2}]",
    )
