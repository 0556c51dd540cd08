"""COCO instances JSON, written as a stream."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

__all__ = ["coco_annotation", "coco_image", "coco_keypoints", "write_coco"]

_PLAIN = (
    "bbox_obj", "visib_fract", "truncated_fract", "occluded_fract", "px_count_all",
    "px_count_visib", "cam_R_m2c", "cam_t_m2c", "model_scale", "instance_idx", "model",
    "box3d_size_m", "box3d_center_cam_m", "box3d_corners_uv",
)  # fmt: skip
# Only where an instance has them.
_SOME = (
    "cam_R_m2c_canonical", "cam_t_m2c_canonical", "obb_obj", "obb_visib", "keypoints_uv",
    "keypoints_sight",
)  # fmt: skip
# COCO's own words for a keypoint: 2 is visible, 1 is in the image and hidden, 0 is not labelled.
_COCO_VISIBILITY = {"visible": 2, "self_occluded": 1, "occluded": 1, "outside": 0}


def write_coco(
    frames: Iterable[Mapping[str, Any]],
    instances: Iterable[Mapping[str, Any]],
    *,
    split: str,
    categories: Sequence[str],
    keypoints: Mapping[str, Sequence[str]],
    path: Path,
) -> None:
    """Writes the images and annotations of one split; one row in memory at a time.

    Distractors and filtered instances are left out. Ids of categories, images
    (``frame_idx + 1``) and annotations count from 1, because pycocotools takes an
    annotation with id 0 for "no match".

    Args:
        frames: Frame records in order, of all splits.
        instances: Instance records in order, of all splits.
        categories: Names in the order of their ids.
        keypoints: Their names, of each category that has some.
        path: Whole or not there: it is written under a temporary name first.

    """
    ids = {name: i for i, name in enumerate(categories, start=1)}
    images = (coco_image(row) for row in frames if row["split"] == split)
    shown = (
        row
        for row in instances
        if row["split"] == split and row["role"] == "target" and not row["filtered"]
    )
    annotations = (
        coco_annotation(row, annotation_id=n, category_id=ids[row["category"]])
        for n, row in enumerate(shown, start=1)
    )
    listed = (
        {"id": i, "name": name, "supercategory": ""} | _coco_keypoints(keypoints.get(name))
        for name, i in ids.items()
    )
    temporary = path.with_name(f".{path.name}.writing.part")
    with temporary.open("w", encoding="utf-8") as file:
        file.write('{"info": {"description": "rendered by render"}, "licenses": [],\n')
        _write_list(file, "categories", listed, end=",\n")
        _write_list(file, "images", images, end=",\n")
        _write_list(file, "annotations", annotations, end="}\n")
    temporary.replace(path)


def coco_image(frame: Mapping[str, Any]) -> dict[str, Any]:
    """The entry of one frame; `cam_K` in centre coordinates, `cam_dist` as OpenCV has it."""
    return {
        "id": frame["frame_idx"] + 1,
        "file_name": frame["file_name"],
        "width": frame["width"],
        "height": frame["height"],
        "frame_idx": frame["frame_idx"],
        "cam_K": frame["cam_K"],
        "cam_dist": frame["cam_dist"],
        "theta": json.loads(frame["theta"]),
    }


def coco_annotation(
    row: Mapping[str, Any], *, annotation_id: int, category_id: int
) -> dict[str, Any]:
    """The entry of one instance; `bbox`, `area`, `segmentation` are of the visible mask."""
    size_hw = [row["height"], row["width"]]
    entry = {
        "id": annotation_id,
        "image_id": row["frame_idx"] + 1,
        "category_id": category_id,
        "iscrowd": 0,
        "bbox": row["bbox_visib"],
        "area": row["px_count_visib"],
        "segmentation": {"size": size_hw, "counts": row["mask_visib"]},
        "segmentation_amodal": {"size": size_hw, "counts": row["mask"]},
        **{name: row[name] for name in _PLAIN},
        **{name: row[name] for name in _SOME if row[name] is not None},
    }
    if row["keypoints_sight"] is not None:
        entry |= coco_keypoints(row)
    return entry


def coco_keypoints(row: Mapping[str, Any]) -> dict[str, Any]:
    """``keypoints`` (x, y, v of each, centre coordinates) and ``num_keypoints`` of an instance.

    As COCO has it, a keypoint that is not labelled is 0, 0, 0: here one outside of the image.
    """
    uv, sights = row["keypoints_uv"], row["keypoints_sight"]
    triples: list[float] = []
    for k, sight in enumerate(sights):
        v = _COCO_VISIBILITY[sight]
        triples += (uv[2 * k], uv[2 * k + 1], v) if v else (0, 0, 0)
    return {"keypoints": triples, "num_keypoints": sum(s != "outside" for s in sights)}


def _coco_keypoints(names: Sequence[str] | None) -> dict[str, Any]:
    return {} if names is None else {"keypoints": list(names), "skeleton": []}


def _write_list(file: TextIO, name: str, entries: Iterator[dict[str, Any]], *, end: str) -> None:
    file.write(f'"{name}": [')
    separator = "\n"
    for entry in entries:
        file.write(separator + json.dumps(entry, allow_nan=False))
        separator = ",\n"
    file.write(f"\n]{end}")
