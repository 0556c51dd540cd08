"""Depth of solids in each other, against what boxes, balls and rings have by their definition."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from render.geometry.frames import inverse_rigid, rigid
from render.placement.contact import Solid, allowed_m, penetration_m
from tests.hand_made import model_of

creation = trimesh.creation


def solid(mesh: trimesh.Trimesh) -> Solid:
    return Solid.of(model_of(mesh, "thing"), ())


CUBE = solid(creation.box((1, 1, 1)))
BALL = solid(creation.icosphere(4, radius=0.5))
RING = solid(creation.torus(1.0, 0.2, major_sections=64, minor_sections=32))
ROD = solid(creation.cylinder(0.3, 4.0, sections=64))


def depth_of(
    a: Solid, b: Solid, shift: tuple[float, float, float], R: np.ndarray | None = None,
    *, scale_a: float = 1.0, scale_b: float = 1.0, enough: float = 1e-4,
) -> float:  # fmt: skip
    T = rigid(np.eye(3) if R is None else R, np.array(shift))
    return penetration_m(a, b, T_a_b=T, scale_a=scale_a, scale_b=scale_b, enough=enough)


@settings(max_examples=25, deadline=None)
@given(x=st.floats(0.85, 1.4), y=st.floats(0, 0.3), z=st.floats(0, 0.3))
def test_of_cubes_side_by_side_it_is_the_overlap(x: float, y: float, z: float) -> None:
    assert depth_of(CUBE, CUBE, (x, y, z)) == pytest.approx(max(1.0 - x, 0.0), abs=2e-3)


@settings(max_examples=40, deadline=None)
@given(away=st.floats(0.7, 1.2), seed=st.integers(0, 999))
def test_of_balls_it_is_the_lens_s_height(away: float, seed: int) -> None:
    """The deepest point of one lies on its rim, as deep as the two are thick together."""
    way = away * Rotation.random(random_state=seed).as_matrix()[0]

    assert depth_of(BALL, BALL, tuple(way)) == pytest.approx(max(1.0 - away, 0.0), abs=0.012)


def test_a_thing_inside_another_is_found() -> None:
    # The farthest corner of the small cube from the large one's sides: its nearest side is
    # 0.5 - 0.05 away for the middle, less for corners, 0.45 at the deepest.
    assert depth_of(CUBE, CUBE, (0, 0, 0), scale_b=0.1) == pytest.approx(0.45, abs=1e-3)
    assert depth_of(CUBE, CUBE, (0, 0, 0), scale_a=0.1) == pytest.approx(0.45, abs=1e-3)


def test_a_rod_through_a_ring_touches_nothing() -> None:
    assert depth_of(RING, ROD, (0, 0, 0)) == 0.0
    assert depth_of(RING, ROD, (0.6, 0, 0)) == pytest.approx(0.1, abs=5e-3)


def test_edges_that_cross_are_found_though_no_corner_is_inside() -> None:
    """Two long beams across each other, turned about their axes by 45 degrees."""
    turned = creation.box((4, 0.2, 0.2))
    turned.apply_transform(trimesh.transformations.rotation_matrix(np.pi / 4, [1, 0, 0]))
    beam = solid(turned)
    across = Rotation.from_euler("z", 90, degrees=True).as_matrix()
    height = 0.2 * 2**0.5  # edge on edge they just touch

    assert depth_of(beam, beam, (0, 0, height + 1e-3), across) == 0.0
    found = depth_of(beam, beam, (0, 0, height - 0.02), across)
    # The edge of one, 0.02 beyond the edge of the other, whose sides fall off at 45 degrees.
    assert found == pytest.approx(0.02 / 2**0.5, abs=1e-3)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 9999), scale=st.sampled_from([0.3, 1.0, 2.0]))
def test_it_does_not_matter_which_is_first_nor_where_the_world_is(seed: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    T = rigid(Rotation.random(random_state=seed).as_matrix(), rng.uniform(-0.6, 0.6, 3))
    one = penetration_m(CUBE, RING, T_a_b=T, scale_a=1.0, scale_b=scale, enough=1e-3)
    other = penetration_m(
        RING, CUBE, T_a_b=inverse_rigid(T), scale_a=scale, scale_b=1.0, enough=1e-3
    )

    assert one == pytest.approx(other, rel=0.02, abs=2e-3)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 9999))
def test_dense_samples_find_nothing_deeper(seed: int) -> None:
    """Points all over both surfaces, their depths worked out by trimesh."""
    rng = np.random.default_rng(seed)
    meshes = [creation.box((1, 1, 1)), creation.cylinder(0.3, 1.2, sections=12)]
    T = rigid(Rotation.random(random_state=seed).as_matrix(), rng.uniform(-0.5, 0.5, 3))
    found = penetration_m(
        solid(meshes[0]), solid(meshes[1]), T_a_b=T, scale_a=1.0, scale_b=1.0, enough=1e-3
    )
    placed = meshes[1].copy()
    placed.apply_transform(T)
    deepest = 0.0
    for a, b in ((meshes[0], placed), (placed, meshes[0])):
        points = trimesh.sample.sample_surface(a, 600, seed=seed)[0]
        _, away, _ = trimesh.proximity.closest_point_naive(b, points)
        # Both are convex: inside is behind every face.
        behind = (points @ b.face_normals.T <= (b.triangles[:, 0] * b.face_normals).sum(1)).all(1)
        deepest = max(deepest, float(away[behind].max(initial=0.0)))

    assert found >= deepest - 0.06
    assert deepest >= found - 0.12 or found < 0.12


def test_an_open_mesh_is_as_solid_as_its_pieces() -> None:
    tube = creation.box((1, 1, 1))
    tube.update_faces(np.abs(tube.face_normals[:, 2]) < 0.5)
    tube.remove_unreferenced_vertices()
    pieces = (np.array(creation.box((1, 1, 1)).vertices),)
    open_cube = Solid.of(model_of(tube, "tube"), pieces)

    assert depth_of(open_cube, BALL, (0.9, 0, 0)) == pytest.approx(0.1, abs=5e-3)


def test_what_counts_as_touching() -> None:
    assert allowed_m(0.1, 3.0) == pytest.approx(5e-4)
    assert allowed_m(0.001, 3.0) == pytest.approx(1e-4)
