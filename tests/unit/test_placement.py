"""Placement: what is asked is reached, checked by projection of every vertex."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from render.errors import ConfigError, RejectedTheta
from render.placement.place import place
from render.theta import Placement, Theta
from tests.hand_made import HandMadeAssets, bracket, mesh_of, model_of, theta_of

ASSETS = HandMadeAssets()


def run(theta: Theta, frame_idx: int = 0, **keys: Any) -> Placement:
    return place(theta, ASSETS, seed=7, frame_idx=frame_idx, attempt=keys.get("attempt", 0))


def matrix(numbers: tuple[float, ...]) -> NDArray[np.float64]:
    side = 3 if len(numbers) == 9 else 4
    return np.array(numbers).reshape(side, side)


def vertices_cam(placement: Placement, i: int) -> NDArray[np.float64]:
    """All vertices of the mesh itself in the camera frame, by homogeneous inverse."""
    placed = placement.instances[i]
    p = np.asarray(mesh_of(ASSETS.model(placed.model)).vertices) * placed.scale
    homogeneous = np.concatenate([p, np.ones((len(p), 1))], axis=1).T
    T_cam_world = np.linalg.inv(matrix(placement.T_world_cam))
    return (T_cam_world @ matrix(placed.T_world_obj) @ homogeneous)[:3].T


def pixels(placement: Placement, points: NDArray[np.float64]) -> NDArray[np.float64]:
    uvw = matrix(placement.K) @ points.T
    return (uvw[:2] / uvw[2]).T


def center_cam(placement: Placement, i: int) -> NDArray[np.float64]:
    """Centre of the mesh's box in object axes, carried to the camera frame."""
    placed = placement.instances[i]
    bounds = mesh_of(ASSETS.model(placed.model)).bounds
    center = np.append(placed.scale * bounds.mean(axis=0), 1.0)
    T_cam_world = np.linalg.inv(matrix(placement.T_world_cam))
    return (T_cam_world @ matrix(placed.T_world_obj) @ center)[:3]


@pytest.mark.parametrize("model", ["bracket.stl", "ball.obj", "rod.obj", "ring.obj"])
@pytest.mark.parametrize("size_frac", [0.01, 0.3, 1.0, 1.5])
def test_size_frac_is_reached(model: str, size_frac: float) -> None:
    theta = theta_of(
        objects={"model": (model,)},
        scale={"size_frac": size_frac},
        viewpoint={"offset_x": 0.3, "offset_y": -0.2, "roll_deg": 25.0},
    )
    placement = run(theta)
    box = np.ptp(pixels(placement, vertices_cam(placement, 0)), axis=0)

    assert size_frac * 640 == pytest.approx(box.max(), rel=1e-6)
    assert placement.instances[0].scale == 1.0


def test_size_px_wins_over_size_frac_and_distance_over_both() -> None:
    px = run(theta_of(scale={"size_px": 77.0}))
    far = run(theta_of(scale={"size_px": 77.0, "distance_m": 1.7}))

    assert np.ptp(pixels(px, vertices_cam(px, 0)), axis=0).max() == pytest.approx(77.0)
    assert np.linalg.norm(matrix(far.T_world_cam)[:3, 3]) == pytest.approx(1.7)


def test_size_that_no_distance_gives_is_rejected() -> None:
    theta = theta_of(
        objects={"model": ("cone.obj",), "orientation": ("upright",)},
        viewpoint={"elevation_deg": -90.0},
        scale={"size_frac": 4.0},
    )
    cone_tip_first = replace(ASSETS.model("cone.obj"), up="-z")
    source = HandMadeAssets()
    source.models["cone.obj"] = cone_tip_first

    with pytest.raises(RejectedTheta, match="size not reachable"):
        place(theta, source, seed=0, frame_idx=0, attempt=0)


def test_camera_inside_the_target_is_rejected() -> None:
    with pytest.raises(RejectedTheta, match="inside the target"):
        run(theta_of(objects={"model": ("ball.obj",)}, scale={"distance_m": 0.02}))


def test_null_scale_and_null_camera_say_what_to_set() -> None:
    with pytest.raises(ConfigError, match=r"scale\.size_frac"):
        run(theta_of(scale={"size_frac": None}))
    with pytest.raises(ConfigError, match=r"camera\.fov_deg"):
        run(theta_of(camera={"fov_deg": None}))


def test_camera_stands_where_viewpoint_says_and_sees_the_center_at_the_offset() -> None:
    for az, el, ox, oy, roll in [
        (0, 0, 0, 0, 0),
        (90, 0, 0.2, 0, 0),
        (200, 60, -0.4, 0.3, 170),
        (10, 90, 1.5, 0, 0),
        (0, -90, 0, -0.7, 33),
    ]:
        placement = run(
            theta_of(
                viewpoint={
                    "azimuth_deg": az,
                    "elevation_deg": el,
                    "offset_x": ox,
                    "offset_y": oy,
                    "roll_deg": roll,
                }
            )
        )
        eye = matrix(placement.T_world_cam)[:3, 3]
        distance = float(np.linalg.norm(eye))
        uv = pixels(placement, center_cam(placement, 0)[None])[0]

        a, e = np.deg2rad(az), np.deg2rad(el)
        expected = [np.cos(a) * np.cos(e), np.sin(a) * np.cos(e), np.sin(e)]
        np.testing.assert_allclose(expected, eye / distance, atol=1e-9)
        # Edge coordinates: the image centre is W/2; a pixel's centre is half a pixel on.
        np.testing.assert_allclose([320 + 640 * ox, 240 + 480 * oy], uv + 0.5, atol=1e-6)
        R = matrix(placement.T_world_cam)[:3, :3]
        np.testing.assert_allclose(np.eye(3), R @ R.T, atol=1e-12)
        assert np.linalg.det(R) == pytest.approx(1.0)


def test_up_is_up_in_the_image_and_positive_roll_turns_the_scene_anticlockwise() -> None:
    for roll, expected in [(0.0, [0.0, -1.0]), (90.0, [-1.0, 0.0]), (30.0, [-0.5, -np.sqrt(0.75)])]:
        placement = run(theta_of(viewpoint={"elevation_deg": 0.0, "roll_deg": roll}))
        up_cam = matrix(placement.T_world_cam)[:3, :3].T @ [0.0, 0.0, 1.0]
        np.testing.assert_allclose([*expected, 0.0], up_cam, atol=1e-9)


def test_principal_box_center_is_the_origin_at_true_size() -> None:
    placement = run(theta_of())
    T = matrix(placement.instances[0].T_world_obj)
    center = T @ np.append(bracket().bounds.mean(axis=0), 1.0)

    np.testing.assert_allclose([0, 0, 0, 1], center, atol=1e-12)


def test_so3_is_uniform() -> None:
    theta = theta_of()
    R = np.array([matrix(run(theta, f).instances[0].T_world_obj)[:3, :3] for f in range(1500)])
    angle = np.arccos(np.clip((np.trace(R, axis1=1, axis2=2) - 1) / 2, -1, 1))

    for row in range(3):
        for col in range(3):  # each coordinate of a point on the sphere is uniform
            assert stats.kstest(R[:, row, col], stats.uniform(-1, 2).cdf).pvalue > 1e-4
    # Haar measure: the angle of a random rotation has density (1 - cos) / pi.
    assert stats.kstest(angle, lambda t: (t - np.sin(t)) / np.pi).pvalue > 1e-4


@pytest.mark.parametrize("up", ["x", "y", "z", "-x", "-y", "-z"])
def test_upright_carries_the_up_axis_to_world_z_with_any_yaw(up: str) -> None:
    source = HandMadeAssets()
    source.models["bracket.stl"] = model_of(bracket(), "bracket.stl", up=up)
    theta = theta_of(objects={"orientation": ("upright",)})
    axis = np.array([1.0 if up[-1] == a else 0.0 for a in "xyz"]) * (-1 if up[0] == "-" else 1)
    side = np.roll(axis, 1)
    yaws = []
    for f in range(300):
        placement = place(theta, source, seed=1, frame_idx=f, attempt=0)
        R = matrix(placement.instances[0].T_world_obj)[:3, :3]
        np.testing.assert_allclose([0, 0, 1], R @ axis, atol=1e-12)
        assert np.linalg.det(R) == pytest.approx(1.0)
        yaws.append(np.arctan2((R @ side)[1], (R @ side)[0]))

    assert stats.kstest(yaws, stats.uniform(-np.pi, 2 * np.pi).cdf).pvalue > 1e-4


def test_stable_takes_poses_by_probability_and_falls_back_to_upright() -> None:
    theta = theta_of(objects={"model": ("brick.ply",), "orientation": ("stable",)})
    n_first = 0
    for f in range(800):
        R = matrix(run(theta, f).instances[0].T_world_obj)[:3, :3]
        long_axis_up, thick_axis_up = abs(R[2, 2]) > 0.999, abs(R[2, 1]) > 0.999
        assert long_axis_up != thick_axis_up
        n_first += long_axis_up

    assert stats.binomtest(n_first, 800, 0.75).pvalue > 1e-4
    cone = run(theta_of(objects={"model": ("cone.obj",), "orientation": ("stable",)}))
    np.testing.assert_allclose([-1, 0, 0], matrix(cone.instances[0].T_world_obj)[2, :3], atol=1e-12)


@pytest.mark.parametrize(("up", "axis"), [("y", [0, 1, 0]), ("-x", [-1, 0, 0]), ("z", [0, 0, 1])])
def test_fixed_has_the_up_axis_up_and_turns_nothing(up: str, axis: list[int]) -> None:
    source = HandMadeAssets()
    source.models["bracket.stl"] = model_of(bracket(), "bracket.stl", up=up)
    theta = theta_of(objects={"orientation": ("fixed",)})
    placements = [place(theta, source, seed=1, frame_idx=f, attempt=0) for f in range(3)]
    turns = [matrix(p.instances[0].T_world_obj)[:3, :3] for p in placements]

    np.testing.assert_array_equal([turns[0]] * 3, turns)
    np.testing.assert_array_equal([0, 0, 1], turns[0] @ axis)


def test_unknown_orientation_says_what_is_allowed() -> None:
    with pytest.raises(ConfigError, match="so3, upright, stable or fixed"):
        run(theta_of(objects={"orientation": ("sideways",)}))


def test_intrinsics_of_four_nine_and_fov() -> None:
    four = run(theta_of(camera={"K": (500.0, 510.0, 300.0, 200.0)}))
    nine = run(theta_of(camera={"K": (500.0, 0.0, 300.0, 0.0, 510.0, 200.0, 0.0, 0.0, 1.0)}))
    fov = run(theta_of(camera={"fov_deg": 90.0, "size_wh": (100.0, 60.0)}))

    assert four.K == nine.K == (500.0, 0.0, 300.0, 0.0, 510.0, 200.0, 0.0, 0.0, 1.0)
    np.testing.assert_allclose([50, 0, 49.5, 0, 50, 29.5, 0, 0, 1], fov.K)
    assert (100, 60) == fov.size_wh
    assert all(isinstance(side, int) for side in fov.size_wh)


def test_scattered_targets_have_their_ratio_and_lie_in_view() -> None:
    ratios = (1.0, 0.5, 0.7, 1.4, 1.0, 0.6)
    models = ("bracket.stl", "ball.obj", "ring.obj", "cone.obj", "brick.ply", "ball.obj")
    theta = theta_of(6, objects={"model": models, "size_ratio": ratios})
    extent = np.ptp(bracket().bounds, axis=0).max()
    for f in range(20):
        placement = run(theta, f)
        z0 = center_cam(placement, 0)[2]
        for i in range(1, 6):
            mesh = mesh_of(ASSETS.model(models[i]))
            achieved = placement.instances[i].scale * np.ptp(mesh.bounds, axis=0).max()
            assert ratios[i] * extent == pytest.approx(achieved)
            c = center_cam(placement, i)
            uv = pixels(placement, c[None])[0]
            assert (uv >= -0.5).all()
            assert (uv <= [639.5, 479.5]).all()
            assert abs(c[2] - z0) <= 1.5 * extent * (1 + 1e-9)


def test_scatter_is_even_over_the_image_when_there_is_room() -> None:
    theta = theta_of(2, objects={"size_ratio": (1.0, 0.05)}, scale={"size_frac": 0.02})
    uv = np.array(
        [pixels(p, center_cam(p, 1)[None])[0] for p in (run(theta, f) for f in range(600))]
    )

    assert stats.kstest(uv[:, 0], stats.uniform(-0.5, 640).cdf).pvalue > 1e-4
    assert stats.kstest(uv[:, 1], stats.uniform(-0.5, 480).cdf).pvalue > 1e-4


def test_null_size_ratio_keeps_true_sizes_and_single_places_one() -> None:
    true_sizes = run(theta_of(3, objects={"size_ratio": (None,) * 3}))
    single = run(theta_of(3, objects={"arrangement": "single"}))

    assert [1.0, 1.0, 1.0] == [p.scale for p in true_sizes.instances]
    assert 1 == len(single.instances)
    assert run(theta_of(1)).instances == single.instances


@pytest.mark.parametrize("ratio", [0.01, 0.2, 3.0, 20.0, 100.0])
def test_true_sizes_float_whatever_they_are_and_are_no_larger_than_the_picture(
    ratio: float,
) -> None:
    extent = np.ptp(bracket().bounds, axis=0).max()
    sizes = (None, *(ratio * extent,) * 3)
    for f in range(5):
        placement = run(theta_of(4, objects={"size_m_by_category": sizes}), f)
        assert [p.theta_idx for p in placement.instances] == [0, 1, 2, 3]
        for i in range(1, 4):
            points = vertices_cam(placement, i)
            R = np.array(placement.instances[i].T_world_obj).reshape(4, 4)[:3, :3]
            R_cam = np.array(placement.T_world_cam).reshape(4, 4)[:3, :3]
            sides = np.ptp(points @ (R_cam.T @ R), axis=0)
            assert sides.max() == pytest.approx(ratio * extent, rel=1e-9)
            assert points[:, 2].min() > placement.near_m
            focal, depth = placement.K[0], center_cam(placement, i)[2]
            assert focal * sides.max() / depth <= 0.9 * 640 * (1 + 1e-9)


def test_crowds_of_true_sizes_are_thinned_and_those_with_a_ratio_rejected() -> None:
    leaves = {"scale": {"size_frac": 0.9}}
    true = theta_of(60, objects={"size_ratio": (None,) * 60, "depth_spread": 0.0}, **leaves)
    shown = [p.theta_idx for p in run(true).instances]
    assert 0 in shown
    assert 10 < len(shown) <= 60
    with pytest.raises(RejectedTheta):
        run(theta_of(60, objects={"depth_spread": 0.0}, **leaves))


def test_too_many_targets_are_rejected() -> None:
    theta = theta_of(40, scale={"size_frac": 0.9}, objects={"depth_spread": 0.0})

    with pytest.raises(RejectedTheta) as caught:
        run(theta)
    assert "targets do not fit without intersecting" == caught.value.reason


def test_distractors_in_front_hide_part_of_a_target_and_have_their_apparent_size() -> None:
    theta = theta_of(
        1, 3, occlusion={"kind": ("box", "torus", "sphere"), "size_ratio": (0.3, 0.6, 0.2)}
    )
    extent = np.ptp(bracket().bounds, axis=0).max()
    for f in range(25):
        placement = run(theta, f)
        target = vertices_cam(placement, 0)
        target_uv = pixels(placement, target)
        assert ["target"] + ["distractor"] * 3 == [p.role for p in placement.instances]
        for j in range(1, 4):
            placed = placement.instances[j]
            body = vertices_cam(placement, j)
            uv = pixels(placement, body)
            depth = center_cam(placement, j)[2]
            mesh = mesh_of(ASSETS.model(placed.model))
            apparent = placed.scale * np.ptp(mesh.bounds, axis=0).max() / depth
            assert body[:, 2].max() <= target[:, 2].min() + 1e-9
            assert body[:, 2].min() > placement.near_m
            assert (uv.max(axis=0) > target_uv.min(axis=0)).all()
            assert (uv.min(axis=0) < target_uv.max(axis=0)).all()
            expected = theta.occlusion.size_ratio[j - 1] * extent / center_cam(placement, 0)[2]
            assert expected == pytest.approx(apparent)


def test_distractors_beside_lie_in_view_at_the_targets_depth() -> None:
    theta = theta_of(3, 4, occlusion={"place": ("beside",) * 4})
    extent = np.ptp(bracket().bounds, axis=0).max()
    for f in range(25):
        placement = run(theta, f)
        depths = [center_cam(placement, i)[2] for i in range(3)]
        for j in range(3, 7):
            c = center_cam(placement, j)
            uv = pixels(placement, c[None])[0]
            assert (uv >= -0.5).all()
            assert (uv <= [639.5, 479.5]).all()
            assert min(depths) - extent / 2 <= c[2] <= max(depths) + extent / 2


def test_a_distractor_that_cannot_fit_is_rejected() -> None:
    theta = theta_of(1, 1, occlusion={"size_ratio": (20.0,)}, scale={"size_frac": 0.9})

    with pytest.raises(RejectedTheta, match="distractors do not fit"):
        run(theta)


def test_equal_keys_give_equal_placements_and_others_differ() -> None:
    theta = theta_of(5, 3)

    assert run(theta, 3) == run(theta, 3)
    assert run(theta, 3) != run(theta, 4)
    assert run(theta, 3) != run(theta, 3, attempt=1)


def test_more_targets_or_distractors_leave_the_earlier_ones_alone() -> None:
    few, more = run(theta_of(4)), run(theta_of(6))
    with_distractors = run(theta_of(4, 3))

    assert few.instances == more.instances[:4]
    assert few.instances == with_distractors.instances[:4]
    assert few.T_world_cam == more.T_world_cam == with_distractors.T_world_cam


def test_planes_hold_everything() -> None:
    for f in range(20):
        placement = run(theta_of(6, 4), f)
        z = np.concatenate([vertices_cam(placement, i)[:, 2] for i in range(10)])
        assert 0 < placement.near_m < z.min()
        assert z.max() < placement.far_m
