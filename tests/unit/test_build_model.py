"""Geometry of models: what is refused, completed, merged; closed surfaces; hulls and rest."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from scipy.spatial import Delaunay
from scipy.spatial.transform import Rotation

from render.errors import AssetError
from render.library.build_model import BuiltModel, build_model
from render.library.finishes import FINISHES
from render.library.hull import hull_centroid, hull_vertices
from render.library.readers.raw import RawMesh, RawModel
from render.library.side_files import Remarks
from render.library.stable import stable_poses
from render.scene import Material, Texture
from tests.hand_made import bracket

CREATE = trimesh.creation


def raw_of(mesh: trimesh.Trimesh, **changes: Any) -> RawMesh:
    raw = RawMesh(
        positions=np.array(mesh.vertices, np.float64), faces=np.array(mesh.faces, np.int64)
    )
    return replace(raw, **changes)


def build(*meshes: RawMesh, suffix: str = ".obj", remarks: Remarks | None = None) -> BuiltModel:
    return build_model(
        RawModel(meshes=meshes),
        path=Path("part").with_suffix(suffix),
        name=f"part{suffix}",
        category="part",
        sha256="0" * 64,
        remarks=remarks or Remarks(),
    )


def soup(mesh: trimesh.Trimesh) -> RawMesh:
    """As STL has it: three vertices for each triangle."""
    corners = np.array(mesh.triangles, np.float64).reshape(-1, 3)
    return RawMesh(positions=corners, faces=np.arange(len(corners)).reshape(-1, 3))


# --- geometry ---------------------------------------------------------------------------


def test_box_gets_flat_normals_and_shares_vertices_on_a_side() -> None:
    primitive = build(soup(CREATE.box((1, 2, 3)))).model.primitives[0]

    assert 24 == len(primitive.positions_m)
    for face in primitive.faces:
        a, b, c = primitive.positions_m[face]
        outward = np.cross(b - a, c - a) / np.linalg.norm(np.cross(b - a, c - a))
        np.testing.assert_allclose(primitive.normals[face], np.tile(outward, (3, 1)), atol=1e-6)


def test_cylinder_is_smooth_around_and_sharp_at_its_rims() -> None:
    mesh = CREATE.cylinder(0.5, 1.0, sections=36)
    primitive = build(soup(mesh)).model.primitives[0]
    points, normals = primitive.positions_m, primitive.normals
    on_cap = np.abs(normals[:, 2]) > 0.5

    np.testing.assert_allclose(np.abs(normals[on_cap, 2]), 1.0, atol=1e-6)
    np.testing.assert_allclose(normals[~on_cap, :2], points[~on_cap, :2] / 0.5, atol=1e-6)
    assert 36 * 2 == (~on_cap).sum()


def test_chamfer_of_45_degrees_stays_sharp_and_rounding_of_30_is_smooth() -> None:
    for n_sides, normals_at_corner in ((8, 2), (12, 1)):
        mesh = CREATE.cylinder(1.0, 1.0, sections=n_sides)
        primitive = build(soup(mesh)).model.primitives[0]
        side = primitive.normals[np.abs(primitive.normals[:, 2]) < 0.5]

        assert normals_at_corner * 2 * n_sides == len(side)


def test_authored_normals_are_kept_and_made_unit_length() -> None:
    mesh = CREATE.icosphere(subdivisions=1)
    slanted = np.array(mesh.vertices) + np.array([0.1, 0.2, 0.0])
    found = build(raw_of(mesh, normals=5.0 * slanted))
    expected = slanted / np.linalg.norm(slanted, axis=1, keepdims=True)

    np.testing.assert_allclose(found.model.primitives[0].normals, expected, atol=1e-6)
    assert () == found.warnings


def test_normals_without_direction_are_computed_with_a_warning() -> None:
    mesh = CREATE.icosphere(subdivisions=3)
    normals = np.array(mesh.vertices)
    normals[7] = 0.0
    found = build(raw_of(mesh, normals=normals))
    primitive = found.model.primitives[0]

    np.testing.assert_allclose(primitive.normals, primitive.positions_m, atol=0.01)
    assert "normals" in found.warnings[0]


def test_positions_that_no_face_uses_may_be_anything() -> None:
    mesh = CREATE.box((1, 1, 1))
    far = np.array([[np.nan, 0, 0], [1e9, 0, 0]])
    raw = raw_of(mesh, positions=np.vstack([mesh.vertices, far]))

    assert 1.0 == build(raw).model.extent_m


BOX = CREATE.box((1, 1, 1))


@pytest.mark.parametrize(
    ("mesh", "reason"),
    [
        (raw_of(BOX, positions=np.where(np.eye(8, 3) > 0, np.nan, BOX.vertices)), "finite, got 3"),
        (raw_of(BOX, positions=np.where(np.eye(8, 3) > 0, np.inf, BOX.vertices)), "finite, got 3"),
        (raw_of(BOX, faces=np.array([[0, 1, 8]])), "vertices 0 to 7, got 8"),
        (raw_of(BOX, faces=np.array([[0, 1, -1]])), "vertices 0 to 7, got -1"),
        (raw_of(BOX, faces=np.array([[0, 1, 1]])), "no triangle that has an area"),
        (raw_of(BOX, positions=np.zeros((8, 3))), "no triangle that has an area"),
        (raw_of(BOX, positions=1e7 * BOX.vertices), "1e-09 to 1e+06 m, got 1e+07 m"),
        (raw_of(BOX, positions=1e-10 * BOX.vertices), "1e-09 to 1e+06 m, got 1e-10 m"),
    ],
)  # fmt: skip
def test_refuses_geometry_that_cannot_be_drawn(mesh: RawMesh, reason: str) -> None:
    with pytest.raises(AssetError, match=r"part\.obj") as told:
        build(mesh)

    assert reason in told.value.reason


def test_degenerate_triangles_are_left_out_and_counted() -> None:
    mesh = CREATE.box((1, 1, 1))
    faces = np.vstack([mesh.faces, [[0, 1, 1], [2, 2, 2]]])
    found = build(raw_of(mesh, faces=faces))

    assert 12 == len(found.model.primitives[0].faces)
    assert "2 degenerate" in found.warnings[0]
    assert found.model.is_closed


def test_meshes_of_one_material_become_one_primitive() -> None:
    red, blue = Material(name="red"), Material(name="blue")
    boxes = [CREATE.box((1, 1, 1)).apply_translation((2 * i, 0, 0)) for i in range(4)]
    looks = [red, blue, red, None]
    model = build(*(raw_of(b, material=m) for b, m in zip(boxes, looks))).model
    centers = [p.positions_m[p.faces].mean(axis=(0, 1))[0] for p in model.primitives]

    assert [red, blue, FINISHES["steel"]] == [p.material for p in model.primitives]
    assert [2.0, 2.0, 6.0] == pytest.approx(centers)
    assert 7.0 == model.extent_m


def test_textures_without_uvs_are_left_out_with_a_warning() -> None:
    image = np.zeros((2, 2, 4), np.uint8)
    material = Material(name="label", base_color_texture=Texture(image=image))
    found = build(raw_of(BOX, material=material))

    assert found.model.primitives[0].material.base_color_texture is None
    assert (
        "materials have textures, and their meshes no UVs; the factors alone are drawn: label",
    ) == found.warnings


def test_a_finish_in_a_side_file_replaces_every_look() -> None:
    colors = np.ones((8, 4))
    raw = raw_of(BOX, material=Material(name="red"), colors=colors)
    primitive = build(raw, remarks=Remarks(finish="brass")).model.primitives[0]

    assert FINISHES["brass"] is primitive.material
    assert primitive.colors is None


# --- closed or not ----------------------------------------------------------------------


def closed_cases() -> dict[str, tuple[list[RawMesh], bool, str]]:
    box = CREATE.box((1, 1, 1))
    flipped = box.faces.copy()
    flipped[0] = flipped[0, ::-1]
    inverted = raw_of(box, faces=box.faces[:, ::-1])
    beside = raw_of(box.copy().apply_translation((3, 0, 0)))
    touching = raw_of(box.copy().apply_translation((1, 1, 1)))
    cut = Material(alpha_mode="mask")
    inner = raw_of(CREATE.box((0.5, 0.5, 0.5)), faces=CREATE.box().faces[:, ::-1])
    five, seven = raw_of(box, faces=box.faces[:5]), raw_of(box, faces=box.faces[5:])
    noisy = soup(box)
    noisy.positions[0] += 1e-10
    return {
        "box": ([raw_of(box)], True, ""),
        "soup": ([soup(box)], True, ""),
        "soup with rounding noise": ([noisy], True, ""),
        "two materials": ([replace(five, material=Material()), seven], True, ""),
        "two boxes": ([raw_of(box), beside], True, ""),
        "boxes at one corner": ([raw_of(box), touching], True, ""),
        "a hole": ([raw_of(box, faces=box.faces[1:])], False, ""),
        "a face turned": ([raw_of(box, faces=flipped)], False, "mixed"),
        "inside out": ([inverted], False, "inside out"),
        "one of two inside out": ([inverted, beside], False, ""),
        "one of two inside out at one corner": ([inverted, touching], False, ""),
        "hollow": ([raw_of(box), inner], False, ""),
        "cut out by alpha": ([raw_of(box, material=cut)], False, ""),
    }  # fmt: skip


@pytest.mark.parametrize("case", list(closed_cases()))
def test_closed_means_that_no_back_face_shows(case: str) -> None:
    meshes, closed, warning = closed_cases()[case]
    found = build(*meshes)

    assert closed == found.model.is_closed
    assert bool(warning) == bool(found.warnings)
    assert all(warning in w for w in found.warnings)


# --- hulls and rest ---------------------------------------------------------------------


@pytest.mark.parametrize("offset", [0.0, 1e5])
def test_hull_of_a_solid_spans_it(offset: float) -> None:
    mesh = CREATE.torus(1.0, 0.3)
    points = np.array(mesh.vertices) + offset
    chosen = points[hull_vertices(points)]
    directions = np.random.default_rng(1).standard_normal((500, 3))

    np.testing.assert_allclose(
        (chosen @ directions.T).max(axis=0), (points @ directions.T).max(axis=0), rtol=1e-12
    )
    assert len(chosen) < len(points)


def test_hull_of_a_sheet_is_its_outline() -> None:
    across = np.stack(np.meshgrid(np.arange(5.0), np.arange(4.0)), axis=-1).reshape(-1, 2)
    turn = Rotation.from_euler("xyz", [0.5, 1.0, 2.0]).as_matrix()
    points = np.pad(across, ((0, 0), (0, 1))) @ turn.T + 7.0

    assert [0, 4, 15, 19] == hull_vertices(points).tolist()
    np.testing.assert_allclose(turn @ [2.0, 1.5, 0.0] + 7.0, hull_centroid(points[[0, 4, 15, 19]]))


def test_odds_of_a_brick_are_the_solid_angles_of_its_sides() -> None:
    """Every side of a box is stable, so its odds are its solid angle: 4 atan(...) / 4 pi."""
    a, b, c = 0.5, 1.0, 1.5  # half sides
    points = np.array(CREATE.box((2 * a, 2 * b, 2 * c)).vertices)
    poses, probs = stable_poses(points, np.zeros(3))
    norm = np.sqrt(a * a + b * b + c * c)
    expected = {
        0: np.arctan(b * c / (a * norm)), 1: np.arctan(a * c / (b * norm)),
        2: np.arctan(a * b / (c * norm)),
    }  # fmt: skip

    assert 6 == len(poses)
    assert (np.diff(probs) <= 1e-12).all()
    for pose, prob in zip(poses, probs):
        axis = int(np.abs(pose[2]).argmax())  # the axis of the box that is vertical
        assert expected[axis] / np.pi == pytest.approx(prob, rel=1e-9)


def _shapes() -> dict[str, trimesh.Trimesh]:
    rng = np.random.default_rng(5)
    return {
        "bracket": bracket(),
        "rod": CREATE.cylinder(0.2, 2.0, sections=8),
        "cone": CREATE.cone(0.5, 1.0, sections=7),
        "wedge": trimesh.convex.convex_hull(rng.standard_normal((9, 3))),
        "pebble": trimesh.convex.convex_hull(rng.standard_normal((30, 3))),
    }


@pytest.mark.parametrize("name", list(_shapes()))
def test_odds_are_those_of_trimesh(name: str) -> None:
    """The same quasi-static model, written by others."""
    mesh = _shapes()[name].convex_hull
    poses, probs = stable_poses(np.array(mesh.vertices), mesh.center_mass)
    transforms, theirs = trimesh.poses.compute_stable_poses(mesh, threshold=0.0)
    down = [-t[2, :3] for t in transforms]

    for pose, prob in zip(poses, probs):
        same = [p for d, p in zip(down, theirs) if d @ -pose[2] > 1 - 1e-6]
        assert sum(same) == pytest.approx(prob, abs=2e-3)


@pytest.mark.parametrize("name", list(_shapes()))
def test_rests_with_its_centre_of_mass_over_the_ground_it_touches(name: str) -> None:
    mesh = _shapes()[name].convex_hull
    poses, probs = stable_poses(np.array(mesh.vertices), mesh.center_mass)

    assert 1.0 == pytest.approx(probs.sum())
    for pose in poses:
        np.testing.assert_allclose(pose @ pose.T, np.eye(3), atol=1e-12)
        turned = mesh.vertices @ pose.T
        center = pose @ mesh.center_mass
        ground = turned[turned[:, 2] < turned[:, 2].min() + 1e-6 * mesh.scale][:, :2]
        assert len(ground) >= 3
        assert Delaunay(ground).find_simplex(center[:2], tol=1e-9) >= 0


def test_a_sheet_rests_on_either_side() -> None:
    poses, probs = stable_poses(np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0.0]]), np.full(3, 0.2))

    assert [0.5, 0.5] == probs.tolist()
    assert [-1.0, 1.0] == sorted(poses[:, 2, 2])
