"""Real processes that die, fail and are replaced."""

from __future__ import annotations

import os
import signal
import time
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from render.errors import AssetError, RenderError
from render.execute.pool import Pool, RemoteTraceback

RenderFrame = Callable[[int], tuple[int, int]]


class StubbornError(Exception):
    """Cannot be pickled: its arguments are not those of its class."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"{first} {second}")


def result_of(frame_idx: int) -> tuple[int, int]:
    return frame_idx, os.getpid()


def sound(place: int) -> RenderFrame:
    return result_of


def once_fatal(folder: Path, fatal: dict[int, int], place: int) -> RenderFrame:
    """Frames that kill their process, the first so many times that they are begun."""

    def draw(frame_idx: int) -> tuple[int, int]:
        with (folder / str(frame_idx)).open("a") as log:
            log.write(f"{os.getpid()}\n")
        time.sleep(0.02)
        if len((folder / str(frame_idx)).read_text().split()) <= fatal.get(frame_idx, 0):
            os.kill(os.getpid(), signal.SIGKILL)
        return result_of(frame_idx)

    return draw


def fatal_start(code: int, place: int) -> RenderFrame:
    os._exit(code)


def refused_start(place: int) -> RenderFrame:
    raise AssetError("/models/a.stl", "no triangles")


def failing(error: Exception, place: int) -> RenderFrame:
    def draw_one(frame_idx: int) -> tuple[int, int]:
        if frame_idx == 3:
            raise error
        return result_of(frame_idx)

    return draw_one


def stubborn(place: int) -> RenderFrame:
    def draw_one(frame_idx: int) -> tuple[int, int]:
        raise StubbornError("not", "today")

    return draw_one


def environment_of(place: int) -> Callable[[int], str | None]:
    seen = os.environ.get("RENDER_TEST")
    return lambda frame_idx: seen


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
