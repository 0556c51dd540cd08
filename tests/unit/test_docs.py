"""The example of a pass in the docs works as it stands there."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from render.engine.pyrender import gl
from render.engine.pyrender.engine import PyrenderEngine
from tests.conftest import ROOT
from tests.lit_scenes import BALL, MATT, camera_at, placed, scene


def block_of(language: str) -> str:
    text = (ROOT / "docs" / "engines.md").read_text(encoding="utf-8")
    (block,) = re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)
    return str(block)


def test_example_of_a_pass(
    gl_engine: PyrenderEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shaders = tmp_path / "shaders"
    shutil.copytree(gl._SHADERS, shaders)
    (shaders / "facing.frag").write_text(block_of("glsl"), encoding="utf-8")
    monkeypatch.setattr(gl, "_SHADERS", shaders)
    module: dict[str, Any] = {"__name__": "facing"}
    exec(compile(block_of("python"), "facing.py", "exec"), module)

    camera = camera_at((0.0, -4.0, 0.0))
    shown = scene(camera, placed((BALL, (0.0, 0.0, 0.0), 1.0, MATT)))
    uploaded = gl_engine._prepare(shown)
    ids = gl_engine._ids.render(uploaded)
    gbuffer = gl_engine._ids.gbuffer(uploaded, ids)
    facing = module["FacingPass"](gl_engine._context).render(uploaded, gbuffer)
    # On a ball, by where the ray through the pixel meets it.
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
