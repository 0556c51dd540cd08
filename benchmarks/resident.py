"""Resident memory of one worker in a default run of two.

    python -m benchmarks.resident [--frames 200] [--engine auto]

The median over the second half of the run, of the worker that takes more; pages that processes
share count for each.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.command import environment
from benchmarks.engines import add_engine_argument, drew
from benchmarks.memory import children_of, rss_mib
from benchmarks.record import record


def main() -> None:
    """Prints the figure and records it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_engine_argument(parser)
    parser.add_argument("--frames", type=int, default=200)
    args = parser.parse_args()
    samples: list[tuple[float, float]] = []  # share of frames done, MiB
    with tempfile.TemporaryDirectory() as name:
        output_dir = Path(name) / "dataset"
        command = [
            sys.executable, "-m", "render.run", f"output_dir={output_dir}", "workers=2",
            f"n_frames={args.frames}", f"engine={args.engine}",
        ]  # fmt: skip
        with subprocess.Popen(
            command, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            while process.poll() is None:
                done = sum(1 for _ in output_dir.glob("images/*/*.jpg"))
                below = children_of(process.pid)  # what workers are forked from is among them
                workers = [rss_mib(pid) for child in below for pid in children_of(child)]
                samples.append((done / args.frames, max(workers, default=0.0)))
                time.sleep(0.2)
            if process.returncode != 0:
                raise RuntimeError(f"the run ended with {process.returncode}")
        renderer = drew(output_dir)
    # At the end the workers go, one after the other.
    worker_mib = float(np.median([mib for share, mib in samples if 0.5 <= share < 1.0]))
    print(f"{renderer}: {worker_mib:.0f} MiB of a worker")
    record("resident", {"frames": args.frames, "worker_mib": worker_mib}, renderer=renderer)


if __name__ == "__main__":
    main()
