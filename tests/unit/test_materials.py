"""Finishes that θ asks in place of the authored ones, by hand-computed colours and by pictures."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import render
from render.assembly.materials import target_materials
from render.assembly.textures import TextureCache
from render.assembly.two_tone import two_tone_texture
from render.engine.base import AbstractEngine
from render.scene import Material, Scene
from tests.conftest import ROOT
from tests.lit_scenes import MATT, PLATE
from tests.unit.test_engine import seen_from_above

MODELS = ROOT / "assets/models"
LOOK = ("n_frames=2", "background=color", "lighting=sun", "occlusion=none", "workers=1")


def linear(level: float) -> float:
    """The definition of sRGB."""
    share = level / 255
    return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4


def materials_of(model: str, *words: str) -> dict[str, Material]:
    """Materials of target 0 of frame 0, by name."""
    plan = render.compose(*LOOK, f"models=[{model}]", "objects=single", "material=authored", *words)
    instance = plan.scene(0).instances[0]
    return {material.name: material for material in instance.materials}


def test_a_base_color_takes_the_place_of_colour_and_texture() -> None:
    found = materials_of("mug", "material.base_color=[200,20,128]")

    for material in found.values():
        assert material.base_color == pytest.approx([linear(200), linear(20), linear(128), 1])
        assert material.base_color_texture is None
        assert material.triplanar is None


def test_cut_outs_keep_the_texture_that_gives_them_their_shape() -> None:
    found = materials_of("grille", "material.base_color=[200,20,128]", "material.pattern=swirl")

    authored = materials_of("grille")["perforated"]
    kept = found["perforated"]
    assert kept.base_color == authored.base_color
    assert kept.base_color_texture is not None
    assert kept.triplanar is None
    assert found["black_oxide"].triplanar is not None


def test_what_is_asked_of_a_material_by_name_wins_over_the_target_s() -> None:
    entries = (
        "[{material: 'iv*', base_color: [10,20,30], roughness: 0.11}, {material: '*', metallic: 1}]"
    )
    found = materials_of(
        "die", f"material.by_material={entries}", "material.roughness=0.77", "material.metallic=0.5"
    )

    ivory, pip = found["ivory"], found["pip"]
    assert ivory.base_color[:3] == pytest.approx([linear(10), linear(20), linear(30)])
    assert (ivory.roughness, ivory.metallic) == (0.11, 0.5)
    assert (pip.roughness, pip.metallic) == (0.77, 1.0)
    assert pip.base_color == materials_of("die")["pip"].base_color


def test_where_nothing_is_asked_the_authored_materials_come_back() -> None:
    plan = render.compose(*LOOK, "models=[die]", "objects=single", "material=authored")
    theta, _, _ = plan.draw(0)
    model = plan.assets.models.load("die.glb")
    found = target_materials(model, theta.material, 0, assets=plan.assets, cache=TextureCache())

    assert all(a is p.material for a, p in zip(found, model.primitives, strict=True))


@pytest.mark.parametrize("pattern", ["marble", "speckle", "swirl"])
def test_a_pattern_mixes_two_colours_in_tiles_that_fit_together(pattern: str) -> None:
    first, second = (0.6, 0.02, 0.1), (0.05, 0.5, 0.9)
    cache = TextureCache()
    image = two_tone_texture(pattern, 5, (first, second), cache).image[..., :3]

    mixed = np.array([[linear(v) for v in pixel] for pixel in image.reshape(-1, 3)[::17]])
    share = (mixed - first) @ np.subtract(second, first) / np.sum(np.subtract(second, first) ** 2)
    on_the_line = np.array(first) + share[:, None] * np.subtract(second, first)
    assert np.abs(mixed - on_the_line).max() < 0.01, "all colours lie between the two"
    assert 0.03 < share.mean() < 0.7
    assert share.min() < 0.05
    assert share.max() > 0.8
    rough = image.astype(float)
    within = np.abs(np.diff(rough, axis=0)).mean(), np.abs(np.diff(rough, axis=1)).mean()
    across = np.abs(rough[0] - rough[-1]).mean(), np.abs(rough[:, 0] - rough[:, -1]).mean()
    assert max(across) < 1.5 * max(within), "a seam would be a step"
    other = two_tone_texture(pattern, 6, (first, second), cache).image
    assert (other[..., :3] != image).any(axis=2).mean() > 0.1


def test_a_decal_is_the_picture_on_what_had_one(tmp_path: Path) -> None:
    picture = np.zeros((8, 16, 3), np.uint8)
    picture[:, :8] = 30, 200, 90  # blue, green, red, as OpenCV has them
    cv2.imwrite(str(tmp_path / "label_a.png"), picture)
    found = materials_of("bottle", f"assets.textures_dir={tmp_path}", "material.decal=label_*")

    texture = found["body"].base_color_texture
    assert texture is not None
    assert (texture.image[..., :3] == picture[..., ::-1]).all()
    assert found["cap"].base_color_texture is None
    assert found["cap"].base_color == materials_of("bottle")["cap"].base_color


def plate(colors: np.ndarray | None, **changes: Any) -> Scene:
    """A plate under even light, with these colours of vertices."""
    material = dataclasses.replace(MATT, base_color=(0.5, 0.2, 0.1, 1.0), **changes)
    part = dataclasses.replace(PLATE.primitives[0], material=material, colors=colors)
    model = dataclasses.replace(PLATE, primitives=(part,))
    return dataclasses.replace(
        seen_from_above([(model, np.zeros(3), 1.0)]), ambient=(1.0, 1.0, 1.0)
    )


def check_colors_are_ignored(engine: AbstractEngine) -> None:
    n = len(PLATE.primitives[0].positions_m)
    colors = np.tile(np.array([0.2, 0.9, 0.4, 1.0], np.float32), (n, 1))
    plain = engine.render(plate(None)).radiance
    counted = engine.render(plate(colors)).radiance
    ignored = engine.render(plate(colors, ignores_colors=True)).radiance

    assert not np.allclose(plain, counted, rtol=0.05)
    np.testing.assert_array_equal(plain, ignored)


def test_vertex_colours_can_be_ignored(engine: AbstractEngine) -> None:
    check_colors_are_ignored(engine)


def test_mitsuba_ignores_vertex_colours_too() -> None:
    pytest.importorskip("mitsuba", reason="mitsuba is not installed")
    from render.engine.mitsuba.engine import MitsubaEngine

    with MitsubaEngine(samples=4) as engine:
        check_colors_are_ignored(engine)


def test_labels_do_not_depend_on_the_finish() -> None:
    words = (*LOOK, "models=[valve,die]", "camera.size_wh=[96,72]", "engine=cpu")
    colored = "material.base_color=[[uniform,0,255],10,10]", "material.pattern=marble"
    plain = list(render.frames(render.compose(*words)))
    changed = list(render.frames(render.compose(*words, *colored)))

    for a, b in zip(plain, changed, strict=True):
        assert (a.buffers.instance_idx == b.buffers.instance_idx).all()
        assert (a.rgb != b.rgb).any()


@pytest.mark.parametrize(
    ("word", "message"),
    [
        (
            "by_material=[{material: ivry}]",
            r"materials of the models, got ivry; did you mean ivory",
        ),
        ("by_material=[{roughness: 1}]", r"by_material must be a list of \{material: NAME"),
        ("by_material=[{material: pip, color: 1}]", r"with some of base_color, metallic"),
        ("by_material=[{material: pip},{material: pip}]", r"must name each material once"),
        ("by_material=[{material: pip, roughness: 2}]", r"by_material\.pip\.roughness must"),
        ("base_color=[1,2]", r"material\.base_color must be a list of 3 numbers"),
        ("base_color=[1,2,256]", r"material\.base_color\[2\] must"),
        ("pattern=stripes", r"material\.pattern must be one of none, marble"),
        ("decal=nothing_like_it", r"material\.decal must match one of the textures"),
    ],
)
def test_bad_input_is_told_before_the_first_frame(word: str, message: str) -> None:
    with pytest.raises(render.ConfigError, match=message):
        render.compose(*LOOK, "models=[die]", f"material.{word}")
