"""Resident memory of a run and its workers, along thousands of frames, with more models than the
memory that they may take.

python -m benchmarks.memory [--frames 20000] [--engine auto]
"""

from __future__ import annotations

import argparse
import contextlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.command import environment
from benchmarks.engines import add_engine_argument, drew
from benchmarks.record import record

_KIB = 1024
_MEMORY_MB = 12  # the starter models and what is worked out of them take more


def tree_rss_mib(pid: int) -> float:
    """Resident memory of a process and all below it."""
    return rss_mib(pid) + sum(tree_rss_mib(child) for child in children_of(pid))


def children_of(pid: int) -> list[int]:
    """Processes that a process has started; none where it ended meanwhile."""
    found: list[int] = []
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += map(int, (task / "children").read_text().split())
    return found


def rss_mib(pid: int) -> float:
    """Resident memory of a process; 0 where it ended meanwhile."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return float(line.split()[1]) / _KIB
    return 0.0


def watched(
    frames: int, *words: str, memory_mib: Callable[[int], float], every_s: float
) -> tuple[NDArray[np.float64], str]:
    """Runs the main job and looks at its memory.

    Args:
        frames: Of the run.
        words: Overrides.
        memory_mib: Of the process that it is given.
        every_s: Seconds between two looks.

    Returns:
        ``(N, 2)``: share of the frames done and memory at each look; and what drew.

    Raises:
        RuntimeError: The run failed.

    """
    samples: list[tuple[float, float]] = []
    with tempfile.TemporaryDirectory() as name:
        output_dir = Path(name) / "dataset"
        command = [
            sys.executable, "-m", "render.run", f"output_dir={output_dir}", f"n_frames={frames}",
            *words,
        ]  # fmt: skip
        with subprocess.Popen(
            command, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            while process.poll() is None:
                done = sum(1 for _ in output_dir.glob("images/*/*.jpg"))
                samples.append((done / frames, memory_mib(process.pid)))
                time.sleep(every_s)
            if process.returncode != 0:
                raise RuntimeError(f"the run ended with {process.returncode}")
        return np.array(samples), drew(output_dir)


def main() -> None:
    """Prints memory at each tenth of the run and the growth between its second and last."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_engine_argument(parser)
    parser.add_argument("--frames", type=int, default=20_000)
    args = parser.parse_args()
    samples, renderer = watched(
        args.frames, f"engine={args.engine}", "camera.size_wh=[320,240]", f"memory_mb={_MEMORY_MB}",
        memory_mib=tree_rss_mib, every_s=0.5,
    )  # fmt: skip
    print(renderer)
    share, mib = samples.T
    tenths = []
    for tenth in range(10):
        inside = (share >= tenth / 10) & (share < (tenth + 1) / 10)
        tenths.append(float(np.median(mib[inside])) if inside.any() else float("nan"))
        print(f"frames {tenth * 10:2d}-{tenth * 10 + 10:3d} %: {tenths[-1]:.0f} MiB")
    growth = tenths[9] / tenths[1] - 1
    print(f"growth from the second tenth to the last: {growth:+.1%}")
    record("memory", {"frames": args.frames, "tenths_mib": tenths, "growth": growth},
           renderer=renderer)  # fmt: skip


if __name__ == "__main__":
    main()
