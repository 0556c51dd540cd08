"""Which engine is taken, and that the one of compiled kernels loads nothing of GL."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from render.engine.auto import AutoEngine
from render.engine.pyrender.devices import gpu_file
from tests.conftest import ROOT
from tests.unit.test_house import GL_PACKAGES

_CPU = "render.engine.cpu.engine.CpuEngine"
_GL = "render.engine.pyrender.engine.PyrenderEngine"
_RUN = f"""
import sys
import render

plan = render.compose(
    sys.argv[1], "output_dir=" + sys.argv[2], "n_frames=1", "workers=1", "camera.size_wh=[160,120]"
)
render.write(plan, sys.argv[2])
print(*sorted({GL_PACKAGES!r} & {{name.partition(".")[0] for name in sys.modules}}))
"""
NO_GPU = pytest.mark.skipif(gpu_file() is not None, reason="this machine has a GPU")


@pytest.mark.parametrize("word", ["engine=cpu", pytest.param("engine=auto", marks=NO_GPU)])
def test_a_dataset_without_gl(word: str, tmp_path: Path) -> None:
    there = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", _RUN, word, str(tmp_path / "data")]
    done = subprocess.run(command, env=there, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    loaded = done.stdout.splitlines()[-1]
    assert loaded == ""
    # The choice is stored, so that every later process follows it.
    stored = yaml.safe_load((tmp_path / "data" / "dataset.yaml").read_text(encoding="utf-8"))
    assert stored["config"]["engine"] == {"_target_": _CPU}
    assert stored["gl"]["platform"] == "cpu"
    assert [*(tmp_path / "data" / "images").rglob("*.jpg")]


@NO_GPU
def test_without_a_gpu_kernels_draw() -> None:
    assert AutoEngine.settled({"_target_": "x", "platform": "auto", "device": "auto"}) == {
        "_target_": _CPU
    }
    with AutoEngine() as engine:
        assert engine.info.platform == "cpu"


@pytest.mark.parametrize("asked", [{"platform": "egl"}, {"device": "0"}, {"device": [0, 1]}])
def test_options_of_opengl_ask_for_it(asked: dict[str, object]) -> None:
    assert AutoEngine.settled({"_target_": "x", **asked}) == {"_target_": _GL, **asked}


@pytest.mark.parametrize(("platform", "target"), [("cpu", _CPU), ("egl", _GL), ("osmesa", _GL)])
def test_what_drew_the_frames_that_are_there_draws_the_others(platform: str, target: str) -> None:
    node = {"_target_": "x", "platform": "auto", "device": "auto"}

    assert AutoEngine.settled(node, drew={"platform": platform})["_target_"] == target
