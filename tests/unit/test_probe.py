"""What the probe finds on this machine, and what it says where drivers are broken for real."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from render.engine.pyrender.context import Candidate, GlContext, candidates, choose
from render.engine.pyrender.engine import PyrenderEngine
from render.engine.pyrender.probe import ProbeResult, _chosen, probe
from render.errors import EngineError
from tests.conftest import ROOT
from tests.unit.test_engine import scene_of, square

LIBRARIES = ("libEGL.so.1", "libOSMesa.so.8", "libOSMesa.so.6", "libOSMesa.so")
PROBE = (
    "import json\n"
    "from dataclasses import asdict\n"
    "from render.engine.pyrender.probe import probe\n"
    "print(json.dumps([asdict(result) for result in probe()]))\n"
)


def probe_with(**environment: str) -> list[dict[str, Any]]:
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
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def broken_libraries(folder: Path, *names: str) -> str:
    """A folder in which the loader finds these libraries first, and cannot load them."""
    for name in names:
        (folder / name).touch()
    return str(folder)


def test_every_result_is_what_an_engine_of_that_name_gets() -> None:
    for result in probe():
        if not result.ok:
            with pytest.raises(EngineError, match="Tried"):
                PyrenderEngine(platform=result.platform, device=result.device)
            continue
        with PyrenderEngine(platform=result.platform, device=result.device) as engine:
            info = engine.info
        for name in ("platform", "device", "vendor", "renderer", "version", "is_gpu"):
            assert getattr(info, name) == getattr(result, name)


def test_platforms_that_work_draw_the_same_ids() -> None:
    scene = scene_of([(square(), np.array([0.1, 0.2, 0.0]), 0.7)])
    works = [result for result in probe() if result.ok]
    drawn = []
    for result in works:
        with PyrenderEngine(platform=result.platform, device=result.device) as engine:
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


def _opened(candidate: Candidate) -> GlContext | None:
    try:
        return candidate.open()
    except EngineError:
        return None


def test_without_libraries_everything_fails_with_its_reason(tmp_path: Path) -> None:
    results = probe_with(LD_LIBRARY_PATH=broken_libraries(tmp_path, *LIBRARIES))

    assert [("egl", "surfaceless"), ("osmesa", "software")] == [
        (r["platform"], r["device"]) for r in results
    ]
    assert not any(r["ok"] or r["chosen"] for r in results)
    assert results[0]["error"].startswith("libEGL.so.1 cannot be loaded: ")
    assert results[1]["error"].startswith("libOSMesa.so.8 cannot be loaded: ")


def test_egl_without_a_driver_says_so_and_osmesa_takes_over() -> None:
    results = probe_with(__EGL_VENDOR_LIBRARY_FILENAMES="/nonexistent")

    by_platform = {r["platform"]: r for r in results}
    assert "eglInitialize fails with EGL_" in by_platform["egl"]["error"]
    if "not installed" in by_platform["osmesa"]["error"]:
        pytest.skip("this machine has no OSMesa")
    assert by_platform["osmesa"]["chosen"]


def test_what_a_wrapper_stumbles_over_is_not_shown() -> None:
    def stumble() -> Any:
        return None.eglGetDisplay  # type: ignore[attr-defined]  # as PyOpenGL does

    with pytest.raises(EngineError) as caught:
        Candidate("egl", "0", stumble).open()

    assert str(caught.value) == (
        "the library that is there lacks functions or devices that are needed"
    )


def test_driver_that_is_too_old_says_what_it_lacks() -> None:
    results = probe_with(MESA_GL_VERSION_OVERRIDE="3.3")

    mesa = [r for r in results if not r["ok"] and "OpenGL 4.1 core context" in r["error"]]
    if not mesa:
        pytest.skip("no driver of this machine is Mesa's")
    assert not any(r["chosen"] for r in mesa)


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
def test_first_gpu_else_the_first_that_works(kinds: str, expected: int | None) -> None:
    devices = [*map(str, range(len(kinds) - 2)), "surfaceless", "software"]
    results = [
        ProbeResult(platform="egl", device=device, ok=kind != "x", is_gpu=kind == "G")
        for kind, device in zip(kinds, devices, strict=True)
    ]

    assert (None if expected is None else results[expected]) is _chosen(results)
