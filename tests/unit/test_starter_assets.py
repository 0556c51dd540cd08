"""The starter assets: what is there, its true size, and that the kept script makes it."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import trimesh
import yaml
from numpy.typing import NDArray
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
ASSETS = ROOT / "assets"
MAX_BYTES = 15_000_000

# Extents in mm along the file's axes, from the drawings of the parts, not from the script:
# ISO 4014, ISO 4032 (18 across flats is 20.78 across corners), ISO 15 for 6204.
SIZES_MM = {
    "bolt.glb": (18.0, 57.5, 20.78),
    "nut.glb": (18.0, 10.8, 20.78),
    "bracket.obj": (60.0, 50.0, 40.0),
    "gear.glb": (52.0, 18.0, 52.0),
    "bearing.glb": (47.0, 14.0, 47.0),
    "mug.glb": (113.0, 95.0, 82.0),
    "bottle.glb": (66.0, 195.0, 66.0),
    "die.glb": (16.0, 16.0, 16.0),
    "screwdriver.glb": (27.0, 209.0, 27.0),
    "grille.glb": (120.0, 4.0, 120.0),
    "flange.step": (100.0, 100.0, 30.0),
    "pulley.stl": (64.0, 64.0, 36.0),
    "valve.ply": (146.0, 34.0, 60.3),
}
OPEN = {"grille.glb"}  # a sheet without thickness, cut out by its texture
PEAKS = {
    "studio_softboxes": (20, 100),
    "studio_strips": (60, 200),
    "window_room": (20, 100),
    "workshop": (30, 100),
    "overcast": (1, 4),
    "clear_sky": (10_000, 200_000),
    "sunset": (2_000, 50_000),
    "night_street": (500, 10_000),
}


def models() -> list[Path]:
    return sorted(p for p in (ASSETS / "models").iterdir() if p.suffix not in {".mtl", ".yaml"})


def loaded(name: str) -> tuple[trimesh.Trimesh, float]:
    """All of a model as one mesh, vertices that lie together merged, and metres per unit."""
    path = ASSETS / "models" / name
    mesh = trimesh.load(path, force="scene").to_mesh()
    mesh.merge_vertices(merge_tex=True, merge_norm=True)
    side = path.with_suffix(".yaml")
    unit = yaml.safe_load(side.read_text())["unit"] if side.is_file() else "m"
    return mesh, {"m": 1.0, "mm": 1e-3}[unit]


def image(path: Path) -> NDArray[np.float64]:
    return np.asarray(Image.open(path).convert("RGB"), dtype=np.float64)


def test_starter_set_is_complete_and_small() -> None:
    counts = {f.name: len(list(f.iterdir())) for f in ASSETS.iterdir() if f.is_dir()}
    total = sum(p.stat().st_size for p in ASSETS.rglob("*") if p.is_file())

    assert set(SIZES_MM) == {p.name for p in models()}
    assert counts["backgrounds"] >= 8
    assert counts["environments"] >= 6
    assert counts["textures"] >= 8
    assert total < MAX_BYTES
    assert "CC0 1.0" in (ASSETS / "LICENSE").read_text()


@pytest.mark.parametrize("name", SIZES_MM)
def test_model_has_its_true_size(name: str) -> None:
    mesh, unit_m = loaded(name)

    # Round things are polygons: a flat may cut up to 0.5 % off.
    np.testing.assert_allclose(mesh.extents * unit_m * 1000, SIZES_MM[name], rtol=6e-3)
    assert 500 <= len(mesh.faces) <= 15_000


@pytest.mark.parametrize("name", sorted(set(SIZES_MM) - OPEN))
def test_model_is_closed_and_wound_outwards(name: str) -> None:
    mesh, _ = loaded(name)
    pieces = mesh.split(only_watertight=False)

    assert mesh.is_watertight
    assert mesh.is_winding_consistent
    assert all(piece.volume > 0 for piece in pieces)


@pytest.mark.parametrize("name", [n for n in SIZES_MM if n.endswith(".glb")])
def test_stored_normals_agree_with_the_faces(name: str) -> None:
    for mesh in trimesh.load(ASSETS / "models" / name, force="scene").geometry.values():
        faces = np.cross(*(mesh.triangles[:, [1, 2]] - mesh.triangles[:, :1]).transpose(1, 0, 2))
        area = np.linalg.norm(faces, axis=1, keepdims=True)
        big = area[:, 0] > 1e-12
        corners = mesh.vertex_normals[mesh.faces[big]]
        cosines = (corners * (faces / np.maximum(area, 1e-30))[big][:, None]).sum(axis=2)

        assert cosines.min() > 0.6
        np.testing.assert_allclose(np.linalg.norm(corners, axis=2), 1, atol=1e-4)


def test_die_has_21_pips_and_opposite_faces_sum_to_7() -> None:
    scene = trimesh.load(ASSETS / "models" / "die.glb", force="scene")
    pips = next(m for m in scene.geometry.values() if m.visual.material.name == "pip")
    pips.merge_vertices(merge_tex=True, merge_norm=True)
    bowls = pips.split(only_watertight=False)
    number: dict[tuple[int, int], int] = {}
    for bowl in bowls:
        axis = int(np.abs(bowl.bounds.mean(axis=0)).argmax())
        side = int(np.sign(bowl.bounds.mean(axis=0)[axis]))
        number[axis, side] = number.get((axis, side), 0) + 1

    assert len(bowls) == 21
    assert [7, 7, 7] == [number[axis, 1] + number[axis, -1] for axis in range(3)]
    # 1, 2, 3 run counter-clockwise about their corner: a right-handed triad.
    towards = {n: np.eye(3)[axis] * side for (axis, side), n in number.items()}
    assert np.linalg.det(np.stack([towards[1], towards[2], towards[3]])) == pytest.approx(1)


@pytest.mark.parametrize("name", ["bolt.glb", "nut.glb"])
def test_thread_has_the_pitch_of_m12(name: str) -> None:
    mesh, _ = loaded(name)
    y = mesh.vertices[:, 1]
    radius = np.hypot(mesh.vertices[:, 0], mesh.vertices[:, 2]) * 1000
    angle = np.arctan2(mesh.vertices[:, 2], mesh.vertices[:, 0])
    crest = 5.97 if name == "bolt.glb" else 5.2
    on_crest = (np.abs(radius - crest) < 0.01) & (np.abs(angle) < 1e-6)
    heights = np.unique(np.round(y[on_crest] * 1000, 3))
    starts = heights[np.concatenate([[True], np.diff(heights) > 1])]

    assert len(starts) > 4
    np.testing.assert_allclose(np.diff(starts)[1:-1], 1.75, atol=2e-3)  # its ends run out


def test_every_kind_of_look_is_there() -> None:
    def materials(name: str) -> list[Any]:
        scene = trimesh.load(ASSETS / "models" / name, force="scene")
        return [m.visual.material for m in scene.geometry.values()]

    assert "MASK" in {m.alphaMode for m in materials("grille.glb")}
    assert any(m.baseColorTexture is not None for m in materials("bottle.glb"))
    assert materials("bolt.glb")[0].metallicFactor == 1.0
    assert len(materials("bearing.glb")) == 4
    valve = trimesh.load(ASSETS / "models" / "valve.ply")
    assert len(np.unique(valve.visual.vertex_colors, axis=0)) == 3
    pulley = yaml.safe_load((ASSETS / "models" / "pulley.yaml").read_text())
    assert pulley == {"category": "pulley", "up": "z", "unit": "mm", "finish": "aluminium"}


@pytest.mark.parametrize("path", sorted((ASSETS / "textures").iterdir()), ids=lambda p: p.stem)
def test_texture_tiles(path: Path) -> None:
    pixels = image(path)

    assert pixels.shape == (512, 512, 3)
    for axis in (0, 1):
        steps = np.abs(pixels - np.roll(pixels, 1, axis=axis)).mean(axis=(1 - axis, 2))
        assert steps[0] <= steps[1:].max()


def fall_of_amplitude(grey: NDArray[np.float64]) -> float:
    """The a of 1 / f**a, by which amplitude falls with frequency in a picture.

    It is about 1 in photographs, by D. J. Field, "Relations between the statistics of natural
    images and the response properties of cortical cells", 1987, and more where they are out of
    focus; 0 in noise, and over 2.5 in a bare gradient.
    """
    side = min(grey.shape)
    square = grey[:side, (grey.shape[1] - side) // 2 :][:, :side]
    window = np.outer(np.hanning(side), np.hanning(side))
    amplitude = np.abs(np.fft.fft2((square - square.mean()) * window))
    frequency = side * np.hypot(np.fft.fftfreq(side)[:, None], np.fft.fftfreq(side)[None])
    ends = np.geomspace(4, side / 4, 13)
    rings = [
        amplitude[(low <= frequency) & (frequency < high)].mean() for low, high in pairwise(ends)
    ]
    slope, _ = np.polyfit(np.log(ends[:-1]), np.log(rings), 1)
    return float(-slope)


@pytest.mark.parametrize("path", sorted((ASSETS / "backgrounds").iterdir()), ids=lambda p: p.stem)
def test_background_is_rich(path: Path) -> None:
    pixels = image(path)
    blocks = pixels.reshape(12, 80, 16, 80, 3).mean(axis=(1, 3))

    assert pixels.shape == (960, 1280, 3)
    assert 0.7 < fall_of_amplitude(pixels.mean(axis=2)) < 2.3
    assert blocks.std(axis=(0, 1)).max() > 6  # light and things, not grain alone
    assert np.abs(np.diff(pixels, axis=1)).mean() > 1
    assert (pixels >= 254).all(axis=2).mean() < 0.02


def test_environments_are_the_stated_ones() -> None:
    assert set(PEAKS) == {p.stem for p in (ASSETS / "environments").iterdir()}


@pytest.mark.parametrize("name", PEAKS)
def test_environment_is_radiance(name: str) -> None:
    path = ASSETS / "environments" / f"{name}.hdr"
    radiance = cv2.imread(str(path), cv2.IMREAD_ANYDEPTH | cv2.IMREAD_COLOR)
    low, high = PEAKS[name]

    assert radiance.shape == (256, 512, 3)
    assert radiance.dtype == np.float32
    assert np.isfinite(radiance).all()
    assert radiance.min() >= 0
    assert low < radiance.max() < high
    assert int(radiance.max(axis=(1, 2)).argmax()) < 128  # row 0 is up: light comes from above
    # The sides meet: the step from the last column to the first is one of many.
    steps = np.log(radiance + 1e-3) - np.log(np.roll(radiance, 1, axis=1) + 1e-3)
    columns = np.abs(steps).mean(axis=(0, 2))
    assert columns[0] <= 1.1 * columns[1:].max()


def test_clear_sun_outshines_the_sky_as_in_life() -> None:
    path = ASSETS / "environments" / "clear_sky.hdr"
    radiance = cv2.imread(str(path), cv2.IMREAD_ANYDEPTH | cv2.IMREAD_COLOR).mean(axis=2)
    elevation = np.pi / 2 - (np.arange(256) + 0.5) / 256 * np.pi
    weight = (np.cos(elevation) * np.maximum(np.sin(elevation), 0))[:, None]
    sun = np.where(radiance > 50, radiance, 0)
    ratio = (sun * weight).sum() / ((radiance - sun) * weight).sum()

    assert 2 < ratio < 10  # direct against diffuse light on the ground at noon


def test_script_makes_the_committed_files(tmp_path: Path) -> None:
    exact = ["models/nut.glb", "models/flange.step", "models/bracket.obj", "models/pulley.stl",
             "models/valve.ply"]  # fmt: skip
    script = ROOT / "scripts" / "make_assets.py"
    picture = "textures/marble.jpg"
    subprocess.run(
        [sys.executable, str(script), "--out", str(tmp_path), *exact, picture],
        check=True,
        capture_output=True,
        timeout=120,
    )

    for name in [*exact, "models/bracket.mtl"]:
        assert (ASSETS / name).read_bytes() == (tmp_path / name).read_bytes(), name
    # Transforms may differ in the last bit between processors.
    assert np.abs(image(ASSETS / picture) - image(tmp_path / picture)).mean() < 0.05
