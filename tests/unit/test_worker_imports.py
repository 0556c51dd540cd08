"""What a worker process imports: each library that it does not need costs it time and memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

_PROGRAM = "import sys, render.execute.worker; print(*sys.modules)"
# Composing, reading records, formats of models that few have, and pages.
_LEFT_OUT = (
    "antlr4", "cascadio", "collada", "hydra", "imageio", "lxml", "matplotlib", "omegaconf",
    "pandas", "pyarrow", "pycocotools", "tqdm", "trimesh",
)  # fmt: skip
# What all models that come mapped can do without; Numba itself imports the package alone.
_LEFT_OUT_OF_SCIPY = ("optimize", "sparse", "spatial", "special", "stats")


@pytest.fixture(scope="module")
def imported() -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_a_worker_imports_no_library_that_the_parent_alone_needs(imported: set[str]) -> None:
    assert not imported & set(_LEFT_OUT)
    assert not imported & {f"scipy.{name}" for name in _LEFT_OUT_OF_SCIPY}


def test_a_worker_imports_nothing_of_reports_and_commands(imported: set[str]) -> None:
    assert not [name for name in imported if name.startswith(("render.report", "render.job"))]


def test_kept_kernels_are_loaded_without_what_compiles() -> None:
    """Half a second and 60 MiB of each process."""
    program = (
        "import sys, numpy as np\n"
        "from render.kernels.hulls import are_apart\n"
        "from render.kernels.compiled import has_compiled\n"
        "points, balls = np.eye(3), np.zeros((0, 4))\n"
        "far = np.array([9.0, 0.0, 0.0])\n"
        "assert are_apart(points, balls, points, balls, far, 0.0)\n"
        "print(has_compiled(), 'numba.cpython.unicode' in sys.modules)\n"
    )
    command = [sys.executable, "-c", program]
    subprocess.run(command, check=True, capture_output=True)  # the first may compile
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["False", "False"]


def test_records_are_written_without_pandas_which_reads_them_all_the_same(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from render.dataset.records import write_shard_records\n"
        "write_shard_records(Path(sys.argv[1]), 0, [], [])\n"
        "print('pandas' in sys.modules)\n"
        "import pyarrow\n"
        "print(pyarrow.table({'a': [1, 2]}).to_pandas()['a'].sum())\n"
    )
    pytest.importorskip("pandas", reason="pandas is not installed (an extra's library needs it)")
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", "3"]
