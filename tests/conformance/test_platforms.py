"""EGL and OSMesa of one Mesa draw the same ids, depth and silhouettes, bit for bit."""

from __future__ import annotations

from collections.abc import Iterator
from ctypes.util import find_library

import numpy as np
import pytest

from render.engine.pyrender.engine import PyrenderEngine
from render.system.paths import find_assets
from tests.oracle.scenes import Case, hand_made_cases, library_cases

NAMES = (
    "hand/intersecting",
    "hand/near_cut",
    "hand/cutouts_clamp_mirror",
    "hand/blades",
    "hand/specks",
    "starter/hardware/crowd",
    "starter/objects/frame_edge",
)
CASES = [
    case
    for case in (*hand_made_cases(), *library_cases("starter", find_assets("models")))
    if case.name in NAMES
]


@pytest.fixture(scope="module")
def engines() -> Iterator[tuple[PyrenderEngine, PyrenderEngine]]:
    """One for each platform, of one Mesa."""
    if find_library("OSMesa") is None:
        pytest.skip("this machine has no OSMesa")
    with PyrenderEngine(platform="egl") as egl, PyrenderEngine(platform="osmesa") as osmesa:
        if (egl.info.renderer, egl.info.version) != (osmesa.info.renderer, osmesa.info.version):
            pytest.skip(f"not of one Mesa: {egl.info} and {osmesa.info}")
        yield egl, osmesa


def test_every_scene_named_is_there() -> None:
    assert len(CASES) == len(NAMES)


@pytest.mark.parametrize("case", [pytest.param(c, id=c.name) for c in CASES])
def test_platforms_agree(engines: tuple[PyrenderEngine, PyrenderEngine], case: Case) -> None:
    egl, osmesa = engines
    scene = case.build()
    ours, theirs = egl.render(scene), osmesa.render(scene)
    assert (ours.instance_idx >= 0).any()
    np.testing.assert_array_equal(ours.instance_idx, theirs.instance_idx)
    np.testing.assert_array_equal(ours.depth_m, theirs.depth_m)
    for a, b in zip(
        egl.silhouettes(scene, scene.instances),
        osmesa.silhouettes(scene, scene.instances),
        strict=True,
    ):
        assert (a.x0, a.y0) == (b.x0, b.y0)
        np.testing.assert_array_equal(a.mask, b.mask)
