"""What must hold between the labels and the buffers of every frame."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from render.buffers import Buffers
from render.errors import InvariantError
from render.geometry.pixels import Box
from render.geometry.runs import RunTable
from render.sample import ObjectLabel
from render.scene import Camera, Scene

__all__ = ["check_invariants"]

# The rasterizer snaps corners to a grid of 1/256 px; its float32 transform adds as much.
_BOX_SLACK_PX = 1.0
_DEPTH_SLACK = 1e-4


def check_invariants(labels: Sequence[ObjectLabel], buffers: Buffers, scene: Scene) -> None:
    """Checks labels against each other and against the buffers.

    Masks of different instances are disjoint because all visible masks, painted into one
    image, give the image of ids, in which a pixel has one.

    Raises:
        InvariantError: One of them does not hold; the message says which, and where.

    """
    n = len(scene.labelled_instances)
    _require([x.instance_idx for x in labels] == list(range(n)), f"labels must be 0 to {n - 1}")
    _check_buffers(buffers, scene.camera, n)
    size_wh = scene.camera.size_wh
    visib = RunTable.of([label.mask_visib for label in labels], size_wh=size_wh)
    whole = RunTable.of([label.mask for label in labels], size_wh=size_wh)
    _check_visible(labels, visib, buffers.instance_idx)
    _check_subsets(labels, visib, whole)
    for label, count, in_frame, extent in zip(
        labels, visib.areas(), whole.areas(), visib.boxes(), strict=True
    ):
        if fault := _fault_of(label, count, in_frame, extent):
            raise InvariantError(f"{_name(label)}: {fault}")


def _check_buffers(buffers: Buffers, camera: Camera, n_labels: int) -> None:
    ids, depth_m = buffers.instance_idx, buffers.depth_m
    width, height = camera.size_wh
    arrays = {"instance_idx": ids, "depth_m": depth_m, "radiance": buffers.radiance}
    for name, array in arrays.items():
        _require(
            array.shape[:2] == (height, width),
            f"{name} must be {height} x {width}, got {array.shape[:2]}",
        )
    low, high = int(ids.min()), int(ids.max())
    _require(
        low >= -1 and high < n_labels,
        f"instance_idx must be from -1 to {n_labels - 1}, got {low} to {high}",
    )
    _require(
        bool(depth_m.min() >= 0 and np.isfinite(depth_m.max())),
        "depth must be 0 or a positive number",
    )
    # Surfaces without an id (a floor) have depth; an id without depth has no surface.
    is_there = (ids >= 0).view(np.uint8)
    nearest, farthest, _, _ = cv2.minMaxLoc(depth_m, is_there)
    _require(
        high < 0
        or (
            nearest >= camera.near_m * (1 - _DEPTH_SLACK)
            and farthest <= camera.far_m * (1 + _DEPTH_SLACK)
        ),
        f"depth of instances must be from near ({camera.near_m:g} m) to far "
        f"({camera.far_m:g} m), got {nearest:g} to {farthest:g}",
    )


def _check_visible(labels: Sequence[ObjectLabel], visib: RunTable, ids: NDArray[np.int32]) -> None:
    order = np.argsort(visib.starts, kind="stable")
    bounds = np.stack([visib.starts[order], visib.ends[order]], axis=1).ravel()
    lengths = np.diff(bounds, prepend=0, append=ids.size)
    values = np.full(len(lengths), -1, np.int32)
    values[1::2] = visib.owner()[order]
    # Masks that overlap leave gaps of less than nothing between their runs.
    if lengths.min() >= 0 and np.array_equal(
        np.repeat(values, lengths), cv2.transpose(ids).ravel()
    ):
        return
    for label in labels:
        seen = ids == label.instance_idx
        wrong = np.count_nonzero(label.mask_visib.pixels() != seen)
        _require(
            wrong == 0,
            f"{_name(label)}: mask_visib must be its {np.count_nonzero(seen)} pixels among the "
            f"ids, got {wrong} wrong",
        )
    raise InvariantError("visible masks must be of runs in order that do not touch")


def _check_subsets(labels: Sequence[ObjectLabel], visib: RunTable, whole: RunTable) -> None:
    # Frames laid one after another, one for each mask: a run then lies within one of its own.
    n_pixels = visib.size_wh[0] * visib.size_wh[1]
    owner, shift = visib.owner(), n_pixels * whole.owner()
    starts, ends = visib.starts + n_pixels * owner, visib.ends + n_pixels * owner
    before = np.searchsorted(whole.starts + shift, starts, side="right")
    holds = ends <= np.append(0, whole.ends + shift)[before]
    for i in owner[~holds][:1]:
        outside = np.count_nonzero(labels[i].mask_visib.pixels() & ~labels[i].mask.pixels())
        raise InvariantError(
            f"{_name(labels[i])}: visible must be a subset of amodal, got {outside} pixels outside"
        )


def _fault_of(label: ObjectLabel, visib: int, in_frame: int, extent: Box | None) -> str:
    """What a label says that its masks contradict; "" where they agree."""
    whole = label.px_count_all
    if label.px_count_visib != visib:
        return f"px_count_visib must be its {visib} pixels, got {label.px_count_visib}"
    if in_frame > whole:
        return f"px_count_all must be at least its {in_frame} pixels in the frame, got {whole}"
    for name, got, part, among in (
        ("visib_fract", label.visib_fract, visib, whole),
        ("truncated_fract", label.truncated_fract, whole - in_frame, whole),
        ("occluded_fract", label.occluded_fract, in_frame - visib, in_frame),
    ):
        value = part / among if among else None
        if got != value:
            return f"{name} must be {value}, got {got}"
    if label.bbox_visib != extent:
        return f"bbox_visib must be {extent}, got {label.bbox_visib}"
    if extent is not None and not _holds(label.bbox_obj, extent):
        return (
            f"bbox_obj must hold the centres of all visible pixels ({extent}), got {label.bbox_obj}"
        )
    return ""


def _holds(whole: Box | None, visib: Box) -> bool:
    return (
        whole is not None
        and whole.x0 - _BOX_SLACK_PX <= visib.x0 + 0.5
        and whole.y0 - _BOX_SLACK_PX <= visib.y0 + 0.5
        and visib.x1 - 0.5 <= whole.x1 + _BOX_SLACK_PX
        and visib.y1 - 0.5 <= whole.y1 + _BOX_SLACK_PX
    )


def _name(label: ObjectLabel) -> str:
    return f"instance {label.instance_idx} ({label.model})"


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise InvariantError(message)
