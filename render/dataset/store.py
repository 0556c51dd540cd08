"""A dataset in a store, and the folder on this machine through which a run brings it there.

The store has the truth: a shard is there when its entry of the manifest is, which is put last.
The spool is an ordinary dataset folder below the user's cache, of the shards that are on their
way, and of the records, of which the dataset is completed. It may be deleted at any time.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, final

from render.config.run_config import RunConfig
from render.dataset.folder import check_same, held
from render.dataset.frame_ranges import FrameRanges
from render.dataset.layout import (
    CONFIG,
    COVERAGE,
    DESCRIPTION,
    EARLIER,
    ENTRIES,
    FAILED,
    GL,
    IDENTITY,
    MANIFEST_FOLDER,
    PLOT,
    PREVIEW,
    RECORD_FILES,
    TOP_UPS,
    entry_path,
    frames_said,
    records_path,
)
from render.dataset.manifest import Manifest
from render.dataset.store_writers import Mark, marked
from render.dataset.upload import Uploader, tried
from render.errors import DatasetError
from render.system.disk_cache import cache_folder
from render.system.files import sha256_of_file, write_whole
from render.system.lock import LOCK, WriteLock
from render.system.plain_data import read_regular
from render.system.stores import StorePath, several

__all__ = ["Store", "held_store"]

_CLAIM = (IDENTITY, GL, TOP_UPS, CONFIG, DESCRIPTION)


@final
@dataclass(frozen=True)
class Store:
    """A dataset in a store, which this process writes to.

    Attributes:
        place: Where it is.
        spool: The folder on this machine.
        mark: What others see of this writer.
        waiting: Shards that the spool has whole of an earlier run.

    """

    place: StorePath
    spool: Path
    mark: Mark
    waiting: list[int] = field(default_factory=list)

    @property
    def manifest(self) -> Manifest:
        """That in the store."""
        return Manifest(self.place)

    @property
    def near(self) -> StorePath:
        """The dataset, of which what is in the spool is read there."""
        return StorePath(self.place.url, self.spool)

    def claim(self, run: RunConfig, identity: Mapping[str, Any], *, is_part: bool) -> None:
        """Makes the place the dataset of this identity, or finds that it is already; then the
        spool knows of it what the store does.

        Raises:
            DatasetError: It holds another dataset, one of more frames, or something else; of a
                part, a dataset of another number of frames; or it cannot be read or written.

        """
        with self._usable():
            if not self.manifest.is_claimed:
                self._check_empty()
                data = Manifest.text_of(identity)
                with suppress(FileExistsError):  # then it was another process just now
                    (self.place / IDENTITY).write(data, is_new=True)
            check_same(self.place, self.manifest.identity() or {}, identity)
            self._check_length(run, is_part=is_part)
            self._mirror()

    def _check_empty(self) -> None:
        """As it is asked of a folder; what a store lists of others is reason enough to stop."""
        others = [name for name in self.place.names() if name != MANIFEST_FOLDER]
        if others:
            raise DatasetError(
                f"output_dir must be an empty place or hold the dataset to continue; {self.place} "
                f"holds {', '.join(others[:5])}"
            )

    def _check_length(self, run: RunConfig, *, is_part: bool) -> None:
        there = frames_said(self.place)
        if there is None:
            return  # it has just been claimed
        if (is_part and there != run.n_frames) or there > run.n_frames:
            rule = f"{there}, as it is" if is_part else f"at least {there}, as it was"
            raise DatasetError(
                f"n_frames must be {rule} for what is in {self.place} so far, got {run.n_frames}"
            )

    def _mirror(self) -> None:
        """Brings the claim into the spool; what the spool has of another dataset is deleted."""
        texts = dict(zip(_CLAIM, several(self._text, _CLAIM, self.place), strict=True))
        before = self.spool / IDENTITY
        if not before.is_file() or before.read_bytes() != texts[IDENTITY]:
            _empty(self.spool)
        (self.spool / MANIFEST_FOLDER).mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            if text is None:
                (self.spool / name).unlink(missing_ok=True)
            else:
                write_whole(self.spool / name, text)

    def _text(self, name: str) -> bytes | None:
        with suppress(FileNotFoundError):
            return read_regular(self.place / name)
        return None

    def publish(self, gl: Mapping[str, Any]) -> None:
        """Puts what the spool knows of the dataset before its frames: what draws it, its config.

        Where frames are about to come, it is complete no longer.

        Raises:
            DatasetError: It is drawn by another GL; or the store cannot be written to.

        """
        with self._usable():
            if (self.spool / GL).is_file():
                try:
                    (self.place / GL).write((self.spool / GL).read_bytes(), is_new=True)
                except FileExistsError:
                    self.manifest.check_gl(gl)
            for name in (CONFIG, TOP_UPS):
                if (self.spool / name).is_file():
                    (self.place / name).put(self.spool / name)
            if (self.spool / EARLIER).is_file():
                (self.place / EARLIER).put(self.spool / EARLIER)
                for name in (DESCRIPTION, COVERAGE, FAILED):
                    (self.place / name).unlink()

    def to_draw(self, missing: FrameRanges, n_frames: int) -> FrameRanges:
        """Those of the missing frames whose shards the spool does not have either.

        What it has whole of the others is brought by `bringing`.
        """
        spool = Manifest(self.spool)
        sharding = spool.sharding
        self.waiting.extend(
            shard_idx
            for shard_idx in ENTRIES.shards_in(self.spool)
            if (frames := sharding.frames_in(shard_idx, n_frames)).start in missing
            and spool.is_whole(shard_idx, frames=len(frames))
        )
        rest = []
        for one in missing.ranges:
            begin = one.start
            for frames in (sharding.frames_in(i, n_frames) for i in self.waiting):
                if frames.start in one:
                    rest.append(range(begin, frames.start))
                    begin = frames.stop
            rest.append(range(begin, one.stop))
        return FrameRanges([one for one in rest if one])

    @contextmanager
    def bringing(self) -> Iterator[Callable[[int], None]]:
        """Gives what takes the number of each finished shard; at its end all are in the store.

        Raises:
            DatasetError: They cannot be brought there, or another process does it by now.

        """
        with Uploader(Manifest(self.spool), self.place) as uploader:

            def finished(shard_idx: int) -> None:
                self.mark.check()
                uploader.add(shard_idx)

            for shard_idx in self.waiting:
                finished(shard_idx)
            yield finished

    def fetch_records(self, n_frames: int) -> None:
        """Brings those records into the spool that it lacks.

        Raises:
            DatasetError: They are not what the manifest says, or cannot be read.

        """
        (self.spool / MANIFEST_FOLDER).mkdir(parents=True, exist_ok=True)
        for template in RECORD_FILES.values():
            for folder in template.folders():
                (self.spool / folder).mkdir(exist_ok=True)
        spool = Manifest(self.spool)
        sharding = self.manifest.sharding

        def fetch(shard_idx: int) -> None:
            frames = len(sharding.frames_in(shard_idx, n_frames))
            names = [records_path(kind, shard_idx) for kind in RECORD_FILES]
            if spool.frames_of(shard_idx) != frames:
                write_whole(
                    self.spool / entry_path(shard_idx),
                    read_regular(self.place / entry_path(shard_idx)),
                )
            digests = spool.files_of(shard_idx)
            for name in names:
                if sha256_of_file(self.spool / name) != digests[name]:
                    digest = write_whole(self.spool / name, read_regular(self.place / name))
                    if digest != digests[name]:
                        raise DatasetError(f"{self.place / name} is not what the manifest says")

        with self._usable():
            for _ in several(fetch, sharding.shards_of(range(n_frames)), self.place):
                pass

    def complete(self, whole: Sequence[str], outgrown: Sequence[str]) -> None:
        """Puts the files of the whole dataset, which the spool has; dataset.yaml last.

        Args:
            whole: Their paths.
            outgrown: Those that it does not have any more.

        Raises:
            DatasetError: They cannot be put.

        """
        there = [name for name in (PREVIEW, PLOT, *whole) if (self.spool / name).is_file()]
        for _ in several(self._put, there, self.place):
            pass
        for name in outgrown:
            tried((self.place / name).unlink, self.place / name)
        self._put(DESCRIPTION)
        for name in (EARLIER, FAILED, CONFIG):
            tried((self.place / name).unlink, self.place / name)

    def _put(self, name: str) -> None:
        target = self.place / name
        tried(lambda: target.put(self.spool / name), target)

    @contextmanager
    def _usable(self) -> Iterator[None]:
        """Tells of a store that cannot be used."""
        try:
            yield
        except OSError as error:
            raise DatasetError(
                f"output_dir must be a place that can be read and written, got {self.place} "
                f"({error.filename}: {error.strerror})"
            ) from error


@contextmanager
def held_store(place: StorePath, shards: range | None = None) -> Iterator[tuple[WriteLock, Store]]:
    """Keeps others from writing to a dataset in a store, on this machine and elsewhere.

    Args:
        place: Where the dataset is, or is to be.
        shards: Those that are to be written; None: all.

    Raises:
        DatasetError: Another process writes there, or it cannot be written to.

    """
    spool = _spool_of(place)
    field = f"the folder that {place} is brought from"
    with held(spool, field, shards=shards, name=str(place)) as lock:
        with lock.alone():
            known_as = _name_of(spool)
        with marked(place, shards, known_as) as mark:
            yield lock, Store(place, spool, mark)
            if lock.widen():
                _empty(spool)
                _known(spool).unlink(missing_ok=True)
    with suppress(OSError):
        spool.rmdir()


def _spool_of(place: StorePath) -> Path:
    cache = cache_folder()
    if cache is None:
        raise DatasetError(
            f"{place} must have a folder that it can be brought from: name one with XDG_CACHE_HOME"
        )
    return cache / "spool" / hashlib.sha256(place.url.encode()).hexdigest()[:32]


def _known(spool: Path) -> Path:
    return spool.with_suffix(".name")


def _name_of(spool: Path) -> str:
    """What writers of a spool are known by in the store, also after they were killed."""
    path = _known(spool)
    if not path.is_file():
        write_whole(path, os.urandom(16).hex().encode())
    return path.read_text()


def _empty(spool: Path) -> None:
    for path in spool.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != LOCK:
            path.unlink()
