"""Seconds and memory of what is made of all records when the last frame is there.

python -m benchmarks.assemble [--instances 100000 1000000]

The records are those of a small run, repeated under new numbers; nothing is drawn for the rest.
Each part runs in a process of its own, whose peak of resident memory is told. The baseline is
what a program does that holds everything: rows of records by pyarrow, then ``json.dump`` of the
COCO files' content.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import render
from benchmarks.command import environment
from benchmarks.command import render as run
from benchmarks.record import record
from render.dataset.folder import write_file
from render.dataset.records import read_frames, read_instances, write_shard_records
from render.dataset.sharding import SHARD_FRAMES
from render.job.summary import Summary
from render.plan import Plan
from render.report.preview import preview
from render.writers.coco import coco_annotation, coco_image
from render.writers.yolo import data_yaml

_PER_FRAME = 10
_WORDS = (
    "camera.size_wh=[320,240]", "objects=scatter", f"objects.count={_PER_FRAME}", "occlusion=none",
    "background=color", "lighting=sun", "sensor=clean", "val_fraction=0", "labels.min_px=1",
)  # fmt: skip


def make_records(source: Path, folder: Path, n_frames: int) -> None:
    """Writes records of so many frames, made of those of a small dataset by renumbering."""
    frames = list(read_frames(source))
    rows: list[list[dict[str, Any]]] = [[] for _ in frames]
    for row in read_instances(source):
        rows[row["frame_idx"]].append(row)
    (folder / "images/train").mkdir(parents=True)
    shown = {round(i * (n_frames - 1) / 15) for i in range(16)}  # of the sheet
    for frame in frames:
        data = (source / "images/train" / frame["file_name"]).read_bytes()
        for idx in shown:
            if idx % len(frames) == frame["frame_idx"]:
                (folder / f"images/train/{idx:08d}.jpg").write_bytes(data)
    for first in range(0, n_frames, SHARD_FRAMES):
        numbers = range(first, min(first + SHARD_FRAMES, n_frames))
        write_shard_records(
            folder,
            first // SHARD_FRAMES,
            [
                {**frames[i % len(frames)], "frame_idx": i, "file_name": f"{i:08d}.jpg"}
                for i in numbers
            ],
            [{**row, "frame_idx": i} for i in numbers for row in rows[i % len(frames)]],
        )


def write_coco(plan: Plan, folder: Path) -> None:
    """The files of COCO, as the run makes them."""
    _write(plan, folder, "coco")


def write_yolo(plan: Plan, folder: Path) -> None:
    """YOLO's ``data.yaml``."""
    write_file(folder, "data.yaml", data_yaml(plan.names, kind="detect"))


def count(plan: Plan, folder: Path) -> None:
    """What the summary and dataset.yaml count."""
    Summary.of(plan, rendered=0, seconds=0.0)


def draw_preview(plan: Plan, folder: Path) -> None:
    """The contact sheet."""
    preview(folder, plan.categories)


def dump(plan: Plan, folder: Path) -> None:
    """The baseline: everything in memory, then ``json.dump``."""
    content = {
        "images": [coco_image(row) for row in read_frames(folder)],
        "annotations": [
            coco_annotation(row, annotation_id=n, category_id=1)
            for n, row in enumerate(read_instances(folder), start=1)
        ],
    }
    with (folder / "baseline.json").open("w") as file:
        json.dump(content, file)


_PARTS: Mapping[str, Callable[[Plan, Path], None]] = {
    "coco": write_coco,
    "yolo": write_yolo,
    "summary": count,
    "preview": draw_preview,
    "baseline": dump,
}


def _write(plan: Plan, folder: Path, name: str) -> None:
    (folder / "annotations").mkdir(exist_ok=True)
    dataset = _Records(folder, plan)
    for path, parts in plan.writers.by_name[name].finish_files(dataset).items():  # type: ignore[arg-type]
        write_file(folder, path, parts)


class _Records:
    """What writers ask of a dataset when they finish it."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        self._folder = folder
        self.names = plan.names
        self.n_frames = plan.run.n_frames
        self.sharding = plan.sharding

    def rows(self, kind: str, shards: range) -> Any:
        return (read_frames if kind == "frames" else read_instances)(self._folder, shards)


def measure(part: str, folder: Path, n_frames: int) -> None:
    """Prints seconds and the peak of this process, MiB, as JSON."""
    plan = render.compose(*_WORDS, f"n_frames={n_frames}", f"output_dir={folder}")
    began_s = time.perf_counter()
    _PARTS[part](plan, folder)
    seconds = time.perf_counter() - began_s
    mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": round(seconds, 2), "mib": round(mib)}))


def figures_of(n_instances: int) -> dict[str, Any]:
    """Figures of each part, in processes of their own."""
    n_frames = n_instances // _PER_FRAME
    with tempfile.TemporaryDirectory() as name:
        source, folder = Path(name) / "source", Path(name) / "data"
        run(source, *_WORDS, "n_frames=16")
        make_records(source, folder, n_frames)
        found: dict[str, Any] = {}
        for part in _PARTS:
            command = [sys.executable, "-m", "benchmarks.assemble", "--part", part]
            done = subprocess.run(
                [*command, "--folder", str(folder), "--frames", str(n_frames)],
                env=environment(), capture_output=True, text=True, check=True,
            )  # fmt: skip
            found[part] = json.loads(done.stdout)
    own = [found[part] for part in _PARTS if part != "baseline"]
    found["all"] = {
        "seconds": round(sum(one["seconds"] for one in own), 2),
        "mib": max(one["mib"] for one in own),
    }
    found["coco_to_baseline"] = round(found["coco"]["seconds"] / found["baseline"]["seconds"], 2)
    return found


def main() -> None:
    """Prints a table for each number of instances."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--instances", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--part", choices=_PARTS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--frames", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.part:
        measure(args.part, args.folder, args.frames)
        return
    figures = {str(n): figures_of(n) for n in args.instances}
    for n, found in figures.items():
        print(f"{int(n):,} instances")
        for part, one in found.items():
            if isinstance(one, dict):
                print(f"  {part:10} {one['seconds']:8.2f} s {one['mib']:7} MiB")
        print(f"  coco takes {found['coco_to_baseline']} of the baseline's time")
    record("assemble", figures)


if __name__ == "__main__":
    main()
