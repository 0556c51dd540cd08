"""Seconds from the start of the command to its first frame on disk.

python -m benchmarks.startup [--rounds 5] [--engine auto]

A first run, which may have to compile, is not counted.
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
from benchmarks.engines import add_engine_argument, name_of, start
from benchmarks.record import record


def first_frame_s(output_dir: Path, engine: str) -> float:
    """Starts a default run and stops it when the first image is there."""
    command = [
        sys.executable, "-m", "render.run", f"output_dir={output_dir}", "n_frames=1000",
        f"engine={engine}",
    ]  # fmt: skip
    began_s = time.perf_counter()
    with subprocess.Popen(
        command, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        while not any(output_dir.glob("images/*/*.jpg")):
            if process.poll() is not None:
                raise RuntimeError(f"the run ended with {process.returncode} before a frame")
            time.sleep(0.005)
        seconds = time.perf_counter() - began_s
        process.terminate()
    return seconds


def main() -> None:
    """Prints each round and the median."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_engine_argument(parser)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    with start(args.engine) as engine:
        renderer = name_of(engine.info)
    print(renderer)
    times_s = []
    for round_idx in range(args.rounds + 1):
        with tempfile.TemporaryDirectory() as name:
            seconds = first_frame_s(Path(name) / "dataset", args.engine)
        if round_idx == 0:
            continue
        times_s.append(seconds)
        print(f"first frame after {times_s[-1]:.2f} s")
    print(f"median {np.median(times_s):.2f} s")
    record("startup", {"rounds_s": times_s, "median_s": float(np.median(times_s))},
           renderer=renderer)  # fmt: skip


if __name__ == "__main__":
    main()
