"""A part of a dataset on this machine, the other ones elsewhere: `sbatch --array`, or by hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, final

from render.dataset.frame_result import FrameOutcome
from render.errors import ConfigError
from render.execute.base import AbstractExecutor
from render.execute.local import LocalExecutor
from render.plan import Plan

__all__ = ["ShardExecutor"]


@final
class ShardExecutor(AbstractExecutor):
    """Renders as `LocalExecutor` does, and does not let a run be asked for all by mistake."""

    def __init__(self, shard: Mapping[str, Any]) -> None:
        """Takes what the config says under ``shard``.

        Raises:
            ConfigError: It names no part.

        """
        if shard["index"] is None or shard["count"] is None:
            raise ConfigError(
                "execution=shard must have shard.index and shard.count, such as shard.index=0 "
                "shard.count=8"
            )
        self._local = LocalExecutor()

    def run(self, plan: Plan, frames: Sequence[int], *, on_gpu: bool) -> Iterator[FrameOutcome]:
        """Yields each frame's result as it is finished.

        Raises:
            RenderError: As `LocalExecutor.run`.

        """
        return self._local.run(plan, frames, on_gpu=on_gpu)
