"""Smooth edges beside exact areas of polygons, and beside pictures of many more pixels."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
import trimesh
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from render.engine.base import AbstractEngine
from render.engine.edges import Lines
from render.engine.surface_edges import BORDER, surface_edges
from render.geometry.frames import rigid
from render.lights.light import Light
from render.scene import Material, Model, Scene, Texture
from tests.lit_scenes import BALL, MATT, camera_at, glowing, model, placed, scene, solid, square

TIMES = 8  # the reference has that many pixels along each side of one
CAMERA = camera_at((0.3, -0.4, 3.0))


def turned(mesh: trimesh.Trimesh, *angles_deg: float) -> trimesh.Trimesh:
    R = Rotation.from_euler("xyz", angles_deg, degrees=True).as_matrix()
    return mesh.copy().apply_transform(rigid(R, np.zeros(3)))


def area_within(polygon: NDArray[np.float64], x: int, y: int) -> float:
    """Area of a convex polygon, ``(N, 2)`` centre coordinates, within one pixel."""
    for axis, sign, limit in ((0, 1, x - 0.5), (0, -1, x + 0.5), (1, 1, y - 0.5), (1, -1, y + 0.5)):
        inside = sign * (polygon[:, axis] - limit)
        kept = []
        for (a, b), (da, db) in zip(
            zip(polygon, np.roll(polygon, -1, axis=0), strict=True),
            zip(inside, np.roll(inside, -1), strict=True),
            strict=True,
        ):
            if da >= 0:
                kept.append(a)
            if (da >= 0) != (db >= 0):
                kept.append(a + (b - a) * da / (da - db))
        if not kept:
            return 0.0
        polygon = np.array(kept)
    u, v = polygon.T
    return float(abs(np.dot(u, np.roll(v, -1)) - np.dot(v, np.roll(u, -1))) / 2)


@pytest.mark.parametrize("angle_deg", [0.0, 3.0, 17.0, 31.0, 45.0, 58.0, 83.0])
@pytest.mark.parametrize("tilt_deg", [0.0, 40.0])
def test_outline_covers_its_exact_share_of_each_pixel(
    engine: AbstractEngine, angle_deg: float, tilt_deg: float
) -> None:
    R = Rotation.from_euler("zx", [angle_deg, tilt_deg], degrees=True).as_matrix()
    (body,) = placed((square(half=0.7), (0.013, -0.021, 0.0), 1.0, glowing(1.0, 1.0, 1.0)))
    body = replace(body, T_world_obj=rigid(R, body.T_world_obj[:3, 3]))
    buffers = engine.render(scene(CAMERA, (body,)))
    corners = body.model.hull_m[[0, 1, 3, 2]] @ R.T + body.T_world_obj[:3, 3]
    cam = (np.c_[corners, np.ones(4)] @ np.linalg.inv(CAMERA.T_world_cam).T)[:, :3]
    polygon = (cam @ CAMERA.K.T)[:, :2] / cam[:, 2:]
    share = buffers.radiance[..., 1]
    exact = np.array(
        [[area_within(polygon, x, y) for x in range(share.shape[1])] for y in range(share.shape[0])]
    )
    edge = (exact > 0.0) & (exact < 1.0)
    assert edge.sum() > 150
    off = (share - exact)[edge]
    # Straight edges are exact but for the rasterizer's grid of 1/256; corners are not.
    assert np.sqrt(np.mean(off**2)) < 0.02
    assert np.percentile(np.abs(off), 97) < 0.02
    assert abs(off.mean()) < 0.002
    # Beside a corner the line goes on for half a pixel.
    assert share[exact == 0.0].max() < 0.05
    assert share[exact == 1.0].min() > 0.95
    assert (share[exact == 0.0] > 0.0).sum() + (share[exact == 1.0] < 1.0).sum() <= 4


def larger(shown: Scene) -> Scene:
    """The same view in `TIMES` times as many pixels along each side."""
    camera = shown.camera
    K = camera.K * TIMES
    K[:2, 2] += (TIMES - 1) / 2  # centre coordinates
    K[2, 2] = 1.0
    size_wh = (camera.size_wh[0] * TIMES, camera.size_wh[1] * TIMES)
    backdrop = np.zeros((size_wh[1], size_wh[0], 3), np.float32)
    return replace(shown, camera=replace(camera, K=K, size_wh=size_wh), backdrop=backdrop)


def off_the_larger(
    engine: AbstractEngine, shown: Scene
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """What each pixel is off the mean of its many, and where these differ among themselves."""
    picture = engine.render(shown).radiance.astype(np.float64)
    many = engine.render(larger(shown)).radiance.astype(np.float64)
    h, w, _ = picture.shape
    blocks = many.reshape(h, TIMES, w, TIMES, 3)
    mixed = (np.ptp(blocks, axis=(1, 3)) > 0.05).any(axis=-1)
    return picture - blocks.mean(axis=(1, 3)), mixed


def rms(off: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean(off**2)))


def two_bodies(first: Model, second: Model, gap: float) -> Scene:
    return scene(
        CAMERA,
        placed(
            (first, (-0.4, 0.0, 0.0), 1.0, glowing(1.0, 0.2, 0.0)),
            (second, (0.4, 0.1, gap), 1.0, glowing(0.0, 0.3, 1.0)),
        ),
    )


COG = solid(turned(trimesh.creation.annulus(0.35, 0.6, 0.3, sections=24), 50, 20, 5), "ring")
BLOCK = solid(turned(trimesh.creation.box((1.0, 0.8, 0.6)), 20, 35, 50), "block")


@pytest.mark.parametrize(
    ("shown", "at_most"),
    [
        (two_bodies(BALL, BLOCK, 0.6), 0.03),
        (two_bodies(COG, BLOCK, -0.5), 0.04),
        (two_bodies(BLOCK, COG, 0.0), 0.05),  # they pass through each other
    ],
    ids=["ball before block", "ring before block", "ring through block"],
)
def test_edges_are_the_means_of_many_pixels(
    engine: AbstractEngine, shown: Scene, at_most: float
) -> None:
    off, mixed = off_the_larger(engine, shown)
    assert mixed.sum() > 300
    assert rms(off[mixed]) < at_most
    assert (np.abs(off[~mixed]) > 0.02).mean() < 1e-3


def test_creases_are_smooth_as_well(engine: AbstractEngine) -> None:
    sun = Light(
        color=(1.0, 1.0, 1.0), intensity=1.0, direction_world=(0.5, 0.3, -0.7),
        casts_shadow=False,
    )  # fmt: skip
    shown = scene(CAMERA, placed((BLOCK, (0.0, 0.0, 0.0), 1.5, MATT)), (sun,))
    off, mixed = off_the_larger(engine, shown)
    ids = engine.render(shown).instance_idx
    within = cv2.erode((ids >= 0).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    assert (mixed & within).sum() > 80
    assert rms(off[mixed & within]) < 0.02


def test_see_through_is_laid_over_the_smooth_picture(engine: AbstractEngine) -> None:
    glass = Material(base_color=(0.0, 0.0, 0.0, 0.25), roughness=1.0, alpha_mode="blend")
    behind = (BLOCK, (0.0, 0.0, -0.5), 1.0, glowing(1.0, 0.5, 0.2))
    plain = engine.render(scene(CAMERA, placed(behind))).radiance
    pane = (square("pane", 3.0), (0.0, 0.0, 1.0), 1.0, glass)
    through = engine.render(scene(CAMERA, placed(behind, pane))).radiance
    np.testing.assert_allclose(through, 0.75 * plain, atol=2e-3)


@pytest.mark.parametrize("at", [0.1, 0.5, 0.8])
def test_one_line_mixes_the_pixel_that_it_cuts(at: float) -> None:
    picture = np.zeros((3, 4, 3), np.float32)
    picture[:, 2:] = (1.0, 2.0, 1000.0)
    expected = picture.copy()
    # From the centre of column 1 towards that of column 2; upright: rows are alike.
    left, right = max(0.5 - at, 0.0), max(at - 0.5, 0.0)
    bright = np.minimum(picture[1, 2], 64.0)  # a spark does not fill its neighbours
    expected[1, 1] = left * bright
    expected[1, 2] = picture[1, 2] if right == 0.0 else (1.0 - right) * bright
    lines = Lines((4, 3))
    lines.add(np.array([5]), np.array([True]), np.array([at]))
    lines.mix(picture)
    np.testing.assert_allclose(picture, expected, rtol=1e-6)


def test_edges_of_a_box_and_of_its_neighbourhood() -> None:
    box = surface_edges(solid(trimesh.creation.box(), "box"))
    assert box.ends.shape == box.sides.shape == (2, 12)  # no diagonals
    np.testing.assert_allclose(box.sharpness, 1.0)
    assert not surface_edges(BALL).sharpness.any()
    assert surface_edges(BALL).ends.shape[1] == 3 * 20 * 4**4 // 2
    assert (np.diff(surface_edges(BALL).sides[0]) >= 0).all()  # read in the order of the faces
    sheet = surface_edges(square())
    assert sheet.ends.shape[1] == 4
    assert (sheet.sides[0] == sheet.sides[1]).all()
    assert (sheet.sharpness == BORDER).all()
    fan = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [0, -1, 0]], float)
    faces = np.array([[0, 1, 2], [0, 1, 3], [0, 1, 4]])
    many = surface_edges(model("fan", fan, np.tile([0, 0, 1.0], (5, 1)), faces))
    assert many.ends.shape[1] == 9  # where three faces meet, each has the edge for itself


def test_edges_walk_as_their_first_face_does() -> None:
    for mesh in (trimesh.creation.box(), trimesh.creation.icosphere(subdivisions=2)):
        edges = surface_edges(solid(mesh, "walked", smooth=True))
        face = np.asarray(mesh.faces)[edges.sides[0]]
        at = (face == edges.ends[0][:, None]).argmax(axis=1)
        following = np.take_along_axis(face, ((at + 1) % 3)[:, None], axis=1)[:, 0]
        np.testing.assert_array_equal(following, edges.ends[1])
        normals = np.asarray(mesh.face_normals)
        before = edges.planes @ np.append(np.full(3, 5.0), 1.0).astype(np.float32)
        centers = np.asarray(mesh.triangles_center)
        np.testing.assert_array_equal(
            before > 0, ((np.full(3, 5.0) - centers) * normals).sum(axis=1) > 0
        )


def test_edges_that_pass_the_near_plane_are_smooth(engine: AbstractEngine) -> None:
    beam = solid(turned(trimesh.creation.box((0.2, 6.0, 0.2)), 0, 0, 12), "beam")
    camera = replace(camera_at((0.3, -1.2, 0.5), (0.0, 3.0, 0.0)), near_m=0.3)
    shown = scene(camera, placed((beam, (0.0, 0.0, 0.0), 1.0, glowing(1.0, 1.0, 1.0))))
    off, mixed = off_the_larger(engine, shown)
    assert mixed.sum() > 100
    assert rms(off[mixed]) < 0.03


def test_turned_over_faces_and_doubled_ones_change_no_outline(engine: AbstractEngine) -> None:
    ball = trimesh.creation.icosphere(subdivisions=3)
    mixed = ball.faces.copy()
    mixed[::2] = mixed[::2, ::-1]
    both = np.concatenate([ball.faces, ball.faces[:, ::-1]])
    pictures = [
        engine.render(
            scene(
                CAMERA,
                placed(
                    (
                        model("ball", ball.vertices, ball.vertex_normals, faces),
                        (0.0, 0.0, 0.0),
                        0.8,
                        glowing(1.0, 0.5, 0.2),
                    )
                ),
            )
        ).radiance
        for faces in (ball.faces, mixed, both)
    ]
    for other in pictures[1:]:
        np.testing.assert_allclose(other, pictures[0], atol=1e-5)


def test_doubled_sheet_has_the_edges_of_one() -> None:
    sheet = square()
    faces = sheet.primitives[0].faces
    doubled = model(
        "doubled", sheet.primitives[0].positions_m, sheet.primitives[0].normals,
        np.concatenate([faces, faces[:, ::-1]]),
    )  # fmt: skip
    assert surface_edges(doubled).ends.shape == surface_edges(sheet).ends.shape == (2, 4)


@pytest.mark.parametrize("angle_deg", [8.0, 33.0, 61.0])
def test_borders_of_cut_outs_are_smooth_as_well(engine: AbstractEngine, angle_deg: float) -> None:
    x, y = np.meshgrid(np.arange(64) - 20.0, np.arange(64) - 35.0)
    image = np.full((64, 64, 4), 255, np.uint8)
    # A hole with a soft border, whose middle is where the cutoff is.
    image[..., 3] = np.clip((np.hypot(x, y) - 14.0) * 32.0 + 128.0, 0, 255)
    holed = replace(
        glowing(1.0, 1.0, 1.0), base_color=(0.0, 0.0, 0.0, 1.0),
        base_color_texture=Texture(image=image), alpha_mode="mask", alpha_cutoff=0.5,
    )  # fmt: skip
    (body,) = placed((square(half=0.7), (0.0, 0.0, 0.0), 1.0, holed))
    R = Rotation.from_euler("zx", [angle_deg, 25.0], degrees=True).as_matrix()
    shown = scene(CAMERA, (replace(body, T_world_obj=rigid(R, np.zeros(3))),))
    off, mixed = off_the_larger(engine, shown)
    assert mixed.sum() > 200
    assert rms(off[mixed]) < 0.03
    assert abs(off[mixed].mean()) < 0.01
