"""Clear coats and translucent sheets: what reaches the camera, against a few lines of optics."""

from __future__ import annotations

import math

import numpy as np
import pytest

from render.engine.base import AbstractEngine
from render.lights.light import Light
from render.scene import Material, Scene
from tests.lit_scenes import WHITE, camera_at, placed, scene, square

CARD = square("card")
SIZE_WH = (48, 36)


def facing(material: Material, light: Light | None = None, *, ambient: float = 0.0) -> Scene:
    """A card that fills the picture, which looks at it straight down."""
    camera = camera_at((0.0, 0.0, 2.0), size_wh=SIZE_WH, fov_deg=20.0)
    card = placed((CARD, (0.0, 0.0, 0.0), 1.0, material))
    return scene(camera, card, () if light is None else (light,), ambient=ambient)


def middle(engine: AbstractEngine, seen: Scene) -> np.ndarray:
    """Mean radiance of the pixels about the middle."""
    radiance = engine.render(seen).radiance
    assert radiance is not None
    return radiance[17:19, 23:25].reshape(-1, 3).mean(axis=0)


def from_behind(angle_deg: float = 0.0, intensity: float = 0.8) -> Light:
    a = math.radians(angle_deg)
    return Light(color=WHITE, intensity=intensity, direction_world=(math.sin(a), 0.0, math.cos(a)))


@pytest.mark.parametrize("translucency", [0.3, 1.0])
def test_half_of_the_share_passes_a_sheet(engine: AbstractEngine, translucency: float) -> None:
    sheet = Material(base_color=(0.9, 0.5, 0.1, 1.0), roughness=1.0, translucency=translucency)
    wanted = np.array(sheet.base_color[:3]) * translucency / 2 * 0.8

    assert middle(engine, facing(sheet, from_behind())) == pytest.approx(wanted, rel=0.01)
    slant = middle(engine, facing(sheet, from_behind(60.0)))
    assert slant == pytest.approx(wanted * 0.5, rel=0.01)


def test_what_passes_is_missing_in_front(engine: AbstractEngine) -> None:
    lamp = Light(color=WHITE, intensity=0.8, direction_world=(0.6, 0.0, -0.8), has_highlight=False)
    solid = Material(base_color=(0.9, 0.5, 0.1, 1.0), roughness=1.0)
    sheet = Material(base_color=(0.9, 0.5, 0.1, 1.0), roughness=1.0, translucency=0.6)

    assert middle(engine, facing(sheet, lamp)) == pytest.approx(
        0.7 * middle(engine, facing(solid, lamp)), rel=0.01
    )


def test_a_sheet_in_even_light_is_as_bright_as_a_solid(engine: AbstractEngine) -> None:
    solid = Material(base_color=(0.9, 0.5, 0.1, 1.0), roughness=1.0)
    sheet = Material(base_color=(0.9, 0.5, 0.1, 1.0), roughness=1.0, translucency=0.6)

    assert middle(engine, facing(sheet, ambient=1.0)) == pytest.approx(
        middle(engine, facing(solid, ambient=1.0)), rel=1e-3
    )


@pytest.mark.parametrize("clearcoat", [0.5, 1.0])
def test_a_coat_shows_the_lamp_in_its_mirror(engine: AbstractEngine, clearcoat: float) -> None:
    radius = 0.2
    lamp = Light(
        color=WHITE, intensity=0.8, direction_world=(0.0, 0.0, -1.0),
        radius_deg=math.degrees(radius),
    )  # fmt: skip
    black = Material(base_color=(0.0, 0.0, 0.0, 1.0), roughness=1.0, clearcoat=clearcoat)
    # GGX times pi in the direction of the mirror, where half vector, eye and lamp are the normal:
    # F / (4 a^2), with the lamp's own width as a part of a^2.
    coat = 0.04 / (4 * (0.06**4 + radius**2 / 4))
    below = 0.04 / 4

    wanted = 0.8 * (clearcoat * coat + (1 - clearcoat * 0.04) * below)
    assert middle(engine, facing(black, lamp)) == pytest.approx(wanted, rel=0.02)


def test_a_coat_takes_from_below_what_it_reflects(engine: AbstractEngine) -> None:
    bare = Material(base_color=(0.9, 0.5, 0.1, 1.0), roughness=1.0)
    coated = Material(base_color=(0.9, 0.5, 0.1, 1.0), roughness=1.0, clearcoat=1.0)
    black = Material(base_color=(0.0, 0.0, 0.0, 1.0), roughness=0.06)
    below, coat = (middle(engine, facing(m, ambient=1.0)) for m in (bare, black))

    wanted = 0.96 * below + coat
    assert coat == pytest.approx(0.04, rel=0.1), "what a dielectric of the index 1.5 reflects"
    assert middle(engine, facing(coated, ambient=1.0)) == pytest.approx(wanted, rel=2e-3)


def test_the_path_tracer_agrees() -> None:
    pytest.importorskip("mitsuba", reason="mitsuba is not installed")
    from render.engine.mitsuba.engine import MitsubaEngine

    sheet = Material(base_color=(0.9, 0.5, 0.1, 1.0), roughness=1.0, translucency=0.6)
    black = Material(base_color=(0.0, 0.0, 0.0, 1.0), roughness=1.0)
    coated = Material(base_color=(0.0, 0.0, 0.0, 1.0), roughness=1.0, clearcoat=1.0)
    with MitsubaEngine(samples=256) as tracer:
        passed = middle(tracer, facing(sheet, from_behind()))
        bare, coat = (middle(tracer, facing(m, ambient=1.0)) for m in (black, coated))

    assert passed == pytest.approx(np.array([0.9, 0.5, 0.1]) * 0.3 * 0.8, rel=0.1)
    assert coat - bare == pytest.approx(0.04, abs=0.012)
