"""Resident memory of one worker in a default run of two.

    python -m benchmarks.resident [--frames 200] [--engine auto]

The median over the second half of the run, of the worker that takes more; pages that processes
share count for each.
"""

from __future__ import annotations

import argparse

import numpy as np

from benchmarks.engines import add_engine_argument
from benchmarks.memory import children_of, rss_mib, watched
from benchmarks.record import record


def worker_rss_mib(pid: int) -> float:
    """Of the worker that takes most; what workers are forked from is among the run's children."""
    workers = [worker for child in children_of(pid) for worker in children_of(child)]
    return max(map(rss_mib, workers), default=0.0)


def main() -> None:
    """Prints the figure and records it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_engine_argument(parser)
    parser.add_argument("--frames", type=int, default=200)
    args = parser.parse_args()
    samples, renderer = watched(
        args.frames, f"engine={args.engine}", "workers=2", memory_mib=worker_rss_mib, every_s=0.2
    )
    # At the end the workers go, one after the other.
    share, mib = samples.T
    worker_mib = float(np.median(mib[(share >= 0.5) & (share < 1.0)]))
    print(f"{renderer}: {worker_mib:.0f} MiB of a worker")
    record("resident", {"frames": args.frames, "worker_mib": worker_mib}, renderer=renderer)


if __name__ == "__main__":
    main()
