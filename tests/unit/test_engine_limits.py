"""What no user means to draw: both rasterizers answer alike, and what else is there is drawn."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
import pytest

from render.buffers import Silhouette
from render.engine.base import AbstractEngine
from render.engine.cpu.engine import CpuEngine
from render.engine.pyrender.engine import PyrenderEngine
from render.geometry.frames import rigid
from render.lights.light import Light
from render.scene import Instance, Material, Scene, Texture
from tests.lit_scenes import BALL, MATT, WHITE, camera_at, model, placed, scene, square

LAMP = Light(color=WHITE, intensity=1.0, direction_world=(0.2, 1.0, -0.3), casts_shadow=True)
# Pixels of which GL, in steps of 1/256 of a pixel, does not see on which side of an edge they lie.
TIES = 4
# NumPy tells of what overflows; what is drawn then is what these tests are about.
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[AbstractEngine, AbstractEngine]]:
    with CpuEngine() as cpu, PyrenderEngine() as gl:
        yield cpu, gl


def assert_alike(
    both: tuple[AbstractEngine, AbstractEngine], shown: Scene, *, atol: float = 2e-3
) -> np.ndarray:
    """Ids and outlines are equal but for GL's ties, depth and light near; gives the ids."""
    found, expected = (engine.render(shown) for engine in both)
    same = found.instance_idx == expected.instance_idx
    assert (~same).sum() <= TIES
    np.testing.assert_allclose(found.depth_m[same], expected.depth_m[same], rtol=1e-5)
    assert np.isfinite(found.radiance).all()
    np.testing.assert_allclose(found.radiance[same], expected.radiance[same], atol=atol)
    outlines = (engine.silhouettes(shown, shown.instances) for engine in both)
    for one, other in zip(*outlines, strict=True):
        assert len(_pixels(one) ^ _pixels(other)) <= TIES
    return found.instance_idx


def _pixels(outline: Silhouette) -> set[tuple[int, int]]:
    rows, columns = np.nonzero(outline.mask)
    return {*zip((columns + outline.x0).tolist(), (rows + outline.y0).tolist())}


@pytest.mark.parametrize("eye", [(0.0, 0.0, 0.0), (0.0, -0.9, 0.0), (0.3, 0.3, -0.85)])
def test_camera_inside_a_closed_mesh_sees_it_all_around(
    both: tuple[AbstractEngine, AbstractEngine], eye: tuple[float, float, float]
) -> None:
    camera = camera_at(eye, (eye[0] + 0.3, eye[1] + 1.0, eye[2] + 0.2))

    ids = assert_alike(both, scene(camera, placed((BALL, (0, 0, 0), 1.0, MATT)), ambient=0.5))

    assert (ids == 0).all()


def test_triangles_without_an_area_change_nothing(
    both: tuple[AbstractEngine, AbstractEngine],
) -> None:
    plate = square("plate", 0.5)
    whole = plate.primitives[0]
    corners = [*whole.positions_m, [0.9, 0.9, 0.0], [0.9, 0.9, 0.0], [2.0, 2.0, 0.0]]
    # A point, an edge, a line over three points, the same point three times.
    faces = [*whole.faces, [0, 0, 0], [0, 1, 1], [0, 2, 4], [4, 5, 6], [4, 5, 4]]
    broken = model(
        "broken", np.array(corners), np.tile([0.0, 0.0, 1.0], (7, 1)), np.array(faces)
    )  # fmt: skip
    camera = camera_at((0.3, -1.0, 1.5))
    pictures = [
        scene(camera, placed((body, (0, 0, 0), 1.0, MATT)), lights=(LAMP,), ambient=0.3)
        for body in (plate, broken)
    ]

    ids = assert_alike(both, pictures[1])

    np.testing.assert_array_equal(ids, both[0].render(pictures[0]).instance_idx)
    assert (ids == 0).sum() > 1000


@pytest.mark.parametrize("size", [1e-300, 1e-30, 1e20, 1e100, 1e200, 1e308])
def test_sizes_beyond_what_numbers_hold(
    both: tuple[AbstractEngine, AbstractEngine], size: float
) -> None:
    shown = placed((BALL, (0, 0, 0), size, MATT), (BALL, (0, 0, 0), 1.0, MATT))

    ids = assert_alike(both, scene(camera_at((0.0, -4.0, 0.0)), shown, lights=(), ambient=0.5))

    assert (ids == 1).sum() > 5000


@pytest.mark.parametrize("far", [1e20, 1e200, 1e308, np.inf, np.nan])
@pytest.mark.parametrize("axis", [0, 1])
def test_places_beyond_what_numbers_hold(
    both: tuple[AbstractEngine, AbstractEngine], far: float, axis: int
) -> None:
    at = np.zeros(3)
    at[axis] = far
    (ball,) = placed((BALL, (0.0, 0.0, 0.0), 1.0, MATT))
    lost = Instance(
        instance_idx=1, role="target", model=BALL, materials=(MATT,),
        T_world_obj=rigid(np.eye(3), at),
    )  # fmt: skip

    ids = assert_alike(both, scene(camera_at((0.0, -4.0, 0.0)), (ball, lost), ambient=0.5))

    assert (ids == 0).sum() > 5000
    assert not (ids == 1).any()


@pytest.mark.parametrize(
    "shape",
    [
        (4, 16_384),
        (16_384, 4),
        (4, 20_000),
        pytest.param((16_384, 16_384), marks=pytest.mark.slow),  # a gigabyte, and its copies
    ],
)
def test_textures_as_long_as_a_gpu_takes_and_longer(
    both: tuple[AbstractEngine, AbstractEngine], shape: tuple[int, int]
) -> None:
    ramp = np.linspace(0.0, 255.0, max(shape)).astype(np.uint8)
    image = np.full((*shape, 4), 255, np.uint8)
    image[..., 0] = ramp if shape[1] > shape[0] else ramp[:, None]
    material = dataclasses.replace(MATT, base_color_texture=Texture(image=image))
    body = placed((square("card", 1.0), (0, 0, 0), 1.0, material))
    shown = scene(camera_at((0.0, -0.01, 2.0)), body, ambient=0.5)

    assert_alike(both, shown, atol=0.01)

    red = both[0].render(shown).radiance[..., 0]
    steps = np.diff(red[60, 40:-40] if shape[1] > shape[0] else red[30:-30, 80])
    assert (steps > 0.0).all() or (steps < 0.0).all()


def test_glass_and_holes_of_such_bodies(both: tuple[AbstractEngine, AbstractEngine]) -> None:
    glass = Material(base_color=(1.0, 1.0, 1.0, 0.5), alpha_mode="blend")
    holed = Material(base_color=(1.0, 1.0, 1.0, 1.0), alpha_mode="mask")
    for material in (glass, holed):
        for size in (1e-30, 1e20, 1e308):
            shown = placed((BALL, (0, 0, 0), size, material), (BALL, (0, 0, 0), 1.0, MATT))

            ids = assert_alike(both, scene(camera_at((0.0, -4.0, 0.0)), shown, ambient=0.5))

            assert (ids == 1).sum() > 5000
