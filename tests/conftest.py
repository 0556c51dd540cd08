"""Fixtures of many files: an engine, the real models; the flag that redraws golden images."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from render.system.blas import one_blas_thread

if TYPE_CHECKING:
    from render.engine.base import AbstractEngine
    from render.engine.pyrender.engine import PyrenderEngine

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared" / "data"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-goldens", action="store_true",
        help="write the pictures of tests/golden anew; look at each before it is committed",
    )  # fmt: skip
    parser.addoption(
        "--fuzz-seed", type=int, default=0, help="other damaged inputs than those of seed 0"
    )
    parser.addoption("--fuzz-report", help="file that a table of what they came to is added to")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real models, HDRIs and photographs; skips where it is absent."""
    if not SHARED.is_dir():
        pytest.skip(f"real models for tests are not at {SHARED}")
    return SHARED


@pytest.fixture(scope="session", autouse=True)
def one_thread_for_sums() -> Iterator[None]:
    """Bytes that a test compares do not depend on this machine's cores, as in a run."""
    with one_blas_thread():
        yield


@pytest.fixture
def memory() -> Iterator[Any]:
    """The store `memory://`, which is empty before and after a test."""
    system = pytest.importorskip("fsspec").filesystem("memory")
    yield system
    system.store.clear()
    system.pseudo_dirs[:] = [""]


@pytest.fixture(scope="module", params=["cpu", "pyrender"])
def engine(request: pytest.FixtureRequest) -> Iterator[AbstractEngine]:
    """Each rasterizer, on whatever this machine has; one for the tests of a file."""
    # Here, so that tests which draw nothing need neither.
    if request.param == "cpu":
        from render.engine.cpu.engine import CpuEngine

        started: AbstractEngine = CpuEngine()
    else:
        from render.engine.pyrender.engine import PyrenderEngine

        started = PyrenderEngine()
    with started:
        yield started


@pytest.fixture(scope="module")
def gl_engine() -> Iterator[PyrenderEngine]:
    """The one with OpenGL, for what it alone has."""
    from render.engine.pyrender.engine import PyrenderEngine

    with PyrenderEngine() as started:
        yield started
