"""The right to write to a folder: one process has it, others are told who."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from render.dataset.folder import held
from render.errors import DatasetError
from render.system.lock import LOCK, WriteLock, holders

HOLD = """
import sys
from render.system.lock import WriteLock
with WriteLock(sys.argv[1], UNITS):
    print("held", flush=True)
    sys.stdin.read()
"""


def holder(folder: Path, units: str = "units=None") -> subprocess.Popen[str]:
    """A process that has the folder, until its standard input is closed."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD.replace("UNITS", units), str(folder)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_second_process_is_told_who_holds_the_folder_and_a_killed_one_frees_it(
    tmp_path: Path,
) -> None:
    with holder(tmp_path) as process:
        with pytest.raises(DatasetError) as told, WriteLock(tmp_path):
            pass
        process.kill()
        process.wait()

        message = str(told.value)
        assert f"{tmp_path} must be written by one process at a time" in message
        assert f"process {process.pid} on {os.uname().nodename} (since 20" in message
        assert f"{sys.executable} -c " in message
        assert names(tmp_path) == [LOCK]  # it had no time to
        with WriteLock(tmp_path):
            assert json.loads((tmp_path / LOCK).read_text())["pid"] == os.getpid()
        assert names(tmp_path) == []


def test_another_process_waits_as_long_as_it_is_told(tmp_path: Path) -> None:
    with holder(tmp_path) as process:
        assert process.stdin is not None
        process.stdin.close()
        with WriteLock(tmp_path, wait_s=60):
            assert names(tmp_path) == [LOCK]


def test_the_same_process_does_not_get_it_twice(tmp_path: Path) -> None:
    with WriteLock(tmp_path), pytest.raises(DatasetError, match=f"process {os.getpid()} on"):
        WriteLock(tmp_path).__enter__()


def test_one_who_opened_a_lock_that_is_gone_makes_a_new_one(tmp_path: Path) -> None:
    """The holder deletes the file before it lets go: two must not hold one file each."""
    first = WriteLock(tmp_path).__enter__()
    old = os.open(tmp_path / LOCK, os.O_RDWR)
    first.__exit__()
    try:
        with WriteLock(tmp_path):
            assert os.fstat(old).st_ino != (tmp_path / LOCK).stat().st_ino
            assert os.fstat(old).st_nlink == 0
    finally:
        os.close(old)


def test_folders_that_stay_empty_are_not_left(tmp_path: Path) -> None:
    with WriteLock(tmp_path / "a" / "b"):
        assert names(tmp_path / "a" / "b") == [LOCK]
    assert names(tmp_path) == []

    with WriteLock(tmp_path / "a" / "b"):
        (tmp_path / "a" / "b" / "file").touch()
    assert names(tmp_path / "a" / "b") == ["file"]


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_told_and_used(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "fcntl", refuse)
    with WriteLock(tmp_path):
        pass
    assert f"the file system of {tmp_path} keeps no locks ({os.strerror(number)})" in caplog.text


def test_a_folder_that_cannot_be_used_is_called_by_its_field(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DatasetError, match="DIR must be a folder, got the file"):
        held(tmp_path / "file", "DIR").__enter__()

    rule = "output_dir must be a folder that can be read and written, got .*Not a directory"
    with pytest.raises(DatasetError, match=rule):
        held(tmp_path / "file" / "data").__enter__()


def test_units_have_one_writer_each_and_all_of_them_are_a_place(tmp_path: Path) -> None:
    with WriteLock(tmp_path, units=range(4)) as first, WriteLock(tmp_path, units=range(4, 9)):
        for units, told in (
            (range(3, 5), "shards 3 to 4 of .* writes shards [04] to [38] there"),
            (range(8, 9), "shards 8 to 8 of .* writes shards 4 to 8 there"),
            (None, f"{tmp_path} must be written by .* writes shards [04] to [38] there"),
        ):
            with pytest.raises(DatasetError, match=told):
                WriteLock(tmp_path, units=units).__enter__()
        assert [one.units for one in holders(tmp_path)] == [range(4), range(4, 9)]
        assert {one.signed["pid"] for one in holders(tmp_path)} == {os.getpid()}
        (tmp_path / LOCK).read_bytes()  # which would free POSIX locks of this process
        with pytest.raises(DatasetError):
            WriteLock(tmp_path, units=range(1)).__enter__()
        with first.alone():
            assert [one.units for one in holders(tmp_path)] == [range(4), range(4, 9)]
    assert names(tmp_path) == []


def test_the_file_stays_while_others_hold_units_and_the_last_one_gets_all(tmp_path: Path) -> None:
    first = WriteLock(tmp_path, units=range(1)).__enter__()
    second = WriteLock(tmp_path, units=range(1, 2)).__enter__()
    assert not first.widen()
    first.__exit__()
    assert names(tmp_path) == [LOCK]
    assert [one.units for one in holders(tmp_path)] == [range(1, 2)]

    assert second.widen()
    assert [one.units for one in holders(tmp_path)] == [None]
    with pytest.raises(DatasetError, match=f"process {os.getpid()} on .* writes there"):
        WriteLock(tmp_path, units=range(1)).__enter__()
    second.__exit__()
    assert names(tmp_path) == []
    assert holders(tmp_path) == []


def test_parts_of_killed_processes_are_free_and_the_file_goes_with_the_next_one(
    tmp_path: Path,
) -> None:
    with WriteLock(tmp_path, units=range(3, 4)):
        with holder(tmp_path, "units=range(3)") as process:
            assert process.pid in {one.signed["pid"] for one in holders(tmp_path)}
            process.kill()
            process.wait()
        with WriteLock(tmp_path, units=range(3)):
            mine = holders(tmp_path)[0]
            assert (mine.units, mine.signed["pid"]) == (range(3), os.getpid())
    assert names(tmp_path) == []
