"""How an object lies: rotations ``R_world_obj``."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from render.errors import ConfigError
from render.scene import Model

__all__ = ["UPRIGHT", "draw_rotation", "random_rotation", "yaw"]

# R_world_obj that carries the named axis of the file to world Z. `z` is left alone; `y`
# is the turn of glTF's convention about X, so that the file's -Z points to world +Y.
UPRIGHT: dict[str, NDArray[np.float64]] = {
    "x": np.array([[0.0, 0.0, -1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]),
    "y": np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]]),
    "z": np.eye(3),
    "-x": np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]]),
    "-y": np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]]),
    "-z": np.array([[1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, -1.0]]),
}


def draw_rotation(orientation: str, model: Model, rng: np.random.Generator) -> NDArray[np.float64]:
    """``(3, 3)`` ``R_world_obj`` as `objects.orientation` asks.

    ``so3`` is uniform (Haar). ``fixed`` has the model's up axis up and is not turned.
    ``upright`` and ``stable`` turn by an even yaw about world Z; ``stable`` takes one of
    the model's stable poses by its probability, and is ``upright`` for a model that has
    none.

    Raises:
        ConfigError: For any other word.

    """
    if orientation == "so3":
        return random_rotation(rng)
    if orientation == "fixed":
        return UPRIGHT[model.up]
    if orientation not in ("upright", "stable"):
        raise ConfigError(
            f"objects.orientation must be so3, upright, stable or fixed, got {orientation!r}"
        )
    turn = yaw(360.0 * rng.random())
    if orientation == "stable" and len(model.stable_poses):
        cumulative = np.cumsum(model.stable_probs)
        pick = int(np.searchsorted(cumulative, rng.random() * cumulative[-1], side="right"))
        return np.asarray(turn @ model.stable_poses[min(pick, len(cumulative) - 1)])
    return np.asarray(turn @ UPRIGHT[model.up])


def random_rotation(rng: np.random.Generator) -> NDArray[np.float64]:
    """``(3, 3)`` uniform over SO(3): a normal 4-vector has an evenly spread direction."""
    x, y, z, w = rng.standard_normal(4).tolist()
    length = math.sqrt(x * x + y * y + z * z + w * w)
    x, y, z, w = x / length, y / length, z / length, w / length
    xx, yy, zz, ww = x * x, y * y, z * z, w * w
    xy, zw, xz, yw, yz, xw = x * y, z * w, x * z, y * w, y * z, x * w
    return np.array(
        [
            [xx - yy - zz + ww, 2 * (xy - zw), 2 * (xz + yw)],
            [2 * (xy + zw), -xx + yy - zz + ww, 2 * (yz - xw)],
            [2 * (xz - yw), 2 * (yz + xw), -xx - yy + zz + ww],
        ]
    )


def yaw(angle_deg: float) -> NDArray[np.float64]:
    """``(3, 3)`` turn about world Z, anticlockwise seen from above."""
    c, s = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
