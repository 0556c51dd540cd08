"""How much of the principal target the edge of the image cuts off."""

from __future__ import annotations

from dataclasses import dataclass

from render.sampling.schema import leaf

__all__ = ["Truncation"]


@dataclass(frozen=True, kw_only=True)
class Truncation:
    """Reached by turning the camera; its direction and the target's size stay as asked."""

    truncated_fract: float | None = leaf(
        kind="number",
        lo=0,
        hi=0.98,
        nullable=True,
        doc="Share of the principal target's silhouette that lies outside the image; 0 keeps "
        "all of it inside, null leaves it to `viewpoint.offset_x` and `offset_y`.",
        example="[uniform,0.1,0.6]",
    )
    side: str = leaf(
        kind="choice",
        options=("left", "right", "top", "bottom", "corner"),
        doc="Which edge cuts it; `corner` is any of the four.",
        example="[choice,left,right]",
    )
