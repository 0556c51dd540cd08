"""Targets strewn over the picture, and a camera that hangs over their plane."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import nnls
from scipy.spatial.transform import Rotation
from scipy.stats import chi2_contingency, chisquare

import render
from render.assembly.scene import assemble
from render.engine.cpu.engine import CpuEngine
from render.errors import ConfigError, RejectedTheta
from render.job.run_job import run_job
from render.placement.bodies import Body, OrientedShape, PlacedBodies
from render.placement.place import place
from render.plan import Plan
from render.report.coverage import read_coverage
from render.report.verify.dataset import verify
from render.theta import Placement, Theta
from tests.hand_made import HandMadeAssets, mesh_of, theta_of
from tests.oracle.compare import DEPTH_REL, NEAR_PX, compare
from tests.oracle.flatten import rays_of

ASSETS = HandMadeAssets()
MODELS = ("brick.ply", "cone.obj", "bracket.stl")
OVERHEAD = ("experiment=example_overhead", "models=[die]", "workers=1")
STRAIGHT_DOWN = (*OVERHEAD, "viewpoint.elevation_deg=90", "camera.distortion=null")
# A principal target in the middle, seen at a slant from one distance: the picture's footprint on
# the plane is the same in all frames.
SLANTED = (
    "models=[die]", "objects=surface", "workers=1", "viewpoint=fixed", "viewpoint.elevation_deg=50",
    "scale=distance", "scale.distance_m=0.5", "camera.fov_deg=50", "objects.orientation=fixed",
    "occlusion.count=0",
)  # fmt: skip


def plan_of(*words: str) -> Plan:
    return render.compose(*words, "n_frames=200")


def matrix(numbers: tuple[float, ...]) -> NDArray[np.float64]:
    return np.array(numbers).reshape(4, 4)


def centers_world(plan: Plan, placement: Placement) -> NDArray[np.float64]:
    """``(N, 3)`` centres of the targets' boxes, the principal one first."""
    found = []
    for placed in placement.instances:
        if placed.role == "target":
            T, points = matrix(placed.T_world_obj), plan.assets.model(placed.model).hull_m
            middle = placed.scale * (points.min(axis=0) + points.max(axis=0)) / 2
            found.append(T[:3, :3] @ middle + T[:3, 3])
    return np.array(found)


def shares(points: NDArray[np.float64], placement: Placement) -> NDArray[np.float64]:
    """``(N, 2)`` where points are in the picture, of its width and height; by OpenCV."""
    T = np.linalg.inv(matrix(placement.T_world_cam))
    K = np.array(placement.K).reshape(3, 3)
    rvec, lens = cv2.Rodrigues(T[:3, :3])[0], np.array(placement.distortion)
    uv = cv2.projectPoints(points, rvec, T[:3, 3], K, lens)[0][:, 0]
    return np.asarray((uv + 0.5) / placement.size_wh)


def strewn(plan: Plan, n_frames: int) -> Iterator[tuple[Theta, Placement, NDArray[np.float64]]]:
    for frame_idx in range(n_frames):
        theta, placement, _ = plan.draw(frame_idx)
        yield theta, placement, centers_world(plan, placement)


def cells(at: NDArray[np.float64]) -> NDArray[np.float64]:
    """``(9,)`` how many are in each cell of 3 x 3."""
    return np.histogram2d(at[:, 0], at[:, 1], bins=3, range=[[0, 1], [0, 1]])[0].ravel()


def test_seen_from_above_all_targets_are_even_over_the_whole_picture() -> None:
    plan = plan_of(*STRAIGHT_DOWN, "objects.count=6")
    drawn = list(strewn(plan, 80))
    at = np.concatenate([shares(centers, placement) for _, placement, centers in drawn])
    first = np.concatenate([shares(centers[:1], placement) for _, placement, centers in drawn])

    assert len(at) == 480
    assert chisquare(cells(at)).pvalue > 0.01
    assert chisquare(cells(first)).pvalue > 0.01
    assert (at.min(axis=0) < 0.02).all()
    assert (at.max(axis=0) > 0.98).all()
    assert ((at > 0) & (at < 1)).all()


def test_by_default_they_crowd_where_the_camera_looks() -> None:
    plan = plan_of(*STRAIGHT_DOWN, "objects.count=6", "objects.spread=0")
    found = [shares(centers, placement) for _, placement, centers in strewn(plan, 60)]

    assert cells(np.concatenate(found))[4] == 360
    # The principal one stands where the camera looks: the middle of the picture.
    np.testing.assert_allclose([at[0] for at in found], 0.5, atol=1e-9)


def test_a_tilted_camera_with_a_lens_sees_targets_in_every_part_of_the_picture() -> None:
    plan = plan_of(*OVERHEAD, "objects.count=8")
    found = [shares(centers, placement) for _, placement, centers in strewn(plan, 60)]
    counts = cells(np.concatenate(found))

    assert counts.sum() == 480
    assert (counts >= 0.6 * 480 / 9).all()


def test_at_a_slant_they_are_even_over_the_part_of_the_plane_that_is_seen() -> None:
    plan = plan_of(*SLANTED, "objects.count=5", "objects.spread=1")
    drawn = list(strewn(plan, 100))
    at = np.concatenate([shares(centers[1:], placement) for _, placement, centers in drawn])
    _, placement, centers = drawn[0]
    # Points that are even over the plane, as many as are seen.
    points = np.random.default_rng(0).uniform(-1.5, 1.5, (200_000, 3))
    points[:, 2] = centers[0, 2]
    T = np.linalg.inv(matrix(placement.T_world_cam))
    points = points[points @ T[2, :3] + T[2, 3] > 0.05]
    even = shares(points, placement)
    even = even[((even > 0) & (even < 1)).all(axis=1)]

    assert len(at) == 400
    assert len(even) > 2000
    assert chi2_contingency([cells(at), cells(even)]).pvalue > 0.01
    # So the picture's far half holds more of them.
    assert (at[:, 1] < 0.5).mean() > 0.6


def test_between_the_disc_grows_evenly() -> None:
    reach, n = [], 8
    for spread in (0.0, 0.25, 0.5, 0.75, 1.0):
        theta = theta_of(
            n,
            objects={
                "arrangement": "surface", "model": ("brick.ply",) * n, "spread": spread,
                "orientation": ("fixed",) * n, "size_ratio": (None,) * n,
            },
            viewpoint={"elevation_deg": 50.0},
            scale={"size_frac": 0.06},
        )  # fmt: skip
        placements = [place(theta, ASSETS, seed=0, frame_idx=i, attempt=0) for i in range(16)]
        steps = [np.linalg.norm(middles(p)[1:] - middles(p)[0], axis=1) for p in placements]
        reach.append(np.concatenate(steps).max())
    placement = placements[0]
    K, T = np.array(placement.K).reshape(3, 3), matrix(placement.T_world_cam)
    corners = [[-0.5, -0.5, 1.0], [639.5, -0.5, 1.0]]  # the upper ones are farthest away
    rays = np.array(corners) @ np.linalg.inv(K).T @ T[:3, :3].T
    first = middles(placement)[0]
    hit = T[:3, 3] + rays * ((first[2] - T[2, 3]) / rays[:, 2])[:, None]
    whole = np.linalg.norm(hit - first, axis=1).max()

    assert 0.9 * whole < reach[-1] <= whole * (1 + 1e-9)
    for spread, farthest in zip((0.25, 0.5, 0.75), reach[1:-1]):
        most = reach[0] + spread * (whole - reach[0])
        assert farthest == pytest.approx(most, rel=0.1)


def test_as_far_as_twice_the_depth_where_the_horizon_is_seen() -> None:
    plan = plan_of(*SLANTED, "viewpoint.elevation_deg=12", "objects.count=12", "objects.spread=1")
    depths = []
    for _, placement, centers in strewn(plan, 20):
        T = np.linalg.inv(matrix(placement.T_world_cam))
        depth = centers @ T[2, :3] + T[2, 3]
        depths.extend(depth[1:] / depth[0])

    assert min(depths) >= 0.5
    assert 1.7 < max(depths) < 2.5


def hull_gap(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Distance of two convex hulls: mixtures of their points, by non-negative least squares."""
    size = np.ptp(np.concatenate([a, b]), axis=0).max()
    middle = a.mean(axis=0)
    one = 1e4 * np.r_[np.c_[np.ones((1, len(a))), np.zeros((1, len(b)))],
                      np.c_[np.zeros((1, len(a))), np.ones((1, len(b)))]]  # fmt: skip
    rows = np.r_[np.c_[((a - middle) / size).T, -((b - middle) / size).T], one]
    found = nnls(rows, np.r_[0, 0, 0, 1e4, 1e4])[0]
    weights = found[: len(a)] / found[: len(a)].sum(), found[len(a) :] / found[len(a) :].sum()
    return float(np.linalg.norm(weights[0] @ a - weights[1] @ b))


def placed_points(placement: Placement) -> list[tuple[NDArray[np.float64], float]]:
    """Vertices of each hull in the world, and the radius of the ball about its box."""
    found = []
    for placed in placement.instances:
        (points, radius), T = hull_and_radius(placed.model), matrix(placed.T_world_obj)
        found.append((placed.scale * points @ T[:3, :3].T + T[:3, 3], placed.scale * radius))
    return found


@cache
def hull_and_radius(name: str) -> tuple[NDArray[np.float64], float]:
    mesh = mesh_of(ASSETS.model(name))
    radius = np.linalg.norm(mesh.vertices - mesh.bounds.mean(axis=0), axis=1).max()
    return np.asarray(mesh.convex_hull.vertices), float(radius)


def middles(placement: Placement) -> NDArray[np.float64]:
    """``(N, 3)`` centres of boxes that are not turned, world."""
    ends = [(points.min(axis=0), points.max(axis=0)) for points, _ in placed_points(placement)]
    return np.array([(low + high) / 2 for low, high in ends])


def gaps_of(frame_idx: int, **objects: object) -> list[float]:
    """Gap of each two targets over the mean of their diameters."""
    n = 10
    theta = theta_of(
        n,
        objects={
            "arrangement": "surface",
            "model": tuple(MODELS[i % 3] for i in range(n)),
            "size_ratio": tuple(0.6 + 0.1 * i for i in range(n)),
            **objects,
        },
        viewpoint={"elevation_deg": 65.0},
        scale={"size_frac": 0.1},
    )
    for attempt in range(40):
        try:
            placement = place(theta, ASSETS, seed=4, frame_idx=frame_idx, attempt=attempt)
        except RejectedTheta:
            continue
        bodies = placed_points(placement)
        return [hull_gap(a, b) / (r + s) for (a, r), (b, s) in combinations(bodies, 2)]
    raise AssertionError("no draw could be placed")


@pytest.mark.parametrize("spread", [0.0, 0.4, 1.0])
def test_neighbours_keep_the_gap_that_is_asked_and_come_as_near_as_that(spread: float) -> None:
    loose = [min(gaps_of(i, spread=spread, spacing=0.0, depth_spread=4.0)) for i in range(6)]
    apart = [min(gaps_of(i, spread=spread, spacing=0.25, depth_spread=9.0)) for i in range(6)]

    assert min(loose) > 0.0  # no two intersect
    assert min(loose) < 0.1
    assert min(apart) >= 0.25 * (1 - 1e-6)
    assert min(apart) < 0.4


@pytest.mark.parametrize("seed", range(6))
def test_what_is_a_little_farther_than_the_gap_is_free_and_what_is_nearer_is_not(seed: int) -> None:
    rng = np.random.default_rng(seed)
    turns = Rotation.random(2, rng=rng).as_matrix()
    names = rng.choice([*MODELS, "ball.obj"], 2)
    a, b = (OrientedShape.of(ASSETS.model(n), R, np.eye(3)) for n, R in zip(names, turns))
    direction = Rotation.random(rng=rng).as_matrix()[0]
    placed = PlacedBodies()
    placed.add(Body.of(a, 1.0, np.zeros(3)))
    for reach in (1.1, 1.5, 2.5):
        at = reach * (a.radius_m + b.radius_m) * direction
        gap = hull_gap(a.points_cam, b.points_cam + at) / (a.radius_m + b.radius_m)
        for share, is_free in ((0.99, True), (1.01, False)):
            found = placed.first_free(b, np.ones(1), at[None], is_target=True, spacing=share * gap)
            assert (found is not None) == is_free


def test_a_calibrated_camera_keeps_targets_apart_too() -> None:
    camera = {"T_world_cam": (1.0, 0, 0, 0, 0, -1, 0, 0, 0, 0, -1, 1.2, 0, 0, 0, 1)}
    for spacing in (0.0, 0.5):
        objects = {
            "arrangement": "surface", "model": ("brick.ply",) * 8, "spacing": spacing,
            "region_m": (-0.25, 0.25, -0.2, 0.2, 0.0, 0.1),
        }  # fmt: skip
        gaps = []
        for frame_idx in range(8):
            theta = theta_of(8, objects=objects, camera=camera)
            placement = place(theta, ASSETS, seed=1, frame_idx=frame_idx, attempt=0)
            bodies = placed_points(placement)
            gaps += [hull_gap(a, b) / (r + s) for (a, r), (b, s) in combinations(bodies, 2)]
        assert (min(gaps) >= 0.5 * (1 - 1e-6)) == (spacing > 0)


def test_targets_that_find_no_place_are_left_out_or_rejected_by_name() -> None:
    crowd = (*STRAIGHT_DOWN, "objects.count=30", "occlusion.count=0")
    theta, placement, _ = plan_of(*crowd, "objects.spacing=3").draw(0)
    assert 10 < len(placement.instances) < theta.objects.count

    with pytest.raises(render.UnrealisableError, match=r"Loosen .*objects\.spacing"):
        plan_of(*crowd, "objects.spacing=20", "objects.size_ratio=1").draw(0)


def test_the_camera_hangs_over_the_plane_as_asked() -> None:
    plan = plan_of(*OVERHEAD)
    tilts, rolls = [], []
    for theta, placement, _ in strewn(plan, 40):
        T, K = matrix(placement.T_world_cam), np.array(placement.K).reshape(3, 3)
        middle = np.array([[[(640 - 1) / 2, (480 - 1) / 2]]])
        xy = cv2.undistortPoints(middle, K, np.array(placement.distortion))[0, 0]
        ray = T[:3, :3] @ np.array([*xy, 1.0])
        ray /= np.linalg.norm(ray)
        # All stand on z = 0, and that is where the middle of the picture looks.
        assert placement.lowest_m == pytest.approx(0.0, abs=1e-9)
        assert theta.scale.distance_m is not None
        hit = T[:3, 3] + theta.scale.distance_m * ray
        np.testing.assert_allclose(hit, 0.0, atol=1e-6)
        tilts.append(np.degrees(np.arccos(-ray[2])))
        assert tilts[-1] == pytest.approx(90 - theta.viewpoint.elevation_deg, abs=1e-4)
        rolls.append(theta.viewpoint.roll_deg)
        assert 0.4 <= theta.scale.distance_m <= 0.6
    assert max(tilts) < 15
    assert np.histogram(rolls, bins=4, range=(-180, 180))[0].min() >= 4


@pytest.mark.parametrize("objects", ["single", "grid", "scatter", "surface"])
def test_every_arrangement_can_be_looked_at_from_above(objects: str) -> None:
    plan = plan_of(*OVERHEAD, f"objects={objects}", "objects.spread=0.7")
    for theta, placement, _ in strewn(plan, 8):
        eye = matrix(placement.T_world_cam)[:3, 3]
        assert np.linalg.norm(eye) == pytest.approx(theta.scale.distance_m)


def test_labels_of_strewn_targets_are_those_of_the_ray_caster() -> None:
    words = (
        *OVERHEAD, "models=[die,nut,bolt]", "background=color", "camera.size_wh=[320,240]",
        "camera.K=[300,300,161,118]", "camera.distortion=null",
    )  # fmt: skip
    plan = plan_of(*words, "objects.count=9")
    n_cut = 0
    with CpuEngine() as engine:
        for frame_idx in range(2):
            theta, placement, _ = plan.draw(frame_idx)
            scene = assemble(theta, placement, plan.assets)
            at = shares(centers_world(plan, placement), placement)
            n_cut += int((np.abs(at - 0.5) > 0.45).any(axis=1).sum())
            figures = compare(scene, rays_of(scene), engine)

            assert figures.visible.farthest_px <= NEAR_PX
            assert figures.amodal.farthest_px <= NEAR_PX
            assert figures.depth_rel <= DEPTH_REL
            assert figures.box_obj_px <= 0.01
            assert figures.n_box_visib_off == figures.n_count_off == 0
    assert n_cut >= 2  # some are at the picture's edges


def test_a_dataset_of_a_camera_over_a_plane_is_verified_and_counted(tmp_path: Path) -> None:
    words = (
        *STRAIGHT_DOWN, "viewpoint.azimuth_deg=0", "scale.distance_m=[levels,0.4,0.41]",
        "camera.size_wh=[160,120]", "camera.K=[150,150,80,59]", "engine=cpu", "n_frames=6",
        f"output_dir={tmp_path}",
    )  # fmt: skip
    plan = render.compose(*words)
    run_job(plan.config)
    asked = [plan.draw(frame_idx)[0].scale.distance_m for frame_idx in range(6)]

    assert not verify(tmp_path).findings.problems
    assert read_coverage(tmp_path).counts.tolist() == [asked.count(0.4), asked.count(0.41)]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["objects.spread=1.5"], r"objects\.spread must .* 1"),
        (["objects.spread=-0.1"], r"objects\.spread must .* 0"),
        (["objects.spread=null"], r"objects\.spread must"),
        (["objects.spacing=-1"], r"objects\.spacing must"),
        (["viewpoint.look_at=table"], r"viewpoint\.look_at must be .*plane"),
        (["viewpoint.look_at=plane"], r"scale\.distance_m must be set in every frame"),
        (
            ["viewpoint.look_at=[choice,target,plane]", "scale.distance_m=[choice,0.5,null]"],
            r"scale\.distance_m must be set in every frame",
        ),
        (
            ["viewpoint.look_at=plane", "scale=distance", "viewpoint=sphere"],
            r"viewpoint\.elevation_deg must be above 0 where viewpoint\.look_at=plane.* got -90",
        ),
        (
            ["viewpoint.look_at=plane", "scale=distance", "truncation=some"],
            r"truncation\.truncated_fract must be null where viewpoint\.look_at=plane",
        ),
    ],
)
def test_what_cannot_be_is_refused_before_frame_0(words: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        plan_of("models=[die]", "objects=surface", *words)
