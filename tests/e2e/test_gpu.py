"""Choosing devices, as a user does, on a machine without a GPU or with a GPU that fails."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.e2e.cli import SMALL, bytes_of, environment, render, run_module

QUICK = (*SMALL, "output_dir=data", "n_frames=2", "background=color", "lighting=sun")
# /dev with the device file of a GPU, for the processes of this script alone.
WITH_GPU_FILE = """
set -e
mount -t tmpfs tmpfs "$0"
for name in null zero random urandom; do
    touch "$0/$name"
    mount --bind "/dev/$name" "$0/$name"
done
mkdir "$0/shm"
mount --bind /dev/shm "$0/shm"
touch "$0/nvidia0"
mount --bind "$0" /dev
exec "$@"
"""


def beside_a_closed_gpu(
    folder: Path, module: str, *args: str, **changes: str
) -> subprocess.CompletedProcess[str]:
    """Runs a command where there seems to be a GPU, of which EGL knows nothing."""
    if Path("/dev/nvidia0").exists():
        pytest.skip("this machine has a GPU")
    dev = folder / "dev"
    dev.mkdir(exist_ok=True)
    space = ["unshare", "--map-root-user", "--mount", "bash", "-c", WITH_GPU_FILE, str(dev)]
    try:
        subprocess.run([*space, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"this user may not have a /dev of its own: {error}")
    return subprocess.run(
        [*space, sys.executable, "-m", module, *args],
        cwd=folder, env=environment() | changes, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_number_of_a_gpu_that_gives_software_is_an_error(tmp_path: Path) -> None:
    done = beside_a_closed_gpu(tmp_path, "render.run", *QUICK, "engine.device=0")

    assert done.returncode == 1
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert line.startswith("error: engine.device=0 asks for a GPU, and got software (")
    assert "/dev/nvidia0 is here, but its driver's EGL library is missing" in line
    assert "engine.device=auto draws on the CPU all the same" in line
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "data").exists()


def test_auto_beside_a_gpu_that_fails_draws_with_one_warning(tmp_path: Path) -> None:
    done = beside_a_closed_gpu(tmp_path, "render.run", *QUICK, "n_frames=20", "workers=2")

    assert done.returncode == 0, done.stderr
    told = done.stdout + done.stderr
    assert told.count("frames are drawn on the CPU: /dev/nvidia0 is here, but its driver's") == 1
    assert told.count("/dev/nvidia0") == 1


@pytest.mark.parametrize("visible", ["", "-1"])
def test_hidden_gpus_are_told_as_hidden(visible: str, tmp_path: Path) -> None:
    done = beside_a_closed_gpu(tmp_path, "render.run", *QUICK, CUDA_VISIBLE_DEVICES=visible)

    assert done.returncode == 0, done.stderr
    told = f"/dev/nvidia0 is here, but CUDA_VISIBLE_DEVICES='{visible}' hides all GPUs"
    assert (done.stdout + done.stderr).count(told) == 1


def test_doctor_says_why_a_gpu_is_not_used(tmp_path: Path) -> None:
    done = beside_a_closed_gpu(tmp_path, "render.doctor")

    assert done.returncode == 0, done.stderr
    told = " ".join(done.stdout.split())
    assert "drawn on the CPU: /dev/nvidia0 is here, but its driver's EGL library is" in told


@pytest.mark.parametrize("device", ["surfaceless", "auto"])
def test_software_that_is_asked_for_by_name_is_no_error(device: str, tmp_path: Path) -> None:
    done = beside_a_closed_gpu(tmp_path, "render.run", *QUICK, f"engine.device={device}")

    assert done.returncode == 0, done.stderr
    assert ("drawn on the CPU" in done.stdout) == (device == "auto")


def without_gpus() -> bool:
    """Whether no device file of a GPU is here."""
    return not any(Path(path).exists() for path in ("/dev/nvidia0", "/dev/dri", "/dev/dxg"))


@pytest.mark.skipif(not without_gpus(), reason="this machine has a GPU")
def test_without_any_gpu_a_number_is_a_place_in_the_list_of_egl(tmp_path: Path) -> None:
    numbered = render(*QUICK[len(SMALL) :], "engine.device=0", cwd=tmp_path)
    listed = run_module("render.run", *QUICK, "engine.device=[0,99]", cwd=tmp_path)

    assert "engine.device=0 is a software device, and no GPU was found" in numbered.stdout
    assert listed.returncode == 1
    assert "error: engine.device must be one of auto, 0, surfaceless, software, got 99" in (
        listed.stderr
    )


@pytest.mark.parametrize(
    "device", ["[]", "-1", "[0,0]", "[0,auto]", "1.5", "true", "null", "[[0]]"]
)
def test_bad_devices_are_refused_before_anything_is_made(device: str, tmp_path: Path) -> None:
    done = run_module("render.run", *QUICK, f"engine.device={device}", cwd=tmp_path)

    assert done.returncode == 1
    assert "error: engine.device must be auto, the number of a GPU, or a list" in done.stderr
    assert not (tmp_path / "data").exists()


def test_list_of_one_is_dealt_to_all_workers(tmp_path: Path) -> None:
    """Every worker draws with it; the bytes are those of one worker."""
    for name, workers in (("one", 1), ("two", 2)):
        (tmp_path / name).mkdir()
        render(
            *QUICK[len(SMALL) :], "n_frames=20", "engine.device=[0]", f"workers={workers}",
            cwd=tmp_path / name,
        )  # fmt: skip
    one, two = bytes_of(tmp_path / "one" / "data"), bytes_of(tmp_path / "two" / "data")
    one.pop("dataset.yaml")  # names `workers`
    two.pop("dataset.yaml")

    assert one == two
    described = yaml.safe_load((tmp_path / "two" / "data" / "dataset.yaml").read_text())
    assert described["config"]["engine"]["device"] == [0]
    assert os.path.isdir(tmp_path / "two" / "data" / "images")
