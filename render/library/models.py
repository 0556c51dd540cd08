"""Every model file under a folder: found, named, loaded on demand."""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import final

from render.errors import AssetError, ConfigError
from render.geometry.states import States
from render.library.build_model import BuiltModel, build_model
from render.library.categories import CategoryShapes
from render.library.files import check_name, find_files, some_of
from render.library.foreign import foreign_models
from render.library.near_duplicates import AreaMoments
from render.library.readers import SUFFIXES, read_raw
from render.library.readers.raw import RawModel
from render.library.side_files import Remarks, read_remarks
from render.library.unit_suspicion import FileSize, is_doubtful, unit_suspicion
from render.sampling.patterns import match_names, near_names
from render.scene import Model
from render.system.cache import Cache
from render.system.disk_cache import cached, source_digest

__all__ = ["ModelLibrary"]

_MIB = 2**20
_THREADS, _BATCH = 4, 16
# Models of files of that size go to the disk cache.
_LARGE_BYTES = 32 * _MIB


@dataclass(frozen=True, eq=False, kw_only=True)
class _Read:
    """A model as its files had it when they were read.

    Attributes:
        companions: Files that the model's file names (materials, images, buffers), relative to
            its folder, with their SHA-256.
        is_whole: Whether all of those could be read.

    """

    built: BuiltModel
    companions: tuple[tuple[str, str], ...]
    is_whole: bool

    def is_valid(self, folder: Path) -> bool:
        """Whether the companion files in its folder are what they were.

        False where one was missing: it may be there by now.
        """
        return self.is_whole and all(
            _file_sha256(folder / other) == sha256 for other, sha256 in self.companions
        )


@final
class ModelLibrary:
    """The model files of one folder.

    A model's name is its path relative to the folder, with ``/`` and its suffix, so files
    of one stem stay apart. Its category is what a side file or models.yaml says, else
    the first folder of its path, else its stem. Hidden files and folders are passed over,
    links are followed.
    """

    def __init__(
        self,
        folder: Path,
        *,
        include: Sequence[str] = ("*",),
        skip_bad: bool = False,
        prefix: str = "",
        memory_mb: int = 1024,
    ) -> None:
        """Finds files and reads what is said about them; loads none.

        Args:
            folder: Searched with all folders in it.
            include: Names, stems, categories or globs; each must match a model.
            skip_bad: Whether `check_all` leaves out models that cannot be used.
            prefix: What `Model.name` begins with, so that models of several folders stay
                apart; no part of the names that this library is asked for.
            memory_mb: Bound of the models in memory with their memoised results, MiB.

        Raises:
            ConfigError: No such folder, or a pattern that matches nothing.
            AssetError: models.yaml breaks its rules.

        """
        if not os.path.isdir(folder):  # False, too, where one may not look
            raise ConfigError(f"assets.models_dir must be a folder, got {folder}")
        self.folder = folder
        self._skip_bad = skip_bad
        self._prefix = prefix
        found = sorted(find_files(folder, SUFFIXES))
        self._remarks, self._unread = read_remarks(folder, found)
        self._names = self._select(found, include)
        self._skipped: tuple[AssetError, ...] = ()
        self._remarked: tuple[str, ...] = ()
        self._sha256: dict[str, str] = {}
        self._cache: Cache[str, BuiltModel] = Cache(memory_mb * _MIB, lambda built: built.n_bytes)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the models that are used, sorted."""
        return self._names

    @property
    def categories(self) -> tuple[str, ...]:
        """Categories of the models that are used, sorted."""
        return tuple(sorted({self.category(name) for name in self._names}))

    @property
    def files_of(self) -> dict[str, tuple[str, ...]]:
        """Names of the models of each category, all sorted."""
        return _grouped((self.category(name), name) for name in self._names)

    @property
    def named_by_folder(self) -> dict[str, tuple[str, ...]]:
        """As `files_of`, of the models whose category is that of their folder."""
        in_folders = (n for n in self._names if "/" in n and self._remarks[n].category is None)
        return _grouped((self.category(name), name) for name in in_folders)

    @property
    def passed_over(self) -> tuple[str, ...]:
        """A sentence on the files of each kind that looks like a model and cannot be read."""
        return tuple(foreign_models(self.folder))

    @property
    def skipped(self) -> tuple[AssetError, ...]:
        """Why `check_all` left models out."""
        return self._skipped

    @property
    def remarks(self) -> tuple[str, ...]:
        """What `check_all` noticed that may show in pictures: a line each, with the name."""
        return self._remarked

    def category(self, name: str) -> str:
        """Category of a model."""
        path = PurePosixPath(name)
        folder = path.parts[0] if len(path.parts) > 1 else path.stem
        return self._remarks[name].category or folder

    def keypoint_names(self, name: str) -> tuple[str, ...]:
        """Names of the keypoints that a model's side file declares, in its order."""
        return tuple(key for key, _ in self._remarks[name].keypoints or ())

    def states(self, name: str) -> States | None:
        """The states that a model's side file declares."""
        declared = self._remarks[name].states
        return None if declared is None else States.of(dict(declared))

    def load(self, name: str) -> Model:
        """The model; loaded once, and again after others have taken its place in memory.

        Raises:
            AssetError: It cannot be used.

        """
        return self.inspect(name).model

    def inspect(self, name: str) -> BuiltModel:
        """The model with what was noticed about it; as `load`."""
        built = self._cache.get(name)
        if built is None:
            built = self._build(name)
            self._store(name, built)
        return built

    def sha256(self, name: str) -> str:
        """SHA-256 (hex) of the file's bytes; where companion files or remarks take part, of all
        of them.
        """
        if name not in self._sha256:
            self.load(name)
        return self._sha256[name]

    def check_all(self) -> None:
        """Loads every model once.

        With `skip_bad`, those that cannot be used leave `names` and come into `skipped`.

        Raises:
            AssetError: Models cannot be used (the message names all of them), or none is left.

        """
        bad: dict[str, AssetError] = {}
        remarks: list[tuple[str, str]] = []
        sizes: list[FileSize] = []
        shapes, by_folder = CategoryShapes(), self.named_by_folder
        # Readers silence warnings of libraries one by one, which threads would mix up.
        with warnings.catch_warnings():
            for name, built in self._build_each():
                if isinstance(built, AssetError):
                    bad[name] = built
                    continue
                self._store(name, built)
                remarks += [(name, warning) for warning in built.notable]
                sizes.append(FileSize.of(name, built))
                if len(by_folder.get(built.model.category, ())) > 1:
                    shapes.add(built.model.category, AreaMoments.of(built.model))
        if bad and (not self._skip_bad or len(bad) == len(self._names)):
            raise self._refusal(list(bad.values()))
        self._names = tuple(name for name in self._names if name not in bad)
        self._skipped += tuple(bad.values())
        for size in sizes:
            if is_doubtful(size, sizes):
                doubts = unit_suspicion(self.inspect(size.name), size, sizes)
                remarks += [(size.name, warning) for warning in doubts]
        told = [f"{name}: {w}" for name, w in sorted(remarks, key=lambda r: r[0])]
        self._remarked = (*told, *shapes.remarks(by_folder).values())

    def _select(self, found: Sequence[str], include: Sequence[str]) -> tuple[str, ...]:
        chosen: set[str] = set()
        for pattern in include:
            matches = match_names(pattern, found, self.category)
            if not matches:
                near = " or ".join(near_names(pattern, found))
                there = "; ".join((_there(found), *self.passed_over))
                raise ConfigError(
                    f"models must match at least one file under {self.folder}, got {pattern!r}; "
                    f"{f'did you mean {near}?' if near else there}"
                )
            chosen.update(matches)
        return tuple(sorted(chosen))

    def _store(self, name: str, built: BuiltModel) -> None:
        self._cache.put(name, built)
        self._sha256[name] = built.model.sha256

    def _build_each(self) -> Iterator[tuple[str, BuiltModel | AssetError]]:
        """Every model, in the order of names; some at a time, because STEP is slow to convert."""

        def build(name: str) -> BuiltModel | AssetError:
            try:
                return self._build(name)
            except AssetError as error:
                return error

        with ThreadPoolExecutor(_THREADS) as pool:
            for first in range(0, len(self._names), _BATCH):
                batch = self._names[first : first + _BATCH]
                known = {name: self._cache.get(name) for name in batch}
                new = [name for name in batch if known[name] is None]
                made = dict(zip(new, pool.map(build, new)))
                yield from ((name, known[name] or made[name]) for name in batch)

    def _build(self, name: str) -> BuiltModel:
        path, remarks = self.folder / name, self._remarks[name]
        check_name(self.folder, name)
        if name in self._unread:
            raise self._unread[name]
        try:
            if path.stat().st_size < _LARGE_BYTES:
                return self._read(name, path, remarks).built
            whole = f"{_file_sha256(path)} {remarks.text()}"
            key = f"model {self._prefix}{name} {self.category(name)} {whole}"
            return cached(
                f"{key} {source_digest()}",
                lambda: self._read(name, path, remarks),
                is_valid=lambda found: found.is_valid(path.parent),
            ).built
        except OSError as error:
            raise AssetError(path, error.strerror or str(error)) from error

    def _read(self, name: str, path: Path, remarks: Remarks) -> _Read:
        raw = read_raw(path, self.folder)
        built = build_model(
            raw,
            path=path,
            name=self._prefix + name,
            category=self._prefix + self.category(name),
            sha256=_sha256(path, raw, remarks),
            remarks=remarks,
        )
        companions = tuple(
            (os.path.relpath(x, path.parent), _file_sha256(x)) for x in raw.companions
        )
        return _Read(built=built, companions=companions, is_whole=raw.is_whole)

    def _refusal(self, errors: Sequence[AssetError]) -> AssetError:
        hint = "assets.skip_bad=true leaves it out"
        if len(errors) == 1:
            return AssetError(errors[0].path, f"{errors[0].reason} ({hint})")
        reasons = "; ".join(f"{e.path.relative_to(self.folder)}: {e.reason}" for e in errors)
        if len(errors) == len(self._names):
            return AssetError(self.folder, f"none of its models can be used: {reasons}")
        hint = "assets.skip_bad=true leaves them out"
        return AssetError(self.folder, f"{len(errors)} models cannot be used ({hint}): {reasons}")


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    groups: dict[str, tuple[str, ...]] = {}
    for key, name in sorted(pairs):
        groups[key] = (*groups.get(key, ()), name)
    return groups


def _there(names: Sequence[str], at_most: int = 8) -> str:
    if not names:
        return f"there is no model file ({' '.join(sorted(SUFFIXES))})"
    return f"there are {some_of(names, at_most)}"


def _sha256(path: Path, raw: RawModel, remarks: Remarks) -> str:
    own = _file_sha256(path)
    if not raw.companions and remarks == Remarks():
        return own
    whole = hashlib.sha256(bytes.fromhex(own))
    for companion in raw.companions:
        whole.update(bytes.fromhex(_file_sha256(companion)))
    whole.update(remarks.text().encode())
    return whole.hexdigest()


def _file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
