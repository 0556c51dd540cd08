"""The list of frames that runs of a dataset went on without."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from render.dataset.failed import forget_failed, write_failed
from render.dataset.layout import FAILED


def listed(folder: Path) -> list[tuple[int, str]]:
    frames = json.loads((folder / FAILED).read_text())["frames"]
    return [(one["frame"], one["reason"]) for one in frames]


def test_parts_list_their_own_frames_beside_those_of_others(tmp_path: Path) -> None:
    (tmp_path / FAILED).parent.mkdir()
    write_failed(tmp_path, {20: "b", 4: "a"})
    write_failed(tmp_path, {36: "c"})
    assert listed(tmp_path) == [(4, "a"), (20, "b"), (36, "c")]

    forget_failed(tmp_path, range(16, 32))
    assert listed(tmp_path) == [(4, "a"), (36, "c")]
    forget_failed(tmp_path)
    assert not (tmp_path / FAILED).exists()


@pytest.mark.parametrize("text", ["", "[]", '{"frames": 3}', '{"frames": [{"frame": "x"}]}'])
def test_a_torn_list_is_begun_anew(text: str, tmp_path: Path) -> None:
    (tmp_path / FAILED).parent.mkdir()
    (tmp_path / FAILED).write_text(text)
    write_failed(tmp_path, {1: "a"})
    assert listed(tmp_path) == [(1, "a")]
