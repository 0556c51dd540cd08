"""Placement under any θ: sizes by full projection, disjointness by linear programming."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.spatial.transform import Rotation

from render.errors import RejectedTheta
from render.kernels.hulls import IN_BALL
from render.placement.bodies import Body, OrientedShape, PlacedBodies
from render.placement.hulls import are_apart
from render.placement.place import place
from tests.hand_made import HandMadeAssets, mesh_of, theta_of

ASSETS = HandMadeAssets()
MODELS = ("bracket.stl", "brick.ply", "ball.obj", "ring.obj", "rod.obj", "cone.obj")


def gap_by_lp(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Largest t such that some d in the unit cube has d·a + t <= c <= d·b - t."""
    rows = np.concatenate(
        [
            np.column_stack([a, -np.ones(len(a)), np.ones(len(a))]),
            np.column_stack([-b, np.ones(len(b)), np.ones(len(b))]),
        ]
    )
    solved = linprog(
        [0, 0, 0, 0, -1],
        A_ub=rows,
        b_ub=np.zeros(len(rows)),
        bounds=[(-1, 1)] * 3 + [(None, None)] * 2,
        method="highs",
    )
    return float(solved.x[4])


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(1, 30),
    m=st.integers(1, 30),
    distance=st.floats(0.0, 4.0),
)
def test_hulls_are_apart_exactly_when_a_plane_separates_them(
    seed: int, n: int, m: int, distance: float
) -> None:
    rng = np.random.default_rng(seed)
    a = rng.normal(size=(n, 3)) * rng.uniform(0.1, 2.0, 3)
    b = rng.normal(size=(m, 3)) * rng.uniform(0.1, 2.0, 3)
    offset = Rotation.random(rng=rng).apply([distance, 0.0, 0.0])
    gap = gap_by_lp(a, b + offset)

    if gap > 1e-6:
        assert are_apart(a, b, offset)
    if gap < 1e-9:
        assert not are_apart(a, b, offset)


@pytest.mark.parametrize("gap", [1e-6, 1e-3, -1e-6, 0.0])
def test_parallel_faces_at_a_small_gap(gap: float) -> None:
    cube = np.array(list(itertools.product([-0.5, 0.5], repeat=3)))
    for offset in ([1 + gap, 0.3, 0.2], [0.0, 1 + gap, 0.0], [0.2, 0.1, -1 - gap]):
        assert (gap > 0) == are_apart(cube, cube, np.array(offset))
        assert not are_apart(cube, cube, np.array(offset), clearance=2e-3)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    names=st.lists(st.sampled_from(MODELS), min_size=2, max_size=5),
    room=st.floats(0.5, 4.0),
)
def test_the_first_free_place_is_the_first_that_planes_separate_from_all_others(
    seed: int, names: list[str], room: float
) -> None:
    rng = np.random.default_rng(seed)
    turns = Rotation.random(len(names), rng=rng).as_matrix()
    models = [ASSETS.model(name) for name in names]
    shapes = [OrientedShape.of(m, R, np.eye(3)) for m, R in zip(models, turns)]
    reach = room * max(shape.radius_m for shape in shapes)
    placed = PlacedBodies()
    for shape in shapes[1:]:
        at = rng.uniform(-reach, reach, 3)
        placed.add(Body.of(shape, float(rng.uniform(0.5, 2.0)), at))
    scales, centers = rng.uniform(0.5, 2.0, 20), rng.uniform(-2 * reach, 2 * reach, (20, 3))
    gaps = [
        min(
            gap_by_lp(scale * shapes[0].points_cam, b.points_cam + b.center_cam - center)
            for b in placed.bodies
        )
        for scale, center in zip(scales, centers)
    ]
    found = placed.first_free(shapes[0], scales, centers, is_target=False)

    # What is closer than the gap that is kept is not free, and what is a little farther is.
    kept = 1e-4 * min(b.scale * b.shape.radius_m for b in placed.bodies)
    last = len(gaps) if found is None else np.flatnonzero((centers == found.center_cam).all(1))[0]
    assert max(gaps[:last], default=-1.0) <= 10 * kept
    assert found is None or gaps[last] > 0.0
    assert [placed.is_free(Body.of(shapes[0], s, c)) for s, c in zip(scales[:last], centers)] == [
        False
    ] * int(last)


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), share=st.floats(0.97, 1.01))
def test_balls_leave_out_no_point_that_matters(seed: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    a, b = (
        OrientedShape.of(ASSETS.model("ball.obj"), R, np.eye(3))
        for R in Rotation.random(2, rng=rng).as_matrix()
    )
    d = Rotation.random(rng=rng).as_matrix()[0]
    scale = float(rng.uniform(0.2, 5.0))
    touching = (a.points_cam @ d).max() - scale * (b.points_cam @ d).min()
    body, other = Body.of(a, 1.0, np.zeros(3)), Body.of(b, scale, share * touching * d)
    placed = PlacedBodies()
    placed.add(other)
    kept = 1e-4 * min(body.radius_m, other.radius_m)

    assert len(a.points_cam) > 4 * IN_BALL
    assert placed.is_free(body) == are_apart(
        body.points_cam, other.points_cam, other.center_cam, clearance=kept
    )


@settings(max_examples=60, deadline=None)
@given(
    model=st.sampled_from(MODELS),
    azimuth=st.floats(-360, 360),
    elevation=st.floats(-90, 90),
    roll=st.floats(-180, 180),
    offset=st.tuples(st.floats(-1, 1), st.floats(-1, 1)),
    fov=st.floats(3, 120),
    size=st.floats(0.005, 1.5),
    frame_idx=st.integers(0, 10**6),
)
def test_size_and_offset_are_reached(
    model: str,
    azimuth: float,
    elevation: float,
    roll: float,
    offset: tuple[float, float],
    fov: float,
    size: float,
    frame_idx: int,
) -> None:
    theta = theta_of(
        objects={"model": (model,)},
        camera={"fov_deg": fov, "size_wh": (320.0, 400.0)},
        scale={"size_frac": size},
        viewpoint={
            "azimuth_deg": azimuth,
            "elevation_deg": elevation,
            "roll_deg": roll,
            "offset_x": offset[0],
            "offset_y": offset[1],
        },
    )
    try:
        placement = place(theta, ASSETS, seed=0, frame_idx=frame_idx, attempt=0)
    except RejectedTheta as rejected:
        assert "size not reachable" in rejected.reason
        assert size > 0.8  # never for what a user would ask
        return
    T = np.linalg.inv(np.reshape(placement.T_world_cam, (4, 4)))
    T = T @ np.reshape(placement.instances[0].T_world_obj, (4, 4))
    mesh = mesh_of(ASSETS.model(model))
    points = np.concatenate([mesh.vertices, [mesh.bounds.mean(axis=0)]]) @ T[:3, :3].T + T[:3, 3]
    uvw = points @ np.reshape(placement.K, (3, 3)).T
    uv = uvw[:, :2] / uvw[:, 2:]

    assert points[:, 2].min() > placement.near_m
    assert size * 400 == pytest.approx(np.ptp(uv[:-1], axis=0).max(), rel=1e-5)
    np.testing.assert_allclose(
        [320 * (0.5 + offset[0]) - 0.5, 400 * (0.5 + offset[1]) - 0.5], uv[-1], atol=1e-4
    )


@settings(max_examples=25, deadline=None)
@given(
    n=st.integers(1, 9),
    kinds=st.lists(st.sampled_from(["box", "sphere", "cylinder", "cone", "torus"]), max_size=5),
    size=st.floats(0.05, 0.6),
    depth_spread=st.floats(0, 6),
    seed=st.integers(0, 10**6),
)
def test_no_two_objects_intersect(
    n: int, kinds: list[str], size: float, depth_spread: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    k = len(kinds)
    theta = theta_of(
        n,
        k,
        objects={
            "model": tuple(rng.choice(MODELS, n).tolist()),
            "depth_spread": depth_spread,
            "size_ratio": tuple(rng.uniform(0.5, 1.5, n).tolist()),
        },
        scale={"size_frac": size},
        occlusion={
            "kind": tuple(kinds),
            "place": tuple(rng.choice(["front", "beside"], k).tolist()),
            "size_ratio": tuple(rng.uniform(0.1, 0.8, k).tolist()),
        },
    )
    try:
        placement = place(theta, ASSETS, seed=seed, frame_idx=0, attempt=0)
    except RejectedTheta as rejected:
        assert "do not fit" in rejected.reason
        return
    clouds = []
    for placed in placement.instances:
        T = np.reshape(placed.T_world_obj, (4, 4))
        vertices = placed.scale * np.asarray(mesh_of(ASSETS.model(placed.model)).vertices)
        clouds.append(vertices @ T[:3, :3].T + T[:3, 3])
        np.testing.assert_allclose(np.eye(3), T[:3, :3] @ T[:3, :3].T, atol=1e-12)
    for a, b in itertools.combinations(clouds, 2):
        # The LP solver's own tolerance is absolute: bring the scene to unit size.
        unit = max(np.ptp(a, axis=0).max(), np.ptp(b, axis=0).max())
        middle = a.mean(axis=0)
        assert gap_by_lp((a - middle) / unit, (b - middle) / unit) > 0
