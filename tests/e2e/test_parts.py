"""Parts of a dataset, rendered side by side or in folders of their own, make the same dataset."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.cli import SMALL, bytes_of, environment, render, run_module

FRAMES = 40  # two shards and a half
LOOK = ("lighting=sun", "background=color", "sensor=clean", "occlusion=none", f"n_frames={FRAMES}")


def files_of(folder: Path) -> dict[str, str]:
    """SHA-256 of what does not say where and how the dataset was rendered."""
    found = bytes_of(folder)
    return {
        name: digest
        for name, digest in found.items()
        if name not in ("dataset.yaml", "preview.jpg") and not name.startswith(".manifest/")
    }


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The files of a plain run."""
    folder = tmp_path_factory.mktemp("plain")
    render(*LOOK, "output_dir=data", cwd=folder)
    return files_of(folder / "data")


def begun(cwd: Path, *overrides: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "render.run", *SMALL, *LOOK, "output_dir=data", *overrides],
        cwd=cwd, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip


def images_of(folder: Path, first: int, end: int) -> list[int]:
    stems = (int(path.stem) for path in folder.glob("images/*/*.jpg"))
    return sorted(i for i in stems if first <= i < end)


@pytest.fixture
def in_flight(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A run of frames 0 to 31 that has written a few of them, and is stopped there."""
    process = begun(tmp_path, "frames=[0,32]")
    deadline = time.monotonic() + 120
    while not (tmp_path / "data" / ".manifest" / "shard-00000.json").exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGSTOP)
    yield process
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def test_two_parts_at_the_same_time_and_the_last_one_completes(
    plain: dict[str, str], tmp_path: Path
) -> None:
    parts = [begun(tmp_path, "frames=[0,16]"), begun(tmp_path, f"frames=[16,{FRAMES}]")]
    told = []
    for process in parts:
        out, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors
        told.append(out)

    assert 1 == sum("at the end  python -m render.finish data" in out for out in told)
    assert 1 == sum("preview     data/preview.jpg" in out for out in told)
    assert not (tmp_path / "data" / ".render.lock").exists()
    done = run_module("render.finish", "data", cwd=tmp_path)  # changes nothing any more
    assert done.returncode == 0, done.stderr
    assert files_of(tmp_path / "data") == plain
    done = run_module("render.verify", "data", cwd=tmp_path)
    assert done.returncode == 0, done.stdout


def test_parts_in_folders_of_their_own_are_put_together(
    plain: dict[str, str], tmp_path: Path
) -> None:
    for index in range(2):
        words = ("execution=shard", f"shard.index={index}", "shard.count=2")
        render(*LOOK, *words, f"output_dir=part{index}", cwd=tmp_path)

    alone = run_module("render.finish", "part0", cwd=tmp_path)
    assert alone.returncode == 1
    assert "of 40 24 (16 to 39) are missing in part0: render them" in alone.stderr
    for folder, others in (("all", ("part0", "part1")), ("part0", ("part1",))):
        done = run_module("render.finish", folder, *others, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert files_of(tmp_path / folder) == plain
    done = run_module("render.verify", "all", "--render", "2", cwd=tmp_path)
    assert done.returncode == 0, done.stdout

    # What has been damaged is taken from another folder, too, or told.
    pictures = sorted((tmp_path / "all" / "images").glob("*/*.jpg"))
    pictures[0].unlink()
    pictures[-1].unlink()
    pictures[-1].write_bytes(b"torn")
    done = run_module("render.finish", "all", "part0", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert files_of(tmp_path / "all") == plain
    pictures[0].unlink()
    (tmp_path / "part0" / "images" / pictures[0].relative_to(tmp_path / "all" / "images")).unlink()
    done = run_module("render.finish", "all", "part1", cwd=tmp_path)
    assert done.returncode == 1
    assert "are missing in all and part1" in done.stderr


def test_a_killed_part_is_run_again_beside_another_one(
    plain: dict[str, str], tmp_path: Path, in_flight: subprocess.Popen[str]
) -> None:
    render(*LOOK, "output_dir=data", f"frames=[32,{FRAMES}]", cwd=tmp_path)
    before = images_of(tmp_path / "data", 0, 32)
    assert 16 <= len(before) < 32
    os.killpg(in_flight.pid, signal.SIGKILL)
    in_flight.wait()

    done = render(*LOOK, "output_dir=data", "frames=[0,32]", cwd=tmp_path)

    assert "were there already" in done.stdout
    assert files_of(tmp_path / "data") == plain


def test_what_another_process_writes_is_refused_and_told(
    tmp_path: Path, in_flight: subprocess.Popen[str]
) -> None:
    who = f"process {in_flight.pid} on {os.uname().nodename} (since 20"
    for words in (("frames=[16,40]",), ("execution=shard", "shard.index=0", "shard.count=3")):
        done = run_module("render.run", *SMALL, *LOOK, "output_dir=data", *words, cwd=tmp_path)
        assert done.returncode == 1
        assert "of data must be written by one process at a time, and " + who in done.stderr
        assert "writes shards 0 to 1 there: wait until" in done.stderr
    for command in (("render.run", *SMALL, *LOOK, "output_dir=data"), ("render.finish", "data")):
        done = run_module(*command, cwd=tmp_path)
        assert done.returncode == 1
        assert "error: data must be written by one process at a time, and " + who in done.stderr

    done = run_module("render.status", "data", "--json", cwd=tmp_path)

    told = json.loads(done.stdout)
    (writer,) = told["writers"]
    assert (writer["frames"], writer["pid"]) == ([0, 32], in_flight.pid)
    assert told["done"] >= 16
    assert (told["in_flight"], told["missing"]) == ([[told["done"], 32]], [[32, FRAMES]])
    assert told["frames_per_s"] > 0
    assert told["remaining_s"] > 0
    text = run_module("render.status", "data", cwd=tmp_path).stdout
    assert f"missing     {FRAMES - 32} frames (32 to {FRAMES - 1})" in text
    assert "ends        20" in text


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("frames=[5,24]",), "got [5, 24]; the nearest are [0, 32]"),
        (("frames=[32,80]",), "frames must end at n_frames, 40, or before, got [32, 80]"),
        (("frames=[16]",), "frames must be a list of two whole numbers"),
        (("execution=shard",), "execution=shard must have shard.index and shard.count"),
        (("shard.index=4", "shard.count=4"), "shard.index must be from 0 to 3"),
        (("shard.index=0", "shard.count=4"), "shard.count must be from 1 to 3"),
        (("shard.index=0", "shard.count=2", "frames=[0,16]"), "frames must be null where shard"),
        (("frames=[0,16]", "overwrite=true"), "overwrite must be false where frames or shard"),
    ],
)
def test_parts_that_cannot_be_are_refused(
    words: tuple[str, ...], told: str, tmp_path: Path
) -> None:
    done = run_module("render.run", *SMALL, *LOOK, "output_dir=data", *words, cwd=tmp_path)

    assert done.returncode == 1
    assert told in done.stderr
    assert not (tmp_path / "data").exists()


def test_parts_of_other_datasets_are_not_put_together(tmp_path: Path) -> None:
    few = (*LOOK[:-1], "n_frames=20", "frames=[0,16]")
    render(*few, "output_dir=one", cwd=tmp_path)
    render(*few, "output_dir=other", "seed=1", cwd=tmp_path)
    render(*LOOK[:-1], "n_frames=36", "frames=[16,32]", "output_dir=longer", cwd=tmp_path)

    done = run_module("render.finish", "one", "other", cwd=tmp_path)
    assert done.returncode == 1
    assert "other holds another dataset (config.seed: 1 there, 0 here)" in done.stderr

    done = run_module("render.finish", "one", "longer", cwd=tmp_path)
    assert done.returncode == 1
    assert "n_frames must be the same for all parts, and is 36 in longer, 20 in one" in done.stderr

    done = run_module(
        "render.run", *SMALL, *LOOK[:-1], "n_frames=36", "frames=[16,32]", "output_dir=one",
        cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 1
    assert "n_frames must be 20, as it is for the parts of one so far, got 36" in done.stderr
