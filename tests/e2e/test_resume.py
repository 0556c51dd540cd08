"""Runs that are killed and continued end like runs that were not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.e2e.cli import SMALL, bytes_of, environment, render

FRAMES = 150  # three shards


def kill_after(images: int, cwd: Path, *overrides: str) -> None:
    """Starts a run, and kills all of its processes when it has written so many images."""
    process = subprocess.Popen(
        [sys.executable, "-m", "render.run", *SMALL, *overrides],
        cwd=cwd,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    folder = cwd / "data" / "images"
    deadline = time.monotonic() + 120
    while len(list(folder.glob("*/*.jpg"))) < images:
        assert process.poll() is None, "the run ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@pytest.mark.parametrize("workers", [1, 2])
def test_killed_runs_end_with_the_bytes_of_an_unbroken_one(workers: int, tmp_path: Path) -> None:
    overrides = ("output_dir=data", f"n_frames={FRAMES}", f"workers={workers}")
    (tmp_path / "whole").mkdir()
    (tmp_path / "killed").mkdir()
    render(*overrides, cwd=tmp_path / "whole")

    for images in (10, 75, 140):
        kill_after(images, tmp_path / "killed", *overrides)
        assert not (tmp_path / "killed" / "data" / "dataset.yaml").exists()
    done = render(*overrides, cwd=tmp_path / "killed")

    assert "were there already" in done.stdout
    assert bytes_of(tmp_path / "killed" / "data") == bytes_of(tmp_path / "whole" / "data")


def test_torn_files_are_made_again(tmp_path: Path) -> None:
    overrides = ("output_dir=data", "n_frames=70")
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
