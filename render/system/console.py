"""What commands tell the person at the terminal, and how they begin and end."""

from __future__ import annotations

import argparse
import contextlib
import datetime
import io
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TextIO

from render.errors import RenderError
from render.system.interrupts import exit_code, interrupt_on

__all__ = ["Pace", "command_parser", "complain", "progress", "run_command", "say"]

_EVERY_S = 30.0


def command_parser(doc: str, *examples: str) -> argparse.ArgumentParser:
    """The parser of a command, so that ``--help`` looks alike for all of them.

    Args:
        doc: The module docstring: the command in single backquotes, a colon and what it does.
        examples: Command lines, the arguments alone.

    """
    command, _, about = doc.strip().partition("`: ")
    usage = command.removeprefix("`")
    prog = " ".join(usage.split()[:3])
    return argparse.ArgumentParser(
        prog=prog,
        usage=usage,
        description=about[0].upper() + about[1:],
        epilog="\n".join(["Examples", *(f"  {prog} {example}".rstrip() for example in examples)]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def run_command(main: Callable[[], None]) -> None:
    """Runs a command as the whole of a process.

    It exits with 0; with 1 after an error and 2 after a wrong command line, which `main` raises as
    SystemExit; with 130 after Ctrl-C, 143 after SIGTERM, 129 after SIGHUP. A reader that has gone
    away, such as ``head``, is no error, and neither is a stream that was closed beforehand; an
    output that cannot be written, as on a full disk, is one.
    """
    _open_closed()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # Names of files may hold bytes that are no text.
            stream.reconfigure(errors="backslashreplace")
    interrupt_on((signal.SIGTERM, signal.SIGHUP))
    try:
        main()
    except KeyboardInterrupt as error:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C: it is ending already
        sys.exit(exit_code(error))
    except BrokenPipeError:
        _forget_reader(sys.stdout)
    # What a command cannot be imported without, such as Numba; other errors it tells itself.
    except RenderError as error:
        complain(f"error: {error}")
        sys.exit(1)
    finally:
        with _unless_closed(sys.stdout):
            sys.stdout.flush()


def say(text: str) -> None:
    """Writes one or more lines to standard output at once."""
    with _unless_closed(sys.stdout):
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()


def complain(text: str) -> None:
    """Writes one or more lines to standard error at once."""
    with _unless_closed(sys.stderr):
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()


@dataclass(frozen=True)
class Pace:
    """How far a long job is.

    Attributes:
        done: How many are done, those of earlier runs included.
        total: How many there are.
        per_s: How many were done a second since the job began.

    """

    done: int
    total: int
    per_s: float

    @property
    def remaining_s(self) -> float | None:
        """About how long the rest takes; None while nothing was done."""
        return (self.total - self.done) / self.per_s if self.per_s else None

    def as_dict(self) -> dict[str, Any]:
        """What there is to know of it, in plain containers."""
        remaining_s = self.remaining_s
        return {
            "done": self.done,
            "total": self.total,
            "per_s": round(self.per_s, 4),
            "remaining_s": None if remaining_s is None else round(remaining_s, 1),
        }

    def text(self, unit: str) -> str:
        """For people: ``13 of 100 frames, 0.0968 frames/s, 0:14:59 remaining``."""
        text = f"{self.done} of {self.total} {unit}s, {self.per_s:.3g} {unit}s/s"
        if self.remaining_s is None:
            return text
        return f"{text}, {datetime.timedelta(seconds=round(self.remaining_s))} remaining"


@contextlib.contextmanager
def progress(
    what: str,
    total: int,
    *,
    unit: str,
    initial: int = 0,
    report: Callable[[Pace], None] | None = None,
) -> Iterator[Callable[[], None]]:
    """Shows how far a long job is: a bar at a terminal, in a log a line every 30 seconds.

    A line comes also when nothing was done in the meantime: that is what one wants to know then.

    Args:
        what: Such as ``render``.
        total: How many there are.
        unit: What is counted, such as ``frame``.
        initial: How many are done already.
        report: What to do every 30 seconds, in a thread, in place of all that.

    Yields:
        What to call when one more is done.

    """
    if report is None and sys.stderr.isatty():
        from tqdm import tqdm  # takes a moment to import, and a log has no use for it

        with tqdm(total=total, initial=initial, unit=unit, desc=what, smoothing=0.1) as bar:
            yield lambda: bar.update() and None
        return
    done, began = initial, time.monotonic()
    ended = threading.Event()

    def one_more() -> None:
        nonlocal done
        done += 1

    def watch() -> None:
        while not ended.wait(_EVERY_S):
            pace = Pace(done, total, (done - initial) / (time.monotonic() - began))
            if report is None:
                complain(f"{what}: {pace.text(unit)}")
            else:
                report(pace)

    watcher = threading.Thread(target=watch, name="progress", daemon=True)
    watcher.start()
    try:
        yield one_more
    finally:
        ended.set()
        watcher.join()


@contextlib.contextmanager
def _unless_closed(stream: TextIO) -> Iterator[None]:
    """Leaves out what is written for a reader that has gone away.

    Raises:
        SystemExit: Standard output cannot be written.

    """
    try:
        yield
    except BrokenPipeError:
        _forget_reader(stream)
    except OSError as error:
        _forget_reader(stream)
        if stream is sys.stdout:
            sys.exit(f"error: standard output cannot be written: {error.strerror}")


def _open_closed() -> None:
    """Opens streams that are closed to nowhere: else the next file has their number, and what
    libraries write to the terminal ends in it.
    """
    for number, name in ((0, "stdin"), (1, "stdout"), (2, "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
        if getattr(sys, name) is None:
            mode = "w" if number else "r"
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115


def _forget_reader(stream: TextIO) -> None:
    """Sends all that is still to be written, also at the end of the process, nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
