"""How long it takes to decide what is missing, of many frames, and how much memory.

    python -m benchmarks.manifest [--frames 100000000] [--shards 10000]

First the manifest of an unfinished dataset of very many frames, written by the code that a run
has, without pictures: nearly all of its blocks are finished, and of every hundredth one half of
the shards. Then one of 10,000 shards whose entries are all single files. Each time a process of
its own decides, by the entries alone; what it says must be what was left out. Then the files of
some shards are read and hashed, as a run that continues does with those of its part.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.command import environment
from benchmarks.record import record
from render.dataset.blocks import write_block
from render.dataset.layout import block_path, entry_path, records_path
from render.dataset.manifest import BLOCK_SHARDS, Manifest
from render.dataset.sharding import SHARD_FRAMES
from render.dataset.shards import missing_frames

_MIB = 2.0**20
_UNFINISHED_EVERY = 100
_READ_SHARDS = 64
# Of a frame of the default run at 640x480: picture, labels, ids.
_LOOSE = (("images/train/{:08d}.jpg", 110_000), ("labels/train/{:08d}.txt", 150),
          ("ids/train/{:08d}.png", 3_000))  # fmt: skip
_TARS = ("webdataset/train/{:06d}.tar", "webdataset/val/{:06d}.tar")


def main() -> None:
    """Prints the figures and records them; with ``--folder`` it is the process that decides."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=10**8)
    parser.add_argument("--shards", type=int, default=10_000)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.folder:
        print(json.dumps(decided(args.folder, args.frames)))
        return
    figures: dict[str, Any] = {}
    for name, frames, write in (
        ("blocks", args.frames, write_blocks), ("single", args.shards * SHARD_FRAMES, write_single),
    ):  # fmt: skip
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / ".manifest").mkdir()
            began_s = time.perf_counter()
            missing = write(Path(folder), frames)
            took_s = time.perf_counter() - began_s
            figures[name] = found = asked(Path(folder), frames) | size_of(Path(folder))
        if found["missing"] != missing:
            raise RuntimeError(f"{missing} frames are missing, and it says {found['missing']}")
        print(f"{frames} frames, {found['files']} files of {found['mib']:.0f} MiB, written in "
              f"{took_s:.0f} s: decided in {found['decide_s']:.2f} s, "
              f"{found['decide_cpu_s']:.2f} s of the processor, {found['process_s']:.2f} s with "
              f"the start of Python, at most {found['peak_mib']:.0f} MiB; {missing} frames are "
              "missing")  # fmt: skip
    figures["read"] = found = read_of_files()
    print(f"hashes of {found['shards']} shards of {found['mib_per_shard']:.2f} MiB, from memory: "
          f"{1e3 * found['s_per_shard']:.1f} ms each")  # fmt: skip
    record("manifest", figures)


def decided(folder: Path, n_frames: int) -> dict[str, float]:
    """What a command decides, and what it takes."""
    began_s, began_cpu_s = time.perf_counter(), time.process_time()
    missing = missing_frames(Manifest(folder), n_frames, read=False)
    return {
        "missing": len(missing),
        "decide_s": time.perf_counter() - began_s,
        "decide_cpu_s": time.process_time() - began_cpu_s,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def asked(folder: Path, n_frames: int) -> dict[str, Any]:
    """`decided` by a new process."""
    command = [
        sys.executable, "-m", "benchmarks.manifest", "--folder", str(folder),
        "--frames", str(n_frames),
    ]  # fmt: skip
    began_s = time.perf_counter()
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=True)
    return {**json.loads(done.stdout), "process_s": time.perf_counter() - began_s}


def write_blocks(folder: Path, n_frames: int) -> int:
    """A manifest of tars alone; returns how many frames are missing."""
    n_blocks = n_frames // (BLOCK_SHARDS * SHARD_FRAMES)
    with ProcessPoolExecutor() as pool:
        done = pool.map(partial(_write_block, folder), range(n_blocks), chunksize=16)
        missing = sum(done)
    return missing + n_frames - n_blocks * BLOCK_SHARDS * SHARD_FRAMES


def _write_block(folder: Path, block_idx: int) -> int:
    shards = range(block_idx * BLOCK_SHARDS, (block_idx + 1) * BLOCK_SHARDS)
    if block_idx % _UNFINISHED_EVERY:
        entries = {i: {"frames": SHARD_FRAMES, "files": dict(_hashes(i))} for i in shards}
        write_block(folder / block_path(shards.start), entries)
        return 0
    for i in shards[::2]:
        entry = {"files": dict(_hashes(i)), "frames": SHARD_FRAMES}
        (folder / entry_path(i)).write_text(json.dumps(entry, indent=1))
    return len(shards) // 2 * SHARD_FRAMES


def _hashes(shard_idx: int) -> Iterator[tuple[str, str]]:
    for name in (records_path("frames", shard_idx), records_path("instances", shard_idx),
                 *(tar.format(shard_idx) for tar in _TARS)):  # fmt: skip
        yield name, os.urandom(32).hex()


def write_single(folder: Path, n_frames: int) -> int:
    """Entries of loose files, none of them in a block; the last one is missing."""
    n_shards = n_frames // SHARD_FRAMES
    for i in range(n_shards - 1):
        frames = range(i * SHARD_FRAMES, (i + 1) * SHARD_FRAMES)
        names = [name.format(frame) for frame in frames for name, _ in _LOOSE]
        files = {name: os.urandom(32).hex() for name in names}
        entry = {"files": files | dict(list(_hashes(i))[:2]), "frames": SHARD_FRAMES}
        (folder / entry_path(i)).write_text(json.dumps(entry, indent=1))
    return SHARD_FRAMES


def size_of(folder: Path) -> dict[str, float]:
    """Files of a manifest and their bytes."""
    with os.scandir(folder / ".manifest") as entries:
        sizes = [entry.stat().st_size for entry in entries]
    return {"files": len(sizes), "mib": sum(sizes) / _MIB}


def read_of_files() -> dict[str, float]:
    """Decides for some shards as a run that continues does, which reads their files."""
    frames = _READ_SHARDS * SHARD_FRAMES
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path in (".manifest", *(str(Path(file).parent) for file, _ in _LOOSE)):
            (folder / path).mkdir(parents=True, exist_ok=True)
        manifest = Manifest(folder)
        for i in range(_READ_SHARDS):
            files = {}
            for frame in range(i * SHARD_FRAMES, (i + 1) * SHARD_FRAMES):
                for file, size in _LOOSE:
                    data = os.urandom(size)
                    (folder / file.format(frame)).write_bytes(data)
                    files[file.format(frame)] = hashlib.sha256(data).hexdigest()
            manifest.write_entry(i, frames=SHARD_FRAMES, files=files)
        began_s = time.perf_counter()
        if missing_frames(manifest, frames):
            raise RuntimeError("a file that was just written is another one now")
        took_s = time.perf_counter() - began_s
    per_shard = SHARD_FRAMES * sum(size for _, size in _LOOSE) / _MIB
    return {
        "shards": _READ_SHARDS, "mib_per_shard": per_shard, "s_per_shard": took_s / _READ_SHARDS,
    }  # fmt: skip


if __name__ == "__main__":
    main()
