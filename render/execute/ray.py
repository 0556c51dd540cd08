"""Frames on the machines of a Ray cluster, which all see the dataset's folder.

Actors rather than tasks: an engine takes seconds to start. Ray restarts none of them and tries
nothing again by itself, so that who lost which frame is known here.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, final

from render.dataset.frame_result import FrameOutcome
from render.errors import ConfigError, EngineError, RenderError
from render.execute.base import AbstractExecutor
from render.execute.elsewhere import Origin
from render.execute.local import thread_limits
from render.execute.pool import RemoteTraceback
from render.execute.todo import UNDER_WAY, Todo
from render.plan import Plan
from render.system import values
from render.system.cores import usable_cores
from render.system.environment_variables import environment_variables
from render.system.interrupts import Interrupted

__all__ = ["RayExecutor", "RayWorker"]

_LOG = logging.getLogger(__name__)

_ANSWER_S = 10.0
# A worker costs several seconds to start: fewer frames than this are not worth one.
_FRAMES_PER_WORKER = 8
# While one reads pixels back or encodes them, the others keep the GPU busy.
_GPU_SHARE = 0.25
# After this long without any worker the cluster is likely to have no room for one.
_PATIENCE_S = 60.0
# Results are a few kilobytes each; Ray would take a third of the memory.
_OBJECT_STORE_BYTES = 2**27
_NO_STATISTICS = {"RAY_USAGE_STATS_ENABLED": "0"}


@final
class RayExecutor(AbstractExecutor):
    """`workers` actors, as many as the cluster has room for with ``workers=auto``."""

    def __init__(
        self, *, address: str | None = None, num_cpus: float = 1, num_gpus: float | None = None
    ) -> None:
        """Makes sure that the cluster is there.

        Args:
            address: Of the cluster: None starts one of this machine alone, ``auto`` finds the one
                that this machine is part of, else ``HOST:PORT``.
            num_cpus: Cores that each worker takes.
            num_gpus: Share of a GPU that each worker takes; None: a quarter where frames are drawn
                with a GPU, else none.

        Raises:
            ConfigError: A value breaks its rule, or the cluster does not answer within 10 s.
            EngineError: Ray is not installed.

        """
        self._address = _address_of(address)
        self._num_cpus = _number("execution.num_cpus", num_cpus, least=0.01, most=1024)
        self._num_gpus = (
            None if num_gpus is None else _number("execution.num_gpus", num_gpus, least=0, most=1)
        )
        self._ray = _import_ray()
        if self._address is not None and not self._ray.is_initialized():
            _check_answer(self._address)

    def run(self, plan: Plan, frames: Sequence[int], *, on_gpu: bool) -> Iterator[FrameOutcome]:
        """Yields each frame's result as it is finished.

        A frame whose machine is lost is drawn again, with the same bytes, and yielded once.

        Raises:
            RenderError: A frame failed, or workers died again and again.

        """
        num_gpus = self._num_gpus
        if num_gpus is None:
            num_gpus = _GPU_SHARE if on_gpu else 0
        resources = {"num_cpus": self._num_cpus, "num_gpus": num_gpus}
        cores = max(usable_cores(), round((plan.run.workers or 0) * self._num_cpus))
        with _connected(self._ray, self._address, cores=cores):
            asked = plan.run.workers or _room(self._ray, **resources)
            workers = min(asked, max(1, -(-len(frames) // _FRAMES_PER_WORKER)))
            limits = thread_limits(max(1, int(self._num_cpus)))
            actor = self._ray.remote(RayWorker).options(
                max_restarts=0,
                max_task_retries=0,
                scheduling_strategy="SPREAD",
                runtime_env={"env_vars": limits},
                **resources,
            )
            crew = _Crew(self._ray, actor.remote, Origin.of(plan), workers=workers)
            try:
                yield from crew.run(frames)
            finally:
                crew.end()


class RayWorker:
    """What runs on a node: one plan, one engine, many frames."""

    def __init__(self) -> None:
        self._render: Callable[[int], FrameOutcome] | None = None

    def start(self, slot: int, origin: Origin) -> None:
        """Builds the plan, starts the engine; not in the constructor, so that errors keep a type.

        Args:
            slot: The number of the worker in the crew.
            origin: The run.

        Raises:
            RenderError: See `Origin.start`.

        """
        self._render = origin.start(slot, owns_gpu=bool(_import_ray().get_gpu_ids()))

    def render(self, frame_idx: int) -> FrameOutcome:
        """Renders one frame and writes its files."""
        if self._render is None:
            raise RenderError(f"the worker must have started before frame {frame_idx}")
        return self._render(frame_idx)


@dataclass(eq=False)
class _Member:
    """One actor, seen from the run.

    Attributes:
        started: Reference to the end of its start; None: it has started.
        frames: Under way in it, by references to their results, in order.

    """

    slot: int
    actor: Any
    started: Any
    frames: dict[Any, int] = field(default_factory=dict)

    @property
    def next_ref(self) -> Any:
        """What it will finish next; None: it has nothing to do."""
        return self.started if self.started is not None else next(iter(self.frames), None)


@final
class _Crew:
    """Actors that share frames out among themselves; one that is lost is replaced alone."""

    def __init__(self, ray: Any, make: Callable[[], Any], origin: Origin, *, workers: int) -> None:
        self._ray = ray
        self._make = make
        self._origin = origin
        self._todo = Todo(())
        self._members = [self._started(slot) for slot in range(workers)]

    def run(self, frames: Sequence[int]) -> Iterator[FrameOutcome]:
        """Yields the result of each frame as it is finished."""
        self._todo = Todo(frames)
        is_told = False
        while True:
            self._assign_frames()
            if not self._todo and not any(member.frames for member in self._members):
                return
            by_ref = {member.next_ref: member for member in self._members if member.next_ref}
            ready, _ = self._ray.wait(list(by_ref), num_returns=1, timeout=_PATIENCE_S)
            for ref in ready:
                yield from self._receive(by_ref[ref])
            if not ready and not is_told and all(m.started is not None for m in self._members):
                is_told = True
                _LOG.warning(
                    "no worker has started for %.0f s: the cluster may have no room for one "
                    "(execution.num_cpus, execution.num_gpus)",
                    _PATIENCE_S,
                )

    def end(self) -> None:
        """Ends all actors at once."""
        for member in self._members:
            self._kill(member)

    def _assign_frames(self) -> None:
        for under_way in range(UNDER_WAY):
            for member in self._members:
                if member.started is None and len(member.frames) == under_way and self._todo:
                    frame_idx = self._todo.next()
                    member.frames[member.actor.render.remote(frame_idx)] = frame_idx

    def _receive(self, member: _Member) -> Iterator[FrameOutcome]:
        """Receives what an actor has finished, in order; replaces it if it is lost."""
        while (ref := member.next_ref) and self._ray.wait([ref], timeout=0)[0]:
            errors = self._ray.exceptions
            try:
                result = self._ray.get(ref)
            except errors.RayTaskError as error:
                raise error.cause from RemoteTraceback(str(error))
            except errors.RayError as error:  # the process, its node or the way to it
                self._replace(member, error)
                return
            if ref is member.started:
                member.started = None
                return
            del member.frames[ref]
            yield result

    def _replace(self, member: _Member, error: Exception) -> None:
        has_started = member.started is None
        how = _how_it_ended(error)
        _LOG.info("worker %d is replaced: %s", member.slot, how)
        self._todo.lost(member.slot, member.frames.values(), how, has_started=has_started)
        self._kill(member)  # it may be alive, and only out of reach
        self._members[member.slot] = self._started(member.slot)

    def _started(self, slot: int) -> _Member:
        actor = self._make()
        return _Member(slot=slot, actor=actor, started=actor.start.remote(slot, self._origin))

    def _kill(self, member: _Member) -> None:
        with contextlib.suppress(self._ray.exceptions.RayError):
            self._ray.kill(member.actor)


def _how_it_ended(error: Exception) -> str:
    """What Ray tells of a lost actor, without the numbers that it knows it by."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    told = [line for line in lines if not line.partition(":")[0].isidentifier()]
    return f"{type(error).__name__}: {' '.join(told)}".rstrip(": .")


def _import_ray() -> Any:
    try:
        with environment_variables(_NO_STATISTICS):
            return importlib.import_module("ray")
    except ImportError as error:
        raise EngineError(
            f"execution=ray needs Ray ({error}): pip install 'render-theta[ray]'"
        ) from error


@contextlib.contextmanager
def _connected(ray: Any, address: str | None, *, cores: int) -> Iterator[None]:
    """Connects this process to a cluster; one that it is connected to already is left so."""
    if ray.is_initialized():
        yield
        return
    own: dict[str, Any] = {"num_cpus": cores, "include_dashboard": False}
    own["object_store_memory"] = _OBJECT_STORE_BYTES
    # Ray puts a handler in place of the one that ends a run with its exit code.
    handler = signal.getsignal(signal.SIGTERM)
    try:
        with environment_variables(_NO_STATISTICS):
            ray.init(
                address=address or "local",
                log_to_driver=False,
                logging_level=logging.ERROR,
                **(own if address is None else {}),
            )
    except SystemExit as error:
        raise Interrupted(signal.SIGTERM) from error
    except (OSError, RuntimeError, ValueError) as error:
        raise _no_cluster(address, str(error)) from error
    finally:
        with contextlib.suppress(ValueError):  # not in the main thread
            signal.signal(signal.SIGTERM, handler)
    try:
        yield
    finally:
        ray.shutdown()


def _room(ray: Any, *, num_cpus: float, num_gpus: float) -> int:
    """How many workers the nodes have room for, at least one."""
    room = 0
    for node in ray.nodes():
        if node["Alive"]:
            there = node["Resources"]
            by_gpu = there.get("GPU", 0) / num_gpus if num_gpus else float("inf")
            room += int(min(there.get("CPU", 0) / num_cpus, by_gpu) + 1e-9)
    return max(1, room)


def _check_answer(address: str) -> None:
    """Ray itself waits for minutes, and then may end the process.

    Raises:
        ConfigError: No cluster has answered within 10 s.

    """
    until = time.monotonic() + _ANSWER_S
    if address != "auto":
        host, _, port = address.rpartition(":")
        try:
            socket.create_connection((host, int(port)), timeout=_ANSWER_S).close()
        except OSError as error:
            raise _no_cluster(address, str(error)) from error
    command = [sys.executable, "-m", "ray.scripts.scripts", "status"]
    command += [] if address == "auto" else ["--address", address]
    try:
        subprocess.run(
            command,
            env=os.environ | _NO_STATISTICS,
            capture_output=True,
            text=True,
            check=True,
            timeout=max(1.0, until - time.monotonic()),
        )
    except subprocess.TimeoutExpired as error:
        raise _no_cluster(address, "no answer") from error
    except subprocess.CalledProcessError as error:
        last = (error.stderr.strip().splitlines() or ["no answer"])[-1]
        raise _no_cluster(address, last) from error


def _no_cluster(address: str | None, why: str) -> RenderError:
    if address is None:
        return EngineError(f"Ray cannot start on this machine: {why}")
    return ConfigError(
        "execution.address must be that of a Ray cluster that this machine is a node of and that "
        f"answers within {_ANSWER_S:.0f} s, got {address}: {why}"
    )


def _address_of(value: Any) -> str | None:
    if value is None:
        return None
    if value == "auto":
        return "auto"
    host, _, port = value.rpartition(":") if isinstance(value, str) else ("", "", "")
    if not host or "/" in host or not port.isdecimal() or not 0 < int(port) < 2**16:
        raise ConfigError(f"execution.address must be null, auto or HOST:PORT, got {value!r}")
    return str(value)


def _number(name: str, value: Any, *, least: float, most: float) -> float:
    try:
        return values.number(value, lo=least, hi=most)
    except ValueError as error:
        raise ConfigError(f"{name} must {error}, got {value!r}") from error
