"""Classes by pose: the face of a die that is up, from its pips and the recorded poses alone."""

from __future__ import annotations

import json
import shutil
import tarfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import trimesh
import yaml
from numpy.typing import NDArray
from pycocotools.coco import COCO

import render
from render.build import build
from render.errors import DatasetError
from render.report.verify.dataset import verify
from tests.e2e.cli import ROOT, run_module
from tests.spaces import composed

ORDER = ["six", "bolt", "five", "four", "three", "two", "one"]
WORDS = ("one", "two", "three", "four", "five", "six")
TOLERANCE_DEG = 30
BEYOND = "beyond labels.state_tolerance_deg"


def run(cwd: Path, *words: str) -> str:
    done = run_module(
        "render.run", "output_dir=data", "camera.size_wh=[160,120]", "workers=1", "engine=cpu",
        "labels.category=state", *words, cwd=cwd,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Dice and bolts in the air, any way up."""
    cwd = tmp_path_factory.mktemp("states")
    run(
        cwd, "n_frames=16", "models=[die,bolt]", "objects=scatter", "objects.count=5",
        f"labels.state_tolerance_deg={TOLERANCE_DEG}", f"labels.categories=[{','.join(ORDER)}]",
        "output.formats=[coco,yolo,webdataset]", "labels.min_px=30", "labels.keypoints=2",
    )  # fmt: skip
    return cwd / "data"


@pytest.fixture(scope="module")
def faces() -> dict[str, NDArray[np.float64]]:
    """The direction of the face of each number: where so many hollows of the die are."""
    scene = trimesh.load(ROOT / "assets/models/die.glb", force="scene")
    pips = next(m for m in scene.geometry.values() if m.visual.material.name == "pip")
    pips.merge_vertices(merge_tex=True, merge_norm=True)
    sides: Counter[tuple[float, ...]] = Counter()
    for bowl in pips.split(only_watertight=False):
        center = bowl.vertices.mean(axis=0)
        axis = int(np.abs(center).argmax())  # what lies on a face is farthest along its axis
        sides[tuple((np.sign(center[axis]) * np.eye(3)[axis]).tolist())] += 1
    return {WORDS[n - 1]: np.array(side, np.float64) for side, n in sides.items()}


def upper(
    R_cam_obj: Any, T_world_cam: Any, faces: dict[str, NDArray[np.float64]]
) -> tuple[str, float]:
    """The number on the face that is uppermost, and how far it is from level, degrees."""
    R_world_obj = np.reshape(T_world_cam, (4, 4))[:3, :3] @ np.reshape(R_cam_obj, (3, 3))
    heights = {name: float((R_world_obj @ side)[2]) for name, side in faces.items()}
    best = max(heights, key=lambda name: heights[name])
    return best, float(np.degrees(np.arccos(min(heights[best], 1.0))))


def rows_of(folder: Path, kind: str) -> list[dict[str, Any]]:
    paths = sorted((folder / "records").glob(f"{kind}-*.parquet"))
    return [row for path in paths for row in pq.read_table(path).to_pylist()]


def cameras_of(folder: Path) -> dict[int, list[float]]:
    """``T_world_cam`` of each frame."""
    return {
        row["frame_idx"]: json.loads(row["placement"])["T_world_cam"]
        for row in rows_of(folder, "frames")
    }


def test_the_dataset_is_whole_and_exact(whole: Path) -> None:
    done = run_module("render.verify", str(whole), cwd=whole.parent)

    assert done.returncode == 0, done.stdout


def test_categories_of_coco_are_the_faces_that_are_up(
    whole: Path, faces: dict[str, NDArray[np.float64]]
) -> None:
    cameras, seen = cameras_of(whole), Counter[str]()
    for split in ("train", "val"):
        coco = COCO(str(whole / f"annotations/instances_{split}.json"))
        names = {c["id"]: c["name"] for c in coco.loadCats(coco.getCatIds())}
        assert list(enumerate(ORDER, start=1)) == sorted(names.items())
        assert all(c["keypoints"] == ["p0", "p1"] for c in coco.loadCats(coco.getCatIds()))
        for annotation in coco.loadAnns(coco.getAnnIds()):
            (image,) = coco.loadImgs(annotation["image_id"])
            camera = cameras[int(Path(image["file_name"]).stem)]
            face, off_deg = upper(annotation["cam_R_m2c"], camera, faces)
            name = names[annotation["category_id"]]
            seen[name] += 1
            if name != "bolt":
                assert (name, True) == (face, off_deg <= TOLERANCE_DEG)

    assert set(seen) == set(ORDER)
    assert seen.total() > 25


def test_what_is_beyond_the_tolerance_is_in_the_records_alone(
    whole: Path, faces: dict[str, NDArray[np.float64]]
) -> None:
    cameras, filtered, labelled = cameras_of(whole), Counter[str](), Counter[str]()
    for row in rows_of(whole, "instances"):
        if row["role"] != "target":
            continue
        if row["filtered"]:
            filtered[row["filtered"]] += 1
        else:
            labelled[row["category"]] += 1
        if row["model"] == "die.glb":
            face, off_deg = upper(row["cam_R_m2c"], cameras[row["frame_idx"]], faces)
            assert row["category"] == face
            if row["filtered"] in ("", BEYOND):
                assert (row["filtered"] == BEYOND) == (off_deg > TOLERANCE_DEG)

    counts = yaml.safe_load((whole / "dataset.yaml").read_text())["counts"]
    assert filtered[BEYOND] > 5
    assert dict(filtered) == counts["filtered"]
    assert dict.fromkeys(ORDER, 0) | dict(labelled) == counts["instances"]


def test_yolo_and_tars_number_the_same_categories(whole: Path) -> None:
    shown: dict[int, list[str]] = {}
    for row in rows_of(whole, "instances"):
        if not row["filtered"]:
            shown.setdefault(row["frame_idx"], []).append(row["category"])
    names = yaml.safe_load((whole / "data.yaml").read_text())["names"]
    labels = {
        int(path.stem): [names[int(line.split()[0])] for line in path.read_text().splitlines()]
        for path in (whole / "labels").rglob("*.txt")
    }
    in_tars = {}
    for path in (whole / "webdataset").rglob("*.tar"):
        with tarfile.open(path) as tar:
            for member in tar:
                if member.name.endswith(".json"):
                    held = json.load(tar.extractfile(member))  # type: ignore[arg-type]
                    of_ids = {c["id"]: c["name"] for c in held["categories"]}
                    in_tars[int(member.name.split(".")[0])] = [
                        of_ids[a["category_id"]] for a in held["annotations"]
                    ]

    assert dict(enumerate(ORDER)) == names
    assert shown == {k: v for k, v in labels.items() if v}
    assert shown == {k: v for k, v in in_tars.items() if v}
    assert tuple(ORDER) == render.open(whole).categories


def test_a_frame_is_replayed(whole: Path) -> None:
    done = run_module("render.replay", str(whole), "3", cwd=whole.parent)

    assert done.returncode == 0, done.stdout + done.stderr


def edit_rows(folder: Path, edit: Callable[[dict[str, Any]], bool]) -> None:
    """Edits the first row of an instance that takes it."""
    for path in sorted((folder / "records").glob("instances-*.parquet")):
        table = pq.read_table(path)
        rows = table.to_pylist()
        if any(edit(row) for row in rows):
            pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), path)
            return
    raise AssertionError("no row takes the edit")


def swap_category(row: dict[str, Any]) -> bool:
    wrong = row["category"] == "six" and not row["filtered"]
    row["category"] = "one" if wrong else row["category"]
    return wrong


def label_beyond(row: dict[str, Any]) -> bool:
    wrong = row["filtered"] == BEYOND
    row["filtered"] = "" if wrong else row["filtered"]
    return bool(wrong)


def leave_out(row: dict[str, Any]) -> bool:
    wrong = row["model"] == "die.glb" and not row["filtered"]
    row["filtered"] = BEYOND if wrong else row["filtered"]
    return bool(wrong)


def leave_out_bolt(row: dict[str, Any]) -> bool:
    wrong = row["category"] == "bolt" and not row["filtered"]
    row["filtered"] = BEYOND if wrong else row["filtered"]
    return bool(wrong)


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (swap_category, "category must be six, the state that its pose shows, got one"),
        (label_beyond, f"filtered must be '{BEYOND}', because "),
        (leave_out, f"filtered must not be '{BEYOND}', because "),
        (leave_out_bolt, "filtered must not say why it is left out"),
    ],
)
def test_a_wrong_state_in_the_records_is_found(
    whole: Path, tmp_path: Path, edit: Callable[[dict[str, Any]], bool], told: str
) -> None:
    shutil.copytree(whole, tmp_path / "data")
    edit_rows(tmp_path / "data", edit)

    assert any(told in line for line in verify(tmp_path / "data").findings.lines())


def reorder(held: dict[str, Any]) -> None:
    held["categories"] = held["categories"][::-1]


def swap_faces(held: dict[str, Any]) -> None:
    states = next(e for e in held["models"] if "states" in e)["states"]
    states["one"], states["six"] = states["six"], states["one"]


def no_states(held: dict[str, Any]) -> None:
    for entry in held["models"]:
        entry.pop("states", None)


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (reorder, "categories must be six, bolt, five, four, three, two, one, labels.categories"),
        (swap_faces, "the state that its pose shows"),
        (no_states, "models must have states where labels.category is state"),
    ],
)
def test_a_wrong_state_in_the_description_is_found(
    whole: Path, tmp_path: Path, edit: Callable[[dict[str, Any]], None], told: str
) -> None:
    shutil.copytree(whole, tmp_path / "data")
    path = tmp_path / "data/dataset.yaml"
    held = yaml.safe_load(path.read_text())
    edit(held)
    path.write_text(yaml.safe_dump(held, sort_keys=False))

    assert any(told in line for line in verify(tmp_path / "data").findings.lines())


@pytest.mark.parametrize("ups", [[[0, 0, 0]], [], [[0, 1]], 3, "up"])
def test_states_that_are_none_in_the_description_are_told(
    whole: Path, tmp_path: Path, ups: object
) -> None:
    (tmp_path / "data").mkdir()
    held = yaml.safe_load((whole / "dataset.yaml").read_text())
    next(e for e in held["models"] if "states" in e)["states"]["one"] = ups
    (tmp_path / "data/dataset.yaml").write_text(yaml.safe_dump(held, sort_keys=False))

    with pytest.raises(DatasetError, match=r"models\.[01]\.states.* must "):
        verify(tmp_path / "data")


@pytest.mark.parametrize(
    "words", [("objects=grid", "objects.orientation=stable"), ("objects=surface",)]
)
def test_what_is_placed_shows_each_state_equally_often(
    words: tuple[str, ...], faces: dict[str, NDArray[np.float64]]
) -> None:
    plan = build(
        composed("models=[die]", "labels.category=state", "objects.count=4", *words),
        check_assets=False,
    )
    counts: Counter[str] = Counter()
    for i in range(48):
        _, placement, _ = plan.draw(i)
        for placed in placement.instances:
            if placed.role == "target":
                R = np.reshape(placed.T_world_obj, (4, 4))[:3, :3]
                counts[upper(R, np.eye(4), faces)[0]] += 1

    assert counts.total() == 192
    assert all(abs(counts[name] - 32) <= 1 for name in WORDS), counts


def test_a_pile_has_the_faces_that_are_up(
    tmp_path: Path, faces: dict[str, NDArray[np.float64]]
) -> None:
    pytest.importorskip("mujoco")
    pytest.importorskip("coacd")
    said = run(tmp_path, "n_frames=2", "models=[die]", "objects=pile", "objects.count=5")
    cameras = cameras_of(tmp_path / "data")
    rows = [r for r in rows_of(tmp_path / "data", "instances") if r["role"] == "target"]

    assert "balance=true cannot choose the states of what is dropped" in said
    assert len(rows) == 10
    for row in rows:
        assert upper(row["cam_R_m2c"], cameras[row["frame_idx"]], faces)[0] == row["category"]
