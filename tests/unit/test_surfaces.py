"""Ground, walls and caught shadows: in depth, in no mask, and no more than they should be."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import trimesh
from numpy.typing import NDArray

from render.assembly.scene import assemble
from render.engine.base import AbstractEngine
from render.lights.light import Light
from render.placement.place import place
from render.scene import Material, Scene
from render.sensor.tone import display_of_radiance, radiance_of_display
from tests.hand_made import HandMadeAssets, mesh_of, theta_of
from tests.lit_scenes import (
    BALL,
    BOX,
    MATT,
    WHITE,
    beside_objects,
    camera_at,
    environment_of,
    floor,
    placed,
    points_world,
    scene,
)

ASSETS = HandMadeAssets()
KINDS = ("floor", "room", "tabletop")
SUN = Light(color=WHITE, intensity=0.8, direction_world=(1.0, 0.2, -1.2))
FILL = 0.3  # from everywhere


def scene_on(kind: str, n: int = 1, frame_idx: int = 0, **groups: Any) -> Scene:
    leaves = {
        "background": {"kind": kind},
        "camera": {"size_wh": (160.0, 120.0)},
        "objects": {"arrangement": "surface", "orientation": ("stable",) * n},
    }
    for group, more in groups.items():
        leaves[group] = leaves.get(group, {}) | more
    theta = theta_of(n, **leaves)
    placement = place(theta, ASSETS, seed=3, frame_idx=frame_idx, attempt=0)
    return assemble(theta, placement, ASSETS)


def vertices_world(shown: Scene) -> NDArray[np.float64]:
    """All vertices of all instances."""
    parts = []
    for i in shown.instances:
        p = np.asarray(mesh_of(i.model).vertices) * i.scale
        parts.append(p @ i.T_world_obj[:3, :3].T + i.T_world_obj[:3, 3])
    return np.concatenate(parts)


def rays_world(shown: Scene) -> NDArray[np.float64]:
    """``(H, W, 3)``; their depth is 1."""
    width, height = shown.camera.size_wh
    v, u = np.mgrid[0:height, 0:width].astype(np.float64)
    rays = np.dstack([u, v, np.ones_like(u)]) @ np.linalg.inv(shown.camera.K).T
    return np.asarray(rays @ shown.camera.T_world_cam[:3, :3].T)


@pytest.mark.parametrize("kind", KINDS)
def test_surfaces_are_in_depth_and_in_no_mask(engine: AbstractEngine, kind: str) -> None:
    shown = scene_on(kind)
    buffers = engine.render(shown)
    assert set(np.unique(buffers.instance_idx)) == {-1, 0}
    bare = engine.render(replace(shown, surfaces=()))
    np.testing.assert_array_equal(buffers.instance_idx, bare.instance_idx)
    on_object = buffers.instance_idx == 0
    np.testing.assert_array_equal(buffers.depth_m[on_object], bare.depth_m[on_object])
    assert (bare.depth_m[~on_object] == 0).all()
    assert (buffers.depth_m[~on_object] > 0).mean() > 0.3


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n", [1, 4])
def test_depth_of_the_ground_is_that_of_the_plane_under_the_objects(
    engine: AbstractEngine, kind: str, n: int
) -> None:
    shown = scene_on(kind, n, viewpoint={"elevation_deg": 50.0, "roll_deg": 12.0})
    buffers = engine.render(shown)
    lowest = vertices_world(shown)[:, 2].min()
    extent = shown.instances[0].model.extent_m
    eye = shown.camera.T_world_cam[:3, 3]
    depth = (lowest - eye[2]) / rays_world(shown)[..., 2]
    at = eye + depth[..., None] * rays_world(shown)
    near = np.linalg.norm(at[..., :2], axis=2) < extent  # table, floor and room reach that far
    ground = near & (buffers.instance_idx == -1) & (depth > 0)
    assert ground.sum() > 300
    # A gap that keeps the ground from showing through is a ten thousandth of the extent.
    np.testing.assert_allclose(buffers.depth_m[ground], depth[ground], rtol=2e-4)


def test_ground_lies_below_whatever_floats(engine: AbstractEngine) -> None:
    for frame in range(5):
        shown = scene_on(
            "floor", 3, frame,
            objects={"arrangement": "scatter", "orientation": ("so3",) * 3},
        )  # fmt: skip
        lowest = vertices_world(shown)[:, 2].min()
        (ground,) = shown.surfaces
        gap = lowest - ground.T_world_obj[2, 3]
        assert 0 < gap < 1e-3 * shown.instances[0].model.extent_m
        buffers = engine.render(shown)
        # Nothing of the objects is lost to it.
        bare = engine.render(replace(shown, surfaces=()))
        np.testing.assert_array_equal(buffers.instance_idx, bare.instance_idx)


def test_floor_reaches_the_horizon_and_a_room_has_walls_all_around(
    engine: AbstractEngine,
) -> None:
    shown = scene_on("floor", viewpoint={"elevation_deg": 5.0})
    depth = engine.render(shown).depth_m
    below = rays_world(shown)[..., 2] < -0.03
    assert (depth[below] > 0).all()
    for azimuth in (0.0, 90.0, 200.0):
        room = scene_on("room", viewpoint={"elevation_deg": 12.0, "azimuth_deg": azimuth})
        buffers = engine.render(room)
        assert (buffers.depth_m > 0).all()
        # A wall stands between the camera and the room; only its front is there.
        assert (buffers.instance_idx == 0).sum() > 50


def test_table_ends_and_the_environment_is_behind_it(engine: AbstractEngine) -> None:
    shown = scene_on("tabletop", viewpoint={"elevation_deg": 20.0})
    buffers = engine.render(shown)
    nothing = buffers.depth_m == 0
    assert nothing[:5].mean() > 0.8
    rays = rays_world(shown)
    sky = ASSETS.environments["sky.hdr"].radiance[..., 1]
    high = nothing & (rays[..., 2] > 0.1)
    if high.any():
        np.testing.assert_allclose(buffers.radiance[high, 1], sky[0, 0], rtol=1e-3)


def test_floor_seen_from_below_is_not_there(engine: AbstractEngine) -> None:
    backdrop = np.full((120, 160, 3), 0.4, np.float32)
    shown = scene(
        camera_at((2.0, 0.0, -3.0)), placed((BALL, (0, 0, 1.0), 0.5, MATT)), (SUN,),
        surfaces=(floor(),), ambient=FILL, backdrop=backdrop,
    )  # fmt: skip
    buffers = engine.render(shown)
    off = buffers.instance_idx == -1
    assert (buffers.depth_m[off] == 0).all()
    assert (buffers.radiance[70:] == np.float32(0.4)).all()
    assert (buffers.instance_idx == 0).sum() > 300
    for kind in KINDS:
        engine.render(scene_on(kind, viewpoint={"elevation_deg": -40.0}))


def catching(
    tone: str, *, catches: bool, lights: tuple[Light, ...] = (SUN,), ambient: float = FILL
) -> Scene:
    rng = np.random.default_rng(0)
    photo = rng.integers(0, 256, (120, 160, 3)).astype(np.uint8)
    ground = (floor(catches=True),) if catches else ()
    return scene(
        camera_at((-1.0, -3.0, 2.5), (0.4, 0, 0.2)), placed((BOX, (0, 0, 0.505), 1.0, MATT)),
        lights, surfaces=ground, ambient=ambient, backdrop=radiance_of_display(photo, tone),
    )  # fmt: skip


@pytest.mark.parametrize("tone", ["linear", "filmic", "agx"])
def test_catcher_darkens_the_photo_in_shadow_alone(engine: AbstractEngine, tone: str) -> None:
    with_shadow, plain = catching(tone, catches=True), catching(tone, catches=False)
    caught, photo = engine.render(with_shadow), engine.render(plain)
    np.testing.assert_array_equal(caught.depth_m, photo.depth_m)
    np.testing.assert_array_equal(caught.instance_idx, photo.instance_idx)
    rays = rays_world(plain)
    eye = plain.camera.T_world_cam[:3, 3]
    at = eye - eye[2] / rays[..., 2:] * rays
    # The ray from the floor to the sun passes the box, or is far from it.
    steps = np.linspace(0.0, 1.6, 200)
    towards = -np.array(SUN.direction_world) / 1.2
    path = at[..., None, :2] + steps[:, None] * towards[:2]
    size = np.where(steps[:, None] < 1.0, 0.5, -1.0)
    inside = (size - np.abs(path)).min(axis=-1).max(axis=-1)
    on_photo = (caught.instance_idx == -1) & (rays[..., 2] < 0)
    on_photo &= ~beside_objects(caught.instance_idx)
    shadow, free = on_photo & (inside > 0.04), on_photo & (inside < -1.2)
    assert shadow.sum() > 200
    before = display_of_radiance(photo.radiance, tone).astype(int)
    after = display_of_radiance(caught.radiance, tone).astype(int)
    middle = ((before > 60) & (before < 250)).all(axis=2)
    assert (after[shadow & middle] < before[shadow & middle]).all()
    # The sun gives 0.8 / sqrt(1 + 0.04 + 1.44) * 1.2 = 0.61 of 0.91; the rest is open sky.
    kept = caught.radiance[shadow & middle] / photo.radiance[shadow & middle]
    assert np.median(kept) == pytest.approx(0.3 / 0.91, abs=0.12)
    assert free.sum() > 2000
    assert np.abs(after - before)[free].max() <= 2
    above = rays[..., 2] > 0.02
    np.testing.assert_array_equal(after[above], before[above])


def test_catcher_without_instances_or_lights_leaves_the_photo(engine: AbstractEngine) -> None:
    shown = replace(catching("linear", catches=True), instances=())
    buffers = engine.render(shown)
    np.testing.assert_allclose(buffers.radiance, shown.backdrop, rtol=2e-3, atol=1e-5)
    assert (buffers.depth_m == 0).all()
    dark = catching("linear", catches=True, lights=(), ambient=0.0)
    assert np.isfinite(engine.render(dark).radiance).all()


def test_catcher_comes_with_photographs_when_asked_and_not_with_surfaces() -> None:
    for kind, asked, expected in [
        ("photo", True, [True]),
        ("photo", False, []),
        ("color", True, [True]),
        ("floor", True, [False]),
    ]:
        shown = scene_on(kind, background={"kind": kind, "catch_shadows": asked})
        assert [s.catches_shadows for s in shown.surfaces] == expected


def test_ground_is_darker_under_a_box_that_hides_the_sky(engine: AbstractEngine) -> None:
    even = environment_of(np.ones((32, 64, 3), np.float32))
    dull = Material(base_color=(0.2, 0.2, 0.2, 1.0), roughness=1.0)
    shown = scene(
        camera_at((0.0, -5.0, 4.0), (0.0, -1.0, 0.0)), placed((BOX, (0, 0, 0.5), 1.0, dull)),
        surfaces=(floor(material=dull),), environment=even,
    )  # fmt: skip
    buffers = engine.render(shown)
    points = points_world(shown, buffers)
    ground = (buffers.instance_idx == -1) & (buffers.depth_m > 0) & (np.abs(points[..., 0]) < 0.3)
    front = -0.5 - points[..., 1]
    contact = buffers.radiance[ground & (front > 0.0) & (front < 0.08), 1].mean()
    near = buffers.radiance[ground & (front > 0.3) & (front < 0.5), 1].mean()
    far = buffers.radiance[ground & (front > 1.3) & (front < 3.0), 1].mean()
    # At the foot of a high wall half of the sky is hidden.
    assert 0.35 < contact / far < 0.85
    assert contact < near <= far * 1.02


def test_texture_and_color_of_the_surface(engine: AbstractEngine) -> None:
    red = scene_on("floor", background={"kind": "floor", "surface_color": (255.0, 0.0, 0.0)})
    buffers = engine.render(red)
    ground = (buffers.instance_idx == -1) & (buffers.depth_m > 0)
    r, g, _ = buffers.radiance[ground].mean(axis=0)
    assert r > 5 * g


def test_texture_lies_on_the_ground_tile_by_tile(engine: AbstractEngine) -> None:
    halves = np.zeros((64, 64, 3), np.uint8)
    halves[:32, :, 0], halves[32:, :, 1] = 255, 255  # red, then green
    ASSETS.textures["halves.png"] = halves
    white = {"surface_color": (255.0, 255.0, 255.0)}
    bare = engine.render(scene_on("floor", background=white))
    tiled = {"surface_texture": "halves.png", "surface_size": 2.0}
    shown = scene_on("floor", background=white | tiled)
    buffers = engine.render(shown)

    (surface,) = shown.surfaces
    tile_m = surface.material.triplanar_size_m * surface.scale
    ground = (buffers.instance_idx == -1) & (buffers.depth_m > 0)
    red, green, _ = (buffers.radiance[ground] / bare.radiance[ground]).T
    sure = np.abs(red - green) > 0.5  # all but pixels that a border crosses
    along = points_world(shown, buffers)[ground][:, 1] / tile_m
    assert sure.mean() > 0.95
    assert np.ptp(along) > 4.0
    np.testing.assert_array_equal((red > green)[sure], (along % 1.0 < 0.5)[sure])
    # What a dielectric reflects has the colour of the light, whatever lies under it.
    np.testing.assert_allclose(np.median(np.maximum(red, green)), 1.0, atol=0.01)
    assert np.median(np.minimum(red, green)) < 0.05


def test_edge_of_a_tile_is_in_extents_of_the_principal_target() -> None:
    for size in (1.0, 4.0):
        shown = scene_on("floor", background={"surface_texture": "wood.png", "surface_size": size})
        (ground,) = shown.surfaces
        tile = ground.material.triplanar_size_m * ground.scale
        assert tile == pytest.approx(size * shown.instances[0].model.extent_m)


def test_surface_of_any_material_is_a_picture(engine: AbstractEngine) -> None:
    mirror = Material(base_color=(1, 1, 1, 1), metallic=1.0, roughness=0.0)
    env = environment_of(np.ones((32, 64, 3), np.float32))
    ring = placed((BALL, (0, 0, 0.5), 0.5, mirror))
    shown = scene(
        camera_at((2.0, -2.0, 1.0)), ring, (SUN,), surfaces=(floor(material=mirror),),
        environment=env, backdrop=env,
    )  # fmt: skip
    radiance = engine.render(shown).radiance
    assert np.isfinite(radiance).all()
    assert (radiance >= 0).all()


def test_hand_made_hulls_are_those_of_their_meshes() -> None:
    # The oracle of these tests is the mesh, not the hull that the subject sees.
    for model in ASSETS.models.values():
        hull = trimesh.convex.convex_hull(mesh_of(model))
        np.testing.assert_allclose(hull.bounds, model.bounds_m, atol=1e-12)
