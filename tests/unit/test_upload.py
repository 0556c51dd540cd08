"""Shards on their way to a store that fails, and who writes there."""

from __future__ import annotations

import errno
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from render.dataset import store_writers, upload
from render.dataset.layout import entry_path, records_path
from render.dataset.manifest import Manifest
from render.dataset.store_writers import marked, writers_in
from render.dataset.upload import Uploader, tried
from render.errors import DatasetError
from render.system import lock
from render.system.stores import StorePath

pytest.importorskip("fsspec", reason="fsspec is not installed (extra `store`)")
pytestmark = pytest.mark.usefixtures("memory")
PLACE = StorePath("memory://data/bolts")


@pytest.fixture
def spool(tmp_path: Path) -> Manifest:
    """A manifest of nine finished shards, each with a picture and a file of records."""
    manifest = Manifest(tmp_path)
    (tmp_path / ".manifest").mkdir()
    for shard_idx in range(9):
        names = (f"images/train/{shard_idx:08d}.jpg", records_path("frames", shard_idx))
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(name)
        manifest.write_entry(shard_idx, frames=16, files=dict.fromkeys(names, "hash"))
    return manifest


@pytest.fixture
def puts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of what is put, in order; the first three fail."""
    names: list[str] = []
    put = StorePath.put

    def unsteady(path: StorePath, source: Path) -> None:
        names.append(path.url.removeprefix(f"{PLACE}/"))
        if len(names) <= 3:
            raise OSError(errno.EREMOTEIO, "gone away", path.url)
        put(path, source)

    monkeypatch.setattr(StorePath, "put", unsteady)
    return names


def test_shards_are_brought_through_failures_and_entries_come_last(
    spool: Manifest, puts: list[str]
) -> None:
    with Uploader(spool, PLACE, waits_s=(0.0,) * 4) as uploader:
        for shard_idx in range(9):
            uploader.add(shard_idx)

    expected = [name for i in range(9) for name in (*spool.files_of(i), entry_path(i))]
    assert sorted(PLACE.found()) == sorted(expected)
    for shard_idx in range(9):
        last = {name: len(puts) - puts[::-1].index(name) for name in expected}
        assert all(last[name] < last[entry_path(shard_idx)] for name in spool.files_of(shard_idx))
        image, records = sorted(spool.files_of(shard_idx))
        assert not (spool.disk / image).exists()
        assert (spool.disk / records).exists()


@pytest.mark.parametrize("number", [errno.EREMOTEIO, errno.EACCES])
def test_a_store_that_stays_away_ends_the_run_and_leaves_the_spool(
    spool: Manifest, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    tries: list[str] = []

    def fail(path: StorePath, _: Path) -> None:
        tries.append(path.url)
        raise OSError(number, "gone away", path.url)

    monkeypatch.setattr(StorePath, "put", fail)

    def add_all() -> None:
        with Uploader(spool, PLACE, waits_s=(0.0, 0.0)) as uploader:
            for shard_idx in range(9):
                uploader.add(shard_idx)

    with pytest.raises(DatasetError, match="cannot be written: gone away; the same command"):
        add_all()

    most = max(tries.count(url) for url in tries)
    assert most == (3 if number == errno.EREMOTEIO else 1)
    assert PLACE.found() == []
    assert spool.is_whole(0, frames=16) is False  # its hashes are made up; its files are there
    assert all((spool.disk / name).exists() for i in range(9) for name in spool.files_of(i))


def test_no_more_than_a_few_shards_wait(spool: Manifest, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Event()
    monkeypatch.setattr(StorePath, "put", lambda *_: gate.wait())
    taken: list[int] = []

    def add_all() -> None:
        with Uploader(spool, PLACE) as uploader:
            for shard_idx in range(9):
                uploader.add(shard_idx)
                taken.append(shard_idx)

    adding = threading.Thread(target=add_all)
    adding.start()
    most = upload._MOST_WAITING + upload._SHARDS_AT_ONCE
    while len(taken) < most:
        time.sleep(0.01)
    time.sleep(0.5)

    assert len(taken) == most
    gate.set()
    adding.join()
    assert taken == list(range(9))


def test_waiting_ends_at_once_when_the_run_does(spool: Manifest) -> None:
    stop = threading.Event()
    threading.Timer(0.1, stop.set).start()

    def fail() -> None:
        raise OSError(errno.EREMOTEIO, "gone away")

    with pytest.raises(DatasetError, match="gone away"):
        tried(fail, PLACE, waits_s=(3600.0,), stop=stop)


def test_one_writer_at_a_time_for_the_same_shards() -> None:
    with marked(PLACE, range(0, 4), "here"):
        for units in (None, range(0, 2), range(3, 5)):
            with (
                pytest.raises(
                    DatasetError, match=f"process {os.getpid()} on .* writes shards 0 to 3"
                ),
                marked(PLACE, units, "elsewhere"),
            ):
                pass
        with marked(PLACE, range(4, 8), "elsewhere"):
            assert [one.units for one in writers_in(PLACE)] == [range(0, 4), range(4, 8)]
    assert writers_in(PLACE) == []
    assert PLACE.found() == []


def test_a_writer_that_was_killed_is_not_told_for_ever_and_since_when_stays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    killed = marked(PLACE, None, "here")
    mark = killed.__enter__()
    (told,) = writers_in(PLACE)
    monkeypatch.setattr(store_writers, "_RENEWED_S", 0.02)
    monkeypatch.setattr(lock, "datetime", None)  # the time is not asked for again
    renewing = threading.Thread(target=mark.renew)
    renewing.start()
    time.sleep(0.2)
    mark._ended.set()
    renewing.join()
    assert writers_in(PLACE)[0].signed == told.signed | {
        "modified_s": writers_in(PLACE)[0].signed["modified_s"]
    }

    later_s = time.time() + 301.0
    monkeypatch.setattr(store_writers.time, "time", lambda: later_s)
    assert writers_in(PLACE) == []


def test_who_was_killed_is_followed_by_itself_at_once_and_by_others_later(
    memory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed = marked(PLACE, None, "here")
    killed.__enter__()

    with marked(PLACE, None, "here"):
        pass
    killed = marked(PLACE, None, "here")
    mark = killed.__enter__()
    with pytest.raises(DatasetError, match="counts as gone in"), marked(PLACE, None, "elsewhere"):
        pass
    monkeypatch.setattr(store_writers, "_GONE_S", -1.0)
    with marked(PLACE, None, "elsewhere"):
        monkeypatch.setattr(store_writers, "_RENEWED_S", 0.0)
        mark._ended.set()  # its thread waits for half a minute
        mark._ended.clear()
        mark.renew()
        with pytest.raises(DatasetError, match="is written by somebody else by now"):
            mark.check()
        mark.leave()
        assert len(PLACE.found()) == 1
