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
    assert thread_limits(3) == {"LP_NUM_THREADS": "3", "OMP_NUM_THREADS": "3"}


def test_sums_do_not_depend_on_threads_of_blas() -> None:
    code = (
        "import render, numpy as np\n"
        "v = np.random.default_rng(0).normal(size=300_000)\n"
        "print((v @ v).hex(), np.linalg.norm(v).hex())"
    )
    sums = {
        subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True,
            env=os.environ | {"OPENBLAS_NUM_THREADS": threads, "OMP_NUM_THREADS": threads},
        ).stdout
        for threads in ("1", "2", "8")
    }  # fmt: skip

    assert len(sums) == 1
