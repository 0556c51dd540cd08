"""COCO in parts: each is whole by itself, and together they are the one file of a shorter run."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pycocotools.coco import COCO

import render
from render.dataset.sharding import SIZES
from render.report.verify.dataset import verify
from render.writers import coco_files

WORDS = (
    "camera.size_wh=[96,72]", "models=[bolt,die]", "background=color", "lighting=sun", "workers=1",
    "occlusion=none", "scale.size_frac=0.6", "val_fraction=0.2", "output.formats=[coco]",
)  # fmt: skip
N_FRAMES = 35
PARTS = [f"annotations/instances_{s}-0000{i}.json" for s in ("train", "val") for i in range(3)]
WHOLE = [f"annotations/instances_{split}.json" for split in ("train", "val")]


def plan_of(n_frames: int = N_FRAMES, *words: str) -> render.Plan:
    return render.compose(*WORDS, f"n_frames={n_frames}", *words)


def annotations_of(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in (folder / "annotations").iterdir())


def bytes_of(folder: Path) -> dict[str, bytes]:
    paths = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".yaml")
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in paths if "." != p.name[0]}


@pytest.fixture(scope="module")
def one_file(tmp_path_factory: pytest.TempPathFactory) -> render.Dataset:
    return render.write(plan_of(), tmp_path_factory.mktemp("coco") / "data")


@pytest.fixture
def short_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coco_files, "_MOST_FRAMES", 16)


@pytest.fixture
def in_parts(one_file: render.Dataset, tmp_path: Path, short_parts: None) -> Path:
    """The same dataset whose COCO files are made again, in parts."""
    folder = tmp_path / "parts"
    shutil.copytree(one_file.folder, folder)
    (folder / "dataset.yaml").unlink()
    render.write(plan_of(), folder)
    return folder


def test_parts_hold_together_what_the_one_file_holds(
    one_file: render.Dataset, in_parts: Path
) -> None:
    assert annotations_of(one_file.folder) == WHOLE
    assert annotations_of(in_parts) == PARTS
    for split, path in zip(("train", "val"), WHOLE, strict=True):
        whole = json.loads((one_file.folder / path).read_text())
        own = [p for p in PARTS if f"_{split}-" in p]
        parts: list[dict[str, Any]] = [json.loads((in_parts / p).read_text()) for p in own]
        for i, part in enumerate(parts):
            ids = {image["id"] for image in part["images"]}
            assert {image["frame_idx"] // 16 for image in part["images"]} <= {i}, "shard borders"
            assert {entry["image_id"] for entry in part["annotations"]} <= ids
            assert {key: part[key] for key in ("info", "licenses", "categories")} == {
                key: whole[key] for key in ("info", "licenses", "categories")
            }
            assert set(COCO(in_parts / own[i]).imgs) == ids
        for key in ("images", "annotations"):
            assert [entry for part in parts for entry in part[key]] == whole[key]
    assert verify(in_parts).findings.lines() == []


def test_a_dataset_that_grows_beyond_one_file_has_parts_alone(
    one_file: render.Dataset, in_parts: Path, tmp_path: Path
) -> None:
    grown = tmp_path / "grown"
    render.write(plan_of(16), grown)
    assert annotations_of(grown) == WHOLE

    render.write(plan_of(), grown)
    assert bytes_of(grown) == bytes_of(in_parts)
    assert verify(grown).findings.lines() == []

    render.write(plan_of(16, "overwrite=true"), grown)
    assert annotations_of(grown) == WHOLE
    assert verify(grown).findings.lines() == []


def test_a_store_keeps_no_file_of_the_shorter_dataset(short_parts: None, tmp_path: Path) -> None:
    pytest.importorskip("fsspec", reason="fsspec is not installed (extra `store`)")
    place = "memory://coco-parts/data"
    render.write(plan_of(16), place)
    dataset = render.write(plan_of(), place)

    names = [name for name in dataset.folder.found() if name.startswith("annotations/")]
    assert names == PARTS
    assert verify(dataset.folder).findings.lines() == []


def _same_ids(folder: Path) -> None:
    first, second = (json.loads((folder / path).read_text()) for path in PARTS[:2])
    second["annotations"][0]["id"] = first["annotations"][0]["id"]
    (folder / PARTS[1]).write_text(json.dumps(second))


def _swapped(folder: Path) -> None:
    first, second = ((folder / path).read_bytes() for path in PARTS[:2])
    (folder / PARTS[0]).write_bytes(second)
    (folder / PARTS[1]).write_bytes(first)


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda f: (f / PARTS[1]).unlink(), f"{PARTS[1]}: is missing"),
        (lambda f: shutil.copy(f / PARTS[0], f / WHOLE[0]), f"{WHOLE[0]}: does not belong here"),
        (
            lambda f: shutil.copy(f / PARTS[0], f / PARTS[0].replace("00000", "00003")),
            "annotations/instances_train-00003.json: does not belong here",
        ),
        (_same_ids, f"{PARTS[1]}: annotations have ids of an earlier part: ["),
        (_swapped, "is of no frame of this file"),
    ],
)
def test_verify_finds_what_is_wrong_with_parts(
    harm: Callable[[Path], Any], said: str, in_parts: Path
) -> None:
    harm(in_parts)

    assert any(said in line for line in verify(in_parts).findings.lines())


def test_files_follow_from_the_number_of_frames_alone() -> None:
    assert [one.path for one in coco_files.coco_files(100_000)] == WHOLE
    files = list(coco_files.coco_files(250_000))
    assert [one.path for one in files] == PARTS
    frames = [range(100_000), range(100_000, 200_000), range(200_000, 250_000)]
    assert [one.frames for one in files] == 2 * frames
    for size in SIZES:  # no shard is in two files
        assert all(one.frames.start % size == 0 for one in files)
