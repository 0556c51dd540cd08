"""Frames on this machine: in this process, or in several that are replaced when they die."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import final

from render.build import Plan
from render.errors import RenderError
from render.execute.base import AbstractExecutor, FrameResult
from render.execute.worker import Worker, renders, start

__all__ = ["LocalExecutor"]

# A worker costs about a second to start: fewer frames than this are not worth one.
_FRAMES_PER_WORKER = 8
_MAX_LOSSES = 5


@final
class LocalExecutor(AbstractExecutor):
    """`workers` spawned processes; one worker means this process."""

    def run(self, plan: Plan, frames: Sequence[int]) -> Iterator[FrameResult]:
        """Yields each frame's result as it is finished.

        Raises:
            RenderError: A frame failed, or workers died again and again.

        """
        cores = len(os.sched_getaffinity(0))
        asked = plan.run.workers
        workers = min(asked or cores, max(1, -(-len(frames) // _FRAMES_PER_WORKER)))
        if workers == 1:
            yield from _here(plan, frames)
        else:
            yield from _spread(plan, frames, workers, gl_threads=max(1, cores // workers))


def _here(plan: Plan, frames: Sequence[int]) -> Iterator[FrameResult]:
    worker = Worker(plan, plan.run.output_dir)
    try:
        for frame_idx in frames:
            yield worker.render(frame_idx)
    finally:
        worker.close()


def _spread(
    plan: Plan, frames: Sequence[int], workers: int, *, gl_threads: int
) -> Iterator[FrameResult]:
    # Never fork: a child would share the parent's GL and OpenCV threads.
    context = multiprocessing.get_context("spawn")
    todo = set(frames)
    losses = 0
    while todo:
        with ProcessPoolExecutor(
            workers, context, start, (dict(plan.config), plan.run.output_dir, gl_threads)
        ) as pool:
            try:
                for result in _drain(pool, sorted(todo), backlog=4 * workers):
                    todo.discard(result.frame_idx)
                    yield result
            except BrokenProcessPool as error:
                losses += 1
                if losses > _MAX_LOSSES:
                    raise RenderError(
                        f"worker processes died {losses} times, last with {len(todo)} frames "
                        "to go: out of memory? Try fewer `workers`."
                    ) from error
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise


def _drain(
    pool: ProcessPoolExecutor, frames: Sequence[int], *, backlog: int
) -> Iterator[FrameResult]:
    """Keeps a bounded number of frames under way, so that memory is bounded too."""
    pending: set[Future[FrameResult]] = set()
    remaining = iter(frames)
    while True:
        while len(pending) < backlog and (frame_idx := next(remaining, None)) is not None:
            pending.add(pool.submit(renders, frame_idx))
        if not pending:
            return
        done, pending = wait(pending, return_when=FIRST_COMPLETED)
        for future in done:
            yield future.result()
