"""Seconds from the start of the command to its first frame on disk.

python -m benchmarks.startup [--rounds 5]
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
from benchmarks.record import record


def first_frame_s(output_dir: Path) -> float:
    """Starts a default run and stops it when the first image is there."""
    command = [sys.executable, "-m", "render.run", f"output_dir={output_dir}", "n_frames=1000"]
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
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    times_s = []
    for _ in range(args.rounds):
        with tempfile.TemporaryDirectory() as name:
            times_s.append(first_frame_s(Path(name) / "dataset"))
        print(f"first frame after {times_s[-1]:.2f} s")
    print(f"median {np.median(times_s):.2f} s")
    record("startup", {"rounds_s": times_s, "median_s": float(np.median(times_s))})


if __name__ == "__main__":
    main()
