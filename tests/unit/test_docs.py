"""The examples of passes in the docs work as they stand there."""

from __future__ import annotations

import importlib
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import render.engine.cpu
import render.kernels
from render.engine.cpu.bodies import bodies_of
from render.engine.cpu.visible import VisiblePass
from render.engine.pyrender import gl
from render.engine.pyrender.engine import PyrenderEngine
from render.scene import Camera, Scene
from tests.conftest import ROOT
from tests.lit_scenes import BALL, MATT, camera_at, placed, scene


def example(path: str) -> str:
    """The file that the page on engines shows under a path."""
    text = (ROOT / "docs" / "engines.md").read_text(encoding="utf-8")
    (block,) = re.findall(
        rf"^`{re.escape(path)}`:\n\n```\w+\n(.*?)```", text, re.DOTALL | re.MULTILINE
    )
    return str(block)


def ball() -> Scene:
    return scene(camera_at((0.0, -4.0, 0.0)), placed((BALL, (0.0, 0.0, 0.0), 1.0, MATT)))


def assert_faces_as_a_ball(facing: NDArray[np.float32], camera: Camera) -> None:
    """By where the ray through each pixel meets a ball of radius 1, four away."""
    v, u = np.indices(facing.shape)
    rays = np.stack([u, v, np.ones_like(u)], axis=-1) @ np.linalg.inv(camera.K).T
    rays /= np.linalg.norm(rays, axis=-1, keepdims=True)
    along = 4.0 * rays[..., 2]
    inside = along**2 - (16.0 - 1.0)
    hit = inside > 0.02
    normal = (along - np.sqrt(np.maximum(inside, 0.0)))[..., None] * rays - np.array([0, 0, 4.0])
    expected = -(normal * rays).sum(axis=-1)
    assert hit.sum() > 1000
    np.testing.assert_allclose(facing[hit], expected[hit], atol=0.06)
    assert (facing[along**2 - 15.0 < -0.2] == 0.0).all()


def test_example_of_a_pass_in_opengl(
    gl_engine: PyrenderEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shaders = tmp_path / "shaders"
    shutil.copytree(gl._SHADERS, shaders)
    folder = "render/engine/pyrender"
    shader = example(f"{folder}/shaders/facing.frag")
    (shaders / "facing.frag").write_text(shader, encoding="utf-8")
    monkeypatch.setattr(gl, "_SHADERS", shaders)
    module: dict[str, Any] = {"__name__": "facing"}
    exec(compile(example(f"{folder}/passes/facing.py"), "facing.py", "exec"), module)

    shown = ball()
    uploaded = gl_engine._prepare(shown)
    ids = gl_engine._ids.render(uploaded)
    gbuffer = gl_engine._ids.gbuffer(uploaded, ids)
    facing = module["FacingPass"](gl_engine._context).render(uploaded, gbuffer)

    assert_faces_as_a_ball(facing, shown.camera)


def test_example_of_a_pass_on_the_cpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for package in (render.kernels, render.engine.cpu):
        folder = tmp_path / package.__name__
        folder.mkdir()
        path = f"{package.__name__.replace('.', '/')}/facing.py"
        (folder / "facing.py").write_text(example(path), encoding="utf-8")
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])
    module = importlib.import_module("render.engine.cpu.facing")

    shown = ball()
    bodies = bodies_of(shown)
    facing = module.FacingPass().render(bodies, VisiblePass().ids(bodies).visible)

    assert_faces_as_a_ball(facing, shown.camera)
