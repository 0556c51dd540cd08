"""Workers that die in the middle of a run, as a user's machine kills them."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from render.assembly.scene import assemble
from render.build import build
from render.system.cores import usable_cores
from tests.e2e.cli import SMALL, bytes_of, end_of_group, render, run_module, started
from tests.spaces import composed

FRAMES = 60
# An engine as a user may bring one; where there is a file `fatal`, one scene ends its process.
FATAL_ENGINE = """
import os, signal
from pathlib import Path
from render.engine.pyrender.engine import PyrenderEngine
from tests.e2e.wrapped_engine import WrappedEngine

class FatalEngine(WrappedEngine):
    inner = PyrenderEngine

    def __init__(self, **options):
        super().__init__(**options)
        settings = "\\n".join(f"{name}={value}" for name, value in os.environ.items())
        Path(f"environment-{os.getpid()}").write_text(settings)

    def render(self, scene, **options):
        fatal = Path("fatal")
        if fatal.exists() and fatal.read_text() == scene.camera.T_world_cam.tobytes().hex():
            with open("died", "a") as log:
                log.write("x")
            os.kill(os.getpid(), signal.SIGKILL)
        return super().render(scene, **options)
"""
RUN = (*SMALL, "output_dir=data", f"n_frames={FRAMES}", "workers=2")


def workers_of(process: subprocess.Popen[str]) -> set[int]:
    """Processes of a run's pool: children of the one that they are forked from."""
    found = set[int]()
    for pid in children_of(process.pid):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            if b"multiprocessing.forkserver" in Path(f"/proc/{pid}/cmdline").read_bytes():
                assert len(threads_of(pid)) == 1  # a fork has the locks of all threads
                found |= children_of(pid)
    return found


def children_of(pid: int) -> set[int]:
    return set(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


def wait_for(images: int, cwd: Path, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 120
    while len(list((cwd / "data" / "images").glob("*/*.jpg"))) < images:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)


def camera_of(frame_idx: int) -> str:
    """Where the camera of a frame of the run is, as the engine above tells it."""
    plan = build(composed(*RUN))
    theta, placement, _ = plan.draw(frame_idx)
    return assemble(theta, placement, plan.assets).camera.T_world_cam.tobytes().hex()


def threads_of(pid: int) -> list[str]:
    """Names of a process's threads."""
    return [path.read_text().strip() for path in Path(f"/proc/{pid}/task").glob("*/comm")]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Bytes of the run that nobody disturbed."""
    folder = tmp_path_factory.mktemp("whole")
    render(*RUN[len(SMALL) :], cwd=folder)
    return bytes_of(folder / "data")


def test_killed_worker_is_replaced_alone(whole: dict[str, str], tmp_path: Path) -> None:
    with started(tmp_path, *RUN) as process:
        wait_for(10, tmp_path, process)
        victim, steady = sorted(workers_of(process))
        os.kill(victim, signal.SIGKILL)
        wait_for(40, tmp_path, process)
        later = workers_of(process)
        _, told = process.communicate(timeout=120)

    assert steady in later
    assert victim not in later
    assert len(later) == 2
    assert process.returncode == 0, told
    assert bytes_of(tmp_path / "data") == whole
    verified = run_module("render.verify", "data", cwd=tmp_path)
    assert verified.returncode == 0, verified.stdout + verified.stderr


def test_workers_killed_over_and_over(whole: dict[str, str], tmp_path: Path) -> None:
    with started(tmp_path, *RUN) as process:
        for images in (8, 22, 36, 50):
            wait_for(images, tmp_path, process)
            for pid in workers_of(process):
                os.kill(pid, signal.SIGKILL)
        _, told = process.communicate(timeout=120)

    assert process.returncode == 0, told
    assert bytes_of(tmp_path / "data") == whole


def test_frame_that_always_kills_its_worker_ends_the_run(tmp_path: Path) -> None:
    fatal = tmp_path / "fatal"
    fatal.write_text(camera_of(25))
    (tmp_path / "fatal_engine.py").write_text(FATAL_ENGINE)
    override = ("plugins=[fatal_engine]", "engine._target_=fatal_engine.FatalEngine")
    with started(tmp_path, *RUN, *override) as process:
        _, told = process.communicate(timeout=120)

        assert end_of_group(process.pid, within_s=20)
    assert process.returncode == 1
    (line,) = [line for line in told.splitlines() if line.startswith("error: ")]
    assert line.startswith("error: frame 25 ended its worker process 3 times, last with SIGKILL: ")
    assert "Traceback" not in told
    assert fatal.with_name("died").read_text() == "xxx"
    assert not (tmp_path / "data" / "dataset.yaml").exists()

    fatal.unlink()
    with started(tmp_path, *RUN, *override) as process:
        _, told = process.communicate(timeout=120)

    assert process.returncode == 0, told
    assert run_module("render.verify", "data", cwd=tmp_path).returncode == 0


def test_workers_share_the_cores(tmp_path: Path) -> None:
    (tmp_path / "fatal_engine.py").write_text(FATAL_ENGINE)
    override = ("plugins=[fatal_engine]", "engine._target_=fatal_engine.FatalEngine")
    others = {"LP_NUM_THREADS": "13", "OMP_NUM_THREADS": "13"}
    with started(tmp_path, *RUN, *override, **others) as process:
        wait_for(20, tmp_path, process)
        share = max(1, len(os.sched_getaffinity(0)) // 2)
        for pid in workers_of(process):
            settings = (tmp_path / f"environment-{pid}").read_text().splitlines()
            rasterizing = [name for name in threads_of(pid) if name.startswith("llvmpipe")]

            assert f"LP_NUM_THREADS={share}" in settings
            assert f"OMP_NUM_THREADS={share}" in settings
            assert "OPENBLAS_NUM_THREADS=1" in settings
            if rasterizing:  # software is what draws
                assert len(rasterizing) == share


def test_auto_starts_a_worker_for_each_core_that_may_be_used(tmp_path: Path) -> None:
    cores = usable_cores()
    with started(tmp_path, *RUN, "workers=auto") as process:
        wait_for(20, tmp_path, process)

        # On a GPU four at most; one is the run's own process.
        assert len(workers_of(process)) in ({0} if cores == 1 else {min(cores, 15), 4})


def test_auto_on_one_core_is_the_run_itself(tmp_path: Path) -> None:
    with started(tmp_path, *RUN, "workers=auto") as process:
        os.sched_setaffinity(process.pid, {min(os.sched_getaffinity(0))})
        wait_for(20, tmp_path, process)

        assert workers_of(process) == set()
