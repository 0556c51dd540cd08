"""One process for long: scenes of more models than memory is given, and engines again and again.

Memory is that of this process as the kernel counts it. Later windows are compared with earlier
ones, because libraries and GL take what they need once.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image

from render.assembly.textures import TextureCache
from render.build import build
from render.engine.pyrender.engine import PyrenderEngine
from render.geometry.frames import rigid
from render.library.models import ModelLibrary
from render.lights.light import Light
from render.pipeline import realise
from render.sample import SampleKey
from render.scene import Model, Scene
from tests.oracle.staging import scene_around, view
from tests.spaces import composed

MIB = 2**20
N_MODELS, MEMORY_MB = 12, 3


def resident_mib() -> float:
    """Resident memory of this process, as the kernel counts it."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / MIB


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def models_alive(names: Sequence[str]) -> int:
    return sum(isinstance(x, Model) and x.name in names for x in gc.get_objects())


@pytest.fixture(scope="module")
def models_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Boxes of 12,288 faces, each of its own shape; some with a picture on them."""
    folder = tmp_path_factory.mktemp("models")
    noise = np.random.Generator(np.random.SFC64(0))
    for k in range(N_MODELS):
        box = trimesh.creation.box((20.0, 20.0, 10.0 + k))
        for _ in range(5):
            box = box.subdivide()
        box.export(folder / f"{k:02d}.stl")
        if k % 3 == 0:
            image = Image.fromarray(noise.integers(0, 256, (256, 256, 3), np.uint8))
            uv = (box.vertices[:, :2] / 20.0) + 0.5
            box.visual = trimesh.visual.TextureVisuals(uv=uv, image=image)
            box.export(folder / f"{k:02d}.glb")
    return folder


def side_by_side(models: Sequence[Model], k: int) -> Scene:
    """Some of the models in a row, lit with shadows."""
    camera = view((0.05, -0.1, 0.2), (0.0, 0.0, 0.0), fov_deg=60.0, size_wh=(64, 48))
    row = [
        (model, rigid(np.eye(3), np.array([0.04 * i - 0.04, 0.01 * (k % 5), 0.0])),
         0.03 / model.extent_m)
        for i, model in enumerate(models)
    ]  # fmt: skip
    lights = (Light(color=(1.0, 1.0, 1.0), intensity=0.8),)
    return scene_around(camera, row, lights=lights, ambient=0.2, backdrop=0.0)


def change_scenes(models_dir: Path, changes: int) -> tuple[list[float], list[int], list[int]]:
    """MiB of this process, bytes on the GPU and instances of models alive, after each scene."""
    library = ModelLibrary(models_dir, memory_mb=MEMORY_MB)
    mib, on_gpu, alive = [], [], []
    with PyrenderEngine() as engine:
        for k in range(changes):
            names = [library.names[(5 * k + i) % len(library.names)] for i in range(3)]
            scene = side_by_side([library.load(name) for name in names], k)
            engine.render(scene)  # raises on any GL error
            engine.silhouettes(scene, scene.instances)
            mib.append(resident_mib())
            on_gpu.append(engine._gpu_cache.n_bytes)
            if k % 50 == 49:
                alive.append(models_alive(library.names))
    return mib, on_gpu, alive


def assert_flat(mib: Sequence[float], on_gpu: Sequence[int], alive: Sequence[int]) -> None:
    tenth = len(mib) // 10
    early, late = np.median(mib[2 * tenth : 3 * tenth]), np.median(mib[-tenth:])
    assert late - early < max(0.03 * early, 16.0), f"{early:.0f} MiB, then {late:.0f}"
    assert max(on_gpu[len(on_gpu) // 2 :]) <= max(on_gpu[: len(on_gpu) // 2])
    assert max(alive) < N_MODELS  # fewer than there are, let alone than were loaded


def test_hundred_scene_changes_leave_memory_flat(models_dir: Path) -> None:
    assert_flat(*change_scenes(models_dir, 100))


@pytest.mark.slow
def test_thousand_scene_changes_leave_memory_flat(models_dir: Path) -> None:
    assert_flat(*change_scenes(models_dir, 1000))


def test_frames_of_more_models_than_memory_are_those_of_enough(models_dir: Path) -> None:
    """The bound changes time alone: pictures and labels are the same bytes."""

    def frames(memory_mb: int) -> list[bytes]:
        config = composed(
            f"assets.models_dir={models_dir}", f"memory_mb={memory_mb}", "camera.size_wh=[96,72]",
            "objects.count=4", "material=mixture", "truncation=some",
        )  # fmt: skip
        plan, textures = build(config), TextureCache(4 * MIB)
        found = []
        with PyrenderEngine() as engine:
            for i in range(6):
                theta, placement, rejections = plan.draw(i)
                sample = realise(
                    plan, engine, SampleKey.of(i, 0.2), theta=theta, placement=placement,
                    rejections=rejections, textures=textures,
                )  # fmt: skip
                masks = b"".join(label.mask.pixels().tobytes() for label in sample.labels)
                found.append(sample.rgb.tobytes() + masks)
        return found

    assert frames(1024) == frames(1)


@pytest.mark.parametrize("engines", [50, pytest.param(200, marks=pytest.mark.slow)])
def test_many_engines_in_one_process(engines: int, models_dir: Path) -> None:
    library = ModelLibrary(models_dir, include=["00.stl", "03.glb"])
    scene = side_by_side([library.load(name) for name in library.names], 0)
    mib, files, pictures = [], [], []
    for _ in range(engines):
        with PyrenderEngine() as engine:
            pictures.append(engine.render(scene).radiance.tobytes())
        mib.append(resident_mib())
        files.append(open_files())

    assert 1 == len(set(pictures))
    assert files[-1] <= files[9]
    early, late = np.median(mib[20:30]), np.median(mib[-10:])
    assert late - early < 40.0, f"{early:.0f} MiB, then {late:.0f}"
