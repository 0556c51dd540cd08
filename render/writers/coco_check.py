"""The COCO files against the records, one frame in memory at a time."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeGuard, final

import cv2
import numpy as np
from numpy.typing import NDArray

from render.dataset.findings import Findings
from render.dataset.layout import SPLITS
from render.geometry.rle_definition import decoded
from render.sample import Split
from render.system.plain_data import json_of, open_regular
from render.writers.base import Row, StoredFrame
from render.writers.coco_files import CocoFile, coco_files
from render.writers.json_lists import JsonElement, elements

if TYPE_CHECKING:
    from render.dataset.reader import Dataset

__all__ = ["check_coco", "record_keypoints"]

_EQUAL_FIELDS = (
    "bbox_obj", "visib_fract", "truncated_fract", "occluded_fract", "px_count_all",
    "px_count_visib", "cam_R_m2c", "cam_t_m2c", "model_scale", "instance_idx", "model",
    "box3d_size_m", "box3d_center_cam_m", "box3d_corners_uv", "cam_R_m2c_canonical",
    "cam_t_m2c_canonical", "obb_obj", "obb_visib", "keypoints_uv", "keypoints_sight",
)  # fmt: skip
_IMAGE_FIELDS = (
    "file_name",
    "width",
    "height",
    "cam_K",
    "cam_dist",
    "im_id",
    "scene_id",
    "view_idx",
)
_KEYS = {"info", "licenses", "categories", "images", "annotations"}
_IMAGE_KEYS = {"id", "frame_idx", "theta", *_IMAGE_FIELDS}
_ANNOTATION_KEYS = {
    "id", "image_id", "category_id", "iscrowd", "bbox", "area", "segmentation",
    "segmentation_amodal", "keypoints", "num_keypoints", *_EQUAL_FIELDS,
}  # fmt: skip
_SLACK = 1e-9


@dataclass(frozen=True, eq=False)
class _Places:
    """Where the entries of a list lie in the file, sorted by the image they are of."""

    image_id: NDArray[np.int64]
    start: NDArray[np.int64]
    end: NDArray[np.int64]

    @classmethod
    def of(cls, image_id: array[int], start: array[int], end: array[int]) -> _Places:
        columns = [np.array(column, np.int64) for column in (image_id, start, end)]
        order = np.argsort(columns[0], kind="stable")
        return cls(*(column[order] for column in columns))

    def of_image(self, image_id: int) -> Iterator[tuple[int, int]]:
        """Bytes of its entries, from and to."""
        lo, hi = np.searchsorted(self.image_id, [image_id, image_id + 1])
        for i in range(int(lo), int(hi)):
            yield int(self.start[i]), int(self.end[i])


@dataclass(eq=False)
class _Column:
    """Ids and places of a list while it is read: a few bytes an entry."""

    own: array[int] = field(default_factory=lambda: array("q"))
    image_id: array[int] = field(default_factory=lambda: array("q"))
    start: array[int] = field(default_factory=lambda: array("q"))
    end: array[int] = field(default_factory=lambda: array("q"))

    def add(self, element: JsonElement, key: str) -> bool:
        entry = element.value
        if not isinstance(entry, dict):
            return False
        own, image_id = entry.get("id"), entry.get(key)
        if not _is_id(own) or not _is_id(image_id):
            return False
        for column, value in zip(
            (self.own, self.image_id, self.start, self.end),
            (own, image_id, element.start, element.end),
            strict=True,
        ):
            column.append(value)
        return True


def _is_id(value: Any) -> TypeGuard[int]:
    return type(value) is int and 0 < value < 2**62


def check_coco(
    dataset: Dataset, segmentation: str, findings: Findings, *, theta: bool
) -> Callable[[StoredFrame], None]:
    """Checks all files by themselves; what is returned compares a frame with its records.

    Memory holds a few bytes for each entry.

    Args:
        dataset: The dataset.
        segmentation: What the visible masks are written as: ``rle`` or ``polygon``.
        findings: Takes what is wrong.
        theta: Whether images have it.

    """
    files: dict[Split, list[_Indexed]] = {split: [] for split in SPLITS}
    for one in coco_files(dataset.n_frames):
        files[one.split].append(_Indexed(dataset, one, segmentation, findings, theta=theta))
    for indexed in files.values():
        _check_apart(indexed, findings)

    def check(stored: StoredFrame) -> None:
        for one in files[stored.view.split]:
            if stored.view.frame_idx in one.of.frames:
                one.check(stored)

    return check


def _check_apart(files: Sequence[_Indexed], findings: Findings) -> None:
    """No annotation has the id of one in an earlier file of the same split."""
    earlier = np.empty(0, np.int64)
    for one in files:
        twice = np.intersect1d(earlier, one.annotation_ids)[:5].tolist()
        findings.require(
            not twice, f"annotations have ids of an earlier part: {twice}", file=one.of.path
        )
        earlier = np.concatenate([earlier, one.annotation_ids])


@final
class _Indexed:
    """An annotation file, indexed by image; entries are read when they are compared."""

    def __init__(
        self, dataset: Dataset, of: CocoFile, segmentation: str, findings: Findings, *, theta: bool
    ) -> None:
        self.of = of
        self.annotation_ids = np.empty(0, np.int64)
        self._has_theta = theta
        self._has_polygons = segmentation == "polygon"
        self._path = dataset.folder / of.path
        self._dataset = dataset
        self._findings = findings
        self._lists = {"images": _Column(), "annotations": _Column()}
        self._categories: list[Any] = []
        self._images: _Places | None = None
        self._annotations: _Places | None = None
        self._category_ids = {n: i for i, n in enumerate(dataset.names.categories, start=1)}
        self._index()

    def _require(self, holds: object, message: str, frame_idx: int | None = None) -> bool:
        return self._findings.require(holds, message, file=self.of.path, frame_idx=frame_idx)

    def _index(self) -> None:
        """Notes where every entry lies; checks what can be told without the records."""
        try:
            for element in elements(self._path, keys=_KEYS):
                if element.key == "categories":
                    if len(self._categories) <= len(self._category_ids):  # one too many tells
                        self._categories.append(element.value)
                elif element.key in self._lists:
                    key = "id" if element.key == "images" else "image_id"
                    self._require(
                        self._lists[element.key].add(element, key),
                        f"{element.key} must have ids that are whole and > 0; "
                        f"the entry at byte {element.start} has not",
                    )
        except OSError as error:
            self._require(False, f"cannot be read ({error.strerror})")
            return
        except ValueError as error:
            self._require(False, f"is torn: {error}")
            return
        images, annotations = self._lists["images"], self._lists["annotations"]
        self.annotation_ids = np.array(annotations.own, np.int64)
        self._check_ids(np.array(images.own, np.int64), annotations)
        self._images = _Places.of(images.image_id, images.start, images.end)
        self._annotations = _Places.of(annotations.image_id, annotations.start, annotations.end)
        self._lists.clear()
        self._check_categories()

    def _check_ids(self, image_ids: NDArray[np.int64], annotations: _Column) -> None:
        for name, ids in (("images", image_ids), ("annotations", self.annotation_ids)):
            values, counts = np.unique(ids, return_counts=True)
            twice = values[counts > 1].tolist()
            self._require(not twice, f"{name} must have ids of their own, got twice: {twice[:5]}")
        strange = np.setdiff1d(np.array(annotations.image_id, np.int64), image_ids)
        self._require(
            not len(strange), f"annotations are of images that are not there: {strange[:5]}"
        )
        frames, split, key_of = self.of.frames, self.of.split, self._dataset.key_of
        for image_id in image_ids.tolist():
            self._require(
                image_id - 1 in frames and key_of(image_id - 1).split == split,
                f"image {image_id} is of no frame of this file",
            )

    def _check_categories(self) -> None:
        entries = self._categories
        found = [
            (entry.get("id"), entry.get("name")) if isinstance(entry, dict) else None
            for entry in entries
        ]
        wanted = [(i, name) for name, i in self._category_ids.items()]
        if not self._require(found == wanted, f"categories must be {wanted}, got {found}"):
            return
        for name, entry in zip(self._category_ids, entries, strict=True):
            keypoints = list(self._dataset.names.keypoints.get(name, ()))
            self._require(
                entry.get("keypoints", []) == keypoints,
                f"keypoints of {name} must be {keypoints}, got {entry.get('keypoints')}",
            )
            rest = {key: value for key, value in entry.items() if value and key != "keypoints"}
            self._require(
                rest.keys() <= {"id", "name"}, f"{name} must have a name alone, got {rest}"
            )

    def check(self, stored: StoredFrame) -> None:
        """Compares the entries of a frame of this split with its records."""
        if self._images is None or self._annotations is None:
            return
        frame = stored.row
        image_id = frame["frame_idx"] + 1
        with open_regular(self._path) as file:

            def read(places: _Places) -> list[Any]:
                entries = []
                for start, end in places.of_image(image_id):
                    file.seek(start)
                    entries.append(json_of(file.read(end - start)))
                return entries

            self._check_image(frame, read(self._images))
            self._check_annotations(frame, stored.view.labelled, read(self._annotations))

    def _check_image(self, frame: Row, entries: list[Any]) -> None:
        idx = frame["frame_idx"]
        if not self._require(
            len(entries) == 1, f"must have one image entry, got {len(entries)}", idx
        ):
            return
        wanted = {name: frame[name] for name in _IMAGE_FIELDS}
        wanted["frame_idx"] = idx
        for name, value in wanted.items():
            got = entries[0].get(name)
            self._require(_same(got, value), f"image: {name} must be {value}, got {got}", idx)
        odd = sorted({*entries[0]} - _IMAGE_KEYS)
        self._require(not odd, f"image: must hold just its keys, odd: {', '.join(odd)}", idx)
        try:
            theta = json_of(frame["theta"]) if self._has_theta else None
        except ValueError:
            return  # said of the record
        self._require(
            _same(entries[0].get("theta"), theta), "image: theta must be that of the record", idx
        )

    def _check_annotations(self, frame: Row, labelled: Sequence[Row], entries: list[Any]) -> None:
        idx = frame["frame_idx"]
        shown = {row["instance_idx"]: row for row in labelled}
        for entry in entries:
            number = entry.get("instance_idx")
            row = shown.pop(number, None) if type(number) is int else None
            if self._require(
                row is not None,
                f"annotation {entry['id']} is of instance {number}, which is not labelled "
                "in the records, or has one already",
                idx,
            ):
                assert row is not None
                for problem in self._problems(entry, row):
                    self._require(not problem, f"annotation {entry['id']}: {problem}", idx)
        for number, row in shown.items():
            self._require(False, f"instance {number} ({row['model']}) has no annotation", idx)

    def _problems(self, entry: Mapping[str, Any], row: Row) -> Iterator[str]:
        """One for each check, "" where it holds."""
        wanted = {name: row[name] for name in _EQUAL_FIELDS}
        wanted |= {
            "bbox": row["bbox_visib"],
            "area": row["px_count_visib"],
            "iscrowd": 0,
            "category_id": self._category_ids.get(row["category"]),
        }
        for name, value in wanted.items():
            got = entry.get(name)
            yield "" if _same(got, value) else f"{name} must be {value}, got {got}"
        odd = sorted({*entry} - _ANNOTATION_KEYS)
        yield "" if not odd else f"must hold just its keys, odd: {', '.join(odd)}"
        if row["keypoints_sight"] is not None:
            triples, count = record_keypoints(row)
            yield "" if _same(entry.get("keypoints"), triples) else "keypoints must be the record's"
            yield "" if entry.get("num_keypoints") == count else f"num_keypoints must be {count}"
        size_hw = row["height"], row["width"]
        visib = _polygon_problem if self._has_polygons else _mask_problem
        yield visib("segmentation", entry.get("segmentation"), row["mask_visib"], size_hw)
        yield _mask_problem(
            "segmentation_amodal", entry.get("segmentation_amodal"), row["mask"], size_hw
        )


def record_keypoints(row: Row) -> tuple[list[float], int]:
    """x, y, v of each keypoint as COCO has it, and how many v are not 0."""
    triples: list[float] = []
    for k, sight in enumerate(row["keypoints_sight"]):
        if sight == "outside":
            triples += [0, 0, 0]
        else:
            triples += [*row["keypoints_uv"][2 * k : 2 * k + 2], 2 if sight == "visible" else 1]
    return triples, sum(v > 0 for v in triples[2::3])


def _mask_problem(name: str, rle: Any, counts: str, size_hw: tuple[int, int]) -> str:
    """What is wrong with an RLE that should give the mask of the record; "" if nothing."""
    if rle == {"size": list(size_hw), "counts": counts}:
        return ""
    if not isinstance(rle, dict) or rle.get("size") != list(size_hw):
        return f"{name} must be an RLE of {size_hw[1]} x {size_hw[0]}"
    got, wanted = decoded(rle.get("counts"), size_hw), decoded(counts, size_hw)
    if got is None:
        return f"{name} is torn"
    return _difference(name, got, wanted)


def _polygon_problem(name: str, rings: Any, counts: str, size_hw: tuple[int, int]) -> str:
    """What is wrong with polygons that should fill the mask of the record; "" if nothing."""
    rule = f"{name} must be a list of polygons of 3 points or more, inside of the image"
    if not isinstance(rings, list) or not rings:
        return rule
    if len({tuple(ring) for ring in rings if isinstance(ring, list)}) < len(rings):
        return f"{name} must have each polygon once, because two are none to some readers"
    filled = np.zeros(size_hw, np.uint8)
    for ring in rings:
        if not isinstance(ring, list) or len(ring) < 6 or len(ring) % 2:
            return rule
        if not all(type(v) in (int, float) and 0 <= v <= max(size_hw) for v in ring):
            return rule
        # Cut down to whole pixels, as programs that draw polygons by OpenCV do.
        cv2.fillPoly(filled, [np.array(ring).reshape(-1, 2).astype(np.int32)], 1)
    return _difference(name, filled > 0, decoded(counts, size_hw))


def _difference(name: str, got: NDArray[np.bool_], wanted: NDArray[np.bool_] | None) -> str:
    wrong = got.size if wanted is None else int(np.count_nonzero(got ^ wanted))
    return f"{name}: {wrong} px differ from the record" if wrong else ""


def _same(got: Any, wanted: Any) -> bool:
    """Equal, numbers up to what a program that rewrites JSON may lose."""
    if isinstance(wanted, Mapping):
        return (
            isinstance(got, Mapping)
            and got.keys() == wanted.keys()
            and all(_same(got[key], value) for key, value in wanted.items())
        )
    if isinstance(wanted, list):
        return (
            isinstance(got, list)
            and len(got) == len(wanted)
            and all(_same(a, b) for a, b in zip(got, wanted, strict=True))
        )
    if isinstance(wanted, bool) or isinstance(got, bool) or not isinstance(wanted, int | float):
        return bool(got == wanted) and type(got) is type(wanted)
    return isinstance(got, int | float) and math.isclose(
        got, wanted, rel_tol=_SLACK, abs_tol=_SLACK
    )
