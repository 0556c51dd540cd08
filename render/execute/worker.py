"""What runs in a worker process: one plan, one engine, many frames."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, final

import cv2

from render.assembly.textures import TextureCache
from render.build import build
from render.dataset.folder import write_file
from render.dataset.frame_result import FrameFailure, FrameOutcome, FrameResult
from render.dataset.rows import frame_row, instance_rows
from render.errors import DatasetError, RenderError, failure_of
from render.pipeline import encode, render_frame
from render.plan import Plan
from render.sample import Sample
from render.system.files import refusal_of
from render.system.heap import keep_freed_memory

__all__ = ["Worker", "start_worker", "worker_plan"]

_T = TypeVar("_T")


@final
class Worker:
    """Renders frames of one plan into one folder; starts its engine at once."""

    def __init__(self, plan: Plan, folder: Path, *, slot: int = 0) -> None:
        self._plan = plan
        self._folder = folder
        self._engine = plan.engine(slot=slot)
        self._textures = TextureCache()
        self._gl = dataclasses.asdict(self._engine.info)

    def draw(self, frame_idx: int) -> Callable[[], FrameOutcome]:
        """Renders one frame.

        Returns:
            A function that encodes it and writes its files; it may be called on a thread while
            the next frame is drawn, and raises as this does.

        Raises:
            Exception: What came of it, unless the run goes on without such frames. What other
                frames would meet too, such as a full disk, always ends it.

        """
        sample = self._tried(
            frame_idx,
            partial(render_frame, self._plan, self._engine, frame_idx, textures=self._textures),
        )
        if isinstance(sample, FrameFailure):
            return lambda: sample
        return partial(self._tried, frame_idx, partial(self._write, frame_idx, sample))

    def render(self, frame_idx: int) -> FrameOutcome:
        """Renders one frame and writes its files; errors as for `draw`."""
        return self.draw(frame_idx)()

    def _tried(self, frame_idx: int, step: Callable[[], _T]) -> _T | FrameFailure:
        try:
            return step()
        except DatasetError:
            raise
        except Exception as error:
            lacks = isinstance(error, OSError) and refusal_of(error)
            if lacks or not self._plan.run.skip_failed_frames:
                raise
            told = str(error) if isinstance(error, RenderError) else failure_of(error)
            return FrameFailure(frame_idx=frame_idx, reason=f"raised an error: {told}")

    def _write(self, frame_idx: int, sample: Sample) -> FrameResult:
        plan = self._plan
        rows = instance_rows(sample)
        files = encode(plan, sample, rows)
        hashes = {name: write_file(self._folder, name, data) for name, data in files.items()}
        return FrameResult(
            frame_idx=frame_idx,
            frame_row=frame_row(sample, image=plan.writers.image, hashes=hashes),
            instance_rows=rows,
            files=hashes,
            gl=self._gl,
        )

    def close(self) -> None:
        """Frees the engine."""
        self._engine.close()


def start_worker(
    config: Mapping[str, Any], folder: Path, slot: int
) -> Callable[[int], Callable[[], FrameOutcome]]:
    """What a process of a pool begins with: builds the plan, starts the engine.

    Args:
        config: The run's resolved config; the parent has checked its assets and plug-ins.
        folder: Where the dataset is.
        slot: The number of the process in its pool, which says what device it draws with.

    Returns:
        The function that draws a frame: `Worker.draw`.

    """
    return Worker(worker_plan(config), folder, slot=slot).draw


def worker_plan(config: Mapping[str, Any]) -> Plan:
    """The plan of a process of a pool, which has the process for itself.

    Args:
        config: The run's resolved config; the parent has checked its assets and plug-ins.

    """
    keep_freed_memory()
    cv2.setNumThreads(1)
    return build(config, plugins=config["plugins"], check_assets=False)
