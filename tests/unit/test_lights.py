"""Shadows and lights through the engine, against the geometry of rays."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from render.engine.base import AbstractEngine
from render.lights.light import Light
from render.scene import Camera, Scene, Texture
from tests.lit_scenes import (
    BALL,
    BOX,
    MATT,
    PLATE,
    WHITE,
    beside_objects,
    camera_at,
    floor,
    grey,
    numbers_of,
    placed,
    points_world,
    scene,
    square,
)

LAMP = (-2.4, 0.3, 3.6)  # where lights that have a place stand
SLANT = (1.0, 0.2, -1.0)


def light_of(kind: str, *, scale: float = 1.0, radius: float = 0.0) -> Light:
    """`radius` in degrees as seen from the origin."""
    away = float(np.linalg.norm(LAMP)) * scale
    x, y, z = (scale * v for v in LAMP)
    if kind == "directional":
        return Light(color=WHITE, intensity=1.0, direction_world=SLANT, radius_deg=radius)
    return Light(
        color=WHITE,
        intensity=away**2,
        position_world=(x, y, z),
        direction_world=(-x, -y, -z),
        radius_m=away * float(np.tan(np.radians(radius))),
        **numbers_of(kind, cone_deg=40.0),  # type: ignore[arg-type]
    )


def way_of_light(light: Light, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """``(H, W, 3)`` towards the light; its third component is 1."""
    if light.position_world is None:
        d = -np.array(light.direction_world)
        return np.broadcast_to(d / d[2], points.shape)
    away = np.array(light.position_world) - points
    return np.asarray(away / away[..., 2:])


def seen_with(light: Light, camera: Camera, *, height: float = 1.0, scale: float = 1.0) -> Scene:
    """A plate above a floor."""
    plate = placed((PLATE, (0.0, 0.0, height), 1.0, MATT), scale=scale)
    return scene(camera, plate, (light,), surfaces=(floor(half=30.0 * scale),))


def lit_share(
    engine: AbstractEngine, shown: Scene
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int32]]:
    """What of the lights arrives by pixel; where that is in the world; ids."""
    bare = replace(shown, lights=tuple(replace(x, casts_shadow=False) for x in shown.lights))
    buffers = engine.render(shown)
    full = grey(engine, bare)
    share = np.where(full > 1e-6, buffers.radiance[..., 1] / np.maximum(full, 1e-6), np.nan)
    return share, points_world(shown, buffers), buffers.instance_idx


def pixel_m(camera: Camera) -> float:
    """What a pixel is across, at the distance of the origin."""
    return float(np.linalg.norm(camera.T_world_cam[:3, 3]) / camera.K[0, 0])


def inside_plate(
    light: Light, points: NDArray[np.float64], height: float, half: float
) -> NDArray[np.float64]:
    """How far inside the plate, metres, the light's ray passes; negative outside."""
    hit = points + way_of_light(light, points) * (height - points[..., 2:])
    return np.asarray((half - np.abs(hit[..., :2])).min(axis=-1))


@pytest.mark.parametrize("kind", ["directional", "point", "spot", "area"])
@pytest.mark.parametrize("scale", [1.0, 1e-3, 10.0])
def test_shadow_of_a_plate_lies_where_rays_say(
    engine: AbstractEngine, kind: str, scale: float
) -> None:
    light = light_of(kind, scale=scale)
    camera = camera_at((1.2, -3.0, 4.0), (0.8, 0.0, 0.0), size_wh=(240, 180), scale=scale)
    share, points, ids = lit_share(engine, seen_with(light, camera, scale=scale))
    on_floor = (ids == -1) & np.isfinite(share) & ~beside_objects(ids)
    inside = inside_plate(light, points, scale, 0.5 * scale)
    sure = 1.5 * pixel_m(camera)
    umbra, lit = on_floor & (inside > sure), on_floor & (inside < -sure)
    assert umbra.sum() > 500
    assert lit.sum() > 5000
    assert share[umbra].max() < 0.01
    np.testing.assert_allclose(share[lit], 1.0, atol=0.01)
    # The plate itself is lit from above.
    plate = share[(ids == 0) & np.isfinite(share)]
    assert np.quantile(np.abs(plate - 1.0), 0.95) < 0.01


def width_of_penumbra(
    engine: AbstractEngine, light: Light, height: float, *, scale: float = 1.0
) -> float:
    """Radius of the light's disc over the gap, from where 10 and 90 percent arrive.

    The edge at y = -0.5 of the plate; a disc behind an edge gives 10 percent at 0.687 of
    its radius.
    """
    # Below the plate, so that it hides nothing of its shadow.
    shift = height * float(-way_of_light(light, np.zeros((1, 1, 3)))[0, 0, 0])
    camera = camera_at(
        (shift, -2.6, 1.2), (shift, -0.5, 0.0), size_wh=(200, 260), fov_deg=28.0, scale=scale
    )
    share, points, ids = lit_share(engine, seen_with(light, camera, height=height, scale=scale))
    hit = points / scale
    hit = hit + way_of_light(light, points) * (height - hit[..., 2:])
    near = (ids == -1) & (np.abs(hit[..., 0]) < 0.25) & np.isfinite(share)
    edges = np.linspace(-1.1, 0.1, 61)
    place = np.digitize(hit[..., 1], edges)
    at, mean = [], []
    for i in range(1, len(edges)):
        here = near & (place == i)
        if here.sum() > 20:
            at.append((edges[i - 1] + edges[i]) / 2)
            mean.append(share[here].mean())
    assert mean[0] > 0.97
    assert mean[-1] < 0.03
    falling = np.minimum.accumulate(mean)
    low, high = np.interp([-0.9, -0.1], -falling, at)
    assert (low + high) / 2 == pytest.approx(-0.5, abs=0.02 + 0.1 * (high - low))
    return float(high - low) / (2 * 0.687)


@pytest.mark.parametrize(
    ("radius_deg", "height"), [(2.0, 1.0), (4.0, 1.0), (8.0, 1.0), (4.0, 0.5), (8.0, 0.4)]
)
@pytest.mark.parametrize("scale", [1.0, 1e-3])
def test_penumbra_widens_with_the_light_and_the_height(
    engine: AbstractEngine, radius_deg: float, height: float, scale: float
) -> None:
    light = replace(light_of("directional", radius=radius_deg), direction_world=(0.6, 0, -1.0))
    got = width_of_penumbra(engine, light, height, scale=scale)
    way = height * float(np.hypot(0.6, 1.0))
    assert got == pytest.approx(np.tan(np.radians(radius_deg)) * way, rel=0.25)


@pytest.mark.parametrize("kind", ["point", "spot", "area"])
def test_penumbra_of_lamps(engine: AbstractEngine, kind: str) -> None:
    light = replace(light_of(kind), position_world=(0.0, 0.0, 5.0), direction_world=(0, 0, -1.0))
    light = replace(light, radius_m=0.4)
    # A blur of radius r about the ray, where it passes the plate: as the lamp's, seen from
    # the floor, five metres away, one metre along.
    got = width_of_penumbra(engine, light, 1.0)
    assert got == pytest.approx(0.4 / 5.0, rel=0.25)


def test_lit_floor_and_ball_do_not_shade_themselves(engine: AbstractEngine) -> None:
    for scale in (1e-3, 1.0, 10.0):
        for kind in ("directional", "point", "area", "spot"):
            for radius in (0.0, 3.0):
                light = light_of(kind, radius=radius, scale=scale)
                camera = camera_at((-1.5, -4.0, 3.0), (0, 0, 0.6), scale=scale)
                ball = placed((BALL, (0, 0, 1.05), 0.5, MATT), scale=scale)
                shown = scene(camera, ball, (light,), surfaces=(floor(half=30.0 * scale),))
                share, points, ids = lit_share(engine, shown)
                normal = (points - scale * np.array([0, 0, 1.05])) / (0.5 * scale)
                towards = way_of_light(light, points)
                if kind != "directional":
                    towards = np.array(light.position_world) - points
                towards = towards / np.linalg.norm(towards, axis=2, keepdims=True)
                facing = (ids == 0) & ((normal * towards).sum(axis=2) > 0.25)
                assert facing.sum() > 300
                assert np.abs(share[facing] - 1.0).max() < 0.01, (scale, kind, radius)
                # Floor whose ray to the light passes the ball at 1.5 radii or more.
                to_ball = scale * np.array([0, 0, 1.05]) - points
                along = (to_ball * towards).sum(axis=2, keepdims=True)
                passing = np.linalg.norm(to_ball - along * towards, axis=2)
                free = (ids == -1) & np.isfinite(share) & (passing > 0.75 * scale)
                assert free.sum() > 3000
                # A pixel at the ball's outline may take the ball's shadow.
                off = np.abs(share[free] - 1.0) > 0.01
                assert off.sum() <= 3, (scale, kind, radius)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 10.0])
@pytest.mark.parametrize("radius", [0.0, 2.0])
def test_shadow_of_a_standing_box_begins_at_its_foot(
    engine: AbstractEngine, scale: float, radius: float
) -> None:
    light = replace(light_of("directional", radius=radius), direction_world=(1.0, 0.0, -1.0))
    camera = camera_at((4.0, -0.6, 2.5), (0.8, 0.0, 0.2), size_wh=(240, 180), scale=scale)
    box = placed((BOX, (0.0, 0.0, 0.5), 1.0, MATT), scale=scale)
    shown = scene(camera, box, (light,), surfaces=(floor(half=30.0 * scale),))
    share, points, ids = lit_share(engine, shown)
    x, y = points[..., 0] / scale, points[..., 1] / scale
    pixel = pixel_m(camera) / scale
    foot = (ids == -1) & (x > 0.5 + 1.5 * pixel) & (x < 1.0) & (np.abs(y) < 0.3)
    assert foot.sum() > 100
    assert np.nanmax(share[foot]) < 0.02
    first = (ids == -1) & (x > 0.5) & (x < 0.5 + 3 * pixel) & (np.abs(y) < 0.3)
    assert np.nanmean(share[first]) < 0.25


@pytest.mark.parametrize("scale", [1e-3, 1.0])
def test_sheet_just_above_the_floor_has_its_shadow(engine: AbstractEngine, scale: float) -> None:
    # A hundredth of its side above, in low light: a strip of a tenth lies in shadow.
    light = replace(light_of("directional"), direction_world=(1.0, 0.0, -0.1))
    camera = camera_at((1.5, -1.2, 1.0), (0.55, 0.0, 0.0), fov_deg=20.0, scale=scale)
    share, points, ids = lit_share(engine, seen_with(light, camera, height=0.01, scale=scale))
    x, y = points[..., 0] / scale, points[..., 1] / scale
    # In so low light a texel of the shadow map is ten times as long on the floor.
    sure = 1.5 * pixel_m(camera) / scale + 0.01
    near = (ids == -1) & (np.abs(y) < 0.3)
    strip = near & (x > 0.5 + sure) & (x < 0.6 - sure)
    assert strip.sum() > 200
    assert share[strip].max() < 0.02
    assert share[near & (x > 0.6 + sure)].min() > 0.99


def test_two_lights_cast_two_shadows_each_of_its_own(engine: AbstractEngine) -> None:
    left = replace(light_of("directional"), direction_world=(1.0, 0, -1.0))
    right = replace(light_of("directional"), direction_world=(-1.0, 0, -1.0), intensity=0.5)
    camera = camera_at((0.0, -3.0, 4.5))
    both = seen_with(left, camera)
    both = replace(both, lights=(left, right))
    alone = [grey(engine, replace(both, lights=(x,))) for x in (left, right)]
    # Where a shadow ends, the pixel takes another size of atlas.
    off = np.abs(grey(engine, both) - alone[0] - alone[1])
    assert (off > 0.02).mean() < 0.003


def test_more_than_eight_lights_are_all_there(engine: AbstractEngine) -> None:
    turns = np.radians(np.arange(12) * 30.0)
    lights = tuple(
        replace(
            light_of("directional"), direction_world=(np.cos(a), np.sin(a), -1.2), intensity=0.1
        )
        for a in turns
    )
    camera = camera_at((0.0, -4.0, 5.0))
    shown = replace(seen_with(lights[0], camera), lights=lights)
    buffers = engine.render(shown)
    alone = sum(grey(engine, replace(shown, lights=(x,))) for x in lights[:8])
    bare = tuple(replace(x, casts_shadow=False) for x in lights)
    rest = sum(grey(engine, replace(shown, lights=(x,))) for x in bare[8:])
    assert (np.abs(buffers.radiance[..., 1] - alone - rest) > 0.03).mean() < 0.005


@pytest.mark.parametrize("kind", ["directional", "point", "spot", "area"])
def test_white_matt_floor_facing_a_light_sends_back_its_intensity(
    engine: AbstractEngine, kind: str
) -> None:
    light = Light(color=WHITE, intensity=1.0)
    if kind != "directional":
        light = Light(
            color=WHITE, intensity=9.0, position_world=(0.0, 0.0, 3.0), **numbers_of(kind)
        )  # type: ignore[arg-type]
    camera = camera_at((0.0, -2.0, 3.0), size_wh=(161, 121))
    picture = grey(engine, scene(camera, (), (light,), surfaces=(floor(),)))
    # Surfaces that are no metal reflect up to some percent on top.
    assert picture[60, 80] == pytest.approx(1.0, abs=0.06)
    assert picture[60, 80] > 0.985


def test_light_falls_by_the_square_and_the_cosine(engine: AbstractEngine) -> None:
    for kind, power in (("point", 1), ("area", 2)):
        light = Light(
            color=WHITE, intensity=4.0, position_world=(0, 0, 2.0), **numbers_of(kind)  # type: ignore[arg-type]
        )  # fmt: skip
        shown = scene(camera_at((0.0, -0.5, 5.0)), (), (light,), surfaces=(floor(),))
        buffers = engine.render(shown)
        points = points_world(shown, buffers)
        squared = (points[..., :2] ** 2).sum(axis=2) + 4.0
        expected = 4.0 / squared * (2.0 / np.sqrt(squared)) ** power
        ratio = buffers.radiance[..., 1] / expected
        assert ratio.std() < 0.02 * ratio.mean()


def test_spot_is_dark_outside_its_cone_and_full_inside(engine: AbstractEngine) -> None:
    light = Light(color=WHITE, intensity=9.0, position_world=(0, 0, 3.0), cone_deg=25.0)
    shown = scene(camera_at((0.0, -0.5, 5.0)), (), (light,), surfaces=(floor(),))
    buffers = engine.render(shown)
    points = points_world(shown, buffers)
    angle = np.degrees(np.arctan2(np.hypot(points[..., 0], points[..., 1]), 3.0))
    full = grey(engine, replace(shown, lights=(replace(light, cone_deg=180.0),)))
    share = buffers.radiance[..., 1] / full
    assert (share[angle > 25.2] == 0.0).all()
    np.testing.assert_allclose(share[angle < 19.0], 1.0, atol=1e-3)
    fading = share[(angle > 23) & (angle < 24.5)]
    assert 0.05 < fading.mean() < 0.95


# Bad input.


def test_no_lights_give_a_black_picture_with_all_labels(engine: AbstractEngine) -> None:
    camera = camera_at((3.0, 0.0, 2.0))
    backdrop = np.full((120, 160, 3), 0.3, np.float32)
    shown = scene(camera, placed((BALL, (0, 0, 0), 0.6, MATT)), (), backdrop=backdrop)
    buffers = engine.render(shown)
    on_ball = buffers.instance_idx == 0
    assert on_ball.sum() > 1000
    inner = on_ball & np.roll(on_ball, 3, 0) & np.roll(on_ball, -3, 0)
    assert (buffers.radiance[inner & np.roll(on_ball, 3, 1) & np.roll(on_ball, -3, 1)] == 0).all()
    assert (buffers.radiance[0, 0] == np.float32(0.3)).all()


@pytest.mark.parametrize("kind", ["point", "spot", "area"])
@pytest.mark.parametrize("at", [(0.0, 0.0, 0.5), (0.0, 0.0, 1.0), (0.9, 0.0, 0.5)])
def test_lamp_inside_an_object_on_its_face_or_among_objects(
    engine: AbstractEngine, kind: str, at: tuple[float, float, float]
) -> None:
    bodies = placed((BOX, (0, 0, 0.5), 1.0, MATT), (BALL, (2.0, 0, 0.5), 0.5, MATT))
    light = Light(
        color=WHITE, intensity=0.3, position_world=at, radius_m=0.05, **numbers_of(kind)  # type: ignore[arg-type]
    )  # fmt: skip
    shown = scene(camera_at((4.0, -3.0, 3.0)), bodies, (light,), surfaces=(floor(),))
    buffers = engine.render(shown)
    assert np.isfinite(buffers.radiance).all()
    assert (buffers.radiance >= 0).all()
    assert buffers.radiance.max() < 6e4
    assert set(np.unique(buffers.instance_idx)) == {-1, 0, 1}


def behind(shown: Scene, engine: AbstractEngine) -> NDArray[np.float64]:
    share, points, ids = lit_share(engine, shown)
    dark = (ids == -1) & (points[..., 0] > 1.8) & (points[..., 0] < 2.2)
    return share[dark & (np.abs(points[..., 1]) < 0.25)]


@pytest.mark.parametrize("kind", ["point", "spot", "area"])
def test_lamp_among_objects_casts_shadows(engine: AbstractEngine, kind: str) -> None:
    # The far ball makes the sphere about all instances hold the lamp.
    bodies = placed((BOX, (1.0, 0, 0.25), 0.5, MATT), (BALL, (-5.0, 0, 0.5), 0.5, MATT))
    light = Light(
        color=WHITE,
        intensity=1.0,
        position_world=(-0.5, 0.0, 0.6),
        direction_world=(1.0, 0.0, -0.25),
        **numbers_of(kind, cone_deg=60.0),  # type: ignore[arg-type]
    )
    shown = scene(camera_at((4.0, -2.0, 3.0), (1, 0, 0)), bodies, (light,), surfaces=(floor(),))
    assert behind(shown, engine).max() < 0.05


def test_texture_wider_than_gl_holds_is_shown_smaller(engine: AbstractEngine) -> None:
    ramp = np.zeros((8, 40000, 4), np.uint8)
    ramp[..., 3] = 255
    ramp[:, 20000:, 0] = 255
    ramp[:, :20000, 1] = 255
    wide = replace(MATT, base_color_texture=Texture(image=ramp))
    shown = scene(camera_at((0.0, 0.0, 1.6)), placed((square(), (0, 0, 0), 1.0, wide)), ambient=1.0)
    picture = engine.render(shown).radiance
    assert picture[60, 30, 1] > 0.5 > picture[60, 30, 0]
    assert picture[60, 130, 0] > 0.5 > picture[60, 130, 1]


def test_light_of_no_intensity_or_from_below_the_floor(engine: AbstractEngine) -> None:
    dark = replace(light_of("directional"), intensity=0.0)
    below = replace(light_of("directional"), direction_world=(0.0, 0.1, 1.0))
    camera = camera_at((0.0, -3.0, 4.0))
    assert grey(engine, seen_with(dark, camera)).max() == 0.0
    shown = seen_with(below, camera)
    buffers = engine.render(shown)
    assert buffers.radiance[buffers.instance_idx == -1].max() < 0.01


def test_shadow_is_the_same_picture_at_any_scale(engine: AbstractEngine) -> None:
    pictures = []
    for scale in (1e-3, 1.0, 10.0):
        camera = camera_at((1.0, -3.0, 3.0), scale=scale)
        bodies = placed(
            (BOX, (0, 0, 0.5), 1.0, MATT), (BALL, (1.2, 0.5, 0.3), 0.3, MATT), scale=scale
        )
        lights = (light_of("directional", radius=1.0), light_of("area", radius=4.0, scale=scale))
        shown = scene(camera, bodies, lights, surfaces=(floor(half=30.0 * scale),))
        pictures.append(grey(engine, shown))
    for other in pictures[:1] + pictures[2:]:
        assert np.abs(other - pictures[1]).mean() < 0.005 * pictures[1].mean()
