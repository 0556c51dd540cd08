"""What lies on disk, read back without the writers."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml
from numpy.typing import NDArray

from render.dataset.frame_view import LabelNames
from render.dataset.rasters import encode_depth, encode_ids, encode_png
from render.dataset.records import read_frames, read_instances, write_shard_records
from render.dataset.rows import frame_row, instance_rows
from render.errors import DatasetError, InvariantError
from render.geometry.rle import decode_rle
from render.writers.coco import coco_parts
from render.writers.yolo import YoloSettings, YoloWriter, data_yaml, yolo_text
from tests.polygon_readers import bridges, filled_by_ultralytics, iou, rle_by_pycocotools
from tests.small_dataset import CATEGORIES, Shape, sample_of, some_samples, write_dataset

NAMES = LabelNames(categories=tuple(CATEGORIES), keypoints={})


def decoded(data: bytes) -> NDArray[np.uint16]:
    """A PNG as it is, no conversion."""
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert image is not None
    return np.asarray(image)


def coco_of(folder: Path, split: str) -> dict[str, Any]:
    """The COCO file of a split."""
    text = (folder / "annotations" / f"instances_{split}.json").read_text(encoding="utf-8")
    content: dict[str, Any] = json.loads(text)
    return content


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dataset")
    write_dataset(folder, some_samples(5))
    return folder


# Images


def test_picture_is_lossless_and_rgb() -> None:
    rgb = np.random.default_rng(1).integers(0, 256, (7, 5, 3)).astype(np.uint8)

    np.testing.assert_array_equal(rgb, decoded(encode_png(rgb))[..., ::-1])


def test_mask_holds_every_index() -> None:
    ids = np.array([[-1, 0, 1], [255, 256, 65534]], np.int32)
    image = decoded(encode_ids(ids))

    assert np.uint16 == image.dtype
    np.testing.assert_array_equal([[0, 1, 2], [256, 257, 65535]], image)


@pytest.mark.parametrize("index", [-2, 65535])
def test_mask_refuses_what_would_wrap(index: int) -> None:
    with pytest.raises(InvariantError, match="instance_idx must lie in"):
        encode_ids(np.array([[0, index]], np.int32))


@pytest.mark.parametrize(
    ("depth_m", "unit_m", "stored"),
    [
        (0.0, 0.0001, 0),
        (0.00001, 0.0001, 1),  # near is never nothing
        (0.12344, 0.0001, 1234),
        (0.12346, 0.0001, 1235),
        (1.0, 0.001, 1000),
        (6.5535, 0.0001, 65535),
        (6.6, 0.0001, 0),  # what is too far is unknown, and does not wrap
        (1000.0, 0.0001, 0),
        (1000.0, 0.1, 10000),
    ],
)
def test_depth_is_rounded_to_its_unit(depth_m: float, unit_m: float, stored: int) -> None:
    image = decoded(encode_depth(np.array([[depth_m]], np.float32), unit_m=unit_m))

    assert np.uint16 == image.dtype
    assert stored == image[0, 0]


def test_depth_is_at_most_half_a_unit_off() -> None:
    depth = np.random.default_rng(2).uniform(0.001, 6.5, (50, 60)).astype(np.float32)
    image = decoded(encode_depth(depth, unit_m=0.0001))

    assert np.abs(image * 0.0001 - depth.astype(np.float64)).max() <= 0.00005 + 1e-12


# Records


def test_records_come_back_equal_and_in_order(tmp_path: Path) -> None:
    samples = some_samples(5)
    frames = [frame_row(s, image="jpg", hashes={"b": "1", "a": "2"}) for s in samples]
    rows = [instance_rows(s) for s in samples]
    for shard, part in ((1, slice(3, 5)), (0, slice(0, 3))):
        write_shard_records(tmp_path, shard, frames[part], [r for some in rows[part] for r in some])

    assert frames == list(read_frames(tmp_path))
    assert [row for some in rows for row in some] == list(read_instances(tmp_path))
    assert ["a", "b"] == [f["path"] for f in frames[0]["files"]]


def test_instance_record_says_what_the_label_says() -> None:
    sample = some_samples(5)[0]
    for row, label in zip(instance_rows(sample), sample.labels, strict=True):
        size_wh = row["width"], row["height"]

        np.testing.assert_array_equal(label.mask.pixels(), decode_rle(row["mask"], size_wh=size_wh))
        np.testing.assert_array_equal(
            label.mask_visib.pixels(), decode_rle(row["mask_visib"], size_wh=size_wh)
        )
        assert label.t_cam_obj_m.tolist() == row["cam_t_m2c"]
        assert (label.bbox_obj.xywh if label.bbox_obj else None) == (
            tuple(row["bbox_obj"]) if row["bbox_obj"] else None
        )


def test_nothing_visible_is_null_not_nan(tmp_path: Path) -> None:
    hidden = sample_of([Shape(category="nut", at=(-500, -500), radius=5)])
    rows = instance_rows(hidden)
    write_shard_records(tmp_path, 0, [], rows)
    (row,) = read_instances(tmp_path)

    assert (None, None, None, 0) == (
        row["bbox_visib"], row["visib_fract"], row["occluded_fract"], row["px_count_visib"],
    )  # fmt: skip


def test_empty_shards_are_fine(tmp_path: Path) -> None:
    frame = frame_row(sample_of([]), image="png", hashes={})
    write_shard_records(tmp_path, 0, [], [])
    write_shard_records(tmp_path, 1, [frame], [])

    assert [frame] == list(read_frames(tmp_path))
    assert [] == list(read_instances(tmp_path))


def test_equal_rows_give_equal_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        sample = some_samples(1)[0]
        frame = frame_row(sample, image="png", hashes={})
        write_shard_records(tmp_path / name, 0, [frame], instance_rows(sample))

    for path in (tmp_path / "a" / "records").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / "records" / path.name).read_bytes()
    assert 2 == len(list((tmp_path / "a" / "records").iterdir()))


def test_torn_record_is_named(dataset: Path, tmp_path: Path) -> None:
    torn = tmp_path / "records" / "frames-000000.parquet"
    torn.parent.mkdir()
    whole = (dataset / "records" / torn.name).read_bytes()
    torn.write_bytes(whole[: len(whole) // 2])

    with pytest.raises(DatasetError, match=f"{re.escape(str(torn))} is torn"):
        list(read_frames(tmp_path))


def test_record_of_another_schema_is_refused(dataset: Path, tmp_path: Path) -> None:
    foreign = tmp_path / "records" / "frames-000000.parquet"
    foreign.parent.mkdir()
    table = pq.read_table(dataset / "records" / foreign.name)
    pq.write_table(table.drop_columns(["theta"]), foreign)

    with pytest.raises(DatasetError, match="must hold the columns of frames records"):
        list(read_frames(tmp_path))


# COCO


def test_coco_ids_and_splits(dataset: Path) -> None:
    train, val = coco_of(dataset, "train"), coco_of(dataset, "val")

    assert [1, 2, 3] == [c["id"] for c in train["categories"]]
    assert list(CATEGORIES) == [c["name"] for c in train["categories"]]
    assert train["categories"] == val["categories"]
    assert [(1, "00000000.png"), (2, "00000001.png"), (4, "00000003.png"), (5, "00000004.png")] == [
        (i["id"], i["file_name"]) for i in train["images"]
    ]
    assert [3] == [i["id"] for i in val["images"]]
    for content in (train, val):
        ids = [a["id"] for a in content["annotations"]]
        assert list(range(1, len(ids) + 1)) == ids
        assert {a["image_id"] for a in content["annotations"]} <= {
            i["id"] for i in content["images"]
        }


def test_coco_annotations_are_the_mask_files(dataset: Path) -> None:
    """Box, area and segmentation against the id image, which another writer made."""
    checked = 0
    for split in ("train", "val"):
        for entry in coco_of(dataset, split)["annotations"]:
            stem = f"{entry['image_id'] - 1:08d}"
            image = decoded((dataset / "ids" / split / f"{stem}.png").read_bytes())
            mask = image == entry["instance_idx"] + 1
            rows, columns = np.nonzero(mask)
            x0, y0 = columns.min(), rows.min()

            assert 0 == entry["iscrowd"]
            assert [x0, y0, columns.max() + 1 - x0, rows.max() + 1 - y0] == entry["bbox"]
            assert mask.sum() == entry["area"] == entry["px_count_visib"]
            counts, (height, width) = (
                entry["segmentation"]["counts"], entry["segmentation"]["size"],
            )  # fmt: skip
            np.testing.assert_array_equal(mask, decode_rle(counts, size_wh=(width, height)))
            amodal = decode_rle(entry["segmentation_amodal"]["counts"], size_wh=(width, height))
            assert amodal[mask].all()
            checked += 1

    assert checked > 8


def test_coco_leaves_out_distractors_and_filtered_targets(dataset: Path) -> None:
    rows = list(read_instances(dataset))
    shown = sum(len(coco_of(dataset, split)["annotations"]) for split in ("train", "val"))

    assert {"distractor", "target"} == {row["role"] for row in rows}
    assert sum(row["role"] == "target" and not row["filtered"] for row in rows) == shown


def test_coco_carries_pose_and_theta(dataset: Path) -> None:
    content = coco_of(dataset, "train")
    entry, image = content["annotations"][0], content["images"][0]

    assert np.eye(3).ravel().tolist() == entry["cam_R_m2c"]
    assert [0.1, -0.2, 1.0 / 3.0] == entry["cam_t_m2c"]
    assert 0.001 == entry["model_scale"]
    assert entry["model"].endswith("/part.stl")
    assert 30.0 == image["theta"]["viewpoint"]["azimuth_deg"]
    assert 9 == len(image["cam_K"])
    assert (160, 120, 0) == (image["width"], image["height"], image["frame_idx"])


@pytest.mark.parametrize(("kind", "found"), [("segment", {"pieces of masks": 1, "px of masks": 2}),
                                              ("detect", {})])  # fmt: skip
def test_what_a_label_file_leaves_out_is_counted(kind: Any, found: dict[str, int]) -> None:
    mask = np.zeros((20, 40), np.bool_)
    mask[5:15, 5:15] = mask[8:10, 35] = True  # a speck that no corridor is worth
    row = {"mask_visib": rle_by_pycocotools(mask), "width": 40, "height": 20}

    assert YoloWriter(YoloSettings(yolo=kind)).left_out(row) == found


def test_coco_of_nothing_is_valid() -> None:
    names = LabelNames(categories=("a",), keypoints={})
    content = json.loads(b"".join(coco_parts([], [], split="val", names=names)))

    assert ([], []) == (content["images"], content["annotations"])
    assert [{"id": 1, "name": "a", "supercategory": ""}] == content["categories"]


# YOLO


def test_detection_row_by_hand() -> None:
    sample = sample_of([Shape(category="nut", at=(80, 60), radius=20, corners=4)])
    text = yolo_text(instance_rows(sample), names=NAMES, size_wh=(160, 120), kind="detect")
    # Corners on the axes, drawn with their ends: columns 60 to 100, rows 40 to 80.
    expected = (80.5 / 160, 60.5 / 120, 41 / 160, 41 / 120)
    idx, *numbers = text.split()

    assert "2" == idx
    assert expected == pytest.approx([float(n) for n in numbers], abs=1e-9)
    assert all(len(n.partition(".")[2]) >= 8 for n in numbers)


@pytest.mark.parametrize("kind", ["detect", "segment"])
def test_one_row_for_each_annotation_of_coco(tmp_path: Path, kind: Any) -> None:
    write_dataset(tmp_path, some_samples(5), yolo=kind)
    for split in ("train", "val"):
        content = coco_of(tmp_path, split)
        for image in content["images"]:
            stem = Path(image["file_name"]).stem
            lines = (tmp_path / "labels" / split / f"{stem}.txt").read_text().splitlines()
            entries = [a for a in content["annotations"] if a["image_id"] == image["id"]]

            assert [a["category_id"] - 1 for a in entries] == [int(r.split()[0]) for r in lines]


def test_polygons_fill_the_masks(tmp_path: Path) -> None:
    """As ultralytics reads and fills them: IoU at least 0.98, or as good as bridges can be."""
    samples = some_samples(12)
    write_dataset(tmp_path, samples, yolo="segment")
    large, seen = 0, 0
    for sample in samples:
        path = tmp_path / "labels" / sample.key.split / f"{sample.key.stem}.txt"
        lines = path.read_text().splitlines()
        labels = [x for x in sample.labels if not x.filtered]
        for line, label in zip(lines, labels, strict=True):
            points = np.array(line.split()[1:], np.float64).reshape(-1, 2)
            filled = filled_by_ultralytics(points * (160, 120), (120, 160))

            assert len(points) >= 3
            assert points.min() >= 0
            assert points.max() <= 1
            seen += 1
            if label.px_count_visib > 100:
                large += 1
                mask = label.mask_visib.pixels()
                wrong = np.count_nonzero(filled ^ mask)
                assert iou(filled, mask) >= 0.98 or wrong <= sum(bridges(mask))
    assert seen > large > 15


@pytest.mark.parametrize("kind", ["detect", "segment"])
def test_single_pixel_and_empty_frame(kind: Any) -> None:
    dot = sample_of([Shape(category="bolt", at=(159, 119), radius=0.2)])
    text = yolo_text(instance_rows(dot), names=NAMES, size_wh=(160, 120), kind=kind)

    assert len(text.split()) >= (7 if kind == "segment" else 5)
    assert "" == yolo_text([], names=NAMES, size_wh=(160, 120), kind=kind)


def test_data_yaml_can_be_moved() -> None:
    names = LabelNames(categories=("1", "no", "Schlüssel: 8 mm"), keypoints={})
    content = yaml.safe_load(data_yaml(names, kind="detect").decode())

    assert "path" not in content
    assert ("images/train", "images/val") == (content["train"], content["val"])
    assert {0: "1", 1: "no", 2: "Schlüssel: 8 mm"} == content["names"]
    assert 3 == content["nc"]
