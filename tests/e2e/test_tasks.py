"""Keypoints, symmetries, oriented and 3D boxes and per-pixel labels, from files to files."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest
import trimesh
import yaml
from pycocotools.coco import COCO

from tests.e2e.cli import run_module

SIZE = "camera.size_wh=[160,120]"
# Half a turn about z leaves the plate as it is; in millimetres, as its file.
SIDE_FILE = {
    "unit": "mm",
    "keypoints": {"corner": [20, 10, 2], "middle": [0, 0, 2], "inside": [0, 0, 0]},
    "symmetries": {"discrete": [[-1, 0, 0, 0, 0, -1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]]},
}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plate with a side file, and a body of two parts."""
    folder = tmp_path_factory.mktemp("models")
    trimesh.creation.box((40, 20, 4)).export(folder / "plate.stl")
    (folder / "plate.yaml").write_text(yaml.safe_dump(SIDE_FILE, sort_keys=False))
    scene = trimesh.Scene()
    scene.add_geometry(trimesh.creation.box((0.04, 0.04, 0.01)), node_name="base")
    knob = trimesh.creation.cylinder(0.01, 0.03)
    knob.apply_translation((0.005, 0, 0.02))
    scene.add_geometry(knob, node_name="knob")
    scene.export(folder / "knob.glb")
    return folder


@pytest.fixture(scope="module")
def dataset(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tasks") / "d"
    _render(
        models, folder, "labels.keypoints=3", "labels.obb=true", "output.yolo=pose",
        "output.normals=true", "output.nocs=true", "output.parts=true", "models=[plate]",
    )  # fmt: skip
    return folder


def _render(models: Path, folder: Path, *overrides: str) -> None:
    done = run_module(
        "render.run", SIZE, f"assets.models_dir={models}", f"output_dir={folder}", "n_frames=6",
        "workers=1", *overrides, cwd=folder.parent,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def _rows(folder: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for path in sorted((folder / "records").glob("instances-*.parquet")):
        rows += pq.read_table(path).to_pylist()
    return rows


def test_the_dataset_is_whole_and_exact(dataset: Path) -> None:
    done = run_module("render.verify", str(dataset), cwd=dataset.parent)

    assert done.returncode == 0, done.stdout


def test_keypoints_are_those_of_the_side_file(dataset: Path) -> None:
    coco = COCO(str(dataset / "annotations" / "instances_train.json"))
    (category,) = coco.loadCats(coco.getCatIds())
    annotations = coco.loadAnns(coco.getAnnIds())

    assert category["keypoints"] == list(SIDE_FILE["keypoints"])
    assert annotations
    for entry in annotations:
        x, y, v = np.array(entry["keypoints"]).reshape(-1, 3).T
        assert v[2] < 2  # a point inside is never seen
        assert entry["num_keypoints"] == (v > 0).sum()
        K = np.array(coco.loadImgs(entry["image_id"])[0]["cam_K"]).reshape(3, 3)
        R = np.array(entry["cam_R_m2c_canonical"]).reshape(3, 3)
        t = np.array(entry["cam_t_m2c_canonical"])
        points = entry["model_scale"] * np.array(list(SIDE_FILE["keypoints"].values()))
        uv = cv2.projectPoints(points, cv2.Rodrigues(R)[0], t, K, None)[0].reshape(-1, 2)
        for k in np.flatnonzero(v > 0):
            assert (x[k], y[k]) == pytest.approx(tuple(uv[k]), abs=1e-3)


def test_canonical_poses_show_the_same_plate(dataset: Path) -> None:
    turned = 0
    for row in _rows(dataset):
        if row["role"] != "target":
            continue
        R = np.array(row["cam_R_m2c"]).reshape(3, 3)
        canonical = np.array(row["cam_R_m2c_canonical"]).reshape(3, 3)
        half = R @ np.diag([-1.0, -1.0, 1.0])
        wanted = R if np.trace(R) >= np.trace(half) else half
        turned += wanted is half
        np.testing.assert_allclose(canonical, wanted, atol=1e-9)
    assert turned > 0


def test_oriented_boxes_and_maps_fit_the_masks(dataset: Path) -> None:
    for path in sorted((dataset / "ids").glob("*/*.png")):
        ids = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        where = path.relative_to(dataset / "ids")
        nocs, parts, normals = (
            cv2.imread(str(dataset / name / where), cv2.IMREAD_UNCHANGED)
            for name in ("nocs", "parts", "normals")
        )
        np.testing.assert_array_equal(nocs.all(axis=2), ids > 0)
        np.testing.assert_array_equal(parts > 0, ids > 0)
        assert normals[ids > 0].all()


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"keypoints_uv": lambda v: [v[0] + 1, *v[1:]]}, "off the model's keypoints"),
        ({"keypoints_sight": lambda v: ["seen", *v[1:]]}, "keypoints_sight must be known"),
        ({"keypoints_sight": lambda v: v[:-1]}, "keypoints must be 3"),
        ({"cam_R_m2c_canonical": lambda v: [1, 0, 0, 0, 1, 0, 0, 0, 1]}, "one of its model's"),
        ({"box3d_size_m": lambda v: [2 * v[0], *v[1:]]}, "off its projected corners"),
        ({"obb_visib": lambda v: [v[0] - 9, *v[1:]]}, "must be a rectangle"),
        ({"obb_visib": lambda v: [x + 5 for x in v]}, "must hold its mask"),
        ({"obb_obj": lambda v: None}, "obb_obj must be four corners"),
    ],
)
def test_verify_finds_what_was_changed(
    dataset: Path, changes: dict[str, Any], problem: str, tmp_path: Path
) -> None:
    copy = tmp_path / "d"
    shutil.copytree(dataset, copy)
    path = copy / "records" / "instances-000000.parquet"
    table = pq.read_table(path)
    rows = table.to_pylist()
    idx = next(i for i, r in enumerate(rows) if r["role"] == "target" and r["px_count_visib"] > 50)
    for key, change in changes.items():
        rows[idx][key] = change(rows[idx][key])
    pq.write_table(type(table).from_pylist(rows, schema=table.schema), path)

    done = run_module("render.verify", str(copy), cwd=tmp_path)

    assert done.returncode == 1
    assert problem in done.stdout, done.stdout


def test_parts_keep_the_names_of_the_file(models: Path, tmp_path: Path) -> None:
    folder = tmp_path / "parts"
    _render(models, folder, "models=[knob]", "output.parts=true", "labels.symmetries=search",
            "output.yolo=obb")  # fmt: skip
    description = yaml.safe_load((folder / "dataset.yaml").read_text())
    seen = {
        int(v)
        for path in (folder / "parts").glob("*/*.png")
        for v in np.unique(cv2.imread(str(path), cv2.IMREAD_UNCHANGED))
    }

    assert sorted(description["models"][0]["parts"]) == ["base", "knob"]
    assert seen == {0, 1, 2}
    text = next(p for p in sorted((folder / "labels").glob("*/*.txt")) if p.read_text()).read_text()
    assert all(len(line.split()) == 9 for line in text.splitlines())
    assert run_module("render.verify", str(folder), cwd=tmp_path).returncode == 0


def test_pose_labels_without_keypoints_are_refused(models: Path, tmp_path: Path) -> None:
    done = run_module(
        "render.run", SIZE, f"assets.models_dir={models}", "models=[knob]", "output.yolo=pose",
        f"output_dir={tmp_path / 'd'}", cwd=tmp_path,
    )  # fmt: skip

    assert done.returncode == 1
    assert "output.yolo=pose needs models with keypoints" in done.stderr
    assert not (tmp_path / "d").exists()


def test_keypoints_of_one_category_must_have_one_set_of_names(tmp_path: Path) -> None:
    folder = tmp_path / "models" / "plates"
    folder.mkdir(parents=True)
    for name, point in (("a", "tip"), ("b", "end")):
        trimesh.creation.box((1, 1, 1)).export(folder / f"{name}.ply")
        (folder / f"{name}.yaml").write_text(json.dumps({"keypoints": {point: [0, 0, 0]}}))

    done = run_module(
        "render.run", f"assets.models_dir={tmp_path / 'models'}", "n_frames=1",
        f"output_dir={tmp_path / 'd'}", cwd=tmp_path,
    )  # fmt: skip

    assert done.returncode == 1
    assert "keypoints must have the same names in the same order for all models" in done.stderr
