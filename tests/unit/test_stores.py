"""Places in stores as datasets use them, on fsspec's store in memory."""

from __future__ import annotations

import errno
import importlib
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from render.errors import DatasetError
from render.system import stores
from render.system.plain_data import open_regular, read_regular
from render.system.stores import StorePath, folder_of, several
from tests.e2e.cli import environment

pytest.importorskip("fsspec", reason="fsspec is not installed (extra `store`)")
pytestmark = pytest.mark.usefixtures("memory")


@pytest.mark.parametrize(
    ("text", "folder"),
    [
        ("data/bolts", Path("data/bolts")),
        ("a::b", Path("a::b")),
        ("file:///data/bolts", Path("/data/bolts")),
        ("local:///data/bolts", Path("/data/bolts")),
        ("S3://bucket/a/", StorePath("s3://bucket/a")),
        ("gs://bucket", StorePath("gs://bucket")),
    ],
)
def test_what_users_name_is_a_folder_or_a_place(text: str, folder: object) -> None:
    assert folder_of(text) == folder


@pytest.mark.parametrize(
    "text", ["s3:/bucket/a", "s3://", "s3:///", "file://host/a", "simplecache::s3://b/a"]
)
def test_a_url_of_no_place_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"be (a|one) URL"):
        folder_of(text)


def test_a_place_is_used_as_a_path_is(memory: Any) -> None:
    place = folder_of("memory://data/bolts") / "images" / "a.jpg"
    assert isinstance(place, StorePath)

    place.write(b"picture")

    assert memory.cat("/data/bolts/images/a.jpg") == b"picture"
    assert (place.name, place.suffix, str(place.parent)) == (
        "a.jpg",
        ".jpg",
        "memory://data/bolts/images",
    )
    assert place.is_file()
    assert not place.parent.is_file()
    assert pickle.loads(pickle.dumps(place)) == place
    assert place.parent.parent.names() == ["images"]
    assert place.parent.parent.found() == ["images/a.jpg"]
    place.unlink()
    place.unlink()
    assert not place.exists()


def test_bytes_are_read_within_a_bound() -> None:
    place = StorePath("memory://data/a")
    place.write(b"12345")

    assert read_regular(place, most=5) == b"12345"
    with pytest.raises(OSError, match="more than 4 bytes") as found:
        read_regular(place, most=4)
    assert found.value.errno == errno.EFBIG
    place.write(b"")
    assert read_regular(place) == b""
    with pytest.raises(FileNotFoundError):
        read_regular(StorePath("memory://data/other"))


def test_a_large_object_is_read_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "_AT_ONCE_READ", 100)
    place, data = StorePath("memory://data/a"), bytes(range(256)) * 5
    place.write(data)

    with open_regular(place) as file:
        assert file.read(7) == data[:7]
        file.seek(300)
        assert file.read() == data[300:]


def test_what_is_near_is_read_there(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "c").write_bytes(b"near")
    place = StorePath("memory://data", tmp_path)
    (place / "b/d").write(b"far")

    assert read_regular(place / "b" / "c") == b"near"
    assert read_regular(place / "b" / "d") == b"far"
    assert (place / "b/c").is_file()


def test_an_object_is_put_once_where_there_is_none() -> None:
    place = StorePath("memory://data/a")

    place.write(b"first", is_new=True)
    with pytest.raises(FileExistsError):
        place.write(b"second", is_new=True)

    assert read_regular(place) == b"first"


def test_what_a_library_raises_becomes_an_oserror(
    memory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class NoCredentialsError(Exception):
        pass

    raised = (
        (PermissionError("Access Denied"), errno.EACCES, "no rights: Access Denied"),
        (NoCredentialsError("who are you?"), errno.EACCES, "no rights: who are you"),
        (FileNotFoundError("no such bucket"), errno.ENOENT, "no such bucket"),
        (NotImplementedError("read only"), errno.EINVAL, "read only"),
        (RuntimeError("gone\naway"), errno.EREMOTEIO, "gone away"),
    )
    for error, number, reason in raised:

        def fail(*_: Any, error: Exception = error, **__: Any) -> None:
            raise error

        monkeypatch.setattr(type(memory), "pipe_file", fail)
        with pytest.raises(OSError, match=reason) as found:
            StorePath("memory://data/a").write(b"x")
        assert (found.value.errno, found.value.filename) == (number, "memory://data/a")


def test_a_url_without_its_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str, *_: Any) -> Any:
        raise ModuleNotFoundError(f"No module named {name!r}")

    monkeypatch.setattr(importlib, "import_module", absent)
    for url, extra in (("s3://b/a", "s3"), ("gs://b/a", "gcs"), ("abfs://b/a", "store")):
        with pytest.raises(DatasetError, match=rf"pip install 'render-theta\[{extra}\]'"):
            StorePath(url).is_file()


def test_an_unknown_url_is_told() -> None:
    for url in ("odd://b", "reference://b", "dir://b"):
        with pytest.raises(DatasetError, match=f"{url} must be a URL of a store that fsspec knows"):
            StorePath(f"{url}/a").is_file()


def test_several_things_are_done_in_order() -> None:
    items = range(100)
    for folder in (Path("here"), StorePath("memory://there")):
        assert list(several(lambda i: i * i, items, folder)) == [i * i for i in items]


def test_nothing_of_it_is_imported_for_a_folder() -> None:
    script = "import render.job.run_job, sys; sys.exit('fsspec' in sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True, env=environment())
