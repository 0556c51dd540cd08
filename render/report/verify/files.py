"""Files of one frame: all of them, with the bytes that were recorded."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from render.dataset.findings import Findings
from render.dataset.frame import Frame
from render.errors import DatasetError
from render.system.plain_data import MOST_BYTES, read_regular
from render.system.stores import several

__all__ = ["read_files"]

_MOST_BYTES_PER_PX = 8


def read_files(
    view: Frame,
    wanted: Sequence[str],
    file: str,
    findings: Findings,
    *,
    loose: bool,
) -> dict[str, bytes]:
    """Reads the files of a frame and compares them with the hashes of its record.

    Args:
        wanted: Paths of those that must be there, sorted.
        file: Where the record lies.
        loose: Whether they lie in folders; else in the tar of the shard alone.

    Returns:
        The bytes of those that can be read, by path.

    """
    folder, frame, idx = view.folder, view.row, view.frame_idx
    hashes = {entry["path"]: entry["sha256"] for entry in frame["files"]}
    findings.require(
        sorted(hashes) == list(wanted),
        f"must record the hashes of {', '.join(wanted)}, got {', '.join(sorted(hashes)[:20])}",
        file=file, frame_idx=idx,
    )  # fmt: skip
    files: dict[str, bytes] = {}
    most = MOST_BYTES + _MOST_BYTES_PER_PX * frame["width"] * frame["height"]

    def read(name: str) -> bytes | OSError | DatasetError:
        try:
            if loose:
                return read_regular(folder / name, most=most)
            return view.stored_files.read_from_tar(name, most=most)
        except (OSError, DatasetError) as error:
            return error

    for name, found in zip(wanted, several(read, wanted, folder), strict=True):
        if isinstance(found, Exception):
            is_missing = isinstance(found, FileNotFoundError)
            why = getattr(found, "strerror", found)
            reason = "is missing" if is_missing else f"cannot be read ({why})"
            findings.require(False, reason, file=name, frame_idx=idx)
            continue
        files[name] = found
        findings.require(
            hashlib.sha256(files[name]).hexdigest() == hashes.get(name),
            "its bytes are not those that were recorded",
            file=name, frame_idx=idx,
        )  # fmt: skip
    return files
