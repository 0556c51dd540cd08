"""What is recorded of a frame and of its instances, as rows of plain values.

Apart from their files, because workers make rows and write none.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from render.geometry.pixels import Box
from render.geometry.rle import encode_rles
from render.sample import ObjectLabel, Sample
from render.theta import placement_to_json, theta_to_json

__all__ = ["frame_row", "instance_rows"]


def frame_row(sample: Sample, *, image: str, hashes: Mapping[str, str]) -> dict[str, Any]:
    """The record of a frame.

    Args:
        image: Suffix of the image file, without dot.
        hashes: SHA-256 (hex) of each file of the frame, by path relative to the dataset.

    Returns:
        ``theta`` and ``placement`` as JSON text; ``cam_K`` as 9 numbers, row by row, centre
        coordinates; ``cam_dist`` as OpenCV's coefficients; ``im_id`` as the placement has it;
        ``scene_id`` and ``view_idx`` where scenes have several views;
        ``files`` as ``[{path, sha256}]`` sorted by path.

    """
    height, width = sample.rgb.shape[:2]
    return {
        "frame_idx": sample.key.frame_idx,
        "split": sample.key.split,
        "file_name": f"{sample.key.stem}.{image}",
        "width": width,
        "height": height,
        "attempt": sample.attempt,
        "rejections": list(sample.rejections),
        "cam_K": [float(k) for k in sample.placement.K],
        "cam_dist": [float(k) for k in sample.placement.distortion],
        "theta": _json(theta_to_json(sample.theta)),
        "placement": _json(placement_to_json(sample.placement)),
        "im_id": sample.placement.im_id,
        "scene_id": sample.key.scene_id if sample.key.views > 1 else None,
        "view_idx": sample.key.view_idx if sample.key.views > 1 else None,
        "files": [{"path": path, "sha256": hashes[path]} for path in sorted(hashes)],
    }


def instance_rows(sample: Sample) -> list[dict[str, Any]]:
    """The records of a frame's instances, targets first, filtered ones and distractors too.

    Boxes are xywh in edge coordinates; ``mask`` (amodal, inside the frame) and
    ``mask_visib`` are the `counts` of a compressed RLE of ``height`` x ``width``, see
    `render.geometry.rle`. Points are x and y in turn: ``*_uv`` in centre coordinates, ``obb_*`` in
    edge coordinates.
    """
    height, width = sample.rgb.shape[:2]
    masks = [mask for label in sample.labels for mask in (label.mask, label.mask_visib)]
    rles = iter(encode_rles(masks, size_wh=(width, height)))
    return [
        _instance_row(sample, label, rle, rle_visib)
        for label, rle, rle_visib in zip(sample.labels, rles, rles, strict=True)
    ]


def _instance_row(sample: Sample, label: ObjectLabel, rle: str, rle_visib: str) -> dict[str, Any]:
    height, width = sample.rgb.shape[:2]
    return {
        "frame_idx": sample.key.frame_idx,
        "split": sample.key.split,
        "instance_idx": int(label.instance_idx),
        "role": label.role,
        "model": label.model,
        "category": label.category,
        "filtered": label.filtered,
        "bbox_obj": _xywh(label.bbox_obj),
        "bbox_visib": _xywh(label.bbox_visib),
        "px_count_all": int(label.px_count_all),
        "px_count_visib": int(label.px_count_visib),
        "visib_fract": _number(label.visib_fract),
        "truncated_fract": _number(label.truncated_fract),
        "occluded_fract": _number(label.occluded_fract),
        "cam_R_m2c": label.R_cam_obj.astype(np.float64).ravel().tolist(),
        "cam_t_m2c": label.t_cam_obj_m.astype(np.float64).ravel().tolist(),
        "model_scale": float(label.model_scale),
        **_task_columns(label),
        "width": width,
        "height": height,
        "mask": rle,
        "mask_visib": rle_visib,
    }


def _task_columns(label: ObjectLabel) -> dict[str, Any]:
    canonical, box, keypoints = label.T_cam_obj_canonical, label.box3d, label.keypoints
    if box is None:
        raise ValueError("labels must have a box3d: TaskLabeller adds it")
    return {
        "cam_R_m2c_canonical": None if canonical is None else canonical[:3, :3].ravel().tolist(),
        "cam_t_m2c_canonical": None if canonical is None else canonical[:3, 3].tolist(),
        "box3d_size_m": box.size_m.tolist(),
        "box3d_center_cam_m": box.center_cam_m.tolist(),
        "box3d_corners_uv": _flat(box.corners_uv),
        "obb_obj": _flat(label.obb_obj),
        "obb_visib": _flat(label.obb_visib),
        "keypoints_uv": None if keypoints is None else _flat(keypoints.uv),
        "keypoints_sight": None if keypoints is None else list(keypoints.sights),
    }


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


def _xywh(box: Box | None) -> list[float] | None:
    return None if box is None else [float(v) for v in box.xywh]


def _flat(points: NDArray[np.float64] | None) -> list[float | None] | None:
    """The points' coordinates, x and y in turn; None for what is not a number."""
    if points is None:
        return None
    return [v if np.isfinite(v) else None for v in points.ravel().tolist()]


def _number(value: float | None) -> float | None:
    return None if value is None else float(value)
