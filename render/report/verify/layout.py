"""What lies in a dataset's folder: nothing foreign, nothing half-written, and the manifest."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from render.config.sections import MAPS
from render.report.verify.description import Description
from render.report.verify.findings import Findings
from render.report.verify.records import Shard

__all__ = ["check_layout", "check_manifest"]

_FOLDERS = "|".join(("images", "labels", "ids", "masks", "depth", *MAPS))
_FRAME_FILE = re.compile(rf"({_FOLDERS})/(train|val)/(\d{{8,}})\.[a-z]+")
# Beside a dataset's own files: logs, and what ultralytics leaves in the folder it trains on.
_TOLERATED = re.compile(r"[^/]+\.log|labels/(train|val)\.cache|images/(train|val)/\d+\.npy")
_PREVIEW = "preview.jpg"
_PLOT = "achieved.png"
_COVERAGE = "coverage.png"  # there where somebody asked for it


def check_layout(folder: Path, description: Description, findings: Findings) -> None:
    """Finds files that must not be there, and those of the whole dataset that are missing."""
    pictures = [_PREVIEW, *([_PLOT] if description.reached else [])]
    own = {*pictures, "dataset.yaml"}
    if (folder / _COVERAGE).is_file():
        pictures.append(_COVERAGE)
    if "coco" in description.formats:
        own |= {f"annotations/instances_{split}.json" for split in ("train", "val")}
    if "yolo" in description.formats:
        own.add("data.yaml")
    for name in sorted(own):
        findings.require((folder / name).is_file(), "is missing", file=name)
    for split in ("train", "val"):
        name = f"images/{split}"
        findings.require((folder / name).is_dir(), "is missing: both splits must be", file=name)
    for name in _walk(folder, ""):
        if name in own or name == _COVERAGE or _belongs(name, description):
            findings.checks += 1
        elif re.fullmatch(r"(?:.*/)?\..*\.part", name):
            findings.require(False, "is what an interrupted run left half-written", file=name)
        else:
            findings.require(_TOLERATED.fullmatch(name), "does not belong here", file=name)
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


def _belongs(name: str, description: Description) -> bool:
    frame = _FRAME_FILE.fullmatch(name)
    if frame:
        idx = int(frame.group(3))
        return idx < description.n_frames and name in description.files_of(idx)
    return bool(
        re.fullmatch(r"records/(frames|instances)-\d{6,}\.parquet", name)
        or re.fullmatch(r"\.manifest/(identity|gl|top_ups|shard-\d{5,})\.json", name)
    )


def check_manifest(folder: Path, shard: Shard, findings: Findings) -> bool:
    """Compares a shard with its entry in `.manifest`.

    Returns:
        Whether it has one. A folder without any was finished by its owner's leave: hashes
        of frames are in the records too.

    """
    name = f".manifest/shard-{shard.idx:05d}.json"
    if not (folder / ".manifest").is_dir():
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
    for path in (shard.file_frames, shard.file_instances):
        digest = hashlib.sha256((folder / path).read_bytes()).hexdigest()
        findings.require(
            hashes.get(path) == digest, f"its bytes are not those of {name}", file=path
        )
    extra = sorted({*hashes} - {*recorded, shard.file_frames, shard.file_instances})
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
