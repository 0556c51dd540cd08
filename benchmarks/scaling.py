"""Frames per second over workers, each with a core of its own.

    python -m benchmarks.scaling [--frames 40] [--rounds 2] [--engine auto]

Whole commands of the default run; the time of a short command is taken off that of a long one,
so that starting counts for nothing. Runs of one worker and of more alternate, so that a busy
neighbour slows all.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.command import environment
from benchmarks.engines import add_engine_argument, drew
from benchmarks.record import record


def run_s(workers: int, frames: int, engine: str) -> tuple[float, str]:
    """Seconds of a command, and what drew; processes share as many cores as there are workers."""
    cores = sorted(os.sched_getaffinity(0))[:workers]
    with tempfile.TemporaryDirectory() as name:
        command = [
            "taskset", "-c", ",".join(map(str, cores)),
            sys.executable, "-m", "render.run", f"output_dir={Path(name) / 'dataset'}",
            f"n_frames={frames}", f"workers={workers}", f"engine={engine}",
        ]  # fmt: skip
        began_s = time.perf_counter()
        done = subprocess.run(
            command, env=environment(), capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        return time.perf_counter() - began_s, drew(Path(name) / "dataset")


def main() -> None:
    """Prints frames per second of each number of workers, and what is gained."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_engine_argument(parser)
    # Eight frames a worker at least: the executor starts no worker for fewer.
    parser.add_argument("--frames", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=2)
    args = parser.parse_args()
    counts = [n for n in (1, 2, 4, 8, 16) if n <= len(os.sched_getaffinity(0))]
    took: dict[int, list[float]] = {n: [] for n in counts}
    least = 8 * counts[-1]
    if args.frames <= least:
        parser.error(f"--frames must be more than {least}, 8 for each of {counts[-1]} workers")
    for _ in range(args.rounds):
        for workers in counts:
            # The same start, and so many frames fewer: what is left is frames alone.
            start_s, _ = run_s(workers, 8 * workers, args.engine)
            whole_s, renderer = run_s(workers, args.frames, args.engine)
            took[workers].append((whole_s - start_s) / (args.frames - 8 * workers))
    print(renderer)
    figures = {}
    for workers in counts:
        frame_s = float(np.median(took[workers]))
        gain = float(np.median(took[1])) / frame_s
        figures[str(workers)] = {"frames_per_s": 1.0 / frame_s, "gain": gain}
        print(f"{workers} workers: {1.0 / frame_s:.2f} frames/s, {gain:.2f} times one")
    record("scaling", figures, renderer=renderer)


if __name__ == "__main__":
    main()
