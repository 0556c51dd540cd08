"""What runs in a worker process: one plan, one engine, many frames."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, final

import cv2

from render.build import Plan, build, build_engine
from render.execute.base import FrameResult
from render.pipeline import render_frame

__all__ = ["Worker", "renders", "start"]


@final
class Worker:
    """Renders frames of one plan into one folder; starts its engine at once."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self._plan = plan
        self._folder = folder
        self._engine = build_engine(plan.config)
        self._gl = dataclasses.asdict(self._engine.info)

    def render(self, frame_idx: int) -> FrameResult:
        """Renders one frame and writes its files."""
        return render_frame(self._plan, self._engine, frame_idx, self._folder, self._gl)

    def close(self) -> None:
        """Frees the engine."""
        self._engine.close()


# A spawned process has no other place to keep what its initializer made.
_process: dict[str, Worker] = {}


def start(config: Mapping[str, Any], folder: Path, gl_threads: int) -> None:
    """Initializer of a worker process.

    Args:
        gl_threads: Threads that a software rasterizer may use: all processes together
            should have about one a core.
    """
    os.environ["LP_NUM_THREADS"] = str(gl_threads)
    cv2.setNumThreads(1)
    _process["worker"] = Worker(build(config, check_assets=False), folder)


def renders(frame_idx: int) -> FrameResult:
    """Task of a worker process."""
    return _process["worker"].render(frame_idx)
