"""Signals that end a command: which ones do, when, and with which exit code."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

__all__ = ["Interrupted", "exit_code", "importing", "interrupt_on", "interrupts_held"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(KeyboardInterrupt):
    """A signal other than that of Ctrl-C asks a command to end.

    Attributes:
        number: Of the signal.

    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


def exit_code(error: KeyboardInterrupt) -> int:
    """What a shell says of a command that a signal ended: 130 for Ctrl-C, 143 for SIGTERM."""
    return 128 + (error.number if isinstance(error, Interrupted) else signal.SIGINT)


def interrupt_on(signals: Sequence[signal.Signals]) -> None:
    """Makes these signals end a run as Ctrl-C does, but for those that are ignored (by nohup)."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise Interrupted(number)

    for each in signals:
        if signal.getsignal(each) == signal.SIG_DFL:
            signal.signal(each, interrupt)


@contextmanager
def importing() -> Iterator[None]:
    """Lets a signal end the process at once meanwhile: nothing has begun that could be torn.

    An exception would not: libraries take any that comes while they import what they can do
    without for a sign that this is not installed.
    """
    with _handled(lambda number: os._exit(128 + number)):
        yield


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Holds signals that would interrupt the block back until its end.

    trimesh takes any exception while it imports what it can do without, a KeyboardInterrupt too,
    for a sign that this is not installed, and goes on.
    """
    received: list[int] = []
    try:
        with _handled(received.append):
            yield
    finally:
        for got in received:
            signal.raise_signal(got)


@contextmanager
def _handled(handle: Callable[[int], object]) -> Iterator[None]:
    """Gives the signals that would interrupt the block to a function instead."""
    if threading.current_thread() is not threading.main_thread():
        yield  # handlers run in the main thread alone
        return
    before = {s: handler for s in _SIGNALS if callable(handler := signal.getsignal(s))}
    for number in before:
        signal.signal(number, lambda got, _: handle(got))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
