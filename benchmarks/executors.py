"""Frames per second through Ray beside the pool of this machine, on as many processes.

    python -m benchmarks.executors [--frames 320] [--rounds 2] [--workers 2]

Whole commands of the default run; the time of a short command is taken off that of a long one, so
that starting counts for nothing. Of each the fastest of all rounds counts. Ray runs on this
machine alone.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.command import render
from benchmarks.engines import drew
from benchmarks.record import record

_EXECUTORS = ("local", "ray")
_LEAST = 64  # frames a worker: enough that none waits for the others' start


def main() -> None:
    """Prints frames per second of both, and Ray's share."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=320, help="of each worker, that count")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    starts_s, wholes_s = dict.fromkeys(_EXECUTORS, np.inf), dict.fromkeys(_EXECUTORS, np.inf)
    renderer = ""
    for _ in range(args.rounds):
        for executor in _EXECUTORS:
            for taken_s, frames in ((starts_s, _LEAST), (wholes_s, _LEAST + args.frames)):
                with tempfile.TemporaryDirectory() as name:
                    folder = Path(name) / "dataset"
                    words = (f"execution={executor}", f"workers={args.workers}")
                    took_s = render(folder, f"n_frames={frames * args.workers}", *words)
                    renderer = drew(folder)
                taken_s[executor] = min(taken_s[executor], took_s)
    speeds = {
        executor: args.frames * args.workers / (wholes_s[executor] - starts_s[executor])
        for executor in _EXECUTORS
    }
    print(renderer)
    for executor, speed in speeds.items():
        print(
            f"{executor:6} {speed:6.2f} frames/s, {speed / speeds['local']:.1%} of local's; "
            f"{starts_s[executor]:.1f} s for {_LEAST * args.workers} frames with the start"
        )
    record("executors", {"frames_per_s": speeds, "start_s": starts_s}, renderer=renderer)


if __name__ == "__main__":
    main()
