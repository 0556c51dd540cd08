"""What must hold between the labels and the buffers of every frame."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from render.buffers import Buffers
from render.errors import InvariantError
from render.geometry.pixels import Box, box_of_mask
from render.sample import ObjectLabel
from render.scene import Scene

__all__ = ["check_invariants"]

# The rasterizer snaps corners to a grid of 1/256 px; its float32 transform adds as much.
_BOX_SLACK_PX = 1.0
_DEPTH_SLACK = 1e-4


def check_invariants(labels: Sequence[ObjectLabel], buffers: Buffers, scene: Scene) -> None:
    """Checks labels against each other and against the buffers.

    Masks of different instances are disjoint because each visible mask is compared with
    one image of ids, in which a pixel has one.

    Raises:
        InvariantError: One of them does not hold; the message says which, and where.

    """
    n = len(scene.instances)
    _require([x.instance_idx for x in labels] == list(range(n)), f"labels must be 0 to {n - 1}")
    _check_buffers(buffers, scene)
    ids = buffers.instance_idx
    counts = np.bincount(ids.ravel() + 1, minlength=n + 1)[1:]
    for label, count in zip(labels, counts, strict=True):
        _check_one(label, int(count), ids)


def _check_buffers(buffers: Buffers, scene: Scene) -> None:
    ids, depth_m, camera = buffers.instance_idx, buffers.depth_m, scene.camera
    width, height = camera.size_wh
    arrays = {"instance_idx": ids, "depth_m": depth_m, "radiance": buffers.radiance}
    for name, array in arrays.items():
        _require(
            array.shape[:2] == (height, width),
            f"{name} must be {height} x {width}, got {array.shape[:2]}",
        )
    low, high = int(ids.min()), int(ids.max())
    _require(
        low >= -1 and high < len(scene.instances),
        f"instance_idx must be from -1 to {len(scene.instances) - 1}, got {low} to {high}",
    )
    is_there = ids >= 0
    # Surfaces without an id (a floor) have depth; an id without depth has no surface.
    here = depth_m[is_there]
    if here.size:
        nearest, farthest = float(here.min()), float(here.max())
        _require(
            nearest >= camera.near_m * (1 - _DEPTH_SLACK)
            and farthest <= camera.far_m * (1 + _DEPTH_SLACK),
            f"depth of instances must be from near ({camera.near_m:g} m) to far "
            f"({camera.far_m:g} m), got {nearest:g} to {farthest:g}",
        )
    _require(
        bool(depth_m.min() >= 0 and np.isfinite(depth_m.max())),
        "depth must be 0 or a positive number",
    )


def _check_one(label: ObjectLabel, count: int, ids: NDArray[np.int32]) -> None:
    name = f"instance {label.instance_idx} ({label.model})"
    window = _window(label.bbox_visib, ids.shape)
    seen, whole = label.mask_visib[window], label.mask[window]
    in_frame = int(np.count_nonzero(label.mask))
    visib = int(np.count_nonzero(label.mask_visib))
    _require(
        visib == count == label.px_count_visib
        and int(np.count_nonzero(seen & (ids[window] == label.instance_idx))) == count,
        f"{name}: px_count_visib must be its {count} pixels among the ids, got "
        f"{label.px_count_visib} (mask: {visib})",
    )
    outside = int(np.count_nonzero(seen & ~whole))
    _require(
        outside == 0,
        f"{name}: visible must be a subset of amodal, got {outside} pixels outside",
    )
    _require(
        in_frame <= label.px_count_all,
        f"{name}: px_count_all must be at least its {in_frame} pixels in the frame, got "
        f"{label.px_count_all}",
    )
    _check_fractions(label, in_frame, name)
    _check_boxes(label, count, name)


def _check_fractions(label: ObjectLabel, in_frame: int, name: str) -> None:
    whole, visib = label.px_count_all, label.px_count_visib
    wanted = {
        "visib_fract": visib / whole if whole else None,
        "truncated_fract": (whole - in_frame) / whole if whole else None,
        "occluded_fract": (in_frame - visib) / in_frame if in_frame else None,
    }
    for field, value in wanted.items():
        got = getattr(label, field)
        _require(got == value, f"{name}: {field} must be {value}, got {got}")


def _check_boxes(label: ObjectLabel, count: int, name: str) -> None:
    visib, whole = label.bbox_visib, label.bbox_obj
    _require((visib is None) == (count == 0), f"{name}: bbox_visib must be null iff unseen")
    if visib is None:
        return
    extent = box_of_mask(label.mask_visib)
    _require(visib == extent, f"{name}: bbox_visib must be {extent}, got {visib}")
    _require(
        whole is not None
        and whole.x0 - _BOX_SLACK_PX <= visib.x0 + 0.5
        and whole.y0 - _BOX_SLACK_PX <= visib.y0 + 0.5
        and visib.x1 - 0.5 <= whole.x1 + _BOX_SLACK_PX
        and visib.y1 - 0.5 <= whole.y1 + _BOX_SLACK_PX,
        f"{name}: bbox_obj must hold the centres of all visible pixels ({visib}), got {whole}",
    )


def _window(box: Box | None, shape_hw: tuple[int, ...]) -> tuple[slice, slice]:
    """The pixels of a box of whole numbers; none for None."""
    if box is None:
        return slice(0, 0), slice(0, 0)
    height, width = shape_hw
    return (
        slice(max(int(box.y0), 0), min(int(box.y1), height)),
        slice(max(int(box.x0), 0), min(int(box.x1), width)),
    )


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise InvariantError(message)
