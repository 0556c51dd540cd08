"""Image size and intrinsics."""

from __future__ import annotations

from dataclasses import dataclass

from render.sampling.schema import leaf

__all__ = ["CameraGroup"]


@dataclass(frozen=True, kw_only=True)
class CameraGroup:
    """Intrinsics and optics. Masks, boxes and depth are those of a sharp picture."""

    size_wh: tuple[float, float] = leaf(
        kind="vector",
        length=(2,),
        lo=16,
        hi=8192,
        why="a larger picture takes more memory than is there",
        doc="Image width and height, whole pixels.",
        example="[640,480]",
    )
    fov_deg: float | None = leaf(
        kind="number",
        lo=0.5,
        hi=150,
        nullable=True,
        doc="Horizontal field of view, between the outer pixel edges, before distortion.",
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
    distortion: tuple[float, ...] | None = leaf(
        kind="vector",
        length=(4, 5, 8),
        lo=-1000,
        hi=1000,
        nullable=True,
        doc="OpenCV's lens distortion `[k1,k2,p1,p2]`, `[..,k3]` or `[..,k3,k4,k5,k6]`; masks, "
        "boxes and depth follow it. It must be one to one over the whole image.",
        example="[[uniform,-0.2,-0.05],0.02,0,0]",
    )
    defocus_px: float = leaf(
        kind="number",
        lo=0,
        hi=200,
        doc="Depth of field: diameter of the blur of a point far behind; 0: all is sharp.",
        example="[uniform,0,12]",
    )
    focus: float = leaf(
        kind="number",
        lo=0.1,
        hi=10,
        doc="Depth that is sharp, over that of the principal target.",
        example="[normal,1,0.05,0.8,1.2]",
    )
    motion_px: float = leaf(
        kind="number",
        lo=0,
        hi=200,
        doc="Way of the picture while the shutter is open; labels are of the middle of it.",
        example="[uniform,0,6]",
    )
    motion_deg: float = leaf(
        kind="number",
        lo=-360,
        hi=360,
        doc="Direction of that way.",
        example="[uniform,0,180]",
    )
    vignette: float = leaf(
        kind="number",
        lo=0,
        hi=1,
        doc="Share of the light that is lost in the corners.",
        example="[uniform,0,0.4]",
    )
    chromatic_px: float = leaf(
        kind="number",
        lo=-20,
        hi=20,
        doc="Chromatic aberration: how far red lies outside green, and blue inside, in the "
        "corners.",
        example="[uniform,-1,1]",
    )
    T_world_cam: tuple[float, ...] | None = leaf(
        kind="vector",
        length=(16,),
        lo=-1e6,
        hi=1e6,
        nullable=True,
        doc="Where a calibrated camera is: the rigid transform from OpenCV's camera frame to the "
        "world (Z up), row by row, metres. `viewpoint`, `scale` and `truncation` then take no "
        "part, and targets lie in `objects.region_m`.",
        example="[1,0,0,0,0,-0.6,0.8,-0.9,0,-0.8,-0.6,0.7,0,0,0,1]",
    )
    jitter_m: tuple[float, float, float] = leaf(
        kind="vector",
        length=(3,),
        lo=-100,
        hi=100,
        doc="Tolerance of `T_world_cam`: a shift along the camera's axes.",
        example="[[normal,0,0.002,-0.01,0.01],[normal,0,0.002,-0.01,0.01],0]",
    )
    jitter_deg: tuple[float, float, float] = leaf(
        kind="vector",
        length=(3,),
        lo=-180,
        hi=180,
        doc="Tolerance of `T_world_cam`: a turn about the camera's axes, as a rotation vector.",
        example="[[normal,0,0.2,-1,1],[normal,0,0.2,-1,1],[normal,0,0.2,-1,1]]",
    )
