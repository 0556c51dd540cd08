"""Frames in jobs of Slurm, which submitit hands in and asks for again when they are preempted.

Each job takes a slice of the missing frames, cut at borders of shards, and appends what becomes of
them to a file of its own in a folder that all machines share. What is in that file is done: so a
job that was preempted, killed or timed out goes on with what is left.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import math
import os
import pickle
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, groupby, pairwise
from pathlib import Path
from typing import Any, final

from render.dataset.frame_result import FrameOutcome
from render.dataset.sharding import Sharding
from render.errors import ConfigError, EngineError, RenderError
from render.execute.base import AbstractExecutor
from render.execute.elsewhere import Origin
from render.execute.local import thread_limits
from render.execute.pool import RemoteTraceback, portable
from render.plan import Plan
from render.system import values
from render.system.cores import usable_cores
from render.system.environment_variables import environment_variables

__all__ = ["Slice", "SubmititExecutor"]

_LOG = logging.getLogger(__name__)
_CLUSTERS = ("slurm", "local")
_MAX_ENDS = 3
_POLL_S = 0.5
_ASK_S = 5.0
_ANSWER_S = 60.0
_END_S = 8.0
_LENGTH_BYTES = 8


@final
class SubmititExecutor(AbstractExecutor):
    """`workers` jobs; ``workers=auto`` is one a core where the jobs run on this machine."""

    def __init__(
        self,
        *,
        cluster: str = "slurm",
        folder: str | None = None,
        timeout_min: int = 240,
        num_cpus: int = 1,
        num_gpus: int | None = None,
        partition: str | None = None,
        slurm: Mapping[str, Any] | None = None,
    ) -> None:
        """Checks the settings.

        Args:
            cluster: ``slurm``, or ``local`` for processes of this machine.
            folder: Of the jobs' logs and results, on a disk that all machines share; None: beside
                the dataset. It is emptied, and removed when all is done.
            timeout_min: Of one job.
            num_cpus: Cores of each job.
            num_gpus: GPUs of each job; None: one where frames are drawn with a GPU, else none.
            partition: Of Slurm.
            slurm: More of Slurm's settings.

        Raises:
            ConfigError: A value breaks its rule.
            EngineError: submitit is not installed.

        """
        if cluster not in _CLUSTERS:
            raise ConfigError(f"execution.cluster must be slurm or local, got {cluster!r}")
        self._cluster = cluster
        self._folder = None if folder is None else Path(folder)
        self._timeout_min = _whole("execution.timeout_min", timeout_min, least=1)
        self._num_cpus = _whole("execution.num_cpus", num_cpus, least=1)
        self._num_gpus = (
            None if num_gpus is None else _whole("execution.num_gpus", num_gpus, least=0)
        )
        self._slurm = dict(slurm or {}) | ({"partition": partition} if partition else {})
        self._submitit = _import_submitit()

    def run(self, plan: Plan, frames: Sequence[int], *, on_gpu: bool) -> Iterator[FrameOutcome]:
        """Yields each frame's result as the jobs tell of it.

        Raises:
            RenderError: A frame failed, or a job ended again and again without finishing one.

        """
        if plan.run.workers is None and self._cluster == "slurm":
            raise ConfigError("workers must be a number of jobs with execution=submitit, got auto")
        slices = _slices(frames, plan.run.workers or usable_cores(), plan.sharding)
        around = (self._folder or _beside(plan.run.disk)).absolute()
        # Its own: the folder may hold what is not ours, and other parts of the dataset theirs.
        folder = around / f"frames-{frames[0]:08d}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        num_gpus = int(on_gpu) if self._num_gpus is None else self._num_gpus
        scheduler = _Scheduler(self._executor(folder / "logs", num_gpus=num_gpus))
        origin = Origin.of(plan)
        jobs: list[_Job] = []
        try:
            with environment_variables(thread_limits(self._num_cpus)):
                for slot, own in enumerate(slices):
                    results = folder / f"results-{slot:05d}"
                    work = Slice(slot, own, origin, results, owns_gpu=bool(num_gpus))
                    jobs.append(_Job(work, scheduler.submit(work)))
                yield from _collect(jobs, scheduler)
        except BaseException:
            _cancel(jobs, scheduler)
            raise
        shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(OSError):  # there is more in it
            around.rmdir()

    def _executor(self, logs: Path, *, num_gpus: int) -> Any:
        try:
            executor = self._submitit.AutoExecutor(folder=logs, cluster=self._cluster)
        except RuntimeError as error:
            raise EngineError(f"execution.cluster=slurm needs Slurm's commands: {error}") from error
        slurm = {f"slurm_{name}": value for name, value in self._slurm.items()}
        try:
            executor.update_parameters(
                name="render",
                timeout_min=self._timeout_min,
                cpus_per_task=self._num_cpus,
                gpus_per_node=num_gpus,
                **(slurm if self._cluster == "slurm" else {}),
            )
        except (NameError, TypeError, ValueError) as error:
            raise ConfigError(f"execution.slurm must hold settings of submitit: {error}") from error
        return executor


class Slice:
    """What a job does: its frames, but for those that its file tells of already."""

    def __init__(
        self, slot: int, frames: Sequence[int], origin: Origin, results: Path, *, owns_gpu: bool
    ) -> None:
        self.slot = slot
        self.frames = frames
        self.results = results
        self._origin = origin
        self._owns_gpu = owns_gpu

    def __call__(self) -> None:
        """Renders what is left; ends early, after a frame, when it is told to by SIGTERM."""
        records, end = read_results(self.results, 0)
        done = {record.frame_idx for record in records if isinstance(record, FrameOutcome)}
        told_to_end: list[int] = []
        # submitit would pass over it, and the scheduler kill the job in the middle of a frame.
        signal.signal(signal.SIGTERM, lambda number, _: told_to_end.append(number))
        with self.results.open("ab") as file:
            file.truncate(end)  # of what a killed job had half written
            try:
                render = self._origin.start(self.slot, owns_gpu=self._owns_gpu)
                for frame_idx in self.frames:
                    if told_to_end:
                        return
                    if frame_idx not in done:
                        _append(file, render(frame_idx))
            except Exception as error:  # noqa: BLE001  whatever a frame raises is the run's
                _append(file, portable(error))

    def checkpoint(self) -> Any:
        """What submitit hands in again for a job that is preempted or out of time: the same."""
        return _import_submitit().helpers.DelayedSubmission(self)

    __submitit_checkpoint__ = checkpoint  # its name from the next version on


class _Scheduler:
    """Takes jobs, and tells which of them have ended.

    Slurm's queue is asked for that, not submitit: submitit needs accounting, without which it never
    learns of a job that was killed, and takes a job for ended that Slurm has queued again, so that
    two would render the same frames.
    """

    def __init__(self, executor: Any) -> None:
        self._executor = executor
        self._queued: frozenset[str] | None = None
        self._asked_s = -math.inf
        self._is_told = False

    def submit(self, work: Slice) -> Any:
        """Hands a job in.

        Raises:
            RenderError: The scheduler does not take it.

        """
        try:
            job = self._executor.submit(work)
        except _import_submitit().core.utils.FailedJobError as error:
            raise RenderError(f"the scheduler refuses the job: {str(error).strip()}") from error
        self._queued = None  # the last answer does not know of it
        return job

    def has_ended(self, job: Any) -> bool:
        """Whether no process of the job runs, or will run without being handed in again."""
        if self._executor.cluster != "slurm":
            return bool(job.done())
        if time.monotonic() - self._asked_s > _ASK_S:
            self._ask()
        return self._queued is not None and job.job_id not in self._queued

    def _ask(self) -> None:
        command = ("squeue", "--me", "--noheader", "--format=%A")
        self._asked_s = time.monotonic()
        try:
            answer = subprocess.run(
                command, capture_output=True, check=True, text=True, timeout=_ANSWER_S
            )
        except (OSError, subprocess.SubprocessError) as error:
            # It is asked again later; until then no more jobs have ended.
            if not self._is_told:
                _LOG.warning("%s does not answer, and tells of no job that ended: %s",
                             " ".join(command), error)  # fmt: skip
            self._is_told = True
        else:
            self._queued = frozenset(answer.stdout.split())


@dataclass(eq=False)
class _Job:
    """One job, seen from the run.

    Attributes:
        read: Bytes of its results that are known.
        ends: How often in a row it ended without a new result.

    """

    work: Slice
    job: Any
    read: int = 0
    ends: int = 0


def read_results(path: Path, start: int) -> tuple[list[Any], int]:
    """What was appended to a file of results since.

    Args:
        path: The file; it need not be there yet.
        start: Bytes that are known.

    Returns:
        Whole records, and where the last of them ends.

    """
    try:
        # Opened anew each time: on NFS that asks for what others have written.
        with path.open("rb") as file:
            file.seek(start)
            data = file.read()
    except FileNotFoundError:
        return [], start
    records, at = [], 0
    while at + _LENGTH_BYTES <= len(data):
        end = at + _LENGTH_BYTES + int.from_bytes(data[at : at + _LENGTH_BYTES], "little")
        if end > len(data):
            break
        records.append(pickle.loads(data[at + _LENGTH_BYTES : end]))
        at = end
    return records, start + at


def _append(file: Any, record: Any) -> None:
    data = pickle.dumps(record)
    file.write(len(data).to_bytes(_LENGTH_BYTES, "little") + data)
    file.flush()
    os.fsync(file.fileno())


def _collect(jobs: list[_Job], scheduler: _Scheduler) -> Iterator[FrameOutcome]:
    """Yields results as they come; hands a job in again that ended before its slice was done."""
    left = {frame_idx for job in jobs for frame_idx in job.work.frames}
    while left:
        has_news = False
        for job in jobs:
            # Asked before the file is read: all that an ended job wrote is then there.
            has_ended = scheduler.has_ended(job.job)
            records, job.read = read_results(job.work.results, job.read)
            for record in records:
                if not isinstance(record, FrameOutcome):
                    error, text = record
                    raise error from RemoteTraceback(text)
                if record.frame_idx in left:
                    left.remove(record.frame_idx)
                    yield record
            has_news |= bool(records)
            job.ends = 0 if records else job.ends
            if has_ended and left.intersection(job.work.frames):
                job.ends += 1
                _check_ends(job)
                job.job = scheduler.submit(job.work)
        if left and not has_news:
            time.sleep(_POLL_S)


def _check_ends(job: _Job) -> None:
    if job.ends >= _MAX_ENDS:
        raise RenderError(
            f"job {job.job.job_id} ended, and {_MAX_ENDS - 1} before it, without finishing a frame "
            f"of {job.work.frames[0]} to {job.work.frames[-1]}: see {job.job.paths.stderr}"
        )


def _cancel(jobs: Sequence[_Job], scheduler: _Scheduler) -> None:
    for job in jobs:
        with contextlib.suppress(Exception):  # the scheduler may be what failed
            job.job.cancel()
    until = time.monotonic() + _END_S
    for job in jobs:
        while not scheduler.has_ended(job.job) and time.monotonic() < until:
            time.sleep(0.05)


def _slices(frames: Sequence[int], n: int, sharding: Sharding) -> list[list[int]]:
    """The frames, cut at borders of shards into at most `n` slices of about one length."""
    shards = [list(own) for _, own in groupby(frames, sharding.shard_of)]
    n = min(n, len(shards))
    cuts = [len(shards) * i // n for i in range(n + 1)]
    return [list(chain.from_iterable(shards[a:b])) for a, b in pairwise(cuts)]


def _beside(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.jobs")


def _import_submitit() -> Any:
    try:
        return importlib.import_module("submitit")
    except ImportError as error:
        raise EngineError(
            f"execution=submitit needs submitit ({error}): pip install 'render-theta[submitit]'"
        ) from error


def _whole(name: str, value: Any, *, least: int) -> int:
    try:
        return values.whole(value, lo=least, hi=2**31 - 1)
    except ValueError as error:
        raise ConfigError(f"{name} must {error}, got {value!r}") from error
