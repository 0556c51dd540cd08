"""What is told of a full disk, and of runs of which everything fails."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from render.build import build
from render.dataset.frame_result import FrameFailure
from render.dataset.manifest import Manifest
from render.dataset.room import room_text
from render.errors import RenderError
from render.job.gather import gather
from tests.spaces import composed


@pytest.fixture
def manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Manifest:
    """Of a folder with two files of 8 kB on a disk of which 12,288 bytes are free."""
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(b"x" * 8192)
    (tmp_path / ".manifest").mkdir()
    disk = SimpleNamespace(f_files=1000, f_favail=10, f_bavail=3, f_frsize=4096)
    monkeypatch.setattr(os, "statvfs", lambda path: disk)
    return Manifest(tmp_path)


@pytest.mark.parametrize(
    ("left", "unfinished", "told"),
    [
        (5, [("a",), ("b",)], "and the other 5 frames need about 41 kB, 8.19 kB each"),
        (1, [("a", "b")], "and the last frame needs about 16.4 kB"),
        (0, [], "and all frames are on disk: what is made of them needs more"),
    ],
)
def test_what_the_rest_needs(
    manifest: Manifest, left: int, unfinished: Sequence[Sequence[str]], told: str
) -> None:
    text = room_text(manifest, left=left, unfinished=unfinished)

    assert text == f"12.3 kB are free there, {told}"


def test_before_the_first_frame_nobody_can_tell(manifest: Manifest) -> None:
    assert room_text(manifest, left=7) == (
        "12.3 kB are free there; what the other 7 frames need is known when the first ones are "
        "there"
    )


def test_finished_shards_are_measured_with_their_records_and_entry(manifest: Manifest) -> None:
    manifest.write_entry(0, frames=16, files={"a": "0", "b": "0"})

    # Two files of two blocks and an entry of one: 20,480 bytes of 16 frames.
    assert room_text(manifest, left=16).endswith("need about 20.5 kB, 1.28 kB each")


def test_a_disk_without_inodes(manifest: Manifest, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = SimpleNamespace(f_files=1000, f_favail=0, f_bavail=3, f_frsize=4096)
    monkeypatch.setattr(os, "statvfs", lambda path: disk)

    assert room_text(manifest, left=0).startswith("no further file (inode) is free there, and")


def test_a_run_of_which_everything_fails_ends(tmp_path: Path) -> None:
    plan = build(composed(f"output_dir={tmp_path}", "n_frames=1000", "skip_failed_frames=true"))
    (tmp_path / ".manifest").mkdir()
    results = (FrameFailure(frame_idx=i, reason="raised an error: gone") for i in range(1000))

    with pytest.raises(RenderError) as caught:
        gather(plan, Manifest(tmp_path), range(1000), results, done=0)

    assert str(caught.value) == (
        "32 frames failed one after the other, so that the fault is hardly theirs; the last one, "
        "frame 31, raised an error: gone"
    )
    assert (tmp_path / ".manifest" / "failed.json").exists()
