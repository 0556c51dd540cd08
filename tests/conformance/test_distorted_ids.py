"""Ids, depth, outlines, boxes and colour through a lens that distorts, against rays.

The oracle casts float64 rays that OpenCV undistorted, pixel by pixel, at the triangles.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from render.build import build
from render.engine.base import AbstractEngine
from render.geometry.distortion import fold_radius
from render.geometry.frames import rigid
from render.labels.boxes import boxes_obj
from render.labels.invariants import check_invariants
from render.labels.labeller import LabelFilters, label
from render.pipeline import realise
from render.sample import SampleKey
from render.scene import Camera, Material, Scene
from tests.oracle.compare import DEPTH_REL, NEAR_PX, edge_of
from tests.oracle.flatten import rays_of, triangles_of
from tests.oracle.hand_scenes import HAND_MADE, place, sheet
from tests.oracle.staging import scene_around, view
from tests.spaces import composed

LENSES = {
    "barrel": (-0.25, 0.08, 2e-3, -1e-3),
    "pincushion": (0.15, 0.05, -1e-3, 1e-3, 0.02),
    "rational": (0.4, -0.1, 5e-4, -2e-4, 0.02, 0.6, -0.05, 0.03),
}
SIZE = (320, 240)
_BLOCK = 16
_CRITERIA = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 300, 1e-13)
_ANGLES = np.linspace(0, 2 * np.pi, 48, endpoint=False)
_RING = np.concatenate(
    [r * NEAR_PX * np.c_[np.cos(_ANGLES), np.sin(_ANGLES)] for r in np.arange(0, 9) / 8]
)


def behind(scene: Scene, lens: tuple[float, ...]) -> Scene:
    """The scene in a quarter of the pixels, seen through a lens."""
    camera = scene.camera
    share = SIZE[0] / camera.size_wh[0]
    K = camera.K * share
    K[:2, 2] = (camera.K[:2, 2] + 0.5) * share - 0.5
    K[2, 2] = 1.0
    backdrop = np.full((SIZE[1], SIZE[0], 3), 0.02, np.float32)
    camera = replace(camera, K=K, size_wh=SIZE, distortion=lens)
    return replace(scene, camera=camera, backdrop=backdrop)


class Caster:
    """Distorted pixels by a caster for pinholes: each ray is asked at its pinhole's pixel."""

    def __init__(self, scene: Scene) -> None:
        self.camera = scene.camera
        self.rays = rays_of(scene)

    def pinhole_uv(self, uv: NDArray[np.float64]) -> NDArray[np.float64]:
        """Where rays of ``(N, 2)`` distorted pixels meet the pinhole's image."""
        K, lens = self.camera.K, np.array(self.camera.distortion)
        points = np.ascontiguousarray(uv[:, None])
        return cv2.undistortPointsIter(points, K, lens, None, K, _CRITERIA)[:, 0]

    def points(
        self, uv: NDArray[np.float64], owner: int | None = None
    ) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """Owner and depth seen at ``(N, 2)`` pixels."""
        at = self.pinhole_uv(uv)
        x0, y0, x1, y1 = self.rays.boxes.T
        low, high = at.min(axis=0) - 1e-6, at.max(axis=0) + 1e-6
        meets = (x0 <= high[0]) & (x1 >= low[0]) & (y0 <= high[1]) & (y1 >= low[1])
        if owner is not None:
            meets &= self.rays.triangles.owner == owner
        return self.rays.points(at, np.flatnonzero(meets))

    def window(
        self, x0: int, y0: int, w: int, h: int, owner: int | None = None
    ) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """``(h, w)`` owner and depth of a window of pixels."""
        ids, depth = np.full((h, w), -1, np.int32), np.zeros((h, w))
        for top in range(0, h, _BLOCK):
            for left in range(0, w, _BLOCK):
                rows, columns = range(top, min(top + _BLOCK, h)), range(left, min(left + _BLOCK, w))
                v, u = np.meshgrid(rows, columns, indexing="ij")
                uv = np.stack([u + x0, v + y0], axis=-1).reshape(-1, 2).astype(float)
                ids[v, u], depth[v, u] = (a.reshape(v.shape) for a in self.points(uv, owner))
        return ids, depth

    def sees_near(self, u: float, v: float, wanted: int, owner: int | None = None) -> bool:
        """It sees `wanted` somewhere within `NEAR_PX` of a pixel's centre."""
        return bool((self.points(np.array([u, v]) + _RING, owner)[0] == wanted).any())


def cases() -> list[tuple[str, str]]:
    names = [name for name in HAND_MADE if name not in ("specks",)]
    return [(name, lens) for i, name in enumerate(names) for lens in [[*LENSES][i % len(LENSES)]]]


@pytest.mark.parametrize(("name", "lens"), cases())
def test_every_pixel_shows_what_its_own_ray_hits(
    engine: AbstractEngine, name: str, lens: str
) -> None:
    scene = behind(HAND_MADE[name](), LENSES[lens])
    caster = Caster(scene)
    buffers = engine.render(scene)
    ids, depth = caster.window(0, 0, *SIZE)
    differ = np.argwhere(buffers.instance_idx != ids)

    assert (ids >= 0).any()
    assert len(differ) <= 0.02 * max(edge_of(ids).sum(), 100)
    for row, column in differ:
        shown = int(buffers.instance_idx[row, column])
        tie = abs(buffers.depth_m[row, column] / max(depth[row, column], 1e-9) - 1) < 1e-5
        assert tie or caster.sees_near(column, row, shown), (row, column, shown)
    same = (buffers.instance_idx == ids) & (ids >= 0)
    off = same & (np.abs(buffers.depth_m - depth) > DEPTH_REL * depth)
    for row, column in np.argwhere(off):
        near = caster.points(np.array([column, row]) + _RING)[1]
        assert np.abs(near / buffers.depth_m[row, column] - 1).min() <= DEPTH_REL
    assert (buffers.depth_m[buffers.instance_idx == -1] == 0).all()


@pytest.mark.parametrize(("name", "lens"), cases())
def test_outlines_are_those_of_each_instance_alone(
    engine: AbstractEngine, name: str, lens: str
) -> None:
    scene = behind(HAND_MADE[name](), LENSES[lens])
    caster = Caster(scene)
    buffers, silhouettes = engine.render(scene), engine.silhouettes(scene, scene.instances)
    check_invariants(
        label(scene, buffers, silhouettes, filters=LabelFilters(min_visib_fract=0, min_px=1)),
        buffers,
        scene,
    )
    for idx, silhouette in list(enumerate(silhouettes))[:8]:
        # A margin about the window, so that what it leaves out is missed.
        x0, y0 = max(silhouette.x0 - 2, -40), max(silhouette.y0 - 2, -40)
        h, w = silhouette.mask.shape
        x1, y1 = min(silhouette.x0 + w + 2, SIZE[0] + 40), min(silhouette.y0 + h + 2, SIZE[1] + 40)
        if h * w == 0 or x1 <= x0 or y1 <= y0:
            continue
        cast = caster.window(x0, y0, x1 - x0, y1 - y0, idx)[0] == idx
        shown = np.zeros(cast.shape, bool)
        for row, column in np.argwhere(silhouette.mask):
            r, c = row + silhouette.y0 - y0, column + silhouette.x0 - x0
            if 0 <= r < shown.shape[0] and 0 <= c < shown.shape[1]:
                shown[r, c] = True
        for row, column in np.argwhere(cast != shown):
            wanted = idx if shown[row, column] else -1
            assert caster.sees_near(column + x0, row + y0, wanted, idx)


@pytest.mark.parametrize("lens", LENSES)
@pytest.mark.parametrize("name", [n for n in HAND_MADE if n != "near_cut"][:4])
def test_boxes_bound_every_bent_edge_to_a_hundredth_of_a_pixel(name: str, lens: str) -> None:
    scene = behind(HAND_MADE[name](), LENSES[lens])
    camera, triangles = scene.camera, triangles_of(scene)
    for instance in scene.instances[:6]:
        corners = triangles.corners_cam[triangles.owner == instance.instance_idx]
        if corners[..., 2].min() < camera.near_m:
            continue
        t = np.linspace(0, 1, 129)[:, None, None]
        sides = [
            corners[:, i] + t * (corners[:, j] - corners[:, i]) for i, j in ((0, 1), (1, 2), (2, 0))
        ]
        points = np.concatenate(sides).reshape(-1, 3)
        radius = np.hypot(points[:, 0], points[:, 1]) / points[:, 2]
        if radius.max() >= 0.99 * fold_radius(camera.distortion):
            continue
        uv = cv2.projectPoints(
            points, np.zeros(3), np.zeros(3), camera.K, np.array(camera.distortion)
        )[0][:, 0]
        (box,) = boxes_obj([instance], camera)

        assert box is not None
        expected = [*(uv.min(axis=0) + 0.5), *(uv.max(axis=0) + 0.5)]
        np.testing.assert_allclose([box.x0, box.y0, box.x1, box.y1], expected, rtol=0, atol=0.01)


@pytest.mark.parametrize("lens", LENSES)
def test_colour_lies_where_the_ids_are(engine: AbstractEngine, lens: str) -> None:
    camera = replace(view((0, 0, 2), (0, 0, 0), fov_deg=60, roll_deg=7), distortion=LENSES[lens])
    glow = sheet(Material(base_color=(0, 0, 0, 1), emissive=(0.5, 0.5, 0.5), roughness=1), (0, 1))
    spots = [(x, y, 0.0) for x in (-0.8, -0.4, 0, 0.4, 0.8) for y in (-0.55, 0, 0.55)]
    scene = scene_around(camera, [place(glow, at, scale=0.2) for at in spots])
    scene = replace(scene, ambient=(0.0, 0.0, 0.0), backdrop=np.zeros_like(scene.backdrop))
    buffers = engine.render(scene)
    v, u = np.mgrid[0 : camera.size_wh[1], 0 : camera.size_wh[0]]
    for idx in range(len(spots)):
        inside = cv2.dilate(np.uint8(buffers.instance_idx == idx), np.ones((7, 7))) > 0
        weight = buffers.radiance[..., 1] * inside
        mask = buffers.instance_idx == idx
        for axis in (u, v):
            by_color = (axis * weight).sum() / weight.sum()
            assert by_color == pytest.approx(axis[mask].mean(), abs=0.1)
        assert weight.sum() / 0.5 == pytest.approx(mask.sum(), rel=0.02)


def test_a_picture_behind_is_the_sensors_own_and_a_lens_without_power_is_none(
    engine: AbstractEngine,
) -> None:
    scene = HAND_MADE["intersecting"]()
    w, h = scene.camera.size_wh
    picture = np.random.default_rng(0).random((h, w, 3)).astype(np.float32)
    scene = replace(scene, backdrop=picture)
    straight = engine.render(scene)
    weak = engine.render(replace(scene, camera=replace(scene.camera, distortion=(1e-12, 0, 0, 0))))
    bent = engine.render(replace(scene, camera=replace(scene.camera, distortion=LENSES["barrel"])))
    far = cv2.dilate(np.uint8(bent.instance_idx >= 0), np.ones((9, 9))) == 0

    np.testing.assert_array_equal(bent.radiance[far], picture[far])
    assert (weak.instance_idx != straight.instance_idx).sum() <= 20
    same = weak.instance_idx == straight.instance_idx
    np.testing.assert_allclose(weak.depth_m[same], straight.depth_m[same], rtol=1e-4)


def test_what_lies_beyond_the_fold_is_not_there(engine: AbstractEngine) -> None:
    """Two walls meet the rim of a strong barrel outside of the image; outlines end there."""
    camera = replace(view((0, 0, 2), (0, 0, 0), fov_deg=50), distortion=(-0.3, 0.0, 0.0, 0.0))
    scene = scene_around(camera, [place(sheet(Material(), (0, 1)), (0, 0, 0), scale=20.0)])
    silhouette = engine.silhouettes(scene, scene.instances)[0]
    fold = fold_radius(camera.distortion)
    rim_px = camera.K[0, 0] * fold * (1 - 0.3 * fold**2)

    assert (engine.render(scene).instance_idx == 0).all()
    assert silhouette.mask.sum() == pytest.approx(np.pi * rim_px**2, rel=1e-3)
    (box,) = boxes_obj(scene.instances[:1], camera)
    assert box is not None
    assert box.x1 - box.x0 == pytest.approx(2 * rim_px, abs=0.02)


def test_a_lens_and_a_rigid_frame_commute(engine: AbstractEngine) -> None:
    """The world may lie anywhere: only the camera's frame counts."""
    scene = behind(HAND_MADE["intersecting"](), LENSES["barrel"])
    moved = rigid(np.eye(3), np.array([3.0, -2.0, 1.0]))
    camera: Camera = replace(scene.camera, T_world_cam=moved @ scene.camera.T_world_cam)
    instances = tuple(replace(i, T_world_obj=moved @ i.T_world_obj) for i in scene.instances)
    other = replace(scene, camera=camera, instances=instances)
    a, b = engine.render(scene), engine.render(other)

    assert (a.instance_idx != b.instance_idx).mean() < 1e-4


def test_frames_of_the_starter_models_keep_all_invariants(engine: AbstractEngine) -> None:
    plan = build(composed("camera=webcam", "camera.size_wh=[320,240]", "seed=11"))
    for frame_idx in range(6):
        theta, placement, rejections = plan.draw(frame_idx)
        sample = realise(
            plan,
            engine,
            SampleKey.of(frame_idx, 0.0),
            theta=theta,
            placement=placement,
            rejections=rejections,
        )
        first = sample.labels[0].bbox_obj

        assert len(placement.distortion) == 4
        assert first is not None
        assert max(first.xywh[2:]) / 320 == pytest.approx(theta.scale.size_frac, abs=1e-4)
