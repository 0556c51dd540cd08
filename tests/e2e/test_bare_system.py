"""A machine that has Python and nothing else: no GL library, no display, no GPU.

A Debian is made with debootstrap, and what `pip install` takes is put in it as wheels. It takes
minutes, a network that has Debian's packages and PyPI's, and root.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.unit.test_house import GL_PACKAGES

pytestmark = pytest.mark.slow

SUITE, PYTHON = "bookworm", (3, 11)
# Mounted for this script and its children alone, so that nothing is left when it ends.
INSIDE = """
set -e
mount -t proc proc "$0/proc"
mount --rbind /dev "$0/dev"
exec chroot "$0" "$@"
"""
# What the loader of the system would look for, by whatever name and wherever it lies.
GL_FILES = ("libEGL*", "libGL.so*", "libGLX*", "libGLdispatch*", "libOpenGL*", "libOSMesa*")
FRAME = f"""
import sys
import render

plan = render.compose("camera.size_wh=[160,120]", "n_frames=1")
with plan.engine() as engine:
    engine.render(plan.scene(0))
    print(engine.info.renderer)
print(*sorted({GL_PACKAGES!r} & {{name.partition(".")[0] for name in sys.modules}}))
maps = {{line.split()[-1] for line in open("/proc/self/maps")}}
print(*sorted(name for name in maps if name.endswith(".so") or ".so." in name))
"""


def run(*command: str | Path, timeout_s: float = 1800, **changes: str) -> str:
    """What a command prints; fails where it does."""
    done = subprocess.run(
        [*map(str, command)], env=os.environ | changes, capture_output=True, text=True,
        timeout=timeout_s, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


class BareSystem:
    """A root folder of Debian, and a virtual environment in it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def run(self, *command: str) -> str:
        """What a command prints that sees nothing of this machine but its kernel and devices."""
        return run(
            "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root",
            "unshare", "--mount", "--propagation", "private", "sh", "-c", INSIDE, self.root,
            *command,
        )  # fmt: skip

    def python(self, *args: str) -> str:
        """Likewise of Python with this package."""
        return self.run("/venv/bin/python", *args)


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> BareSystem:
    if os.geteuid() != 0 or shutil.which("debootstrap") is None:
        pytest.skip("debootstrap, and root to enter what it makes, are not both here")
    if sys.version_info[:2] != PYTHON:
        pytest.skip(f"wheels are collected for the Python of {SUITE}, which this one is not")
    root = tmp_path_factory.mktemp("bare")
    run("debootstrap", "--variant=minbase", "--include=python3-venv", SUITE, root, *_mirror())
    wheels = root / "wheels"
    wheels.mkdir()
    shutil.copy(wheel, wheels)
    run(
        sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation",
        "--require-hashes", "-r", ROOT / "requirements.lock", "-w", wheels,
    )  # fmt: skip
    system = BareSystem(root)
    system.run("python3", "-m", "venv", "/venv")
    system.python(
        "-m", "pip", "install", "--quiet", "--no-index", "--find-links", "/wheels", "render-theta"
    )
    return system


def _mirror() -> list[str]:
    """Where this machine's own packages come from, if it is a Debian; debootstrap knows others."""
    if shutil.which("apt-get") is None:
        return []
    told = run("apt-get", "indextargets", "--format", "$(SITE) $(CODENAME)", "Created-By: Packages")
    sites = [line.split()[0] for line in told.splitlines() if line.split()[-1:] == [SUITE]]
    return sites[:1]


def test_a_dataset_is_drawn_and_verified(bare: BareSystem) -> None:
    there = [path for pattern in GL_FILES for path in bare.root.rglob(pattern)]
    assert there == []

    told = bare.python("-m", "render.run", "n_frames=3", "output_dir=/data")
    assert "frames      3 " in told
    verified = bare.python("-m", "render.verify", "/data", "--render", "1")
    assert "is whole and exact: 3 frames" in verified
    assert len([*(bare.root / "data/images").rglob("*.jpg")]) == 3


def test_nothing_of_gl_is_loaded(bare: BareSystem) -> None:
    info, packages, libraries = bare.python("-c", FRAME).splitlines()

    assert info.startswith("compiled kernels")
    assert packages == ""
    names = [Path(name).name for name in libraries.split()]
    assert any(name.startswith("libllvmlite") for name in names)
    assert not [n for n in names if n.startswith(("libEGL", "libGL", "libOpenGL", "libOSMesa"))]


def test_the_doctor_says_what_it_draws_with(bare: BareSystem) -> None:
    told = bare.python("-m", "render.doctor")

    assert "No GPU was found: frames are drawn on the CPU, with the same labels." in told
    assert "ready: 13 models; a run draws with software, cpu cpu" in told


def test_opengl_that_is_asked_for_is_refused(bare: BareSystem) -> None:
    asked = "import render; render.compose('engine=pyrender', 'n_frames=1').engine()"
    with pytest.raises(AssertionError, match=r"libEGL\.so\.1 is not installed"):
        bare.python("-c", asked)
