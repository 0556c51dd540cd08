"""Frames per second over workers, each with a core of its own.

    python -m benchmarks.scaling [--frames 32] [--rounds 2] [--engine auto]

Whole commands of the default run; the time of a short command is taken off that of a long one,
so that starting counts for nothing. Of each the fastest of all rounds counts, since whatever else
the machine does only adds to it; runs of one worker and of more alternate. It refuses to tell a
speed where the long command was not the slower one.
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

_LEAST = 8  # frames a worker: for fewer the executor starts none


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
    parser.add_argument(
        "--frames", type=int, default=32, help="that each worker draws in the time that counts"
    )
    parser.add_argument("--rounds", type=int, default=2)
    args = parser.parse_args()
    counts = [n for n in (1, 2, 4, 8, 16) if n <= len(os.sched_getaffinity(0))]
    starts_s, wholes_s = dict.fromkeys(counts, np.inf), dict.fromkeys(counts, np.inf)
    for _ in range(args.rounds):
        for workers in counts:
            start_s, _ = run_s(workers, _LEAST * workers, args.engine)
            whole_s, renderer = run_s(workers, (_LEAST + args.frames) * workers, args.engine)
            starts_s[workers] = min(starts_s[workers], start_s)
            wholes_s[workers] = min(wholes_s[workers], whole_s)
    print(renderer)
    figures = figures_of(starts_s, wholes_s, args.frames)
    for workers, row in figures.items():
        print(f"{workers} workers: {row['frames_per_s']:.2f} frames/s, {row['gain']:.2f} times one")
    record("scaling", figures, renderer=renderer)


def figures_of(
    starts_s: dict[int, float], wholes_s: dict[int, float], frames: int
) -> dict[str, dict[str, float]]:
    """Frames per second of each number of workers, and how many times that is one worker's.

    Args:
        starts_s: Seconds of the short command, by number of workers.
        wholes_s: Seconds of the long one, in which each worker draws `frames` more.
        frames: How many.

    Raises:
        SystemExit: A long command was no slower than the short one.

    """
    speeds = {}
    for workers, start_s in starts_s.items():
        took_s = wholes_s[workers] - start_s
        if took_s <= 0.0:
            raise SystemExit(
                f"{frames} frames more of {workers} workers took no longer: the machine is too busy"
            )
        speeds[workers] = frames * workers / took_s
    return {
        str(workers): {"frames_per_s": speed, "gain": speed / speeds[1]}
        for workers, speed in speeds.items()
    }


if __name__ == "__main__":
    main()
