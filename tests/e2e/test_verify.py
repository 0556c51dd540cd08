"""Planted corruptions, each in a copy of a real dataset, each found and told in one line."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from numpy.typing import NDArray
from pycocotools.coco import COCO

from render.report.verify.dataset import verify
from tests.e2e.cli import render, run_module

FRAMES = 70  # five shards
TRAIN_COCO, VAL_COCO = (f"annotations/instances_{split}.json" for split in ("train", "val"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Detection rows, depth, and filtered instances."""
    cwd = tmp_path_factory.mktemp("verify")
    render(
        "output_dir=data", f"n_frames={FRAMES}", "output.depth=true", "labels.min_px=40",
        "objects=scatter", "background=photo", "occlusion.count=2", cwd=cwd,
    )  # fmt: skip
    return cwd / "data"


@pytest.fixture(scope="module")
def polygons(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Polygon rows, pictures as PNG."""
    cwd = tmp_path_factory.mktemp("verify")
    render("output_dir=data", "n_frames=6", "output.yolo=segment", "output.image=png", cwd=cwd)
    return cwd / "data"


@dataclass(frozen=True)
class Copy:
    """A dataset that may be damaged."""

    folder: Path

    def __truediv__(self, name: str) -> Path:
        return self.folder / name

    def pixels(self, name: str) -> NDArray[Any]:
        image = cv2.imread(str(self / name), cv2.IMREAD_UNCHANGED)
        assert image is not None
        return image

    def write_pixels(self, name: str, image: NDArray[Any]) -> None:
        assert cv2.imwrite(str(self / name), image)

    def edit_json(self, name: str, edit: Callable[[Any], None]) -> None:
        content = json.loads((self / name).read_text())
        edit(content)
        (self / name).write_text(json.dumps(content))

    def edit_yaml(self, name: str, edit: Callable[[Any], None]) -> None:
        content = yaml.safe_load((self / name).read_text())
        edit(content)
        (self / name).write_text(yaml.safe_dump(content, sort_keys=False))

    def rows(self, name: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = pq.read_table(self / f"records/{name}.parquet").to_pylist()
        return rows

    def edit_rows(self, name: str, edit: Callable[[list[dict[str, Any]]], None]) -> None:
        path = self / f"records/{name}.parquet"
        schema = pq.read_schema(path)
        rows = self.rows(name)
        edit(rows)
        pq.write_table(pa.Table.from_pylist(rows, schema=schema), path)

    def frame_of_rows(self, split: str = "train") -> tuple[int, list[list[str]]]:
        """The first frame whose label file has two rows or more, with different classes."""
        for path in sorted((self / f"labels/{split}").iterdir()):
            rows = [line.split() for line in path.read_text().splitlines()]
            if len({row[0] for row in rows}) > 1:
                return int(path.stem), rows
        raise AssertionError("no frame shows two classes")

    def write_rows(self, frame: int, rows: list[list[str]], split: str = "train") -> str:
        name = f"labels/{split}/{frame:08d}.txt"
        (self / name).write_text("".join(" ".join(row) + "\n" for row in rows))
        return name

    def forget_manifest(self) -> None:
        shutil.rmtree(self / ".manifest")

    def forge_hashes(self) -> None:
        """Records get the hashes of what lies there now; the manifest is gone."""
        self.forget_manifest()

        def edit(rows: list[dict[str, Any]]) -> None:
            for entry in (entry for row in rows for entry in row["files"]):
                path = self / entry["path"]
                if path.is_file():
                    entry["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()

        for path in sorted((self / "records").glob("frames-*.parquet")):
            self.edit_rows(path.stem, edit)


@pytest.fixture
def copy(whole: Path, tmp_path: Path) -> Iterator[Copy]:
    shutil.copytree(whole, tmp_path / "data")
    yield Copy(tmp_path / "data")
    shutil.rmtree(tmp_path / "data")


@pytest.fixture
def polygon_copy(polygons: Path, tmp_path: Path) -> Copy:
    shutil.copytree(polygons, tmp_path / "data")
    return Copy(tmp_path / "data")


# Each damages a copy and tells what must be said: a start and a part of one line.
Told = tuple[str, str]


def mask_pixel(data: Copy) -> Told:
    name = "ids/train/00000003.png"
    mask = data.pixels(name)
    mask[7, 9] = 0 if mask[7, 9] else 1
    data.write_pixels(name, mask)
    return name, "frame 3: 1 px differ from the records' visible masks, the first at x 9, y 7"


def mask_ids_swapped(data: Copy) -> Told:
    name = "ids/train/00000003.png"
    mask = data.pixels(name)
    low, high = np.unique(mask)[1:3]
    data.write_pixels(name, np.where(mask == low, high, np.where(mask == high, low, mask)))
    return name, "frame 3: "


def mask_of_eight_bits(data: Copy) -> Told:
    name = "ids/train/00000003.png"
    data.write_pixels(name, data.pixels(name).astype(np.uint8))
    return name, "must be one channel of 16 bit, 160 x 120, got uint8"


def mask_truncated(data: Copy) -> Told:
    path = data / "ids/train/00000002.png"
    path.write_bytes(path.read_bytes()[:-40])
    return "ids/train/00000002.png", "frame 2: is torn"


def depth_zeroed(data: Copy) -> Told:
    name = "depth/train/00000065.png"
    data.write_pixels(name, np.zeros_like(data.pixels(name)))
    return name, "px of objects have no depth"


def depth_in_other_units(data: Copy) -> Told:
    name = "depth/train/00000065.png"
    data.write_pixels(name, (data.pixels(name) // 10).astype(np.uint16))
    return name, "objects must be farther than"


def image_smaller(data: Copy) -> Told:
    name = "images/train/00000065.jpg"
    data.write_pixels(name, data.pixels(name)[:60, :80])
    return name, "frame 65: must be of 160 x 120, got 80 x 60"


def image_torn(data: Copy) -> Told:
    path = data / "images/train/00000065.jpg"
    path.write_bytes(path.read_bytes()[:-900])
    return "images/train/00000065.jpg", "frame 65: is torn"


def image_missing(data: Copy) -> Told:
    (data / "images/train/00000065.jpg").unlink()
    return "images/train/00000065.jpg", "frame 65: is missing"


def label_file_missing(data: Copy) -> Told:
    (data / "labels/val/00000009.txt").unlink()
    return "labels/val/00000009.txt", "frame 9: is missing"


def yolo_row_moved(data: Copy) -> Told:
    frame, rows = data.frame_of_rows()
    rows[1][1] = f"{float(rows[1][1]) + 2 / 160:.10f}"
    return data.write_rows(frame, rows), f"frame {frame}: row 2: box is 2 px off bbox_visib"


def yolo_row_removed(data: Copy) -> Told:
    frame, rows = data.frame_of_rows()
    name = data.write_rows(frame, rows[:-1])
    return name, f"must have {len(rows)} rows, one a labelled instance, got {len(rows) - 1}"


def yolo_classes_swapped(data: Copy) -> Told:
    frame, rows = data.frame_of_rows()
    other = next(i for i, row in enumerate(rows) if row[0] != rows[0][0])
    rows[0][0], rows[other][0] = rows[other][0], rows[0][0]
    return data.write_rows(frame, rows), f"frame {frame}: row 1: class must be that of "


def yolo_not_numbers(data: Copy) -> Told:
    frame, rows = data.frame_of_rows()
    rows[0][2] = "O.5"
    return data.write_rows(frame, rows), "row 1: must hold numbers only"


def names_reordered(data: Copy) -> Told:
    data.edit_yaml("data.yaml", lambda c: c.update(names={0: "die", 1: "bolt", 2: "mug"}))
    return "data.yaml", "names must be {0: 'bolt', 1: 'die', 2: 'mug'}"


def counts_edited(data: Copy) -> Told:
    def edit(content: Any) -> None:
        content["counts"]["instances"]["bolt"] += 1

    data.edit_yaml("dataset.yaml", edit)
    return "dataset.yaml", "counts.instances must be "


def left_out_edited(data: Copy) -> Told:
    pieces = {"yolo: pieces of masks": 3}
    data.edit_yaml("dataset.yaml", lambda c: c["counts"].update(left_out=pieces))
    return "dataset.yaml", "counts.left_out must be {} by the records, got"


def record_im_id(data: Copy) -> Told:
    data.edit_rows("frames-000000", lambda rows: rows[5].update(im_id=7))
    return "records/frames-000000.parquet", "frame 5: im_id must be None as placed, got 7"


def val_count_edited(data: Copy) -> Told:
    data.edit_yaml("dataset.yaml", lambda c: c["counts"].update(val=15))
    return "dataset.yaml", "counts.val must be 14 as in the records, got 15"


def config_edited(data: Copy) -> Told:
    data.edit_yaml("dataset.yaml", lambda c: c["config"]["scale"].update(size_frac=0.5))
    return "dataset.yaml", "config_sha256 must be that of its config"


def coco_bbox_off_by_one(data: Copy) -> Told:
    def edit(content: Any) -> None:
        content["annotations"][5]["bbox"][2] -= 1

    data.edit_json(TRAIN_COCO, edit)
    return TRAIN_COCO, "annotation 6: bbox must be "


def coco_annotation_removed(data: Copy) -> Told:
    data.edit_json(TRAIN_COCO, lambda c: c["annotations"].pop(5))
    return TRAIN_COCO, "has no annotation"


def coco_annotation_twice(data: Copy) -> Told:
    data.edit_json(TRAIN_COCO, lambda c: c["annotations"].append(c["annotations"][5]))
    return TRAIN_COCO, "annotations must have ids of their own, got twice: [6]"


def coco_annotation_of_another_image(data: Copy) -> Told:
    data.edit_json(TRAIN_COCO, lambda c: c["annotations"][5].update(image_id=7777))
    return TRAIN_COCO, "annotations are of images that are not there: [7777]"


def coco_image_renamed(data: Copy) -> Told:
    data.edit_json(VAL_COCO, lambda c: c["images"][1].update(file_name="00000004.jpg"))
    return VAL_COCO, "frame 9: image: file_name must be 00000009.jpg, got 00000004.jpg"


def coco_image_twice(data: Copy) -> Told:
    data.edit_json(VAL_COCO, lambda c: c["images"].append(c["images"][0]))
    return VAL_COCO, "images must have ids of their own, got twice: [5]"


def coco_image_missing(data: Copy) -> Told:
    data.edit_json(VAL_COCO, lambda c: c["images"].pop(1))
    return VAL_COCO, "frame 9: must have one image entry, got 0"


def coco_theta(data: Copy) -> Told:
    def edit(content: Any) -> None:
        content["images"][1]["theta"]["viewpoint"]["azimuth_deg"] += 0.001

    data.edit_json(VAL_COCO, edit)
    return VAL_COCO, "frame 9: image: theta must be that of the record"


def coco_mask(data: Copy) -> Told:
    def edit(content: Any) -> None:
        first, second = content["annotations"][0], content["annotations"][1]
        first["segmentation"], second["segmentation"] = (
            second["segmentation"],
            first["segmentation"],
        )

    data.edit_json(TRAIN_COCO, edit)
    return TRAIN_COCO, "annotation 1: segmentation: "


def coco_pose(data: Copy) -> Told:
    def edit(content: Any) -> None:
        content["annotations"][0]["cam_t_m2c"][2] *= -1

    data.edit_json(TRAIN_COCO, edit)
    return TRAIN_COCO, "annotation 1: cam_t_m2c must be "


def coco_category(data: Copy) -> Told:
    def edit(content: Any) -> None:
        old = content["annotations"][0]["category_id"]
        content["annotations"][0]["category_id"] = old % 3 + 1

    data.edit_json(TRAIN_COCO, edit)
    return TRAIN_COCO, "annotation 1: category_id must be "


def coco_categories_reordered(data: Copy) -> Told:
    data.edit_json(TRAIN_COCO, lambda c: c["categories"].reverse())
    return TRAIN_COCO, "categories must be [(1, 'bolt'), (2, 'die'), (3, 'mug')]"


def coco_torn(data: Copy) -> Told:
    path = data / TRAIN_COCO
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return TRAIN_COCO, "is torn"


def record_visib_fract(data: Copy) -> Told:
    data.edit_rows(
        "instances-000000", lambda rows: rows[4].update(visib_fract=rows[4]["visib_fract"] * 0.999)
    )
    return "records/instances-000000.parquet", "visib_fract must be "


def record_box(data: Copy) -> Told:
    data.edit_rows("instances-000004", lambda rows: rows[0]["bbox_obj"].__setitem__(2, 3.0))
    return "records/instances-000004.parquet", "frame 64: instance 0 "


def record_pose(data: Copy) -> Told:
    def edit(rows: list[dict[str, Any]]) -> None:
        R = np.array(rows[0]["cam_R_m2c"]).reshape(3, 3)
        rows[0]["cam_R_m2c"] = (R * [1, 1, -1]).ravel().tolist()

    data.edit_rows("instances-000004", edit)
    return "records/instances-000004.parquet", "cam_R_m2c must be a rotation"


def record_moved(data: Copy) -> Told:
    def edit(rows: list[dict[str, Any]]) -> None:
        rows[0]["cam_t_m2c"][0] += 1e-5

    data.edit_rows("instances-000004", edit)
    return "records/instances-000004.parquet", "cam_t_m2c must be as placed"


def record_instance_removed(data: Copy) -> Told:
    data.edit_rows("instances-000004", lambda rows: rows.pop(0))
    return "records/instances-000004.parquet", "frame 64: instance_idx must count from 0"


def record_filter_forgotten(data: Copy) -> Told:
    def edit(rows: list[dict[str, Any]]) -> None:
        row = next(row for row in rows if row["role"] == "target" and row["filtered"])
        row["filtered"] = ""

    data.edit_rows("instances-000000", edit)
    return "records/instances-000000.parquet", "filtered must say why it is left out, got ''"


def record_frame_removed(data: Copy) -> Told:
    data.edit_rows("frames-000004", lambda rows: rows.pop(2))
    return "records", "frame 66: has no row"


def record_frame_twice(data: Copy) -> Told:
    data.edit_rows("frames-000004", lambda rows: rows.append(rows[2]))
    return "records/frames-000004.parquet", "frame 66: has more than one row"


def record_wrong_split(data: Copy) -> Told:
    data.edit_rows("frames-000000", lambda rows: rows[4].update(split="train"))
    return "records/frames-000000.parquet", "frame 4: split must be val, got train"


def record_torn(data: Copy) -> Told:
    path = data / "records/instances-000000.parquet"
    path.write_bytes(path.read_bytes()[:-30])
    return "records/instances-000000.parquet", "is torn"


def record_mask_torn(data: Copy) -> Told:
    data.edit_rows("instances-000000", lambda rows: rows[0].update(mask=rows[0]["mask"] + "0o3"))
    return "records/instances-000000.parquet", "masks must be RLE of the image's size"


def placement_torn(data: Copy) -> Told:
    data.edit_rows("frames-000000", lambda rows: rows[5].update(placement="{"))
    return "records/frames-000000.parquet", "frame 5: θ or placement is torn"


def temporary_left(data: Copy) -> Told:
    (data / "images/train/.00000003.jpg.4711.part").write_bytes(b"half")
    return "images/train/.00000003.jpg.4711.part", "interrupted"


def foreign_file(data: Copy) -> Told:
    shutil.copy(data / "images/train/00000003.jpg", data / "images/train/extra.jpg")
    return "images/train/extra.jpg", "does not belong here"


def frame_in_both_splits(data: Copy) -> Told:
    shutil.copy(data / "images/train/00000003.jpg", data / "images/val")
    return "images/val/00000003.jpg", "does not belong here"


def frame_too_many(data: Copy) -> Told:
    shutil.copy(data / "images/train/00000003.jpg", data / f"images/train/{FRAMES:08d}.jpg")
    return f"images/train/{FRAMES:08d}.jpg", "does not belong here"


def preview_missing(data: Copy) -> Told:
    (data / "preview.jpg").unlink()
    return "preview.jpg", "is missing"


def plot_missing(data: Copy) -> Told:
    (data / "achieved.png").unlink()
    return "achieved.png", "is missing"


def reached_boasted(data: Copy) -> Told:
    content = yaml.safe_load((data / "dataset.yaml").read_text())
    content["reached"]["size_frac"]["labels"] += 1
    (data / "dataset.yaml").write_text(yaml.safe_dump(content))
    return "dataset.yaml", "reached must be"


SEEN_IN_CONTENT = (
    mask_pixel, mask_ids_swapped, mask_of_eight_bits, mask_truncated, depth_zeroed,
    depth_in_other_units, image_smaller, image_torn, image_missing, label_file_missing,
    yolo_row_moved, yolo_row_removed, yolo_classes_swapped, yolo_not_numbers, names_reordered,
    counts_edited, val_count_edited, config_edited, coco_bbox_off_by_one, left_out_edited,
    coco_annotation_removed, coco_annotation_twice, coco_annotation_of_another_image,
    coco_image_renamed, coco_image_twice, coco_image_missing, coco_theta, coco_mask, coco_pose,
    coco_category, coco_categories_reordered, coco_torn, record_visib_fract, record_box,
    record_pose, record_moved, record_im_id, record_instance_removed, record_filter_forgotten,
    record_frame_removed, record_frame_twice, record_wrong_split, record_torn, record_mask_torn,
    placement_torn, temporary_left, foreign_file, frame_in_both_splits, frame_too_many,
    preview_missing, plot_missing, reached_boasted,
)  # fmt: skip


def image_byte_flipped(data: Copy) -> Told:
    path = data / "images/train/00000003.jpg"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    return "images/train/00000003.jpg", "frame 3: its bytes are not those that were recorded"


def images_swapped(data: Copy) -> Told:
    a, b = data / "images/train/00000002.jpg", data / "images/train/00000003.jpg"
    first, second = a.read_bytes(), b.read_bytes()
    a.write_bytes(second)
    b.write_bytes(first)
    return "images/train/00000002.jpg", "frame 2: its bytes are not those that were recorded"


def mask_compressed_anew(data: Copy) -> Told:
    name = "ids/train/00000003.png"
    cv2.imwrite(str(data / name), data.pixels(name), (cv2.IMWRITE_PNG_COMPRESSION, 9))
    return name, "its bytes are not those that were recorded"


SEEN_IN_HASHES = (image_byte_flipped, images_swapped, mask_compressed_anew)


def assert_told(data: Copy, told: Told) -> None:
    lines = verify(data.folder).findings.lines()
    file, part = told

    assert any(line.startswith(f"{file}: ") and part in line for line in lines), lines


def name_of(value: object) -> str:
    return value.__name__ if callable(value) else str(value)


@pytest.mark.parametrize("corruption", [*SEEN_IN_CONTENT[::4], *SEEN_IN_HASHES], ids=name_of)
def test_corruption_is_found(copy: Copy, corruption: Callable[[Copy], Told]) -> None:
    assert_told(copy, corruption(copy))


@pytest.mark.parametrize("corruption", SEEN_IN_HASHES, ids=name_of)
def test_hashes_of_records_are_enough(copy: Copy, corruption: Callable[[Copy], Told]) -> None:
    told = corruption(copy)
    copy.forget_manifest()

    assert_told(copy, told)


@pytest.mark.parametrize("corruption", SEEN_IN_CONTENT, ids=name_of)
def test_corruption_is_found_where_no_hash_tells(
    copy: Copy, corruption: Callable[[Copy], Told]
) -> None:
    told = corruption(copy)
    copy.forge_hashes()

    assert_told(copy, told)


def test_forged_hashes_alone_are_no_problem(copy: Copy) -> None:
    """So what the test above finds is not the forgery."""
    copy.forge_hashes()
    verdict = verify(copy.folder)

    assert verdict.findings.lines() == []
    assert not verdict.has_manifest
    assert verdict.frames == FRAMES


def test_manifest_tells_on_forged_records(copy: Copy) -> None:
    """Records that agree with all but the hashes in `.manifest`."""
    image_byte_flipped(copy)
    shutil.copytree(copy / ".manifest", copy.folder.parent / "manifest")
    copy.forge_hashes()
    shutil.move(copy.folder.parent / "manifest", copy / ".manifest")

    lines = verify(copy.folder).findings.lines()
    assert any("other hashes for images/train/00000003.jpg" in line for line in lines)
    assert any(
        line.startswith("records/frames-000000.parquet: its bytes are not") for line in lines
    )


def test_one_fault_in_every_frame_does_not_hide_another(copy: Copy) -> None:
    for path in (copy / "depth").rglob("*.png"):
        path.unlink()
    told = mask_pixel(copy)
    verdict = verify(copy.folder)
    lines = verdict.findings.lines()

    assert_told(copy, told)
    assert len(lines) < 20
    assert f"depth: and {FRAMES - 10} more" in lines
    assert verdict.findings.problems > FRAMES


def polygon_moved(data: Copy) -> Told:
    frame, rows = data.frame_of_rows()
    xs = [float(x) for x in rows[1][1::2]]
    # Two pixels to the side where there is room.
    step = 2 / 160 if max(xs) < 1 - 3 / 160 else -2 / 160
    rows[1][1::2] = [f"{x + step:.8f}" for x in xs]
    return data.write_rows(frame, rows), "row 2: polygon reaches 2 px beyond bbox_visib"


def polygon_cut(data: Copy) -> Told:
    frame, rows = data.frame_of_rows()
    for i, row in enumerate(rows):
        if len(row) > 40:
            x, y = np.array(row[1::2], float), np.array(row[2::2], float)
            corners = [x.min(), y.min(), x.max(), y.min(), x.max(), y.max(), x.min(), y.max()]
            rows[i][1:] = [f"{v:.8f}" for v in corners]
            return data.write_rows(frame, rows), f"row {i + 1}: polygon has IoU 0."
    raise AssertionError("no polygon is long")


def polygon_half(data: Copy) -> Told:
    frame, rows = data.frame_of_rows()
    rows[0][1:] = rows[0][1:4]
    return data.write_rows(frame, rows), "row 1: must hold x and y of 3 points or more, got 3"


def polygon_class(data: Copy) -> Told:
    frame, rows = data.frame_of_rows()
    rows[0][0] = "3"
    return data.write_rows(frame, rows), "row 1: class must be that of "


@pytest.mark.parametrize(
    "corruption", [polygon_moved, polygon_cut, polygon_half, polygon_class], ids=name_of
)
def test_corrupt_polygon_is_found(polygon_copy: Copy, corruption: Callable[[Copy], Told]) -> None:
    assert verify(polygon_copy.folder).findings.lines() == []

    told = corruption(polygon_copy)
    polygon_copy.forge_hashes()

    assert_told(polygon_copy, told)


def test_command_tells_that_all_is_well(copy: Copy) -> None:
    """Wherever the dataset lies, without the models it was made from."""
    copy.edit_yaml("dataset.yaml", lambda c: c["asset_dirs"].update(models_dir="/nowhere/on/earth"))
    (copy / "labels/train.cache").write_bytes(b"left by a trainer")
    done = run_module("render.verify", "data", cwd=copy.folder.parent)

    shown = sum(len(COCO(copy / f"annotations/instances_{s}.json").anns) for s in ("train", "val"))
    assert done.returncode == 0
    assert done.stderr == ""
    assert done.stdout.startswith(f"data is whole and exact: {FRAMES} frames, {shown} instances, ")


def test_command_tells_each_problem_and_exits_with_1(copy: Copy) -> None:
    first, second = mask_pixel(copy), coco_bbox_off_by_one(copy)
    done = run_module("render.verify", "data", cwd=copy.folder.parent)

    assert done.returncode == 1
    for file, part in (first, second):
        assert any(line.startswith(file) and part in line for line in done.stdout.splitlines())
    # The mask's bytes are told as well as its pixel, and how many its shard has by the manifest.
    assert done.stderr.startswith("4 problems (70 frames, ")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "dataset.yaml is missing"),
        ("seed: [", "dataset.yaml is torn"),
        ("[1, 2]", "dataset.yaml is torn: it lacks config, asset_dirs, models"),
        ("seed: 3", "dataset.yaml is torn: it lacks config, asset_dirs, models"),
    ],
)
def test_without_dataset_yaml_it_is_no_dataset(
    polygon_copy: Copy, content: str | None, message: str
) -> None:
    if content is None:
        (polygon_copy / "dataset.yaml").unlink()
    else:
        (polygon_copy / "dataset.yaml").write_text(content)
    done = run_module("render.verify", "data", cwd=polygon_copy.folder.parent)

    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert message in done.stderr


def test_no_folder_is_one_line(tmp_path: Path) -> None:
    done = run_module("render.verify", "nowhere", cwd=tmp_path)

    assert (done.returncode, done.stderr) == (
        1,
        "error: a dataset must be a folder that is there, got nowhere\n",
    )
