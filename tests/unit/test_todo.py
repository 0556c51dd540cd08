"""Frames that are given out, and those of dead processes once more."""

from __future__ import annotations

import pytest

from render.errors import RenderError
from render.execute.todo import Todo


def test_each_frame_once_in_order() -> None:
    todo = Todo([3, 5, 9])

    given = []
    while todo:
        given.append(todo.next())

    assert given == [3, 5, 9]


def test_frames_of_a_dead_process_come_first_and_in_order() -> None:
    todo = Todo(range(10))
    held = [todo.next(), todo.next()]

    todo.lost(0, held, "SIGKILL", has_started=True)

    assert [todo.next() for _ in range(3)] == [0, 1, 2]


def test_frame_that_kills_three_times_is_named_wherever_it_was() -> None:
    todo = Todo(range(10))
    todo.lost(0, [7, 8], "SIGKILL", has_started=True)
    todo.lost(1, [7, 9], "SIGKILL", has_started=True)

    with pytest.raises(RenderError, match="frame 7 ended its worker process 3 times, last with X"):
        todo.lost(0, [7], "X", has_started=True)


def test_three_that_never_start_in_a_row_end_it() -> None:
    todo = Todo(range(10))
    todo.lost(0, [], "exit code 9", has_started=False)
    todo.lost(0, [], "exit code 9", has_started=False)
    todo.lost(0, [1], "SIGKILL", has_started=True)
    todo.lost(0, [], "exit code 9", has_started=False)
    todo.lost(1, [], "exit code 9", has_started=False)
    todo.lost(0, [], "exit code 9", has_started=False)

    with pytest.raises(RenderError, match="died 3 times in a row before they had begun a frame"):
        todo.lost(0, [], "exit code 9", has_started=False)
