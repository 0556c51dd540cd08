"""Folders that may not be read or written: one line, whoever asks and wherever they stand."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.cli import ROOT, SMALL, environment

# Root may do anything, unless it gives its capabilities up.
BARRED = ["setpriv", "--inh-caps=-all", "--bounding-set=-all"] if os.geteuid() == 0 else []


def barred(module: str, *args: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Runs a command as somebody whom permissions hold back."""
    return subprocess.run(
        [*BARRED, sys.executable, "-m", module, *args],
        cwd=cwd,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def close(tmp_path: Path) -> Iterator[Callable[[str, int], Path]]:
    """Takes permissions of a folder away until the test has ended."""
    if BARRED and shutil.which("setpriv") is None:
        pytest.skip("root without setpriv cannot give its capabilities up")
    closed: list[Path] = []

    def close(name: str, mode: int) -> Path:
        path = tmp_path / name
        path.mkdir(exist_ok=True)
        path.chmod(mode)
        closed.append(path)
        return path

    yield close
    for path in closed:
        path.chmod(0o700)


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "internal error" not in done.stderr
    (line,) = [line for line in done.stderr.splitlines() if line]
    return line


@pytest.mark.parametrize("mode", [0o000, 0o500])
def test_output_dir(mode: int, close: Callable[[str, int], Path], tmp_path: Path) -> None:
    close("out", mode)

    line = one_line(barred("render.run", *SMALL, "output_dir=out", "n_frames=1", cwd=tmp_path))

    assert line.startswith("error: output_dir must be a folder that can be read and written")


def test_output_dir_in_a_closed_folder(close: Callable[[str, int], Path], tmp_path: Path) -> None:
    close("out", 0o000)

    line = one_line(barred("render.run", *SMALL, "output_dir=out/data", "n_frames=1", cwd=tmp_path))

    assert line.startswith("error: output_dir must be a folder that can be read and written")


@pytest.mark.parametrize(
    ("folder", "message"),
    [
        ("closed", "closed: cannot be read: Permission denied"),
        ("closed/models", "assets.models_dir must be a folder, got closed/models"),
        ("open", "open/part: cannot be read: Permission denied"),
    ],
)
@pytest.mark.parametrize("module", ["render.run", "render.doctor"])
def test_models_dir(
    module: str, folder: str, message: str, close: Callable[[str, int], Path], tmp_path: Path
) -> None:
    (tmp_path / "open").mkdir()
    shutil.copy(ROOT / "assets" / "models" / "die.glb", tmp_path / "open")
    close("closed", 0o000)
    close("open/part", 0o000)
    args = [folder] if module == "render.doctor" else [f"assets.models_dir={folder}"]

    line = one_line(barred(module, *args, cwd=tmp_path))

    assert line == f"error: {message}"


def test_a_run_begun_where_nothing_can_be_written(
    close: Callable[[str, int], Path], tmp_path: Path
) -> None:
    here = close("here", 0o500)

    line = one_line(barred("render.run", *SMALL, "n_frames=1", cwd=here))

    assert "cannot be made here (Permission denied)" in line
    assert "output_dir=DIR hydra.run.dir=DIR" in line

    there = f"{tmp_path}/data"
    done = barred(
        "render.run", *SMALL, "n_frames=1", f"output_dir={there}", f"hydra.run.dir={there}",
        cwd=here,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
