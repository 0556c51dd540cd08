"""Frames on this machine: in this process, or in several that are replaced when they die."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import final

from render.config.run_config import RunConfig
from render.dataset.frame_result import FrameOutcome
from render.execute.base import AbstractExecutor
from render.execute.pool import Pool, prepare
from render.execute.worker import Worker, start_worker
from render.plan import Plan
from render.system.blas import BLAS_THREADS
from render.system.cores import usable_cores

__all__ = ["LocalExecutor", "auto_workers", "frame_limit_s", "prepare_workers", "thread_limits"]

# A worker costs about a second to start: fewer frames than this are not worth one.
_FRAMES_PER_WORKER = 8
# While one reads pixels back or encodes them, the others keep the GPU busy; each holds a context
# and up to a gibibyte of meshes and textures.
_WORKERS_PER_GPU = 4
# Far above what any preset takes, on a loaded machine too; a frame that hangs three times costs
# half an hour of one process, which a night can spare.
_FRAME_TIMEOUT_S = 600.0


@final
class LocalExecutor(AbstractExecutor):
    """`workers` processes of a pool; one worker means this process.

    Nobody can end what hangs in the process itself: where a limit for frames is set as a number,
    or the run is to go on without frames that fail, one worker is a process of a pool too.
    """

    def run(self, plan: Plan, frames: Sequence[int], *, on_gpu: bool) -> Iterator[FrameOutcome]:
        """Yields each frame's result as it is finished.

        Raises:
            RenderError: A frame failed, or workers died again and again.

        """
        cores = usable_cores()
        gpus = len(plan.run.engine.device) if on_gpu else 0
        asked = plan.run.workers or auto_workers(cores, gpus=gpus)
        workers = min(asked, max(1, -(-len(frames) // _FRAMES_PER_WORKER)))
        if workers == 1 and not _must_be_replaceable(plan.run):
            yield from _here(plan, frames, on_thread=cores > 1)
            return
        start = partial(start_worker, dict(plan.config), plan.run.disk)
        limits = thread_limits(max(1, cores // workers))
        with Pool(
            start,
            workers=workers,
            environment=limits,
            frame_timeout_s=frame_limit_s(plan.run),
            skip_failed=plan.run.skip_failed_frames,
            on_thread=cores > workers,
        ) as pool:
            yield from pool.run(frames)


def prepare_workers(run: RunConfig) -> None:
    """Begins to import what worker processes need, where a run is likely to have some."""
    several = run.n_frames > _FRAMES_PER_WORKER and (run.workers or usable_cores()) > 1
    if several or _must_be_replaceable(run):
        prepare()


def frame_limit_s(run: RunConfig) -> float | None:
    """How long a frame may take in a process of a pool; None: as long as it likes."""
    return _FRAME_TIMEOUT_S if run.frame_timeout_s == "auto" else run.frame_timeout_s


def auto_workers(cores: int, *, gpus: int) -> int:
    """How many processes ``workers=auto`` means: one a core, on GPUs at most 4 for each.

    Args:
        cores: That may be used.
        gpus: That frames are drawn with; 0: in software. Each has at least one process.

    """
    return max(gpus, min(cores, _WORKERS_PER_GPU * gpus)) if gpus else cores


def thread_limits(threads: int) -> dict[str, str]:
    """Environment variables of a process that may keep so many threads busy.

    All processes together should have about one a core; llvmpipe and OpenMP would start one a
    core in each of them. BLAS has one thread everywhere, see `one_blas_thread`; OpenCV has one in
    workers.
    """
    shares = dict.fromkeys(("LP_NUM_THREADS", "OMP_NUM_THREADS"), str(threads))
    return shares | {BLAS_THREADS: "1"}


def _must_be_replaceable(run: RunConfig) -> bool:
    return run.skip_failed_frames or run.frame_timeout_s not in ("auto", None)


def _here(plan: Plan, frames: Sequence[int], *, on_thread: bool) -> Iterator[FrameOutcome]:
    """Frames of this process; encoded on a thread, while the next one is drawn, if so asked."""
    worker = Worker(plan, plan.run.disk)
    before: Future[FrameOutcome] | None = None
    with contextlib.closing(worker), ThreadPoolExecutor(1) as thread:
        for frame_idx in frames:
            try:
                finish = worker.draw(frame_idx)
            except Exception:
                if before is not None:  # which is no fault of it
                    yield before.result()
                raise
            if not on_thread:
                yield finish()
                continue
            if before is not None:
                yield before.result()
            before = thread.submit(finish)
        if before is not None:
            yield before.result()
