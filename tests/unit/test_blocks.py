"""Entries of the manifest that are put together: nothing is lost or hidden, whatever happens."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from render.dataset import manifest as manifest_module
from render.dataset.blocks import write_block
from render.dataset.manifest import Manifest
from render.dataset.sharding import SHARD_FRAMES
from render.dataset.shards import missing_frames
from tests.conftest import ROOT

BLOCK = 4
TOLD = {"bytes": 7, "draws": 18, "rejections": {"no place": 1, "ähnlich": 1}}


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifest_module, "BLOCK_SHARDS", BLOCK)


def finish(manifest: Manifest, *shards: int, frames: int = SHARD_FRAMES) -> None:
    """Writes a file of each shard and its entry."""
    (manifest.folder / ".manifest").mkdir(exist_ok=True)
    for i in shards:
        name, data = f"{i}.jpg", b"%d" % i
        (manifest.folder / name).write_bytes(data)
        digest = hashlib.sha256(data).hexdigest()
        manifest.write_entry(i, frames=frames, files={name: digest}, told=TOLD)


def names_of(manifest: Manifest) -> list[str]:
    return sorted(path.name for path in (manifest.folder / ".manifest").iterdir())


def missing_of(manifest: Manifest, n_frames: int, *, read: bool) -> list[range]:
    return list(missing_frames(manifest, n_frames, read=read).ranges)


def test_whole_blocks_alone_are_put_together_and_entries_stay_what_they_were(
    tmp_path: Path,
) -> None:
    manifest = Manifest(tmp_path)
    finish(manifest, *range(3), *range(4, 9))
    before = {i: manifest.entry(i) for i in range(12)}

    manifest.fold()

    assert names_of(manifest) == [
        "shard-00000.json", "shard-00001.json", "shard-00002.json", "shard-00008.json",
        "shards-00004.parquet",
    ]  # fmt: skip
    assert {i: manifest.entry(i) for i in range(12)} == before
    assert manifest.n_frames() == 9 * SHARD_FRAMES
    for read in (True, False):
        assert missing_of(manifest, 160, read=read) == [range(48, 64), range(144, 160)]
    finish(manifest, 3)
    manifest.fold()
    blocks = ["shards-00000.parquet", "shards-00004.parquet"]
    assert names_of(manifest) == ["shard-00008.json", *blocks]
    assert manifest.entry(3) == (before[2] or {}) | {"files": manifest.files_of(3)}
    assert missing_of(manifest, 160, read=True) == [range(144, 160)]


def test_a_part_sees_what_of_a_block_is_its_own(tmp_path: Path) -> None:
    manifest = Manifest(tmp_path)
    finish(manifest, *range(4))
    manifest.fold()

    for read in (True, False):
        found = missing_frames(manifest, 160, part=range(32, 96), read=read)
        assert list(found.ranges) == [range(64, 96)]


def test_another_program_can_read_a_block(tmp_path: Path) -> None:
    manifest = Manifest(tmp_path)
    finish(manifest, *range(4))
    manifest.fold()

    rows = pq.read_table(tmp_path / ".manifest" / "shards-00000.parquet").to_pylist()

    assert [row["shard"] for row in rows] == [0, 1, 2, 3]
    assert rows[2]["files"] == [{"path": "2.jpg", "sha256": hashlib.sha256(b"2").digest()}]
    assert {one["reason"]: one["count"] for one in rows[2]["rejections"]} == TOLD["rejections"]
    assert (rows[2]["frames"], rows[2]["bytes"], rows[2]["draws"]) == (16, 7, 18)


def test_a_shard_whose_file_changed_is_missing_and_its_new_entry_counts(tmp_path: Path) -> None:
    manifest = Manifest(tmp_path)
    finish(manifest, *range(8))
    manifest.fold()
    whole = {name: (tmp_path / ".manifest" / name).read_bytes() for name in names_of(manifest)}
    (tmp_path / "5.jpg").write_bytes(b"changed")

    assert missing_of(manifest, 128, read=False) == []
    assert missing_of(manifest, 128, read=True) == [range(80, 96)]
    finish(manifest, 5)
    assert missing_of(manifest, 128, read=True) == []
    manifest.fold()
    assert {n: (tmp_path / ".manifest" / n).read_bytes() for n in names_of(manifest)} == whole


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_torn_block_is_as_good_as_none(share: float, tmp_path: Path) -> None:
    manifest = Manifest(tmp_path)
    finish(manifest, *range(5))
    manifest.fold()
    block = tmp_path / ".manifest" / "shards-00000.parquet"
    whole = block.read_bytes()
    block.write_bytes(whole[: int(share * len(whole))])

    for read in (True, False):
        assert missing_of(manifest, 80, read=read) == [range(64)]
    finish(manifest, *range(4))
    manifest.fold()
    assert block.read_bytes() == whole
    assert names_of(manifest) == ["shard-00004.json", "shards-00000.parquet"]


def test_a_block_of_other_shards_is_torn(tmp_path: Path) -> None:
    manifest = Manifest(tmp_path)
    finish(manifest, *range(8))
    entries = {i: manifest.entry(i) or {} for i in range(8)}
    manifest.fold()

    write_block(
        tmp_path / ".manifest" / "shards-00000.parquet", {i: entries[i] for i in range(4, 8)}
    )

    assert missing_of(manifest, 128, read=True) == [range(64)]


def test_entries_that_nobody_wrote_are_left_alone(tmp_path: Path) -> None:
    manifest = Manifest(tmp_path)
    finish(manifest, *range(4))
    path = tmp_path / ".manifest" / "shard-00001.json"
    for change in ({"files": {"a": "zz"}}, {"bytes": "many"}, {"rejections": [1]}):
        path.write_text(json.dumps(manifest.entry(1) | change))  # type: ignore[operator]
        manifest.fold()
        assert len(names_of(manifest)) == 4


def test_new_entries_stay_single_for_a_while(tmp_path: Path) -> None:
    manifest = Manifest(tmp_path)
    finish(manifest, *range(4))
    os.utime(tmp_path / ".manifest" / "shard-00002.json", (2e9, 2e9))

    manifest.fold(before_s=2e9 - 1)
    assert len(names_of(manifest)) == 4
    manifest.fold(before_s=2e9 + 1)
    assert names_of(manifest) == ["shards-00000.parquet"]


# Whatever changes a folder or waits for the disk is a step. Prints how each process ended.
KILLED = """
import os, signal, sys
from pathlib import Path
from render.dataset import manifest
import render.dataset.blocks
manifest.BLOCK_SHARDS = 4

def counted(step):
    def wrapped(*args, **kwargs):
        global left
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1
        return step(*args, **kwargs)
    return wrapped

os.fsync, os.replace = counted(os.fsync), counted(os.replace)
os.unlink, os.open = counted(os.unlink), counted(os.open)
for left, folder in enumerate(sys.argv[1:]):
    pid = os.fork()
    if not pid:
        manifest.Manifest(Path(folder)).fold()
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
"""


def test_a_kill_between_any_two_steps_loses_nothing(tmp_path: Path) -> None:
    manifests = [Manifest(tmp_path / f"{step:02d}") for step in range(20)]
    for manifest in manifests:
        manifest.folder.mkdir()
        finish(manifest, *range(6))
    done = subprocess.run(
        [sys.executable, "-c", KILLED, *(str(manifest.folder) for manifest in manifests)],
        env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True,
    )  # fmt: skip

    n_steps = done.stdout.split().index("0")
    assert done.stdout.split() == [str(-signal.SIGKILL)] * n_steps + ["0"] * (20 - n_steps)
    seen = set()
    for manifest in manifests:
        seen.add(sum(name.startswith("shard-") for name in names_of(manifest)))
        for read in (True, False):
            assert missing_of(manifest, 112, read=read) == [range(96, 112)]
        manifest.fold()
        assert [name for name in names_of(manifest) if name.startswith("shard")] == [
            "shard-00004.json", "shard-00005.json", "shards-00000.parquet",
        ]  # fmt: skip
    # Before the block was there and after, beside all of its entries, fewer, and none.
    assert seen == {6, 5, 4, 3, 2}


def test_a_reader_sees_all_that_is_finished_at_any_moment(tmp_path: Path) -> None:
    manifest = Manifest(tmp_path)
    (tmp_path / ".manifest").mkdir()
    there, wrong = [0], list[tuple[int, list[range]]]()
    n_looks = 0

    def look() -> None:
        nonlocal n_looks
        while there[0] >= 0:
            n_frames = there[0] * SHARD_FRAMES
            for read in (True, False):
                found = missing_frames(Manifest(tmp_path), max(n_frames, 1), read=read)
                if n_frames and found:
                    wrong.append((n_frames, list(found.ranges)))
                n_looks += 1

    reader = threading.Thread(target=look)
    reader.start()
    shuffled = random.Random(1)
    for block in range(40):
        own = list(range(block * BLOCK, (block + 1) * BLOCK))
        shuffled.shuffle(own)
        finish(manifest, *own)
        there[0] = (block + 1) * BLOCK
        manifest.fold()
        time.sleep(0)
    there[0] = -1
    reader.join()

    assert not wrong
    assert n_looks > 40
