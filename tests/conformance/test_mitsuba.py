"""The path tracer against what light does by definition, and against the rasterizer's geometry."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("mitsuba", reason="Mitsuba is not installed (pip install '.[mitsuba]')")

from render.engine.mitsuba.engine import MitsubaEngine
from render.engine.pyrender.engine import PyrenderEngine
from render.errors import ConfigError, EngineError
from render.geometry.frames import rigid
from render.lights.light import Light
from render.scene import Instance, Material, Scene, Surface, Texture
from tests.lit_scenes import (
    MATT,
    MIRROR,
    WHITE,
    camera_at,
    environment_of,
    floor,
    placed,
    scene,
    square,
)

SIZE_WH = (96, 72)
CARD = square("card")


@pytest.fixture(scope="module")
def tracer() -> Iterator[MitsubaEngine]:
    with MitsubaEngine(samples=16) as engine:
        yield engine


def before_grey(
    instances: tuple[Instance, ...],
    *lights: Light,
    eye: tuple[float, float, float] = (0.0, 0.0, 2.0),
    **more: Any,
) -> Scene:
    """A scene whose camera looks at the origin; its backdrop has the radiance 0.25."""
    grey = np.full((SIZE_WH[1], SIZE_WH[0], 3), 0.25, np.float32)
    camera = camera_at(eye, size_wh=SIZE_WH, fov_deg=40.0)
    return scene(camera, instances, lights, **{"backdrop": grey, **more})


def card(half_m: float = 1.0, material: Material = MATT) -> tuple[Instance, ...]:
    """A square at the origin, facing the camera."""
    return placed((CARD, (0.0, 0.0, 0.0), half_m, material))


def middle(radiance: np.ndarray) -> np.ndarray:
    return radiance[24:48, 32:64]


def test_labels_are_the_rasterizers(tracer: MitsubaEngine, gl_engine: PyrenderEngine) -> None:
    cards = placed(
        (CARD, (0.2, 0.1, 0.3), 0.3, MATT),
        (CARD, (0.0, 0.0, 0.0), 0.5, MIRROR),
    )
    shown = before_grey(cards, ambient=1.0)

    traced, drawn = tracer.render(shown), gl_engine.render(shown)

    np.testing.assert_array_equal(drawn.depth_m, traced.depth_m)
    np.testing.assert_array_equal(drawn.instance_idx, traced.instance_idx)
    outlines = (e.silhouettes(shown, shown.instances) for e in (gl_engine, tracer))
    for a, b in zip(*outlines, strict=True):
        assert (a.x0, a.y0) == (b.x0, b.y0)
        np.testing.assert_array_equal(a.mask, b.mask)


def test_equal_scenes_give_equal_bytes(tracer: MitsubaEngine) -> None:
    shown = before_grey(
        card(0.5),
        Light(is_flat=True, color=WHITE, intensity=1.0, radius_m=0.1,
              position_world=(0.4, 0.0, 1.0)),
    )  # fmt: skip

    np.testing.assert_array_equal(tracer.render(shown).radiance, tracer.render(shown).radiance)


@pytest.mark.parametrize(
    "light",
    [
        Light(color=WHITE, intensity=1.0),
        Light(color=WHITE, intensity=1.0, radius_deg=3.0),
        Light(color=WHITE, intensity=2.25, position_world=(0, 0, 1.5)),
        Light(color=WHITE, intensity=2.25, position_world=(0, 0, 1.5), radius_m=0.05),
        Light(
            color=WHITE, intensity=2.25, position_world=(0, 0, 1.5), radius_m=0.05, is_flat=True
        ),
        Light(color=WHITE, intensity=2.25, position_world=(0, 0, 1.5), cone_deg=45.0),
        Light(
            color=WHITE, intensity=2.25, position_world=(0, 0, 1.5), radius_m=0.05, cone_deg=45.0
        ),
    ],
)  # fmt: skip
def test_white_surface_sends_back_the_intensity(tracer: MitsubaEngine, light: Light) -> None:
    # Seen from the side, so that the camera is not where the light is.
    shown = before_grey(card(), light, eye=(0.3, 0.2, 2.0))

    radiance = middle(tracer.render(shown).radiance)
    at_lamp = radiance if light.position_world is None else radiance[10:14, 14:18]

    # A dielectric adds what it reflects at its surface.
    assert at_lamp.mean() == pytest.approx(1.01, abs=0.02)


def test_white_surface_sends_back_what_comes_from_everywhere(tracer: MitsubaEngine) -> None:
    shown = before_grey(card(), ambient=1.0, eye=(0.3, 0.2, 2.0))

    # The reflection at the surface of a dielectric is strongest at a slant.
    assert middle(tracer.render(shown).radiance).mean() == pytest.approx(1.05, abs=0.02)


def test_all_light_of_the_map_arrives(tracer: MitsubaEngine) -> None:
    pixels = np.full((64, 128, 3), 0.2, np.float32)
    pixels[10:14, 60:68] = 300.0  # a sun, which is among the lights as well
    environment = environment_of(pixels)
    sun = environment.map.suns[0]
    lamp = Light(
        color=WHITE, intensity=float(np.mean(sun.irradiance) / np.pi),
        direction_world=(-sun.to_light[0], -sun.to_light[1], -sun.to_light[2]),
        is_in_environment=True,
    )  # fmt: skip
    shown = before_grey(card(), lamp, environment=environment)
    h, w = environment.map.radiance.shape[:2]
    polar = np.pi * (np.arange(h) + 0.5) / h
    from_above = np.maximum(np.cos(polar), 0.0) * np.sin(polar) * (np.pi / h) * (2 * np.pi / w)
    expected = float((environment.map.radiance[..., 0] * from_above[:, None]).sum() / np.pi)

    radiance = middle(tracer.render(shown).radiance).mean()

    assert radiance == pytest.approx(1.03 * expected, rel=0.05)


def test_mirror_shows_the_map_where_the_backdrop_has_it(
    tracer: MitsubaEngine, gl_engine: PyrenderEngine
) -> None:
    rng = np.random.default_rng(0)
    pixels = rng.uniform(0.1, 1.0, (8, 16, 3)).astype(np.float32).repeat(16, 0).repeat(16, 1)
    environment = environment_of(pixels, azimuth_deg=73.0)
    shown = before_grey(card(3.0, MIRROR), eye=(0.7, -0.4, 1.5), environment=environment)
    # The plane z = 0 mirrors the camera: row by row upside down, seen from below.
    flip = np.diag([1.0, 1.0, -1.0])
    T = shown.camera.T_world_cam
    mirrored = rigid(flip @ T[:3, :3] @ np.diag([-1.0, 1.0, 1.0]), flip @ T[:3, 3])
    behind = replace(
        shown, instances=(), camera=replace(shown.camera, T_world_cam=mirrored),
        backdrop=environment,
    )  # fmt: skip

    seen = tracer.render(shown).radiance
    expected = gl_engine.render(behind).radiance[:, ::-1]

    off = np.abs(seen - expected).mean(axis=-1)
    assert np.median(off) < 0.02
    assert (off > 0.1).mean() < 0.08  # a mirror is never quite sharp


def test_outline_lies_where_the_ids_are(tracer: MitsubaEngine, gl_engine: PyrenderEngine) -> None:
    shown = before_grey(
        placed((CARD, (0.05, -0.1, 0.0), 0.4, MATT)), ambient=1.0,
        backdrop=np.zeros((SIZE_WH[1], SIZE_WH[0], 3), np.float32),
    )  # fmt: skip
    K = shown.camera.K.copy()
    K[0, 2] += 7.3
    K[1, 2] -= 5.6
    shown = replace(shown, camera=replace(shown.camera, K=K))

    covered = tracer.render(shown).radiance[..., 1]
    covered = np.minimum(covered / np.median(covered[covered > 0.5]), 1.0)
    T_cam_world = np.linalg.inv(shown.camera.T_world_cam)
    center = K @ (T_cam_world @ [0.05, -0.1, 0.0, 1.0])[:3]

    rows, columns = np.mgrid[: SIZE_WH[1], : SIZE_WH[0]]
    at = [float((covered * x).sum() / covered.sum()) for x in (columns, rows)]
    np.testing.assert_allclose(at, center[:2] / center[2], atol=0.1)
    ids = gl_engine.render(shown).instance_idx >= 0
    assert (np.abs(covered - ids) > 0.85).sum() == 0


def test_texture_is_the_right_way_up(tracer: MitsubaEngine, gl_engine: PyrenderEngine) -> None:
    image = np.full((2, 2, 4), 255, np.uint8)
    image[0, 0, :3], image[0, 1, :3], image[1, 0, :3] = (250, 0, 0), (0, 250, 0), (0, 0, 250)
    material = replace(MATT, base_color_texture=Texture(image=image))
    shown = before_grey(card(0.5, material), Light(color=WHITE, intensity=1.0))

    off = np.abs(tracer.render(shown).radiance - gl_engine.render(shown).radiance).mean(axis=-1)

    assert np.median(off) < 0.02


def test_cut_out_shows_what_is_behind(tracer: MitsubaEngine) -> None:
    hole = replace(MATT, alpha_mode="mask", base_color=(1.0, 1.0, 1.0, 0.2))
    glass = replace(MATT, alpha_mode="blend", base_color=(1.0, 1.0, 1.0, 0.5))

    empty = tracer.render(before_grey(card(1.0, hole), ambient=1.0)).radiance
    half = tracer.render(before_grey(card(1.0, glass), ambient=1.0)).radiance

    np.testing.assert_allclose(empty, 0.25, atol=1e-4)
    assert middle(half).mean() == pytest.approx(0.5 * 1.05 + 0.5 * 0.25, abs=0.03)


def test_what_shines_is_seen_and_lights_others(tracer: MitsubaEngine) -> None:
    lamp = replace(MATT, base_color=(0, 0, 0, 1), emissive=(0.0, 2.0, 0.0))
    upright = np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]])
    ground, screen = placed((CARD, (0.0, 0.0, 0.0), 1.0, MATT), (CARD, (-0.4, 0.0, 0.3), 0.3, lamp))
    screen = replace(screen, T_world_obj=rigid(upright, screen.T_world_obj[:3, 3]))
    shown = before_grey((ground, screen))
    alone = replace(shown, instances=(replace(screen, instance_idx=0),))
    facing = replace(alone, instances=(replace(alone.instances[0], T_world_obj=np.eye(4)),))

    assert middle(tracer.render(facing).radiance)[..., 1].mean() == pytest.approx(2.0, rel=0.01)
    lit = middle(tracer.render(shown).radiance)
    assert lit[..., 1].mean() > 0.05
    assert lit[..., 0].max() == 0.0


def test_catcher_shows_only_shadows(tracer: MitsubaEngine) -> None:
    catcher = floor(half=3.0, catches=True)
    thing = placed((CARD, (0.0, 0.0, 0.5), 0.2, MATT))
    light = Light(color=WHITE, intensity=1.0, direction_world=(-1.0, 0.0, -1.0))
    shown = before_grey(thing, light, surfaces=(catcher,))

    radiance = tracer.render(shown).radiance
    without = tracer.render(replace(shown, surfaces=())).radiance

    # Half a metre up, lit at 45 degrees from +x: the shadow is half a metre towards -x.
    f = shown.camera.K[0, 0]
    shadow = round(shown.camera.K[0, 2] - 0.5 * f / 2.0)
    assert radiance[36, shadow].max() < 0.02
    assert without[36, shadow] == pytest.approx(0.25)
    np.testing.assert_allclose(radiance[5, 90], 0.25, atol=1e-3)
    np.testing.assert_allclose(radiance[36, 48], without[36, 48], atol=0.05)


def test_wall_seen_from_behind_is_not_there(tracer: MitsubaEngine) -> None:
    over = Surface(
        model=CARD, scale=3.0, material=MATT,
        T_world_obj=rigid(np.diag([1.0, -1.0, -1.0]), np.array([0.0, 0.0, 1.0])),
    )  # fmt: skip
    shown = before_grey(card(0.5), ambient=1.0, surfaces=(over,))

    radiance = middle(tracer.render(shown).radiance)[10:14, 14:18]

    assert radiance.mean() == pytest.approx(1.05, abs=0.03)


def test_bad_numbers_are_refused(tracer: MitsubaEngine) -> None:
    with pytest.raises(ConfigError, match=r"engine.samples must be at least 1, got 0"):
        MitsubaEngine(samples=0)
    with pytest.raises(EngineError, match=r"engine.variant must be auto or one of"):
        MitsubaEngine(variant="quick")
    shown = before_grey(card())
    K = shown.camera.K.copy()
    K[1, 1] *= 1.1
    with pytest.raises(EngineError, match=r"camera.K must have fx = fy"):
        tracer.render(replace(shown, camera=replace(shown.camera, K=K)))
