"""Both rasterizers shade alike: the same scenes, pixel by pixel."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from render.buffers import Buffers
from render.build import build
from render.engine.base import AbstractEngine
from render.engine.cpu.engine import CpuEngine
from render.engine.pyrender.engine import PyrenderEngine
from render.lights.light import Light
from render.scene import Scene
from tests.golden.scenes import CAMERA, CLAY, GREY, PICTURES, PLASTIC, STEEL, three
from tests.lit_scenes import floor
from tests.lit_scenes import scene as lit
from tests.spaces import composed

# Mean difference over mean radiance. Edges differ where OpenGL's corners lie on a grid.
MEAN, INSIDE = 0.006, 0.003
CONFIGS: dict[str, tuple[str, ...]] = {
    "default": (),
    "studio": ("lighting=studio",),
    "points": ("lighting=points",),
    "environment": ("lighting=environment", "background=environment"),
    "textured": ("material=textured", "background=room"),
}


class Watched:
    """An engine that remembers what it was asked to draw."""

    def __init__(self, engine: AbstractEngine) -> None:
        self.scenes: list[Scene] = []
        self._engine = engine

    def render(self, scene: Scene) -> Buffers:
        self.scenes.append(scene)
        return self._engine.render(scene)


@pytest.fixture(scope="module")
def cpu() -> Iterator[CpuEngine]:
    with CpuEngine() as started:
        yield started


def assert_alike(cpu: CpuEngine, gl: PyrenderEngine, scene: Scene) -> None:
    drawn, expected = cpu.render(scene), gl.render(scene)
    off = np.abs(drawn.radiance - expected.radiance).mean(axis=2)
    mean = expected.radiance.mean()

    assert np.isfinite(drawn.radiance).all()
    assert off.mean() < MEAN * mean
    shown = expected.depth_m
    bends = np.zeros(shown.shape, np.bool_)
    for axis in (0, 1):
        step = np.abs(np.diff(shown, n=2, axis=axis)) > 1e-3 * shown.max()
        bends |= np.pad(step, [(1, 1) if axis == k else (0, 0) for k in (0, 1)])
    assert off[~bends].mean() < INSIDE * mean


@pytest.mark.parametrize("name", sorted(PICTURES))
def test_pictures_made_by_hand_are_alike(
    cpu: CpuEngine, gl_engine: PyrenderEngine, name: str
) -> None:
    watched = Watched(cpu)
    PICTURES[name](watched)  # type: ignore[arg-type]  # all that a picture asks of an engine
    for scene in watched.scenes:
        assert_alike(cpu, gl_engine, scene)


def test_more_lamps_than_cast_shadows_are_alike(cpu: CpuEngine, gl_engine: PyrenderEngine) -> None:
    turns = np.radians(np.arange(9) * 40.0)
    lamps = tuple(
        Light(
            color=tuple(np.roll((1.0, 0.3, 0.3), i)), intensity=4.0, radius_m=0.1,
            position_world=(3.0 * np.cos(turn), 3.0 * np.sin(turn), 2.5),
            direction_world=(-np.cos(turn), -np.sin(turn), -1.0),
        )
        for i, turn in enumerate(turns)
    )  # fmt: skip
    bodies = three(CLAY, STEEL, PLASTIC)

    assert_alike(cpu, gl_engine, lit(CAMERA, bodies, lamps, surfaces=(floor(material=GREY),)))


@pytest.mark.parametrize("name", CONFIGS)
def test_frames_are_alike(cpu: CpuEngine, gl_engine: PyrenderEngine, name: str) -> None:
    plan = build(composed(*CONFIGS[name], "n_frames=8"))
    for frame_idx in range(4):
        assert_alike(cpu, gl_engine, plan.scene(frame_idx))
