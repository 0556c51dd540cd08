"""Image size and intrinsics."""

from __future__ import annotations

from dataclasses import dataclass

from render.sampling.schema import leaf

__all__ = ["Camera"]


@dataclass(frozen=True, kw_only=True)
class Camera:
    """A pinhole camera with square pixels and a centred axis, or any K."""

    size_wh: tuple[float, float] = leaf(
        kind="vector",
        length=(2,),
        lo=16,
        hi=8192,
        doc="Image width and height, whole pixels.",
        example="[640,480]",
    )
    fov_deg: float | None = leaf(
        kind="number",
        lo=0.5,
        hi=150,
        nullable=True,
        doc="Horizontal field of view, between the outer pixel edges.",
        example="[uniform,35,65]",
    )
    K: tuple[float, ...] | None = leaf(
        kind="vector",
        length=(4, 9),
        lo=-1e6,
        hi=1e6,
        nullable=True,
        doc="`[fx, fy, cx, cy]` or the 9 values of K row by row, pixels, (0, 0) at the "
        "centre of the top-left pixel; when set, it wins over `fov_deg`.",
        example="[600,600,319.5,239.5]",
    )
