"""What of a dataset stays the same on a CPU that lacks what this one has.

Each library that chooses code by the CPU is kept from it by its own variable: Numba compiles for
any x86-64, NumPy, glibc, OpenCV and BLAS take their oldest code. It costs three compiles of all
kernels.
"""

from __future__ import annotations

import platform
from pathlib import Path

import cv2
import numpy as np
import pytest

from render.dataset.records import read_instances
from tests.e2e.cli import SMALL, bytes_of, run_module

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(platform.machine() != "x86_64", reason="the variables name parts of x86-64"),
]

# What NumPy may choose of, as this build of it has it; what it must have is no choice.
_OF_NUMPY = " ".join(np._core._multiarray_umath.__cpu_dispatch__)
# The kernels, and what they call: to the last bit.
EXACT = {
    "NUMBA_CPU_NAME": "generic",
    "NUMBA_CPU_FEATURES": "",
    # Sines and powers, of which glibc has some with fused multiply-adds.
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX512F,-AVX2,-FMA,-FMA4,-AVX",
}
# Sums of products lose or keep a rounding (poses: 1e-15), filters of pictures likewise.
ROUNDED = {
    "NPY_DISABLE_CPU_FEATURES": _OF_NUMPY,
    "OPENCV_CPU_DISABLE": "SSE4.1,SSE4.2,AVX,FP16,AVX2,AVX512-SKX",
    "OPENBLAS_CORETYPE": "Prescott",
}
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
    made(tmp_path / "rounded", cache, *look, **ROUNDED)

    assert plain == native
    assert_alike(tmp_path / "rounded" / "data", tmp_path / "native" / "data")


def assert_alike(found: Path, expected: Path) -> None:
    """Ids are the same; depths, boxes and colours differ by a rounding at most."""
    for path in sorted(expected.rglob("*.png")):
        one, other = (
            cv2.imread(str(folder / path.relative_to(expected)), cv2.IMREAD_UNCHANGED)
            for folder in (found, expected)
        )
        if path.parent.parent.name == "ids":
            np.testing.assert_array_equal(one, other)
        elif path.parent.parent.name == "depth":
            assert np.abs(one.astype(int) - other).max() <= 1
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
            np.testing.assert_allclose(row[name], other[name], atol=1e-12)
        for name in ("px_count_all", "px_count_visib", "bbox_visib"):
            assert row[name] == other[name]


def test_a_frame_without_a_folder_for_kernels_is_the_same(cache: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    kept, _ = made(tmp_path / "kept", cache, "n_frames=2")
    compiled, log = made(tmp_path / "compiled", tmp_path / "file", "n_frames=2")

    assert "kernels are compiled anew by each process, because " in log
    assert kept == compiled
