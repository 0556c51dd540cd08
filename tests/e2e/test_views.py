"""Scenes of several views in worker processes and in parts that cut through a scene."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.cli import render
from tests.e2e.test_parts import files_of

# A shard has 16 frames, and a scene three: the sixth scene is in both.
LOOK = (
    "engine=cpu", "objects=surface", "objects.count=2", "viewpoint.views=3", "n_frames=18",
    "val_fraction=0.5", "lighting=sun", "background=floor", "output_dir=data",
)  # fmt: skip


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The files of a run of one worker."""
    folder = tmp_path_factory.mktemp("plain")
    render(*LOOK, "workers=1", cwd=folder)
    return files_of(folder / "data")


def test_two_workers_share_scenes_and_give_the_same_bytes(
    plain: dict[str, str], tmp_path: Path
) -> None:
    render(*LOOK, "workers=2", cwd=tmp_path)
    assert files_of(tmp_path / "data") == plain


def test_parts_cut_through_a_scene_and_give_the_same_bytes(
    plain: dict[str, str], tmp_path: Path
) -> None:
    render(*LOOK, "frames=[16,18]", cwd=tmp_path)
    render(*LOOK, "frames=[0,16]", cwd=tmp_path)
    assert files_of(tmp_path / "data") == plain
