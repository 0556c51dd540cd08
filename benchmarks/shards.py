"""The share of a run that goes into shards, hashes and the manifest.

    python -m benchmarks.shards [--frames 96] [--engine auto]

A default run in this process, with one worker, once with the default formats and once with tars
for webdataset beside them. Counted is the time in which a shard is finished (records, tars, its
entry, waiting for the disk) and that of all hashes, of the time from the first frame to the last;
by the clock, and of the processor.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import tempfile
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import render.job.run_job as run_job_module
import render.system.files as files_module
from benchmarks.engines import add_engine_argument, drew
from benchmarks.record import one_core, record
from render.dataset.shards import ShardWriter
from tests.spaces import composed

_CASES = {"default": (), "webdataset": ("output.formats=[coco,yolo,webdataset]",)}
_WARM = 16  # frames of a run before: what is imported at use counts for nothing


class Stopwatch:
    """Seconds within some functions; what they call of each other is counted once.

    Attributes:
        wall_s: By the clock.
        cpu_s: Of the process.

    """

    def __init__(self) -> None:
        self.wall_s = self.cpu_s = 0.0
        self._depth = 0

    def wrap(self, owner: Any, name: str) -> None:
        """Counts a function or method of `owner`."""
        inner: Callable[..., Any] = getattr(owner, name)

        @functools.wraps(inner)
        def timed(*args: Any, **kwargs: Any) -> Any:
            self._depth += 1
            wall_s, cpu_s = time.perf_counter(), time.process_time()
            try:
                return inner(*args, **kwargs)
            finally:
                self._depth -= 1
                if not self._depth:
                    self.wall_s += time.perf_counter() - wall_s
                    self.cpu_s += time.process_time() - cpu_s

        setattr(owner, name, timed)


class _Sha256:
    """`hashlib.sha256`, whose own methods cannot be wrapped."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self.hexdigest = self._digest.hexdigest

    def update(self, data: bytes) -> None:
        self._digest.update(data)


def main() -> None:
    """Prints the share of each case and records them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_engine_argument(parser)
    parser.add_argument("--frames", type=int, default=96)
    args = parser.parse_args()
    one_core()
    shards, whole = Stopwatch(), Stopwatch()
    vars(files_module)["hashlib"] = types.SimpleNamespace(
        sha256=_Sha256, file_digest=hashlib.file_digest
    )
    shards.wrap(_Sha256, "update")
    shards.wrap(ShardWriter, "_finish")
    whole.wrap(run_job_module, "gather")
    figures, renderer = {}, ""
    for case, words in _CASES.items():
        for frames in (_WARM, args.frames):
            shards.wall_s = shards.cpu_s = whole.wall_s = whole.cpu_s = 0.0
            renderer, n_bytes = run(frames, f"engine={args.engine}", *words)
        figures[case] = found = {
            "wall": shards.wall_s / whole.wall_s, "cpu": shards.cpu_s / whole.cpu_s,
            "ms_per_frame": 1e3 * shards.cpu_s / args.frames,
            "frames_per_s": args.frames / whole.wall_s, "bytes_per_frame": n_bytes / args.frames,
        }  # fmt: skip
        print(f"{case:12}{100 * found['wall']:.1f} % by the clock, {100 * found['cpu']:.1f} % of "
              f"the processor ({found['ms_per_frame']:.2f} ms a frame); "
              f"{found['bytes_per_frame'] / 1e3:.0f} kB a frame")  # fmt: skip
    print(renderer)
    record("shards", figures, renderer=renderer)


def run(frames: int, *words: str) -> tuple[str, int]:
    """A run of so many frames; what drew, and bytes on disk."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "dataset"
        words = (f"output_dir={folder}", f"n_frames={frames}", "workers=1", *words)
        run_job_module.run_job(composed(*words))
        sizes = (path.stat().st_size for path in folder.rglob("*") if path.is_file())
        return drew(folder), sum(sizes)


if __name__ == "__main__":
    main()
