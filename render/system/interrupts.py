"""Ctrl-C while libraries are imported."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["interrupts_held"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def interrupts_held() -> Iterator[None]:
    """What would interrupt the block does so at its end.

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
