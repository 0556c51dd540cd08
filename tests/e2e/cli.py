"""Commands as a user runs them, in processes of their own."""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Small and quick, but with everything that a default run has.
SMALL = (
    "camera.size_wh=[160,120]",
    "models=[bolt,mug,die]",
    "workers=1",
)


def environment() -> dict[str, str]:
    """The environment of a command that finds this checkout from any folder.

    Its branches are not measured: that costs half as much time again, and what commands call is
    measured where tests call it.
    """
    kept = {name: os.environ[name] for name in os.environ if name != "COVERAGE_PROCESS_CONFIG"}
    return kept | {"PYTHONPATH": str(ROOT)}


def run_module(
    module: str, *args: str, cwd: Path, timeout_s: float = 300
) -> subprocess.CompletedProcess[str]:
    """Runs ``python -m <module>`` and captures what it says."""
    return subprocess.run(
        [sys.executable, "-m", module, *args],
        cwd=cwd,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


@contextlib.contextmanager
def started(cwd: Path, *words: str, **changes: str) -> Iterator[subprocess.Popen[str]]:
    """A run in a process group of its own, which is killed at the end.

    Args:
        cwd: Where it runs; modules there can be imported.
        words: Of the command line.
        changes: Of its environment.

    """
    here = environment()
    process = subprocess.Popen(
        [sys.executable, "-m", "render.run", *words],
        cwd=cwd,
        env=here | {"PYTHONPATH": f"{cwd}:{here['PYTHONPATH']}"} | changes,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def render(*overrides: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Runs the main job and expects success."""
    done = run_module("render.run", *SMALL, *overrides, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return done


def bytes_of(folder: Path) -> dict[str, str]:
    """SHA-256 of every file of a dataset, by relative path."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def end_of_group(group: int, within_s: float) -> bool:
    """Whether every process of a group has ended by then."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False
