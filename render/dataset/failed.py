"""The list of frames that runs of a dataset went on without."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from render.dataset.layout import FAILED
from render.system.files import write_whole
from render.system.plain_data import json_of, read_regular

__all__ = ["forget_failed", "write_failed"]


def write_failed(folder: Path, reasons: Mapping[int, str]) -> None:
    """Lists frames by their index, and why; beside those that runs of other parts have listed.

    Raises:
        DatasetError: The list cannot be written.

    """
    both = _listed(folder) | dict(reasons)
    frames = [{"frame": i, "reason": both[i]} for i in sorted(both)]
    text = json.dumps({"frames": frames}, indent=1, sort_keys=True)
    write_whole(folder / FAILED, f"{text}\n".encode(), durable=True)


def forget_failed(folder: Path, part: range | None = None) -> None:
    """Takes frames from the list, which is no more when it is empty.

    Args:
        folder: Of the dataset.
        part: Its frames that are tried again; None: all.

    Raises:
        OSError: The list cannot be deleted.
        DatasetError: It cannot be written.

    """
    others = {i: why for i, why in _listed(folder).items() if part and i not in part}
    (folder / FAILED).unlink(missing_ok=True)
    if others:
        write_failed(folder, others)


def _listed(folder: Path) -> dict[int, str]:
    """What is listed; nothing where it cannot be read: it is found out again."""
    try:
        listed = json_of(read_regular(folder / FAILED))["frames"]
        return {int(one["frame"]): str(one["reason"]) for one in listed}
    except (OSError, KeyError, TypeError, ValueError):
        return {}
