"""How many workers, and how many threads each of them has."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from render.execute.local import auto_workers, thread_limits
from tests.conftest import ROOT


@pytest.mark.parametrize(
    ("cores", "gpus", "expected"),
    [
        (1, 0, 1),
        (2, 0, 2),
        (64, 0, 64),
        (64, 1, 4),
        (64, 8, 32),
        (16, 8, 16),
        (2, 1, 2),
        (1, 1, 1),
        (4, 8, 8),  # none of the GPUs that were named lies idle
    ],
)
def test_one_a_core_and_at_most_four_a_gpu(cores: int, gpus: int, expected: int) -> None:
    assert auto_workers(cores, gpus=gpus) == expected


def test_limits_of_threads() -> None:
    assert thread_limits(3) == {
        "LP_NUM_THREADS": "3", "OMP_NUM_THREADS": "3", "OPENBLAS_NUM_THREADS": "1",
    }  # fmt: skip


def test_sums_do_not_depend_on_threads_of_blas() -> None:
    """NumPy is there before; SciPy comes meanwhile. Afterwards all is as it was."""
    code = (
        "import os, numpy as np\n"
        "from render.system.blas import _loaded, one_blas_thread\n"
        "v = np.random.default_rng(0).normal(size=300_000)\n"
        "def threads(): return [read() for read, _ in _loaded()]\n"
        "held, before = dict(os.environ), threads()\n"
        "with one_blas_thread():\n"
        "    from scipy.linalg.blas import ddot\n"
        "    assert set(threads()) == {1} and len(threads()) > len(before) > 0\n"
        "    print((v @ v).hex(), np.linalg.norm(v).hex(), ddot(v, v).hex())\n"
        "assert os.environ == held and set(before) <= set(threads())"
    )
    sums = {
        subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True,
            env=os.environ | {"OPENBLAS_NUM_THREADS": threads, "OMP_NUM_THREADS": threads},
        ).stdout
        for threads in ("1", "2", "8")
    }  # fmt: skip

    assert len(sums) == 1
