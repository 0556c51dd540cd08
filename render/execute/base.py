"""How frames are spread over processes."""

from __future__ import annotations

import abc
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from render.build import Plan

__all__ = ["AbstractExecutor", "FrameResult"]


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


class AbstractExecutor(abc.ABC):
    """Renders frames, each exactly once, in any order."""

    @abc.abstractmethod
    def run(self, plan: Plan, frames: Sequence[int], *, on_gpu: bool) -> Iterator[FrameResult]:
        """Yields a result for each frame as it is finished.

        Args:
            on_gpu: The engine, as this machine has it, draws with a GPU.

        Raises:
            RenderError: The first error of any frame; work under way is abandoned.

        """
