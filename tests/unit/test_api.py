"""What ``import render`` offers, and its page in the docs, which runs as it stands there."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import json
import os
import pickle
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import hydra
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from hydra import version
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from pycocotools.coco import COCO

import render
from render.dataset.records import read_frames, read_instances
from render.job.run_job import run_job
from render.system.paths import CONF_DIR
from tests.conftest import ROOT
from tests.e2e.cli import bytes_of, environment
from tests.spaces import composed

WORDS = (
    "models=[bolt,mug,die]",
    "camera.size_wh=[160,120]",
    "n_frames=4",
    "workers=1",
    "val_fraction=0.5",
    "output.image=png",
    "output.depth=true",
    "output.normals=true",
    "output.parts=true",
)
EXPORTS = {
    "AssetError", "ConfigError", "Dataset", "DatasetError", "EngineError", "Frame",
    "InvariantError", "Plan", "RenderError", "Sample", "Scene", "UnrealisableError",
    "__version__", "compose", "frames", "open", "stream", "write",
}  # fmt: skip


@pytest.fixture(scope="module")
def plan() -> render.Plan:
    return render.compose(*WORDS)


@pytest.fixture(scope="module")
def samples(plan: render.Plan) -> list[render.Sample]:
    return list(render.frames(plan))


@pytest.fixture(scope="module")
def dataset(plan: render.Plan, tmp_path_factory: pytest.TempPathFactory) -> render.Dataset:
    return render.write(plan, tmp_path_factory.mktemp("written") / "data")


def arrays_of(sample: render.Sample) -> Iterator[np.ndarray[Any, Any]]:
    buffers = sample.buffers
    yield from (sample.rgb, buffers.radiance, buffers.depth_m, buffers.instance_idx)
    yield from (sample.maps[name] for name in sorted(sample.maps))
    for label in sample.labels:
        yield from (label.mask.pixels(), label.mask_visib.pixels())
        yield from (label.R_cam_obj, label.t_cam_obj_m)


def bytes_of_sample(sample: render.Sample) -> tuple[Any, ...]:
    found = [(a.dtype.str, a.shape, np.ascontiguousarray(a).tobytes()) for a in arrays_of(sample)]
    return sample.key, sample.theta, sample.placement, found


# What is exported, and what it costs


def test_exports_are_listed_and_lead_to_one_object_each() -> None:
    assert set(render.__all__) == EXPORTS
    assert set(dir(render)) >= EXPORTS
    for name in EXPORTS - {"__version__"}:
        found = getattr(render, name)
        assert getattr(importlib.import_module(found.__module__), name) is found
    with pytest.raises(AttributeError, match="no attribute 'opne'"):
        _ = render.opne  # type: ignore[attr-defined]


def test_import_loads_no_library_and_changes_nothing() -> None:
    program = (
        "import json, os, signal, sys\n"
        "held = dict(os.environ), [signal.getsignal(n) for n in (2, 15)], list(sys.path)\n"
        "import render\n"
        "assert held == (dict(os.environ), [signal.getsignal(n) for n in (2, 15)], sys.path)\n"
        "print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))\n"
        "print(json.dumps(sorted(name for name in sys.modules if name.startswith('render'))))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    loaded, own = map(json.loads, done.stdout.splitlines())
    heavy = {"numpy", "cv2", "hydra", "omegaconf", "yaml", "pyarrow", "scipy", "trimesh", "OpenGL"}
    assert not heavy & set(loaded)
    assert set(own) == {"render", "render.system", "render.system.version"}


# Compose


def test_compose_says_what_a_command_line_says(plan: render.Plan) -> None:
    by_command = composed(*WORDS)

    assert plan.config == by_command | {"output_dir": plan.config["output_dir"]}
    assert render.compose("output_dir=there", "n_frames=1").config["output_dir"] == "there"
    assert repr(plan) == "Plan(4 frames, 3 models, seed 0)"


@pytest.mark.parametrize("outer", [None, "1.2"])
def test_compose_leaves_hydra_as_it_was(outer: str | None) -> None:
    words = ("n_frames=2", "lighting=mixture")
    if outer is None:
        GlobalHydra.instance().clear()
        plans = [render.compose(*words) for _ in range(2)]
        assert not GlobalHydra.instance().is_initialized()
    else:
        with hydra.initialize_config_dir(str(CONF_DIR), version_base=outer):
            running = GlobalHydra.instance().hydra
            plans = [render.compose(*words) for _ in range(2)]
            assert GlobalHydra.instance().hydra is running
            assert version.getbase() == version.Version(outer)
            assert hydra.compose("config", overrides=["n_frames=3"]).n_frames == 3
    assert plans[0].config == plans[1].config == composed(*words) | {"output_dir": "."}
    assert not HydraConfig.initialized()


def test_compose_within_an_application_of_hydra(tmp_path: Path) -> None:
    (tmp_path / "app.yaml").write_text("mine: 5\n")
    (tmp_path / "app.py").write_text(
        "import hydra\n"
        "import render\n"
        "from hydra.core.hydra_config import HydraConfig\n"
        "@hydra.main(version_base='1.3', config_path='.', config_name='app')\n"
        "def main(cfg):\n"
        "    before = HydraConfig.get().runtime.output_dir\n"
        "    plan = render.compose('n_frames=7')\n"
        "    assert plan.run.n_frames == 7 and cfg.mine == 6\n"
        "    assert HydraConfig.get().runtime.output_dir == before != str(plan.run.output_dir)\n"
        "    print('done')\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "app.py", "mine=6"],
        cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr


@pytest.mark.parametrize("name", ["presets", "it's a, folder"])
def test_compose_reads_presets_of_a_folder(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    (folder / "scale").mkdir(parents=True)
    preset = (CONF_DIR / "scale" / "fixed.yaml").read_text()
    (folder / "scale" / "mine.yaml").write_text(preset)

    assert render.compose("scale=mine", config_dir=folder).config == composed("scale=fixed") | {
        "output_dir": "."
    }
    mixed = render.compose("scale=mixture", "scale.preset=mine", config_dir=str(folder))
    assert "mine" in mixed.config["presets"]["scale"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("n_frames=0",), "n_frames must be a whole number from 1"),
        (("n_frame=3",), "n_frame must be a key of the config; did you mean n_frames"),
        (("lighting=sunny",), "lighting must be one of .*, got sunny"),
        (("scale.size_frac=[uniform,0.1",), "must be a value that can be read"),
        ((["n_frames=2", "seed=1"],), "overrides must be strings such as 'n_frames=10'"),
        (("top_up=data/x",), "top_up must not be set here"),
        (("seed=${nowhere}",), "must be a value that can be worked out"),
    ],
)
def test_compose_refuses_by_name(words: tuple[Any, ...], message: str) -> None:
    with pytest.raises(render.ConfigError, match=message):
        render.compose(*words)
    assert not GlobalHydra.instance().is_initialized()


def test_compose_refuses_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(render.ConfigError, match="config_dir must be a folder that is there"):
        render.compose(config_dir=tmp_path / "none")


# Frames


def test_frames_are_the_same_whatever_renders_them(
    plan: render.Plan, samples: list[render.Sample]
) -> None:
    assert [sample.key.frame_idx for sample in samples] == [0, 1, 2, 3]
    expected = [bytes_of_sample(sample) for sample in samples]

    assert [bytes_of_sample(s) for s in render.frames(plan, 1, 3)] == expected[1:3]
    assert [bytes_of_sample(s) for s in render.frames(plan, workers=2)] == expected
    assert not list(render.frames(plan, 2, 2))


def test_frames_that_processes_finish_out_of_order_come_in_order(
    plan: render.Plan, samples: list[render.Sample], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Shuffled(contextlib.nullcontext[Any]):
        def __init__(self, start: Any, *, workers: int, **_: Any) -> None:
            super().__init__(self)
            assert workers == 3

        def run(self, frames: Sequence[int]) -> Iterator[render.Sample]:
            return (samples[i] for i in (3, 1, 2) if i in frames)

    monkeypatch.setattr("render.api.Pool", Shuffled)
    assert list(render.frames(plan, 1, 4, workers=3)) == samples[1:4]


def test_frames_and_an_engine_of_ones_own_do_not_disturb_each_other(
    plan: render.Plan, samples: list[render.Sample]
) -> None:
    found = render.frames(plan)
    first = next(found)
    with plan.engine() as engine:
        buffers = engine.render(plan.scene(2))
        second = next(found)
        again = engine.render(plan.scene(2))
    third = next(found)

    assert [bytes_of_sample(s) for s in (first, second, third)] == [
        bytes_of_sample(s) for s in samples[:3]
    ]
    for drawn in (buffers, again):
        np.testing.assert_array_equal(drawn.radiance, samples[2].buffers.radiance)
        np.testing.assert_array_equal(drawn.instance_idx, samples[2].buffers.instance_idx)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"stop": 5}, r"stop must be a whole number from 0 to 4 .*, got 5"),
        ({"start": 3, "stop": 2}, r"start must be a whole number from 0 to 2 .*, got 3"),
        ({"start": -1}, "start must be .*, got -1"),
        ({"workers": 1.5}, "workers must be a whole number from 0"),
    ],
)
def test_frames_refuses_at_once(plan: render.Plan, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(render.ConfigError, match=message):
        render.frames(plan, **arguments)


# Write and open


def test_written_dataset_is_that_of_the_job(dataset: render.Dataset, tmp_path: Path) -> None:
    run_job(composed(*WORDS, f"output_dir={tmp_path / 'data'}"))
    ours, theirs = bytes_of(dataset.folder), bytes_of(tmp_path / "data")
    where = {"dataset.yaml"}  # it holds the folder of the dataset

    assert {k: v for k, v in ours.items() if k not in where} == {
        k: v for k, v in theirs.items() if k not in where
    }


def test_opened_frames_are_the_rendered_ones(
    dataset: render.Dataset, samples: list[render.Sample]
) -> None:
    assert len(dataset.frames) == len(samples)
    for frame, sample in zip(dataset.frames, samples, strict=True):
        labels, buffers = sample.labels, sample.buffers
        assert (frame.frame_idx, frame.split, frame.stem) == (
            sample.key.frame_idx, sample.key.split, sample.key.stem,
        )  # fmt: skip
        assert frame.size_wh == (160, 120)
        np.testing.assert_array_equal(frame.image, sample.rgb)
        np.testing.assert_array_equal(frame.ids, buffers.instance_idx)
        np.testing.assert_allclose(frame.depth_m, buffers.depth_m, atol=0.51e-4, rtol=0)
        np.testing.assert_array_equal(frame.masks, [one.mask.pixels() for one in labels])
        np.testing.assert_array_equal(
            frame.masks_visib, [one.mask_visib.pixels() for one in labels]
        )
        assert (frame.theta, frame.placement) == (sample.theta, sample.placement)
        assert [row["category"] for row in frame.instances] == [one.category for one in labels]
        assert set(frame.maps) == {"normals", "parts"} == set(sample.maps)
        for name, image in frame.maps.items():
            np.testing.assert_array_equal(image, sample.maps[name])
        assert frame.camera.K.ravel().tolist() == list(sample.placement.K)
        assert frame.camera.T_world_cam.ravel().tolist() == list(sample.placement.T_world_cam)


def test_opened_masks_are_those_that_pycocotools_reads(dataset: render.Dataset) -> None:
    coco = COCO(dataset.folder / "annotations" / "instances_val.json")
    names = {entry["file_name"]: key for key, entry in coco.imgs.items()}
    checked = 0
    for frame in (frame for frame in dataset.frames if frame.split == "val"):
        (key,) = [key for name, key in names.items() if frame.stem in name]
        kept = [i for i, row in enumerate(frame.instances) if not row["filtered"]]
        annotations = coco.loadAnns(coco.getAnnIds(imgIds=key))
        assert len(annotations) == len(kept)
        for i, annotation in zip(kept, annotations, strict=True):
            category = coco.loadCats(annotation["category_id"])[0]["name"]
            assert category == frame.instances[i]["category"]
            assert dataset.categories[annotation["category_id"] - 1] == category
            np.testing.assert_array_equal(frame.masks_visib[i], coco.annToMask(annotation) == 1)
            checked += 1
    assert checked > 3


def test_frames_are_a_sequence(dataset: render.Dataset) -> None:
    frames = dataset.frames
    assert frames[-1].frame_idx == 3
    assert [frame.frame_idx for frame in frames[::2]] == [0, 2]
    with pytest.raises(IndexError, match="4 frames, got index 4"):
        frames[4]
    again = pickle.loads(pickle.dumps(dataset))
    assert again.frames[2].row == frames[2].row


def test_tables_are_the_records(dataset: render.Dataset) -> None:
    assert dataset.table().to_pylist() == list(read_instances(dataset.folder))
    assert dataset.table("frames").to_pylist() == list(read_frames(dataset.folder))
    assert list(dataset.rows()) == list(read_instances(dataset.folder))
    assert list(dataset.rows("frames")) == list(read_frames(dataset.folder))


def test_frames_of_many_shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("camera.size_wh=[64,48]", "models=[die]", "occlusion=none", "background=color")
    plan = render.compose(*words, "n_frames=18", "negatives_fract=0.3", "workers=1")
    monkeypatch.delenv("LP_NUM_THREADS", raising=False)
    opened = render.write(plan, tmp_path / "data")

    assert "LP_NUM_THREADS" not in os.environ
    assert [frame.frame_idx for frame in opened.frames] == list(range(18))
    counts = [len(frame.instances) for frame in opened.frames]
    assert sum(counts) == opened.table().num_rows
    assert 0 in counts
    for frame in opened.frames:
        assert {row["frame_idx"] for row in frame.instances} <= {frame.frame_idx}
        assert frame.masks.shape == (len(frame.instances), 48, 64)


def test_older_datasets_call_ids_masks(dataset: render.Dataset, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    shutil.copytree(dataset.folder, folder)
    if (folder / "ids").is_dir():
        (folder / "ids").rename(folder / "masks")

    np.testing.assert_array_equal(render.open(folder).frames[1].ids, dataset.frames[1].ids)


# Bad input


def broken(dataset: render.Dataset, tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    shutil.copytree(dataset.folder, folder)
    return folder


def test_open_refuses_what_is_no_dataset(tmp_path: Path) -> None:
    with pytest.raises(render.DatasetError, match=r"must be a folder that is there, got .*none"):
        render.open(tmp_path / "none")
    with pytest.raises(render.DatasetError, match=r"dataset\.yaml is missing"):
        render.open(tmp_path)


@pytest.mark.parametrize("text", ["", "[1, 2]", "n_frames: [", "n_frames: 4\n", "a: \x00"])
def test_open_refuses_a_torn_description(
    dataset: render.Dataset, tmp_path: Path, text: str
) -> None:
    folder = broken(dataset, tmp_path)
    (folder / "dataset.yaml").write_text(text)

    with pytest.raises(render.DatasetError, match=r"dataset\.yaml is torn"):
        render.open(folder)


def test_open_refuses_records_that_are_not_all_there(
    dataset: render.Dataset, tmp_path: Path
) -> None:
    folder = broken(dataset, tmp_path)
    content = yaml.safe_load((folder / "dataset.yaml").read_text())
    (folder / "dataset.yaml").write_text(yaml.safe_dump(content | {"n_frames": 5}))
    with pytest.raises(render.DatasetError, match=r"records must hold the 5 frames .* got 4"):
        render.open(folder)

    (frames,) = (folder / "records").glob("frames-*.parquet")
    frames.write_bytes(frames.read_bytes()[:-9])
    with pytest.raises(render.DatasetError, match=r"frames-.*\.parquet is torn"):
        render.open(folder)


@pytest.mark.parametrize(
    ("column", "new", "message"),
    [
        ("mask", pa.binary(), "must hold the columns of instances records"),
        ("instance_idx", pa.string(), "must hold the columns of instances records"),
        ("role", None, "must hold the columns of instances records"),
    ],
)
def test_records_of_another_schema_are_refused(
    dataset: render.Dataset, tmp_path: Path, column: str, new: pa.DataType | None, message: str
) -> None:
    folder = broken(dataset, tmp_path)
    (path,) = (folder / "records").glob("instances-*.parquet")
    table = pq.read_table(path)
    at = table.column_names.index(column)
    other = table.remove_column(at)
    if new is not None:
        other = table.set_column(at, column, table.column(at).cast(new))
    pq.write_table(other, path)
    opened = render.open(folder)

    with pytest.raises(render.DatasetError, match=message):
        _ = opened.frames[0]
    with pytest.raises(render.DatasetError, match=message):
        opened.table()
    path.unlink()
    with pytest.raises(render.DatasetError, match=r"instances-.*\.parquet is missing"):
        render.open(folder)


@pytest.mark.parametrize("width", [0, -1, 8193, 2**31 - 1])
def test_a_record_of_an_impossible_size_is_torn(dataset: render.Dataset, width: int) -> None:
    frame = dataset.frames[0]
    torn = dataclasses.replace(frame, row={**frame.row, "width": width})

    with pytest.raises(render.DatasetError, match=f"size must be from 1 to 8192 px, got {width} x"):
        _ = torn.image


def test_a_file_that_cannot_be_used_is_named(dataset: render.Dataset, tmp_path: Path) -> None:
    folder = broken(dataset, tmp_path)
    frame = render.open(folder).frames[0]
    where = f"{frame.split}/{frame.stem}.png"
    (folder / "images" / where).write_bytes(b"no picture")
    (folder / "depth" / where).unlink()
    cv2.imwrite(str(folder / "normals" / where), np.zeros((3, 4, 3), np.uint16))

    with pytest.raises(render.DatasetError, match=rf"images/{where} is torn"):
        _ = frame.image
    with pytest.raises(render.DatasetError, match=rf"depth/{where} is missing"):
        _ = frame.depth_m
    with pytest.raises(render.DatasetError, match=rf"normals/{where} must be of 160 x 120"):
        _ = frame.maps
    torn = dataclasses.replace(frame, row={**frame.row, "theta": "{"})
    with pytest.raises(render.DatasetError, match="record of frame 0 is torn"):
        _ = torn.theta


# Docs


def test_docs_run_as_they_stand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```(\w*)\n(.*?)```", text, re.DOTALL)
    assert {language for language, _ in blocks} == {"python"}
    shutil.copy(ROOT / "assets" / "models" / "flange.step", tmp_path / "part.step")
    monkeypatch.chdir(tmp_path)
    module: dict[str, Any] = {"__name__": "docs"}
    for number, (_, block) in enumerate(blocks):
        exec(compile(block, f"docs/api.md, block {number}", "exec"), module)

    told = capsys.readouterr().out
    for promised in re.findall(r"# (n_frames must .*)", text):
        assert promised in told.splitlines()
    assert "Dataset('data/bolts', 6 frames)" in told


def test_docs_name_every_export() -> None:
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    table = "".join(re.findall(r"^\| (`.*?) \|", text, re.MULTILINE))
    assert set(re.findall(r"`(\w+)", table)) == EXPORTS
