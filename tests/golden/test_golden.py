"""Pictures as they were when last looked at; of software rasterizers alone.

``pytest tests/golden --update-goldens`` draws them anew: look at each before it is committed.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from render.engine.base import AbstractEngine
from tests.golden.scenes import PICTURES

FOLDER = Path(__file__).parent / "images"
# Other versions of the rasterizer round otherwise, and move an edge by a sample.
MEAN_LEVELS = 0.7
FAR_LEVELS, FAR_SHARE = 24, 0.01


@pytest.fixture(scope="module")
def engine(engine: AbstractEngine) -> AbstractEngine:
    """Each rasterizer that the golden images are of."""
    if engine.info.is_gpu:
        pytest.skip(f"golden images are of software rasterizers, not of {engine.info}")
    return engine


@pytest.mark.parametrize("name", sorted(PICTURES))
def test_picture_is_as_it_was(
    engine: AbstractEngine, name: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    path = FOLDER / f"{name}.png"
    got = cv2.cvtColor(PICTURES[name](engine), cv2.COLOR_RGB2BGR)
    if request.config.getoption("--update-goldens"):
        FOLDER.mkdir(exist_ok=True)
        assert cv2.imwrite(str(path), got)
        return
    golden = cv2.imread(str(path))
    assert golden is not None, f"{path} is missing: run with --update-goldens, and look at it"
    assert got.shape == golden.shape
    off = np.abs(got.astype(int) - golden)
    if off.mean() > MEAN_LEVELS or (off.max(axis=2) > FAR_LEVELS).mean() > FAR_SHARE:
        beside = tmp_path / f"{name}.png"
        amplified = np.clip(off * 8, 0, 255).astype(np.uint8)
        cv2.imwrite(str(beside), np.hstack([golden, got, amplified]))
        pytest.fail(
            f"{name} is off by {off.mean():.2f} levels on average, "
            f"{(off.max(axis=2) > FAR_LEVELS).mean():.1%} of it far off: golden, this and their "
            f"difference (8 x) are in {beside}"
        )


def test_each_file_is_of_a_picture() -> None:
    assert {path.stem for path in FOLDER.glob("*.png")} == set(PICTURES)
