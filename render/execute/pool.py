"""Processes that share frames out among themselves; one that dies is replaced alone.

They are forked from a process that has imported what they need and done nothing else: it has one
thread and no GL. Each has a pipe to the parent, and holds a frame that it works on and one to go
on with, so that it never waits for the parent and few frames are lost with it.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import multiprocessing.forkserver
import os
import pickle
import signal
import threading
import traceback
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import Any, final

from render.errors import RenderError
from render.system.blas import BLAS_THREADS
from render.system.environment_variables import environment_variables

__all__ = ["Pool", "RemoteTraceback", "prepare"]

_UNDER_WAY = 2
_MAX_DEATHS = 3
_END_S = 5.0
_IMPORTED = "render.execute.worker"
_FEWER = "out of memory? Try fewer `workers`"

RenderFrame = Callable[[int], Any]
"""Makes the result of a frame."""
Start = Callable[[int], RenderFrame]
"""Called once in each process, with the number of its slot in the pool; it is pickled."""


def prepare() -> None:
    """Begins to import what the processes of a pool need, while this one does other things."""
    multiprocessing.set_forkserver_preload([_IMPORTED])
    with environment_variables({BLAS_THREADS: "1"}):  # read when NumPy is imported
        multiprocessing.forkserver.ensure_running()


class RemoteTraceback(Exception):  # noqa: N818  (not an error: what was the cause of one)
    """Where in a worker process an error was raised, as text: it is that error's cause."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


@dataclass(frozen=True)
class _Answer:
    """What a process sends: that it has started (no frame), a result, or an error."""

    frame_idx: int | None = None
    result: Any = None
    error: BaseException | None = None
    traceback: str = ""


@final
@dataclass(eq=False)
class _Worker:
    """One process, seen from the parent.

    Attributes:
        frames: Under way in it, the one that it works on first.
        has_started: Its engine works; what it dies of from here on is its first frame's fault.

    """

    process: multiprocessing.process.BaseProcess
    connection: Connection
    frames: deque[int] = field(default_factory=deque)
    has_started: bool = False

    def give(self, frame_idx: int) -> None:
        """Sends a frame; that the process is dead already, is found out later."""
        self.frames.append(frame_idx)
        with contextlib.suppress(OSError):
            self.connection.send(frame_idx)

    def answers(self) -> tuple[list[_Answer], bool]:
        """What the process has sent, and whether it has ended and will send no more."""
        # Asked before the pipe is read: all that a dead process sent is then there.
        has_ended = not self.process.is_alive()
        answers: list[_Answer] = []
        try:
            while self.connection.poll():
                answers.append(self.connection.recv())
        except (EOFError, OSError):
            has_ended = True
        return answers, has_ended

    def end(self, *, within_s: float) -> int | None:
        """Waits until the process has ended, kills it where that is late, returns its exit code."""
        self.process.join(within_s)
        self.process.kill()
        self.process.join()
        return self.process.exitcode


@final
class Pool:
    """Renders frames in processes. Use as a context manager: leaving it ends them all."""

    def __init__(self, start: Start, *, workers: int, environment: Mapping[str, str]) -> None:
        """Starts the processes.

        Args:
            start: Makes in each process what renders frames there.
            workers: How many processes, at least one.
            environment: Variables added to the environment of this process for them, before they
                load any library but those that are imported for all of them.

        """
        self._start_work = start
        self._environment = environment
        self._todo: Iterator[int] = iter(())
        self._again: deque[int] = deque()  # of processes that died
        self._frame_deaths: Counter[int] = Counter()
        # Deaths in a row, by slot, of processes that had not begun a frame.
        self._deaths_by_slot = [0] * workers
        self._workers: list[_Worker] = []
        try:
            for slot in range(workers):
                self._workers.append(self._spawn(slot))
        except BaseException:
            self._end(within_s=0)
            raise

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._end(within_s=_END_S if kind is None else 0)

    def run(self, frames: Sequence[int]) -> Iterator[Any]:
        """Yields the result of each frame as it is finished.

        Raises:
            RenderError: A frame's process died 3 times; or processes died 3 times in a row before
                they had begun one.
            Exception: What a frame raised, with a `RemoteTraceback` for its cause.

        """
        self._todo = iter(frames)
        while True:
            self._assign_frames()
            if not any(worker.frames for worker in self._workers):
                return
            ready = self._wait()
            for slot, worker in enumerate(self._workers):
                if worker.connection in ready or worker.process.sentinel in ready:
                    yield from self._receive(slot)

    def _assign_frames(self) -> None:
        """Gives one more frame to each process in turn, so that the last ones need not queue."""
        for under_way in range(_UNDER_WAY):
            for worker in self._workers:
                if len(worker.frames) == under_way:
                    frame_idx = self._again.popleft() if self._again else next(self._todo, None)
                    if frame_idx is not None:
                        worker.give(frame_idx)

    def _wait(self) -> list[Any]:
        things: list[Any] = [worker.connection for worker in self._workers]
        return wait(things + [worker.process.sentinel for worker in self._workers])

    def _receive(self, slot: int) -> Iterator[Any]:
        """Receives the results that a process has sent; replaces it if it has ended."""
        worker = self._workers[slot]
        answers, has_ended = worker.answers()
        for answer in answers:
            if answer.frame_idx is None:
                worker.has_started = True
                continue
            if answer.error is not None:
                raise answer.error from RemoteTraceback(answer.traceback)
            worker.frames.popleft()
            yield answer.result
        if has_ended:
            self._replace(slot)

    def _replace(self, slot: int) -> None:
        worker = self._workers[slot]
        worker.connection.close()
        how = _how_it_ended(worker.end(within_s=_END_S))
        if worker.frames and worker.has_started:
            self._frame_deaths[worker.frames[0]] += 1
            self._check_frame(worker.frames[0], how)
        self._deaths_by_slot[slot] = 0 if worker.has_started else self._deaths_by_slot[slot] + 1
        if self._deaths_by_slot[slot] >= _MAX_DEATHS:
            raise RenderError(
                f"worker processes died {_MAX_DEATHS} times in a row before they had begun a "
                f"frame, last with {how}: {_FEWER}"
            )
        self._again.extendleft(reversed(worker.frames))
        self._workers[slot] = self._spawn(slot)

    def _check_frame(self, frame_idx: int, how: str) -> None:
        if self._frame_deaths[frame_idx] >= _MAX_DEATHS:
            raise RenderError(
                f"frame {frame_idx} ended its worker process {_MAX_DEATHS} times, last with {how}: "
                f"{_FEWER}; or the fault is in what this frame shows"
            )

    def _spawn(self, slot: int) -> _Worker:
        prepare()
        # Never fork this process: a child would share its GL and OpenCV threads.
        context = multiprocessing.get_context("forkserver")
        ours, theirs = context.Pipe()
        environment = {**os.environ, **self._environment}
        arguments = (theirs, environment, pickle.dumps(self._start_work), slot)
        process = context.Process(target=_serve, args=arguments, daemon=True)
        with theirs:
            process.start()
        return _Worker(process, ours)

    def _end(self, *, within_s: float) -> None:
        """Waits until all processes have ended, and kills those that are late."""
        for worker in self._workers:
            worker.connection.close()
        for worker in self._workers:
            worker.end(within_s=within_s)


def _serve(
    connection: Connection, environment: Mapping[str, str], start_work: bytes, slot: int
) -> None:
    """The life of a worker process: it ends when the parent closes the pipe, or dies."""
    os.environ.clear()
    os.environ.update(environment)
    start: Start = pickle.loads(start_work)
    # Ctrl-C reaches every process of the terminal; the parent alone answers it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    render: RenderFrame | None = None
    with contextlib.suppress(EOFError, ConnectionError):
        while True:
            frame_idx = connection.recv()
            try:
                if render is None:
                    render = start(slot)
                    connection.send(_Answer())
                answer = _Answer(frame_idx, render(frame_idx))
            except Exception as error:  # noqa: BLE001  whatever a frame raises is the parent's
                answer = _failure(frame_idx, error)
            connection.send(answer)


def _end_with_parent() -> None:
    # A frame may take long, and its results would reach nobody.
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _failure(frame_idx: int, error: Exception) -> _Answer:
    text = "".join(traceback.format_exception(error))
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # noqa: BLE001  whatever pickling raises: the message must arrive
        error = RuntimeError(f"{type(error).__name__}: {error}")
    return _Answer(frame_idx, error=error, traceback=text)


def _how_it_ended(exitcode: int | None) -> str:
    if exitcode is not None and exitcode < 0:
        return signal.Signals(-exitcode).name
    return f"exit code {exitcode}"
