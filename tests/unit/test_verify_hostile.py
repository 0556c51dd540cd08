"""Datasets of strangers and forgers: all that is wrong in them is found, and told as findings.

The files are forged with their hashes, so that content has to tell.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from PIL import Image

import render
from render.config.run_config import identity_of, sha256_of
from render.errors import DatasetError
from render.report.verify.dataset import verify
from render.verify import main

CATEGORIES = ("Größe", "Ω", "螺栓", "🔩")
COCO = "annotations/instances_train.json"
DEPTH, IDS = "depth/train/00000000.png", "ids/train/00000000.png"
JPEG, LABELS = "images/train/00000000.jpg", "labels/train/00000000.txt"
FRAMES, INSTANCES = "records/frames-000000.parquet", "records/instances-000000.parquet"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four categories outside of ASCII, with keypoints; depth, labels of every kind."""
    folder = tmp_path_factory.mktemp("hostile")
    for i, category in enumerate(CATEGORIES):
        (folder / "models" / category).mkdir(parents=True)
        (folder / "models" / category / f"{category}.obj").write_text(box(1 + i, 2, 3))
        keypoints = {f"kopf_{category}": [0, 0, 0], "ende": [1, 2, 3]}
        (folder / "models" / category / f"{category}.yaml").write_text(
            yaml.safe_dump({"unit": "cm", "keypoints": keypoints}, allow_unicode=True)
        )
    plan = render.compose(
        f"assets.models_dir={folder / 'models'}", "n_frames=3", "val_fraction=0.34",
        "camera.size_wh=[64,48]", "objects=scatter", "objects.count=3", "output.depth=true",
        "output.normals=true", "output.nocs=true", "labels.obb=true", "output.yolo=pose",
        "scale.size_frac=[uniform,0.3,0.5]", "background=color", "occlusion=none",
        "sampling=sobol",
    )  # fmt: skip
    render.write(plan, folder / "data")
    return folder / "data"


@pytest.fixture
def data(whole: Path, tmp_path: Path) -> Path:
    shutil.copytree(whole, tmp_path / "data")
    return tmp_path / "data"


def box(x: float, y: float, z: float) -> str:
    corners = [(i & 1, i >> 1 & 1, i >> 2 & 1) for i in range(8)]
    quads = ("1 3 4 2", "5 6 8 7", "1 2 6 5", "3 7 8 4", "1 5 7 3", "2 4 8 6")
    lines = [f"v {a * x} {b * y} {c * z}" for a, b, c in corners]
    return "\n".join([*lines, *(f"f {quad}" for quad in quads)]) + "\n"


def told(folder: Path) -> list[str]:
    """What a user is told; the command prints either."""
    try:
        return verify(folder).findings.lines()
    except DatasetError as error:
        return [str(error)]


def edit_rows(folder: Path, name: str, edit: Callable[[list[dict[str, Any]]], None]) -> None:
    schema, rows = pq.read_schema(folder / name), pq.read_table(folder / name).to_pylist()
    edit(rows)
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), folder / name)


def edit_json(folder: Path, name: str, edit: Callable[[Any], None]) -> None:
    content = json.loads((folder / name).read_text())
    edit(content)
    (folder / name).write_text(json.dumps(content))


def edit_yaml(folder: Path, edit: Callable[[Any], None]) -> None:
    path = folder / "dataset.yaml"
    content = yaml.safe_load(path.read_text())
    edit(content)
    path.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True))


def edit_column(column: str, edit: Callable[[Any], None]) -> Callable[[Path], None]:
    """Edits θ or the placement of frame 0."""

    def damage(folder: Path) -> None:
        def of_rows(rows: list[dict[str, Any]]) -> None:
            content = json.loads(rows[0][column])
            edit(content)
            rows[0][column] = json.dumps(content)
            if column == "placement":
                rows[0]["cam_dist"], rows[0]["cam_K"] = content["distortion"], content["K"]

        edit_rows(folder, FRAMES, of_rows)
        if column == "theta":  # also where COCO repeats it
            theta = json.loads(pq.read_table(folder / FRAMES).to_pylist()[0]["theta"])
            edit_json(folder, COCO, lambda c: c["images"][0].update(theta=theta))

    return damage


def forge(folder: Path) -> None:
    """Hashes of what lies there now, in records, manifest and dataset.yaml."""
    digests: dict[str, str] = {}

    def digest(name: str) -> str:
        path = folder / name
        digests[name] = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        return digests[name]

    def edit(rows: list[dict[str, Any]]) -> None:
        for entry in (entry for row in rows for entry in row["files"]):
            entry["sha256"] = digest(entry["path"])

    edit_rows(folder, FRAMES, edit)
    digest(FRAMES)
    digest(INSTANCES)
    n_bytes = sum((folder / name).stat().st_size for name in digests if digests[name])
    changes = {"files": digests, "bytes": n_bytes}
    edit_json(folder, ".manifest/shard-00000.json", lambda c: c.update(changes))

    def of_config(content: Any) -> None:
        content["config_sha256"] = sha256_of(identity_of(content["config"]))
        content["run_config_sha256"] = sha256_of(content["config"])

    edit_yaml(folder, of_config)
    config = identity_of(yaml.safe_load((folder / "dataset.yaml").read_text())["config"])
    edit_json(folder, ".manifest/identity.json", lambda c: c.update(config=config))


def test_names_outside_of_ascii_are_whole(data: Path) -> None:
    assert told(data) == []
    assert {*CATEGORIES} == {
        entry["name"] for entry in json.loads((data / COCO).read_text())["categories"]
    }
    text = (data / COCO).read_text()  # as a program writes it that escapes nothing
    (data / COCO).write_text(json.dumps(json.loads(text), ensure_ascii=False))
    forge(data)

    assert told(data) == []


def test_a_wrong_keypoint_name_outside_of_ascii_is_found(data: Path) -> None:
    edit_json(data, COCO, lambda c: c["categories"][0]["keypoints"].reverse())

    assert any("keypoints of Größe must be" in line for line in told(data))


# --- forgeries: what damages, and what must be told -----------------------------------------


def nan_in_placement(folder: Path) -> None:
    def edit(rows: list[dict[str, Any]]) -> None:
        at = rows[0]["placement"]
        rows[0]["placement"] = at.replace('"lowest_m":', '"lowest_m":NaN,"x":', 1)

    edit_rows(folder, FRAMES, edit)


def infinite_in_theta(folder: Path) -> None:
    def edit(rows: list[dict[str, Any]]) -> None:
        rows[0]["theta"] = rows[0]["theta"].replace('"roll_deg":', '"roll_deg":1e999,"x":', 1)

    edit_rows(folder, FRAMES, edit)


def nan_in_records(folder: Path) -> None:
    edit_rows(folder, INSTANCES, lambda rows: rows[0].update(model_scale=float("nan")))


def infinite_lens(folder: Path) -> None:
    edit_rows(folder, FRAMES, lambda rows: rows[0].update(cam_dist=[0.0, 0.0, 0.0, float("inf")]))


def coco_lens(folder: Path) -> None:
    edit_json(folder, COCO, lambda c: c["images"][0].update(cam_dist=[0.1, 0, 0, 0]))


def coco_K(folder: Path) -> None:
    edit_json(folder, COCO, lambda c: c["images"][0]["cam_K"].__setitem__(2, 3.0))


def coco_second_list(folder: Path) -> None:
    text = (folder / COCO).read_text().rstrip().removesuffix("}")
    (folder / COCO).write_text(text + ', "annotations": []}')


def coco_second_key(folder: Path) -> None:
    text = (folder / COCO).read_text()
    (folder / COCO).write_text(text.replace('"iscrowd": 0', '"iscrowd": 1, "iscrowd": 0', 1))


def category_of_another_model(folder: Path) -> None:
    def edit(rows: list[dict[str, Any]]) -> None:
        rows[0]["category"] = next(c for c in CATEGORIES if c != rows[0]["category"])

    edit_rows(folder, INSTANCES, edit)


def preview_is_text(folder: Path) -> None:
    (folder / "preview.jpg").write_text("a picture")


def plot_is_half(folder: Path) -> None:
    data = (folder / "achieved.png").read_bytes()
    (folder / "achieved.png").write_bytes(data[: len(data) // 2])


def depth_moved(folder: Path) -> None:
    depth = cv2.imread(str(folder / DEPTH), cv2.IMREAD_UNCHANGED)
    assert depth is not None
    cv2.imwrite(str(folder / DEPTH), (depth * 1.25).astype(np.uint16))


def depth_swapped(folder: Path) -> None:
    """Each object where the other one is."""
    depth = cv2.imread(str(folder / DEPTH), cv2.IMREAD_UNCHANGED)
    ids = cv2.imread(str(folder / DEPTH.replace("depth", "ids")), cv2.IMREAD_UNCHANGED)
    assert depth is not None
    assert ids is not None
    means = {int(i): float(depth[ids == i].mean()) for i in np.unique(ids[ids > 0])}
    near, far = min(means, key=means.__getitem__), max(means, key=means.__getitem__)
    moved = depth.astype(np.float64)
    moved[ids == near] += means[far] - means[near]
    cv2.imwrite(str(folder / DEPTH), moved.astype(np.uint16))


def more_pixels_than_its_box(folder: Path) -> None:
    def edit(rows: list[dict[str, Any]]) -> None:
        row = rows[0]
        n = row["px_count_all"] = 100 * int(row["bbox_obj"][2] * row["bbox_obj"][3])
        inside = row["px_count_visib"] / (1 - row["occluded_fract"])
        row.update(visib_fract=row["px_count_visib"] / n, truncated_fract=(n - inside) / n)

    edit_rows(folder, INSTANCES, edit)


def versions_gone(folder: Path) -> None:
    edit_yaml(folder, lambda c: c.pop("versions"))


def other_versions(folder: Path) -> None:
    edit_yaml(folder, lambda c: c["versions"].update(numpy="0.1"))


def versions_of_numbers(folder: Path) -> None:
    edit_yaml(folder, lambda c: c["versions"].update(numpy=2.0))


def foreign_execution(folder: Path) -> None:
    edit_yaml(folder, lambda c: c["config"]["execution"].update(_target_="os.system"))


def hidden_target(folder: Path) -> None:
    def edit(content: Any) -> None:
        content["config"]["output"]["formats"] = [{"_target_": "render.api.open"}, "coco", "yolo"]

    edit_yaml(folder, edit)


def strange_plugins(folder: Path) -> None:
    edit_yaml(folder, lambda c: c["config"].update(plugins=["os; rm"]))


def link_in_place_of_a_picture(folder: Path) -> None:
    path = folder / "images/train/00000000.jpg"
    path.rename(folder.parent / "elsewhere.jpg")
    path.symlink_to(folder.parent / "elsewhere.jpg")


def pipe_in_place_of_records(folder: Path) -> None:
    (folder / INSTANCES).unlink()
    os.mkfifo(folder / INSTANCES)


def pipe_beside(folder: Path) -> None:
    os.mkfifo(folder / "images/train/pipe")


def folder_beside(folder: Path) -> None:
    (folder / "deep").mkdir()
    (folder / "deep" / "file").write_text("x")


def text_behind(name: str, text: str) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        (folder / name).write_text((folder / name).read_text() + text)

    return damage


def label_with_other_blanks(folder: Path) -> None:
    (folder / LABELS).write_bytes((folder / LABELS).read_bytes().replace(b" ", b"\t"))


def turned_by_exif(folder: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 3
    with Image.open(folder / JPEG) as image:
        image.save(folder / JPEG, quality=95, exif=exif)


def two_pictures(folder: Path) -> None:
    (folder / JPEG).write_bytes((folder / JPEG).read_bytes() * 2)


def four_channels(folder: Path) -> None:
    with Image.open(folder / JPEG) as image:
        cmyk = image.convert("CMYK")
    cmyk.save(folder / JPEG)


def packed_text_in_ids(folder: Path) -> None:
    """300 MB, which a decoder may unpack."""
    content = b"zTXta\0\0" + zlib.compress(bytes(300_000_000), 1)
    chunk = struct.pack(">I", len(content) - 4) + content + struct.pack(">I", zlib.crc32(content))
    data = (folder / IDS).read_bytes()
    (folder / IDS).write_bytes(data[:33] + chunk + data[33:])


def depth_beside(folder: Path) -> None:
    depth = cv2.imread(str(folder / DEPTH), cv2.IMREAD_UNCHANGED)
    assert depth is not None
    depth[depth == 0] = 9000
    cv2.imwrite(str(folder / DEPTH), depth)


def last_target_gone(folder: Path) -> None:
    """From everything but the picture and the depth, as if it had found no place."""
    rows = [r for r in pq.read_table(folder / INSTANCES).to_pylist() if r["frame_idx"] == 0]
    last = rows[-1]
    edit_rows(folder, INSTANCES, lambda all_rows: all_rows.pop(len(rows) - 1))
    edit_column("placement", lambda c: c["instances"].pop())(folder)

    def of_coco(content: Any) -> None:
        content["annotations"] = [
            a for a in content["annotations"]
            if (a["image_id"], a["instance_idx"]) != (1, last["instance_idx"])
        ]  # fmt: skip

    def of_counts(content: Any) -> None:
        counts = content["counts"]
        counts["instances"][last["category"]] -= 1
        counts["unplaced"] = {last["category"]: 1}

    edit_json(folder, COCO, of_coco)
    edit_yaml(folder, of_counts)
    lines = (folder / LABELS).read_text().splitlines(keepends=True)
    (folder / LABELS).write_text("".join(lines[:-1]))
    ids = cv2.imread(str(folder / IDS), cv2.IMREAD_UNCHANGED)
    assert ids is not None
    ids[ids == len(rows)] = 0
    cv2.imwrite(str(folder / IDS), ids)


def normals_turned(folder: Path) -> None:
    name = DEPTH.replace("depth", "normals")
    normals = cv2.imread(str(folder / name), cv2.IMREAD_UNCHANGED)
    assert normals is not None
    normals[normals > 0] = 65536 - normals[normals > 0].astype(np.int32)
    cv2.imwrite(str(folder / name), normals)


def coordinates_turned(folder: Path) -> None:
    name = DEPTH.replace("depth", "nocs")
    nocs = cv2.imread(str(folder / name), cv2.IMREAD_UNCHANGED)
    assert nocs is not None
    nocs[..., 0] = np.where(nocs[..., 0] > 0, 65536 - nocs[..., 0].astype(np.int32), 0)
    cv2.imwrite(str(folder / name), nocs)


def rectangles_loose(name: str) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        def edit(rows: list[dict[str, Any]]) -> None:
            row = next(row for row in rows if row["truncated_fract"] == 0)
            corners = np.array(row[name]).reshape(4, 2)
            middle = corners.mean(axis=0)
            row[name] = (middle + 1.02 * (corners - middle)).ravel().tolist()

        edit_rows(folder, INSTANCES, edit)

    return damage


def in_space(**values: Any) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        edit_rows(folder, INSTANCES, lambda rows: rows[0].update(box3d_corners_uv=None, **values))

    return damage


def another_real_image(folder: Path) -> None:
    edit_column("placement", lambda c: c.update(im_id=7))(folder)
    edit_rows(folder, FRAMES, lambda rows: rows[0].update(im_id=7))
    edit_json(folder, COCO, lambda c: c["images"][0].update(im_id=7))


def edit_of(name: str, edit: Callable[[Any], None]) -> Callable[[Path], None]:
    return lambda folder: edit_json(folder, name, edit)


def edit_of_yaml(edit: Callable[[Any], None]) -> Callable[[Path], None]:
    return lambda folder: edit_yaml(folder, edit)


def better_than_it_is(content: Any) -> None:
    content["reached"]["size_frac"].update(mean_error=0.0)


def name_that_is_no_utf8(folder: Path) -> None:
    Path(os.fsdecode(bytes(folder / "images") + b"/\xff\xfe.jpg")).write_text("x")


FORGERIES: tuple[tuple[Callable[[Path], None], str, str], ...] = (
    (nan_in_placement, FRAMES, "numbers must be finite, got NaN"),
    (infinite_in_theta, FRAMES, "numbers must be finite, got inf"),
    (nan_in_records, INSTANCES, "model_scale must be there, complete and finite"),
    (infinite_lens, FRAMES, "cam_dist must be there, complete and finite"),
    (coco_lens, COCO, "image: cam_dist must be []"),
    (coco_K, COCO, "image: cam_K must be"),
    (coco_second_list, COCO, "each once, got 'annotations'"),
    (coco_second_key, COCO, "is torn: the key 'iscrowd' stands twice"),
    (category_of_another_model, INSTANCES, "category must be that of its model"),
    (edit_column("theta", lambda c: c["viewpoint"].update(elevation_deg=-45.0)), FRAMES,
     "θ: viewpoint.elevation_deg must be as the config draws it, got -45.0"),
    (edit_column("theta", lambda c: c["viewpoint"].update(azimuth_deg=12.5)), FRAMES,
     "the camera must stand where θ.viewpoint says"),
    (edit_column("theta", lambda c: c["scale"].update(size_frac=0.9)), FRAMES,
     "θ: scale.size_frac must be as the config draws it, got 0.9"),
    (edit_column("theta", lambda c: c["camera"].update(fov_deg=51.0)), FRAMES, "placement.K must"),
    (edit_column("theta", lambda c: c["sensor"].pop("noise")), FRAMES,
     "θ: sensor must hold the leaves of the config, odd: noise"),
    (edit_column("placement", lambda c: c.update(distortion=[0.1, 0, 0, 0])), FRAMES,
     "placement.distortion must be that of θ"),
    (edit_column("placement", lambda c: c["T_world_cam"].__setitem__(0, 3.0)), FRAMES,
     "placement.T_world_cam must be a rigid transform"),
    (edit_column("placement", lambda c: c["instances"][0].update(theta_idx=9)), FRAMES,
     "placement.instances must have the targets of θ in order"),
    (edit_column("placement", lambda c: c.update(near_m="x")), FRAMES,
     "placement.near_m must be a finite number, got 'x'"),
    (preview_is_text, "preview.jpg", "is torn: its 9 bytes have no end"),
    (plot_is_half, "achieved.png", "bytes have no end"),
    (depth_moved, DEPTH, "sampled px are not where their object is"),
    (depth_swapped, DEPTH, "sampled px are not where their object is"),
    (more_pixels_than_its_box, INSTANCES, "px_count_all must be at most the"),
    (versions_gone, "", "dataset.yaml is torn: it lacks versions"),
    (other_versions, ".manifest/identity.json", "must agree with dataset.yaml"),
    (versions_of_numbers, "", "dataset.yaml is torn: versions.numpy must be a name, got 2.0"),
    (foreign_execution, "dataset.yaml", "config: execution._target_ must be a class of render"),
    (hidden_target, "", "formats"),
    (strange_plugins, "dataset.yaml", "config: plugins must be a list of names"),
    (link_in_place_of_a_picture, "images/train/00000000.jpg",
     "must be a file, and is a symbolic link"),
    (pipe_in_place_of_records, INSTANCES, "must be a file, and is a device, pipe or socket"),
    (pipe_beside, "images/train/pipe", "does not belong here: it is a device, pipe or socket"),
    (folder_beside, "deep", "does not belong here: it is a folder"),
    (text_behind("data.yaml", "download: import os\n"), "data.yaml", "keys, odd: download"),
    (text_behind("data.yaml", "test: /etc\n"), "data.yaml", "just its keys, odd: test"),
    (label_with_other_blanks, LABELS, "must hold numbers only, with one blank"),
    (text_behind(LABELS, "0 0.5"), LABELS, "must end with a line's end"),
    (turned_by_exif, JPEG, "one picture and nothing beside it, got a segment 0xe1"),
    (two_pictures, JPEG, "one picture and nothing beside it, got"),
    (four_channels, JPEG, "one picture and nothing beside it, got a"),
    (packed_text_in_ids, IDS, "one picture and nothing beside it, got a chunk b'zTXt'"),
    (depth_beside, DEPTH, "px have depth where nothing is"),
    (last_target_gone, DEPTH, "px have depth where nothing is"),
    (normals_turned, DEPTH.replace("depth", "normals"), "normals look away"),
    (coordinates_turned, DEPTH.replace("depth", "nocs"), "px are not where their object is"),
    (rectangles_loose("obb_visib"), INSTANCES, "obb_visib must be the least rectangle"),
    (rectangles_loose("obb_obj"), INSTANCES, "obb_obj must be the least rectangle"),
    (in_space(), INSTANCES, "box3d_corners_uv must be there"),
    (in_space(box3d_size_m=[1.0, 1.0, 9.0]), INSTANCES, "box3d_size_m must be as large"),
    (another_real_image, FRAMES, "im_id must be null: no real image"),
    (edit_column("theta", lambda c: c.update(more={})), FRAMES,
     "θ must hold exactly its groups, odd: more"),
    (lambda folder: edit_rows(folder, FRAMES, lambda rows: rows.reverse()), FRAMES,
     "must have its rows in order"),
    (edit_of(COCO, lambda c: c.update(more=1)), COCO, "each once, got 'more'"),
    (edit_of(COCO, lambda c: c["images"][0].update(coco_url="http://x")), COCO, "odd: coco_url"),
    (edit_of(COCO, lambda c: c["annotations"][0].update(ignore=1)), COCO, "odd: ignore"),
    (edit_of(COCO, lambda c: c["categories"][0].update(skeleton=[[1, 99]])), COCO,
     "must have a name alone"),
    (edit_of(".manifest/gl.json", lambda c: c.update(more=1)), ".manifest/gl.json",
     "must agree with dataset.yaml"),
    (edit_of(".manifest/identity.json", lambda c: c.update(more=1)), ".manifest/identity.json",
     "must agree with dataset.yaml"),
    (edit_of(".manifest/shard-00000.json", lambda c: c.update(more=1)),
     ".manifest/shard-00000.json", "it must hold frames and files, and bytes, draws, rejections"),
    (edit_of(".manifest/shard-00000.json", lambda c: c.update(draws=c["draws"] + 1)),
     ".manifest/shard-00000.json", "'draws': 3, 'rejections': {}}, got {'bytes': "),
    (edit_of(".manifest/shard-00000.json", lambda c: c["rejections"].update(more=1)),
     ".manifest/shard-00000.json", "'rejections': {'more': 1}}"),
    (edit_of_yaml(lambda c: c.update(more=1)), "dataset.yaml", "just its keys, odd: more"),
    (edit_of_yaml(lambda c: c["counts"].update(more=1)), "dataset.yaml", "odd: counts.more"),
    (edit_of_yaml(lambda c: c["counts"].update(unplaced={"Ω": 3})), "dataset.yaml",
     "counts.unplaced must be {} as in the records"),
    (edit_of_yaml(lambda c: c["counts"].pop("unplaced")), "dataset.yaml",
     "counts.unplaced must be"),
    (edit_of_yaml(better_than_it_is), "dataset.yaml", "reached must be"),
    (edit_of_yaml(lambda c: c["fixtures"].append({"name": "x", "sha256": "y"})), "dataset.yaml",
     "fixtures must be the 0 of the config, got 1"),
    (name_that_is_no_utf8, "images/\\udcff\\udcfe.jpg", "does not belong here"),
)  # fmt: skip


@pytest.mark.parametrize(("damage", "file", "part"), FORGERIES)
def test_a_forgery_is_found(
    data: Path, damage: Callable[[Path], None], file: str, part: str
) -> None:
    damage(data)
    if damage not in (pipe_in_place_of_records, versions_gone):
        forge(data)
    lines = told(data)

    assert any(line.startswith(file) and part in line for line in lines), lines


def test_an_edited_config_is_found_by_its_hash(data: Path) -> None:
    """What takes no part in `config_sha256`, and could be said of a good dataset."""
    edit_yaml(data, lambda c: c["config"].update(plugins=["another_package"]))

    assert any("run_config_sha256 must be that of its config" in line for line in told(data))


def test_a_word_too_many_is_told(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main([str(data), "x"])

    assert capsys.readouterr().err.endswith("error: unrecognized arguments: x\n")


# --- hostile: more than memory or patience holds --------------------------------------------


def aliases(folder: Path) -> None:
    lines = ["config: &a [x, x, x, x, x, x, x, x, x]"]
    lines += [f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]" for a, b in zip("abcdefgh", "bcdefghi")]
    (folder / "dataset.yaml").write_text("\n".join(lines))


def deep_yaml(folder: Path) -> None:
    (folder / "data.yaml").write_text("[" * 100_000)


def deep_json(folder: Path) -> None:
    (folder / COCO).write_text('{"images": ' + "[" * 200_000)


def deep_manifest(folder: Path) -> None:
    (folder / ".manifest/identity.json").write_text('{"a":' * 100_000)


def deep_theta(folder: Path) -> None:
    edit_rows(folder, FRAMES, lambda rows: rows[0].update(theta='{"a":' * 90 + "1" + "}" * 90))


def very_many_frames(folder: Path) -> None:
    def edit(content: Any) -> None:
        content["n_frames"] = content["config"]["n_frames"] = 99_999_998

    edit_yaml(folder, edit)


def picture_of_a_gigapixel(folder: Path) -> None:
    def chunk(kind: bytes, content: bytes) -> bytes:
        body = kind + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", 32_000, 32_000, 16, 0, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    data += chunk(b"IDAT", zlib.compress(bytes(64_000_000))) + chunk(b"IEND", b"")
    (folder / DEPTH).write_bytes(data)


def endless_file(folder: Path) -> None:
    with (folder / DEPTH).open("wb") as file:
        file.truncate(1 << 40)


def records_of_a_million_masks(folder: Path) -> None:
    rows = pq.read_table(folder / INSTANCES)
    pq.write_table(pa.concat_tables([rows] * 20_000), folder / INSTANCES)


def records_of_a_giant_text(folder: Path) -> None:
    edit_rows(folder, FRAMES, lambda rows: rows[0].update(theta=" " * 80_000_000))


def records_of_many_groups(folder: Path) -> None:
    table = pa.concat_tables([pq.read_table(folder / FRAMES)] * 400)
    pq.write_table(table, folder / FRAMES, row_group_size=1)


def records_of_another_kind(folder: Path) -> None:
    table = pq.read_table(folder / INSTANCES)
    at = table.schema.get_field_index("mask")
    pq.write_table(table.set_column(at, "mask", pa.array([1.0] * len(table))), folder / INSTANCES)


def records_of_a_vast_image(folder: Path) -> None:
    edit_rows(folder, FRAMES, lambda rows: rows[0].update(width=2**30, height=2**30))


HOSTILE: tuple[tuple[Callable[[Path], None], str, str], ...] = (
    (aliases, "", "dataset.yaml is torn: it has too many values"),
    (deep_yaml, "data.yaml", "is torn: it nests too deep"),
    (deep_json, COCO, "nests too deep"),
    (deep_manifest, ".manifest/identity.json", "is torn: it nests too deep"),
    (edit_of(".manifest/shard-00000.json", lambda c: c.update(bytes=c["bytes"] + 1)),
     ".manifest/shard-00000.json", "must tell {'bytes': "),
    (deep_theta, FRAMES, "θ or placement is torn: it nests too deep"),
    (very_many_frames, "records", "lack the rows of 99999995 frames"),
    (picture_of_a_gigapixel, DEPTH, "must be of 64 x 48, got 32000 x 32000"),
    (endless_file, DEPTH, "cannot be read (it has more than"),
    (records_of_a_million_masks, INSTANCES, "must have at most"),
    (records_of_a_giant_text, FRAMES, "must have at most"),
    (records_of_many_groups, FRAMES, "is torn: its footer has"),
    (records_of_another_kind, INSTANCES, "must hold just its columns, odd: mask"),
    (records_of_a_vast_image, FRAMES, "size must be from 1 to 8192 px"),
)  # fmt: skip


@pytest.mark.parametrize(("damage", "file", "part"), HOSTILE)
def test_a_hostile_dataset_ends_in_findings(
    data: Path, damage: Callable[[Path], None], file: str, part: str
) -> None:
    damage(data)
    lines = told(data)

    assert any(line.startswith(file) and part in line for line in lines), lines


# --- mutations -----------------------------------------------------------------------------

VALUES: tuple[Any, ...] = (
    None, -1, 0, float("nan"), 1e300, 10**30, [], [1], {}, {"a": 1}, "x", "", True, "\ud800",
)  # fmt: skip


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Paths of all values within one."""
    inner = value.items() if isinstance(value, dict) else ()
    for key, one in enumerate(value) if isinstance(value, list) else inner:
        yield (*path, key)
        yield from leaves(one, (*path, key))


def replace_one(content: Any, rng: random.Random) -> None:
    path = rng.choice([*leaves(content)])
    for key in path[:-1]:
        content = content[key]
    before = repr(content[path[-1]])
    while repr(content[path[-1]]) == before:
        content[path[-1]] = rng.choice(VALUES)


def mutate_values(folder: Path, name: str, rng: random.Random) -> None:
    path = folder / name
    if name.endswith(".parquet"):
        before = path.read_bytes()

        def edit(rows: list[dict[str, Any]]) -> None:
            row = rng.choice(rows)
            if name == FRAMES and rng.random() < 0.6:
                column = rng.choice(["theta", "placement"])
                content = json.loads(row[column])
                replace_one(content, rng)
                row[column] = json.dumps(content)
            else:
                replace_one(row, rng)

        try:
            edit_rows(folder, name, edit)
        except (pa.ArrowException, TypeError, OverflowError, UnicodeEncodeError):
            path.write_bytes(before[::-1])  # the schema forbids the value
    elif name.endswith(".json"):
        edit_json(folder, name, lambda content: replace_one(content, rng))
    else:
        content = yaml.safe_load(path.read_text())
        replace_one(content, rng)
        text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
        path.write_text(text, errors="surrogatepass")


def mutate_file(folder: Path, name: str, rng: random.Random) -> None:
    path = folder / name
    data = path.read_bytes()
    match rng.randrange(7):
        case 0:
            path.write_bytes(data[: rng.randrange(len(data) + 1)])
        case 1:
            path.write_bytes(b"")
        case 2:
            at = rng.randrange(len(data) + 1)
            path.write_bytes(data[:at] + rng.randbytes(8) + data[at + 8 :])
        case 3:
            path.unlink()
            path.mkdir()
        case 4:
            path.unlink()
            path.symlink_to("/dev/zero")
        case 5:
            path.unlink()
            os.mkfifo(path)
        case _:
            path.unlink()


def mutated(folder: Path, seed: int) -> str:
    """Damages a dataset in one place; says where."""
    rng = random.Random(seed)
    names = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
    plain = [name for name in names if name.endswith((".json", ".yaml", ".parquet"))]
    if rng.random() < 0.7:
        name = rng.choice(plain)
        mutate_values(folder, name, rng)
    else:
        name = rng.choice(names)
        mutate_file(folder, name, rng)
    return name


# By more seeds than a run of all tests has time for, it was looked at by hand.
@pytest.mark.parametrize("first", range(0, 60, 20))
def test_a_mutation_ends_in_findings(whole: Path, tmp_path: Path, first: int) -> None:
    for seed in range(first, first + 20):
        shutil.rmtree(tmp_path / "data", ignore_errors=True)
        shutil.copytree(whole, tmp_path / "data")
        name = mutated(tmp_path / "data", seed)

        assert told(tmp_path / "data"), (seed, name)
