"""Datasets opened by the programs that users open them with."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import supervision as sv
from datumaro.components.annotation import AnnotationType
from datumaro.components.dataset import Dataset
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from scipy.ndimage import label

from tests.polygon_readers import iou
from tests.small_dataset import CATEGORIES, some_samples, write_dataset

SPLITS = ("train", "val")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("detect")
    write_dataset(folder, some_samples(9))
    return folder


@pytest.fixture(scope="module")
def polygons(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("segment")
    write_dataset(folder, some_samples(9), yolo="segment", image="jpg")
    return folder


@pytest.fixture(scope="module")
def coco_polygons(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("coco_polygons")
    write_dataset(folder, some_samples(9), coco="polygon")
    return folder


def annotations_path(folder: Path, split: str) -> Path:
    """The COCO file of a split."""
    return folder / "annotations" / f"instances_{split}.json"


def by_image(folder: Path, split: str) -> dict[str, list[dict[str, Any]]]:
    """Annotations of each image file, read as plain JSON."""
    content = json.loads(annotations_path(folder, split).read_text())
    names = {image["id"]: image["file_name"] for image in content["images"]}
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in names.values()}
    for entry in content["annotations"]:
        found[names[entry["image_id"]]].append(entry)
    return found


def xyxy(entries: list[dict[str, Any]]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """COCO's boxes by their corners."""
    boxes = np.array([entry["bbox"] for entry in entries], np.float64).reshape(-1, 4)
    boxes[:, 2:] += boxes[:, :2]
    return boxes


@pytest.mark.parametrize("kind", ["bbox", "segm"])
@pytest.mark.parametrize("split", SPLITS)
def test_pycocotools_finds_the_truth_perfect(dataset: Path, split: str, kind: str) -> None:
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(annotations_path(dataset, split)))
        detections = [
            {
                "image_id": entry["image_id"],
                "category_id": entry["category_id"],
                "score": 0.9,
                **({"bbox": entry["bbox"]} if kind == "bbox" else
                   {"segmentation": entry["segmentation"]}),
            }
            for entry in truth.anns.values()
        ]  # fmt: skip
        evaluation = COCOeval(truth, truth.loadRes(detections), kind)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()

    assert len(detections) > 5
    assert 1.0 == evaluation.stats[0]


@pytest.mark.parametrize("split", SPLITS)
def test_pycocotools_masks_have_the_area_and_the_box_that_are_written(
    dataset: Path, split: str
) -> None:
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(annotations_path(dataset, split)))
    for entry in truth.anns.values():
        assert entry["area"] == truth.annToMask(entry).sum()
        assert entry["bbox"] == coco_mask.toBbox(entry["segmentation"]).tolist()


@pytest.mark.parametrize("split", SPLITS)
def test_supervision_opens_coco(dataset: Path, split: str) -> None:
    opened = sv.DetectionDataset.from_coco(
        images_directory_path=str(dataset / "images" / split),
        annotations_path=str(annotations_path(dataset, split)),
        force_masks=True,
    )
    expected = by_image(dataset, split)

    assert list(CATEGORIES) == opened.classes
    assert len(expected) == len(opened)
    for path, _, detections in opened:
        entries = expected[Path(path).name]
        np.testing.assert_allclose(detections.xyxy, xyxy(entries))
        assert [e["category_id"] - 1 for e in entries] == detections.class_id.tolist()
        if entries:
            assert [e["area"] for e in entries] == detections.mask.sum(axis=(1, 2)).tolist()


@pytest.mark.parametrize("split", SPLITS)
def test_polygons_of_coco_are_the_masks_to_the_pixel(
    dataset: Path, coco_polygons: Path, split: str
) -> None:
    """As pycocotools fills them, and but for right and lower edges supervision, which rounds."""
    with contextlib.redirect_stdout(io.StringIO()):
        runs, rings = (COCO(str(annotations_path(d, split))) for d in (dataset, coco_polygons))
    masks: dict[int, list[Any]] = {image_id: [] for image_id in runs.imgs}
    assert len(rings.anns) == len(runs.anns) > 3
    for entry, ring in zip(runs.anns.values(), rings.anns.values(), strict=True):
        mask = runs.annToMask(entry) > 0
        masks[entry["image_id"]].append(mask)
        assert type(ring["segmentation"]) is list
        assert iou(rings.annToMask(ring) > 0, mask) == 1.0
    opened = sv.DetectionDataset.from_coco(
        images_directory_path=str(coco_polygons / "images" / split),
        annotations_path=str(annotations_path(coco_polygons, split)),
        force_masks=True,
    )
    for path, _, detections in opened:
        wanted = masks[int(Path(path).stem) + 1]
        for found, mask in zip(detections.mask if wanted else (), wanted, strict=True):
            right = np.pad(mask, ((0, 1), (1, 0)))[:-1, :-1]
            below = np.pad(mask | right, ((1, 0), (0, 0)))[:-1]
            assert not (mask & ~found).any()
            assert not (found & ~(mask | right | below)).any()


@pytest.mark.parametrize("split", SPLITS)
def test_supervision_opens_yolo_with_the_boxes_of_coco(dataset: Path, split: str) -> None:
    opened = sv.DetectionDataset.from_yolo(
        images_directory_path=str(dataset / "images" / split),
        annotations_directory_path=str(dataset / "labels" / split),
        data_yaml_path=str(dataset / "data.yaml"),
    )
    expected = by_image(dataset, split)

    assert list(CATEGORIES) == opened.classes
    assert len(expected) == len(opened)
    for path, _, detections in opened:
        entries = expected[Path(path).name]
        # supervision computes in float32: a hundredth of a millionth of the image's width.
        np.testing.assert_allclose(detections.xyxy, xyxy(entries), rtol=0, atol=1.6e-5)
        assert [e["category_id"] - 1 for e in entries] == detections.class_id.tolist()


@pytest.mark.parametrize("split", SPLITS)
def test_yolo_boxes_equal_cocos_in_float64(dataset: Path, split: str) -> None:
    for name, entries in by_image(dataset, split).items():
        text = (dataset / "labels" / split / name).with_suffix(".txt").read_text()
        rows = np.array([line.split()[1:] for line in text.splitlines()], np.float64)
        cx, cy, w, h = (rows.reshape(-1, 4) * (160, 120, 160, 120)).T
        corners = np.stack([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2], axis=1)

        np.testing.assert_allclose(corners, xyxy(entries), rtol=0, atol=1e-5)


@pytest.mark.parametrize("split", SPLITS)
def test_supervision_opens_polygons_with_the_masks_of_coco(polygons: Path, split: str) -> None:
    opened = sv.DetectionDataset.from_yolo(
        images_directory_path=str(polygons / "images" / split),
        annotations_directory_path=str(polygons / "labels" / split),
        data_yaml_path=str(polygons / "data.yaml"),
        force_masks=True,
    )
    expected = by_image(polygons, split)
    checked = 0
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(annotations_path(polygons, split)))
    for path, _, detections in opened:
        entries = expected[Path(path).name]
        for i, (entry, box) in enumerate(zip(entries, xyxy(entries), strict=True)):
            mask = truth.annToMask(entry).astype(bool)
            if label(mask)[1] > 1:
                continue  # bridges: tests/property/test_outline.py
            np.testing.assert_allclose(box, detections.xyxy[i], rtol=0, atol=0.005)
            if entry["area"] > 100:
                assert iou(mask, detections.mask[i]) >= 0.98
                checked += 1
    assert checked > 3


def test_datumaro_opens_the_folder_as_coco(dataset: Path) -> None:
    opened = Dataset.import_from(str(dataset), "coco")
    labels = opened.categories()[AnnotationType.label]
    expected = {split: by_image(dataset, split) for split in SPLITS}

    assert set(SPLITS) == set(opened.subsets())
    assert sum(len(images) for images in expected.values()) == len(opened)
    for item in opened:
        masks = [a for a in item.annotations if a.type == AnnotationType.mask]
        entries = expected[item.subset][f"{item.id}.png"]

        assert (120, 160, 3) == item.media.data.shape
        assert sorted((e["area"], CATEGORIES[e["category_id"] - 1]) for e in entries) == sorted(
            (int(m.get_area()), labels[m.label].name) for m in masks
        )
