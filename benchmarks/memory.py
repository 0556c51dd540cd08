"""Resident memory of a run and its workers, along thousands of frames, with more models than the
memory that they may take.

python -m benchmarks.memory [--frames 20000]
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

_KIB = 1024
_MEMORY_MB = 12  # the starter models and what is worked out of them take more


def tree_rss_mib(pid: int) -> float:
    """Resident memory of a process and all below it."""
    total = 0.0
    waiting = [pid]
    while waiting:
        current = waiting.pop()
        try:
            status = Path(f"/proc/{current}/status").read_text()
            for task in Path(f"/proc/{current}/task").iterdir():
                waiting += map(int, (task / "children").read_text().split())
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended meanwhile
        for line in status.splitlines():
            if line.startswith("VmRSS:"):
                total += float(line.split()[1]) / _KIB
    return total


def main() -> None:
    """Prints memory at each tenth of the run and the growth between its second and last."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=20_000)
    args = parser.parse_args()
    samples: list[tuple[float, float]] = []  # share of frames done, MiB
    with tempfile.TemporaryDirectory() as name:
        output_dir = Path(name) / "dataset"
        command = [
            sys.executable, "-m", "render.run", f"output_dir={output_dir}",
            f"n_frames={args.frames}", "camera.size_wh=[320,240]", f"memory_mb={_MEMORY_MB}",
        ]  # fmt: skip
        with subprocess.Popen(
            command, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            while process.poll() is None:
                done = sum(1 for _ in output_dir.glob("images/*/*.jpg"))
                samples.append((done / args.frames, tree_rss_mib(process.pid)))
                time.sleep(0.5)
            if process.returncode != 0:
                raise RuntimeError(f"the run ended with {process.returncode}")
    share, mib = np.array(samples).T
    tenths = []
    for tenth in range(10):
        inside = (share >= tenth / 10) & (share < (tenth + 1) / 10)
        tenths.append(float(np.median(mib[inside])) if inside.any() else float("nan"))
        print(f"frames {tenth * 10:2d}-{tenth * 10 + 10:3d} %: {tenths[-1]:.0f} MiB")
    growth = tenths[9] / tenths[1] - 1
    print(f"growth from the second tenth to the last: {growth:+.1%}")
    record("memory", {"frames": args.frames, "tenths_mib": tenths, "growth": growth})


if __name__ == "__main__":
    main()
