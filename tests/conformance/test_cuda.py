"""The engine with Warp's kernels gives what the engine of compiled kernels gives, bit for bit.

Without a GPU they run on Warp's CPU backend: one thread, so that order and races are not tried.
"""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from render.engine.cpu.bodies import bodies_of
from render.engine.cpu.engine import CpuEngine
from render.engine.cpu.plain import Plain, plain_of
from render.engine.cuda.engine import CudaEngine
from render.errors import EngineError
from render.scene import Scene
from render.system.paths import find_assets
from tests.conftest import ROOT, SHARED
from tests.golden.scenes import PICTURES
from tests.lit_scenes import BOX, MATT, PLATE, camera_at, floor, placed, scene
from tests.oracle.scenes import Case, hand_made_cases, library_cases

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("warp") is None,
    reason="the optional package warp-lang is absent: pip install warp-lang",
)

CASES = [*hand_made_cases(), *library_cases("starter", find_assets("models"))]
NO_SHARED = pytest.mark.skipif(
    not SHARED.is_dir(), reason=f"real models for tests are not at {SHARED}"
)
WITHOUT_WARP = """
import sys
sys.modules["warp"] = None
from render.engine.cuda.engine import CudaEngine
from render.errors import EngineError
try:
    CudaEngine(device="cpu")
except EngineError as error:
    print(error)
"""


def n_gpus() -> int:
    from render.engine.cuda.loader import load_warp

    return int(load_warp().get_cuda_device_count())


@pytest.fixture(scope="module")
def cpu() -> Iterator[CpuEngine]:
    with CpuEngine() as started:
        yield started


@pytest.fixture(scope="module", params=["cpu", "auto"])
def cuda(request: pytest.FixtureRequest) -> Iterator[CudaEngine]:
    """On Warp's CPU backend, and on a GPU where there is one."""
    if request.param == "auto" and n_gpus() == 0:
        pytest.skip("CUDA finds no GPU here")
    with CudaEngine(device=request.param) as started:
        yield started


def assert_same(cuda: CudaEngine, cpu: CpuEngine, scene: Scene) -> None:
    expected, got = cpu.render(scene, with_faces=True), cuda.render(scene, with_faces=True)

    for name in ("instance_idx", "depth_m", "faces", "radiance"):
        np.testing.assert_array_equal(getattr(got, name), getattr(expected, name), err_msg=name)
    outlines = zip(
        cuda.silhouettes(scene, scene.instances), cpu.silhouettes(scene, scene.instances),
        strict=True,
    )  # fmt: skip
    for mine, theirs in outlines:
        assert (mine.x0, mine.y0) == (theirs.x0, theirs.y0)
        np.testing.assert_array_equal(mine.mask, theirs.mask)


@pytest.mark.parametrize(
    "case",
    [
        *(pytest.param(c, id=c.name) for c in CASES),
        *(
            pytest.param(c, id=c.name, marks=NO_SHARED)
            for c in library_cases("shared", SHARED / "models")
        ),
    ],
)
def test_a_scene_is_as_the_cpu_engine_draws_it(
    cuda: CudaEngine, cpu: CpuEngine, case: Case
) -> None:
    assert_same(cuda, cpu, case.build())


@pytest.mark.parametrize("name", sorted(PICTURES))
def test_a_picture_is_the_cpu_engines(cuda: CudaEngine, cpu: CpuEngine, name: str) -> None:
    """See-through, caught shadows, lenses, holes, surfaces."""
    np.testing.assert_array_equal(PICTURES[name](cuda), PICTURES[name](cpu))


def in_one_place() -> Scene:
    """Of everything two that coincide: boxes, sheets, and what catches shadows and what is seen."""
    bodies = placed(
        (BOX, (0.0, 0.0, 0.5), 1.0, MATT), (BOX, (0.0, 0.0, 0.5), 1.0, MATT),
        (PLATE, (1.2, 0.0, 0.5), 1.0, MATT), (PLATE, (1.2, 0.0, 0.5), 1.0, MATT),
    )  # fmt: skip
    surfaces = [floor(half=1.5, catches=catches) for catches in (True, False, True)]
    return scene(camera_at((0.5, -4.0, 2.5)), bodies, surfaces=tuple(surfaces), ambient=0.5)


def with_holes(scene: Scene, *numbers: int) -> Scene:
    """Some instances have materials that the kernels for CUDA leave to the CPU."""
    masked = replace(MATT, alpha_mode="mask")
    return replace(
        scene,
        instances=tuple(
            replace(i, materials=(masked,)) if i.instance_idx in numbers else i
            for i in scene.instances
        ),
    )


@pytest.mark.parametrize("holed", [(), (0,), (1,), (0, 2), (1, 3), (0, 1, 2, 3)], ids=str)
def test_of_equal_depths_the_first_face_is_shown(
    cuda: CudaEngine, cpu: CpuEngine, holed: tuple[int, ...]
) -> None:
    """Whichever of the two is drawn on the CPU."""
    drawn = with_holes(in_one_place(), *holed)
    assert_same(cuda, cpu, drawn)
    # Of bodies drawn in two ways, rounding alone may decide.
    if not holed:
        assert {0, 2} <= set(np.unique(cuda.render(drawn).instance_idx)) <= {-1, 0, 2}


def plain_bodies(scene: Scene) -> tuple[list[Plain], int]:
    bodies = bodies_of(scene)
    outlined = {i.instance_idx for i in scene.instances}
    found = [plain_of(bodies, k, list(b.parts), outlined) for k, b in enumerate(bodies.all)]
    return [one for one in found if one is not None], int(bodies.first_face[-1])


@pytest.mark.parametrize("most_bytes", [1 << 28, 1], ids=["one batch", "batches"])
def test_the_order_of_drawing_changes_nothing(
    most_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a GPU draws at once may come in any order."""
    from render.engine.cuda import drawer
    from render.engine.cuda.loader import device_of, load_warp

    monkeypatch.setattr(drawer, "_MOST_MASK_BYTES", most_bytes)
    drawn = in_one_place()
    plain, n_faces = plain_bodies(drawn)
    assert len(plain) == 7
    makes = drawer.WarpDrawer(device_of(load_warp(), "cpu"))
    forward = makes.draw(drawn.camera, plain, n_faces)
    backward = makes.draw(drawn.camera, plain[::-1], n_faces)

    np.testing.assert_array_equal(forward.visible.face, backward.visible.face)
    np.testing.assert_array_equal(forward.visible.inverse_m, backward.visible.inverse_m)
    assert forward.outlines.keys() == backward.outlines.keys() == {0, 1, 2, 3}
    for number, outline in forward.outlines.items():
        np.testing.assert_array_equal(outline.mask, backward.outlines[number].mask)


def test_what_the_kernels_cannot_draw_is_left_to_the_cpu() -> None:
    drawn = in_one_place()
    camera = drawn.camera
    assert len(plain_bodies(with_holes(drawn, 1))[0]) == 6
    near = replace(drawn, camera=replace(camera, near_m=3.5))  # within the boxes
    assert len(plain_bodies(near)[0]) < 7
    bent = replace(drawn, camera=replace(camera, distortion=(-0.1, 0.0, 0.0, 0.0)))
    assert plain_bodies(bent)[0] == []


def test_the_kernels_compile_for_cuda_without_fused_sums(tmp_path: Path) -> None:
    """A fused product and sum rounds once, and other pixels would be shown."""
    from render.engine.cuda.loader import load_warp

    wp = load_warp()
    from render.engine.cuda import kernels

    try:
        wp.compile_aot_module(kernels.draw.module, arch=80, module_dir=tmp_path, use_ptx=True)
    except RuntimeError as error:
        pytest.skip(f"this build of Warp has no compiler for CUDA: {error}")
    (code,) = (path.read_text() for path in tmp_path.glob("*.ptx"))

    assert re.findall(r"\bfma\.\S*f64", code) == []
    assert "atom.global.max.u64" in code
    assert re.findall(r"\bdiv\.(?!rn)\S*f64", code) == []


def test_without_warp_it_says_what_to_install() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_WARP], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "engine=cuda needs NVIDIA Warp" in done.stdout
    assert "pip install 'render-theta[cuda]'" in done.stdout


def test_without_a_gpu_it_is_only_for_tests() -> None:
    if n_gpus() > 0:
        pytest.skip("there is a GPU")
    for device in ("auto", 0):
        with pytest.raises(EngineError, match=r"needs an NVIDIA GPU, .* take engine=cpu"):
            CudaEngine(device=device)
    found = CudaEngine.probe(device="auto")
    assert found.chosen is None
    assert "NVIDIA GPU" in found.failure


def test_a_device_that_is_not_there() -> None:
    if n_gpus() == 0:
        pytest.skip("CUDA finds no GPU here")
    with pytest.raises(EngineError, match=r"engine\.device must be one of auto, 0.*, got 99"):
        CudaEngine(device=99)


def test_what_draws_is_told(cuda: CudaEngine) -> None:
    info = cuda.info
    assert info.is_gpu == (info.platform == "cuda")
    assert "Warp" in info.version
    assert "Numba" in info.version


def test_a_closed_one_says_so() -> None:
    engine = CudaEngine(device="cpu")
    engine.close()
    engine.close()
    with pytest.raises(EngineError, match="closed"):
        engine.render(in_one_place())


def picture(engine: CpuEngine | CudaEngine, drawn: Scene) -> NDArray[np.float32]:
    return engine.render(drawn).radiance


def test_models_that_are_gone_leave_the_device(cpu: CpuEngine) -> None:
    """Others may come to lie where they lay."""
    with CudaEngine(device="cpu") as engine:
        for half in (0.3, 0.4, 0.5):
            points = PLATE.primitives[0].positions_m * half
            part = replace(PLATE.primitives[0], positions_m=points)
            model = replace(PLATE, primitives=(part,), hull_m=points)
            drawn = scene(camera_at((0, -1, 2)), placed((model, (0, 0, 0), 1.0, MATT)), ambient=1)
            np.testing.assert_array_equal(picture(engine, drawn), picture(cpu, drawn))
