"""The rasterizer at its limits; what it draws is judged in tests/conformance."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys

import numpy as np
import pytest

from render.engine.base import AbstractEngine
from render.engine.cpu.engine import CpuEngine
from render.engine.pyrender.engine import PyrenderEngine
from render.engine.pyrender.probe import probe
from render.errors import EngineError
from render.geometry.frames import rigid
from render.lights.light import Light
from render.scene import Material, Model, Scene, Texture
from tests.conftest import ROOT
from tests.lit_scenes import PLATE, square
from tests.oracle.staging import scene_around, view


def seen_from_above(
    placed: list[tuple[Model, np.ndarray, float]],
    *,
    size_wh: tuple[int, int] = (64, 48),
    lights: tuple[Light, ...] = (),
) -> Scene:
    """Models at ``(position, scale)`` seen from 2 m above, world Y up in the image."""
    camera = view((0.0, 0.0, 2.0), (0.0, 0.0, 0.0), fov_deg=60.0, size_wh=size_wh)
    bodies = [(model, rigid(np.eye(3), at), scale) for model, at, scale in placed]
    return scene_around(camera, bodies, lights=lights, backdrop=0.25)


def test_empty_scene_is_the_background(engine: AbstractEngine) -> None:
    buffers = engine.render(seen_from_above([]))
    assert (buffers.radiance == 0.25).all()
    assert (buffers.instance_idx == -1).all()
    assert (buffers.depth_m == 0).all()
    assert engine.silhouettes(seen_from_above([]), []) == ()


def test_background_passes_through_unchanged(engine: AbstractEngine) -> None:
    scene = seen_from_above([], size_wh=(256, 32))
    ramp = np.geomspace(1e-3, 50, 256).astype(np.float32)
    ramp = np.broadcast_to(ramp[None, :, None], (32, 256, 3))
    buffers = engine.render(dataclasses.replace(scene, backdrop=ramp))
    np.testing.assert_array_equal(buffers.radiance, ramp)


def test_ambient_light_of_intensity_i_shows_a_white_matt_surface_as_i(
    engine: AbstractEngine,
) -> None:
    # A square that fills the frame.
    buffers = engine.render(seen_from_above([(PLATE, np.zeros(3), 8.0)]))
    middle = buffers.radiance[24, 32]
    # Surfaces that are no metal reflect 4 % on top.
    assert (middle >= 0.499).all()
    assert (middle <= 0.545).all()


def test_as_many_instances_as_a_mask_file_can_name(engine: AbstractEngine) -> None:
    model, n = PLATE, 65_535
    grid = np.stack(np.meshgrid(np.arange(256), np.arange(256)), axis=-1).reshape(-1, 2)[:n]
    at = (grid - 127.5) * 0.004
    placed = [(model, np.array([x, y, 0.0]), 0.004) for x, y in at]
    scene = seen_from_above(placed, size_wh=(512, 512))
    buffers = engine.render(scene)
    seen = np.unique(buffers.instance_idx)
    # The squares tile a field of which each covers about one pixel; where a centre falls
    # inside one, exactly that one must be named.
    uv_m = (np.arange(512) - 255.5) * 2.0 * np.tan(np.radians(30)) * 2.0 / 512
    col = np.floor(uv_m / 0.004 + 128).astype(int)
    row = np.floor(-uv_m / 0.004 + 128).astype(int)
    inside = (0 <= col) & (col < 256)
    expected = np.where(
        inside[None, :] & inside[::-1][:, None], row[:, None] * 256 + col[None, :], -1
    )
    expected[expected >= n] = -1
    off_edge = np.abs(uv_m / 0.004 - np.round(uv_m / 0.004)) > 0.02
    sure = off_edge[:, None] & off_edge[None, :]
    np.testing.assert_array_equal(buffers.instance_idx[sure], expected[sure])
    assert seen.max() > 60_000


def test_first_frame_of_a_textured_model_is_like_the_next(engine: AbstractEngine) -> None:
    def plain(*rgb: int) -> Texture:
        return Texture(image=np.full((4, 4, 4), (*rgb, 255), np.uint8))

    material = Material(
        base_color_texture=plain(200, 30, 30),
        normal_texture=plain(128, 128, 255),
        metallic_roughness_texture=plain(0, 255, 0),
        emissive_texture=plain(0, 0, 0),
    )
    parts = (dataclasses.replace(PLATE.primitives[0], material=material),)
    scene = seen_from_above([(dataclasses.replace(PLATE, primitives=parts), np.zeros(3), 1.0)])
    first = engine.render(scene).radiance
    again = engine.render(dataclasses.replace(scene)).radiance

    red, green, blue = first[24, 32]
    assert red > 2 * max(green, blue)
    np.testing.assert_array_equal(first, again)


def test_one_instance_too_many(engine: AbstractEngine) -> None:
    model = PLATE
    scene = seen_from_above([(model, np.zeros(3), 1.0)])
    crowded = dataclasses.replace(scene, instances=scene.instances * 65_536)
    with pytest.raises(EngineError, match="at most 65535"):
        engine.render(crowded)


def test_too_many_lights(engine: AbstractEngine) -> None:
    light = Light(color=(1.0, 1.0, 1.0), intensity=0.1)
    with pytest.raises(EngineError, match="at most 32, got 33"):
        engine.render(seen_from_above([], lights=(light,) * 33))


def test_image_larger_than_gl_can_draw(gl_engine: PyrenderEngine) -> None:
    scene = seen_from_above([])
    wide = dataclasses.replace(scene.camera, size_wh=(1_000_000, 8))
    with pytest.raises(EngineError, match=r"camera\.size_wh must be at most"):
        gl_engine.render(dataclasses.replace(scene, camera=wide))


@pytest.mark.parametrize("kind", [CpuEngine, PyrenderEngine])
def test_closed_engine_says_so(kind: type[AbstractEngine]) -> None:
    engine = kind()
    engine.close()
    engine.close()
    with pytest.raises(EngineError, match="closed"):
        engine.render(seen_from_above([]))


def test_two_engines_do_not_disturb_each_other(engine: AbstractEngine) -> None:
    scene = seen_from_above([(PLATE, np.zeros(3), 1.0)])
    alone = engine.render(scene)
    with type(engine)() as other:
        beside = other.render(scene)
    again = engine.render(dataclasses.replace(scene))
    np.testing.assert_array_equal(alone.radiance, beside.radiance)
    np.testing.assert_array_equal(alone.radiance, again.radiance)


def test_changing_sizes_and_models_leave_no_trace(engine: AbstractEngine) -> None:
    first = seen_from_above([(square("a", 0.5), np.zeros(3), 1.0)])
    other = seen_from_above([(square("b", 0.5), np.array([0.3, 0, 0]), 0.5)], size_wh=(80, 40))
    before = engine.render(first)
    engine.render(other)
    engine.silhouettes(other, other.instances)
    after = engine.render(dataclasses.replace(first))
    for name in ("radiance", "depth_m", "instance_idx"):
        np.testing.assert_array_equal(getattr(before, name), getattr(after, name))


@pytest.mark.parametrize(
    ("platform", "device", "message"),
    [
        ("glx", "auto", "must be auto, egl or osmesa"),
        ("egl", "17", "engine.device must be one of auto, .*surfaceless, got 17"),
        ("osmesa", "0", "engine.device must be one of auto, software, got 0"),
    ],
)
def test_unknown_platform_or_device(platform: str, device: str, message: str) -> None:
    with pytest.raises(EngineError, match=message):
        PyrenderEngine(platform=platform, device=device)


def test_probe_agrees_with_the_engine(gl_engine: PyrenderEngine) -> None:
    found = probe("auto", "auto")
    assert found.chosen == gl_engine.info
    assert all((trial.info is None) == bool(trial.error) for trial in found.trials)


def test_machine_without_gl_is_told_what_to_install() -> None:
    code = (
        "import ctypes\n"
        "real = ctypes.CDLL\n"
        "class Missing(real):\n"
        "    def __init__(self, name=None, *args, **kwargs):\n"
        "        if name and any(w in str(name) for w in ('GL', 'OSMesa')):\n"
        "            raise OSError(f'{name}: cannot open shared object file')\n"
        "        super().__init__(name, *args, **kwargs)\n"
        "ctypes.CDLL = Missing\n"
        "from render.engine.pyrender.engine import PyrenderEngine\n"
        "from render.errors import EngineError\n"
        "try:\n"
        "    PyrenderEngine()\n"
        "except EngineError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "apt-get install libegl1" in done.stdout, done.stderr
    assert "libOSMesa.so.8 is not installed" in done.stdout
