"""COCO instances JSON, made as a stream."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, final, get_args

from render.config.settings import setting
from render.dataset.findings import Findings
from render.dataset.frame_view import LabelNames, is_labelled
from render.dataset.layout import SPLITS
from render.geometry.rle import decode_rle
from render.writers.base import WRITERS, AbstractWriter, StoredFrame
from render.writers.coco_check import check_coco
from render.writers.coco_files import PARTS, WHOLE, coco_files
from render.writers.outline import outlines

if TYPE_CHECKING:
    from render.dataset.reader import Dataset

__all__ = [
    "CocoSettings",
    "CocoWriter",
    "Segmentation",
    "coco_annotation",
    "coco_categories",
    "coco_image",
    "coco_keypoints",
    "coco_parts",
]

Segmentation = Literal["rle", "polygon"]

# Lines run 1/64 px inside the edges of pixels: 0.016 and 0.984.
_DECIMALS = 3

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
_SOME_OF_IMAGE = ("im_id", "scene_id", "view_idx")
# COCO's own words for a keypoint: 2 is visible, 1 is in the image and hidden, 0 is not labelled.
_COCO_VISIBILITY = {"visible": 2, "self_occluded": 1, "occluded": 1, "outside": 0}


@dataclass(frozen=True, kw_only=True)
class CocoSettings:
    """Keys of ``output`` that are COCO's."""

    coco_segmentation: Segmentation = setting(
        kind="choice",
        options=get_args(Segmentation),
        default="rle",
        doc="What `segmentation` in the files of COCO is: run lengths, or polygons for programs "
        "that know nothing else.",
        example="polygon",
    )
    coco_theta: bool = setting(
        kind="flag",
        default=True,
        doc="Whether images in the files of COCO have `theta`; the records always do.",
        example="false",
    )


@final
@WRITERS.register("coco")
class CocoWriter(AbstractWriter[CocoSettings]):
    """COCO instances: a file for each split, or several, when all frames are there."""

    Settings = CocoSettings

    @classmethod
    def paths(cls) -> tuple[str, ...]:
        return (WHOLE, PARTS)

    def whole_paths(self, n_frames: int) -> tuple[str, ...]:
        return tuple(one.path for one in coco_files(n_frames))

    def finish_files(self, dataset: Dataset) -> dict[str, Iterator[bytes]]:
        annotation_ids = {split: itertools.count(1) for split in SPLITS}
        return {
            one.path: coco_parts(
                dataset.rows("frames", dataset.sharding.shards_of(one.frames)),
                dataset.rows("instances", dataset.sharding.shards_of(one.frames)),
                split=one.split,
                names=dataset.names,
                segmentation=self.settings.coco_segmentation,
                theta=self.settings.coco_theta,
                annotation_ids=annotation_ids[one.split],
            )
            for one in coco_files(dataset.n_frames)
        }

    def check(self, dataset: Dataset, findings: Findings) -> Callable[[StoredFrame], None]:
        return check_coco(
            dataset, self.settings.coco_segmentation, findings, theta=self.settings.coco_theta
        )


def coco_parts(
    frames: Iterable[Mapping[str, Any]],
    instances: Iterable[Mapping[str, Any]],
    *,
    split: str,
    names: LabelNames,
    segmentation: Segmentation = "rle",
    theta: bool = True,
    annotation_ids: Iterator[int] | None = None,
) -> Iterator[bytes]:
    """The images and annotations of one split; one row in memory at a time.

    Distractors and filtered instances are left out. Ids of categories, images
    (``frame_idx + 1``) and annotations count from 1, because pycocotools takes an
    annotation with id 0 for "no match".

    Args:
        frames: Frame records in order, of all splits.
        instances: Instance records in order, of all splits.
        split: ``train`` or ``val``.
        names: Categories in the order of their ids, and the keypoints of those that have some.
        segmentation: As for `coco_annotation`.
        theta: As for `coco_image`.
        annotation_ids: Gives the id of each annotation, where they do not count from 1: those of a
            split go on from file to file.

    """
    annotation_ids = itertools.count(1) if annotation_ids is None else annotation_ids
    ids = {name: i for i, name in enumerate(names.categories, start=1)}
    images = (coco_image(row, theta=theta) for row in frames if row["split"] == split)
    shown = (row for row in instances if row["split"] == split and is_labelled(row))
    annotations = (
        coco_annotation(
            row, annotation_id=n, category_id=ids[row["category"]], segmentation=segmentation
        )
        for row, n in zip(shown, annotation_ids, strict=False)
    )
    yield b'{"info": {"description": "rendered by render"}, "licenses": [],\n'
    yield from _list("categories", coco_categories(names), end=",\n")
    yield from _list("images", images, end=",\n")
    yield from _list("annotations", annotations, end="}\n")


def coco_categories(names: LabelNames) -> Iterator[dict[str, Any]]:
    """The entries of all categories, whose ids count from 1."""
    return (
        {"id": i, "name": name, "supercategory": ""} | _coco_keypoints(names.keypoints.get(name))
        for i, name in enumerate(names.categories, start=1)
    )


def coco_image(frame: Mapping[str, Any], *, theta: bool = True) -> dict[str, Any]:
    """The entry of one frame; `cam_K` in centre coordinates, `cam_dist` as OpenCV has it.

    `theta` is there unless told otherwise, `im_id` where a real image was rendered again, and
    `scene_id` and `view_idx` where scenes have several views.
    """
    return {
        "id": frame["frame_idx"] + 1,
        "file_name": frame["file_name"],
        "width": frame["width"],
        "height": frame["height"],
        "frame_idx": frame["frame_idx"],
        "cam_K": frame["cam_K"],
        "cam_dist": frame["cam_dist"],
        **({"theta": json.loads(frame["theta"])} if theta else {}),
        **{name: frame[name] for name in _SOME_OF_IMAGE if frame[name] is not None},
    }


def coco_annotation(
    row: Mapping[str, Any],
    *,
    annotation_id: int,
    category_id: int,
    segmentation: Segmentation = "rle",
) -> dict[str, Any]:
    """The entry of one instance; `bbox`, `area`, `segmentation` are of the visible mask.

    Args:
        row: Its record.
        annotation_id: From 1.
        category_id: From 1.
        segmentation: ``rle`` writes the visible mask as run lengths, ``polygon`` as a list of
            rings of x and y in turn, edge coordinates: `render.writers.outline.outlines`.

    """
    size_hw = [row["height"], row["width"]]
    entry = {
        "id": annotation_id,
        "image_id": row["frame_idx"] + 1,
        "category_id": category_id,
        "iscrowd": 0,
        "bbox": row["bbox_visib"],
        "area": row["px_count_visib"],
        "segmentation": (
            _polygons(row)
            if segmentation == "polygon"
            else {"size": size_hw, "counts": row["mask_visib"]}
        ),
        "segmentation_amodal": {"size": size_hw, "counts": row["mask"]},
        **{name: row[name] for name in _PLAIN},
        **{name: row[name] for name in _SOME if row[name] is not None},
    }
    if row["keypoints_sight"] is not None:
        entry |= coco_keypoints(row)
    return entry


def _polygons(row: Mapping[str, Any]) -> list[list[float]]:
    mask = decode_rle(row["mask_visib"], size_wh=(row["width"], row["height"]))
    return [ring.ravel().round(_DECIMALS).tolist() for ring in outlines(mask)]


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


def _list(name: str, entries: Iterator[dict[str, Any]], *, end: str) -> Iterator[bytes]:
    yield f'"{name}": ['.encode()
    separator = "\n"
    for entry in entries:
        yield f"{separator}{json.dumps(entry, allow_nan=False)}".encode()
        separator = ",\n"
    yield f"\n]{end}".encode()
