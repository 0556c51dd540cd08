"""Tars of shards: what they hold, that any reader of tars and webdataset read them, and resume."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import render
from render.dataset import sharding
from render.job.replay import replay
from render.report.preview import preview
from render.report.verify.dataset import verify

WORDS = (
    "camera.size_wh=[96,72]", "models=[bolt,die]", "background=color", "lighting=sun", "workers=1",
    "occlusion=none", "scale.size_frac=0.6", "val_fraction=0.1", "output.depth=true",
    "output.formats=[coco,webdataset]",
)  # fmt: skip
N_FRAMES = 35


def plan_of(n_frames: int = N_FRAMES, *words: str) -> render.Plan:
    return render.compose(*WORDS, f"n_frames={n_frames}", *words)


def tars_of(folder: Path) -> dict[str, str]:
    """SHA-256 of each tar by its path."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted((folder / "webdataset").rglob("*.tar"))
    }


@pytest.fixture(scope="module", autouse=True)
def small_tars() -> Iterator[None]:
    """Shards of 16 frames, so that a few frames fill several."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sharding, "_TAR_BYTES", 60_000)
        yield


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> render.Dataset:
    return render.write(plan_of(), tmp_path_factory.mktemp("tars") / "data")


def test_a_shard_has_a_tar_for_each_split_that_it_has_frames_of(dataset: render.Dataset) -> None:
    wanted = {f"webdataset/{f.split}/{f.frame_idx // 16:06d}.tar" for f in dataset.frames}

    assert set(tars_of(dataset.folder)) == wanted
    assert "webdataset/val/000002.tar" not in wanted, "the last shard has no frame to validate"
    assert verify(dataset.folder).findings.lines() == []


@pytest.mark.parametrize(
    ("size_wh", "frames"),
    [
        ("[96,72]", 160), ("[640,480]", 160), ("[1280,960]", 32), ("[2000,1500]", 16),
        ("[4096,3072]", 4), ("[8000,6000]", 4), ("[[choice,64,4096],[choice,64,3072]]", 4),
    ],
)  # fmt: skip
def test_a_shard_has_fewer_frames_the_larger_they_are(
    size_wh: str, frames: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sharding, "_TAR_BYTES", 32_000_000)
    size = f"camera.size_wh={size_wh}"

    assert plan_of(35, size).sharding.size == frames
    assert plan_of(35, size, "output.formats=[coco]").sharding.size == 16


def test_how_frames_are_divided_is_kept_with_a_dataset(
    dataset: render.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "data"
    shutil.copytree(dataset.folder, folder)
    monkeypatch.setattr(sharding, "_TAR_BYTES", 32_000_000)  # as another version may have it

    assert verify(folder).findings.lines() == []
    assert replay(folder, 17) == []
    with pytest.raises(render.DatasetError, match="shard_frames: 16 there, 160 here"):
        render.write(plan_of(), folder)


def test_a_tar_holds_the_files_and_the_labels_of_its_frames(dataset: render.Dataset) -> None:
    folder, seen = dataset.folder, set()
    for path in tars_of(folder):
        split = path.split("/")[1]
        with tarfile.open(folder / path) as tar:
            members = tar.getmembers()
            stems = [f.stem for f in dataset.frames if f"{f.frame_idx // 16:06d}.tar" in path]
            stems = [stem for stem in stems if (folder / f"images/{split}/{stem}.jpg").is_file()]
            kinds = ("depth.png", "ids.png", "jpg", "json")
            assert [m.name for m in members] == [f"{s}.{kind}" for s in stems for kind in kinds]
            seen |= {*stems}
            for member in members:
                assert (member.mtime, member.uid, member.gid, member.mode) == (0, 0, 0, 0o644)
                assert (member.uname, member.gname) == ("", "")
                assert member.isreg()
                stem, _, kind = member.name.partition(".")
                if kind != "json":
                    raster, _, suffix = kind.rpartition(".")
                    own = folder / (raster or "images") / split / f"{stem}.{suffix}"
                    found = tar.extractfile(member)
                    assert found is not None
                    assert found.read() == own.read_bytes()
    assert seen == {frame.stem for frame in dataset.frames}


def test_labels_are_those_of_coco(dataset: render.Dataset) -> None:
    for split in ("train", "val"):
        coco = json.loads((dataset.folder / f"annotations/instances_{split}.json").read_text())
        by_image: dict[int, list[Any]] = {image["id"]: [] for image in coco["images"]}
        for annotation in coco["annotations"]:
            by_image[annotation["image_id"]].append(annotation)
        labels = []
        for path in sorted((dataset.folder / "webdataset" / split).iterdir()):
            with tarfile.open(path) as tar:
                texts = [tar.extractfile(name) for name in tar.getnames() if name[8:] == ".json"]
                labels += [json.load(text) for text in texts if text is not None]
        assert [label["id"] for label in labels] == list(by_image)
        for label, image in zip(labels, coco["images"], strict=True):
            assert label["categories"] == coco["categories"]
            assert label["depth_unit_m"] == 0.0001
            assert {**image, **label} == label, "camera, theta and all else of the image"
            own = [{**a, "id": n} for n, a in enumerate(by_image[image["id"]], start=1)]
            assert label["annotations"] == own


def test_a_dataset_that_was_killed_or_grew_has_the_same_tars(
    dataset: render.Dataset, tmp_path: Path
) -> None:
    wanted, folder = tars_of(dataset.folder), tmp_path / "data"
    render.write(plan_of(20), folder)
    assert len(tars_of(folder)) == 4
    (folder / "webdataset/train/000000.tar").write_bytes(b"torn")
    (folder / "images/train/00000017.jpg").unlink(missing_ok=True)
    render.write(plan_of(), folder)

    assert tars_of(folder) == wanted
    assert verify(folder).findings.lines() == []


@pytest.mark.parametrize("kind", ["changed", "missing", "foreign"])
def test_verify_finds_a_tar_that_is_not_of_the_records(
    dataset: render.Dataset, tmp_path: Path, kind: str
) -> None:
    folder = tmp_path / "data"
    shutil.copytree(dataset.folder, folder)
    shutil.rmtree(folder / ".manifest")  # its hashes would tell as well
    path = folder / "webdataset/val/000001.tar"
    if kind == "changed":
        data = bytearray(path.read_bytes())
        data[600] ^= 1
        path.write_bytes(data)
        wanted = "webdataset/val/000001.tar: is not what the records give"
    elif kind == "missing":
        path.unlink()
        wanted = "webdataset/val/000001.tar: is missing"
    else:
        shutil.copy(path, path.with_name("000002.tar"))  # a shard without frames of the split
        wanted = "webdataset/val/000002.tar: does not belong here"

    assert verify(folder).findings.lines() == [wanted]


def test_webdataset_reads_them(dataset: render.Dataset) -> None:
    reader = pytest.importorskip("webdataset", reason="webdataset is not installed")
    urls = [str(dataset.folder / path) for path in tars_of(dataset.folder)]
    samples = list(reader.WebDataset(urls, shardshuffle=False))

    assert sorted(s["__key__"] for s in samples) == [frame.stem for frame in dataset.frames]
    for sample in samples:
        frame = dataset.frames[int(sample["__key__"])]
        assert json.loads(sample["json"])["frame_idx"] == frame.frame_idx
        image = cv2.imdecode(np.frombuffer(sample["jpg"], np.uint8), cv2.IMREAD_COLOR)
        assert (image[..., ::-1] == frame.image).all()
        ids = cv2.imdecode(np.frombuffer(sample["ids.png"], np.uint8), cv2.IMREAD_UNCHANGED)
        assert (ids.astype(np.int32) - 1 == frame.ids).all()
        assert io.BytesIO(sample["depth.png"]).read(4) == b"\x89PNG"


def test_without_loose_files_the_tars_are_all_there_is(
    dataset: render.Dataset, tmp_path: Path
) -> None:
    folder = tmp_path / "data"
    render.write(plan_of(20, "output.loose=false"), folder)
    # What a run leaves that is killed between the entry of a shard and the end of its files.
    (folder / "images/train").mkdir(parents=True)
    (folder / "images/train/00000002.jpg").write_bytes(b"torn")
    (folder / "dataset.yaml").unlink()
    alone = render.write(plan_of(N_FRAMES, "output.loose=false"), folder)

    assert tars_of(folder) == tars_of(dataset.folder)
    assert {p.name for p in folder.iterdir() if p.is_dir()} == {
        ".manifest", "annotations", "records", "webdataset",
    }  # fmt: skip
    entry = json.loads((folder / ".manifest/shard-00001.json").read_text())
    assert {name.split("/")[0] for name in entry["files"]} == {"records", "webdataset"}
    assert verify(folder).findings.lines() == []
    assert preview(folder, alone.categories) == preview(dataset.folder, alone.categories)
    for theirs, own in zip(dataset.frames, alone.frames, strict=True):
        assert theirs.files == own.files
        assert (theirs.image == own.image).all()
        assert (theirs.ids == own.ids).all()
        assert (theirs.depth_m == own.depth_m).all()
    assert replay(folder, 17) == []

    path = folder / "webdataset/train/000001.tar"
    with tarfile.open(path) as tar:
        member = tar.getmember("00000017.depth.png")
    data = bytearray(path.read_bytes())
    data[member.offset_data + 100] ^= 1
    path.write_bytes(data)
    lines = verify(folder).findings.lines()
    assert any("train/00000017.png" in line and "not those that were" in line for line in lines)
    assert any(line.startswith("webdataset/train/000001.tar") for line in lines)
    render.write(plan_of(N_FRAMES, "output.loose=false"), folder)
    assert tars_of(folder) == tars_of(dataset.folder), "the shard is rendered again"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["output.formats=[coco]", "output.loose=false"],
            r"output\.loose must be true where no tar",
        ),
        (["n_frames=1000001"], r"n_frames must be at most 1000000 .*output\.loose=false"),
    ],
)
def test_what_cannot_be_written_is_told_before_the_first_frame(
    words: list[str], message: str, tmp_path: Path
) -> None:
    with pytest.raises(render.ConfigError, match=message):
        render.write(render.compose(*WORDS, *words), tmp_path / "data")

    assert not list((tmp_path / "data").glob("**/*.jpg"))


def test_a_coco_file_can_go_without_theta(tmp_path: Path) -> None:
    words = ("output.formats=[coco]", "output.coco_theta=false", "n_frames=3")
    dataset = render.write(render.compose(*WORDS, *words), tmp_path / "data")
    images = json.loads((dataset.folder / "annotations/instances_train.json").read_text())["images"]

    assert [image["file_name"] for image in images] == [f"{i:08d}.jpg" for i in range(3)]
    assert not any("theta" in image for image in images)
    assert verify(dataset.folder).findings.lines() == []
