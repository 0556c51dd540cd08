"""Simplified meshes: how far they are from their models; shadows alone are drawn of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import trimesh
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from render.engine import detail
from render.engine.cpu import shadows
from render.engine.cpu.engine import CpuEngine
from render.engine.detail import Level, level_of, levels_of
from render.engine.meshes import mesh_of
from render.library.models import ModelLibrary
from render.lights.light import Light
from render.scene import Model, Scene
from tests.lit_scenes import MATT, WHITE, camera_at, floor, placed, scene, solid

REAL = (
    ("cad/trimesh", "cycloidal.ply"),
    ("cad/rparak/CAD/OBJ", "T_Joint.obj"),
    ("cad/die", "d6_die_16mm_mm.stl"),
)
N_POINTS = 150
SUN = Light(color=WHITE, intensity=3.0, direction_world=(0.5, 0.3, -1.0), radius_deg=0.3)
LAMP = Light(color=WHITE, intensity=90.0, position_world=(-3.0, -2.0, 4.0), radius_m=0.02)


def bumpy(subdivisions: int = 6, height: float = 0.004) -> Model:
    """A ball of 82,000 faces with shallow waves."""
    mesh = trimesh.creation.icosphere(subdivisions=subdivisions, radius=0.5)
    wave = np.sin(40 * mesh.vertices[:, 0]) * np.sin(40 * mesh.vertices[:, 1])
    mesh.vertices *= 1.0 + height * wave[:, None]
    return solid(mesh, "bumpy", smooth=True)


BUMPY = bumpy()


def surface(points: NDArray[np.float64], faces: NDArray[np.int32]) -> trimesh.Trimesh:
    return trimesh.Trimesh(points.T, faces, process=False)


def points_on(mesh: trimesh.Trimesh) -> NDArray[np.float64]:
    """Corners of faces, and points at random by area."""
    rng = np.random.default_rng(5)
    share = mesh.area_faces / mesh.area_faces.sum()
    chosen = mesh.triangles[rng.choice(len(mesh.faces), N_POINTS, p=share)]
    within = np.einsum("ij,ijk->ik", rng.dirichlet(np.ones(3), N_POINTS), chosen)
    corners = mesh.vertices[np.unique(mesh.faces)]
    return np.concatenate([within, corners[rng.permutation(len(corners))[:N_POINTS]]])


def farthest(points: NDArray[np.float64], mesh: trimesh.Trimesh) -> float:
    """How far the points are from a mesh, at most.

    Faces are left out whose boxes are farther than the nearest vertex.
    """
    triangles = mesh.triangles[mesh.area_faces > 0.0]
    low, high = triangles.min(axis=1), triangles.max(axis=1)
    bound, _ = cKDTree(triangles.reshape(-1, 3)).query(points)
    most = 0.0
    for point, far in zip(points, bound, strict=True):
        if far <= most:
            continue
        outside = np.maximum(np.maximum(low - point, point - high), 0.0)
        near = (outside**2).sum(axis=1) <= far**2 * (1 + 1e-9)
        most = max(most, distances(point, triangles[near]).min(initial=far))
    return float(most)


def distances(point: NDArray[np.float64], triangles: NDArray[np.float64]) -> NDArray[np.float64]:
    """``(N,)`` of a point to ``(N, 3, 3)`` triangles: to their edges, and straight onto them."""
    starts, along = triangles, np.roll(triangles, -1, axis=1) - triangles
    away = point - starts
    share = (away * along).sum(axis=2) / np.maximum((along**2).sum(axis=2), 1e-300)
    beside = away - np.clip(share, 0.0, 1.0)[..., None] * along
    nearest = np.linalg.norm(beside, axis=2).min(axis=1)
    normal = np.cross(along[:, 0], along[:, 1])
    is_in = ((np.cross(along, away) * normal[:, None]).sum(axis=2) >= 0.0).all(axis=1)
    height = np.abs((away[:, 0] * normal).sum(axis=1)) / np.linalg.norm(normal, axis=1)
    return np.asarray(np.where(is_in, np.minimum(nearest, height), nearest))


def assert_within_error(model: Model, level: Level) -> None:
    whole = surface(mesh_of(model).points, mesh_of(model).faces)
    simple = surface(level.points, level.faces)

    there = farthest(points_on(whole), simple)
    back = farthest(points_on(simple), whole)

    assert max(there, back) <= level.error_m
    assert max(there, back) > 0.1 * level.error_m  # it says something


@pytest.mark.parametrize(("folder", "name"), REAL)
def test_real_models_are_within_the_error(folder: str, name: str, shared_data: Path) -> None:
    model = ModelLibrary(shared_data / "models" / folder).load(name)

    levels = levels_of(model)

    assert levels
    for level in {0: levels[0], 1: levels[-1]}.values():
        assert_within_error(model, level)


def test_waves_are_within_the_error_and_fewer_faces_have_larger_ones() -> None:
    coarse = bumpy(5)
    for level in levels_of(coarse)[::3]:
        assert_within_error(coarse, level)
    levels = levels_of(BUMPY)
    errors, counts = [x.error_m for x in levels], [len(x.faces) for x in levels]
    assert sorted(errors) == errors
    assert sorted(counts, reverse=True) == counts
    assert counts[-1] < 0.05 * BUMPY.n_faces


def test_a_closed_surface_stays_closed_and_wound() -> None:
    for level in levels_of(BUMPY):
        simple = surface(level.points, level.faces)

        assert simple.is_watertight
        assert simple.is_winding_consistent
        assert simple.euler_number == 2
        assert simple.volume == pytest.approx(4 / 3 * np.pi * 0.5**3, rel=0.02)


def test_borders_stay_where_they_are() -> None:
    """A sheet with a hole: flat, so that its inside may go at no error at all."""
    side = np.linspace(0.0, 1.0, 101)
    grid = np.stack(np.meshgrid(side, side, indexing="ij"), axis=-1).reshape(-1, 2)
    i, j = np.indices((100, 100)).reshape(2, -1)
    i, j = i[~((i > 40) & (i < 60) & (j > 40))], j[~((i > 40) & (i < 60) & (j > 40))]
    a, b, c, d = ((i + di) * 101 + j + dj for di, dj in ((0, 0), (1, 0), (1, 1), (0, 1)))
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
    mesh = trimesh.Trimesh(np.column_stack([grid, 0 * grid[:, 0]]), faces, process=False)

    *_, level = levels_of(solid(mesh, "sheet", smooth=True))

    simple = surface(level.points, level.faces)
    assert len(level.faces) < 0.2 * len(faces)
    assert simple.area == pytest.approx(mesh.area, rel=1e-12)


def test_levels_are_the_same_each_time() -> None:
    for one, other in zip(levels_of(bumpy(5)), levels_of(bumpy(5)), strict=True):
        assert one.points.tobytes() == other.points.tobytes()
        assert one.faces.tobytes() == other.faces.tobytes()
        assert one.error_m == other.error_m


def test_the_limit_chooses_the_level() -> None:
    levels = levels_of(BUMPY)

    assert level_of(BUMPY, 0.99 * levels[0].error_m) is None
    assert level_of(BUMPY, levels[1].error_m) is levels[1]
    assert level_of(BUMPY, 1.0) is levels[-1]
    assert level_of(bumpy(4), 1.0) is None  # 5,120 faces


def shown(lights: tuple[Light, ...]) -> Scene:
    """Three balls, each about 100 pixels long, over a floor."""
    eye = (0.0, -4.0, 3.0)
    bodies = placed(
        (BUMPY, (-1.1, 0.0, 0.6), 1.0, MATT),
        (BUMPY, (0.1, 0.3, 1.1), 1.1, MATT),
        (BUMPY, (1.2, -0.4, 0.5), 0.9, MATT),
    )
    return scene(
        camera_at(eye, (0.0, 0.0, 0.4), size_wh=(480, 360)), bodies, lights, surfaces=(floor(),)
    )


def full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shadows, "level_of", lambda *_: None)


@pytest.mark.parametrize("light", [SUN, LAMP], ids=["sun", "lamp"])
def test_labels_never_change_and_shadows_hardly(
    light: Light, monkeypatch: pytest.MonkeyPatch
) -> None:
    room, engine = shown((light,)), CpuEngine()
    simple, outlines = (
        engine.render(room, with_faces=True),
        engine.silhouettes(room, room.instances),
    )
    full(monkeypatch)
    again = replace(room)  # of the same scene twice the ids would be found once
    whole = engine.render(again, with_faces=True)
    others = engine.silhouettes(again, room.instances)

    assert simple.instance_idx.tobytes() == whole.instance_idx.tobytes()
    assert simple.depth_m.tobytes() == whole.depth_m.tobytes()
    assert simple.faces is not None
    assert whole.faces is not None
    assert simple.faces.tobytes() == whole.faces.tobytes()
    for one, other in zip(outlines, others, strict=True):
        assert (one.x0, one.y0) == (other.x0, other.y0)
        assert one.mask.tobytes() == other.mask.tobytes()
    off = np.abs(simple.radiance - whole.radiance)[..., 1] / whole.radiance.max()
    assert off.max() > 0.0  # they are drawn at all
    assert off.mean() < 2e-4
    assert (off > 0.1).mean() < 2e-4


def test_what_faces_the_light_does_not_shade_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    room = shown((SUN,))
    simple = CpuEngine().render(room).radiance[..., 1]
    full(monkeypatch)
    whole = CpuEngine().render(room).radiance[..., 1]

    darker = (whole - simple) / whole.max()
    assert darker[CpuEngine().render(room).instance_idx >= 0].max() < 0.02


@pytest.mark.parametrize("mode", ["mask", "blend"])
def test_what_is_cut_out_or_see_through_is_drawn_whole(
    mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = shown((SUN,))
    material = replace(MATT, alpha_mode=mode)
    bodies = tuple(replace(i, materials=(material,)) for i in room.instances)
    simple = CpuEngine().render(replace(room, instances=bodies)).radiance
    full(monkeypatch)
    whole = CpuEngine().render(replace(room, instances=bodies)).radiance

    assert simple.tobytes() == whole.tobytes()


def test_near_ones_are_drawn_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a fifth of a pixel is less than the finest level's error, none is made."""
    monkeypatch.setattr(detail, "levels_of", lambda _: pytest.fail("levels were made"))
    close = placed((bumpy(6, 0.003), (0.0, 0.0, 0.5), 1.0, MATT))
    camera = camera_at((0.0, -0.8, 0.5), (0.0, 0.0, 0.5), size_wh=(960, 720))

    CpuEngine().render(scene(camera, close, (SUN,), surfaces=(floor(),)))
