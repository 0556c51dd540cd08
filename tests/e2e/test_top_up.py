"""Datasets whose thin bins are counted, drawn and topped up."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml

from render.dataset.records import read_frames
from render.report.coverage import read_coverage
from tests.e2e.cli import bytes_of, environment, run_module

FRAMES, ADDED = 20, 14  # two shards and the begin of a third
CHEAP = (
    "camera.size_wh=[96,64]", "models=[bolt,mug]", "objects=single", "occlusion=occluded",
    "background=color", "lighting=fixed", "sensor=clean", "workers=1", "negatives_fract=0.1",
    "viewpoint.azimuth_deg=[uniform,0,360]", "viewpoint.elevation_deg=30", "scale=fixed",
)  # fmt: skip
END = FRAMES + ADDED


def run(*overrides: str, cwd: Path) -> str:
    done = run_module("render.run", *overrides, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return done.stdout


def refused(*overrides: str, cwd: Path) -> str:
    done = run_module("render.run", *overrides, cwd=cwd)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return done.stderr


def described(data: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((data / "dataset.yaml").read_text())
    return content


def is_whole(data: Path) -> bool:
    done = run_module("render.verify", str(data), cwd=data)
    assert "Traceback" not in done.stderr
    return done.returncode == 0


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    cwd = tmp_path_factory.mktemp("plain")
    run(*CHEAP, f"n_frames={FRAMES}", "output_dir=data", cwd=cwd)
    return cwd


@pytest.fixture(scope="module")
def topped(plain: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    cwd = tmp_path_factory.mktemp("topped")
    shutil.copytree(plain / "data", cwd / "data")
    said = run("top_up=data", f"n_frames={ADDED}", cwd=cwd)
    assert f"top-up      {ADDED} frames from {FRAMES} on" in said
    return cwd


def test_thin_bins_are_printed_and_drawn(plain: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(plain / "data", data)

    done = run_module("render.coverage", "data", cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert "32: viewpoint.azimuth_deg (8) x occlusion.occluded_fract (4)" in done.stdout
    assert "frames      19 (1 more show no target)" in done.stdout
    assert "python -m render.run top_up=data n_frames=15" in done.stdout
    picture = cv2.imread(str(data / "coverage.png"))
    assert picture is not None
    assert is_whole(data)
    (data / "coverage.png").write_bytes(b"torn")
    assert not is_whole(data)
    # A run of the same config that throws it away knows the picture as its own.
    run(*CHEAP, "n_frames=2", "output_dir=data", "overwrite=true", cwd=tmp_path)
    assert not (data / "coverage.png").exists()


def test_coverage_of_no_dataset_is_an_error(tmp_path: Path) -> None:
    done = run_module("render.coverage", str(tmp_path), cwd=tmp_path)

    assert done.returncode == 1
    assert "dataset.yaml is missing" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_camera_stands_where_the_viewpoint_says(topped: Path) -> None:
    """Coverage takes the angles of θ for those that were achieved."""
    for row in read_frames(topped / "data"):
        theta, placement = json.loads(row["theta"]), json.loads(row["placement"])
        camera = np.array(placement["T_world_cam"]).reshape(4, 4)[:3, 3]
        x, y, z = camera - placement["center_m"]
        azimuth = np.degrees(np.arctan2(y, x)) % 360
        assert azimuth == pytest.approx(theta["viewpoint"]["azimuth_deg"], abs=1e-6)
        assert np.degrees(np.arctan2(z, np.hypot(x, y))) == pytest.approx(30, abs=1e-6)


def test_thin_bins_alone_are_filled_and_written_down(plain: Path, topped: Path) -> None:
    before, after = read_coverage(plain / "data"), read_coverage(topped / "data")
    grown = {tuple(b) for b in np.argwhere(after.counts > before.counts).tolist()}
    (entry,) = described(topped / "data")["top_ups"]

    assert described(plain / "data")["top_ups"] == []
    assert (entry["first_frame"], entry["n_frames"], entry["seed"]) == (FRAMES, ADDED, 0)
    assert "top_ups" not in described(topped / "data")["config"]
    assert int((after.counts - before.counts).sum()) == ADDED
    # Of occlusion a frame may miss by 0.03 and so its bin.
    assert len(grown - set(before.thin())) <= 3
    assert len(before.thin()) - len(after.thin()) >= ADDED - 3


def test_old_frames_stay_and_new_ones_replay(plain: Path, topped: Path) -> None:
    old, new = bytes_of(plain / "data"), bytes_of(topped / "data")

    kept = [name for name in old if name.split("/")[0] in ("images", "labels", "ids")]
    assert len(kept) == 3 * FRAMES
    assert all(new[name] == old[name] for name in kept)
    for frame in (0, FRAMES, END - 1):
        done = run_module("render.replay", "data", str(frame), cwd=topped)
        assert done.returncode == 0, done.stderr
    assert is_whole(topped / "data")


def test_an_interrupted_top_up_ends_with_the_same_bytes(
    plain: Path, topped: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    shutil.copytree(plain / "data", data)
    command = ("top_up=data", f"n_frames={ADDED}")
    with subprocess.Popen(
        [sys.executable, "-m", "render.run", *command],
        cwd=tmp_path, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:  # fmt: skip
        deadline = time.monotonic() + 120
        while len(list(data.glob("images/*/*.jpg"))) < FRAMES + 13:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGKILL)
    assert not (data / "dataset.yaml").exists()
    assert (data / ".manifest" / "top_ups.json").exists()

    assert "that was interrupted" in refused("top_up=data", "n_frames=7", cwd=tmp_path)
    assert f"n_frames must be at least {END}" in refused(
        *CHEAP, f"n_frames={FRAMES}", "output_dir=data", cwd=tmp_path
    )
    said = run(*command, cwd=tmp_path)

    assert f"of frames {FRAMES} to {END - 1} continues" in said
    assert bytes_of(data) == bytes_of(topped / "data")


def test_processes_draw_the_same_frames(plain: Path, topped: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(plain / "data", data)
    run("top_up=data", f"n_frames={ADDED}", "workers=2", cwd=tmp_path)

    got, wanted = bytes_of(data), bytes_of(topped / "data")
    assert described(data)["config"]["workers"] == 2
    others = {name for name in wanted if got.get(name) != wanted[name]}
    assert others == {"dataset.yaml"}  # which tells the number of workers
    held = json.loads((data / ".manifest" / "top_ups.json").read_text())
    assert held == {"top_ups": described(data)["top_ups"]}


def test_the_same_command_adds_its_frames_once(topped: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(topped / "data", data)

    said = run("top_up=data", f"n_frames={ADDED}", cwd=tmp_path)

    assert f"nothing to add: frames {FRAMES} to {END - 1} are the {ADDED} of this command" in said
    assert bytes_of(data) == bytes_of(topped / "data")
    # What is torn is made again all the same, and of the entries themselves two files know.
    sorted(data.glob("images/*/*.jpg"))[-1].write_bytes(b"")
    (data / ".manifest" / "top_ups.json").write_text('{"top_ups": [')
    run("top_up=data", f"n_frames={ADDED}", cwd=tmp_path)
    assert bytes_of(data) == bytes_of(topped / "data")
    said = run("top_up=data", "n_frames=1", cwd=tmp_path)
    assert f"top-up      1 frames from {END} on" in said
    assert described(data)["n_frames"] == END + 1


def test_a_continued_run_knows_the_frames_between(topped: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(topped / "data", data)
    run(*CHEAP, f"n_frames={END + 5}", "output_dir=data", cwd=tmp_path)

    assert is_whole(data)
    kept = bytes_of(topped / "data")
    images = [name for name in kept if name.startswith("images/")]
    assert all(bytes_of(data)[name] == kept[name] for name in images)
    run("top_up=data", "n_frames=3", "workers=1", cwd=tmp_path)
    entries = described(data)["top_ups"]
    assert [(e["first_frame"], e["n_frames"]) for e in entries] == [(FRAMES, ADDED), (END + 5, 3)]
    assert is_whole(data)
    # All of its shards are made again by their index.
    (data / ".manifest" / "shard-00001.json").unlink()
    before = bytes_of(data)
    run(*CHEAP, f"n_frames={END + 8}", "output_dir=data", cwd=tmp_path)
    again = bytes_of(data)
    assert {k: again[k] for k in before if "dataset.yaml" not in k} == {
        k: before[k] for k in before if "dataset.yaml" not in k
    }


def test_verify_finds_entries_that_were_edited(topped: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(topped / "data", data)
    content = described(data)
    content["top_ups"][0]["seed"] = 9
    (data / "dataset.yaml").write_text(yaml.safe_dump(content, sort_keys=False))

    done = run_module("render.verify", "data", cwd=tmp_path)

    assert ".manifest/top_ups.json" in done.stdout
    assert done.returncode == 1
    shutil.copy(topped / "data" / "dataset.yaml", data)
    assert is_whole(data)
    (data / ".manifest" / "top_ups.json").unlink()
    assert not is_whole(data)
    content["top_ups"] = [{"first_frame": 3}]
    (data / "dataset.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    assert not is_whole(data)


def test_what_cannot_be_topped_up_is_refused_and_left_alone(plain: Path) -> None:
    before = bytes_of(plain / "data")

    for overrides, message in (
        (("seed=3",), "alone, because all else is as in the dataset, got seed"),
        (("lighting=sun", "output_dir=x"), "got lighting, output_dir"),
        (("n_frames=0",), "n_frames must be a whole number from 1 to 99999999, got 0"),
        (("-m",), "top_up must not be set in a sweep"),
    ):
        assert message in refused("top_up=data", *overrides, cwd=plain)
    assert "top_ups must not be set" in refused(*CHEAP, "+top_ups=[]", "output_dir=data", cwd=plain)
    assert bytes_of(plain / "data") == before


def test_an_even_dataset_has_nothing_to_top_up(tmp_path: Path) -> None:
    run(*CHEAP, "sampling=stratified", "negatives_fract=0", "n_frames=32", "output_dir=data",
        cwd=tmp_path)  # fmt: skip
    done = run_module("render.coverage", "data", "--all", cwd=tmp_path)
    counts = read_coverage(tmp_path / "data").counts

    assert done.returncode == 0
    # Each stratum was asked once; occlusion comes within 0.03, which may be the next bin.
    assert int((counts == 1).sum()) >= 26
    assert counts.sum(axis=1).tolist() == [4] * 8


def test_a_dataset_without_thin_bins_gets_no_frames(tmp_path: Path) -> None:
    run(*CHEAP, "sampling=stratified", "negatives_fract=0", "occlusion=none", "n_frames=8",
        "output_dir=data", cwd=tmp_path)  # fmt: skip
    before = bytes_of(tmp_path / "data")
    assert read_coverage(tmp_path / "data").counts.tolist() == [1] * 8

    assert "nothing to add: no bin is thin" in run("top_up=data", cwd=tmp_path)

    assert bytes_of(tmp_path / "data") == before
