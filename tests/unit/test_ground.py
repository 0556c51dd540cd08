"""Objects that stand on one plane: they touch it, do not intersect, and are in view."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import linprog

from render.errors import RejectedTheta
from render.placement.place import place
from render.theta import Placement, Theta
from tests.hand_made import HandMadeAssets, mesh_of, theta_of

ASSETS = HandMadeAssets()
MODELS = ("bracket.stl", "brick.ply", "ball.obj", "ring.obj", "cone.obj", "brick.ply")


def standing(
    frame_idx: int, n: int = 4, n_distractors: int = 2, **groups: Any
) -> tuple[Theta, Placement]:
    """The first draw that can be placed."""
    leaves: dict[str, dict[str, Any]] = {
        "objects": {
            "arrangement": "surface",
            "model": MODELS[:n],
            "orientation": ("stable", "upright", "so3", "so3", "upright", "stable")[:n],
            "size_ratio": (1.0, 0.7, 1.3, 0.5, 1.0, 0.8)[:n],
        },
        "scale": {"size_frac": 0.2},
    }
    for group, more in groups.items():
        leaves[group] = leaves.get(group, {}) | more
    theta = theta_of(n, n_distractors, **leaves)
    for attempt in range(30):
        try:
            placed = place(theta, ASSETS, seed=11, frame_idx=frame_idx, attempt=attempt)
        except RejectedTheta:
            continue
        return theta, placed
    raise AssertionError("no draw could be placed")


def vertices(placement: Placement) -> list[NDArray[np.float64]]:
    """Vertices of each mesh, world."""
    found = []
    for placed in placement.instances:
        T = np.array(placed.T_world_obj).reshape(4, 4)
        p = np.asarray(mesh_of(ASSETS.model(placed.model)).vertices) * placed.scale
        found.append(p @ T[:3, :3].T + T[:3, 3])
    return found


def hulls_meet(a: NDArray[np.float64], b: NDArray[np.float64]) -> bool:
    """A point that is a mixture of `a` as well as of `b`: a linear programme."""
    n, m = len(a), len(b)
    equal = np.zeros((5, n + m))
    equal[:3, :n], equal[:3, n:] = a.T, -b.T
    equal[3, :n] = 1.0
    equal[4, n:] = 1.0
    size = np.abs(np.concatenate([a, b])).max()
    equal[:3] /= size
    done = linprog(np.zeros(n + m), A_eq=equal, b_eq=[0, 0, 0, 1, 1], method="highs")
    return bool(done.status == 0)


@pytest.mark.parametrize("frame", range(12))
def test_all_touch_the_plane_under_the_principal_target(frame: int) -> None:
    _, placement = standing(frame)
    lowest = [points[:, 2].min() for points in vertices(placement)]
    for points, low in zip(vertices(placement), lowest):
        assert abs(low - lowest[0]) < 1e-6 * np.ptp(points, axis=0).max()
    assert len(placement.instances) == 6


@pytest.mark.parametrize("frame", range(12))
def test_none_intersects_another(frame: int) -> None:
    _, placement = standing(frame)
    bodies = vertices(placement)
    for i in range(len(bodies)):
        for j in range(i):
            assert not hulls_meet(bodies[i], bodies[j]), (i, j)


def test_oracle_of_intersection_knows_both_answers() -> None:
    box = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], float)
    assert hulls_meet(box, box + np.array([0.9, 0.9, 0.9]))
    assert not hulls_meet(box, box + np.array([1.01, 0.0, 0.0]))


@pytest.mark.parametrize("frame", range(12))
@pytest.mark.parametrize("elevation_deg", [15.0, 60.0])
def test_centers_are_in_view_and_none_dwarfs_the_principal(
    frame: int, elevation_deg: float
) -> None:
    _, placement = standing(frame, viewpoint={"elevation_deg": elevation_deg})
    T = np.linalg.inv(np.array(placement.T_world_cam).reshape(4, 4))
    K = np.array(placement.K).reshape(3, 3)
    depths = []
    for placed in placement.instances:
        pose = np.array(placed.T_world_obj).reshape(4, 4)
        middle = placed.scale * mesh_of(ASSETS.model(placed.model)).bounds.mean(axis=0)
        center = T[:3] @ np.append(pose[:3, :3] @ middle + pose[:3, 3], 1.0)
        depths.append(center[2])
        u, v = (K @ center)[:2] / center[2]
        assert 0 <= u <= 639
        assert 0 <= v <= 479
    assert min(depths) >= 0.5 * depths[0]


def test_size_ratio_and_true_sizes_hold_on_the_ground() -> None:
    theta, placement = standing(0)
    extents = [
        placed.scale * np.ptp(mesh_of(ASSETS.model(placed.model)).bounds, axis=0).max()
        for placed in placement.instances[:4]
    ]
    assert theta.objects.size_ratio is not None
    np.testing.assert_allclose(np.array(extents) / extents[0], theta.objects.size_ratio, rtol=1e-9)
    _, true = standing(0, objects={"size_ratio": (None,) * 4})
    assert [placed.scale for placed in true.instances[:4]] == [1.0] * 4


def true_sizes(sizes_m: tuple[float, ...], frame_idx: int, **groups: Any) -> Placement:
    """Bricks of true sizes on the ground, the first one principal."""
    n = len(sizes_m)
    objects = {
        "model": ("brick.ply",) * n,
        "size_ratio": (None,) * n,
        "orientation": ("stable",) * n,
    }
    objects |= {"size_m_by_category": sizes_m}
    return standing(frame_idx, n, 0, objects=objects, **groups)[1]


@pytest.mark.parametrize("frame", range(6))
def test_true_sizes_from_1_to_100_are_placed_or_left_out(frame: int) -> None:
    sizes = (0.05, 0.5, 0.005, 0.1, 5.0, 0.0005)
    placement = true_sizes(sizes, frame)
    bodies = vertices(placement)

    shown = [placed.theta_idx for placed in placement.instances]
    assert {0, 2, 5} <= set(shown)  # none is too large to stand beside the first
    assert sorted(shown) == shown
    for idx, points in zip(shown, bodies, strict=True):
        R = np.array(placement.instances[shown.index(idx)].T_world_obj).reshape(4, 4)[:3, :3]
        assert np.ptp(points @ R, axis=0).max() == pytest.approx(sizes[idx], rel=1e-9)
        assert points[:, 2].min() == pytest.approx(bodies[0][:, 2].min(), abs=1e-6 * sizes[idx])
    assert not any(hulls_meet(a, b) for a, b in combinations(bodies, 2))


def test_what_is_twice_the_principal_target_mostly_finds_a_place_behind_it() -> None:
    shown = 0
    for frame in range(20):
        placement = true_sizes((0.05, 0.1), frame)
        eye = np.array(placement.T_world_cam).reshape(4, 4)
        for points in vertices(placement)[1:]:
            shown += 1
            first = vertices(placement)[0].mean(axis=0)
            assert (points.mean(axis=0) - first) @ eye[:3, 2] > -0.05  # its own depth or more
    assert shown >= 18


def test_at_a_ratio_none_is_left_out() -> None:
    theta = theta_of(2, objects={"arrangement": "surface", "size_ratio": (1.0, 100.0)})

    with pytest.raises(RejectedTheta) as caught:
        place(theta, ASSETS, seed=11, frame_idx=0, attempt=0)
    assert caught.value.leaves == ("objects.count", "objects.size_ratio")


def test_distractor_in_front_stands_on_the_camera_side_of_a_target() -> None:
    nearer = 0
    for frame in range(20):
        _, placement = standing(frame, 1, 1, viewpoint={"elevation_deg": 20.0})
        eye = np.array(placement.T_world_cam).reshape(4, 4)[:3, 3]
        target, other = (points.mean(axis=0) for points in vertices(placement))
        nearer += np.linalg.norm((other - eye)[:2]) < np.linalg.norm((target - eye)[:2])
    assert nearer == 20


def test_places_depend_on_the_frame_and_its_seed_alone() -> None:
    assert standing(3)[1] == standing(3)[1]
    assert standing(3)[1] != standing(4)[1]


def test_one_more_target_moves_no_other() -> None:
    three, four = standing(5, 3, 0)[1], standing(5, 4, 0)[1]
    assert four.instances[:3] == three.instances


def test_crowd_that_does_not_fit_is_rejected() -> None:
    theta = theta_of(
        40,
        objects={"arrangement": "surface", "model": ("brick.ply",) * 40, "depth_spread": 0.0},
        scale={"size_frac": 0.5},
    )
    with pytest.raises(RejectedTheta, match="do not fit without intersecting"):
        place(theta, ASSETS, seed=0, frame_idx=0, attempt=0)


def test_straight_down_and_from_below_are_placed() -> None:
    for elevation in (90.0, 0.0, -30.0, -90.0):
        _, placement = standing(1, 3, 2, viewpoint={"elevation_deg": elevation})
        lowest = [points[:, 2].min() for points in vertices(placement)]
        assert np.ptp(lowest) < 1e-7
