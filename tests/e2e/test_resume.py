"""Runs that are killed and continued end like runs that were not."""

from __future__ import annotations

import contextlib
import json
import math
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.e2e.cli import (
    ROOT,
    SMALL,
    bytes_of,
    end_of_group,
    environment,
    render,
    run_module,
    started,
)

FRAMES = 80  # five shards
# What a frame shows does not matter here, and there are many.
LOOK = ("lighting=sun", "background=color", "sensor=clean", "occlusion=none")
RUN = ("render.run",)
# Of 80 frames the entries of the first 64 are put together.
FOLDING_RUN = ("tests.e2e.small_blocks", *RUN)


def start_until(
    images: int,
    cwd: Path,
    *overrides: str,
    run: Sequence[str] = RUN,
    or_s: float = math.inf,
    stderr: int = subprocess.DEVNULL,
) -> subprocess.Popen[bytes]:
    """A run in a process group of its own that has written so many images, or is so old."""
    process = subprocess.Popen(
        [sys.executable, "-m", *run, *SMALL, *overrides],
        cwd=cwd,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=stderr,
        start_new_session=True,
    )
    folder = cwd / "data" / "images"
    began = time.monotonic()
    deadline = began + 120
    while len(list(folder.glob("*/*.jpg"))) < images and time.monotonic() < began + or_s:
        assert process.poll() is None, "the run ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return process


def kill_after(
    images: int, cwd: Path, *overrides: str, run: Sequence[str] = RUN, or_s: float = math.inf
) -> None:
    """Starts a run, and kills all of its processes when it has written so many images."""
    process = start_until(images, cwd, *overrides, run=run, or_s=or_s)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@pytest.mark.parametrize("workers", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_killed_runs_end_with_the_bytes_of_an_unbroken_one(workers: int, tmp_path: Path) -> None:
    overrides = (*LOOK, "output_dir=data", f"n_frames={FRAMES}", f"workers={workers}")
    (tmp_path / "whole").mkdir()
    (tmp_path / "killed").mkdir()
    done = run_module(*FOLDING_RUN, *SMALL, *overrides, cwd=tmp_path / "whole")
    assert done.returncode == 0, done.stderr

    for images in (10, 40, 72):
        kill_after(images, tmp_path / "killed", *overrides, run=FOLDING_RUN)
        assert not (tmp_path / "killed" / "data" / "dataset.yaml").exists()
    done = run_module(*FOLDING_RUN, *SMALL, *overrides, cwd=tmp_path / "killed")

    assert done.returncode == 0, done.stderr
    assert "were there already" in done.stdout
    manifest = tmp_path / "killed" / "data" / ".manifest"
    assert [path.name for path in sorted(manifest.glob("shard*"))] == [
        "shard-00004.json", "shards-00000.parquet",
    ]  # fmt: skip
    assert bytes_of(tmp_path / "killed" / "data") == bytes_of(tmp_path / "whole" / "data")


def test_killed_runs_whose_frames_lie_in_tars_alone_end_with_the_same_bytes(tmp_path: Path) -> None:
    words = (
        *SMALL, *LOOK, "output_dir=data", "workers=2", "n_frames=325",  # 160, 160 and 5
        "output.formats=[coco,webdataset]", "output.loose=false",
    )  # fmt: skip
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    for folder in (killed, whole):
        folder.mkdir()
    done = run_module("render.run", *words, cwd=whole)
    assert done.returncode == 0, done.stderr

    for shards in (1, 2):
        with started(killed, *words) as process:
            deadline = time.monotonic() + 120
            while len(list(killed.glob("data/.manifest/shard-*.json"))) < shards:
                assert process.poll() is None, "the run ended before it could be killed"
                assert time.monotonic() < deadline
                time.sleep(0.01)
            os.killpg(process.pid, signal.SIGKILL)
        assert not (killed / "data" / "dataset.yaml").exists()
    done = run_module("render.run", *words, cwd=killed)

    assert done.returncode == 0, done.stderr
    assert "were there already" in done.stdout
    assert not list((killed / "data").glob("images/*/*"))
    assert bytes_of(killed / "data") == bytes_of(whole / "data")


def killed_again_and_again(times: int, longest_s: float, cwd: Path, *command: str) -> None:
    """Starts the command and kills all of its processes, at moments from a fixed list."""
    moments = random.Random(times)
    for _ in range(times):
        process = subprocess.Popen(
            [sys.executable, "-m", "render.run", *command],
            cwd=cwd, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(moments.uniform(0.5, longest_s))
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.mark.slow
def test_fifty_kills_of_one_run(tmp_path: Path) -> None:
    """Some while it starts, others after some more frames; entries are put together meanwhile."""
    overrides = (*LOOK, "output_dir=data", "n_frames=1200", "workers=2")
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    for folder in (killed, whole):
        folder.mkdir()
    done = run_module(*FOLDING_RUN, *SMALL, *overrides, cwd=whole, timeout_s=900)
    assert done.returncode == 0, done.stderr

    moments = random.Random(50)
    for kill in range(50):
        images = len(list((killed / "data" / "images").glob("*/*.jpg"))) + moments.randint(1, 40)
        seconds = moments.uniform(0.5, 8.0) if kill % 4 == 0 else math.inf
        kill_after(images, killed, *overrides, run=FOLDING_RUN, or_s=seconds)
        assert not (killed / "data" / "dataset.yaml").exists()
    done = run_module(*FOLDING_RUN, *SMALL, *overrides, cwd=killed, timeout_s=900)

    assert done.returncode == 0, done.stderr
    assert bytes_of(killed / "data") == bytes_of(whole / "data")
    assert len(list((whole / "data" / ".manifest").glob("shards-*.parquet"))) == 18
    done = run_module("tests.e2e.small_blocks", "render.verify", "data", cwd=killed)
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_twenty_kills_at_any_moment(workers: int, tmp_path: Path) -> None:
    """A run, then a top-up of it, then another dataset in its place."""
    command = (*SMALL, "output_dir=data", "n_frames=40", f"workers={workers}")
    top_up = ("top_up=data", "n_frames=20", f"workers={workers}")
    other = (*command, "seed=1", "overwrite=true")
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    for folder in (killed, whole):
        folder.mkdir()
    for words in (command, top_up, other):
        began = time.monotonic()
        done = run_module("render.run", *words, cwd=whole)
        assert done.returncode == 0, done.stderr

        killed_again_and_again(20, time.monotonic() - began, killed, *words)
        done = run_module("render.run", *words, cwd=killed)

        assert done.returncode == 0, done.stderr
        assert bytes_of(killed / "data") == bytes_of(whole / "data")
        done = run_module("render.verify", "data", cwd=killed)
        assert done.returncode == 0, done.stdout


def test_a_second_run_is_told_who_writes_there(tmp_path: Path) -> None:
    process = start_until(5, tmp_path, "output_dir=data", "n_frames=2000")
    try:
        for words in (("overwrite=true",), ("n_frames=9",)):
            done = run_module("render.run", *SMALL, "output_dir=data", *words, cwd=tmp_path)

            assert done.returncode == 1
            told = f"data must be written by one process at a time, and process {process.pid} on"
            assert told in done.stderr
            assert "workers=1 output_dir=data n_frames=2000) writes there: wait" in done.stderr
        assert process.poll() is None
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert len(list((tmp_path / "data" / "images").glob("*/*.jpg"))) >= 5


def test_a_full_disk_is_told_and_the_same_command_continues(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(data)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root can make a small disk, and not in every container")
    try:
        words = (*SMALL, "output_dir=data", "n_frames=48")
        done = run_module("render.run", *words, cwd=tmp_path)

        assert done.returncode == 1
        assert "No space left on device: free some space; the same command with" in done.stderr
        assert "Traceback" not in done.stderr
        needs = re.search(
            r"continues; [\d.]+ (?:bytes|kB) are free there, and the other (\d+) frames need about "
            r"([\d.]+) kB, ([\d.]+) kB each$",
            done.stderr,
            re.MULTILINE,
        )
        assert needs, done.stderr
        left, all_kb, each_kb = int(needs[1]), float(needs[2]), float(needs[3])
        images = {path.name: path.stat() for path in (data / "images").glob("*/*.jpg")}
        assert left in (48 - len(images), 49 - len(images))  # one may be half there
        assert all_kb == pytest.approx(left * each_kb, rel=0.02)
        assert (48 - left) * each_kb == pytest.approx(600, rel=0.15)
        finished = list((data / ".manifest").glob("shard-*.json"))
        assert len(finished) == len(images) // 16 > 0
        subprocess.run(["mount", "-o", "remount,size=64m", str(data)], check=True)
        assert run_module("render.run", *words, cwd=tmp_path).returncode == 0
        assert run_module("render.verify", "data", cwd=tmp_path).returncode == 0
        for name in sorted(images)[:16]:  # of a finished shard: not drawn again
            (path,) = (data / "images").glob(f"*/{name}")
            assert path.stat().st_ino == images[name].st_ino
    finally:
        subprocess.run(["umount", str(data)], check=True)


def test_workers_end_with_their_parent(tmp_path: Path) -> None:
    process = start_until(5, tmp_path, "output_dir=data", "n_frames=2000", "workers=2")

    process.kill()
    process.wait()

    try:
        assert end_of_group(process.pid, within_s=20)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def test_ctrl_c_stops_all_processes_with_one_line(tmp_path: Path) -> None:
    process = start_until(
        5, tmp_path, "output_dir=data", "n_frames=2000", "workers=2", stderr=subprocess.PIPE
    )

    os.killpg(process.pid, signal.SIGINT)

    assert_interrupted(process, 130)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_other_ways_to_end_a_run_are_like_ctrl_c(number: signal.Signals, tmp_path: Path) -> None:
    overrides = (*LOOK, "output_dir=data", "workers=2")
    process = start_until(40, tmp_path, *overrides, "n_frames=2000", stderr=subprocess.PIPE)

    process.send_signal(number)

    assert_interrupted(process, 128 + number)
    n_frames = 5 + max(int(path.stem) for path in (tmp_path / "data").glob("images/*/*.jpg"))
    done = render(*overrides, f"n_frames={n_frames}", cwd=tmp_path)
    assert "were there already" in done.stdout


def assert_interrupted(process: subprocess.Popen[bytes], code: int) -> None:
    """It ends with one line and this exit code, and takes its workers along."""
    _, told = process.communicate(timeout=60)

    assert process.returncode == code
    assert told.count(b"error: interrupted") == 1
    assert b"Traceback" not in told
    assert end_of_group(process.pid, within_s=20)


def test_a_shorter_run_after_a_killed_longer_one_holds_its_own_frames_only(tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    overrides = (*LOOK, "output_dir=data")
    render(*overrides, "n_frames=20", cwd=tmp_path / "whole")
    kill_after(23, tmp_path, *overrides, f"n_frames={FRAMES}")

    render(*overrides, "n_frames=20", cwd=tmp_path)

    assert bytes_of(tmp_path / "data") == bytes_of(tmp_path / "whole" / "data")


def test_what_is_made_of_records_is_made_again(tmp_path: Path) -> None:
    overrides = ("output_dir=data", "n_frames=3")
    render(*overrides, cwd=tmp_path)
    data = tmp_path / "data"
    whole = bytes_of(data)
    (data / "annotations" / "instances_train.json").write_text("{")
    (data / "data.yaml").unlink()

    render(*overrides, cwd=tmp_path)

    assert bytes_of(data) == whole


def test_another_renderer_is_refused_before_anything_changes(tmp_path: Path) -> None:
    render("output_dir=data", "n_frames=3", cwd=tmp_path)
    data = tmp_path / "data"
    path = data / ".manifest" / "gl.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"renderer": "another"}))
    before = bytes_of(data)

    done = run_module("render.run", *SMALL, "output_dir=data", "n_frames=5", cwd=tmp_path)

    assert done.returncode == 1
    assert "was begun on another" in done.stderr
    assert bytes_of(data) == before


@pytest.mark.parametrize(
    ("kind", "overrides"),
    [("backgrounds", ()), ("textures", ("background=color", "material=textured"))],
)
def test_another_set_of_pictures_is_another_dataset(
    kind: str, overrides: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "photos").mkdir()
    starter = sorted((ROOT / "assets" / kind).glob("*.jpg"))
    shutil.copy(starter[0], tmp_path / "photos")
    overrides = ("output_dir=data", f"assets.{kind}_dir=photos", *overrides)
    render(*overrides, "n_frames=2", cwd=tmp_path)
    before = bytes_of(tmp_path / "data")
    shutil.copy(starter[1], tmp_path / "photos")

    done = run_module("render.run", *SMALL, *overrides, "n_frames=4", cwd=tmp_path)

    assert done.returncode == 1
    assert f"another dataset (pictures.{kind}:" in done.stderr
    assert bytes_of(tmp_path / "data") == before


def test_torn_files_are_made_again(tmp_path: Path) -> None:
    overrides = (*LOOK, "output_dir=data", "n_frames=20")
    render(*overrides, cwd=tmp_path)
    data = tmp_path / "data"
    whole = bytes_of(data)
    image = sorted((data / "images").rglob("*.jpg"))[0]
    image.write_bytes(image.read_bytes()[:100])
    next(iter((data / "records").glob("instances-000001*"))).unlink()

    render(*overrides, cwd=tmp_path)

    assert bytes_of(data) == whole


def test_a_complete_run_is_left_alone(tmp_path: Path) -> None:
    overrides = ("output_dir=data", "n_frames=3")
    render(*overrides, cwd=tmp_path)
    times = {p: p.stat().st_mtime_ns for p in (tmp_path / "data").rglob("*") if p.is_file()}

    render(*overrides, cwd=tmp_path)

    assert {p: p.stat().st_mtime_ns for p in times} == times
