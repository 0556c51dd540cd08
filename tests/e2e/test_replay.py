"""Frames rendered again from their records."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import trimesh
import yaml

from render.dataset.findings import Findings
from render.errors import DatasetError
from render.job.replay import render_again
from render.report.verify.dataset import verify
from tests.e2e.cli import ROOT, run_module

FRAMES = 5


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with models of its own and a dataset of them."""
    cwd = tmp_path_factory.mktemp("replay")
    (cwd / "models").mkdir()
    for name in ("bolt.glb", "mug.glb"):
        shutil.copy(ROOT / "assets" / "models" / name, cwd / "models")
    trimesh.creation.box((0.02, 0.03, 0.05)).export(cwd / "models" / "box.stl")
    done = run_module(
        "render.run", "output_dir=data", f"n_frames={FRAMES}", "assets.models_dir=models",
        "models=[box.stl,mug]", "camera.size_wh=[160,120]", "output.depth=true", "workers=1",
        cwd=cwd,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return cwd


@pytest.fixture
def copied(made: Path, tmp_path: Path) -> Path:
    """The same, in another place; its dataset.yaml still names the models of the first."""
    shutil.copytree(made, tmp_path / "copy")
    return tmp_path / "copy"


def replayed(cwd: Path, *args: str) -> tuple[int, str]:
    """Exit code and all that was said; never a traceback."""
    done = run_module("render.replay", *args, cwd=cwd)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout + done.stderr


def edit_dataset_yaml(data: Path, **dirs: Path) -> None:
    path = data / "dataset.yaml"
    content = yaml.safe_load(path.read_text())
    content["asset_dirs"] |= {key: str(value) for key, value in dirs.items()}
    path.write_text(yaml.safe_dump(content, sort_keys=False))


@pytest.mark.parametrize("frame", [0, 4])
def test_equality_is_proved_wherever_the_dataset_lies(copied: Path, frame: int) -> None:
    out = copied / "out"
    code, said = replayed(copied.parent, "copy/data", str(frame), "-o", str(out))

    assert (code, said) == (0, f"frame {frame} equals the stored one, byte for byte\n")
    files = [path.relative_to(out) for path in out.rglob("*") if path.is_file()]
    assert len(files) == 4
    for name in files:
        assert (out / name).read_bytes() == (copied / "data" / name).read_bytes()


def test_verify_renders_frames_again(copied: Path) -> None:
    """A picture that all records and hashes agree with, and no scene."""
    data = copied / "data"
    shutil.rmtree(data / ".manifest")
    findings = Findings()
    render_again(data, 2, findings, ())
    assert (findings.checks, findings.lines()) == (2, [])

    image = cv2.imread(str(data / "images/train/00000000.jpg"))
    assert image is not None
    _, picture = cv2.imencode(".jpg", image[:, ::-1])
    (data / "images/train/00000000.jpg").write_bytes(picture.tobytes())
    path = data / "records/frames-000000.parquet"
    schema, rows = pq.read_schema(path), pq.read_table(path).to_pylist()
    for entry in rows[0]["files"]:
        if entry["path"].endswith(".jpg"):
            entry["sha256"] = hashlib.sha256(picture.tobytes()).hexdigest()
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), path)
    assert verify(data).findings.lines() == []

    done = run_module("render.verify", "data", "--render", "2", cwd=copied)
    assert (done.returncode, done.stderr.split(" (")[0]) == (1, "1 problems")
    assert "frame 0: rendered again it differs: images/train/00000000.jpg: " in done.stdout

    edit_dataset_yaml(data, models_dir=copied / "gone")
    with pytest.raises(DatasetError, match=r"the models of this dataset must be in .*gone"):
        render_again(data, 1, Findings(), ())


def test_models_that_came_later_change_nothing(copied: Path) -> None:
    """Nor does a new category that comes before the others."""
    models = copied / "models"
    shutil.copy(models / "bolt.glb", models / "a_new_part.glb")
    edit_dataset_yaml(copied / "data", models_dir=models)

    assert replayed(copied, "data", "1")[0] == 0


def test_changed_pixels_are_counted(copied: Path) -> None:
    path = copied / "data" / "images" / "train" / "00000002.jpg"
    image = cv2.imread(str(path))
    assert image is not None
    image[:8, :8] = 255 - image[:8, :8]
    cv2.imwrite(str(path), image, (cv2.IMWRITE_JPEG_QUALITY, 100))
    code, said = replayed(copied, "data", "2")

    assert code == 1
    assert "images/train/00000002.jpg: " in said
    assert "of 57600 values differ, by at most" in said
    assert "ids/" not in said
    assert "record" not in said


def test_other_bytes_of_the_same_picture_differ_too(copied: Path) -> None:
    path = copied / "data" / "ids" / "train" / "00000002.png"
    mask = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert mask is not None
    cv2.imwrite(str(path), mask, (cv2.IMWRITE_PNG_COMPRESSION, 9))
    (copied / "data" / "depth" / "train" / "00000002.png").write_bytes(b"")
    (copied / "data" / "labels" / "train" / "00000002.txt").unlink()
    code, said = replayed(copied, "data", "2")

    assert code == 1
    assert "ids/train/00000002.png: the same 19200 values in other bytes" in said
    assert "depth/train/00000002.png: 0 other bytes stored" in said
    assert "labels/train/00000002.txt: is missing in the dataset" in said


def test_other_machine_or_libraries_are_named_where_a_frame_differs(copied: Path) -> None:
    path = copied / "data" / "dataset.yaml"
    content = yaml.safe_load(path.read_text())
    content["gl"]["renderer"] = "Some GPU"
    content["versions"]["numpy"] = "1.0"
    path.write_text(yaml.safe_dump(content))

    assert replayed(copied, "data", "1")[0] == 0

    (copied / "data" / "labels" / "train" / "00000001.txt").write_text("")
    code, said = replayed(copied, "data", "1")

    assert code == 1
    assert "stored by Some GPU" in said
    assert f"stored with numpy 1.0, here {np.__version__}: bytes may differ" in said


def test_a_changed_model_is_named(copied: Path) -> None:
    models = copied / "models"
    trimesh.creation.box((0.02, 0.03, 0.0501)).export(models / "box.stl")
    edit_dataset_yaml(copied / "data", models_dir=models)
    rows = pq.read_table(copied / "data" / "records" / "instances-000000.parquet").to_pylist()
    frame = next(row["frame_idx"] for row in rows if row["model"] == "box.stl")
    code, said = replayed(copied, "data", str(frame))

    assert code == 1
    assert f"{models / 'box.stl'} is not the model that this dataset was made from" in said


def test_what_is_said_of_a_model_is_part_of_it(copied: Path) -> None:
    models = copied / "models"
    for name in ("box", "mug"):
        (models / f"{name}.yaml").write_text("unit: m\n")
    edit_dataset_yaml(copied / "data", models_dir=models)
    code, said = replayed(copied, "data", "1")

    assert code == 1
    assert "is not the model that this dataset was made from" in said


@pytest.mark.parametrize("key", ["models_dir", "backgrounds_dir"])
def test_assets_elsewhere_are_asked_for(copied: Path, key: str) -> None:
    edit_dataset_yaml(copied / "data", **{key: copied / "gone"})
    code, said = replayed(copied, "data", "1")

    assert code == 1
    assert str(copied / "gone") in said
    assert f"--{key.replace('_', '-')} DIR" in said
    assert said.count("\n") == 1


def test_missing_models_are_named(copied: Path) -> None:
    (copied / "models" / "mug.glb").unlink()
    edit_dataset_yaml(copied / "data", models_dir=copied / "models")

    assert (
        "which lacks mug.glb: put them there, or say --models-dir"
        in replayed(copied, "data", "1")[1]
    )


@pytest.mark.parametrize("frame", ["5", "-1", "99999999999"])
def test_no_such_frame_is_one_line(made: Path, frame: str) -> None:
    assert replayed(made, "data", frame) == (
        1,
        f"error: frame must be one of data, which holds no frame {frame}\n",
    )


def test_no_dataset_is_one_line(made: Path) -> None:
    code, said = replayed(made, "models", "0")

    assert code == 1
    assert said.startswith("error: models/dataset.yaml is missing: the run that makes this dataset")
    assert said.count("\n") == 1


def test_torn_dataset_yaml_is_one_line(copied: Path) -> None:
    (copied / "data" / "dataset.yaml").write_text("seed: 3\n")
    code, said = replayed(copied, "data", "0")

    assert code == 1
    assert "is torn: it lacks config, asset_dirs, models, " in said


def test_assets_that_moved_are_found_by_the_options(copied: Path) -> None:
    pictures = ("environments", "backgrounds", "textures")
    gone = {f"{kind}_dir": Path("gone") for kind in ("models", *pictures)}
    edit_dataset_yaml(copied / "data", **gone)
    options = ["--models-dir", "models"]
    for kind in pictures:
        options += [f"--{kind}-dir", str(ROOT / "assets" / kind)]

    code, said = replayed(copied, "data", "1", *options)

    assert (code, said) == (0, "frame 1 equals the stored one, byte for byte\n")


@pytest.mark.parametrize(
    ("section", "value", "told"),
    [
        ("asset_dirs", None, "asset_dirs must be a mapping, got None"),
        ("asset_dirs", {"models_dir": 3}, "asset_dirs.models_dir must be a name, got 3"),
        ("models", {"name": "mug.glb"}, "models must be a list, got"),
        ("models", ["mug.glb"], "models.0 must be a mapping, got 'mug.glb'"),
        ("gl", {}, "gl must hold renderer, got {}"),
        ("versions", "1.0", "versions must be a mapping, got '1.0'"),
        ("config", {}, "config must hold assets, got {}"),
        ("config", {"assets": {}}, "config must hold labels, got"),
    ],
)
def test_mangled_dataset_yaml_is_one_line(
    copied: Path, section: str, value: object, told: str
) -> None:
    path = copied / "data" / "dataset.yaml"
    content = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump(content | {section: value}))

    code, said = replayed(copied, "data", "0")

    assert code == 1
    assert told in said
    assert said.count("\n") == 1
