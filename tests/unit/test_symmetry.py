"""Symmetries: groups of known shapes found, poses made canonical, side files read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from render.errors import AssetError
from render.geometry.frames import rigid
from render.geometry.symmetry import Symmetry, SymmetryAxis, rotation_about
from render.library.declared import keypoints_of, symmetry_of
from render.library.symmetries import TOLERANCE, find_symmetry
from render.scene import Model
from tests.hand_made import bracket, model_of

creation = trimesh.creation
SIDE_FILE = Path("part.yaml")


def tetrahedron() -> trimesh.Trimesh:
    corners = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1.0]])
    return trimesh.Trimesh(corners, [[0, 1, 2], [0, 3, 1], [0, 2, 3], [1, 3, 2]])


# Orders of their groups of rotations, and how many axes of revolution, from any book.
SHAPES: dict[str, tuple[Callable[[], trimesh.Trimesh], int, int]] = {
    "brick": (lambda: creation.box((1, 2, 3)), 4, 0),
    "square prism": (lambda: creation.box((1, 1, 3)), 8, 0),
    "cube": (lambda: creation.box((1, 1, 1)), 24, 0),
    "tetrahedron": (tetrahedron, 12, 0),
    "icosahedron": (creation.icosahedron, 60, 0),
    "hexagonal prism": (lambda: creation.cylinder(1, 1, sections=6), 12, 0),
    "triangular prism": (lambda: creation.cylinder(1, 2, sections=3), 6, 0),
    "pentagonal prism": (lambda: creation.cylinder(1, 0.3, sections=5), 10, 0),
    # Its three moments are equal, as those of a cube.
    "hexagonal prism of equal moments": (lambda: creation.cylinder(1, 1.65, sections=6), 12, 0),
    "cylinder": (lambda: creation.cylinder(1, 3, sections=64), 2, 1),
    "torus": (lambda: creation.torus(1, 0.3, major_sections=64), 2, 1),
    "cone": (lambda: creation.cone(1, 2, sections=64), 1, 1),
    "ball": (lambda: creation.icosphere(3), 1, 2),
    "L": (bracket, 1, 0),
}


def turned(mesh: trimesh.Trimesh, seed: int) -> trimesh.Trimesh:
    """A copy in no particular direction, far from the origin."""
    moved = mesh.copy()
    moved.apply_transform(rigid(Rotation.random(random_state=seed).as_matrix(), [3.0, -2.0, 5.0]))
    return moved


@pytest.mark.parametrize("name", SHAPES)
def test_the_group_of_a_shape_is_found(name: str) -> None:
    make, order, n_axes = SHAPES[name]
    mesh = turned(make(), len(name))

    found = find_symmetry(model_of(mesh, name))

    assert (len(found.motions), len(found.axes)) == (order, n_axes)
    # By distances that trimesh works out, not by ours.
    probes = np.concatenate([mesh.vertices, mesh.triangles_center])
    probes = probes[np.random.default_rng(0).permutation(len(probes))[:150]]
    for T in [*found.motions, *(_turn(axis, 1.0) for axis in found.axes)]:
        moved = probes @ T[:3, :3].T + T[:3, 3]
        _, away, _ = trimesh.proximity.closest_point_naive(mesh, moved)
        assert away.max() <= 1.05 * TOLERANCE * np.ptp(mesh.vertices, axis=0).max() * 3**0.5


def test_a_small_mark_breaks_a_symmetry() -> None:
    plate = creation.box((2, 2, 0.2))
    knob = creation.cylinder(0.08, 0.3, sections=16)
    knob.apply_translation((0.8, 0.8, 0.1))

    found = find_symmetry(model_of(trimesh.util.concatenate([plate, knob]), "plate"))

    assert len(found.motions) == 1


def test_materials_count() -> None:
    whole = model_of(creation.box((1, 1, 3)), "two-tone")
    top = whole.primitives[0].positions_m[whole.primitives[0].faces].mean(axis=1)[:, 2] > 0
    primitives = []
    for k, keep in enumerate((top, ~top)):
        one = model_of(creation.box((1, 1, 3)), str(k)).primitives[0]
        faces = np.ascontiguousarray(one.faces[keep])
        primitives.append(replace(one, faces=faces))
    two_tone = replace(whole, primitives=tuple(primitives))

    assert len(find_symmetry(whole).motions) == 8
    assert len(find_symmetry(two_tone).motions) < 8


def _turn(axis: SymmetryAxis, angle: float) -> np.ndarray:
    R = rotation_about(np.array(axis.direction), angle)
    point = np.array(axis.point_m)
    return rigid(R, point - R @ point)


def symmetry_of_shape(name: str) -> tuple[Model, Symmetry]:
    model = model_of(turned(SHAPES[name][0](), 3), name)
    return model, find_symmetry(model)


FOUND = {name: symmetry_of_shape(name)[1] for name in ("cube", "hexagonal prism", "cylinder")}


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(sorted(FOUND)),
    seed=st.integers(0, 2**31),
    pick=st.integers(0, 10**6),
    angle=st.floats(-7, 7),
    scale=st.sampled_from([0.2, 1.0, 3.0]),
)
def test_all_poses_that_look_alike_have_one_canonical_pose(
    name: str, seed: int, pick: int, angle: float, scale: float
) -> None:
    symmetry = FOUND[name]
    T = rigid(Rotation.random(random_state=seed).as_matrix(), np.array([0.1, -0.2, 3.0]))
    S = symmetry.motions[pick % len(symmetry.motions)]
    if symmetry.axes:
        S = S @ _turn(symmetry.axes[0], angle)
    S = S.copy()
    S[:3, 3] *= scale

    one, other = symmetry.canonical(T, scale), symmetry.canonical(T @ S, scale)

    np.testing.assert_allclose(one, other, atol=2e-3)
    assert np.trace(one[:3, :3]) >= np.trace((T @ S)[:3, :3]) - 1e-6


def test_a_ball_has_the_camera_s_axes_wherever_it_is() -> None:
    _, symmetry = symmetry_of_shape("ball")
    T = rigid(Rotation.random(random_state=1).as_matrix(), np.array([0.1, -0.2, 3.0]))
    center = np.append(symmetry.axes[0].point_m, 1.0)

    found = symmetry.canonical(T)

    np.testing.assert_allclose(found[:3, :3], np.eye(3), atol=1e-12)
    np.testing.assert_allclose(found @ center, T @ center, atol=1e-9)


def test_side_files_declare_symmetries_as_bop_does() -> None:
    half_turn = [-1, 0, 0, 10, 0, -1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]
    entry = {
        "discrete": [half_turn],
        "continuous": [{"axis": [0, 0, 2], "offset": [5, 0, 0]}],
    }

    found = symmetry_of(entry, SIDE_FILE)

    assert found is not None
    assert len(found.motions) == 2
    assert found.axes == (SymmetryAxis(direction=(0.0, 0.0, 1.0), point_m=(5.0, 0.0, 0.0)),)
    assert symmetry_of({}, SIDE_FILE) is not None
    assert symmetry_of(None, SIDE_FILE) is None


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ([], "symmetries must have the keys"),
        ({"discreet": []}, "symmetries must have the keys"),
        ({"discrete": [[1, 2]]}, "16 numbers"),
        ({"discrete": 3}, "must be a list"),
        ({"discrete": [[-1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]]}, "mirror image"),
        ({"continuous": [{"axis": [0, 0, 0]}]}, "axis"),
        ({"continuous": [[0, 0, 1]]}, "axis"),
        (
            {"discrete": [rigid(rotation_about(np.array([0, 0, 1.0]), 0.01), [0, 0, 0]).ravel()
                          .tolist()]},
            "more than 360",
        ),
    ],
)  # fmt: skip
def test_symmetries_that_cannot_be_are_told(entry: Any, reason: str) -> None:
    with pytest.raises(AssetError, match=reason):
        symmetry_of(entry, SIDE_FILE)


def test_keypoints_of_side_files() -> None:
    assert keypoints_of({"tip": [0, "1e-3", 2]}, SIDE_FILE) == (("tip", (0.0, 0.001, 2.0)),)
    assert keypoints_of(None, SIDE_FILE) is None
    for bad in ({}, [], {"tip": [0, 1]}, {"tip": "abc"}, {"tip": [0, 1, float("nan")]}):
        with pytest.raises(AssetError, match="keypoints"):
            keypoints_of(bad, SIDE_FILE)
