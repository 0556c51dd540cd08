"""Files of object stores, by URL: as much of `pathlib.Path` as datasets need.

A store keeps whole objects under names; it has no folders, no links and no renaming. What is
asked for here is asked for by its exact name; `StorePath.found` alone lists, and nobody takes a
list for the truth.

`universal_pathlib` gives paths of this kind as well. Its errors are those of each store's library,
it reads without a bound, and it keeps no second place for some of the files.
"""

from __future__ import annotations

import contextlib
import errno
import importlib
import io
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Any, TypeVar, final

from render.errors import DatasetError

__all__ = ["Folder", "StorePath", "folder_of", "is_address", "several"]

T = TypeVar("T")
R = TypeVar("R")

AT_ONCE = 16
"""Requests that are under way at the same time."""

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:/")  # also as `Path` writes it
_CHAIN = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*::.*://")  # of fsspec, one URL within another
_EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs"}
_AT_ONCE_READ = 1 << 26


@final
@dataclass(frozen=True)
class StorePath:
    """A file of a store, or what the names of several begin with; used as a `Path` is.

    Nothing is asked of the store before it is read or written.

    Attributes:
        url: Without a slash at its end.
        near: Where some of the files lie on this machine as well, and are read from.

    Raises:
        OSError: From all methods: what the store's library raised, as `Path` would; for want of
            rights PermissionError.
        DatasetError: Likewise: there is no library for such a URL.

    """

    url: str
    near: Path | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return self.url

    def __truediv__(self, name: str) -> StorePath:
        return StorePath(f"{self.url}/{name}", self.near and self.near / name)

    @property
    def name(self) -> str:
        """Behind the last slash."""
        return self.url.rpartition("/")[2]

    @property
    def suffix(self) -> str:
        """As that of a `Path`."""
        return Path(self.name).suffix

    @property
    def parent(self) -> StorePath:
        """The folder that it would be in."""
        return StorePath(self.url.rpartition("/")[0], self.near and self.near.parent)

    @property
    def local(self) -> Path | None:
        """The same file on this machine, where there is one."""
        return self.near if self.near is not None and self.near.is_file() else None

    def absolute(self) -> StorePath:
        """Itself."""
        return self

    def is_file(self) -> bool:
        """Whether there is an object of this name."""
        if self.local is not None:
            return True
        system, path = self._system()
        try:
            with self._told():
                return bool(system.info(path)["type"] == "file")
        except FileNotFoundError:
            return False

    exists = is_file

    def is_dir(self) -> bool:
        """Anything may be the beginning of a name."""
        return True

    def read(self, *, most: int) -> bytes:
        """Its first bytes, at most one more than `most`."""
        system, path = self._system()
        with self._told():
            try:
                return bytes(system.cat_file(path, start=0, end=most + 1))
            except FileNotFoundError:
                raise
            except Exception:
                # S3 has no range of an empty object.
                if system.info(path)["size"]:
                    raise
                return b""

    def open(self) -> io.BufferedIOBase:
        """Opens it to read bytes; a large one is read in pieces."""
        data = self.read(most=_AT_ONCE_READ)
        if len(data) <= _AT_ONCE_READ:
            return io.BytesIO(data)
        system, path = self._system()
        with self._told():
            return io.BufferedReader(_Pieces(self, system.open(path, "rb")))

    def write(self, data: bytes, *, is_new: bool = False) -> None:
        """Puts an object there.

        Args:
            is_new: Only where there is none: FileExistsError otherwise. Stores that can do that
                (S3, Google's) do it in one step, of several writers one succeeds.

        """
        system, path = self._system()
        with self._told():
            try:
                # A bucket has no parents to be made; where there are folders, they are.
                system.pipe_file(path, data, mode="create" if is_new else "overwrite")
            except Exception:
                # Not every store says so in the same way.
                if is_new and self.is_file():
                    raise FileExistsError from None
                raise

    def put(self, source: Path) -> None:
        """Puts a file of this machine there."""
        system, path = self._system()
        with self._told():
            system.put_file(os.fspath(source), path)

    def get(self, target: Path) -> None:
        """Copies it to this machine."""
        system, path = self._system()
        with self._told():
            system.get_file(path, os.fspath(target))

    def unlink(self) -> None:
        """Deletes it, if it is there."""
        system, path = self._system()
        with contextlib.suppress(FileNotFoundError), self._told():
            system.rm_file(path)

    def names(self) -> list[str]:
        """What the store lists right below it, relative to it."""
        system, path = self._system()
        try:
            with self._told():
                listed = system.ls(path, detail=False)
        except FileNotFoundError:
            return []
        return sorted(one.rstrip("/").rpartition("/")[2] for one in listed)

    def found(self) -> list[str]:
        """Names of the objects below it, relative to it, as the store lists them, sorted."""
        system, path = self._system()
        root = f"{path.rstrip('/')}/"
        with self._told():
            return sorted(one.removeprefix(root) for one in system.find(path) if one != path)

    def modified_s(self) -> float:
        """When it was written, seconds since 1970 by the clock of the store."""
        system, path = self._system()
        with self._told():
            return float(system.modified(path).timestamp())

    def _system(self) -> tuple[Any, str]:
        """The library's object for the store, and what it calls the file."""
        scheme, _, rest = self.url.partition("://")
        system = _system_of(f"{scheme}://{rest.partition('/')[0]}", os.getpid())
        return system, str(system._strip_protocol(self.url))

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """Makes an OSError of whatever the store's library raises."""
        try:
            yield
        except OSError as error:
            if error.filename == self.url:  # told already
                raise
            raise self._as_told(error) from error
        except Exception as error:
            raise self._as_told(error) from error

    def _as_told(self, error: Exception) -> OSError:
        is_nobody = "Credential" in type(error).__name__  # each library has its own
        if is_nobody or isinstance(error, PermissionError):
            return PermissionError(errno.EACCES, f"no rights: {_reason(error)}", self.url)
        number = errno.EREMOTEIO
        if isinstance(error, FileNotFoundError):
            number = errno.ENOENT
        elif isinstance(error, FileExistsError):
            number = errno.EEXIST
        elif isinstance(error, NotImplementedError | TypeError | ValueError):
            number = errno.EINVAL  # what the store cannot do at all is not worth another try
        return OSError(number, _reason(error), self.url)


@final
class _Pieces(io.RawIOBase):
    """A large object; what goes wrong is told as for a small one."""

    def __init__(self, path: StorePath, source: Any) -> None:
        self._path = path
        self._source = source

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return int(self._source.seek(offset, whence))

    def readinto(self, buffer: Any) -> int:
        with self._path._told():
            data = self._source.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._source.close()
        super().close()


Folder = Path | StorePath
"""Where a dataset lies."""


def is_address(text: str) -> bool:
    """Whether a text is a URL and no path, or was meant as one."""
    return _ADDRESS.match(text) is not None


def folder_of(text: str) -> Folder:
    """The folder or the place in a store that a user has named.

    ``file://`` is a folder. Nothing is asked of a store yet.

    Raises:
        ValueError: It is a URL of one slash, or of no place.

    """
    if _CHAIN.match(text):
        raise ValueError("be one URL, such as s3://bucket/name, without ::")
    if not is_address(text):
        return Path(text).expanduser()
    scheme, slashes, rest = text.partition("://")
    if not slashes or not rest.strip("/"):
        raise ValueError("be a URL such as s3://bucket/name")
    if scheme.lower() in ("file", "local"):
        return Path(f"/{rest.lstrip('/')}") if rest[:1] == "/" else _no_host(rest)
    return StorePath(f"{scheme.lower()}://{rest.rstrip('/')}")


def _no_host(rest: str) -> Path:
    raise ValueError(f"be a URL of this machine, such as file:///{rest}")


def several(function: Callable[[T], R], items: Iterable[T], folder: Folder) -> Iterator[R]:
    """As `map`, in order; where what is asked is a store, several at a time."""
    if isinstance(folder, Path):
        yield from map(function, items)
        return
    with ThreadPool(AT_ONCE) as pool:
        yield from pool.imap(function, items)


@cache
def _system_of(root: str, pid: int) -> Any:
    """Fsspec's object for a store; one in each process, and no copy of one across a fork.

    Raises:
        DatasetError: It cannot be imported, with what to install.

    """
    protocol = root.partition("://")[0]
    extra = _EXTRAS.get(protocol, "store")
    try:
        core = importlib.import_module("fsspec.core")
        # What was listed once is not believed later.
        system, _ = core.url_to_fs(root, use_listings_cache=False)
    except ImportError as error:
        raise DatasetError(
            f"{root} needs a package that is not here ({error}): pip install "
            f"'render-theta[{extra}]'{'' if protocol in _EXTRAS else f' and what {protocol} needs'}"
        ) from error
    except Exception as error:  # whatever a class that needs more than a URL raises
        raise DatasetError(
            f"{root} must be a URL of a store that fsspec knows: {_reason(error)}"
        ) from error
    return system


def _reason(error: BaseException) -> str:
    text = " ".join(str(getattr(error, "strerror", None) or error).split())
    return text or type(error).__name__
