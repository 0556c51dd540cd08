"""Bins, trays, belts and shelves: bodies of boxes, made to the parts that they hold."""

from __future__ import annotations

import hashlib
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from render.scene import Material, Model, Primitive

__all__ = ["CONTAINER", "Boxes", "container_model", "corners_of"]

# What the names of containers begin with.
CONTAINER = "container:"

# Of each box: middle and half sides along world x, y and z, metres.
Boxes = tuple[tuple[float, ...], ...]

_SIGNS = np.array([[x, y, z] for z in (-1, 1) for y in (-1, 1) for x in (-1, 1)], np.float64)
# The corners of each side, anticlockwise seen from outside, and where it faces.
_SIDES = (
    ((0, 2, 3, 1), (0, 0, -1)),
    ((4, 5, 7, 6), (0, 0, 1)),
    ((0, 1, 5, 4), (0, -1, 0)),
    ((2, 6, 7, 3), (0, 1, 0)),
    ((0, 4, 6, 2), (-1, 0, 0)),
    ((1, 3, 7, 5), (1, 0, 0)),
)


def corners_of(box: tuple[float, ...]) -> NDArray[np.float64]:
    """``(8, 3)`` corners of one box, world, metres."""
    numbers = np.array(box)
    return np.asarray(numbers[:3] + _SIGNS * numbers[3:])


@lru_cache(maxsize=64)
def container_model(boxes: Boxes) -> Model:
    """A model of boxes that do not overlap, about the world's axes; equal boxes give the same.

    Args:
        boxes: One or more.

    """
    positions: list[NDArray[np.float64]] = []
    normals: list[NDArray[np.float32]] = []
    faces: list[list[int]] = []
    for box in boxes:
        corners = corners_of(box)
        for side, normal in _SIDES:
            first = 4 * len(positions)
            positions.append(corners[list(side)])
            normals.append(np.tile(np.array(normal, np.float32), (4, 1)))
            faces += [[first, first + 1, first + 2], [first, first + 2, first + 3]]
    body = Primitive(
        positions_m=np.concatenate(positions),
        normals=np.concatenate(normals),
        faces=np.array(faces, np.int32),
        material=Material(name="container"),
    )
    digest = hashlib.sha256(np.array(boxes).tobytes()).hexdigest()
    return Model(
        name=f"{CONTAINER}{digest[:16]}", category="", sha256=digest, unit_m=1.0, up="z",
        primitives=(body,), hull_m=np.concatenate([corners_of(box) for box in boxes]),
        is_closed=True,
    )  # fmt: skip
