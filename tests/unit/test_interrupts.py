"""Ctrl-C while libraries are imported."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from render.system.interrupts import interrupts_held


def interrupted(done: list[int]) -> None:
    with interrupts_held():
        os.kill(os.getpid(), signal.SIGINT)
        done.append(1)
    done.append(2)


def test_interrupt_comes_at_the_end_of_the_block() -> None:
    before = signal.getsignal(signal.SIGINT)
    done: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        interrupted(done)
    assert done == [1]
    assert signal.getsignal(signal.SIGINT) is before


def test_what_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interrupts_held():
            os.kill(os.getpid(), signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_other_threads_are_left_alone() -> None:
    done = []

    def work() -> None:
        with interrupts_held():
            done.append(1)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [1]
