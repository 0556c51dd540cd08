"""Environment maps: what they light, where they lie, what comes out of files."""

from __future__ import annotations

import os
import tracemalloc
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from render.assembly.lights import suns_of
from render.engine.base import AbstractEngine
from render.errors import AssetError
from render.library.environment_map import build_environment
from render.library.environments import EnvironmentLibrary, read_radiance
from render.scene import Environment, EnvironmentMap
from render.sensor.tone import display_of_radiance
from tests.lit_scenes import (
    BALL,
    MATT,
    MIRROR,
    blob_map,
    camera_at,
    directions,
    environment_of,
    floor,
    placed,
    scene,
)

D = directions(512, 256)
# Solid angle of a pixel: the sine at its centre, normalised to the whole sphere.
SOLID = np.sqrt(np.clip(1 - D[..., 2] ** 2, 0, 1))
SOLID = SOLID * 4 * np.pi / SOLID.sum()


def grey_map(values: NDArray[np.float64]) -> NDArray[np.float32]:
    return np.repeat(values[..., None], 3, axis=2).astype(np.float32)


def normals(n: int = 24) -> NDArray[np.float64]:
    found = np.random.default_rng(3).normal(size=(n, 3))
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True))


def by_cosine(radiance: NDArray[np.float32], n: NDArray[np.float64]) -> NDArray[np.float64]:
    """``(N,)`` what a white diffuse surface sends back, by summing over the map."""
    cosine = np.maximum(np.einsum("hwc,nc->nhw", D, n), 0.0)
    return np.einsum("nhw,hw->n", cosine, radiance[..., 1] * SOLID) / np.pi


def by_harmonics(sh: NDArray[np.float32], n: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same by the real harmonics of scipy's convention, written out from the tables."""
    x, y, z = n.T
    a, b = np.sqrt(3 / (4 * np.pi)), np.sqrt(15 / np.pi) / 2
    basis = np.stack(
        [
            np.full_like(x, np.sqrt(1 / (4 * np.pi))), a * y, a * z, a * x, b * x * y, b * y * z,
            np.sqrt(5 / np.pi) / 4 * (3 * z**2 - 1), b * x * z, b / 2 * (x**2 - y**2),
        ]
    )  # fmt: skip
    return np.asarray(sh[:, 1].astype(float) @ basis)


def disc_map(
    towards: tuple[float, float, float], radius_deg: float, radiance: float, *, dim: float = 0.2
) -> NDArray[np.float32]:
    """A 2048 x 1024 map with one uniform disc."""
    axis = np.array(towards) / np.linalg.norm(towards)
    inside = directions(2048, 1024) @ axis > np.cos(np.radians(radius_deg))
    return grey_map(np.where(inside, radiance, dim))


def total(radiance: NDArray[np.float32]) -> float:
    """Flux of the green light through a small sphere, over its cross-section."""
    width, height = radiance.shape[1], radiance.shape[0]
    sine = np.sin((np.arange(height) + 0.5) / height * np.pi)
    weight = sine / sine.sum() / width * 4 * np.pi
    return float((radiance[..., 1].astype(float).sum(axis=1) * weight).sum())


def test_diffuse_light_of_a_smooth_map_is_the_cosine_integral() -> None:
    x, y, z = D[..., 0], D[..., 1], D[..., 2]
    smooth = 1.0 + 0.4 * x - 0.2 * y + 0.3 * z + 0.25 * x * y - 0.2 * z * x + 0.3 * z**2
    built = build_environment("smooth", grey_map(smooth))
    assert built.suns == ()
    n = normals()
    np.testing.assert_allclose(by_harmonics(built.sh, n), by_cosine(built.radiance, n), rtol=3e-3)


def test_diffuse_light_of_a_bright_sky_is_near_the_cosine_integral() -> None:
    built = build_environment("sky", grey_map(np.where(D[..., 2] > 0, 1.0, 0.15)))
    n = normals()
    exact = by_cosine(built.radiance, n)
    # Nine harmonics hold all but 1 % of the energy of any such light (Ramamoorthi 2001).
    assert np.abs(by_harmonics(built.sh, n) - exact).max() < 0.03 * exact.max()
    ups = np.array([[0.0, 0.0, 1.0], [0.6, 0.0, 0.8], [0.0, -0.8, 0.6]])
    upper = built.radiance * (D[..., 2:] > 0)
    got = by_harmonics(built.sh_upper, ups)
    np.testing.assert_allclose(got, by_cosine(upper.astype(np.float32), ups), rtol=0.04)


@pytest.mark.parametrize("level", [1, 2, 3, 4, 6])
def test_glossy_levels_are_integrals_over_ggx_lobes(level: int) -> None:
    built = build_environment("blob", blob_map((1.0, 0.6, 0.5)))
    roughness = level / (len(built.glossy) - 1)
    u, v = np.random.default_rng(0).random((2, 20000))
    # Half vectors as GGX has them about the axis, seen along the axis (Walter et al. 2007).
    cos_t = np.sqrt((1 - u) / (1 + (roughness**4 - 1) * u))
    sin_t = np.sqrt(1 - cos_t**2)
    half = np.stack([sin_t * np.cos(2 * np.pi * v), sin_t * np.sin(2 * np.pi * v), cos_t], axis=1)
    light = 2 * half[:, 2:] * half - np.array([0.0, 0.0, 1.0])
    weight = np.maximum(light[:, 2], 0.0)
    for axis in ((1.0, 0.6, 0.5), (0.6, 0.9, 0.3), (-1.0, 0.2, -0.3), (0.1, 0.1, 1.0)):
        z = np.array(axis) / np.linalg.norm(axis)
        x = np.cross(z, [0.3, -0.5, 0.8])
        x /= np.linalg.norm(x)
        seen = sampled(built.radiance, light @ np.stack([x, np.cross(z, x), z]))
        expected = float((seen * weight).sum() / weight.sum())
        assert sampled(built.glossy[level], z[None])[0] == pytest.approx(expected, rel=0.03)


def sampled(image: NDArray[np.float32], towards: NDArray[np.float64]) -> NDArray[np.float64]:
    """``(N,)`` green light from directions, bilinear; columns as `EnvironmentMap` says."""
    height, width = image.shape[:2]
    azimuth = np.arctan2(towards[:, 1], towards[:, 0])
    u = (np.pi - azimuth) / (2 * np.pi) * width - 0.5
    v = np.arccos(np.clip(towards[:, 2], -1, 1)) / np.pi * height - 0.5
    x, y = np.floor(u).astype(int), np.floor(v).astype(int)
    fx, fy = u - x, v - y
    out = np.zeros(len(towards))
    for dx, wx in ((0, 1 - fx), (1, fx)):
        for dy, wy in ((0, 1 - fy), (1, fy)):
            out += wx * wy * image[np.clip(y + dy, 0, height - 1), (x + dx) % width, 1]
    return out


def test_mirror_and_first_level_are_the_map_and_all_levels_keep_its_light() -> None:
    built = build_environment("blob", blob_map((0.3, -1.0, 0.4)))
    n = normals(200)
    np.testing.assert_allclose(
        sampled(built.mirror, n), sampled(built.radiance, n), rtol=0.03, atol=0.01
    )
    np.testing.assert_allclose(
        sampled(built.glossy[0], n), sampled(built.radiance, n), rtol=0.03, atol=0.01
    )
    for level in built.glossy:
        assert total(level) == pytest.approx(total(built.radiance), rel=0.02)


@pytest.mark.parametrize(
    ("towards", "radius_deg"),
    [((1, 0.2, 0.6), 2.0), ((-1, 0, 0.3), 5.0), ((0.02, 0, 1), 4.0), ((0, -1, 0.1), 0.27)],
)
def test_a_disc_becomes_a_sun_of_its_direction_light_and_size(
    towards: tuple[float, float, float], radius_deg: float
) -> None:
    solid = 2 * np.pi * (1 - np.cos(np.radians(radius_deg)))
    radiance = disc_map(towards, radius_deg, 8.0 / solid)
    built = build_environment("disc", radiance)
    gain = float(built.radiance[600, 0, 1] / radiance[600, 0, 1])
    (sun,) = built.suns
    off = np.degrees(np.arccos(np.dot(sun.to_light, towards) / np.linalg.norm(towards)))
    assert off < 0.3
    disc_light = total(radiance) - 4 * np.pi * 0.2
    # What the sun leaves to the map is a few times its mean.
    assert sun.irradiance[1] == pytest.approx(gain * disc_light, rel=0.1)
    # The map that suns are sought in has pixels of 0.7 degrees.
    assert sun.radius_deg == pytest.approx(radius_deg, rel=0.15, abs=0.5)
    assert sun.is_in_reflections == (radius_deg > 3.0)


@pytest.mark.parametrize("radius_deg", [0.5, 2.0, 6.0])
def test_suns_and_the_rest_are_the_whole(radius_deg: float) -> None:
    built = build_environment("disc", disc_map((0.5, 0.5, 0.7), radius_deg, 900.0))
    kept = float(built.sh[0, 1]) * np.sqrt(4 * np.pi)  # a constant's coefficient, times Y00
    assert kept + sum(s.irradiance[1] for s in built.suns) == pytest.approx(
        total(built.radiance), rel=0.01
    )
    mirrored = total(built.mirror)
    mirrored += sum(s.irradiance[1] for s in built.suns if not s.is_in_reflections)
    assert mirrored == pytest.approx(total(built.radiance), rel=0.01)


def test_at_most_three_suns_the_strongest_and_a_lamp_across_the_seam_is_one() -> None:
    axes = [(1, 0, 0.2), (0, 1, 0.2), (-1, 0, 0.2), (0, -1, 0.2)]
    radiance = np.full((1024, 2048, 3), 0.05, np.float32)
    for i, axis in enumerate(axes):
        radiance = np.maximum(radiance, disc_map(axis, 4.0, 40.0 + 10 * i, dim=0.0))
    suns = build_environment("four", radiance).suns
    assert len(suns) == 3
    found = {tuple(int(v) for v in np.rint(np.array(s.to_light[:2]))) for s in suns}
    assert found == {(0, 1), (-1, 0), (0, -1)}


def test_a_map_without_contrast_has_no_suns() -> None:
    assert build_environment("even", np.ones((64, 128, 3), np.float32)).suns == ()


def test_brightness_of_the_file_does_not_matter_and_white_facing_the_light_is_just_white() -> None:
    radiance = blob_map((0.2, 0.3, 0.9))
    night, noon = build_environment("a", radiance * 1e-4), build_environment("a", radiance * 1e4)
    np.testing.assert_allclose(night.radiance, noon.radiance, rtol=1e-4)
    brightest = by_cosine(noon.radiance, normals(100)).max()
    assert brightest == pytest.approx(0.75, rel=0.05)


def view_of(
    built: Environment, eye: tuple[float, float, float], *, with_ball: bool = False
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float32]]:
    """World rays ``(H, W, 3)``, ball normals there or NaN, and the picture."""
    camera = camera_at(eye, size_wh=(160, 120), fov_deg=70.0)
    bodies = placed((BALL, (0, 0, 0), 1.0, MIRROR)) if with_ball else ()
    lights = suns_of(built)
    with_map = scene(camera, bodies, lights, environment=built, backdrop=built)
    v, u = np.mgrid[0:120, 0:160].astype(float)
    rays = np.dstack([u, v, np.ones_like(u)]) @ np.linalg.inv(camera.K).T
    rays = rays @ camera.T_world_cam[:3, :3].T
    rays /= np.linalg.norm(rays, axis=2, keepdims=True)
    origin = camera.T_world_cam[:3, 3]
    along = rays @ origin
    root = along**2 - (origin @ origin - 1.0)
    hit = origin + (-along - np.sqrt(np.where(root > 0, root, np.nan)))[..., None] * rays
    return rays, hit, with_map


def turned(towards: tuple[float, float, float], azimuth_deg: float) -> NDArray[np.float64]:
    a = np.radians(azimuth_deg)
    R = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    return np.asarray(R @ (np.array(towards) / np.linalg.norm(towards)))


SPOTS = [(1, 0, 0), (0, 1, 0), (-1, 0, 0), (0, -1, 0), (0, 0, 1), (0.5, -0.6, -0.5)]


@pytest.mark.parametrize("towards", SPOTS)
@pytest.mark.parametrize("azimuth_deg", [0.0, 65.0])
def test_backdrop_shows_a_bright_spot_where_it_lies(
    engine: AbstractEngine, towards: tuple[float, float, float], azimuth_deg: float
) -> None:
    built = environment_of(blob_map(towards), azimuth_deg=azimuth_deg)
    axis = turned(towards, azimuth_deg)
    eye = tuple(-3.0 * axis + [0.3, -0.2, 0.1])
    rays, _, seen = view_of(built, eye)
    picture = engine.render(seen).radiance[..., 1]
    angle = np.degrees(np.arccos(np.clip(rays @ axis, -1, 1)))
    expected = 0.6 + 3.0 * np.exp(-((angle / 14.0) ** 2) / 2)
    gain = float(picture.mean() / expected.mean())
    np.testing.assert_allclose(picture, gain * expected, rtol=0.02)
    np.testing.assert_allclose(gain * 0.6, built.map.radiance.min(), rtol=0.03)


@pytest.mark.parametrize("towards", SPOTS)
def test_a_mirror_ball_shows_the_map_around_it(
    engine: AbstractEngine, towards: tuple[float, float, float]
) -> None:
    built = environment_of(blob_map(towards), azimuth_deg=-40.0)
    axis = turned(towards, -40.0)
    # From beside the spot, so that it is reflected towards the camera.
    aside = np.cross(axis, [0.3, 0.5, 0.8])
    eye = tuple(2.5 * axis + 1.5 * aside / np.linalg.norm(aside))
    rays, normal, seen = view_of(built, eye, with_ball=True)
    buffers = engine.render(seen)
    # Well inside the outline: a mirror of white metal reflects all, whatever the angle.
    facing = -(rays * normal).sum(axis=2)
    inner = (buffers.instance_idx == 0) & (facing > 0.4)
    reflected = rays + 2 * facing[..., None] * normal
    angle = np.degrees(np.arccos(np.clip(reflected @ axis, -1, 1)))
    base = float(built.map.radiance[..., 1].min())
    expected = base * (1 + 5.0 * np.exp(-((angle / 14.0) ** 2) / 2))
    got = buffers.radiance[..., 1]
    assert expected[inner].max() > 5 * base
    # A pixel of the ball shows some degrees of the map.
    assert np.corrcoef(got[inner], expected[inner])[0, 1] > 0.995
    assert np.abs(got - expected)[inner].mean() < 0.03 * expected[inner].mean()


@pytest.mark.parametrize("roughness", [0.1, 0.3, 0.5, 0.8, 1.0])
@pytest.mark.parametrize("f0", [1.0, 0.3])
def test_metal_in_even_light_reflects_what_ggx_reflects(
    engine: AbstractEngine, roughness: float, f0: float
) -> None:
    metal = replace(MIRROR, roughness=roughness, base_color=(f0, f0, f0, 1.0))
    even = Environment(map=build_environment("even", np.ones((16, 32, 3), np.float32)))
    seen = scene(
        camera_at((4.0, 0.0, 0.0), fov_deg=30.0), placed((BALL, (0, 0, 0), 1.0, metal)),
        environment=even,
    )  # fmt: skip
    buffers = engine.render(seen)
    middle = buffers.radiance[60, 80, 1] / even.map.radiance.mean()
    assert middle == pytest.approx(albedo(roughness, 0.999, f0), abs=0.05)
    # Where the ball turns away by 60 degrees: at a sine of 0.866 of its radius, about.
    v, u = np.mgrid[0:120, 0:160].astype(float)
    rays = np.dstack([u, v, np.ones_like(u)]) @ np.linalg.inv(seen.camera.K).T
    rays /= np.linalg.norm(rays, axis=2, keepdims=True)
    away = rays @ np.array([0.0, 0.0, 1.0])  # cosine to the axis; the eye is 4 radii away
    sine = 4.0 * np.sqrt(1 - away**2)
    around = (sine > 0.84) & (sine < 0.89)
    got = float(buffers.radiance[around, 1].mean() / even.map.radiance.mean())
    schlick = albedo(roughness, 0.5, f0)
    assert got == pytest.approx(schlick, abs=0.05)


def albedo(roughness: float, nv: float, f0: float = 1.0) -> float:
    """Share of even light that GGX with Smith's height-correlated term sends to the eye."""
    n, a2 = 20000, roughness**4
    u, v = (np.arange(n) + 0.5) / n, np.arange(n) * 0.6180339887 % 1.0
    cos_t = np.sqrt((1 - u) / (1 + (a2 - 1) * u))
    sin_t = np.sqrt(1 - cos_t**2)
    half = np.stack([sin_t * np.cos(2 * np.pi * v), sin_t * np.sin(2 * np.pi * v), cos_t], axis=1)
    view = np.array([np.sqrt(1 - nv * nv), 0.0, nv])
    vh = half @ view
    nl = 2 * vh * cos_t - nv
    up = (nl > 0) & (vh > 0)
    nl, vh, nh = nl[up], vh[up], cos_t[up]
    smith = 2 * nl * nv / (
        nl * np.sqrt(nv * nv * (1 - a2) + a2) + nv * np.sqrt(nl * nl * (1 - a2) + a2)
    )  # fmt: skip
    fresnel = f0 + (1 - f0) * (1 - vh) ** 5
    return float((fresnel * smith * vh / (nh * nv)).sum() / n)


def test_all_turns_together_with_the_azimuth(engine: AbstractEngine) -> None:
    light = np.maximum(blob_map((0.2, 1.0, 0.1)), disc_map((1, 0.3, 0.8), 3.5, 50.0)[::4, ::4])
    built = environment_of(light)
    plain, angle = [], np.radians(50.0)
    for turn in (0.0, 50.0):
        a = np.radians(20.0) + (angle if turn else 0.0)
        eye = (3.5 * np.cos(a), 3.5 * np.sin(a), 1.6)
        env = Environment(map=built.map, azimuth_deg=turn)
        camera = camera_at(eye, (0, 0, 0.8))
        bodies = placed((BALL, (0, 0, 0), 1.0, MIRROR), (BALL, (0, 0, 2.0), 0.8, MATT))
        seen = scene(camera, bodies, suns_of(env), environment=env, backdrop=env)
        plain.append(engine.render(seen).radiance)
    # But for outlines: triangles of the balls have not turned.
    off = np.abs(plain[1] - plain[0]).max(axis=2)
    assert np.quantile(off, 0.97) < 0.02 * plain[0].mean()
    assert off.mean() < 0.01 * plain[0].mean()


def test_gain_multiplies_backdrop_diffuse_reflections_and_suns(engine: AbstractEngine) -> None:
    light = disc_map((1, 0.3, 0.8), 2.0, 200.0)
    pictures = []
    for gain in (1.0, 2.0):
        env = Environment(map=build_environment("made", light), gain=gain)
        bodies = placed((BALL, (0, 0, 0), 1.0, MATT), (BALL, (0, 2.2, 0), 1.0, MIRROR))
        seen = scene(
            camera_at((5.0, 1.0, 1.6)), bodies, suns_of(env), environment=env, backdrop=env
        )
        pictures.append(engine.render(seen).radiance)
    bright = pictures[1] < 30.0
    np.testing.assert_allclose(pictures[1][bright], 2 * pictures[0][bright], rtol=5e-3, atol=1e-3)


@pytest.mark.parametrize(
    "name", ["dikhololo_night_1k", "noon_grass_1k", "studio_small_03_1k", "venice_sunset_1k"]
)
def test_day_and_night_give_usable_pictures(
    engine: AbstractEngine, shared_data: Path, name: str
) -> None:
    env = Environment(map=EnvironmentLibrary(shared_data / "hdri").load(f"{name}.hdr"))
    bodies = placed((BALL, (0, 0, 1.0), 1.0, MATT))
    light = floor(material=replace(MATT, base_color=(0.4, 0.4, 0.4, 1.0), roughness=0.8))
    seen = scene(
        camera_at((4.0, 0.0, 2.5), (0, 0, 0.8)), bodies, suns_of(env), surfaces=(light,),
        environment=env, backdrop=env,
    )  # fmt: skip
    buffers = engine.render(seen)
    picture = display_of_radiance(buffers.radiance, "filmic")
    ball = picture[buffers.instance_idx == 0]
    assert 60 < picture.mean() < 200
    assert 80 < ball.mean() < 235
    assert (picture.min(axis=2) >= 254).mean() < 0.3


# Bad input: each is a defined result or an error that names the file.


def written(path: Path, bgr: NDArray[np.float32]) -> Path:
    assert cv2.imwrite(str(path), bgr)
    return path


def exr(path: Path, rgb: NDArray[np.float32]) -> Path:
    os.environ["OPENCV_IO_ENABLE_OPENEXR"] = "1"
    return written(path, np.ascontiguousarray(rgb[..., ::-1]))


def test_hdr_and_exr_read_alike_with_red_first(tmp_path: Path) -> None:
    rgb = np.random.default_rng(0).random((32, 64, 3)).astype(np.float32) * [4.0, 2.0, 0.5]
    rgb = rgb.astype(np.float32)
    hdr = read_radiance(written(tmp_path / "a.hdr", np.ascontiguousarray(rgb[..., ::-1])))
    # RGBE has 8 bits of the brightest channel.
    np.testing.assert_allclose(hdr, rgb, atol=4.0 / 128)
    np.testing.assert_allclose(read_radiance(exr(tmp_path / "a.exr", rgb)), rgb, rtol=1e-3)


def test_nan_negative_and_infinite_pixels_are_mended(tmp_path: Path) -> None:
    rgb = np.full((32, 64, 3), 0.5, np.float32)
    rgb[3, 3], rgb[4, 4], rgb[5, 5], rgb[6, 6] = np.nan, -7.0, np.inf, -np.inf
    rgb[8, 8] = 3.0
    got = read_radiance(exr(tmp_path / "bad.exr", rgb))
    assert (got[[3, 4, 6], [3, 4, 6]] == 0.0).all()
    assert (got[5, 5] == 3.0).all()
    assert (got[0, 0] == 0.5).all()
    built = EnvironmentLibrary(tmp_path).load("bad.exr")
    assert all(np.isfinite(array).all() for array in (built.sh, built.glossy, built.mirror))


@pytest.mark.parametrize("shape", [(64, 64), (64, 130), (128, 64)])
def test_wrong_aspect_is_told(tmp_path: Path, shape: tuple[int, int]) -> None:
    path = written(tmp_path / "cube.hdr", np.ones((*shape, 3), np.float32))
    with pytest.raises(AssetError, match=r"cube\.hdr: must be twice as wide as high"):
        read_radiance(path)


def test_black_map_is_told(tmp_path: Path) -> None:
    path = written(tmp_path / "black.hdr", np.zeros((32, 64, 3), np.float32))
    with pytest.raises(AssetError, match=r"black\.hdr: has no light in it"):
        read_radiance(path)
    all_bad = exr(tmp_path / "nan.exr", np.full((32, 64, 3), np.nan, np.float32))
    with pytest.raises(AssetError, match=r"nan\.exr: has no light in it"):
        read_radiance(all_bad)


def test_picture_of_8_bits_named_hdr_is_told(tmp_path: Path) -> None:
    path = written(tmp_path / "photo.png", np.full((32, 64, 3), 90, np.uint8))
    renamed = path.rename(tmp_path / "photo.hdr")
    with pytest.raises(AssetError, match=r"photo\.hdr: .*neither Radiance HDR nor OpenEXR"):
        read_radiance(renamed)


@pytest.mark.parametrize("suffix", ["hdr", "exr"])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.9])
def test_torn_file_is_told(tmp_path: Path, suffix: str, share: float) -> None:
    rgb = np.random.default_rng(0).random((128, 256, 3)).astype(np.float32)
    path = exr(tmp_path / f"torn.{suffix}", rgb)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(AssetError, match=rf"torn\.{suffix}: "):
        read_radiance(path)


def test_text_named_hdr_and_an_empty_folder_are_told(tmp_path: Path) -> None:
    with pytest.raises(AssetError, match="must hold environment maps"):
        EnvironmentLibrary(tmp_path).check_all()
    (tmp_path / "note.hdr").write_text("not a picture")
    with pytest.raises(AssetError, match=r"note\.hdr: cannot be read"):
        EnvironmentLibrary(tmp_path).check_all()
    with pytest.raises(AssetError, match=r"gone\.hdr"):
        read_radiance(tmp_path / "gone.hdr")


def test_8k_map_is_shrunk_with_all_of_its_light(tmp_path: Path) -> None:
    rgb = np.full((4096, 8192, 3), 0.5, np.float32)
    rgb[1000:1010, 2000:2010] = 5000.0
    path = written(tmp_path / "8k.hdr", rgb)
    tracemalloc.start()
    got = read_radiance(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2.5 * 2**30
    blocks = rgb.reshape(1024, 4, 2048, 4, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(got, blocks, rtol=2**-8)  # a file of shared exponents holds so much


def test_library_keeps_what_it_has_read_and_names_what_it_has(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    written(tmp_path / "sub" / "B.HDR", np.ones((32, 64, 3), np.float32))
    written(tmp_path / "a.hdr", np.ones((32, 64, 3), np.float32))
    (tmp_path / "note.txt").write_text("x")
    library = EnvironmentLibrary(tmp_path)
    assert library.names == ("a.hdr", "sub/B.HDR")
    first: EnvironmentMap = library.load("a.hdr")
    assert library.load("a.hdr") is first
    assert not first.radiance.flags.writeable
    library.check_all()
