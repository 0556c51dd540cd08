"""Real processes that die, fail and are replaced."""

from __future__ import annotations

import os
import signal
import threading
import time
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from render.dataset.frame_result import FrameFailure
from render.errors import AssetError, RenderError
from render.execute.pool import Pool, RemoteTraceback

Finish = Callable[[], tuple[int, int]]
RenderFrame = Callable[[int], Finish]


class StubbornError(Exception):
    """Cannot be pickled: its arguments are not those of its class."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"{first} {second}")


def result_of(frame_idx: int) -> Finish:
    return lambda: (frame_idx, os.getpid())


def sound(place: int) -> RenderFrame:
    return result_of


def once_fatal(folder: Path, fatal: dict[int, int], place: int) -> RenderFrame:
    """Frames that kill their process, the first so many times that they are begun."""

    def draw(frame_idx: int) -> Finish:
        with (folder / str(frame_idx)).open("a") as log:
            log.write(f"{os.getpid()}\n")
        time.sleep(0.02)
        if len((folder / str(frame_idx)).read_text().split()) <= fatal.get(frame_idx, 0):
            os.kill(os.getpid(), signal.SIGKILL)
        return result_of(frame_idx)

    return draw


def once_endless(folder: Path, endless: dict[int, int], place: int) -> RenderFrame:
    """Frames that never end, the first so many times that they are begun."""

    def draw(frame_idx: int) -> Finish:
        with (folder / str(frame_idx)).open("a") as log:
            log.write(f"{os.getpid()}\n")
        if len((folder / str(frame_idx)).read_text().split()) <= endless.get(frame_idx, 0):
            # Deaf to all that can be refused, as a driver that waits for its GPU.
            signal.pthread_sigmask(signal.SIG_BLOCK, set(signal.Signals))
            while True:
                time.sleep(60)
        return result_of(frame_idx)

    return draw


def finished_later(place: int) -> RenderFrame:
    """Frames whose results are made only when the next one is drawn: its number, and who saw it."""
    drawn = [threading.Event() for _ in range(9)]

    def draw(frame_idx: int) -> Finish:
        drawn[frame_idx].set()
        return lambda: (frame_idx, int(drawn[min(frame_idx + 1, 7)].wait(20)))

    return draw


def fatal_beside_slow(place: int) -> RenderFrame:
    """Drawing frame 8 kills the process while the result of frame 7 is still being made."""

    def draw(frame_idx: int) -> Finish:
        if frame_idx == 8:
            os.kill(os.getpid(), signal.SIGKILL)

        def finish() -> tuple[int, int]:
            time.sleep(0.3 if frame_idx == 7 else 0)
            return frame_idx, os.getpid()

        return finish

    return draw


def slow_start(folder: Path, place: int) -> RenderFrame:
    time.sleep(1.5)
    return result_of


def fatal_start(code: int, place: int) -> RenderFrame:
    os._exit(code)


def refused_start(place: int) -> RenderFrame:
    raise AssetError("/models/a.stl", "no triangles")


def failing(error: Exception, place: int) -> RenderFrame:
    def draw_one(frame_idx: int) -> Finish:
        if frame_idx == 3:
            raise error
        return result_of(frame_idx)

    return draw_one


def stubborn(place: int) -> RenderFrame:
    def draw_one(frame_idx: int) -> Finish:
        raise StubbornError("not", "today")

    return draw_one


def unsendable(place: int) -> RenderFrame:
    """The last frame's result cannot be pickled."""
    return lambda frame_idx: lambda: threading.Lock() if frame_idx == 3 else frame_idx


def environment_of(place: int) -> Callable[[int], Callable[[], str | None]]:
    seen = os.environ.get("RENDER_TEST")
    return lambda frame_idx: lambda: seen


def run(
    start: Callable[[int], RenderFrame], frames: int, workers: int = 2
) -> list[tuple[int, int]]:
    with Pool(start, workers=workers, environment={}) as pool:
        return list(pool.run(range(frames)))


def begun_by(folder: Path, frame_idx: int) -> list[int]:
    return [int(pid) for pid in (folder / str(frame_idx)).read_text().split()]


def test_every_frame_once_by_all_processes() -> None:
    results = run(sound, 200, workers=3)

    assert sorted(frame for frame, _ in results) == list(range(200))
    assert len({pid for _, pid in results}) == 3
    assert os.getpid() not in {pid for _, pid in results}


def test_no_frames_no_results() -> None:
    assert run(sound, 0) == []


def test_one_that_dies_is_replaced_alone_and_its_frames_are_done_first(tmp_path: Path) -> None:
    results = run(partial(once_fatal, tmp_path, {60: 1}), 150)

    assert sorted(frame for frame, _ in results) == list(range(150))
    dead, other = begun_by(tmp_path, 60)
    assert dead != other
    pids = [pid for _, pid in results]
    assert len(set(pids)) == 3
    # The one beside it never left off.
    assert any(pid != dead and pid in pids[:60] and pid in pids[-20:] for pid in set(pids))
    # Not at the end of the queue: whoever drew it had drawn only what was under way by then.
    drawn = [frame for frame, pid in results if pid == other]
    assert all(frame < 66 for frame in drawn[: drawn.index(60)])
    assert all(len(begun_by(tmp_path, frame)) == 1 for frame in range(150) if frame != 60)


def test_several_that_die_at_once(tmp_path: Path) -> None:
    fatal = {2: 2, 3: 1, 10: 2, 11: 1, 12: 1, 29: 2}

    results = run(partial(once_fatal, tmp_path, fatal), 30, workers=4)

    assert sorted(frame for frame, _ in results) == list(range(30))
    assert {f: len(begun_by(tmp_path, f)) for f in fatal} == {f: n + 1 for f, n in fatal.items()}


@pytest.mark.parametrize("workers", [1, 2])
def test_frame_that_always_kills_is_named(workers: int, tmp_path: Path) -> None:
    with pytest.raises(RenderError) as caught:
        run(partial(once_fatal, tmp_path, {7: 99}), 50, workers)

    assert str(caught.value) == (
        "frame 7 ended its worker process 3 times, last with SIGKILL: out of memory? Try fewer "
        "`workers`; or the fault is in what this frame shows"
    )
    assert len(begun_by(tmp_path, 7)) == 3


def test_a_frame_is_finished_on_a_thread_while_the_next_one_is_drawn() -> None:
    with Pool(finished_later, workers=1, environment={}, on_thread=True) as pool:
        results = list(pool.run(range(8)))

    assert results == [(frame_idx, 1) for frame_idx in range(8)]


def test_frame_that_kills_while_another_is_finished_is_the_one_named() -> None:
    with (
        pytest.raises(RenderError, match=r"^frame 8 ended its worker process 3 times"),
        Pool(fatal_beside_slow, workers=1, environment={}, on_thread=True) as pool,
    ):
        list(pool.run(range(30)))


def test_one_whose_frame_takes_too_long_is_replaced_alone(tmp_path: Path) -> None:
    start = partial(once_endless, tmp_path, {5: 2, 11: 1})
    with Pool(start, workers=2, environment={}, frame_timeout_s=0.5) as pool:
        results = list(pool.run(range(40)))

    assert sorted(frame for frame, _ in results) == list(range(40))
    assert len(set(begun_by(tmp_path, 5))) == 3
    assert len(set(begun_by(tmp_path, 11))) == 2
    for pid in {*begun_by(tmp_path, 5)[:2], begun_by(tmp_path, 11)[0]}:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


@pytest.mark.parametrize("workers", [1, 2])
def test_frame_that_always_takes_too_long_is_named_with_the_limit(
    workers: int, tmp_path: Path
) -> None:
    start = partial(once_endless, tmp_path, {7: 99})
    with (
        pytest.raises(RenderError) as caught,
        Pool(start, workers=workers, environment={}, frame_timeout_s=0.5) as pool,
    ):
        list(pool.run(range(20)))

    assert str(caught.value) == (
        "frame 7 ended its worker process 3 times, last with more seconds than "
        "frame_timeout_s=0.5: raise that; or the fault is in what this frame shows"
    )
    assert len(begun_by(tmp_path, 7)) == 3


def test_frames_that_fail_are_left_out_where_that_is_asked(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    start = partial(once_endless, tmp_path / "a", {0: 99, 7: 99})
    with Pool(start, workers=2, environment={}, frame_timeout_s=0.3, skip_failed=True) as pool:
        slow = list(pool.run(range(20)))
    with Pool(
        partial(once_fatal, tmp_path, {3: 99}), workers=2, environment={}, skip_failed=True
    ) as pool:
        fatal = list(pool.run(range(20)))

    failures = [one for one in slow + fatal if isinstance(one, FrameFailure)]
    assert sorted(one.frame_idx for one in failures) == [0, 3, 7]
    assert {one.reason for one in failures} == {
        "ended its worker process 3 times, last with more seconds than frame_timeout_s=0.3: "
        "raise that",
        "ended its worker process 3 times, last with SIGKILL: out of memory? Try fewer `workers`",
    }
    done = [one[0] for one in slow if not isinstance(one, FrameFailure)]
    assert sorted(done) == [i for i in range(20) if i not in (0, 7)]


def test_neither_a_slow_start_nor_a_slow_parent_is_a_frames_fault(tmp_path: Path) -> None:
    start = partial(slow_start, tmp_path)
    with Pool(start, workers=2, environment={}, frame_timeout_s=0.5) as pool:
        pids = set()
        for frame_idx, pid in pool.run(range(8)):
            pids.add(pid)
            if frame_idx == 3:
                time.sleep(1.2)  # writes a shard to a slow disk, say

    assert len(pids) == 2


def test_processes_that_never_start_are_not_a_frames_fault() -> None:
    with pytest.raises(RenderError) as caught:
        run(partial(fatal_start, 9), 50)

    assert str(caught.value) == (
        "worker processes died 3 times in a row before they had begun a frame, last with exit "
        "code 9: out of memory? Try fewer `workers`"
    )


def test_error_of_the_start_reaches_the_parent() -> None:
    with pytest.raises(AssetError, match=r"/models/a\.stl: no triangles") as caught:
        run(refused_start, 5)

    assert caught.value.reason == "no triangles"


@pytest.mark.parametrize("error", [ValueError("odd"), OSError(28, "No space left on device")])
def test_error_of_a_frame_has_type_text_and_traceback(error: Exception) -> None:
    with pytest.raises(type(error)) as caught:
        run(partial(failing, error), 50)

    assert str(caught.value) == str(error)
    assert isinstance(caught.value.__cause__, RemoteTraceback)
    told = "".join(traceback.format_exception(caught.value))
    assert 'test_pool.py", line' in told
    assert "in draw_one" in told


def test_error_that_cannot_travel_is_told_all_the_same() -> None:
    with pytest.raises(RuntimeError, match="StubbornError: not today") as caught:
        run(stubborn, 1)

    assert "in draw_one" in str(caught.value.__cause__)


def test_an_answer_that_cannot_be_sent_ends_the_process_and_names_the_frame() -> None:
    with (
        pytest.raises(
            RenderError, match=r"^frame 3 ended its worker process 3 times, last with ex"
        ),
        Pool(unsendable, workers=1, environment={}, on_thread=True) as pool,
    ):
        list(pool.run(range(4)))


def test_environment_is_that_of_the_processes_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RENDER_TEST", raising=False)
    with Pool(environment_of, workers=2, environment={"RENDER_TEST": "theirs"}) as pool:
        assert set(pool.run(range(10))) == {"theirs"}

    assert "RENDER_TEST" not in os.environ


def test_leaving_early_ends_all_processes() -> None:
    with Pool(sound, workers=2, environment={}) as pool:
        next(pool.run(range(10_000)))
        pids = [worker.process.pid for worker in pool._workers]

    for pid in pids:
        assert pid is not None
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
