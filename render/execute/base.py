"""How frames are spread over processes."""

from __future__ import annotations

import abc
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from render.build import instantiate
from render.dataset.frame_result import FrameResult
from render.plan import Plan

__all__ = ["AbstractExecutor", "build_executor"]


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


def build_executor(config: Mapping[str, Any]) -> AbstractExecutor:
    """The way frames are spread over processes, as a resolved config names it."""
    executor: AbstractExecutor = instantiate("execution", config["execution"], AbstractExecutor)
    return executor
