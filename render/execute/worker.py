"""What runs in a worker process: one plan, one engine, many frames."""

from __future__ import annotations

import dataclasses
import multiprocessing
import os
import signal
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, final

import cv2

from render.assembly.textures import TextureCache
from render.build import Plan, build, build_engine
from render.execute.base import FrameResult
from render.execute.files import write_whole
from render.pipeline import draw_and_place, encode, key_of, realise
from render.writers.records import frame_row, instance_rows

__all__ = ["Worker", "renders", "start"]


@final
class Worker:
    """Renders frames of one plan into one folder; starts its engine at once."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self._plan = plan
        self._folder = folder
        self._engine = build_engine(plan.config)
        self._textures = TextureCache()
        self._gl = dataclasses.asdict(self._engine.info)

    def render(self, frame_idx: int) -> FrameResult:
        """Renders one frame and writes its files."""
        plan = self._plan
        theta, placement, rejections = draw_and_place(plan, frame_idx)
        sample = realise(
            plan,
            self._engine,
            key_of(frame_idx, plan.run.val_fraction),
            theta=theta,
            placement=placement,
            rejections=rejections,
            textures=self._textures,
        )
        rows = instance_rows(sample)
        files = encode(plan, sample, rows)
        hashes = {name: write_whole(self._folder / name, data) for name, data in files.items()}
        return FrameResult(
            frame_idx=frame_idx,
            frame_row=frame_row(sample, image=plan.run.image, hashes=hashes),
            instance_rows=rows,
            files=hashes,
            gl=self._gl,
        )

    def close(self) -> None:
        """Frees the engine."""
        self._engine.close()


@final
class _Process:
    """What a spawned process keeps between tasks."""

    def __init__(self) -> None:
        self.job: tuple[Mapping[str, Any], Path] | None = None
        self.worker: Worker | None = None


# Tasks and initializer of a process pool are functions: this is the only place they share.
_process = _Process()


def start(config: Mapping[str, Any], folder: Path, gl_threads: int) -> None:
    """Initializer of a worker process.

    Args:
        gl_threads: Threads that a software rasterizer may use: all processes together
            should have about one a core.

    """
    # Ctrl-C reaches every process of the terminal; the parent alone answers it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.environ["LP_NUM_THREADS"] = str(gl_threads)
    cv2.setNumThreads(1)
    _process.job = (config, folder)


def _end_with_parent() -> None:
    # A pool's processes wait for tasks for ever when their parent is killed.
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def renders(frame_idx: int) -> FrameResult:
    """Task of a worker process; its first starts the engine.

    Not the initializer: an error raised there would reach nobody.
    """
    if _process.worker is None:
        assert _process.job is not None
        config, folder = _process.job
        _process.worker = Worker(build(config, check_assets=False), folder)
    return _process.worker.render(frame_idx)
