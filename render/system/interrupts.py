"""Signals that end a run: which ones do, and when."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

__all__ = ["interrupt_on", "interrupts_held"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def interrupt_on(signals: Sequence[signal.Signals]) -> None:
    """Makes these signals end a run as Ctrl-C does, but for those that are ignored (by nohup)."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    for each in signals:
        if signal.getsignal(each) == signal.SIG_DFL:
            signal.signal(each, interrupt)


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Holds signals that would interrupt the block back until its end.

    trimesh takes any exception while it imports what it can do without, a KeyboardInterrupt too,
    for a sign that this is not installed, and goes on.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # handlers run in the main thread alone
        return
    received: list[int] = []
    held = {s: handler for s in _SIGNALS if callable(handler := signal.getsignal(s))}
    for number in held:
        signal.signal(number, lambda got, _: received.append(got))
    try:
        yield
    finally:
        for number, handler in held.items():
            signal.signal(number, handler)
        for got in received:
            signal.raise_signal(got)
