"""Where the shared data lies, for tests that read real models; how golden images are redrawn."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared" / "data"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-goldens", action="store_true",
        help="write the pictures of tests/golden anew; look at each before it is committed",
    )  # fmt: skip


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real models, HDRIs and photographs; skips where it is absent."""
    if not SHARED.is_dir():
        pytest.skip(f"real models for tests are not at {SHARED}")
    return SHARED
