"""What lies in a dataset's folder: nothing foreign, nothing half-written, and the manifest."""

from __future__ import annotations

import os
import re
import stat
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from render.dataset.blocks import read_entry
from render.dataset.description import Description
from render.dataset.findings import Findings
from render.dataset.layout import (
    COVERAGE,
    DESCRIPTION,
    IMAGES,
    MANIFEST_FOLDER,
    PLOT,
    PREVIEW,
    RECORDS,
    SPLITS,
    block_path,
    entry_path,
    is_of_dataset,
    shard_name,
)
from render.dataset.manifest import TOLD, block_of
from render.dataset.pictures import check_plain, decoded_picture
from render.errors import DatasetError
from render.report.verify.records import Shard
from render.system.files import TEMPORARY_SUFFIX, sha256_of_file
from render.system.plain_data import json_of, read_regular
from render.system.stores import Folder, StorePath
from render.writers.chosen import Writers, shard_paths

__all__ = ["check_layout", "check_manifest"]

_HALF_WRITTEN = re.compile(rf"(?:.*/)?\..*{re.escape(TEMPORARY_SUFFIX)}")
_MOST_DIGITS = 18
_LOG = re.compile(r"[^/]+\.log")


def check_layout(
    folder: Folder, description: Description, writers: Writers, findings: Findings
) -> None:
    """Finds files that must not be there, and those of the whole dataset that are missing."""
    pictures = [PREVIEW, *([PLOT] if description.reached else [])]
    own = {*pictures, DESCRIPTION, *writers.whole_paths(description.n_frames)}
    if (folder / COVERAGE).is_file():  # there where somebody asked for it
        pictures.append(COVERAGE)
    for name in sorted(own):
        findings.require((folder / name).is_file(), "is missing", file=name)
    for split in SPLITS if writers.loose else ():
        name = IMAGES.format(split=split)
        findings.require((folder / name).is_dir(), "is missing: both splits must be", file=name)
    folders = {str(up) for f in writers.layout.folders() for up in (f, *PurePosixPath(f).parents)}
    for name, kind in _entries(folder, {*folders, RECORDS, MANIFEST_FOLDER}, findings):
        is_file = kind == "file"
        if name in own or _belongs(name, description, writers):
            findings.require(is_file, f"must be a file, and is a {kind}", file=name)
        elif is_file and _HALF_WRITTEN.fullmatch(name):
            findings.require(False, "is what an interrupted run left half-written", file=name)
        else:
            is_known = _LOG.fullmatch(name) or writers.layout.is_leftover(name)
            findings.require(
                is_file and is_known,
                f"does not belong here{'' if is_file else f': it is a {kind}'}",
                file=name,
            )
    for name in pictures:
        if (folder / name).is_file():
            problem = _picture_problem(folder / name)
            findings.require(not problem, problem, file=name)


def _picture_problem(path: Folder) -> str:
    """Why a file is no picture of its kind; "" if it is one."""
    try:
        data = read_regular(path)
        decoded_picture(data, path.suffix)
        check_plain(data, path.suffix)
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    except ValueError as error:
        return str(error)
    return ""


def _entries(
    folder: Folder, folders: Collection[str], findings: Findings
) -> Iterator[tuple[str, str]]:
    """Path and kind of all that lies in the folders of a dataset, but these folders themselves.

    What lies in other folders is not looked at; one that is empty is passed over.
    """
    if isinstance(folder, StorePath):
        try:
            yield from ((name, "file") for name in folder.found())
        except OSError as error:
            findings.require(False, f"cannot be listed ({error.strerror})", file=".")
        return
    waiting = [""]
    while waiting:
        prefix = waiting.pop()
        try:
            with os.scandir(folder / prefix) as entries:
                for entry in entries:
                    name = f"{prefix}{entry.name}"
                    kind = _kind(entry)
                    if kind == "folder" and name in folders:
                        waiting.append(f"{name}/")
                    elif kind != "folder" or _holds_anything(entry.path):
                        yield name, kind
        except OSError as error:
            findings.require(False, f"cannot be read ({error.strerror})", file=prefix or ".")


def _kind(entry: os.DirEntry[str]) -> str:
    """What it is itself, not what a link leads to."""
    mode = entry.stat(follow_symlinks=False).st_mode
    kinds = {stat.S_IFREG: "file", stat.S_IFDIR: "folder", stat.S_IFLNK: "symbolic link"}
    return kinds.get(stat.S_IFMT(mode), "device, pipe or socket")


def _holds_anything(folder: str) -> bool:
    with os.scandir(folder) as entries:
        return any(True for _ in entries)


def _belongs(name: str, description: Description, writers: Writers) -> bool:
    if is_of_dataset(name):
        return name != PLOT  # told of where it is asked for
    for template in writers.layout.templates:
        match = template.pattern.fullmatch(name)
        if match and "stem" in template.fields:
            if not writers.loose:
                return False
            idx = _number(match["stem"])
            if idx >= description.n_frames:
                return False
            key = description.key_of(idx)
            return name in template.paths(split=key.split, stem=key.stem)
        if match and "shard" in template.fields:
            shard_idx = _number(match["shard"])
            frames = description.sharding.frames_in(shard_idx, description.n_frames)
            splits = {description.key_of(i).split for i in frames}
            return any(
                name in template.paths(shard=shard_name(shard_idx), split=split) for split in splits
            )
    return False


def _number(digits: str) -> int:
    """The number in a name; one of very many digits is no frame's."""
    return int(digits[:_MOST_DIGITS])


def check_manifest(
    folder: Folder, shard: Shard, description: Description, writers: Writers, findings: Findings
) -> bool:
    """Finds the files of a shard, and compares it with its entry in `.manifest`.

    Returns:
        Whether it has one. A folder without any was finished by its owner's leave: hashes
        of frames are in the records too.

    """
    name = _entry_file(folder, shard.idx)
    splits = {description.key_of(frame["frame_idx"]).split for frame in shard.frames}
    own = [p for writer in writers.by_name.values() for p in shard_paths(writer, shard.idx, splits)]
    for path in own:
        findings.require((folder / path).is_file(), "is missing", file=path)
    if not (folder / MANIFEST_FOLDER).is_dir():
        return False
    entry = _entry(folder, name, shard.idx, findings)
    if entry is None:
        return False
    hashes = entry["files"]
    findings.require(
        entry["frames"] == len(shard.frames),
        f"counts {entry['frames']} frames, {shard.file_frames} holds {len(shard.frames)}",
        file=name,
    )
    if TOLD[0] in entry:
        found = _told(folder, shard, hashes)
        told = {key: entry[key] for key in found}
        findings.require(told == found, f"must tell {found}, got {told}", file=name)
    recorded = {
        entry["path"]: (entry["sha256"], frame["frame_idx"])
        for frame in shard.frames
        for entry in frame["files"]
    }
    for path, (digest, frame_idx) in recorded.items() if writers.loose else ():
        findings.require(
            hashes.get(path) == digest,
            f"and {shard.file_frames} have other hashes for {path}",
            file=name, frame_idx=frame_idx,
        )  # fmt: skip
    whole = [shard.file_frames, shard.file_instances, *own]
    for path in whole:
        try:
            digest = sha256_of_file(folder / path)
        except DatasetError as error:
            findings.require(False, str(error), file=path)
            continue
        findings.require(
            hashes.get(path) == digest, f"its bytes are not those of {name}", file=path
        )
    extra = sorted({*hashes} - {*(recorded if writers.loose else ()), *whole})
    findings.require(not extra, f"names files that no record names: {extra[:3]}", file=name)
    return True


def _entry_file(folder: Folder, shard_idx: int) -> str:
    """Where the entry of a shard is: by itself, or in a block of many."""
    alone = entry_path(shard_idx)
    if isinstance(folder, StorePath):
        return alone
    block = block_path(block_of(shard_idx).start)
    return block if (folder / block).is_file() and not (folder / alone).exists() else alone


def _entry(folder: Folder, name: str, shard_idx: int, findings: Findings) -> dict[str, Any] | None:
    try:
        if name == entry_path(shard_idx):
            entry = json_of(read_regular(folder / name))
        else:
            entry = read_entry(Path(str(folder / name)), shard_idx, block_of(shard_idx))
        if {*entry} not in ({"frames", "files"}, {"frames", "files", *TOLD}):
            raise ValueError(f"it must hold frames and files, and {', '.join(TOLD)}")
        return {**entry, "files": dict(entry["files"])}
    except OSError as error:
        findings.require(False, f"cannot be read ({error.strerror})", file=name)
    except DatasetError as error:
        findings.require(False, str(error).removeprefix(f"{folder / name} "), file=name)
    except (ValueError, KeyError, TypeError) as error:
        findings.require(False, f"is torn: {error}", file=name)
    return None


def _told(folder: Folder, shard: Shard, hashes: Iterable[str]) -> dict[str, Any]:
    """What the entry of a shard tells of it, by its records and its files."""
    rejections = Counter(reason for frame in shard.frames for reason in frame["rejections"])
    told = {
        "draws": sum(frame["attempt"] + 1 for frame in shard.frames),
        "rejections": dict(rejections),
    }
    if isinstance(folder, StorePath):  # which would be asked for the size of each file
        return told
    paths = [path for path in (folder / name for name in hashes) if path.is_file()]
    return {"bytes": sum(path.stat().st_size for path in paths), **told}
