"""What an executor hands back for each frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["FrameResult"]


@dataclass(frozen=True, eq=False, kw_only=True)
class FrameResult:
    """One frame whose files are on disk.

    Attributes:
        frame_row: Its row of the frame records.
        instance_rows: Its rows of the instance records, in order.
        files: SHA-256 (hex) of each file written, by path relative to the dataset.
        gl: What drew it: the fields of `render.engine.base.DeviceInfo`.

    """

    frame_idx: int
    frame_row: Mapping[str, Any]
    instance_rows: Sequence[Mapping[str, Any]]
    files: Mapping[str, str]
    gl: Mapping[str, Any]
