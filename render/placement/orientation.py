"""How an object lies: rotations ``R_world_obj``."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from render.errors import ConfigError
from render.geometry.states import WantedState
from render.scene import Model

__all__ = ["UPRIGHT", "draw_rotation", "random_rotation", "yaw"]

# Draws of a rotation that is to show a state; few states are less likely than one in a hundred.
_MOST_DRAWS = 2000


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


def draw_rotation(
    orientation: str, model: Model, rng: np.random.Generator, wanted: WantedState | None = None
) -> NDArray[np.float64]:
    """``(3, 3)`` ``R_world_obj`` as `objects.orientation` asks.

    ``so3`` is uniform (Haar). ``fixed`` has the model's up axis up and is not turned.
    ``upright`` and ``stable`` turn by an even yaw about world Z; ``stable`` takes one of
    the model's stable poses by its probability, and is ``upright`` for a model that has
    none.

    With a wanted state, ``so3`` is even over the rotations that show it and ``stable`` takes one
    of the stable poses that do; else, and where there is none, a direction of the state is up.

    Raises:
        ConfigError: For any other word.

    """
    if wanted is not None:
        return _showing(wanted, orientation, model, rng)
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
        return np.asarray(turn @ _likely(model.stable_poses, model.stable_probs, rng))
    return np.asarray(turn @ UPRIGHT[model.up])


def _likely(
    poses: NDArray[np.float64], probs: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float64]:
    """One of several poses, by its probability."""
    cumulative = np.cumsum(probs)
    pick = int(np.searchsorted(cumulative, rng.random() * cumulative[-1], side="right"))
    return np.asarray(poses[min(pick, len(cumulative) - 1)])


def _showing(
    wanted: WantedState, orientation: str, model: Model, rng: np.random.Generator
) -> NDArray[np.float64]:
    if orientation == "so3":
        for _ in range(_MOST_DRAWS):
            R = random_rotation(rng)
            if wanted.is_shown(R):
                return R
    turn = yaw(360.0 * rng.random())
    shown = np.array([wanted.is_shown(R) for R in model.stable_poses], np.bool_)
    if orientation == "stable" and shown.any():
        return np.asarray(turn @ _likely(model.stable_poses[shown], model.stable_probs[shown], rng))
    ups = wanted.states.ups_of(wanted.name)
    up = ups[min(int(rng.random() * len(ups)), len(ups) - 1)]
    across = np.cross(np.eye(3)[int(np.abs(up).argmin())], up)
    across /= np.linalg.norm(across)
    return np.asarray(turn @ np.stack([across, np.cross(up, across), up]))


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
