"""How frames are spread over processes."""

from __future__ import annotations

import abc
from collections.abc import Iterator, Sequence

from render.config.trust import instantiate
from render.dataset.frame_result import FrameOutcome
from render.plan import Plan

__all__ = ["AbstractExecutor", "build_executor"]


class AbstractExecutor(abc.ABC):
    """Renders frames, each exactly once, in any order."""

    @abc.abstractmethod
    def run(self, plan: Plan, frames: Sequence[int], *, on_gpu: bool) -> Iterator[FrameOutcome]:
        """Yields a result for each frame as it is finished.

        With ``skip_failed_frames`` a frame that fails has its failure in place of a result.

        Args:
            on_gpu: The engine, as this machine has it, draws with a GPU.

        Raises:
            RenderError: The first error of any frame; work under way is abandoned.

        """


def build_executor(plan: Plan) -> AbstractExecutor:
    """The way frames are spread over processes, as the config of a run names it.

    Raises:
        ConfigError: It cannot be imported, is of another kind, or does not take its keys.

    """
    executor: AbstractExecutor = instantiate(
        "execution", plan.config["execution"], AbstractExecutor, plan.run.plugins
    )
    return executor
