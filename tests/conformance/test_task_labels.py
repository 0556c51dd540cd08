"""Keypoints' sights and per-pixel maps against the ray caster that shares no code with them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import trimesh
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from render.buffers import Buffers
from render.engine.base import AbstractEngine
from render.geometry.frames import inverse_rigid
from render.geometry.projection import project
from render.labels.labeller import LabelFilters, label
from render.labels.sight import sights
from render.labels.surface_maps import nocs_map, normal_map, part_map
from render.labels.tasks import TaskLabeller
from render.library.annotations import Annotations
from render.scene import Scene
from render.system.paths import find_assets
from tests.hand_made import model_of
from tests.oracle.flatten import rays_of, triangles_of
from tests.oracle.hand_scenes import place
from tests.oracle.raycast import Rays
from tests.oracle.scenes import Case, hand_made_cases, library_cases
from tests.oracle.staging import scene_around, view

CASES = [*hand_made_cases(), *library_cases("starter", find_assets("models"))]
# Points this near to a surface in front of them, in extents, are on it or not by rounding.
_NEAR_SURFACE = 2e-3


def surface_points(scene: Scene, idx: int, count: int) -> NDArray[np.float64]:
    """Corners and face centres of an instance's model, object frame."""
    rng = np.random.default_rng(idx)
    model = scene.instances[idx].model
    points = np.concatenate(
        [p.positions_m[p.faces].mean(axis=1) for p in model.primitives]
        + [p.positions_m for p in model.primitives]
    )
    return points[rng.integers(0, len(points), count)]


@pytest.mark.parametrize("case", [pytest.param(c, id=c.name) for c in CASES])
def test_sights_are_those_of_the_ray_caster(case: Case) -> None:
    scene = case.build()
    rays, camera = rays_of(scene), scene.camera
    T_cam_world = np.linalg.inv(camera.T_world_cam)
    judged = 0
    for instance in scene.instances[:12]:
        points = surface_points(scene, instance.instance_idx, 12)
        found = sights(points, instance, scene)
        T = T_cam_world @ instance.T_world_obj
        cam = (instance.scale * points) @ T[:3, :3].T + T[:3, 3]
        extent = instance.scale * instance.model.extent_m
        for point, sight in zip(cam, found, strict=True):
            wanted = _sight(point, instance.instance_idx, extent, rays, scene)
            if wanted is not None:
                judged += 1
                assert sight == wanted, (instance.model.name, point)
    assert judged > 0


def _sight(
    place: NDArray[np.float64], idx: int, extent_m: float, rays: Rays, scene: Scene
) -> str | None:
    """By all surfaces on the point's ray; None where rounding decides."""
    camera = scene.camera
    if place[2] < camera.near_m:
        return "outside"
    u, v = (place / place[2] @ camera.K.T)[:2]
    w, h = camera.size_wh
    if not (-0.5 <= u < w - 0.5 and -0.5 <= v < h - 0.5):
        return "outside"
    owners, depths = rays.pierced(u, v, rays.near(u, v, 0.0))
    before = place[2] - depths
    # Along the ray, not along the axis.
    before = before * float(np.linalg.norm(place) / place[2])
    own, others = before[owners == idx], before[owners != idx]
    if (np.abs(own - 1e-3 * extent_m) < 0.9e-3 * extent_m).any():
        return None
    if (np.abs(others) < _NEAR_SURFACE * extent_m).any():
        return None
    if (own > 1e-3 * extent_m).any():
        return "self_occluded"
    return "occluded" if (others > 0).any() else "visible"


@pytest.mark.parametrize("case", [pytest.param(c, id=c.name) for c in CASES])
def test_maps_are_those_of_the_ray_caster(engine: AbstractEngine, case: Case) -> None:
    scene = case.build()
    buffers = engine.render(scene, with_faces=True)
    known = Annotations()
    camera = scene.camera
    maps = (
        normal_map(scene, buffers),
        nocs_map(scene, buffers, known),
        part_map(scene, buffers, known),
    )

    triangles = triangles_of(scene)
    owner = triangles.owner.copy()
    object.__setattr__(triangles, "owner", np.arange(len(owner), dtype=np.int32))
    rays = type(rays_of(scene))(triangles, camera.K, near_m=camera.near_m, far_m=camera.far_m)
    face, depth = rays.image(0, 0, camera.size_wh)
    # Where two faces coincide, and on their edges, each renderer may take another one.
    same = (face >= 0) & (face == _global_faces(scene, buffers))

    assert same.sum() >= 0.95 * (buffers.instance_idx >= 0).sum()
    assert (owner[face[same]] == buffers.instance_idx[same]).all()
    _check_normals(maps[0], face, same, scene, triangles.corners_cam)
    _check_nocs(maps[1], depth, same, scene, buffers.instance_idx)
    _check_parts(maps[2], face, same, scene, known)
    for one in maps:
        seen = one if one.ndim == 2 else one.all(axis=2)
        assert ((seen > 0) >= (buffers.instance_idx >= 0)).all()


def _global_faces(scene: Scene, buffers: Buffers) -> NDArray[np.int64]:
    """``(H, W)``: number of the face that the engine shows, in the oracle's order; -1: none."""
    assert buffers.faces is not None
    found = np.full(buffers.depth_m.shape, -1, np.int64)
    first = 0
    for instance in scene.instances:
        for k, primitive in enumerate(instance.model.primitives):
            here = (buffers.faces[..., :2] == (instance.instance_idx, k)).all(axis=2)
            found[here] = first + buffers.faces[here][:, 2]
            first += len(primitive.faces)
    return found


def _check_normals(
    coded: NDArray[np.uint16],
    face: NDArray[np.int32],
    same: NDArray[np.bool_],
    scene: Scene,
    corners: NDArray[np.float64],
) -> None:
    """Unit length, facing the camera, and near the triangle's own where its corners' agree."""
    normals = coded[same].astype(np.float64) * 2 / 65535 - 1
    a, b, c = (corners[face[same], k] for k in range(3))
    flat = np.cross(b - a, c - a)
    flat /= np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-300)
    away = flat * np.sign(-(flat * a).sum(axis=1, keepdims=True))
    angles = []
    T_cam_world = inverse_rigid(scene.camera.T_world_cam)
    for instance in scene.instances:
        R = (T_cam_world @ instance.T_world_obj)[:3, :3]
        for p in instance.model.primitives:
            angles.append((p.normals[p.faces] @ R.T).reshape(-1, 9))
    vertex = np.concatenate(angles)[face[same]].reshape(-1, 3, 3)
    # Where all corners have the face's own normal, the pixel has it as well.
    is_flat = (np.abs((vertex * flat[:, None]).sum(axis=2)) > 1 - 1e-6).all(axis=1)

    assert np.abs(np.linalg.norm(normals, axis=1) - 1).max() < 1e-4
    assert (normals[is_flat] * away[is_flat]).sum(axis=1).min(initial=1.0) > 1 - 1e-4
    # And everywhere on the side of its face that is seen.
    assert (normals * away).sum(axis=1).min() > -1e-3
    # Elsewhere it lies among its corners' normals, up to sign.
    mean = vertex.mean(axis=1)
    length = np.linalg.norm(mean, axis=1)
    mean /= np.maximum(length, 1e-9)[:, None]
    spread = np.abs((vertex * mean[:, None]).sum(axis=2)).min(axis=1)
    found = np.abs((normals * mean).sum(axis=1))
    steady = length > 0.5
    assert (found[steady] >= spread[steady] - 1e-3).all()


def _check_nocs(
    coded: NDArray[np.uint16],
    depth: NDArray[np.float64],
    same: NDArray[np.bool_],
    scene: Scene,
    ids: NDArray[np.int32],
) -> None:
    """Taken back to the object and projected again, each pixel falls on its own centre."""
    y, x = np.nonzero(same)
    T_cam_world = np.linalg.inv(scene.camera.T_world_cam)
    for instance in scene.instances:
        mine = ids[y, x] == instance.instance_idx
        if not mine.any():
            continue
        c = (coded[y[mine], x[mine]].astype(np.float64) - 1) / 65534
        model = instance.model
        diagonal = np.linalg.norm(model.bounds_m[1] - model.bounds_m[0])
        points = (c - 0.5) * diagonal + model.bounds_m.mean(axis=0)
        T = T_cam_world @ instance.T_world_obj
        cam = (instance.scale * points) @ T[:3, :3].T + T[:3, 3]
        away = np.abs(cam[:, 2] - depth[y[mine], x[mine]])
        assert away.max() < 1e-4 * instance.scale * diagonal + 2e-4 * depth.max()
        uv = project(cam, scene.camera.K, scene.camera.distortion)
        px_m = cam[:, 2].min() / scene.camera.K[0, 0]
        slack = 0.01 + 2 * instance.scale * diagonal / 65534 / px_m
        assert np.abs(uv - np.stack([x[mine], y[mine]], axis=1)).max() < slack


def _check_parts(
    parts: NDArray[np.uint16],
    face: NDArray[np.int32],
    same: NDArray[np.bool_],
    scene: Scene,
    known: Annotations,
) -> None:
    of_face = np.concatenate([f for i in scene.instances for f in known.parts(i.model).of_faces])
    np.testing.assert_array_equal(parts[same], 1 + of_face[face[same]])


def test_maps_follow_a_lens_that_distorts(engine: AbstractEngine) -> None:
    scene = next(c for c in CASES if c.name == "hand/intersecting").build()
    camera = replace(scene.camera, distortion=(-0.25, 0.08, 0.001, -0.002))
    scene = replace(scene, camera=camera)
    buffers = engine.render(scene, with_faces=True)
    known = Annotations()

    seen = buffers.instance_idx >= 0
    assert seen.any()
    coded = nocs_map(scene, buffers, known)
    _check_nocs(coded, buffers.depth_m.astype(np.float64), seen, scene, buffers.instance_idx)
    corners = triangles_of(scene).corners_cam
    face = np.where(seen, _global_faces(scene, buffers), -1).astype(np.int32)
    _check_normals(normal_map(scene, buffers), face, seen, scene, corners)
    _check_parts(part_map(scene, buffers, known), face, seen, scene, known)


def test_keypoints_of_a_canonical_pose_are_on_the_object(engine: AbstractEngine) -> None:
    """A cube's keypoints and 3D box are the same, whichever of 24 ways it lies."""
    cube = model_of(trimesh.creation.box((0.1, 0.1, 0.1)), "cube")
    camera = view((0.4, 0.3, 0.25), (0, 0, 0))
    turn = Rotation.from_euler("x", 90, degrees=True).as_matrix()
    found = []
    for R in (np.eye(3), turn, turn @ turn):
        model, T, scale = place(cube, (0, 0, 0))
        T = T.copy()
        T[:3, :3] = R
        scene = scene_around(camera, [(model, T, scale)])
        labeller = TaskLabeller(
            annotations=Annotations(n_keypoints=8, searches_symmetries=True), obb=True
        )
        silhouettes = engine.silhouettes(scene, scene.instances)
        filters = LabelFilters(min_visib_fract=0.0, min_px=1)
        labels = label(scene, engine.render(scene), silhouettes, filters=filters)
        found.append(labeller.add(labels, scene, silhouettes)[0])
    first = found[0].keypoints
    assert first is not None

    for one in found:
        assert one.keypoints is not None
        np.testing.assert_allclose(one.keypoints.uv, first.uv, atol=1e-6)
        assert one.keypoints.sights == first.sights
        assert one.box3d is not None
        np.testing.assert_allclose(one.box3d.corners_uv, found[0].box3d.corners_uv, atol=1e-6)
    assert len(set(first.sights)) == 2
