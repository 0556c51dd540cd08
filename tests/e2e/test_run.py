"""The main job from the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import trimesh
import yaml
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from render.dataset.records import read_frames
from tests.e2e.cli import ROOT, SMALL, bytes_of, render, run_module

CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty frames, sixteen of them for training."""
    cwd = tmp_path_factory.mktemp("run")
    done = render("output_dir=data", "n_frames=20", "output.depth=true", cwd=cwd)
    assert "frames      20 (16 train, 4 val)" in done.stdout
    assert "yolo detect train data=data/data.yaml" in done.stdout
    return cwd / "data"


def test_layout_is_that_of_the_contract(dataset: Path) -> None:
    top = sorted(p.name for p in dataset.iterdir() if not p.name.startswith("."))
    assert top == [
        "achieved.png", "annotations", "data.yaml", "dataset.yaml", "depth", "ids", "images",
        "labels", "preview.jpg", "records",
    ]  # fmt: skip
    # floor((i+1)f) > floor(i f) with f = 0.2
    val = [f"{i:08d}" for i in (4, 9, 14, 19)]
    for kind, suffix in (("images", "jpg"), ("labels", "txt"), ("ids", "png"), ("depth", "png")):
        assert sorted(p.name for p in (dataset / kind / "val").iterdir()) == [
            f"{stem}.{suffix}" for stem in val
        ]
        assert len(list((dataset / kind / "train").iterdir())) == 16
    assert "path" not in yaml.safe_load((dataset / "data.yaml").read_text())


def test_it_verifies(dataset: Path) -> None:
    done = run_module("render.verify", str(dataset), cwd=dataset.parent)

    assert done.returncode == 0, done.stdout + done.stderr


def silhouette_by_opencv(annotation: dict[str, Any], image: dict[str, Any]) -> NDArray[np.uint8]:
    """The model's file as trimesh reads it, in its labelled pose, filled triangle by triangle.

    cv2 fills every pixel that a triangle's border touches: up to one more than centres say.
    """
    scene = trimesh.load(ROOT / "assets" / "models" / annotation["model"], force="scene")
    triangles = np.asarray(scene.to_mesh().triangles)
    R = np.reshape(annotation["cam_R_m2c"], (3, 3))
    points = annotation["model_scale"] * triangles.reshape(-1, 3) @ R.T + annotation["cam_t_m2c"]
    K, still = np.reshape(image["cam_K"], (3, 3)), np.zeros(3)
    uv, _ = cv2.projectPoints(points, still, still, K, None)
    filled = np.zeros((image["height"], image["width"]), np.uint8)
    for triangle in np.rint(16 * uv.reshape(-1, 3, 2)).astype(np.int32):
        cv2.fillConvexPoly(filled, triangle, 1, shift=4)
    return filled


def test_objects_are_where_opencv_projects_their_files(dataset: Path) -> None:
    contrasts = []
    for split in ("train", "val"):
        coco = json.loads((dataset / "annotations" / f"instances_{split}.json").read_text())
        images = {image["id"]: image for image in coco["images"]}
        for annotation in coco["annotations"]:
            image = images[annotation["image_id"]]
            filled = silhouette_by_opencv(annotation, image)
            labelled = coco_mask.decode(annotation["segmentation_amodal"])
            around, within = cv2.dilate(filled, CROSS), cv2.erode(filled, CROSS, iterations=2)
            # A gap under a pixel, as in a handle, is filled as well.
            assert (within > labelled).sum() <= 3
            assert not labelled[around == 0].any()
            # In the picture light changes there more than it does elsewhere; a speck may hide in
            # the pattern of what it lies on.
            if annotation["visib_fract"] == 1.0 and filled.sum() >= 200:
                picture = cv2.imread(str(dataset / "images" / split / image["file_name"]))
                assert picture.shape == (120, 160, 3)
                grey = picture.mean(axis=2)
                steps = np.hypot(cv2.Sobel(grey, -1, 1, 0), cv2.Sobel(grey, -1, 0, 1))
                border = filled > cv2.erode(filled, CROSS, iterations=2)
                contrasts.append(steps[border].mean() / steps.mean())

    assert len(contrasts) > 20
    assert min(contrasts) > 1.0
    assert np.median(contrasts) > 2.5


def test_a_shorter_run_is_a_prefix(dataset: Path, tmp_path: Path) -> None:
    render("output_dir=data", "n_frames=7", "output.depth=true", cwd=tmp_path)

    short, long = bytes_of(tmp_path / "data"), bytes_of(dataset)
    frames = [p for p in short if p.startswith(("images/", "labels/", "ids/", "depth/"))]
    assert len(frames) == 28
    assert {p: short[p] for p in frames} == {p: long[p] for p in frames}


def test_extending_gives_the_bytes_of_the_longer_run(dataset: Path, tmp_path: Path) -> None:
    for n_frames in (7, 20):
        render("output_dir=data", f"n_frames={n_frames}", "output.depth=true", cwd=tmp_path)

    assert bytes_of(tmp_path / "data") == bytes_of(dataset)


def test_two_workers_give_the_same_bytes(dataset: Path, tmp_path: Path) -> None:
    render("output_dir=data", "n_frames=20", "output.depth=true", "workers=2", cwd=tmp_path)

    ours, theirs = bytes_of(tmp_path / "data"), bytes_of(dataset)
    for files in (ours, theirs):
        del files["dataset.yaml"]  # names `workers`
    assert ours == theirs


def test_replay_proves_equality(dataset: Path) -> None:
    done = run_module("render.replay", str(dataset), "7", cwd=dataset.parent)

    assert done.returncode == 0, done.stderr
    assert "equals the stored one" in done.stdout


def test_replay_finds_a_changed_frame(dataset: Path, tmp_path: Path) -> None:
    mask = dataset / "ids" / "train" / "00000003.png"
    before = mask.read_bytes()
    image = cv2.imread(str(mask), cv2.IMREAD_UNCHANGED)
    image[0, 0] += 1
    cv2.imwrite(str(mask), image)
    try:
        done = run_module("render.replay", str(dataset), "3", cwd=tmp_path)
    finally:
        mask.write_bytes(before)

    assert done.returncode == 1
    assert "ids/train/00000003.png: 1 of 19200 values differ" in done.stderr


def test_coco_carries_the_whole_label(dataset: Path) -> None:
    coco = json.loads((dataset / "annotations" / "instances_train.json").read_text())

    assert [c["name"] for c in coco["categories"]] == ["bolt", "die", "mug"]
    assert [c["id"] for c in coco["categories"]] == [1, 2, 3]
    assert len(coco["images"]) == 16
    for image in coco["images"]:
        assert {"cam_K", "frame_idx", "theta"} <= set(image)
        assert "/" not in image["file_name"]
    wanted = {
        "bbox_obj", "segmentation_amodal", "visib_fract", "truncated_fract", "occluded_fract",
        "px_count_all", "px_count_visib", "cam_R_m2c", "cam_t_m2c", "model_scale", "instance_idx",
        "model",
    }  # fmt: skip
    assert coco["annotations"]
    for annotation in coco["annotations"]:
        assert wanted <= set(annotation)
        assert annotation["iscrowd"] == 0


def test_runs_from_any_folder_and_into_the_default_one(tmp_path: Path) -> None:
    render("n_frames=2", cwd=tmp_path)

    assert len(list(tmp_path.glob("outputs/*/*/dataset.yaml"))) == 1


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["nonsense=3"], "nonsense"),
        (["lighting=candle"], "candle"),
        (["viewpoint.tilt=3"], "tilt"),
        (["scale.size_frac=[uniform,0.5,0.1]"], "scale.size_frac must"),
        (["scale.size_frac=[uniform,nan,0.1]"], "scale.size_frac.1 must be a finite number"),
        (["scale.size_frac=[unifrom,0.1,0.2]"], "uniform"),
        (["scale.size_frac=big"], "scale.size_frac must"),
        (["objects.orientation=[choice,{so3: -1, stable: 2}]"], "objects.orientation must"),
        (["objects.orientation=[choice,{so3: 0, stable: 0}]"], "objects.orientation must"),
        (["scale.size_px=100", "scale.distance_m=1"], "null"),
        (["camera.K=[600,600,900,60]"], "camera.K must"),
        (["models=[no_such_part]"], "no_such_part"),
        (["assets.backgrounds_dir=empty"], "assets.backgrounds_dir holds none that can be read"),
        (["assets.backgrounds_dir=broken"], "torn.jpg"),
        (["assets.backgrounds_dir=two_broken"], "a.jpg: is not a picture that can be decoded"),
        (["assets.backgrounds_dir=two_broken"], "b.jpg: is not a picture that can be decoded"),
        (["assets.backgrounds_dir=gone"], "assets.backgrounds_dir must be a folder that is there"),
        (["assets.textures_dir=gone"], "assets.textures_dir must be a folder that is there"),
        # θ before the models, which take long to load where there are many.
        (["assets.models_dir=broken_models", "scale.size_frac=big"], "scale.size_frac must"),
        (["assets.models_dir=broken_models"], "part.stl"),
        (["n_frames=0"], "n_frames must"),
        (["engine.platform=vulkan"], "engine.platform must"),
        (["scale.size_frac=null", "scale.distance_m=0.002"], "inside the target (100)"),
    ],
)
def test_bad_input_is_told_in_one_paragraph_before_frame_0(
    overrides: list[str], message: str, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "torn.jpg").write_bytes(b"\xff\xd8\xff\xe0 no picture")
    (tmp_path / "two_broken").mkdir()
    for name in "ab":
        (tmp_path / "two_broken" / f"{name}.jpg").write_bytes(b"no picture")
    (tmp_path / "broken_models").mkdir()
    (tmp_path / "broken_models" / "part.stl").write_bytes(b"solid nothing\nendsolid nothing\n")

    base = ["camera.size_wh=[160,120]", "n_frames=2", "output_dir=out"]
    done = run_module("render.run", *base, *overrides, cwd=tmp_path)

    assert done.returncode == 1
    assert message in done.stderr + done.stdout
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("years of work")

    done = run_module("render.run", "n_frames=1", "output_dir=out", cwd=tmp_path)

    assert done.returncode == 1
    assert "thesis.txt" in done.stderr
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["thesis.txt"]


def test_another_dataset_is_refused_with_the_difference(dataset: Path) -> None:
    before = bytes_of(dataset)

    done = run_module(
        "render.run", "camera.size_wh=[160,120]", "models=[bolt,mug,die]", "output_dir=data",
        "n_frames=20", "output.depth=true", "seed=5", cwd=dataset.parent,
    )  # fmt: skip

    assert done.returncode == 1
    assert "config.seed: 0 there, 5 here" in done.stderr
    assert bytes_of(dataset) == before


def test_overwrite_makes_the_new_dataset(tmp_path: Path) -> None:
    render("output_dir=data", "n_frames=2", cwd=tmp_path)
    render("output_dir=data", "n_frames=2", "seed=5", "overwrite=true", cwd=tmp_path)

    assert yaml.safe_load((tmp_path / "data" / "dataset.yaml").read_text())["seed"] == 5


@pytest.mark.parametrize("name", ["thesis.txt", "images/train/mine.jpg", "annotations/a.json"])
def test_overwrite_with_foreign_files_changes_nothing(name: str, tmp_path: Path) -> None:
    render("output_dir=data", "n_frames=1", cwd=tmp_path)
    (tmp_path / "data" / name).write_text("years of work")
    before = bytes_of(tmp_path / "data")

    done = run_module(
        "render.run", *SMALL, "output_dir=data", "n_frames=1", "overwrite=true", cwd=tmp_path
    )

    assert done.returncode == 1
    assert f"also holds {name}: move that" in done.stderr
    assert bytes_of(tmp_path / "data") == before


def test_overwrite_leaves_nothing_of_the_old_dataset(tmp_path: Path) -> None:
    render("output_dir=data", "n_frames=4", "output.depth=true", cwd=tmp_path)
    (tmp_path / "data" / "labels" / "train.cache").touch()  # a trainer's
    render("output_dir=data", "n_frames=2", "overwrite=true", cwd=tmp_path)
    render("output_dir=new", "n_frames=2", cwd=tmp_path)

    old, new = tmp_path / "data", tmp_path / "new"
    assert sorted(p.relative_to(old) for p in old.rglob("*")) == sorted(
        p.relative_to(new) for p in new.rglob("*")
    )


def test_overwrite_tells_what_cannot_be_deleted(tmp_path: Path) -> None:
    render("output_dir=data", "n_frames=1", cwd=tmp_path)
    (tmp_path / "data" / "data.yaml").unlink()
    (tmp_path / "data" / "data.yaml").mkdir()  # which unlink refuses, for root too

    done = run_module(
        "render.run", *SMALL, "output_dir=data", "n_frames=1", "overwrite=true", cwd=tmp_path
    )

    assert done.returncode == 1
    assert "output_dir must be a folder that can be read and written" in done.stderr
    assert "data.yaml: Is a directory" in done.stderr


def test_a_file_in_place_of_the_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    for output_dir in ("out", "out/data"):
        done = run_module("render.run", *SMALL, f"output_dir={output_dir}", cwd=tmp_path)

        assert done.returncode == 1
        assert "error: output_dir must be a folder" in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("frames", "note"),
    [
        (("n_frames=2",), "no validation frames: raise n_frames or val_fraction"),
        (("n_frames=2", "val_fraction=1"), "no training frames: raise n_frames or lower"),
    ],
)
def test_what_cannot_be_trained_with_is_told(
    frames: tuple[str, ...], note: str, tmp_path: Path
) -> None:
    told = render("output_dir=data", *frames, cwd=tmp_path).stdout

    assert f"note        {note}" in told
    assert "yolo detect" not in told


def test_a_size_that_nobody_makes_is_told_once_a_model(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    trimesh.creation.cylinder(2.0, 12.0).export(tmp_path / "parts" / "bolt.obj")
    flat = trimesh.Trimesh(
        [[0, 0, 0], [0.1, 0, 0], [0, 0.1, 0], [0, 0, 0.1], [0.2, 0, 0]],
        [[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3], [0, 1, 4]],
        process=False,
    )
    flat.export(tmp_path / "parts" / "flat.ply")

    done = run_module(
        "render.run", "camera.size_wh=[160,120]", "assets.models_dir=parts", "n_frames=17",
        "output_dir=data", "workers=2", "assets.skip_bad=true", cwd=tmp_path,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    told = done.stdout + done.stderr
    assert told.count("bolt.obj: it is 12 m long by its unit") == 1
    assert "degenerate" not in told


def test_the_turntable_turns_one_object_and_nothing_else(tmp_path: Path) -> None:
    done = run_module(
        "render.run", "experiment=example_turntable", "n_frames=6", "camera.size_wh=[160,120]",
        "output_dir=data", "workers=1", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    frames = list(read_frames(tmp_path / "data"))
    asked = [json.loads(row["theta"]) for row in frames]
    views = {(t["viewpoint"]["azimuth_deg"], t["viewpoint"]["elevation_deg"]) for t in asked}
    poses = [json.loads(row["placement"])["instances"][0] for row in frames]

    assert len(views) == 6
    for theta, pose in zip(asked, poses, strict=True):
        # Seeds of patterns and textures are drawn, and take no part.
        for group in ("objects", "scale", "lighting", "occlusion", "truncation", "camera"):
            assert theta.get(group) == asked[0].get(group)
        assert theta["background"]["kind"] == "color"
        assert theta["background"]["color"] == [128, 128, 128]
        assert not any(theta["material"]["textured"])
        assert pose["model"] == poses[0]["model"]
        assert pose["T_world_obj"] == poses[0]["T_world_obj"]


def test_sweep_makes_one_dataset_a_job_and_an_index(tmp_path: Path) -> None:
    done = run_module(
        "render.run", "-m", "camera.size_wh=[160,120]", "models=[die]", "n_frames=2", "workers=1",
        "viewpoint.elevation_deg=10,45", "lighting=studio,sun", "hydra.sweep.dir=sweep",
        cwd=tmp_path,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    lines = (tmp_path / "sweep" / "sweep.csv").read_text().splitlines()
    assert len(lines) == 5
    header = lines[0].split(",")
    assert header[:9] == [
        "job", "status", "overrides", "path", "frames", "instances", "filtered", "rejections",
        "error",
    ]  # fmt: skip
    assert "brightness_mean" in header
    picture = cv2.imread(str(tmp_path / "sweep" / "sweep.png"))
    assert picture is not None
    assert picture.min() < 100 < 240 < picture.max()
    folders = [p for p in (tmp_path / "sweep").iterdir() if p.is_dir()]
    assert len(folders) == 4
    assert any(
        "viewpoint.elevation_deg=45-lighting=sun" in p.name.replace("_die", "")
        or ("elevation_deg=45" in p.name and "lighting=sun" in p.name)
        for p in folders
    )
    assert all((p / "dataset.yaml").is_file() for p in folders)


def test_a_failing_job_does_not_take_the_others_down(tmp_path: Path) -> None:
    done = run_module(
        "render.run", "-m", "camera.size_wh=[160,120]", "models=[die],[no_such_part],[bolt]",
        "n_frames=1", "workers=1", "hydra.sweep.dir=sweep", cwd=tmp_path,
    )  # fmt: skip

    assert done.returncode == 1
    rows = (tmp_path / "sweep" / "sweep.csv").read_text().splitlines()[1:]
    assert [row.split(",")[1] for row in rows] == ["complete", "failed", "complete"]
    assert len(list((tmp_path / "sweep").glob("*/dataset.yaml"))) == 2


def test_python_without_assertions_renders_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("models=[die]", "camera.size_wh=[64,48]", "n_frames=1")
    render(*words, "output_dir=usual", cwd=tmp_path)
    monkeypatch.setenv("PYTHONOPTIMIZE", "1")
    render(*words, "output_dir=optimized", cwd=tmp_path)
    usual, optimized = (bytes_of(tmp_path / name / "images") for name in ("usual", "optimized"))

    assert usual == optimized
    assert run_module("render.verify", "optimized", cwd=tmp_path).returncode == 0
