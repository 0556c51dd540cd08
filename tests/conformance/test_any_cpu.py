"""What of a dataset stays the same on a CPU that lacks what this one has, and under other Pythons.

Each library that chooses code by the CPU is kept from it by its own variable: Numba compiles for
any x86-64, NumPy, glibc, OpenCV and OpenBLAS take their oldest code. The kernels and NumPy give
the same bytes; OpenCV rounds single pixels of pictures otherwise, OpenBLAS the 15th digit of poses.
It costs two compiles of all kernels, and one for each other Python.
"""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from render.dataset.records import read_instances
from tests.e2e.cli import ROOT, SMALL, bytes_of, environment, run_module

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(platform.machine() != "x86_64", reason="the variables name parts of x86-64"),
]

# To the last bit: kernels and what they call, sines and powers (of which glibc has some with fused
# multiply-adds), and what NumPy may choose of, as this build of it has it.
EXACT = {
    "NUMBA_CPU_NAME": "generic",
    "NUMBA_CPU_FEATURES": "",
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX512F,-AVX2,-FMA,-FMA4,-AVX",
    "NPY_DISABLE_CPU_FEATURES": " ".join(np._core._multiarray_umath.__cpu_dispatch__),
}
# Filters of floats: of background, lens and sensor.
PICTURES = {"OPENCV_CPU_DISABLE": "SSE4.1,SSE4.2,AVX,FP16,AVX2,AVX512-SKX"}
# Sums of products, of which each family of CPUs has kernels of its own: poses, and what is made of
# them.
POSES = {"OPENBLAS_CORETYPE": "Prescott"}
# The default run, and lens, lamps, glass and steps of the sensor that it lacks.
LOOKS = (
    ("n_frames=6", "output.depth=true"),
    ("n_frames=3", "camera=phone", "lighting=points", "background=room", "sensor=harsh"),
)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of all runs: what is kept of kernels is named for the CPU."""
    return tmp_path_factory.mktemp("cache")


def made(folder: Path, cache: Path, *words: str, **variables: str) -> tuple[dict[str, str], str]:
    """Bytes of a dataset that a run made, and what it logged."""
    folder.mkdir()
    with pytest.MonkeyPatch.context() as there:
        for name, value in {"XDG_CACHE_HOME": str(cache), **variables}.items():
            there.setenv(name, value)
        done = run_module(
            "render.run", *SMALL, "output_dir=data", "engine=cpu", *words, cwd=folder,
            timeout_s=1200,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return bytes_of(folder / "data"), done.stderr


@pytest.mark.parametrize("look", LOOKS, ids=["default", "other"])
def test_without_what_the_cpu_has(look: tuple[str, ...], cache: Path, tmp_path: Path) -> None:
    native, _ = made(tmp_path / "native", cache, *look)
    plain, _ = made(tmp_path / "plain", cache, *look, **EXACT)
    made(tmp_path / "pictures", cache, *look, **PICTURES)
    made(tmp_path / "poses", cache, *look, **POSES)

    assert plain == native
    expected = tmp_path / "native" / "data"
    assert_alike(tmp_path / "pictures" / "data", expected, pose=0.0)
    assert_alike(tmp_path / "poses" / "data", expected, pose=1e-12)


def assert_alike(found: Path, expected: Path, *, pose: float) -> None:
    """Ids are the same; poses differ by `pose` at most, depths and colours by a rounding."""
    for path in sorted(expected.rglob("*.png")):
        one, other = (
            cv2.imread(str(folder / path.relative_to(expected)), cv2.IMREAD_UNCHANGED)
            for folder in (found, expected)
        )
        if path.parent.parent.name == "ids":
            np.testing.assert_array_equal(one, other)
        elif path.parent.parent.name == "depth":
            assert np.abs(one.astype(int) - other).max() <= (1 if pose else 0)
    for path in sorted(expected.glob("images/*/*.jpg")):
        one, other = (
            cv2.imread(str(folder / path.relative_to(expected))).astype(int)
            for folder in (found, expected)
        )
        differ = np.abs(one - other).max(axis=-1)
        assert differ.max() <= 8  # a JPEG block, in which one pixel was rounded
        assert (differ > 0).mean() < 0.01
    rows, others = (read_instances(folder) for folder in (found, expected))
    for row, other in zip(rows, others, strict=True):
        for name in ("cam_R_m2c", "cam_t_m2c"):
            np.testing.assert_allclose(row[name], other[name], rtol=0.0, atol=pose)
        for name in ("px_count_all", "px_count_visib", "bbox_visib"):
            assert row[name] == other[name]
        np.testing.assert_allclose(row["bbox_obj"], other["bbox_obj"], rtol=0.0, atol=1e3 * pose)


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_other_pythons(version: str, cache: Path, tmp_path: Path) -> None:
    """A checkout that is set up with another Python, the same locked packages in it."""
    python = shutil.which(f"python{version}")
    if python is None or subprocess.run([python, "-c", ""], capture_output=True).returncode != 0:
        pytest.skip(f"there is no python{version} on the path")
    if tuple(map(int, version.split("."))) == sys.version_info[:2]:
        pytest.skip("this is it")
    checkout = tmp_path / "checkout"
    left_out = shutil.ignore_patterns(".git", ".venv", ".*_cache", "__pycache__", "outputs")
    shutil.copytree(ROOT, checkout, ignore=left_out)
    there = environment() | {"PYTHON": python, "XDG_CACHE_HOME": str(cache)}
    there.pop("PYTHONPATH")
    subprocess.run([checkout / "scripts" / "setup"], env=there, check=True, capture_output=True)
    (tmp_path / "other").mkdir()
    words = (*SMALL, "output_dir=data", "engine=cpu", *LOOKS[0])
    subprocess.run(
        [checkout / ".venv/bin/python", "-m", "render.run", *words], cwd=tmp_path / "other",
        env=there, check=True, capture_output=True,
    )  # fmt: skip

    native, _ = made(tmp_path / "native", cache, *LOOKS[0])
    other = bytes_of(tmp_path / "other" / "data")

    assert native.keys() == other.keys()
    assert {name for name in native if native[name] != other[name]} <= {"dataset.yaml"}


def test_a_frame_without_a_folder_for_kernels_is_the_same(cache: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    kept, _ = made(tmp_path / "kept", cache, "n_frames=2")
    compiled, log = made(tmp_path / "compiled", tmp_path / "file", "n_frames=2")

    assert "kernels are compiled anew by each process, because " in log
    assert kept == compiled
