"""Convex hulls of solids whose corners and centres are known, round and flat ones too."""

from __future__ import annotations

import time

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from render.library.hull import hull_centroid, hull_vertices
from render.library.stable import stable_poses

TURN = Rotation.from_rotvec([0.3, -0.7, 1.1]).as_matrix()


def cylinder(corners: int, height: float) -> np.ndarray:
    """Both rims of a cylinder of radius 1 on the plane z = 0."""
    angles = 2 * np.pi * np.arange(corners) / corners
    rim = np.stack([np.cos(angles), np.sin(angles), np.zeros(corners)], axis=1)
    return np.concatenate([rim, rim + np.array([0, 0, height])])


@pytest.mark.parametrize("corners", [100, 5000])
def test_all_corners_of_a_round_plate_and_its_centre(corners: int) -> None:
    rims = cylinder(corners, 0.2)
    inside = np.random.default_rng(1).uniform(-0.5, 0.5, (1000, 3)) * [1, 1, 0.2] + [0, 0, 0.1]
    points = np.concatenate([inside, rims]) @ TURN.T
    found = hull_vertices(points)

    np.testing.assert_array_equal(1000 + np.arange(2 * corners), found)
    np.testing.assert_allclose(hull_centroid(points[found]), TURN @ [0, 0, 0.1], atol=1e-9)


def test_a_flat_ring_of_many_corners_spans_its_plane() -> None:
    ring = cylinder(5000, 0.0)[:5000] @ TURN.T

    np.testing.assert_array_equal(np.arange(5000), hull_vertices(ring))
    np.testing.assert_allclose(hull_centroid(ring), 0, atol=1e-12)
    np.testing.assert_allclose(stable_poses(ring, np.zeros(3))[1], [0.5, 0.5])


@pytest.mark.parametrize("corners", [500, 5000])
def test_poses_of_a_cylinder_on_its_ends_do_not_depend_on_its_corners(corners: int) -> None:
    """Of an upright cylinder of height 2 h each end is seen from the centre under
    2 pi (1 - h / sqrt(h^2 + 1)): what does not fall on an end rolls on the side.
    """
    points = cylinder(corners, 6.0) @ TURN.T
    poses, probs = stable_poses(points, TURN @ [0, 0, 3.0])
    end = (1 - 3 / np.sqrt(10)) / 2
    on_end = [p for pose, p in zip(poses, probs) if abs((pose @ TURN)[2, 2]) > 0.999]

    if corners == 5000:  # each side alone is less than a thousandth
        np.testing.assert_allclose(probs, [1 - 2 * end, end, end], atol=1e-4)
    assert len(on_end) == 2
    np.testing.assert_allclose(on_end[0], on_end[1], rtol=1e-6)


def test_hulls_of_round_things_take_a_time_that_is_nearly_linear() -> None:
    """Twenty thousand corners on each rim; a time of their square would be 10 s and more."""
    points = cylinder(20_000, 1.0) @ TURN.T
    start = time.process_time()
    found = hull_vertices(points)
    hull_centroid(points[found])

    assert len(found) == 40_000
    assert time.process_time() - start < 4.0
