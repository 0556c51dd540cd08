"""What an executor hands back for each frame: what was made of it, or why nothing was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["FrameFailure", "FrameOutcome", "FrameResult"]


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


@dataclass(frozen=True, kw_only=True)
class FrameFailure:
    """One frame that the run goes on without.

    Attributes:
        reason: What became of it, as it follows ``frame 33``.

    """

    frame_idx: int
    reason: str


FrameOutcome = FrameResult | FrameFailure
"""What an executor yields for each frame."""
