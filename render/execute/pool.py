"""Processes that share frames out among themselves; one that dies is replaced alone.

They are forked from a process that has imported what they need and done nothing else: it has one
thread and no GL. Each has a pipe to the parent, and holds a frame that it works on and one to go
on with, so that it never waits for the parent and few frames are lost with it; with cores to spare
it finishes a frame on a thread while it draws the next. One whose frame takes too long is killed,
and then is one that died.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import multiprocessing.forkserver
import os
import pickle
import signal
import threading
import time
import traceback
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import Connection, wait
from typing import Any, final

from render.dataset.frame_result import FrameFailure
from render.errors import RenderError
from render.system.blas import BLAS_THREADS
from render.system.environment_variables import environment_variables
from render.system.events import tell

__all__ = ["Pool", "RemoteTraceback", "portable", "prepare"]

_UNDER_WAY = 2
_MAX_DEATHS = 3
_END_S = 5.0
_IMPORTED = "render.execute.worker"
_FEWER = "out of memory? Try fewer `workers`"

RenderFrame = Callable[[int], Callable[[], Any]]
"""Draws a frame; what it returns makes the frame's result, on a thread where cores are free."""
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
        since_s: When it can have begun its first frame at the earliest that the parent knows of,
            by a clock that nobody sets.

    """

    process: multiprocessing.process.BaseProcess
    connection: Connection
    frames: deque[int] = field(default_factory=deque)
    has_started: bool = False
    since_s: float = 0.0

    def give(self, frame_idx: int) -> None:
        """Sends a frame; that the process is dead already, is found out later."""
        if not self.frames:
            self.since_s = time.monotonic()
        self.frames.append(frame_idx)
        with contextlib.suppress(OSError):
            self.connection.send(frame_idx)

    def take(self, answer: _Answer) -> None:
        """Notes that the process has started, or has done its first frame."""
        if answer.frame_idx is None:
            self.has_started = True
        else:
            self.frames.popleft()
        self.since_s = time.monotonic()

    def left_s(self, limit_s: float) -> float | None:
        """What is left of its first frame's time; None: it has none, or has yet to start."""
        if not (self.frames and self.has_started):
            return None
        return max(0.0, self.since_s + limit_s - time.monotonic())

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

    def __init__(
        self,
        start: Start,
        *,
        workers: int,
        environment: Mapping[str, str],
        frame_timeout_s: float | None = None,
        skip_failed: bool = False,
        on_thread: bool = False,
    ) -> None:
        """Starts the processes.

        Args:
            start: Makes in each process what renders frames there.
            workers: How many processes, at least one.
            environment: Variables added to the environment of this process for them, before they
                load any library but those that are imported for all of them.
            frame_timeout_s: How long a frame may take; its process's start does not count.
            skip_failed: Whether a frame that fails 3 times is left out instead of ending it all.
            on_thread: Whether a process makes the result of a frame on a thread, while it draws
                the next one.

        """
        self._start_work = start
        self._environment = environment
        self._frame_timeout_s = frame_timeout_s
        self._skip_failed = skip_failed
        self._on_thread = on_thread
        self._todo: Iterator[int] = iter(())
        self._again: deque[int] = deque()  # of processes that died
        self._suspects: set[int] = set()  # frames that were under way in these
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
        """Yields the result of each frame as it is finished, or its `FrameFailure`.

        Raises:
            RenderError: A frame's process died or took too long 3 times; or processes died 3 times
                in a row before they had begun one.
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
                elif self._is_overdue(worker):
                    worker.process.kill()
                    worker.process.join()
                    yield from self._receive(slot, was_overdue=True)

    def _assign_frames(self) -> None:
        """Gives one more frame to each process in turn, so that the last ones need not queue."""
        for under_way in range(_UNDER_WAY + self._on_thread):
            for worker in self._workers:
                if len(worker.frames) == under_way and self._may_have_more(worker):
                    frame_idx = self._again.popleft() if self._again else next(self._todo, None)
                    if frame_idx is not None:
                        worker.give(frame_idx)

    def _may_have_more(self, worker: _Worker) -> bool:
        # A frame that was under way when a process died is done alone: should it happen again, it
        # is known which one did it.
        alone = self._again or not self._suspects.isdisjoint(worker.frames)
        return not (worker.frames and alone)

    def _wait(self) -> list[Any]:
        things: list[Any] = [worker.connection for worker in self._workers]
        things += [worker.process.sentinel for worker in self._workers]
        limit_s = self._frame_timeout_s
        left_s = [worker.left_s(limit_s) for worker in self._workers] if limit_s else []
        return wait(things, min((left for left in left_s if left is not None), default=None))

    def _is_overdue(self, worker: _Worker) -> bool:
        # Whoever takes the results may have taken long over one: what is there already is in time.
        limit_s = self._frame_timeout_s
        return limit_s is not None and worker.left_s(limit_s) == 0 and not worker.connection.poll()

    def _receive(self, slot: int, *, was_overdue: bool = False) -> Iterator[Any]:
        """Receives the results that a process has sent; replaces it if it has ended."""
        worker = self._workers[slot]
        answers, has_ended = worker.answers()
        for answer in answers:
            if answer.error is not None:
                raise answer.error from RemoteTraceback(answer.traceback)
            worker.take(answer)
            if answer.frame_idx is not None:
                yield answer.result
        if has_ended:
            yield from self._replace(slot, was_overdue=was_overdue)

    def _replace(self, slot: int, *, was_overdue: bool) -> Iterator[FrameFailure]:
        worker = self._workers[slot]
        worker.connection.close()
        how = _how_it_ended(worker.end(within_s=_END_S))
        if was_overdue:
            how = f"more seconds than frame_timeout_s={self._frame_timeout_s:g}"
        tell("worker_replaced", worker=slot, ended_with=how)
        if worker.frames and worker.has_started:
            yield from self._failed(worker.frames, how, was_overdue=was_overdue)
        self._deaths_by_slot[slot] = 0 if worker.has_started else self._deaths_by_slot[slot] + 1
        if self._deaths_by_slot[slot] >= _MAX_DEATHS:
            raise RenderError(
                f"worker processes died {_MAX_DEATHS} times in a row before they had begun a "
                f"frame, last with {how}: {_FEWER}"
            )
        self._again.extendleft(reversed(worker.frames))
        if worker.has_started:
            self._suspects.update(worker.frames)
        self._workers[slot] = self._spawn(slot)

    def _failed(self, frames: deque[int], how: str, *, was_overdue: bool) -> Iterator[FrameFailure]:
        """Counts what became of the first of a process's frames; leaves it out, or ends the run."""
        frame_idx = frames[0]
        self._frame_deaths[frame_idx] += 1
        if self._frame_deaths[frame_idx] < _MAX_DEATHS:
            tell("frame_retried", frame=frame_idx, failures=self._frame_deaths[frame_idx])
            return
        remedy = "raise that" if was_overdue else _FEWER
        reason = f"ended its worker process {_MAX_DEATHS} times, last with {how}: {remedy}"
        if not self._skip_failed:
            fault = "or the fault is in what this frame shows"
            raise RenderError(f"frame {frame_idx} {reason}; {fault}")
        frames.popleft()
        yield FrameFailure(frame_idx=frame_idx, reason=reason)

    def _spawn(self, slot: int) -> _Worker:
        prepare()
        # Never fork this process: a child would share its GL and OpenCV threads.
        context = multiprocessing.get_context("forkserver")
        ours, theirs = context.Pipe()
        environment = {**os.environ, **self._environment}
        start_work = pickle.dumps(self._start_work)
        arguments = (theirs, environment, start_work, slot, self._on_thread)
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
    connection: Connection,
    environment: Mapping[str, str],
    start_work: bytes,
    slot: int,
    on_thread: bool,
) -> None:
    """The life of a worker process: it ends when the parent closes the pipe, or dies."""
    os.environ.clear()
    os.environ.update(environment)
    start: Start = pickle.loads(start_work)
    # Ctrl-C reaches every process of the terminal; the parent alone answers it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    render: RenderFrame | None = None
    sent: Future[None] | None = None
    with contextlib.suppress(EOFError, ConnectionError), ThreadPoolExecutor(1) as thread:
        while True:
            frame_idx = connection.recv()
            try:
                if render is None:
                    render = start(slot)
                    connection.send(_Answer())
                finish = render(frame_idx)
            except Exception as error:  # noqa: BLE001  whatever a frame raises is the parent's
                finish = partial(_raise, error)
            if not on_thread:
                _answer(connection, frame_idx, finish)
                continue
            if sent is not None:
                sent.result()  # one drawn frame waits at most, and answers keep their order
            sent = thread.submit(_answer_or_end, connection, frame_idx, finish)


def _answer_or_end(connection: Connection, frame_idx: int, finish: Callable[[], Any]) -> None:
    try:
        _answer(connection, frame_idx, finish)
    except ConnectionError:  # the parent has left
        os._exit(1)
    except BaseException:  # noqa: BLE001  the parent would wait for the answer for ever
        traceback.print_exc()
        os._exit(1)


def _answer(connection: Connection, frame_idx: int, finish: Callable[[], Any]) -> None:
    try:
        answer = _Answer(frame_idx, finish())
    except Exception as error:  # noqa: BLE001  whatever a frame raises is the parent's
        sent, text = portable(error)
        answer = _Answer(frame_idx, error=sent, traceback=text)
    connection.send(answer)


def _raise(error: Exception) -> None:
    raise error


def _end_with_parent() -> None:
    # A frame may take long, and its results would reach nobody.
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def portable(error: Exception) -> tuple[Exception, str]:
    """An error that can be sent to another process, and its traceback as text."""
    text = "".join(traceback.format_exception(error))
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # noqa: BLE001  whatever pickling raises: the message must arrive
        error = RuntimeError(f"{type(error).__name__}: {error}")
    return error, text


def _how_it_ended(exitcode: int | None) -> str:
    if exitcode is not None and exitcode < 0:
        return signal.Signals(-exitcode).name
    return f"exit code {exitcode}"
