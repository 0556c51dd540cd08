"""Depth as sensors give it: noise, steps, shadow and holes, against formulas and rays."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import trimesh
from numpy.typing import NDArray

import render
from render.engine.base import AbstractEngine
from render.errors import ConfigError, RenderError
from render.geometry.frames import rigid
from render.labels.depth_view import depth_view
from render.labels.surface_maps import normal_map
from render.sampling.depth_sensors import DEPTH_SENSORS, AbstractDepthSensor, DepthView
from render.scene import Material
from render.sensor.depth_image import returned_light, sees_from_aside, tilt_term, touches_edge
from render.sensor.depth_sensor import sensor_depth
from tests.hand_made import theta_of
from tests.lit_scenes import BALL, BOX, MATT, camera_at, floor, placed, points_world, scene, solid
from tests.oracle.flatten import rays_of
from tests.spaces import composed, space_of

Map = NDArray[np.float64]

KINDS = ("structured_light", "stereo", "tof")
SENSOR = theta_of().sensor
FOCAL_PX = 580.0


def view_of(
    depth_m: Map, tilt_cos: Map | float = 1.0, *, albedo: float = 1.0, focal_px: float = FOCAL_PX
) -> DepthView:
    """White matte surfaces before a pinhole; nothing of the package but the type."""
    height, width = depth_m.shape
    v, u = np.mgrid[:height, :width]
    rays = np.dstack([u - (width - 1) / 2, v - (height - 1) / 2]) / focal_px
    plain = np.ones_like(depth_m)
    return DepthView(
        depth_m=depth_m, rays=rays, focal_px=focal_px, tilt_cos=tilt_cos * plain,
        albedo=albedo * plain, metallic=0 * plain, roughness=plain,
    )  # fmt: skip


def plane(z_m: float, tilt_deg: float, **look: Any) -> DepthView:
    """A plane through the axis at a depth, tilted about the rows."""
    flat = view_of(np.ones((160, 200)), **look)
    x, y = np.moveaxis(flat.rays, 2, 0)
    a = np.radians(tilt_deg)
    along = np.cos(a) - np.sin(a) * y  # of the ray with the normal (0, sin, -cos), turned
    depth = z_m * np.cos(a) / along
    return replace(flat, depth_m=depth, tilt_cos=along / np.sqrt(x * x + y * y + 1))


def shot(view: DepthView, kind: str, **leaves: Any) -> Map:
    wide = {"depth_range_m": (0.01, 100.0)} | leaves
    return sensor_depth(view, replace(SENSOR, depth=kind, **wide)).astype(np.float64)


def expected_sigma_m(kind: str, view: DepthView, noise: float = 1.0) -> Map:
    """The formulas of the papers, and the variance of steps where disparities have them."""
    z, cos = view.depth_m, view.tilt_cos
    theta = np.arccos(cos)
    tilt = theta**2 / (np.pi / 2 - theta) ** 2
    if kind == "tof":
        sigma_mm = 1.5 - 0.5 * z + 0.3 * z**2 + 0.1 * z**1.5 * tilt
        return np.hypot(noise * 1e-3 * sigma_mm, 1e-3 / np.sqrt(12))
    if kind == "structured_light":
        per_px, step = z**2 / (FOCAL_PX * 0.075), 1 / 8
        sigma = per_px * 0.0625 + 1e-4 * tilt / np.sqrt(z)
    else:
        per_px, step = z**2 / (FOCAL_PX * 0.05), 1 / 32
        sigma = per_px * 0.08 / cos
    return np.hypot(noise * sigma, per_px * step / np.sqrt(12))


# Noise


@pytest.mark.parametrize("tilt_deg", [0.5, 30.0, 55.0, 70.0])
@pytest.mark.parametrize("z_m", [0.8, 1.5, 3.0])
@pytest.mark.parametrize("kind", KINDS)
def test_noise_of_a_plane_is_that_of_the_papers(kind: str, z_m: float, tilt_deg: float) -> None:
    view = plane(z_m, tilt_deg)

    measured = shot(view, kind)

    seen = measured > 0
    seen[:, :40] = False  # the second camera of the pair does not see these
    assert seen.mean() > 0.75
    error = (measured - view.depth_m)[seen] / expected_sigma_m(kind, view)[seen]
    # 24,000 numbers: the standard error of the deviation is half a percent.
    assert error.std() == pytest.approx(1.0, abs=0.03)
    assert error.mean() == pytest.approx(0.0, abs=0.05)


@pytest.mark.parametrize("kind", KINDS)
def test_noise_grows_with_its_factor_and_is_of_its_seed_alone(kind: str) -> None:
    view = plane(1.5, 20.0)
    errors = {n: (shot(view, kind, depth_noise=n) - view.depth_m)[:, 40:] for n in (1.0, 3.0)}
    for noise, error in errors.items():
        expected = expected_sigma_m(kind, view, noise)[:, 40:]
        assert (error / expected).std() == pytest.approx(1.0, abs=0.03)

    again = shot(view, kind, depth_noise=1.0)
    np.testing.assert_array_equal(again[:, 40:] - view.depth_m[:, 40:], errors[1.0])
    other = (shot(view, kind, depth_seed=2) - view.depth_m)[:, 40:]
    assert abs(np.corrcoef(errors[1.0].ravel(), other.ravel())[0, 1]) < 0.03
    neighbours = np.corrcoef(errors[1.0][:, :-1].ravel(), errors[1.0][:, 1:].ravel())[0, 1]
    assert abs(neighbours) < 0.03


def test_a_dark_surface_is_noisier_to_time_of_flight_by_the_root_of_what_it_reflects() -> None:
    bright, dark = (plane(2.0, 0.5, albedo=albedo) for albedo in (0.8, 0.2))
    sigmas = [(shot(view, "tof", depth_noise=5.0) - view.depth_m).std() for view in (bright, dark)]

    assert sigmas[1] / sigmas[0] == pytest.approx(2.0, rel=0.05)


def test_the_tilt_term_is_that_of_the_arc_cosine() -> None:
    cos = np.linspace(0.06, 1.0, 500)[None]
    theta = np.arccos(cos)

    np.testing.assert_allclose(
        tilt_term(cos), (theta / (np.pi / 2 - theta)) ** 2, atol=1e-7, rtol=1e-5
    )


# Steps


@pytest.mark.parametrize(
    ("kind", "step_px", "b"), [("structured_light", 1 / 8, 0.075), ("stereo", 1 / 32, 0.05)]
)
@pytest.mark.parametrize("z_m", [1.0, 2.5])
def test_depth_comes_in_steps_of_disparity(kind: str, step_px: float, b: float, z_m: float) -> None:
    view = plane(z_m, 15.0)

    levels = np.unique(shot(view, kind, depth_noise=0.0))
    levels = levels[levels > 0]
    fb = FOCAL_PX * b
    np.testing.assert_allclose(fb / levels / step_px % 1.0 % 0.9999, 0, atol=2e-4)
    middle = (levels[1:] + levels[:-1]) / 2
    assert len(levels) > 4
    np.testing.assert_allclose(np.diff(levels), middle**2 / fb * step_px, rtol=0.01)
    # The nearest step is taken.
    off = np.abs(shot(view, kind, depth_noise=0.0) - view.depth_m)[:, 60:]
    assert (off <= 0.505 * step_px * view.depth_m[:, 60:] ** 2 / fb).all()


def test_time_of_flight_gives_whole_millimetres() -> None:
    measured = shot(plane(1.0, 40.0), "tof") * 1000

    np.testing.assert_allclose(measured, np.rint(measured), atol=1e-3)


# Shadow


def box_before_wall(z_box: float, z_wall: float) -> Map:
    depth = np.full((160, 200), z_wall)
    depth[40:120, 100:160] = z_box
    return depth


@pytest.mark.parametrize(("z_box", "z_wall"), [(0.8, 1.0), (0.8, 1.6), (1.5, 3.0)])
@pytest.mark.parametrize(
    ("kind", "baseline_m"),
    [("structured_light", None), ("structured_light", 0.03), ("stereo", 0.05)],
)
def test_the_shadow_of_a_box_is_as_wide_as_the_disparities_differ(
    kind: str, baseline_m: float | None, z_box: float, z_wall: float
) -> None:
    measured = shot(
        view_of(box_before_wall(z_box, z_wall)), kind, depth_noise=0.0, depth_baseline_m=baseline_m
    )

    width_px = FOCAL_PX * (baseline_m or 0.075) * (1 / z_box - 1 / z_wall)
    row = measured[80]
    hidden = np.flatnonzero(row[:100][::-1] > 0)[0]  # from the left edge of the box leftwards
    assert abs(hidden - width_px) <= 1
    # To the right of the box the wall is seen at once, but for the window that is matched.
    assert (row[162:] > 0).all()
    assert (row[102:158] > 0).all()
    # Above and below there is no baseline.
    assert (measured[:38, 100:160] > 0).all()


def test_the_shadow_is_what_rays_from_the_second_point_do_not_reach() -> None:
    camera = camera_at((0.5, -4.0, 1.5))
    ball = solid(trimesh.creation.icosphere(subdivisions=2), "ball")
    bodies = placed(
        (BOX, (0.0, 3.0, 0.0), 9.0, MATT),
        (ball, (0.2, -2.3, 0.2), 0.4, MATT),
        (BOX, (-0.9, -2.1, 0.1), 0.5, MATT), (ball, (0.9, -1.9, -0.2), 0.3, MATT),
        (BOX, (0.3, -2.0, 0.75), 0.2, MATT),
    )  # fmt: skip
    shown = scene(camera, bodies)
    _, depth = rays_of(shown).image(0, 0, (160, 120))
    baseline_m = 0.4
    moved = camera.T_world_cam.copy()
    moved[:3, 3] += baseline_m * moved[:3, 0]
    second = rays_of(replace(shown, camera=replace(camera, T_world_cam=moved)))
    v, u = np.mgrid[:120, :160].astype(np.float64)
    uv = np.stack([u - camera.K[0, 0] * baseline_m / depth, v], axis=-1).reshape(-1, 2)
    every = np.arange(len(second.triangles.owner))
    _, there = second.points(uv, every)
    expected = (there >= depth.ravel() - 1e-6).reshape(depth.shape)
    assert 0.03 < 1 - expected.mean() < 0.5

    seen = sees_from_aside(view_of(depth, focal_px=float(camera.K[0, 0])), baseline_m)

    differs = seen != expected
    assert differs.mean() < 0.01
    # Within one pixel of where the shadow begins or ends.
    border = np.zeros_like(expected)
    for shift in (-1, 1):
        border |= np.roll(expected, shift, axis=1) != expected
    edge = touches_edge(view_of(depth, focal_px=float(camera.K[0, 0])))
    assert not (differs & ~border & ~edge).any()


# Holes


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_not_there_or_beyond_the_range_is_zero(kind: str) -> None:
    bands_m = [0.0, 0.1, 0.3, 0.7, 1.0, 1.5, 2.0, 3.0, 4.5, 5.0, 8.0, 10.0, 12.0]
    depth = np.repeat(bands_m, 20)[:, None] * np.ones((1, 300))
    default_m = {"structured_light": (0.5, 5.0), "stereo": (0.2, 10.0), "tof": (0.5, 4.5)}[kind]
    for asked_m, (near, far) in (((1.0, 2.0), (1.0, 2.0)), (None, default_m)):
        measured = shot(view_of(depth), kind, depth_range_m=asked_m)

        assert np.isfinite(measured).all()
        got = measured[measured > 0]
        assert near <= got.min()
        assert got.max() <= far
        for band, z_m in enumerate(bands_m):
            share = (measured[20 * band + 8 : 20 * band + 12, 260:] > 0).mean()
            if z_m in (near, far):
                assert 0.05 < share < 0.95  # noise puts some of them beyond
            else:
                assert share == (near < z_m < far), z_m


def test_what_is_thinner_than_half_the_window_is_lost_to_those_that_match_windows() -> None:
    depth = np.full((160, 200), 1.2)
    depth[:, 150:152] = 0.9
    depth[60:90, 80:110] = 0.9
    for kind in ("structured_light", "stereo"):
        measured = shot(view_of(depth), kind, depth_noise=0.0)
        assert (np.abs(measured[:, 150:152] - 0.9) > 0.1).all()
        assert (np.abs(measured[65:85, 85:105] - 0.9) < 0.01).all()
    assert (np.abs(shot(view_of(depth), "tof", depth_noise=0.0)[:, 150:152] - 0.9) < 0.2).all()


def test_pixels_at_edges_fly_between_both_surfaces_in_time_of_flight_alone() -> None:
    depth = box_before_wall(1.0, 1.6)
    for kind in KINDS:
        measured = shot(view_of(depth), kind, depth_noise=0.0)
        between = (measured > 1.1) & (measured < 1.5)
        assert between.any() == (kind == "tof")
        if kind == "tof":
            assert not between[touches_edge(view_of(depth)) == 0].any()
            # The near surface sends more light back: its side of the edge pulls more.
            assert measured[80, 99] < 0.75 * 1.6 + 0.25 * 1.0
            assert measured[80, 99] == pytest.approx(
                (0.75 * 1.6 / 1.6**2 + 0.25) / (0.75 / 1.6**2 + 0.25), abs=0.001
            )


def test_edges_jitter_from_row_to_row_by_the_lateral_noise() -> None:
    depth = np.full((400, 120), 1.6)
    depth[:, 60:] = 0.9
    for kind in KINDS:
        measured = shot(view_of(depth), kind)
        last_far = np.array([60 - np.flatnonzero(np.abs(row - 0.9) < 0.1)[0] for row in measured])
        assert 0.2 < last_far.std() < 2.0, kind
        assert np.abs(last_far).max() <= 4


def test_a_material_returns_the_light_that_the_formula_gives() -> None:
    """The microfacet model of the glTF 2.0 specification, appendix B, with l = v = h."""
    rng = np.random.default_rng(3)
    cos, albedo, metallic, roughness = rng.uniform(0.1, 1, (4, 1, 300))
    look = {"albedo": albedo, "metallic": metallic, "roughness": roughness, "tilt_cos": cos}
    view = replace(view_of(np.ones((1, 300))), **look)

    alpha = np.maximum(roughness**2, 0.01)
    d = alpha**2 / (np.pi * (cos**2 * (alpha**2 - 1) + 1) ** 2)
    v = (1 / (cos + np.sqrt(alpha**2 + (1 - alpha**2) * cos**2))) ** 2  # separable form
    joint = 0.5 / (2 * cos * np.sqrt(alpha**2 + (1 - alpha**2) * cos**2))
    f = 0.04 * (1 - metallic) + albedo * metallic
    expected = np.pi * cos * (albedo * (1 - metallic) / np.pi + d * joint * f)
    np.testing.assert_allclose(returned_light(view), expected, rtol=1e-9)
    assert (joint >= v - 1e-12).all()  # correlated heights hide less


@pytest.mark.parametrize("kind", KINDS)
def test_shiny_metal_is_lost_from_aside_and_blinds_where_it_faces_the_sensor(kind: str) -> None:
    for tilt_deg, is_seen in ((0.0, False), (45.0, False)):
        view = plane(1.2, tilt_deg, albedo=0.9)
        metal = replace(view, metallic=0 * view.depth_m + 1, roughness=0 * view.depth_m + 0.15)
        facing = metal if tilt_deg else replace(metal, tilt_cos=0 * view.depth_m + 1)
        near = (0.5, 4.5)
        assert ((shot(facing, kind, depth_range_m=near)[:, 60:] > 0).mean() > 0.02) == is_seen
        rough = replace(view, metallic=0 * view.depth_m + 1, roughness=0 * view.depth_m + 0.8)
        assert (shot(rough, kind, depth_range_m=near)[:, 60:] > 0).mean() > 0.98
    black = plane(4.0, 0.5, albedo=0.002)
    assert (shot(black, kind, depth_range_m=(0.5, 4.5)) == 0).mean() > 0.95


def test_a_rim_that_turns_away_is_an_edge_before_a_wall_that_does_not() -> None:
    depth = np.full((20, 40), 2.0)
    depth[:, 20:] = 1.9
    cos = np.where(depth < 2, 0.06, 1.0)
    assert touches_edge(view_of(depth, cos))[:, 19:21].all()
    assert not touches_edge(view_of(depth, 0.06)).any()  # a plane that is seen from aside


# Views of scenes


def test_each_primitive_and_each_surface_has_its_own_material(engine: AbstractEngine) -> None:
    whole = BOX.primitives[0]
    halves = tuple(replace(whole, faces=whole.faces[i::2]) for i in range(2))
    box = replace(BOX, primitives=halves)
    looks = [replace(MATT, base_color=(a, a, a, 1.0)) for a in (0.2, 0.4, 0.6, 0.8)]
    lying = floor(-0.5, half=3.0, material=looks[2])
    turned = rigid(np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]]), np.array([0, 3.0, 0]))
    standing = replace(lying, T_world_obj=turned, material=looks[3])
    (instance,) = placed((box, (0.0, 0.0, 0.0), 1.0, MATT))
    shown = scene(
        camera_at((1.0, -4.0, 2.0)), (replace(instance, materials=tuple(looks[:2])),),
        surfaces=(lying, standing),
    )  # fmt: skip
    buffers = engine.render(shown, with_faces=True)
    assert buffers.faces is not None

    albedo = depth_view(shown, buffers, normal_map(shown, buffers)).albedo

    for k in range(2):
        of_k = (buffers.faces[..., 0] == 0) & (buffers.faces[..., 1] == k)
        assert of_k.sum() > 100
        np.testing.assert_allclose(albedo[of_k], looks[k].base_color[0])
    at = points_world(shown, buffers)
    ground = (buffers.depth_m > 0) & (buffers.faces[..., 0] < 0)
    low, back = ground & (at[..., 1] < 2.9), ground & (at[..., 2] > -0.4)
    assert min(low.sum(), back.sum()) > 300
    np.testing.assert_allclose(albedo[low], 0.6)
    np.testing.assert_allclose(albedo[back], 0.8)


def test_a_view_of_a_scene_has_the_tilt_and_the_material_of_what_is_seen(
    engine: AbstractEngine,
) -> None:
    red = Material(base_color=(0.7, 0.1, 0.1, 1.0), roughness=0.9)
    steel = Material(base_color=(0.5, 0.5, 0.5, 1.0), metallic=1.0, roughness=0.3)
    camera = camera_at((0.0, -4.0, 2.0))
    shown = scene(
        camera, placed((BALL, (0.0, 0.0, 0.0), 1.0, red), (BOX, (1.6, 0.0, -0.5), 1.0, steel)),
        surfaces=(floor(-1.0),),
    )  # fmt: skip
    buffers = engine.render(shown, with_faces=True)

    view = depth_view(shown, buffers, normal_map(shown, buffers))

    ball, box = (buffers.instance_idx == i for i in (0, 1))
    ground = (buffers.depth_m > 0) & (buffers.instance_idx < 0)
    assert min(ball.sum(), box.sum(), ground.sum()) > 300
    for where, albedo, metallic, roughness in (
        (ball, 0.7, 0, 0.9),
        (box, 0.5, 1, 0.3),
        (ground, 1, 0, 1),
    ):
        np.testing.assert_allclose(view.albedo[where], albedo)
        np.testing.assert_allclose(view.metallic[where], metallic)
        np.testing.assert_allclose(view.roughness[where], roughness)
    assert (view.tilt_cos[buffers.depth_m == 0] == 0).all()
    np.testing.assert_array_equal(view.depth_m, buffers.depth_m)
    # The ball by its centre, the ground by its one normal.
    height, width = buffers.depth_m.shape
    v, u = np.mgrid[:height, :width].astype(np.float64)
    rays = np.dstack([u, v, np.ones_like(u)]) @ np.linalg.inv(camera.K).T
    cam_world = np.linalg.inv(camera.T_world_cam)
    center = cam_world[:3, 3]
    normal = rays * buffers.depth_m[..., None] - center
    to_camera = -rays / np.linalg.norm(rays, axis=2, keepdims=True)
    cos = (normal * to_camera).sum(axis=2) / np.linalg.norm(normal, axis=2)
    inner = ball & (cos > 0.3)
    np.testing.assert_allclose(view.tilt_cos[inner], cos[inner], atol=0.03)
    np.testing.assert_allclose(
        view.tilt_cos[ground], (to_camera @ cam_world[:3, 2])[ground], atol=1e-3
    )


# Leaves and plug-ins


def test_exact_depth_is_left_as_it_is() -> None:
    depth = np.abs(np.random.default_rng(1).normal(2.0, 3.0, (40, 50)))

    measured = sensor_depth(
        view_of(depth), replace(SENSOR, depth="exact", depth_range_m=(1.0, 2.0))
    )

    np.testing.assert_array_equal(measured, depth.astype(np.float32))


def test_a_sensor_of_a_user_is_known_by_its_name_and_answers_for_what_it_gives(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(DEPTH_SENSORS, "_classes", {n: DEPTH_SENSORS[n] for n in DEPTH_SENSORS})

    @DEPTH_SENSORS.register("halved")
    class Halved(AbstractDepthSensor):
        range_m = (0.1, 3.0)

        def measure(self, view: DepthView, *, noise: float, **drawn: Any) -> Map:
            half: Map = view.depth_m / 2
            return half * (np.nan if noise > 5 else 1.0)

    space = space_of(composed("sensor.depth=halved"))
    assert space.draw(0).sensor.depth == "halved"
    view = plane(2.0, 0.0)
    np.testing.assert_allclose(sensor_depth(view, replace(SENSOR, depth="halved")), 1.0)
    with pytest.raises(RenderError, match=r"sensor\.depth=halved must give finite numbers"):
        sensor_depth(view, replace(SENSOR, depth="halved", depth_noise=6.0))


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("sensor.depth=lidar", "sensor.depth must be one of exact, stereo, structured_light, tof"),
        ("sensor.depth_range_m=[2,1]", "sensor.depth_range_m must be the nearest depth and a fa"),
        ("sensor.depth_range_m=[[uniform,0.5,1.5],1]", "got 0.5 to 1.5, 1"),
        ("sensor.depth_range_m=3", "sensor.depth_range_m must be"),
        ("sensor.depth_baseline_m=-0.1", "sensor.depth_baseline_m must"),
        ("sensor.depth_noise=-1", "sensor.depth_noise must"),
    ],
)
def test_bad_input_is_told_by_name(word: str, message: str) -> None:
    with pytest.raises(ConfigError) as told:
        space_of(composed(word))

    assert message in str(told.value)


SMALL = (
    "models=[die]", "camera.size_wh=[96,72]", "background=color", "lighting=sun", "occlusion=none",
    "n_frames=1",
)  # fmt: skip


def test_what_no_file_holds_and_what_no_sensor_reaches_is_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def said(*words: str) -> str:
        caplog.clear()
        render.compose(*SMALL, *words).try_first_frame()
        return caplog.text

    assert "what no file holds: output.depth_sensor=true" in said("sensor.depth=stereo")
    told = said("sensor.depth=tof", "output.depth_sensor=true")
    assert "sensor.depth=tof measures no target of frame 0" in told
    assert "sensor.depth_range_m is 0.5 to 4.5" in told
    near = "sensor.depth_range_m=[0.01,1]"
    assert said("sensor.depth=tof", "output.depth_sensor=true", near) == ""
    assert said("output.depth_sensor=true") == ""
