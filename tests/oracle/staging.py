"""A camera and what stands before it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from render.geometry.frames import look_at
from render.lights.light import Light
from render.scene import Camera, Instance, Model, Scene

__all__ = ["scene_around", "view"]


def view(
    eye: Sequence[float],
    target: Sequence[float],
    *,
    fov_deg: float = 50.0,
    size_wh: tuple[int, int] = (640, 480),
    roll_deg: float = 0.0,
    shift_px: tuple[float, float] = (0.0, 0.0),
    aspect: float = 1.0,
    near_m: float = 0.01,
    far_m: float = 20.0,
) -> Camera:
    """A camera; `shift_px` moves the principal point, `aspect` is fy / fx."""
    w, h = size_wh
    f = 0.5 * w / np.tan(np.radians(fov_deg) / 2)
    cx, cy = (w - 1) / 2 + shift_px[0], (h - 1) / 2 + shift_px[1]
    T_world_cam = look_at(np.array(eye, float), np.array(target, float), roll_deg=roll_deg)
    return Camera(
        K=np.array([[f, 0.0, cx], [0.0, f * aspect, cy], [0.0, 0.0, 1.0]]),
        size_wh=size_wh,
        T_world_cam=T_world_cam,
        near_m=near_m,
        far_m=far_m,
    )


def scene_around(
    camera: Camera,
    placed: Sequence[tuple[Model, NDArray[np.float64], float]],
    *,
    lights: tuple[Light, ...] = (),
    ambient: float = 0.5,
    backdrop: float = 0.02,
) -> Scene:
    """Models at ``(T_world_obj, scale)`` before one grey radiance."""
    instances = tuple(
        Instance(
            instance_idx=i,
            role="target",
            model=model,
            materials=tuple(p.material for p in model.primitives),
            T_world_obj=T_world_obj,
            scale=scale,
        )
        for i, (model, T_world_obj, scale) in enumerate(placed)
    )
    w, h = camera.size_wh
    return Scene(
        camera=camera, instances=instances, lights=lights,
        ambient=(ambient, ambient, ambient), backdrop=np.full((h, w, 3), backdrop, np.float32),
    )  # fmt: skip
