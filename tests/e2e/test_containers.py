"""Bins, trays, belts and shelves: what they hold is within them, apart, and exactly labelled."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
import trimesh
from numpy.typing import NDArray

import render
from render.engine.cpu.engine import CpuEngine
from render.errors import ConfigError
from render.plan import Plan
from render.report.verify.dataset import verify
from render.theta import Placement
from tests.e2e.cli import run_module
from tests.oracle.compare import edge_of
from tests.oracle.flatten import rays_of

NAMES = ("bin", "conveyor", "shelf", "tray")
MOST_POINTS = 150  # of one body that are looked at closely in another
WORDS = ("models=[bolt,die,mug]", "camera.size_wh=[160,120]", "engine=cpu", "workers=1")


def plan_of(name: str, *words: str) -> Plan:
    if name == "bin" and any(importlib.util.find_spec(n) is None for n in ("mujoco", "coacd")):
        pytest.skip("needs the extra `pile`")
    return render.compose(f"objects={name}", *WORDS, *words)


def boxes_of(placement: Placement) -> NDArray[np.float64]:
    """``(B, 2, 3)`` lowest and highest corner of each box of the container."""
    numbers = np.array(placement.container_m)
    return np.stack([numbers[:, :3] - numbers[:, 3:], numbers[:, :3] + numbers[:, 3:]], axis=1)


def meshes_of(plan: Plan, placement: Placement) -> list[trimesh.Trimesh]:
    """The mesh of each body in the world."""
    found = []
    for placed in placement.instances:
        model = plan.assets.model(placed.model)
        parts = [trimesh.Trimesh(p.positions_m, p.faces, process=False) for p in model.primitives]
        mesh = trimesh.util.concatenate(parts)
        mesh.apply_scale(placed.scale)
        mesh.apply_transform(np.reshape(placed.T_world_obj, (4, 4)))
        found.append(mesh)
    return found


def winds_around(mesh: trimesh.Trimesh, points: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether each point is inside, by the solid angles of all faces."""
    inside = []
    for point in points:
        a, b, c = np.moveaxis(mesh.triangles - point, 1, 0)
        la, lb, lc = (np.linalg.norm(v, axis=1) for v in (a, b, c))
        top = np.einsum("ij,ij->i", a, np.cross(b, c))
        low = la * lb * lc + (a * b).sum(1) * lc + (b * c).sum(1) * la + (c * a).sum(1) * lb
        inside.append(2 * np.arctan2(top, low).sum() > 2 * np.pi)
    return np.array(inside, bool)


def deepest_m(points: NDArray[np.float64], mesh: trimesh.Trimesh, allowed_m: float) -> float:
    """How deep points are inside a mesh; of those deeper than allowed in its convex hull."""
    points = points[((points > mesh.bounds[0]) & (points < mesh.bounds[1])).all(axis=1)]
    if not len(points):
        return 0.0
    hull = mesh.convex_hull
    planes = np.c_[hull.face_normals, -(hull.triangles[:, 0] * hull.face_normals).sum(axis=1)]
    beyond = (points @ planes[:, :3].T + planes[:, 3]).max(axis=1)
    likely = np.argsort(beyond)[: min(np.count_nonzero(beyond < -allowed_m), MOST_POINTS)]
    inside = points[likely][winds_around(mesh, points[likely])]
    deepest = 0.0
    for point in inside:
        same = np.tile(point, (len(mesh.faces), 1))
        nearest = trimesh.triangles.closest_point(mesh.triangles, same)
        deepest = max(deepest, float(np.linalg.norm(nearest - point, axis=1).min()))
    return deepest


@pytest.mark.parametrize("name", NAMES)
def test_labels_are_those_of_the_ray_caster_and_the_container_has_none(name: str) -> None:
    plan = plan_of(name, "background=color", "occlusion=none", "camera=default")
    scene = plan.scene(1)
    with CpuEngine() as engine:
        buffers = engine.render(scene)
    cast, depth_m = rays_of(scene).image(0, 0, scene.camera.size_wh)

    (container,) = [i for i in scene.instances if i.role == "fixture"]
    is_container = cast == container.instance_idx
    expected = np.where(is_container, -1, cast)
    differ = buffers.instance_idx != expected
    inner = ~edge_of(cast)
    assert is_container.sum() > 2000
    assert not (differ & inner).any()
    assert differ.sum() <= 3
    same = inner & (cast >= 0)
    np.testing.assert_allclose(buffers.depth_m[same], depth_m[same], rtol=2e-4)
    assert (buffers.instance_idx.max() + 1) == container.instance_idx  # all others are targets


@pytest.mark.parametrize("name", NAMES)
def test_targets_are_within_and_apart(name: str) -> None:
    plan = plan_of(name, "occlusion=none", "objects.count=7")
    for frame_idx in range(2):
        theta, placement, _ = plan.draw(frame_idx)
        meshes, boxes = meshes_of(plan, placement), boxes_of(placement)

        assert len(meshes) == theta.objects.count
        low, high = boxes[:, 0].min(axis=0), boxes[:, 1].max(axis=0)
        for mesh in meshes:
            extent = float(mesh.bounding_box_oriented.primitive.extents.max())
            allowed = max(1e-4, 5e-3 * extent)
            points = np.concatenate([mesh.vertices, mesh.triangles_center])
            for box_low, box_high in boxes:
                depth = np.minimum(points - box_low, box_high - points).min(axis=1).max()
                assert depth <= allowed
            # Between the walls up to their height; no part of it is beyond them lower down.
            if name != "bin":
                assert (points >= low - 1e-9)[:, :2].all()
                assert (points <= high + 1e-9)[:, :2].all()
            middle = points.mean(axis=0)
            assert (middle[:2] > low[:2]).all()
            assert (middle[:2] < high[:2]).all()
            assert points[:, 2].min() >= boxes[0, 1, 2] - allowed
        for a, b in permutations(meshes, 2):
            allowed = max(1e-4, 5e-3 * min(a.extents.max(), b.extents.max()))
            assert deepest_m(np.asarray(a.vertices), b, allowed) <= allowed


@pytest.mark.parametrize("name", ["conveyor", "shelf", "tray"])
def test_what_stands_touches_the_board_under_it(name: str) -> None:
    plan = plan_of(name, "occlusion=none")
    _, placement, _ = plan.draw(0)
    tops = boxes_of(placement)[:, 1, 2]
    for mesh in meshes_of(plan, placement):
        gap = float(mesh.bounds[0, 2]) - tops
        assert 0 <= gap[gap > -1e-9].min() < 2e-4 * mesh.scale


@pytest.mark.parametrize("name", NAMES)
def test_all_of_it_is_in_the_picture(name: str) -> None:
    plan = plan_of(name)
    for frame_idx in range(6):
        _, placement, _ = plan.draw(frame_idx)
        boxes = boxes_of(placement)
        if name == "conveyor":  # the belt goes on: all that stands on it is seen
            boxes = np.array([mesh.bounds for mesh in meshes_of(plan, placement)])
        points = np.concatenate(
            [np.stack(np.meshgrid(*box.T), axis=-1).reshape(-1, 3) for box in boxes]
        )
        T = np.linalg.inv(np.reshape(placement.T_world_cam, (4, 4)))
        uvw = (points @ T[:3, :3].T + T[:3, 3]) @ np.reshape(placement.K, (3, 3)).T
        uv = uvw[:, :2] / uvw[:, 2:]
        assert (uv >= -0.5 - 1e-6).all()
        assert (uv <= np.array(placement.size_wh) - 0.5 + 1e-6).all()
        assert np.ptp(uv / np.array(placement.size_wh), axis=0).max() > 0.5


def test_nine_of_ten_drops_into_a_bin_are_kept() -> None:
    plan = plan_of("bin")
    rejections: list[str] = []
    for frame_idx in range(20):
        rejections += plan.draw(frame_idx)[2]

    assert len(rejections) <= 2


@pytest.mark.parametrize("name", NAMES)
def test_table_is_as_large_as_what_stands_on_it(name: str) -> None:
    plan = plan_of(name, "background=tabletop")
    scene = plan.scene(0)
    _, placement, _ = plan.draw(0)
    boxes = boxes_of(placement)
    top = scene.surfaces[0]
    half, middle = top.scale, top.T_world_obj[:3, 3]

    assert (np.abs(boxes[..., :2] - middle[:2]) <= half).all()
    assert middle[2] == pytest.approx(boxes[..., 2].min(), abs=1e-3 * half)


def test_table_is_as_large_as_a_fixture_on_it(tmp_path: Path) -> None:
    trimesh.creation.box((1.6, 1.2, 0.1)).export(tmp_path / "bench.stl")
    (tmp_path / "bench.yaml").write_text("unit: m\nup: z\n")
    plan = render.compose(
        "objects=single", "models=[die]", "occlusion=none", "background=tabletop", *WORDS[1:],
        "camera.T_world_cam=[1,0,0,0,0,-1,0,0,0,0,-1,0.6,0,0,0,1]",
        "objects.region_m=[-0.05,0.05,-0.05,0.05,0.05,0.1]", f"assets.fixtures_dir={tmp_path}",
        "fixtures=[{model:bench,T_world_obj:[1,0,0,0,0,1,0,0,0,0,1,0,0,0,0,1]}]",
    )  # fmt: skip
    top = plan.scene(0).surfaces[0]
    edge = np.abs(np.array([[0.8, 0.6], [-0.8, -0.6]]) - top.T_world_obj[:2, 3])

    assert (edge <= top.scale).all()


@pytest.mark.parametrize("name", NAMES)
def test_dataset_verifies_and_replays(name: str, tmp_path: Path) -> None:
    words = ("n_frames=2", "output.depth=true", "occlusion=distractors")
    render.write(plan_of(name, *words), tmp_path / "data")

    assert verify(tmp_path / "data").findings.problems == 0
    if name not in ("bin", "shelf"):  # a process takes its time; the others are placed likewise
        return
    replayed = run_module("render.replay", str(tmp_path / "data"), "1", cwd=tmp_path)
    assert replayed.returncode == 0, replayed.stdout + replayed.stderr
    assert "byte for byte" in replayed.stdout


# Bad input.


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("shelf", "objects.orientation=so3"), "objects.orientation must be stable, upright or"),
        (("bin", "objects.container_size=0.5"), "objects.container_size must lie in 1 to 20"),
        (
            ("tray", "camera.T_world_cam=[1,0,0,0,0,-1,0,0,0,0,-1,0.6,0,0,0,1]",
             "objects.region_m=[-0.1,0.1,-0.1,0.1,0,0.1]"),
            "objects.arrangement=tray must not be used where camera.T_world_cam",
        ),
    ],
)  # fmt: skip
def test_bad_input_is_named_before_the_first_frame(words: Sequence[str], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        plan_of(*words).try_first_frame()
    assert message in str(caught.value)
