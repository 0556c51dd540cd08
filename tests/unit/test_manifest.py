"""Files that are whole or absent, and the shards that are finished."""

from __future__ import annotations

import errno
import hashlib
import os
import resource
from pathlib import Path

import pytest

from render.dataset.manifest import Manifest
from render.dataset.sharding import SHARD_FRAMES
from render.errors import DatasetError
from render.system.files import refusal_of, remove_temporaries, sha256_of_file, write_whole


def test_write_whole_returns_the_hash_and_leaves_no_temporary(tmp_path: Path) -> None:
    digest = write_whole(tmp_path / "a", b"content")

    assert digest == hashlib.sha256(b"content").hexdigest() == sha256_of_file(tmp_path / "a")
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_write_whole_says_where_it_could_not_write(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="nowhere"):
        write_whole(tmp_path / "nowhere" / "a", b"")


def test_a_disk_that_refuses_is_told_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        with pytest.raises(DatasetError) as told:
            write_whole(tmp_path / "a", bytes(101))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert "a cannot be written: File too large: raise the limit (ulimit -f)" in str(told.value)
    assert "the same command with this output_dir then continues" in str(told.value)
    # What was there is whole, and nothing half-written takes up space.
    assert [p.read_bytes() for p in tmp_path.iterdir()] == [b"old"]


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.ENOSPC, "No space left on device: free some space"),
        (errno.EDQUOT, "Disk quota exceeded: free some space, or ask for a larger quota"),
        (errno.EROFS, "Read-only file system: mount the file system for writing"),
        (errno.EMFILE, "Too many open files: raise the limit (ulimit -n)"),
    ],
)
def test_what_a_machine_lacks_is_told_with_what_to_do(number: int, remedy: str) -> None:
    told = refusal_of(OSError(number, os.strerror(number)))

    assert told is not None
    assert told.startswith(remedy)
    assert told.endswith("the same command with this output_dir then continues")
    assert refusal_of(OSError(errno.ENOENT, os.strerror(errno.ENOENT))) is None


def test_leftovers_of_a_killed_run_are_removed(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / f".00000001.jpg.{os.getpid()}.part").write_bytes(b"half")
    (tmp_path / "images" / "00000000.jpg").write_bytes(b"whole")

    remove_temporaries(tmp_path)

    assert [p.name for p in (tmp_path / "images").iterdir()] == ["00000000.jpg"]


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    manifest = Manifest(tmp_path)
    manifest.write_identity({"config": {"seed": 0}})
    files = {f"{i}.jpg": write_whole(tmp_path / f"{i}.jpg", b"%d" % i) for i in range(3)}
    manifest.write_entry(0, frames=3, files=files)
    return manifest


def test_a_shard_is_whole_as_long_as_its_files_are(manifest: Manifest) -> None:
    assert manifest.is_whole(0, frames=3)
    assert not manifest.is_whole(0, frames=SHARD_FRAMES)
    assert not manifest.is_whole(1, frames=3)
    assert manifest.n_frames() == 3


def test_a_changed_file_makes_its_shard_torn(manifest: Manifest) -> None:
    (manifest.folder / "1.jpg").write_bytes(b"changed")

    assert not manifest.is_whole(0, frames=3)


def test_a_missing_file_makes_its_shard_torn(manifest: Manifest) -> None:
    (manifest.folder / "2.jpg").unlink()

    assert not manifest.is_whole(0, frames=3)


@pytest.mark.parametrize(
    "text",
    ['{"frames": 3, "fi', "{}", '{"frames": 3}', '{"files": {}}', '{"frames": "3", "files": {}}',
     '{"frames": 3, "files": {}}', '{"frames": 3, "files": [1]}', "[]", "3"],
)  # fmt: skip
def test_a_torn_entry_is_as_good_as_none(text: str, manifest: Manifest) -> None:
    (manifest.folder / ".manifest" / "shard-00000.json").write_text(text)

    assert not manifest.is_whole(0, frames=3)
    assert manifest.n_frames() == 0


def test_shards_finished_out_of_order_count_to_their_end(manifest: Manifest) -> None:
    manifest.write_entry(2, frames=5, files={"records/frames-000002.parquet": "hash"})

    assert manifest.n_frames() == 2 * SHARD_FRAMES + 5


def test_another_renderer_is_refused(manifest: Manifest) -> None:
    gl = {"platform": "egl", "vendor": "v", "renderer": "A", "version": "1", "is_gpu": False}
    manifest.check_gl(gl | {"device": "egl:0"})
    manifest.check_gl(gl | {"device": "egl:1"})  # another device of the same kind is fine

    with pytest.raises(DatasetError, match="begun on A"):
        manifest.check_gl(gl | {"renderer": "B"})
