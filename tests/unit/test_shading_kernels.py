"""What the CPU engine's kernels make of light, beside closed forms and plain NumPy."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from render.engine.cpu.engine import CpuEngine
from render.engine.cpu.scratch import Scratch
from render.kernels import functions
from render.kernels.occlusion import average_open, open_shares
from render.kernels.shading import pixels_of_parts
from render.lights.light import Light
from render.scene import Material, Texture
from tests.lit_scenes import (
    BOX,
    MATT,
    PLATE,
    WHITE,
    beside_objects,
    blob_map,
    camera_at,
    environment_of,
    floor,
    grey,
    model,
    placed,
    points_world,
    scene,
)

Vectors = NDArray[np.float64]


@pytest.fixture(scope="module")
def cpu() -> CpuEngine:
    return CpuEngine()


@pytest.mark.parametrize(
    ("ours", "exact", "low", "high", "most", "is_share"),
    [
        (functions.log2, np.log2, 1e-6, 1e6, 0.005, False),
        (functions.exp2, np.exp2, -100.0, 100.0, 1.7e-4, True),
        (functions.arccos, np.arccos, -1.0, 1.0, 7e-5, False),
        (functions.cosine, np.cos, -20.0, 20.0, 4e-6, False),
    ],
)
def test_function_is_as_exact_as_it_says(
    ours: Callable[[np.float32], float], exact: Callable[[Vectors], Vectors], low: float,
    high: float, most: float, is_share: bool,
) -> None:  # fmt: skip
    x = np.linspace(low, high, 20_001).astype(np.float32)
    got, expected = np.array([ours(v) for v in x]), exact(x.astype(np.float64))
    scale = np.abs(expected) if is_share else 1.0
    assert (np.abs(got - expected) / scale).max() < most


def test_angle_is_as_exact_as_it_says() -> None:
    turn = np.linspace(-np.pi, np.pi, 5001)
    for away in (1e-3, 1.0, 30.0):
        x, y = (away * f(turn).astype(np.float32) for f in (np.cos, np.sin))
        got = np.array([functions.arctan2(b, a) for a, b in zip(x, y, strict=True)])
        off = np.abs(got - np.arctan2(y, x))
        assert np.minimum(off, 2 * np.pi - off).max() < 3e-6


def test_pixels_are_sorted_by_the_part_that_they_show() -> None:
    rng = np.random.default_rng(0)
    first_face = np.array([0, 3, 4, 10, 50], np.int64)  # four parts
    shown = np.repeat(rng.integers(-1, 50, 400), rng.integers(1, 9, 400)).astype(np.int32)
    shown[(shown >= 4) & (shown < 10)] = -1  # one of them is not seen
    n = len(shown)
    pixels, faces = np.empty(n, np.int32), np.empty(n, np.int32)
    starts = np.empty(6, np.int64)

    pixels_of_parts(shown, first_face, 4, np.empty((n + 1, 2), np.int32), pixels, faces, starts)

    part = np.where(shown < 0, 4, np.searchsorted(first_face, shown, side="right") - 1)
    np.testing.assert_array_equal(pixels, np.argsort(part, kind="stable"))
    np.testing.assert_array_equal(faces, shown[pixels])
    np.testing.assert_array_equal(starts, np.searchsorted(np.sort(part), np.arange(6)))


def hits_box(origin: Vectors, towards: Vectors, low: Vectors, high: Vectors) -> NDArray[np.bool_]:
    """Whether segments from `origin` to ``origin + towards`` meet a box: by its slabs."""
    with np.errstate(divide="ignore", invalid="ignore"):
        a, b = (low - origin) / towards, (high - origin) / towards
    enter, leave = np.minimum(a, b).max(axis=-1), np.maximum(a, b).min(axis=-1)
    return (enter < leave) & (leave > 0.0) & (enter < 1.0)


@pytest.mark.parametrize("has_place", [False, True], ids=["parallel", "point"])
def test_shadow_of_a_box_lies_where_rays_meet_it(cpu: CpuEngine, has_place: bool) -> None:
    camera = camera_at((2.2, -3.4, 3.0), (0.3, 0.3, 0.2), size_wh=(240, 180))
    at = np.array([-1.5, -1.2, 3.0])
    lamp = Light(
        color=WHITE, intensity=1.0 if not has_place else float(at @ at), radius_deg=0.0,
        direction_world=tuple(-at), position_world=tuple(at) if has_place else None,
    )  # fmt: skip
    box = placed((BOX, (0.0, 0.0, 0.4), 0.8, MATT))
    shown = scene(camera, box, (lamp,), surfaces=(floor(),))

    buffers = cpu.render(shown)

    points, lit = points_world(shown, buffers), buffers.radiance[..., 1] > 1e-3
    on_floor = ~beside_objects(buffers.instance_idx) & (
        np.hypot(points[..., 0], points[..., 1]) < 3.0
    )
    towards = at - points if has_place else np.broadcast_to(10.0 * at, points.shape)
    low, high, margin = np.array([-0.4, -0.4, 0.0]), np.array([0.4, 0.4, 0.8]), 0.03
    surely = hits_box(points, towards, low + margin, high - margin) & on_floor
    maybe = hits_box(points, towards, low - margin, high + margin)
    assert surely.sum() > 400
    assert not lit[surely].any()
    assert lit[on_floor & ~maybe].all()


def pinhole_depth(n: Vectors, at: Vectors) -> Vectors:
    """One over the depth of a plane through `at` with normal `n`, in a picture of 200 x 160."""
    v, u = np.mgrid[0:160, 0:200].astype(np.float64)
    rays = np.dstack([(u - 99.5) / 200.0, (v - 79.5) / 200.0, np.ones_like(u)])
    return np.asarray(np.maximum((rays @ n) / (at @ n), 0.0))


def open_of(inverse: Vectors, radius_m: float) -> NDArray[np.float32]:
    scratch, shape = Scratch(), (80, 100)
    pattern, depth_m = np.empty(shape, np.float32), np.empty(shape, np.float32)
    share, listed = np.ones(shape, np.float32), np.empty(8001, np.int32)
    lens = np.array([200.0, 200.0, 99.5, 79.5], np.float32)
    count = open_shares(
        scratch.numbers, scratch.indices, inverse.astype(np.float32), lens, np.float32(radius_m),
        pattern, depth_m, listed,
    )  # fmt: skip
    average_open(pattern, depth_m, listed, count, share)
    return share


def test_plane_is_open_and_the_foot_of_a_wall_is_half_open() -> None:
    """A floor, seen from above at a slant, and a wall at its far end."""
    slant = np.radians(35.0)
    up = np.array([0.0, -np.cos(slant), -np.sin(slant)])
    ahead = np.array([0.0, -np.sin(slant), np.cos(slant)])
    foot = np.array([0.0, 0.15, 2.0])
    ground, wall = pinhole_depth(up, foot), pinhole_depth(-ahead, foot)

    alone = open_of(ground, 0.5)
    both = np.maximum(ground, wall)
    corner = open_of(both, 0.5)

    assert (alone > 0.97).mean() > 0.99
    v, u = np.mgrid[0:160:2, 0:200:2].astype(np.float64)
    points = np.dstack([(u - 99.5) / 200, (v - 79.5) / 200, np.ones_like(u)]) / both[::2, ::2, None]
    away = -((points - foot) @ ahead)  # of the floor from the wall
    is_floor = (ground >= wall)[::2, ::2]
    inside = (u > 20) & (u < 180) & (v < 140)
    near = is_floor & inside & (away > 0.01) & (away < 0.12)
    far = is_floor & inside & (away > 0.6)
    # A long wall that rises by an angle keeps (1 - cos) / 2 of the light from a level point.
    # What is nearer than a third of the reach counts wholly, what is beyond it not at all.
    third = (1 + away / (0.5 / 3)) / 2
    assert near.sum() > 300
    assert (corner[near] < third[near] + 0.08).all()
    assert (corner[near] > 0.5).all()
    assert (corner[far] > 0.95).all()


def reflected_everywhere(cos_view: float, roughness: float) -> float:
    """Directional albedo of white GGX metal with the height-correlated Smith term: a sum over the
    hemisphere.
    """
    a2 = roughness**4
    theta = (np.arange(1500) + 0.5) / 1500 * np.pi / 2
    phi = (np.arange(720) + 0.5) / 720 * np.pi
    t, p = np.meshgrid(theta, phi, indexing="ij")
    light = np.stack([np.sin(t) * np.cos(p), np.sin(t) * np.sin(p), np.cos(t)], axis=-1)
    view = np.array([np.sqrt(1 - cos_view**2), 0.0, cos_view])
    half = light + view
    half /= np.linalg.norm(half, axis=-1, keepdims=True)
    nl, nh = light[..., 2], half[..., 2]
    d = a2 / (np.pi * (nh**2 * (a2 - 1) + 1) ** 2)
    smith = nl * np.sqrt(cos_view**2 * (1 - a2) + a2) + cos_view * np.sqrt(nl**2 * (1 - a2) + a2)
    brdf = d * 0.5 / smith
    solid_angle = np.sin(t) * (np.pi / 2 / 1500) * (2 * np.pi / 720)
    return float((brdf * nl * solid_angle).sum())


@pytest.mark.parametrize("roughness", [0.3, 0.6, 1.0])
@pytest.mark.parametrize("elevation_deg", [90.0, 40.0, 20.0])
def test_metal_in_uniform_light_sends_back_its_albedo(
    cpu: CpuEngine, roughness: float, elevation_deg: float
) -> None:
    e = np.radians(elevation_deg)
    camera = camera_at((0.0, -4 * np.cos(e), 4 * np.sin(e)), fov_deg=8.0)
    metal = Material(base_color=(1.0, 1.0, 1.0, 1.0), metallic=1.0, roughness=roughness)
    shown = scene(camera, placed((PLATE, (0.0, 0.0, 0.0), 2.0, metal)), ambient=1.0)

    seen = grey(cpu, shown)[60, 80]

    assert seen == pytest.approx(reflected_everywhere(np.sin(e), roughness), abs=0.02)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e38, 0.0])
def test_normals_and_coordinates_that_are_no_numbers_do_no_harm(cpu: CpuEngine, bad: float) -> None:
    rng = np.random.default_rng(0)
    image = Texture(image=rng.integers(0, 256, (64, 64, 4)).astype(np.uint8))
    finish = Material(
        base_color_texture=image, normal_texture=image, metallic_roughness_texture=image,
        occlusion_texture=image, emissive_texture=image, wear=0.5, wear_texture=image,
    )  # fmt: skip
    corners = np.array([[-1.0, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]])
    faces = np.array([[0, 1, 2], [0, 2, 3]])
    for normals, uv in (
        (np.full((4, 3), bad), corners[:, :2]),
        (np.tile([0.0, 0.0, 1.0], (4, 1)), np.full((4, 2), bad)),
        (np.array([[bad, 0, 0], [0, 0, 1], [0, bad, 1], [0, 0, 1]]), corners[:, :2]),
    ):
        plate = model("bad", corners, normals, faces, uv=uv)
        lamp = Light(color=WHITE, intensity=1.0, direction_world=(0.3, 0.2, -1.0))
        sky = environment_of(blob_map((0.0, 0.0, 1.0)))
        shown = scene(
            camera_at((0.5, -2.0, 2.0)), placed((plate, (0.0, 0.0, 0.0), 1.0, finish)), (lamp,),
            environment=sky, backdrop=sky,
        )  # fmt: skip

        radiance = cpu.render(shown).radiance

        assert np.isfinite(radiance[0]).all()
