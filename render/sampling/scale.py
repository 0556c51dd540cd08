"""How large the principal target appears."""

from __future__ import annotations

from dataclasses import dataclass

from render.sampling.schema import leaf

__all__ = ["Scale"]


@dataclass(frozen=True, kw_only=True)
class Scale:
    """Size in the image, or distance. `size_px` or `distance_m`, when set, wins."""

    size_frac: float | None = leaf(
        kind="number",
        lo=0.005,
        hi=4,
        nullable=True,
        doc="Longest side of the amodal box over the image's longer side; reached by the "
        "camera's distance.",
        example="[uniform,0.1,0.5]",
    )
    size_px: float | None = leaf(
        kind="number",
        lo=2,
        hi=100000,
        nullable=True,
        doc="Longest side of the amodal box in pixels.",
        example="[uniform,90,160]",
    )
    distance_m: float | None = leaf(
        kind="number",
        lo=1e-4,
        hi=1e5,
        nullable=True,
        doc="Metres from the camera to the centre of the target's box, or to the point of the "
        "plane that `viewpoint.look_at=plane` looks at.",
        example="[uniform,0.4,1.2]",
    )
