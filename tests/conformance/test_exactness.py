"""The promise: ids, depth, silhouettes and boxes are those of a float64 ray caster.

The bars are those of the project's own statement; ``python -m benchmarks.exactness`` prints the
figures scene by scene.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest

from render.engine.base import AbstractEngine
from render.engine.cpu.engine import CpuEngine
from render.engine.pyrender.engine import PyrenderEngine
from render.scene import Instance, Scene
from render.system.paths import find_assets
from tests.conftest import SHARED
from tests.oracle.compare import DEPTH_REL, NEAR_PX, Figures, Pixels, compare, edge_of
from tests.oracle.flatten import rays_of
from tests.oracle.raycast import Cutout, Rays, Triangles
from tests.oracle.scenes import Case, hand_made_cases, library_cases

CASES = [*hand_made_cases(), *library_cases("starter", find_assets("models"))]
SHARED_CASES = library_cases("shared", SHARED / "models")
NO_SHARED = pytest.mark.skipif(
    not SHARED.is_dir(), reason=f"real models for tests are not at {SHARED}"
)


@pytest.fixture(scope="module")
def engines() -> Iterator[Mapping[str, AbstractEngine]]:
    """Both rasterizers at the same time, so that a scene is built and cast once for both."""
    with CpuEngine() as cpu, PyrenderEngine() as gl:
        yield {"cpu": cpu, "pyrender": gl}


@pytest.fixture(scope="module")
def measured() -> dict[tuple[str, str], Figures]:
    """Figures of the scenes that were compared, by name and engine."""
    return {}


@lru_cache(maxsize=1)
def cast(case: Case) -> tuple[Scene, Rays]:
    scene = case.build()
    return scene, rays_of(scene)


@pytest.mark.parametrize("name", ["cpu", "pyrender"])  # of each case one after the other
@pytest.mark.parametrize(
    "case",
    [
        *(pytest.param(c, id=c.name) for c in CASES),
        *(pytest.param(c, id=c.name, marks=NO_SHARED) for c in SHARED_CASES),
    ],
)
def test_a_scene_is_as_the_ray_caster_sees_it(
    case: Case,
    name: str,
    engines: Mapping[str, AbstractEngine],
    measured: dict[tuple[str, str], Figures],
) -> None:
    figures = compare(*cast(case), engines[name])
    measured[case.name, name] = figures

    assert figures.visible.agree >= 0.9998  # one scene; all together below
    assert figures.visible.farthest_px <= NEAR_PX
    assert figures.amodal.farthest_px <= NEAR_PX
    assert figures.depth_rel <= DEPTH_REL
    assert figures.box_obj_px <= 0.01
    assert figures.n_box_visib_off == 0
    assert figures.n_count_off == 0


@pytest.mark.parametrize("name", ["cpu", "pyrender"])
def test_all_scenes_together_keep_the_promise(
    name: str, measured: dict[tuple[str, str], Figures]
) -> None:
    of_it = [figures for (_, engine), figures in measured.items() if engine == name]
    if len(of_it) < len(CASES):
        pytest.skip("the scenes were not all compared in this run")
    total = sum(of_it, Figures())

    assert total.visible.agree >= 0.9999
    assert total.visible.edge_agree >= 0.9995
    assert total.amodal.edge_agree >= 0.9995
    assert total.visible.n_tie <= total.visible.n // 100_000


def test_the_scenes_hold_what_they_promise(engine: AbstractEngine) -> None:
    """Cut pixels, back faces, things behind the camera and outside the image are really there."""
    scenes = {c.name: c for c in CASES}
    cut = scenes["hand/cutouts_repeat"].build()
    solid = rays_of(cut)
    n_holes = sum(
        int(np.count_nonzero(~s.mask))
        for s in engine.silhouettes(cut, cut.instances)
        if s.mask.size
    )
    assert n_holes > 10_000
    among = rays_of(scenes["starter/hardware/among"].build())
    z = among.triangles.corners_cam[:, :, 2]
    assert (z.max(axis=1) < 0).any()
    assert ((z.min(axis=1) < 0.01) & (z.max(axis=1) > 0.01)).any()
    assert len(solid.triangles.cutouts) == 3


def two_triangles(**changes: object) -> Triangles:
    """A square of 2 m at z = 2 and, slanted through it, a triangle."""
    corners = np.array(
        [
            [[-1, -1, 2], [1, -1, 2], [1, 1, 2]],
            [[-1, -1, 2], [1, 1, 2], [-1, 1, 2]],
            [[-1, -1, 1], [1, -1, 3], [0, 1, 2]],
        ],
        np.float64,
    )
    fields = {
        "corners_cam": corners,
        "owner": np.array([0, 0, 1], np.int32),
        "cutout": np.full(3, -1, np.int32),
        "st": np.zeros((3, 3, 2)),
        "alpha": np.ones((3, 3)),
    }
    return Triangles(**(fields | changes))


K = np.array([[100.0, 0.0, 49.5], [0.0, 100.0, 49.5], [0.0, 0.0, 1.0]])


def test_the_caster_itself_against_what_can_be_worked_out_by_hand() -> None:
    rays = Rays(two_triangles(), K, near_m=0.1, far_m=10.0)
    ids, depth = rays.image(0, 0, (100, 100))
    # The square of 2 m at 2 m covers 100 pixels; x / z = (col - 49.5) / 100.
    slope = (np.arange(100) - 49.5) / 100
    # The slanted plane is z = 2 + x, so z = 2 / (1 - x / z): before the square left of the middle.
    row = 20
    assert (ids[row, 30:50] == 1).all()
    assert (ids[row, 50:] == 0).all()
    np.testing.assert_allclose(depth[row, 30:50], 2 / (1 - slope[30:50]), rtol=1e-14)
    np.testing.assert_allclose(depth[row, 50:], 2.0, rtol=1e-14)
    assert (ids >= 0).all()  # the diagonal, where two triangles share an edge, does not leak
    behind = Rays(
        two_triangles(corners_cam=-two_triangles().corners_cam), K, near_m=0.1, far_m=10.0
    )
    assert (behind.image(0, 0, (100, 100))[0] == -1).all()


@pytest.mark.parametrize(
    ("wrap", "expected"),
    [("repeat", "0101010101"), ("clamp", "0000011111"), ("mirror", "0110011001")],
)
def test_the_casters_cut_outs_wrap_as_opengl_says(wrap: str, expected: str) -> None:
    # s runs from -2 to 3 over a square of 100 columns; two texels: hole, then solid.
    cutout = Cutout(
        alpha=np.array([[0, 255]], np.uint8), wrap_st=(wrap, "clamp"), factor=1.0, cutoff=0.5
    )
    st = np.zeros((3, 3, 2))
    st[..., 0] = two_triangles().corners_cam[..., 0] * 2.5 + 0.5
    made = two_triangles(cutout=np.zeros(3, np.int32), st=st, cutouts=(cutout,))
    only_square = np.arange(2)
    ids, _ = Rays(made, K, near_m=0.1, far_m=10.0).image(0, 0, (100, 100), only_square)
    # Ten texels across, each read in its middle; every second tile is turned round by mirror.
    seen = ids[50, 5::10] >= 0
    assert expected == "".join("1" if s else "0" for s in seen)


def test_comparison_sees_a_shift_of_a_twentieth_of_a_pixel(
    engines: Mapping[str, AbstractEngine],
) -> None:
    """The figures themselves are judged: an engine that is off must not pass."""
    scene = next(c for c in CASES if c.name == "hand/intersecting").build()
    engine = engines["cpu"]

    class Shifted:
        """The engine, drawing for a camera whose principal point lies beside the real one."""

        def moved(self, scene: Scene) -> Scene:
            K = scene.camera.K.copy()
            K[0, 2] += 0.05
            return replace(scene, camera=replace(scene.camera, K=K))

        def render(self, scene: Scene) -> object:
            return engine.render(self.moved(scene))

        def silhouettes(self, scene: Scene, instances: Sequence[Instance]) -> object:
            return engine.silhouettes(self.moved(scene), instances)

    figures = compare(scene, rays_of(scene), Shifted())
    assert figures.visible.farthest_px > NEAR_PX
    assert figures.amodal.farthest_px > NEAR_PX
    assert figures.visible.edge_agree < 0.9995


def test_edges_are_both_sides_of_a_border() -> None:
    ids = np.array([[0, 0, 1, 1], [0, 0, 1, 1]])
    assert edge_of(ids).tolist() == [[False, True, True, False]] * 2
    assert Pixels(n=4, n_differ=1).agree == 0.75
