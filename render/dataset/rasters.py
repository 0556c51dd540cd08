"""Images as PNG bytes: the picture, the instance mask, the depth."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from render.errors import InvariantError
from render.kernels.rasters import depth_in_units, plus_one

__all__ = ["depth_problem", "encode_depth", "encode_ids", "encode_map", "encode_png"]

_U16_MAX = 65535
# zlib level 1: a third of the time of the default for a tenth more bytes. One filter for all rows:
# choosing one for each takes more time than all the rest, and ids and depth are as small with "up".
_FLAGS = (
    cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_UP,
)  # fmt: skip


def encode_png(rgb: NDArray[np.uint8]) -> bytes:
    """An ``(H, W, 3)`` RGB picture, lossless."""
    return _encode(np.ascontiguousarray(rgb[..., ::-1]))


def encode_ids(instance_idx: NDArray[np.int32]) -> bytes:
    """An id image, u16: 0 is none, ``instance_idx + 1`` otherwise.

    Args:
        instance_idx: ``(H, W)``; -1 is none.

    Raises:
        InvariantError: An index below -1 or above 65,534.

    """
    ids = np.empty(instance_idx.shape, np.uint16)
    least, most = plus_one(np.ascontiguousarray(instance_idx).reshape(-1), ids.reshape(-1))
    if least < -1 or most >= _U16_MAX:
        raise InvariantError(
            f"instance_idx must lie in [-1, {_U16_MAX - 1}], got {least} to {most}"
        )
    return _encode(ids)


def encode_depth(depth_m: NDArray[np.float32], *, unit_m: float) -> bytes:
    """A depth image, u16 in units of `unit_m`, rounded to the nearest; 0 is unknown.

    What is nearer than half a unit is 1. What is farther than 65,535 units cannot be held and is
    0, as nothing is; `depth_problem` says whether that may be.

    Args:
        depth_m: ``(H, W)`` z along the optical axis; 0 is nothing.

    """
    units = np.empty(depth_m.shape, np.uint16)
    depth_in_units(np.ascontiguousarray(depth_m).reshape(-1), unit_m, units.reshape(-1))
    return _encode(units)


def depth_problem(target_m: float, *, unit_m: float) -> str:
    """Why a depth image cannot hold a target, with the unit that would do; "" where it can.

    Args:
        target_m: Largest depth of the target's pixels.
        unit_m: Metres of one step.

    """
    if np.rint(target_m / unit_m) <= _U16_MAX:
        return ""
    enough = 10.0 ** np.ceil(np.log10(target_m / _U16_MAX))
    return (
        f"output.depth_unit_m must reach every target with {_U16_MAX} steps, got {unit_m:g}, which "
        f"ends at {_U16_MAX * unit_m:.6g} m, before a target at {target_m:.6g} m: "
        f"output.depth_unit_m={enough:g}"
    )


def encode_map(image: NDArray[np.uint16]) -> bytes:
    """A per-pixel label: ``(H, W)``, or ``(H, W, 3)`` whose channels are red, green, blue."""
    return _encode(image if image.ndim == 2 else np.ascontiguousarray(image[..., ::-1]))


def _encode(image: NDArray[np.uint8] | NDArray[np.uint16]) -> bytes:
    _, data = cv2.imencode(".png", image, _FLAGS)
    return data.tobytes()
