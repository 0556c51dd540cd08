"""Runs on a real Ray cluster of two nodes, which lose processes and machines."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.cli import SMALL, bytes_of, environment, started

pytest.importorskip("ray", reason="Ray is not installed (extra `ray`)")

FRAMES = 48
# An engine as a user may bring one: tells what was drawn where, and takes its time.
TELLING_ENGINE = """
import os, sys, time
from pathlib import Path
from tests.e2e.wrapped_engine import WrappedEngine

class TellingEngine(WrappedEngine):
    def render(self, scene, **options):
        ray = sys.modules.get("ray")
        on_node = ray is not None and ray.is_initialized()
        node = ray.get_runtime_context().get_node_id() if on_node else "run"
        here = scene.camera.T_world_cam.tobytes().hex()
        with open(f"drawn-{node}-{os.getpid()}", "a") as log:
            log.write(here + "\\n")
        if on_node:
            time.sleep(0.1)
            fatal = Path("fatal")
            if fatal.exists() and fatal.read_text() == here:
                os.kill(os.getpid(), 9)
        return super().render(scene, **options)
"""
RUN = (
    *SMALL,
    "workers=2",
    f"n_frames={FRAMES}",
    "output_dir=data",
    "plugins=[telling]",
    "engine=cpu",
    "engine._target_=telling.TellingEngine",
)
# These differ by way of execution; see the contract of the dataset on disk.
OTHER = ("dataset.yaml", ".manifest/")


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Two nodes of one core each; the second one is `cluster.second`."""
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("PYTHONPATH", environment()["PYTHONPATH"])
    from ray.cluster_utils import Cluster

    node = {"num_cpus": 1, "object_store_memory": 2**27}
    started = Cluster(initialize_head=True, head_node_args={**node, "include_dashboard": False})
    try:
        started.second = started.add_node(**node)
        yield started
    finally:
        started.shutdown()


def run_in(cwd: Path, *overrides: str) -> contextlib.AbstractContextManager[subprocess.Popen[str]]:
    cwd.mkdir(exist_ok=True)
    (cwd / "telling.py").write_text(TELLING_ENGINE)
    return started(cwd, *RUN, *overrides)


def images_of(folder: Path) -> dict[str, str]:
    return {k: v for k, v in bytes_of(folder / "data").items() if not k.startswith(OTHER)}


def drawn_by(cwd: Path, node: str) -> int:
    """How many frames the processes of a node have begun."""
    return sum(len(path.read_text().split()) for path in cwd.glob(f"drawn-{node}-*"))


def any_alive(cwd: Path, node: str) -> bool:
    """Whether a process of a node that has drawn is there; one that is dead has no command line."""
    processes = [path.name.rpartition("-")[2] for path in cwd.glob(f"drawn-{node}-*")]
    for process in processes:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            if Path("/proc", process, "cmdline").read_bytes():
                return True
    return False


def on(cluster: Any) -> tuple[str, str]:
    return "execution=ray", f"execution.address={cluster.address}"


def test_a_node_lost_in_the_middle_changes_no_byte(cluster: Any, tmp_path: Path) -> None:
    with run_in(tmp_path / "local") as process:
        _, told = process.communicate(timeout=300)
        assert process.returncode == 0, told
    cwd = tmp_path / "ray"
    with run_in(cwd, *on(cluster)) as process:
        second = cluster.second.node_id
        deadline = time.monotonic() + 180
        while drawn_by(cwd, second) < 5:
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        cluster.remove_node(cluster.second, allow_graceful=False)
        # The node is gone at once, its worker processes a moment later.
        while any_alive(cwd, second):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        before = drawn_by(cwd, second)
        _, told = process.communicate(timeout=300)

        assert process.returncode == 0, told
    assert before < FRAMES - 10
    assert drawn_by(cwd, second) == before
    assert drawn_by(cwd, cluster.head_node.node_id) >= FRAMES - before
    assert images_of(cwd) == images_of(tmp_path / "local")


def test_a_frame_that_kills_its_worker_is_named_and_later_drawn(
    cluster: Any, tmp_path: Path
) -> None:
    # The first frame that the run itself draws, to see that it can, is frame 0.
    with run_in(tmp_path, "n_frames=1") as process:
        _, told = process.communicate(timeout=300)
        assert process.returncode == 0, told
    drawn = [line for path in tmp_path.glob("drawn-run-*") for line in path.read_text().split()]
    (tmp_path / "fatal").write_text(drawn[0])

    with run_in(tmp_path, "overwrite=true", "n_frames=20", *on(cluster)) as process:
        _, told = process.communicate(timeout=300)
        assert process.returncode == 1, told
    (line,) = [line for line in told.splitlines() if line.startswith("error: ")]
    assert line.startswith("error: frame 0 ended its worker process 3 times, last with ActorDied")
    assert "Traceback" not in told
    assert not (tmp_path / "data" / "dataset.yaml").exists()

    (tmp_path / "fatal").unlink()
    with run_in(tmp_path, "n_frames=20", *on(cluster)) as process:
        _, told = process.communicate(timeout=300)
        assert process.returncode == 0, told


def test_a_run_that_is_asked_to_end_does_so_with_its_exit_code(tmp_path: Path) -> None:
    with run_in(tmp_path, "execution=ray") as process:
        deadline = time.monotonic() + 180
        while drawn_by(tmp_path, "*") < 5:
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        _, told = process.communicate(timeout=60)

        assert process.returncode == 143, told
        assert time.monotonic() - began < 10
