"""What lies in a dataset's folder: nothing foreign, nothing half-written, and the manifest."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from render.dataset.description import Description
from render.dataset.findings import Findings
from render.dataset.layout import (
    COVERAGE,
    DESCRIPTION,
    IMAGES,
    MANIFEST_FOLDER,
    PLOT,
    PREVIEW,
    SPLITS,
    entry_path,
    is_of_dataset,
)
from render.dataset.manifest import SHARD_FRAMES
from render.report.verify.records import Shard
from render.system.files import TEMPORARY_SUFFIX, sha256_of_file
from render.writers.chosen import Writers, finish_paths, shard_paths

__all__ = ["check_layout", "check_manifest"]

_HALF_WRITTEN = re.compile(rf"(?:.*/)?\..*{re.escape(TEMPORARY_SUFFIX)}")
_LOG = re.compile(r"[^/]+\.log")


def check_layout(
    folder: Path, description: Description, writers: Writers, findings: Findings
) -> None:
    """Finds files that must not be there, and those of the whole dataset that are missing."""
    pictures = [PREVIEW, *([PLOT] if description.reached else [])]
    own = {*pictures, DESCRIPTION}
    if (folder / COVERAGE).is_file():  # there where somebody asked for it
        pictures.append(COVERAGE)
    for writer in writers.by_name.values():
        own |= {*finish_paths(writer)}
    for name in sorted(own):
        findings.require((folder / name).is_file(), "is missing", file=name)
    for split in SPLITS:
        name = IMAGES.format(split=split)
        findings.require((folder / name).is_dir(), "is missing: both splits must be", file=name)
    for name in _walk(folder, ""):
        if name in own or _belongs(name, description, writers):
            findings.checks += 1
        elif _HALF_WRITTEN.fullmatch(name):
            findings.require(False, "is what an interrupted run left half-written", file=name)
        else:
            is_known = _LOG.fullmatch(name) or writers.layout.is_leftover(name)
            findings.require(is_known, "does not belong here", file=name)
    for name in pictures:
        if (folder / name).is_file():
            data = np.frombuffer((folder / name).read_bytes(), np.uint8)
            shown = data.size and cv2.imdecode(data, cv2.IMREAD_COLOR) is not None
            findings.require(shown, "cannot be decoded", file=name)


def _walk(folder: Path, prefix: str) -> Iterator[str]:
    """Files below a folder; names of one folder in memory at a time."""
    subfolders = []
    with os.scandir(folder) as entries:
        for entry in entries:
            name = f"{prefix}{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                subfolders.append(name)
            else:
                yield name
    for name in sorted(subfolders):
        yield from _walk(folder / name.rpartition("/")[2], f"{name}/")


def _belongs(name: str, description: Description, writers: Writers) -> bool:
    if is_of_dataset(name):
        return name != PLOT  # told of where it is asked for
    for template in writers.layout.templates:
        match = template.pattern.fullmatch(name)
        if match and "stem" in template.fields:
            idx = int(match["stem"])
            key = description.key_of(idx)
            paths = template.paths(split=key.split, stem=key.stem)
            return idx < description.n_frames and name in paths
        if match and "shard" in template.fields:
            return int(match["shard"]) * SHARD_FRAMES < description.n_frames
    return False


def check_manifest(folder: Path, shard: Shard, writers: Writers, findings: Findings) -> bool:
    """Finds the files of a shard, and compares it with its entry in `.manifest`.

    Returns:
        Whether it has one. A folder without any was finished by its owner's leave: hashes
        of frames are in the records too.

    """
    name = entry_path(shard.idx)
    own = [p for writer in writers.by_name.values() for p in shard_paths(writer, shard.idx)]
    for path in own:
        findings.require((folder / path).is_file(), "is missing", file=path)
    if not (folder / MANIFEST_FOLDER).is_dir():
        return False
    frames, hashes = _entry(folder, name, findings)
    if hashes is None:
        return False
    findings.require(
        frames == len(shard.frames),
        f"counts {frames} frames, {shard.file_frames} holds {len(shard.frames)}",
        file=name,
    )
    recorded = {
        entry["path"]: (entry["sha256"], frame["frame_idx"])
        for frame in shard.frames
        for entry in frame["files"]
    }
    for path, (digest, frame_idx) in recorded.items():
        findings.require(
            hashes.get(path) == digest,
            f"and {shard.file_frames} have other hashes for {path}",
            file=name, frame_idx=frame_idx,
        )  # fmt: skip
    whole = [shard.file_frames, shard.file_instances, *own]
    for path in whole:
        digest = sha256_of_file(folder / path)
        findings.require(
            hashes.get(path) == digest, f"its bytes are not those of {name}", file=path
        )
    extra = sorted({*hashes} - {*recorded, *whole})
    findings.require(not extra, f"names files that no record names: {extra[:3]}", file=name)
    return True


def _entry(folder: Path, name: str, findings: Findings) -> tuple[Any, dict[str, Any] | None]:
    try:
        entry = json.loads((folder / name).read_text(encoding="utf-8"))
        return entry["frames"], dict(entry["files"])
    except OSError as error:
        findings.require(False, f"cannot be read ({error.strerror})", file=name)
    except (ValueError, KeyError, TypeError) as error:
        findings.require(False, f"is torn: {error}", file=name)
    return None, None
