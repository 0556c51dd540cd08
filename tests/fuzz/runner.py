"""Runs cases in processes that are watched, and tells what came of them."""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from render.kernels.compiled import kept_code
from tests.e2e.cli import ROOT, environment
from tests.fuzz.worker import KINDS, Outcome

__all__ = ["Runner", "failures_text", "table"]

# Beside the bound of processor time that each kind has: what waits for ever takes none, and gets
# some even on a machine with much else to do.
_WAITS_S = 40.0
_LEAST_SHARE = 0.01
_PREPARES_S = 240.0
_TICKS = os.sysconf("SC_CLK_TCK")


class Runner:
    """One process at a time; a new one where the last was killed or died."""

    def __init__(self, shared: Path) -> None:
        self.shared = shared
        self._process: subprocess.Popen[bytes] | None = None
        self._log = shared / "stderr.txt"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, e: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._end()

    def cases(self, kind: str, seed: int, *, n: int, cpu_s: float) -> Iterator[Outcome]:
        """Cases 0, 1, ... until there are `n`, or they took as much processor time together."""
        spent = 0.0
        for number in range(n):
            if spent >= cpu_s:
                return
            outcome = self._case(kind, seed, number)
            spent += outcome.cpu_s
            yield outcome

    def _case(self, kind: str, seed: int, number: int) -> Outcome:
        folder = self.shared / "case"
        process = self._process or self._start()
        assert process.stdin is not None
        shutil.rmtree(folder, ignore_errors=True)
        self._log.write_bytes(b"")
        before, since = _cpu_s(process.pid), time.monotonic()
        started = since
        allowed_s = KINDS[kind].cpu_s
        process.stdin.write(json.dumps([kind, seed, number, str(folder)]).encode() + b"\n")
        process.stdin.flush()
        while True:
            line = self._line(process, 0.2)
            if line:
                return Outcome(**json.loads(line))
            # The folder is there once the process has begun with the case itself.
            if not folder.exists() and time.monotonic() - started < _PREPARES_S:
                before, since = _cpu_s(process.pid), time.monotonic()
            spent, waited = _cpu_s(process.pid) - before, time.monotonic() - since
            if process.poll() is not None:
                return self._ended("crash", number, spent)
            if spent > allowed_s or (waited > _WAITS_S and spent < _LEAST_SHARE * waited):
                process.send_signal(signal.SIGUSR1)  # which writes where it is
                time.sleep(0.5)
                return self._ended("hang", number, spent)

    def _ended(self, word: str, number: int, cpu_s: float) -> Outcome:
        self._end()
        said = self._log.read_text(errors="replace")[-6000:]
        places = [line.strip() for line in said.splitlines() if "/render/" in line]
        kind = f"{word}: {places[0] if places else said[-200:]}"
        return Outcome(number=number, word=word, kind=kind, detail=said, cpu_s=cpu_s, mb=0.0)

    def _start(self) -> subprocess.Popen[bytes]:
        kernels, kept = self.shared / "cache/render/kernels", kept_code()
        if kept is not None and not kernels.exists():  # half a minute's work, and of no input
            kernels.parent.mkdir(parents=True)
            kernels.symlink_to(kept.parent)
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.fuzz.worker", str(self.shared)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=ROOT,
                # No damaged input comes into the cache of whoever tests.
                env=environment() | {"XDG_CACHE_HOME": str(self.shared / "cache")},
            )
        if not self._line(self._process, _PREPARES_S):
            raise RuntimeError(f"the process does not start: {self._log.read_text()}")
        return self._process

    def _line(self, process: subprocess.Popen[bytes], within_s: float) -> bytes:
        assert process.stdout is not None
        readable, _, _ = select.select([process.stdout], [], [], within_s)
        return process.stdout.readline() if readable else b""

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


def _cpu_s(pid: int) -> float:
    """Processor time of a process and all that it started, seconds."""
    with contextlib.suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        tasks = Path(f"/proc/{pid}/task").glob("*/children")  # a child belongs to a thread
        children = [child for task in tasks for child in task.read_text().split()]
        # Those that have ended are in the third and fourth.
        return sum(map(int, fields[11:15])) / _TICKS + sum(_cpu_s(int(c)) for c in children)
    return 0.0


def table(kind: str, outcomes: Sequence[Outcome], seconds: float) -> str:
    """How many cases came to what, the messages most often met first."""
    words = Counter(outcome.word for outcome in outcomes)
    counts = ", ".join(f"{n} {word}" for word, n in words.most_common())
    most = max((outcome.mb for outcome in outcomes), default=0.0)
    slowest = max((outcome.cpu_s for outcome in outcomes), default=0.0)
    lines = [
        f"{kind}: {len(outcomes)} cases in {seconds:.0f} s: {counts}; at most {most:.0f} MB and "
        f"{slowest:.1f} s of a processor each"
    ]
    told = Counter((outcome.word, outcome.kind) for outcome in outcomes if outcome.kind)
    lines += [f"{n:6} {word}: {said}" for (word, said), n in told.most_common()]
    return "\n".join(lines)


def failures_text(kind: str, seed: int, shared: Path, outcomes: Sequence[Outcome]) -> str:
    """One case of each kind of failure, with how to see it again."""
    found: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        if not outcome.is_well:
            found.setdefault(f"{outcome.word}: {outcome.kind}", []).append(outcome)
    texts = []
    for name, some in found.items():
        numbers = ", ".join(str(outcome.number) for outcome in some[:12])
        texts.append(
            f"{name}\n  {len(some)} cases, numbers {numbers}; to make the first one again:\n"
            f"  python -m tests.fuzz.worker {shared} '{kind}' {seed} {some[0].number}\n"
            f"{some[0].detail[-2500:]}\n"
        )
    return "\n".join(texts)
