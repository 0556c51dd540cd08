"""Frames per second of `render.stream` beside those of a run to disk, of the same plan.

    python -m benchmarks.streaming [--frames 64] [--rounds 3] [--workers 1] [--engine auto]

Both take turns in this process, so that whatever else the machine does slows both. The time of a
few frames is taken off that of many, so that starting counts for nothing. More than one worker are
those of torch's loader, and need it: `.venv-torch/bin/python`, which `scripts/test --torch` makes.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import render
from benchmarks.engines import add_engine_argument, drew
from benchmarks.record import record

_WARM = 16  # frames: a shard, and enough for two workers to have started


def disk_s(words: tuple[str, ...], frames: int, folder: Path) -> float:
    """Seconds of a run of that many frames."""
    plan = render.compose(*words, f"n_frames={frames}")
    began_s = time.perf_counter()
    render.write(plan, folder)
    return time.perf_counter() - began_s


def stream_s(words: tuple[str, ...], frames: int, workers: int) -> float:
    """Seconds until a stream has given that many pairs."""
    plan = render.compose(*words)
    began_s = time.perf_counter()
    for _ in itertools.islice(pairs_of(plan, workers), frames):
        pass
    return time.perf_counter() - began_s


def pairs_of(plan: render.Plan, workers: int) -> Iterator[Any]:
    """Pairs of this process alone, or of the workers of a loader."""
    stream = render.stream(plan)
    if workers == 1:
        return iter(stream)
    from torch.utils.data import DataLoader

    return iter(DataLoader(stream, batch_size=None, num_workers=workers))


def one_round(words: tuple[str, ...], frames: int, workers: int) -> tuple[dict[str, float], str]:
    """Frames per second of both, the share that the stream reaches; and what drew."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        to_disk = disk_s(words, frames, folder / "long") - disk_s(words, _WARM, folder / "short")
        renderer = drew(folder / "long")
    streamed = stream_s(words, frames, workers) - stream_s(words, _WARM, workers)
    if min(to_disk, streamed) <= 0:
        raise SystemExit(f"{frames} frames took less time than {_WARM}: the machine is too busy")
    rates = {
        "disk_frames_per_s": (frames - _WARM) / to_disk,
        "stream_frames_per_s": (frames - _WARM) / streamed,
        "share": to_disk / streamed,
    }
    return rates, renderer


def main() -> None:
    """Prints frames per second of both and the share, and records them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_engine_argument(parser)
    parser.add_argument("--frames", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=1)
    args = parser.parse_args()
    if args.frames <= _WARM:
        parser.error(f"--frames must be more than {_WARM}")
    words = (f"engine={args.engine}", f"workers={args.workers}")
    rounds: list[dict[str, float]] = []
    for i in range(args.rounds):
        row, renderer = one_round(words, args.frames, args.workers)
        rounds.append(row)
        print(
            f"round {i + 1}: to disk {row['disk_frames_per_s']:.2f} frames/s, "
            f"stream {row['stream_frames_per_s']:.2f} frames/s, {row['share']:.0%}",
            flush=True,
        )
    share = float(np.median([row["share"] for row in rounds]))
    print(f"median: the stream gives {share:.0%} of the frames of the run to disk")
    record("streaming", {"rounds": rounds, "median_share": share}, renderer=renderer)


if __name__ == "__main__":
    main()
