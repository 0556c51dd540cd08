"""The light of docs/extending.md, as it stands there, against irradiance worked out with numpy."""

from __future__ import annotations

import importlib
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

import render
from render.engine.base import AbstractEngine
from render.engine.pyrender.engine import PyrenderEngine
from render.errors import ConfigError
from render.lights.base import LIGHTS, AbstractLightKind, Lamp
from render.lights.light import Light
from render.scene import Material, Scene
from tests.conftest import ROOT
from tests.e2e.cli import run_module
from tests.lit_scenes import BALL, WHITE, camera_at, floor, placed, points_world, scene

LAMP = Lamp(
    target_world=np.zeros(3),
    to_lamp=np.array([0.48, -0.36, 0.8]),
    distance_m=4.0,
    intensity=0.9,
    color=WHITE,
    radius_deg=15.0,
    cone_deg=30.0,
    casts_shadow=True,
)
BLACK = Material(base_color=(0.0, 0.0, 0.0, 1.0), roughness=1.0)
BALL_AT, BALL_RADIUS = np.array([0.0, 0.0, 0.8]), 0.35


def section_of(language: str) -> str:
    """The one block of a language in the page's section."""
    page = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
    section = page.partition("## A light\n")[2].partition("\n## ")[0]
    (block,) = re.findall(rf"```{language}\n(.*?)```", section, flags=re.DOTALL)
    return str(block)


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kinds that a test registers are forgotten afterwards."""
    assert "area" in LIGHTS  # reads those of the package now
    monkeypatch.setattr(LIGHTS, "_classes", dict(LIGHTS._classes))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the files of the page's section."""
    (tmp_path / "presets" / "lighting").mkdir(parents=True)
    (tmp_path / "ring_light.py").write_text(section_of("python"))
    (tmp_path / "presets" / "lighting" / "ring.yaml").write_text(section_of("yaml"))
    return tmp_path


@pytest.fixture
def ring(folder: Path, registered: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(str(folder))
    yield importlib.import_module("ring_light")
    del sys.modules["ring_light"]


def engine_of(name: str) -> AbstractEngine:
    if name == "pyrender":
        return PyrenderEngine()
    pytest.importorskip("mitsuba")
    from render.engine.mitsuba.engine import MitsubaEngine

    return MitsubaEngine(samples=64)


def shown_by(lights: tuple[Light, ...]) -> Scene:
    """A black ball over a white floor, from above."""
    ball = placed((BALL, tuple(BALL_AT), BALL_RADIUS, BLACK))
    camera = camera_at((0.0, -1.5, 4.0), (-0.3, 0.2, 0.0))
    return scene(camera, ball, lights, surfaces=(floor(),))


def sent_back(points: NDArray[np.float64], *, with_ball: bool = True) -> NDArray[np.float64]:
    """Radiance of a white matt level surface at points, under the ring of `LAMP`.

    Each panel is a Lambertian disc of many points; what a point sends to a place is by both
    cosines over the squared distance, and nothing where the ball is between.
    """
    axis = LAMP.to_lamp
    x = np.cross([0.0, 0.0, 1.0], axis)
    x /= np.linalg.norm(x)
    y = np.cross(axis, x)
    ring_radius = 4.0 * np.tan(np.radians(15.0))
    panel_radius = 0.2 * ring_radius
    rng = np.random.default_rng(0)
    total, at_target = np.zeros(points.shape[:-1]), 0.0
    for turn in np.arange(8) * np.pi / 4:
        center = 4.0 * axis + ring_radius * (np.cos(turn) * x + np.sin(turn) * y)
        normal = -center / np.linalg.norm(center)
        u = np.cross(normal, axis)
        u /= np.linalg.norm(u)
        v = np.cross(normal, u)
        for r, a in zip(np.sqrt(rng.uniform(size=64)), rng.uniform(0, 2 * np.pi, 64)):
            source = center + panel_radius * r * (np.cos(a) * u + np.sin(a) * v)
            way = source - points
            away = np.linalg.norm(way, axis=-1)
            way = way / away[..., None]
            part = np.maximum(way[..., 2], 0) * np.maximum(-(way @ normal), 0) / away**2
            if with_ball:
                to_ball = BALL_AT - points
                along = (to_ball * way).sum(axis=-1)
                apart = np.linalg.norm(to_ball - along[..., None] * way, axis=-1)
                part = part * ((apart > BALL_RADIUS) | (along < 0))
            total += part
            back = source / np.linalg.norm(source)
            at_target += max(float(back @ axis), 0) * float(-back @ normal) / float(source @ source)
    return 0.9 * total / at_target


@pytest.mark.parametrize("name", ["pyrender", "mitsuba"])
def test_floor_has_the_light_and_the_shadow_of_the_ring(ring: ModuleType, name: str) -> None:
    with engine_of(name) as engine:
        shown = shown_by(ring.RingLight().lights(LAMP))
        buffers = engine.render(shown)
    points = points_world(shown, buffers)
    expected = sent_back(points)
    on_floor = cv2.erode(np.uint8(buffers.instance_idx < 0), np.ones((5, 5))) > 0
    share = expected / sent_back(points, with_ball=False)
    lit, shadow = on_floor & (share > 0.999), on_floor & (share < 0.5)
    seen = cv2.blur(buffers.radiance[..., 1], (3, 3))

    assert lit.sum() > 5000
    assert shadow.sum() > 150
    # A dielectric adds some percent of its own; what is traced has noise.
    ratio = seen[lit] / expected[lit]
    assert ratio.mean() == pytest.approx(1.02, abs=0.03)
    assert ratio.std() < 0.02
    off = seen / 1.02 - expected
    assert np.abs(off[on_floor]).mean() < 0.02
    assert np.abs(off[shadow]).mean() < 0.06
    assert seen[shadow].mean() < 0.6 * seen[lit].mean()


def test_commands_of_the_page_make_datasets_that_look_alike(folder: Path) -> None:
    pytest.importorskip("mitsuba")
    small = (
        "n_frames=2", "camera.size_wh=[160,120]", "models=[mug]", "background=floor",
        "sensor=clean", "seed=3",
    )  # fmt: skip
    # Two processes, which learn the kind as well.
    more = {"output_dir=ring": ("workers=2",), "output_dir=traced": ("engine.samples=16",)}
    commands = re.findall(r"^python -m (\S+) (.*)$", section_of("bash"), flags=re.MULTILINE)
    for module, words in commands:
        asked = shlex.split(words)
        extra = next(more[word] for word in asked if word in more)
        done = run_module(module, *asked, *small, *extra, cwd=folder)
        assert done.returncode == 0, done.stderr

    drawn, traced = (render.open(folder / name) for name in ("ring", "traced"))
    for a, b in zip(drawn.frames, traced.frames, strict=True):
        assert a.theta.lighting.kind == b.theta.lighting.kind == ("ring",)
        assert a.theta == b.theta
        greys = [cv2.blur(frame.image.mean(axis=2), (5, 5)).ravel() for frame in (a, b)]
        # Bounces, as within a mug, are approximated by the one and full of noise in the other.
        assert np.corrcoef(greys)[0, 1] > 0.85


# Bad input.


def test_unknown_kind_lists_those_there_are(registered: None) -> None:
    with pytest.raises(
        ConfigError,
        match=r"lighting\.kind must be one of area, directional, point, spot, got aera; "
        r"did you mean area\?",
    ):
        render.compose("lighting=studio", "lighting.kind=aera")


def test_kind_that_fails_is_named_before_the_first_frame(registered: None) -> None:
    @LIGHTS.register("broken")
    class Broken(AbstractLightKind):
        """Raises."""

        def lights(self, lamp: Lamp) -> tuple[Light, ...]:
            return (Light(color=lamp.color, intensity=-lamp.intensity),)

    with pytest.raises(
        ConfigError,
        match=r"lighting\.kind=broken: .*Broken failed: ValueError: intensity must be finite",
    ):
        render.compose("lighting=studio", "lighting.kind=broken")


@pytest.mark.parametrize("given", ["lamps", "nothing"])
def test_kind_that_returns_no_lights_is_named(registered: None, given: str) -> None:
    @LIGHTS.register("empty")
    class Empty(AbstractLightKind):
        """Returns what is no light."""

        def lights(self, lamp: Lamp) -> tuple[Light, ...]:
            return [lamp] if given == "lamps" else ()  # type: ignore[return-value]

    with pytest.raises(ConfigError, match=r"lighting\.kind=empty: .*Empty must return a tuple of"):
        render.compose("lighting=studio", "lighting.kind=empty")


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ({"intensity": -1.0}, "intensity must be finite and at least 0, got -1.0"),
        ({"radius_m": np.inf}, "radius_m must be finite and at least 0, got inf"),
        ({"direction_world": (0.0, 0.0, 0.0)}, "direction_world must have a length"),
        ({"position_world": (0.0, np.nan, 0.0)}, "position_world must be finite"),
        ({"is_flat": True}, "position_world must be set for a flat light or a cone"),
        ({"cone_deg": 20.0}, "position_world must be set for a flat light or a cone"),
        ({"cone_deg": 0.0}, "cone_deg must be above 0 and at most 180, got 0.0"),
        (
            {"is_flat": True, "cone_deg": 20.0, "position_world": (0.0, 0.0, 1.0)},
            "cone_deg must be 180 for a flat light, got 20.0",
        ),
    ],
)
def test_numbers_that_contradict_each_other_are_refused(
    numbers: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        Light(**{"color": WHITE, "intensity": 1.0, **numbers})  # type: ignore[arg-type]
