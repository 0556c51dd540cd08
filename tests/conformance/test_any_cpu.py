"""Files of a dataset are the same bytes on a CPU that lacks what this one has.

Each library that chooses code by the CPU is kept from it by its own variable: Numba compiles for
any x86-64, NumPy, OpenCV, BLAS and glibc take their oldest. It costs three compiles of all kernels.
"""

from __future__ import annotations

import platform
from pathlib import Path

import numpy as np
import pytest

from tests.e2e.cli import SMALL, bytes_of, run_module

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(platform.machine() != "x86_64", reason="the variables name parts of x86-64"),
]

# What NumPy may choose of, as this build of it has it; what it must have is no choice.
_OF_NUMPY = " ".join(np._core._multiarray_umath.__cpu_dispatch__)
PLAIN = {
    "numba": {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""},
    "numpy": {"NPY_DISABLE_CPU_FEATURES": _OF_NUMPY},
    "opencv": {"OPENCV_CPU_DISABLE": "SSE4.1,SSE4.2,AVX,FP16,AVX2,AVX512-SKX"},
    "blas": {"OPENBLAS_CORETYPE": "Prescott"},
    # Sines and powers, of which glibc has some with fused multiply-adds.
    "libm": {"GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX512F,-AVX2,-FMA,-FMA4,-AVX"},
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
def test_bytes_do_not_depend_on_what_the_cpu_has(
    look: tuple[str, ...], cache: Path, tmp_path: Path
) -> None:
    native, _ = made(tmp_path / "native", cache, *look)
    everything = {name: value for part in PLAIN.values() for name, value in part.items()}
    plain, _ = made(tmp_path / "plain", cache, *look, **everything)

    if plain != native:
        # Which library it is.
        differing = {}
        for part, variables in PLAIN.items():
            alone, _ = made(tmp_path / part, cache, *look, **variables)
            differing[part] = sorted({path for path, _ in native.items() ^ alone.items()})
        pytest.fail(f"these files differ, by the library that was restricted: {differing}")


def test_a_frame_without_a_folder_for_kernels_is_the_same(cache: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    kept, _ = made(tmp_path / "kept", cache, "n_frames=2")
    compiled, log = made(tmp_path / "compiled", tmp_path / "file", "n_frames=2")

    assert "kernels are compiled anew by each process, because " in log
    assert kept == compiled
