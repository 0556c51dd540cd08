"""Sweeps that are killed, interrupted, made longer and started again."""

from __future__ import annotations

import contextlib
import csv
import os
import signal
import subprocess
import time
from pathlib import Path

from tests.e2e.cli import bytes_of, run_module, started

# Two shards and a half: a job that is killed has something to go on with.
EXPERIMENT = """# @package _global_
defaults:
  - override /lighting: sun
  - override /background: photo
  - override /sensor: clean
  - override /occlusion: none
models: [bolt, mug, die]
n_frames: 40
camera: {{size_wh: [{width}, 72]}}
"""
WORDS = ("-m", "--config-dir", "conf", "experiment=small")
# These differ by how the dataset came to be; see the contract of the dataset on disk.
OTHER = ("dataset.yaml", ".manifest/")


def write_experiment(cwd: Path, *, width: int) -> None:
    path = cwd / "conf" / "experiment" / "small.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(EXPERIMENT.format(width=width))


def sweep_in(cwd: Path, *words: str) -> contextlib.AbstractContextManager[subprocess.Popen[str]]:
    return started(cwd, *WORDS, "workers=1", *words, "hydra.sweep.dir=sweep")


def wait_for(process: subprocess.Popen[str], folder: Path, *, shards: int) -> None:
    """Until a dataset has that many finished shards, and is not complete."""
    deadline = time.monotonic() + 240
    while len(list(folder.glob(".manifest/shard-*.json"))) < shards:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)


def times_of(folder: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in (folder, *folder.rglob("*"))}


def pixels_and_labels(folder: Path) -> dict[str, str]:
    return {name: h for name, h in bytes_of(folder).items() if not name.startswith(OTHER)}


def size_px_mean_of(cwd: Path, *words: str) -> str:
    """What the index says of the one job of a sweep."""
    done = run_module("render.run", *words, "hydra.sweep.dir=again", cwd=cwd)
    assert done.returncode == 0, done.stderr
    with (cwd / "again" / "sweep.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    return row["size_px_mean"]


def test_what_a_job_is_decides_its_measures_and_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "conf" / "experiment" / "own.yaml"
    path.parent.mkdir(parents=True)
    words = ("-m", "--config-dir", "conf", "experiment=own", "n_frames=2", "overwrite=true")

    path.write_text("# @package _global_\nscale: {size_frac: 0.2}\n")
    small = size_px_mean_of(tmp_path, *words)
    path.write_text("# @package _global_\nscale: {size_frac: 0.6}\n")
    assert float(size_px_mean_of(tmp_path, *words)) > 1.5 * float(small)

    # A complete job is drawn again whose pictures or records are gone when they are wanted.
    (job,) = (tmp_path / "again").glob("*/")
    whole = bytes_of(job)
    for lost in ("images/*/00000000.jpg", "records/*"):
        for one in job.glob(lost):
            one.unlink()
        (tmp_path / "again" / "sweep.csv").unlink()
        size_px_mean_of(tmp_path, *words[:-1])
        assert bytes_of(job).items() - whole.items() <= {
            ("dataset.yaml", bytes_of(job)["dataset.yaml"])
        }
        assert bytes_of(job).keys() == whole.keys()

    path.write_text("# @package _global_\noutput_dir: one\n")
    refused = run_module("render.run", *words, "seed=1,2", cwd=tmp_path)
    assert refused.returncode == 1
    assert "output_dir must not be set in a sweep, each job has its own folder" in refused.stderr
    assert not (tmp_path / "one").exists()


def test_a_sweep_goes_on_where_it_was(tmp_path: Path) -> None:
    write_experiment(tmp_path, width=96)
    first, second = (tmp_path / "sweep" / f"experiment=small,seed={seed}" for seed in (1, 2))
    with sweep_in(tmp_path, "seed=1,2") as process:
        wait_for(process, second, shards=1)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert (first / "dataset.yaml").is_file()
    assert not (second / "dataset.yaml").exists()
    before = times_of(first)

    # In another order, with one more value and another number of workers, and interrupted again.
    with sweep_in(tmp_path, "seed=1,3,2", "workers=2") as process:
        wait_for(process, tmp_path / "sweep" / "experiment=small,seed=3", shards=1)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted; the same command with hydra.sweep.dir=sweep continues" in told
    assert len(list((tmp_path / "sweep").glob("*/dataset.yaml"))) < 3

    done = run_module(
        "render.run", *WORDS, "seed=3,2,1", "workers=1", "hydra.sweep.dir=sweep", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert f"dataset     {first}\nskipped     complete, with all of its 40 frames" in done.stdout
    assert [line.split()[1] for line in done.stdout.splitlines() if "  seed=" in line] == (
        ["complete"] * 3
    )
    assert times_of(first) == before, "nothing of a complete job is written, and nothing deleted"

    whole = run_module("render.run", *WORDS, "seed=1,2,3", "hydra.sweep.dir=whole", cwd=tmp_path)
    assert whole.returncode == 0, whole.stderr
    names = [f"experiment=small,seed={seed}" for seed in (1, 2, 3)]
    assert sorted(p.name for p in (tmp_path / "sweep").iterdir() if p.is_dir()) == names
    for name in names:
        expected = pixels_and_labels(tmp_path / "whole" / name)
        assert pixels_and_labels(tmp_path / "sweep" / name) == expected

    # What the names stand for is another thing now.
    write_experiment(tmp_path, width=64)
    refused = run_module("render.run", *WORDS, "seed=1,4", "hydra.sweep.dir=sweep", cwd=tmp_path)
    assert refused.returncode == 1
    assert f"{Path('sweep').absolute().name}" in refused.stderr
    assert "holds another dataset (config.camera.size_wh: [96, 72] there, [64, 72] here)" in (
        refused.stderr
    )
    assert "failed      1 of 2 jobs" in refused.stdout
    assert times_of(first) == before
    assert (tmp_path / "sweep" / "experiment=small,seed=4" / "dataset.yaml").is_file()
