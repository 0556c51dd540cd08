"""What the probe finds on this machine, and what it says where drivers are broken for real."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from render.buffers import Buffers, Silhouette
from render.engine.base import AbstractEngine, DeviceInfo
from render.engine.pyrender import context
from render.engine.pyrender.context import DeviceCandidate, GlContext, candidates, choose
from render.engine.pyrender.engine import PyrenderEngine
from render.engine.pyrender.probe import probe
from render.errors import EngineError
from render.scene import Instance, Scene
from tests.conftest import ROOT
from tests.lit_scenes import square
from tests.unit.test_engine import seen_from_above

LIBRARIES = ("libEGL.so.1", "libOSMesa.so.8", "libOSMesa.so.6", "libOSMesa.so")
PROBE = (
    "import json\n"
    "from dataclasses import asdict\n"
    "from render.engine.pyrender.probe import probe\n"
    "print(json.dumps(asdict(probe('auto', 'auto'))))\n"
)


def probe_with(**environment: str) -> dict[str, Any]:
    """What a fresh process finds in another environment."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def broken_libraries(folder: Path, *names: str) -> str:
    """A folder in which the loader finds these libraries first, and cannot load them."""
    for name in names:
        (folder / name).touch()
    return str(folder)


def test_every_result_is_what_an_engine_of_that_name_gets() -> None:
    for trial in probe("auto", "auto").trials:
        if trial.info is None:
            with pytest.raises(EngineError, match="Tried"):
                PyrenderEngine(platform=trial.platform, device=trial.device)
            continue
        with PyrenderEngine(platform=trial.platform, device=trial.device) as engine:
            assert replace(engine.info, remark="") == trial.info


def test_what_is_asked_for_is_what_it_says_is_chosen() -> None:
    works = [trial for trial in probe("auto", "auto").trials if trial.info]
    for trial in works:
        found = PyrenderEngine.probe(platform=trial.platform, device=trial.device)
        assert found.chosen is not None
        assert (found.chosen.platform, found.chosen.device) == (trial.platform, trial.device)
    missing = PyrenderEngine.probe(device=99)

    assert missing.chosen is None
    assert missing.failure.startswith("engine.device must be one of auto, ")
    assert [t.info for t in missing.trials if t.info] == [t.info for t in works]


def test_an_engine_without_a_probe_of_its_own_tells_what_it_takes() -> None:
    class Plain(AbstractEngine):
        """The rasterizer, with nothing but what an engine must have."""

        def __init__(self, **options: Any) -> None:
            self._inner = PyrenderEngine(**options)

        @property
        def info(self) -> DeviceInfo:
            return self._inner.info

        def render(self, scene: Scene, *, with_faces: bool = False) -> Buffers:
            raise NotImplementedError

        def silhouettes(
            self, scene: Scene, instances: Sequence[Instance]
        ) -> tuple[Silhouette, ...]:
            raise NotImplementedError

        def close(self) -> None:
            self._inner.close()

    found, failed = Plain.probe(device="surfaceless"), Plain.probe(device="99")

    assert found.chosen is not None
    assert [t.info for t in found.trials] == [found.chosen]
    assert found.chosen.device == "surfaceless"
    assert (failed.trials, failed.chosen) == ((), None)
    assert failed.failure.startswith("engine.device must be one of")


def test_platforms_that_work_draw_the_same_ids() -> None:
    scene = seen_from_above([(square(), np.array([0.1, 0.2, 0.0]), 0.7)])
    works = [trial for trial in probe("auto", "auto").trials if trial.info]
    drawn = []
    for trial in works:
        with PyrenderEngine(platform=trial.platform, device=trial.device) as engine:
            drawn.append(engine.render(scene).instance_idx)

    assert works, "no GL on this machine"
    assert (drawn[0] == 0).any()
    for other in drawn[1:]:
        np.testing.assert_array_equal(drawn[0], other)


def test_closed_context_that_python_frees_late_leaves_the_current_one_alone() -> None:
    first = next(c for c in (_opened(candidate) for candidate in candidates("auto", "auto")) if c)
    first.close()
    late = [first]
    late.append(late)  # type: ignore[arg-type]  # a cycle: freed when the collector runs
    del first
    second = choose("auto", "auto")
    del late
    gc.collect()
    shader = "#version 410 core\nvoid main() { gl_Position = vec4(0); }"

    assert second.mgl.program(vertex_shader=shader, varyings=["gl_Position"]).glo > 0
    second.close()


def _opened(candidate: DeviceCandidate) -> GlContext | None:
    try:
        return candidate.open()
    except EngineError:
        return None


def test_without_libraries_everything_fails_with_its_reason(tmp_path: Path) -> None:
    found = probe_with(LD_LIBRARY_PATH=broken_libraries(tmp_path, *LIBRARIES))

    results = found["trials"]
    assert [("egl", "surfaceless"), ("osmesa", "software")] == [
        (r["platform"], r["device"]) for r in results
    ]
    assert [found["chosen"], *(r["info"] for r in results)] == [None] * 3
    assert found["failure"] == "no OpenGL platform works"
    assert "apt-get install" in found["advice"]
    assert results[0]["error"].startswith("libEGL.so.1 cannot be loaded: ")
    assert results[1]["error"].startswith("libOSMesa.so.8 cannot be loaded: ")


def test_egl_without_a_driver_says_so_and_osmesa_takes_over() -> None:
    found = probe_with(__EGL_VENDOR_LIBRARY_FILENAMES="/nonexistent")

    by_platform = {r["platform"]: r for r in found["trials"]}
    assert "eglInitialize fails with EGL_" in by_platform["egl"]["error"]
    if "not installed" in by_platform["osmesa"]["error"]:
        pytest.skip("this machine has no OSMesa")
    assert found["chosen"]["platform"] == "osmesa"


def test_what_a_wrapper_stumbles_over_is_not_shown() -> None:
    def stumble() -> Any:
        return None.eglGetDisplay  # type: ignore[attr-defined]  # as PyOpenGL does

    with pytest.raises(EngineError) as caught:
        DeviceCandidate("egl", "0", stumble).open()

    assert str(caught.value) == (
        "the library that is there lacks functions or devices that are needed"
    )


def test_driver_that_is_too_old_says_what_it_lacks() -> None:
    found = probe_with(MESA_GL_VERSION_OVERRIDE="3.3")

    mesa = [t for t in found["trials"] if "OpenGL 4.1 core context" in t["error"]]
    if not mesa:
        pytest.skip("no driver of this machine is Mesa's")
    names = [(t["platform"], t["device"]) for t in mesa]
    assert found["chosen"] is None or (
        (found["chosen"]["platform"], found["chosen"]["device"]) not in names
    )


class FakeContext:
    """A context of a device that this machine lacks: as much of it as the choice looks at."""

    def __init__(self, device: str, *, is_gpu: bool) -> None:
        self.info = DeviceInfo(
            platform="egl", device=device, vendor="", renderer="", version="", is_gpu=is_gpu
        )
        self.is_open = True

    def make_current(self) -> None:
        assert self.is_open

    def close(self) -> None:
        self.is_open = False


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        # o: software, G: GPU, x: fails; the last two are surfaceless and OSMesa
        ("ooo", 0),
        ("Goo", 0),
        ("oGoo", 1),
        ("xoGGoo", 2),
        ("xxGo", 2),
        ("xxo", 2),
        ("oGo", 0),
        ("xx", None),
    ],
)
def test_first_gpu_else_the_first_that_works(
    kinds: str, expected: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    devices = [*map(str, range(len(kinds) - 2)), "surfaceless", "software"]
    opened: list[FakeContext] = []

    def candidate(device: str, kind: str) -> Any:
        def opens() -> FakeContext:
            if kind == "x":
                raise EngineError("no driver")
            opened.append(FakeContext(device, is_gpu=kind == "G"))
            return opened[-1]

        return SimpleNamespace(platform="egl", device=device, open=opens)

    listed = [candidate(*one) for one in zip(devices, kinds, strict=True)]
    monkeypatch.setattr(context, "candidates", lambda platform, device: iter(listed))
    if expected is None:
        with pytest.raises(EngineError, match=f"no OpenGL platform works.*({devices[0]}: no dri)"):
            choose("auto", "auto")
        return
    chosen = choose("auto", "auto")

    assert chosen.info.device == devices[expected]
    assert [c.info.device for c in opened if c.is_open] == [chosen.info.device]
