"""Conversions kept on disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from render.system.disk_cache import converted


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return []


def _work(calls: list[str], result: bytes) -> bytes:
    calls.append("work")
    return result


def test_equal_keys_are_converted_once(calls: list[str]) -> None:
    for _ in range(3):
        assert converted("a", lambda: _work(calls, b"glb of a")) == b"glb of a"
    assert converted("b", lambda: _work(calls, b"glb of b")) == b"glb of b"

    assert calls == ["work", "work"]


@pytest.mark.parametrize("damage", [b"", b"torn", None])
def test_torn_entry_is_made_again(calls: list[str], tmp_path: Path, damage: bytes | None) -> None:
    converted("a", lambda: _work(calls, b"glb of a"))
    (entry,) = (tmp_path / "render").iterdir()
    entry.write_bytes(entry.read_bytes()[:-1] if damage is None else damage)

    assert converted("a", lambda: _work(calls, b"glb of a")) == b"glb of a"
    assert len(calls) == 2


def test_folder_that_cannot_be_written_does_not_matter(
    calls: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))

    assert converted("a", lambda: _work(calls, b"glb of a")) == b"glb of a"
