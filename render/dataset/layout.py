"""Where the files of a dataset lie: templates of their paths, and what belongs to a dataset.

A template is a path relative to the dataset, such as ``depth/{split}/{stem}.png``. With
``{stem}`` it names a file of each frame, with ``{shard}`` one of each shard, with neither one of
the whole dataset, which is one of several where it has ``{part}``; ``{split}`` is ``train`` or
``val``. Any other name in braces is a setting of the writer whose file it is.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from string import Formatter
from typing import Any, Literal, final

from render.dataset.sharding import SHARD_FRAMES, Sharding
from render.errors import DatasetError
from render.sample import Split
from render.system.lock import LOCK
from render.system.plain_data import json_of, read_regular, yaml_of
from render.system.stores import Folder, StorePath

__all__ = [
    "BLOCKS",
    "CONFIG",
    "COVERAGE",
    "DESCRIPTION",
    "EARLIER",
    "ENTRIES",
    "FAILED",
    "GL",
    "IDENTITY",
    "IMAGES",
    "MANIFEST_FOLDER",
    "NUMBERED",
    "PLOT",
    "PREVIEW",
    "RECORDS",
    "RECORD_FILES",
    "SPLITS",
    "TARS",
    "TOP_UPS",
    "WRITERS",
    "Layout",
    "PathTemplate",
    "RecordKind",
    "block_path",
    "entry_path",
    "frames_said",
    "image_path",
    "raster",
    "read_sharding",
    "records_path",
    "shard_name",
    "tar_path",
]

MANIFEST_FOLDER = ".manifest"
RECORDS = "records"
SPLITS: tuple[Split, ...] = ("train", "val")
IMAGES = "images/{split}"
DESCRIPTION = "dataset.yaml"
EARLIER = f"{MANIFEST_FOLDER}/{DESCRIPTION}"
"""The description of what was complete, while frames are added to it."""
IDENTITY = f"{MANIFEST_FOLDER}/identity.json"
TOP_UPS = f"{MANIFEST_FOLDER}/top_ups.json"
GL = f"{MANIFEST_FOLDER}/gl.json"
FAILED = f"{MANIFEST_FOLDER}/failed.json"
"""Frames that the last run went on without, while there are some."""
CONFIG = f"{MANIFEST_FOLDER}/config.json"
"""The config of a dataset that is not complete."""
PREVIEW = "preview.jpg"
PLOT = "achieved.png"
COVERAGE = "coverage.png"

RecordKind = Literal["frames", "instances"]

_PATTERNS = {
    "split": "(?:train|val)", "stem": r"(?P<stem>\d{8,})", "shard": r"(?P<shard>\d{5,})",
    "part": r"(?P<part>\d{5,})",
}  # fmt: skip
_SAMPLES = {"stem": "0" * 8, "shard": "0" * 6, "part": "0" * 5}
NUMBERED = frozenset(_SAMPLES)
"""Names in braces that stand for a number."""


class _Open(dict[str, str]):
    """Values of names; those that are not given stand for anything."""

    def __missing__(self, name: str) -> str:
        return "*"


@final
@dataclass(frozen=True)
class PathTemplate:
    """The path of a kind of file.

    Raises:
        ValueError: It may lead out of the dataset, or has braces around something else than a
            name; with what it must do.

    """

    text: str

    def __post_init__(self) -> None:
        try:
            parts = list(Formatter().parse(self.text))
        except ValueError as error:
            raise ValueError(f"have braces in pairs ({error})") from None
        for _, name, spec, conversion in parts:
            if name is not None and (not name.isidentifier() or spec or conversion):
                raise ValueError("have names alone in its braces")
        path = PurePosixPath(self.text)
        if path.is_absolute() or "\\" in self.text or str(path) != self.text or self.text == ".":
            raise ValueError("be a plain relative path")
        if ".." in path.parts:
            raise ValueError("stay in the dataset, without ..")
        if NUMBERED & PathTemplate._names(str(path.parent)):
            raise ValueError("have {stem}, {shard} and {part} in the name of the file alone")

    @cached_property
    def fields(self) -> frozenset[str]:
        """Names in its braces."""
        return self._names(self.text)

    @staticmethod
    def _names(text: str) -> frozenset[str]:
        return frozenset(name for _, name, _, _ in Formatter().parse(text) if name)

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Matches each path that it can give, with the number of frame or shard as a group."""
        text = ""
        seen: set[str] = set()
        for literal, name, _, _ in Formatter().parse(self.text):
            text += re.escape(literal)
            if name is not None:
                text += f"(?P={name})" if name in seen else _PATTERNS.get(name, r"\w+")
                seen.update({name} & NUMBERED)
        return re.compile(text)

    def filled(self, values: Mapping[str, Any]) -> PathTemplate:
        """With some names replaced by their values; the others stay."""
        stay = {name: f"{{{name}}}" for name in self.fields}
        return PathTemplate(self.text.format(**{**stay, **values}))

    def paths(self, **values: str) -> tuple[str, ...]:
        """The paths of a frame, a shard or the whole dataset, one for each split if none is given.

        A setting that is still open is ``*``.

        Args:
            **values: Of ``split``, ``stem``, ``shard`` and ``part``, those that it has.

        """
        splits = SPLITS if "split" in self.fields and "split" not in values else (None,)
        given = [values if split is None else {**values, "split": split} for split in splits]
        return tuple(self.text.format_map(_Open(each)) for each in given)

    def shards_in(self, folder: Folder) -> list[int]:
        """Numbers of the shards that have their file of this kind in a dataset, in order.

        A store is not asked what it has: there it is those that the dataset says it has, or is to
        have.

        Raises:
            DatasetError: It says nothing, or nothing that can be read.

        """
        if isinstance(folder, StorePath):
            n_frames = frames_said(folder)
            if n_frames is None:
                raise DatasetError(f"{folder} must hold a dataset that was begun, and holds none")
            return list(read_sharding(folder).shards_of(range(n_frames)))
        matches = map(self.pattern.fullmatch, self.files_in(folder))
        return sorted(int(match["shard"]) for match in matches if match)

    def files_in(self, folder: Path) -> Iterator[str]:
        """Files of this kind in a dataset, by their paths relative to it, in any order."""
        for glob in self.paths():
            names = (path.relative_to(folder).as_posix() for path in folder.glob(glob))
            yield from filter(self.pattern.fullmatch, names)

    def clashes_with(self, other: PathTemplate) -> bool:
        """Whether a path of the one can be a path, or a folder, of the other."""
        return any(
            b.pattern.fullmatch(path)
            for a, b in ((self, other), (other, self))
            for sample in a.paths(**_SAMPLES)
            for path in (sample, *map(str, PurePosixPath(sample).parents))
        )

    def folders(self) -> Iterator[str]:
        """Folders that it needs, for both splits; a setting that is still open is ``*``."""
        for sample in self.paths(**_SAMPLES):
            yield PurePosixPath(sample).parent.as_posix()


RECORD_FILES: Mapping[RecordKind, PathTemplate] = {
    "frames": PathTemplate(f"{RECORDS}/frames-{{shard}}.parquet"),
    "instances": PathTemplate(f"{RECORDS}/instances-{{shard}}.parquet"),
}
ENTRIES = PathTemplate(f"{MANIFEST_FOLDER}/shard-{{shard}}.json")
TARS = PathTemplate("webdataset/{split}/{shard}.tar")
"""Those of `render.writers.webdataset`, which may be the one place of the files of frames."""
BLOCKS = PathTemplate(f"{MANIFEST_FOLDER}/shards-{{shard}}.parquet")
"""Entries of a whole block of shards, by the first of them."""
WRITERS = PathTemplate(f"{MANIFEST_FOLDER}/writers/{{shard}}.json")
"""Who writes to a dataset in a store, by the first of the shards."""
_SINGLE = (
    DESCRIPTION, EARLIER, FAILED, PREVIEW, PLOT, COVERAGE, LOCK,
    IDENTITY, GL, TOP_UPS, CONFIG,
)  # fmt: skip
_OWN = (*map(PathTemplate, _SINGLE), *RECORD_FILES.values(), ENTRIES, BLOCKS, WRITERS)


def shard_name(shard_idx: int) -> str:
    """What stands for ``{shard}`` in the paths of records and writers."""
    return f"{shard_idx:06d}"


def records_path(kind: RecordKind, shard_idx: int) -> str:
    """The records of a shard, relative to the dataset."""
    return RECORD_FILES[kind].text.format(shard=shard_name(shard_idx))


def entry_path(shard_idx: int) -> str:
    """The entry of a shard in the manifest, relative to the dataset; it has five digits."""
    return ENTRIES.text.format(shard=f"{shard_idx:05d}")


def tar_path(split: str, shard_idx: int) -> str:
    """The tar of a shard's frames of a split, relative to the dataset."""
    return TARS.text.format(split=split, shard=shard_name(shard_idx))


def block_path(first_shard: int) -> str:
    """The entries of a block of shards, relative to the dataset."""
    return BLOCKS.text.format(shard=f"{first_shard:05d}")


def raster(kind: str) -> str:
    """The template of a value for each pixel, as text: ``ids``, ``depth`` and others."""
    return f"{kind}/{{split}}/{{stem}}.png"


def image_path(frame: Mapping[str, Any]) -> str:
    """The picture of a frame, of which this is the record, relative to the dataset."""
    return f"{IMAGES.format(split=frame['split'])}/{frame['file_name']}"


def frames_said(folder: Folder) -> int | None:
    """How many frames a dataset has, or is to have, by its description or else its config.

    None: neither is there.

    Raises:
        DatasetError: One is torn, or cannot be read.

    """
    for name, read in ((DESCRIPTION, yaml_of), (CONFIG, json_of)):
        try:
            held = read(read_regular(folder / name))
            return int(held["n_frames"] if name == DESCRIPTION else held["config"]["n_frames"])
        except FileNotFoundError:
            continue
        except (ValueError, KeyError, TypeError) as error:
            raise DatasetError(f"{folder / name} is torn: {error}") from error
        except OSError as error:
            raise DatasetError(f"{folder / name} cannot be read: {error.strerror}") from error
    return None


def read_sharding(folder: Folder) -> Sharding:
    """How the frames of a dataset are divided into shards, by its manifest or else its description.

    One of an earlier version says nothing, and has shards of `SHARD_FRAMES`; so has one of which
    neither can be read, which those who need it otherwise find.
    """
    for name, read in ((IDENTITY, json_of), (DESCRIPTION, yaml_of)):
        with suppress(OSError, ValueError):
            held = read(read_regular(folder / name))
            if isinstance(held, dict) and isinstance(size := held.get("shard_frames"), int):
                return Sharding(max(size, 1))
    return Sharding(SHARD_FRAMES)


def is_of_dataset(path: str) -> bool:
    """Whether a path is one of description, reports, records or manifest."""
    return any(one.pattern.fullmatch(path) for one in _OWN)


@final
@dataclass(frozen=True, kw_only=True)
class Layout:
    """What a dataset consists of, apart from its records and its description.

    Attributes:
        templates: Files that its writers write.
        known: Files that some writer can write, with any settings: those of an earlier dataset in
            the same folder.
        leftovers: What programs that read a format leave among its files.

    """

    templates: Sequence[PathTemplate]
    known: Sequence[PathTemplate]
    leftovers: Sequence[PathTemplate]

    @staticmethod
    def owns(template: PathTemplate) -> bool:
        """Whether a path is one of records, description or manifest, which no writer may have."""
        return any(template.clashes_with(own) for own in _OWN)

    def is_ours(self, path: str) -> bool:
        """Whether a path, relative to the dataset, is one of a dataset's files."""
        every = (*_OWN, *self.known, *self.leftovers)
        return any(one.pattern.fullmatch(path) for one in every)

    def is_leftover(self, path: str) -> bool:
        """Whether a path is what another program left."""
        return any(one.pattern.fullmatch(path) for one in self.leftovers)

    def outgrown(self, whole: Collection[str]) -> list[str]:
        """Files of the whole dataset that a shorter one may have had.

        Args:
            whole: Those that it has now.

        """
        single = (one for one in self.templates if not one.fields & NUMBERED)
        return [path for one in single for path in one.paths() if path not in whole]

    def folders(self) -> tuple[str, ...]:
        """Folders that are there from the first frame on."""
        return tuple(dict.fromkeys([RECORDS, *(f for t in self.templates for f in t.folders())]))

    def known_folders(self) -> tuple[str, ...]:
        """Globs of every folder that a dataset may have, those within others first."""
        folders = {f for t in (*_OWN, *self.known) for f in t.folders()}
        every = {str(up) for f in folders for up in (PurePosixPath(f), *PurePosixPath(f).parents)}
        return tuple(sorted(every - {"."}, key=lambda f: (-f.count("/"), f)))

    def numbered(self) -> Iterator[tuple[str, re.Pattern[str]]]:
        """Globs of folders of files of a frame or a shard, with what matches their names.

        The pattern has the number as its group ``stem`` or ``shard``. The manifest is left out.
        """
        for one in (*_OWN, *self.known, *self.leftovers):
            if one.fields & {"stem", "shard"} and not one.text.startswith(MANIFEST_FOLDER):
                name = PathTemplate(PurePosixPath(one.text).name).pattern
                yield from ((folder, name) for folder in one.folders())
