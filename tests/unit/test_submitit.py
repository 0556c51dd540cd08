"""Jobs of submitit's local executor: real processes that are preempted, killed and told to end."""

from __future__ import annotations

import importlib.util
import os
import pickle
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from render.dataset.frame_result import FrameResult
from render.dataset.sharding import Sharding
from render.errors import AssetError, ConfigError, EngineError, RenderError
from render.execute.submitit import (
    Slice,
    SubmititExecutor,
    _collect,
    _Job,
    _Scheduler,
    _slices,
    read_results,
)
from tests.e2e.cli import render

needs_submitit = pytest.mark.skipif(
    importlib.util.find_spec("submitit") is None,
    reason="submitit is not installed (extra `submitit`)",
)


@dataclass(frozen=True)
class FakeOrigin:
    """Frames that cost a moment; some do to their process what `act` says, once or always."""

    folder: Path
    act: str = ""
    at: int = -1
    times: int = 1

    def start(self, slot: int, *, owns_gpu: bool) -> Callable[[int], FrameResult]:
        return self.render

    def render(self, frame_idx: int) -> FrameResult:
        with (self.folder / f"begun-{frame_idx}").open("a") as log:
            log.write("x")
        begun = len((self.folder / f"begun-{frame_idx}").read_text())
        if frame_idx == self.at and begun <= self.times:
            if self.act == "error":
                raise AssetError("/models/a.stl", "no triangles")
            os.kill(os.getpid(), getattr(signal, self.act))
        time.sleep(0.01)
        return FrameResult(frame_idx=frame_idx, frame_row={}, instance_rows=[], files={}, gl={})


def run(folder: Path, frames: int, workers: int, **act: Any) -> list[int]:
    import submitit

    executor = submitit.AutoExecutor(folder=folder / "logs", cluster="local")
    executor.update_parameters(timeout_min=5)
    scheduler = _Scheduler(executor)
    jobs = []
    for slot, own in enumerate(_slices(range(frames), workers, Sharding())):
        origin: Any = FakeOrigin(folder, **act)
        work = Slice(slot, own, origin, folder / f"results-{slot}", owns_gpu=False)
        jobs.append(_Job(work, scheduler.submit(work)))
    return [result.frame_idx for result in _collect(jobs, scheduler)]


def begun(folder: Path) -> dict[int, int]:
    paths = folder.glob("begun-*")
    return {int(path.name.partition("-")[2]): len(path.read_text()) for path in paths}


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path for path in sys.path if path))


@needs_submitit
def test_every_frame_once(tmp_path: Path) -> None:
    assert sorted(run(tmp_path, 40, 2)) == list(range(40))
    assert set(begun(tmp_path).values()) == {1}


@needs_submitit
# Preempted and asked for again by submitit itself; killed; told to end after this frame.
@pytest.mark.parametrize(("act", "again"), [("SIGUSR2", 1), ("SIGKILL", 1), ("SIGTERM", 0)])
def test_job_that_ends_early_goes_on_with_what_is_left(
    act: str, again: int, tmp_path: Path
) -> None:
    assert sorted(run(tmp_path, 20, 1, act=act, at=7)) == list(range(20))

    assert {frame: n - 1 for frame, n in begun(tmp_path).items() if n > 1} == (
        {7: 1} if again else {}
    )


@needs_submitit
def test_what_a_folder_of_logs_holds_beside_them_stays(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "thesis.txt").write_text("years of work")
    (tmp_path / "kept" / "frames-00000016").mkdir()  # of another part, which is under way
    render(
        "n_frames=2", "execution=submitit", "execution.cluster=local", "execution.folder=kept",
        "output_dir=data", cwd=tmp_path,
    )  # fmt: skip

    names = sorted(path.name for path in (tmp_path / "kept").iterdir())
    assert names == ["frames-00000016", "thesis.txt"]


@needs_submitit
def test_job_that_never_gets_on_is_named(tmp_path: Path) -> None:
    with pytest.raises(RenderError, match=r"job \d+ ended, and 2 before it, without finishing a"):
        run(tmp_path, 20, 1, act="SIGKILL", at=3, times=99)

    # One that gets on is given another try.
    assert begun(tmp_path)[3] in (3, 4)


@needs_submitit
def test_error_of_a_frame_keeps_its_type_and_traceback(tmp_path: Path) -> None:
    with pytest.raises(AssetError, match=r"/models/a\.stl: no triangles") as caught:
        run(tmp_path, 20, 1, act="error", at=3, times=99)

    assert "in render" in str(caught.value.__cause__)


# What squeue prints and exits with, one call after the other; whether job 7 has ended.
QUEUES = [
    (["7 0", " 0"], [False, True]),
    (["7 0", " 1", " 0"], [False, False, True]),  # no answer is not an empty queue
    ([" 1"], [False]),
    (["17 0"], [True]),
]


@pytest.mark.parametrize(("answers", "ended"), QUEUES)
def test_job_has_ended_when_the_queue_lacks_it(
    answers: list[str], ended: list[bool], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for call, answer in enumerate(answers):
        (tmp_path / f"answer-{call}").write_text(answer)
    squeue = tmp_path / "squeue"
    squeue.write_text(
        f"#!/bin/sh\ncd {tmp_path}\nset -- $(ls answer-* | head -n 1)\n"
        'sed "s/ .*//" "$1"; code=$(sed "s/.* //" "$1"); rm "$1"; exit $code\n'
    )
    squeue.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr("render.execute.submitit._ASK_S", 0.0)
    scheduler = _Scheduler(SimpleNamespace(cluster="slurm"))

    assert [scheduler.has_ended(SimpleNamespace(job_id="7")) for _ in answers] == ended


@needs_submitit
def test_without_slurm_its_commands_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(
        EngineError, match=r"execution\.cluster=slurm needs Slurm's commands: .*srun"
    ):
        SubmititExecutor()._executor(tmp_path, num_gpus=0)


def test_half_written_results_are_none(tmp_path: Path) -> None:
    path = tmp_path / "results"
    whole = b"".join(
        len(data).to_bytes(8, "little") + data for data in map(pickle.dumps, ("a", "b"))
    )

    assert read_results(path, 0) == ([], 0)
    for n in range(len(whole) + 1):
        path.write_bytes(whole[:n])
        records, end = read_results(path, 0)
        assert records == ["a", "b"][: len(records)]
        path.write_bytes(whole)
        rest, end = read_results(path, end)
        assert (records + rest, end) == (["a", "b"], len(whole))


def test_slices_are_cut_at_borders_of_shards() -> None:
    slices = _slices([*range(10), *range(40, 100)], 3, Sharding())

    assert [frame for own in slices for frame in own] == [*range(10), *range(40, 100)]
    assert [own[0] for own in slices] == [0, 48, 80]
    assert len(_slices(range(20), 9, Sharding())) == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cluster": "lsf"}, "execution.cluster must be slurm or local, got 'lsf'"),
        ({"timeout_min": 0}, "execution.timeout_min must lie in 1 to "),
        ({"num_cpus": 1.5}, "execution.num_cpus must be a whole number, got 1.5"),
        ({"num_gpus": -1}, "execution.num_gpus must lie in 0 to "),
    ],
)
def test_values_that_break_their_rule(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        SubmititExecutor(**options)

    assert message in str(caught.value)


def test_without_submitit_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "submitit", None)

    with pytest.raises(EngineError, match=r"needs submitit .*'render-theta\[submitit\]'"):
        SubmititExecutor()
