"""The parts of the benchmarks that decide whether a figure is printed, and what it counts."""

from __future__ import annotations

import json
import types
from pathlib import Path

import numpy as np
import pytest

from benchmarks import plot
from benchmarks.agreement import agreement_of, edges_of
from benchmarks.clock import Clock
from benchmarks.engine_scenes import draw_frames, lit_by, scaled
from benchmarks.record import RESULTS
from benchmarks.scaling import figures_of
from benchmarks.table import ROWS, lines_of, verdict_of
from render.geometry.projection import project

_IDS = np.full((40, 40), -1, np.int32)
_IDS[10:30, 10:30] = 0
_DEPTH_M = np.where(_IDS >= 0, 0.5, 0.0).astype(np.float32)


def test_edges_are_the_pixels_with_another_id_beside_them() -> None:
    edges = edges_of(_IDS)

    assert edges[9, 20]
    assert edges[10, 20]
    assert not edges[8, 20]
    assert not edges[11, 20]


def test_equal_outputs_agree() -> None:
    mask = _IDS >= 0

    found = agreement_of(_IDS, _DEPTH_M, _IDS, _DEPTH_M, ((mask, mask),))

    assert (found.ids, found.depth, found.amodal) == (1.0, 1.0, 1.0)
    assert found.is_good


def test_a_wrong_id_a_wrong_depth_and_a_wrong_mask_are_found() -> None:
    other_ids, mask = np.where(_IDS >= 0, 1, _IDS), _IDS >= 0
    hole = mask.copy()
    hole[15:25, 15:25] = False

    assert not agreement_of(_IDS, _DEPTH_M, other_ids, _DEPTH_M).is_good
    assert not agreement_of(_IDS, _DEPTH_M, _IDS, _DEPTH_M * np.float32(1.01)).is_good
    assert not agreement_of(_IDS, _DEPTH_M, _IDS, _DEPTH_M, ((mask, hole),)).is_good


def test_what_differs_at_outlines_alone_is_passed_over() -> None:
    moved = np.roll(_IDS, 1, axis=1)

    assert agreement_of(_IDS, _DEPTH_M, moved, np.roll(_DEPTH_M, 1, axis=1)).ids == 1.0


def test_time_within_an_inner_stage_counts_for_that_alone() -> None:
    owner = types.SimpleNamespace()
    owner.inner = lambda: sum(range(2_000_000))
    clock = Clock()
    clock.wrap(owner, "inner", "inner", gl=False)
    owner.outer = lambda: owner.inner()
    clock.wrap(owner, "outer", "outer", gl=False)

    clock.reset()
    result = owner.outer()
    clock.stop()

    assert clock.last["outer"][1] == result
    assert clock.ms["inner"] > 10 * clock.ms["outer"]


def test_a_larger_picture_shows_the_same_view() -> None:
    scene = draw_frames(1, 2)[0].scene
    point = np.array([[0.05, -0.02, 0.8]])

    small = project(point, scene.camera.K)
    large = project(point, scaled(scene, 4).camera.K)

    # In edge coordinates, which count from the image's corner.
    np.testing.assert_allclose(large + 0.5, 4 * (small + 0.5))


def test_stock_lamps_shine_from_the_camera_side() -> None:
    scene = lit_by(draw_frames(1, 1)[0].scene, "directional", shadows=True)
    forward = scene.camera.T_world_cam[:3, 2]

    assert len(scene.lights) == 3
    assert all(np.dot(light.direction_world, forward) > 0 for light in scene.lights)


def test_the_table_judges_each_figure_by_its_own_bounds() -> None:
    speed, smooth, memory = ROWS[0], ROWS[4], ROWS[-1]

    assert [verdict_of(speed, x) for x in (7.9, 8.0, 12.0)] == ["MISS", "met", "aim met"]
    assert [verdict_of(smooth, x) for x in (-0.1, 0.0, 2.0)] == ["MISS", "met", "aim met"]
    assert [verdict_of(memory, x) for x in (351, 350, 250)] == ["MISS", "met", "aim met"]


def test_the_table_says_what_is_not_recorded() -> None:
    case = {f"{who} {where}": 30.0 for who in ("ours", "stock")
            for where in ("outlines", "edges", "objects")}  # fmt: skip
    recorded = {
        "throughput": {"10": {"median_ratio": 9.0}},
        "engine": {"rows": [], "psnr_db": {"a": case, "b": case | {"ours edges": 31.0}}},
        "large": {"triangles": 500, "filled": {"frame_s": 0.01}},
    }

    lines = lines_of(recorded)[2:]

    assert len(lines) == len(ROWS)
    assert lines[0].endswith("| 3.4 | 8.0 | 12.0 | 9.0 | met |")
    assert lines[4].endswith("| 0.0 dB to 1.0 dB | met |")
    assert sum("nothing recorded" in line for line in lines) == 6


def test_workers_are_told_by_what_more_frames_take() -> None:
    told = figures_of({1: 3.0, 2: 4.0}, {1: 5.0, 2: 6.0}, 10)

    assert told == {
        "1": {"frames_per_s": 5.0, "gain": 1.0}, "2": {"frames_per_s": 10.0, "gain": 2.0},
    }  # fmt: skip
    with pytest.raises(SystemExit, match="10 frames more of 2 workers took no longer"):
        figures_of({1: 3.0, 2: 4.0}, {1: 5.0, 2: 4.0}, 10)


def test_the_plot_says_what_drew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    canvas = plot.Canvas
    monkeypatch.setattr(plot, "PLOT", tmp_path / "results.png")
    monkeypatch.setattr(
        canvas, "text", lambda self, at, text, **how: told.append(text), raising=True
    )
    recorded = json.loads(RESULTS.read_text(encoding="utf-8"))
    for part in ("stages", "engine", "scaling"):
        recorded[part]["renderer"] = "cpu: compiled kernels (x86_64), Numba 1.0"
    plot.write_plot(recorded)

    assert plot.PLOT.is_file()
    plots = len(plot._CASES.keys() & recorded["stages"]["figures"]) + 3
    assert sum("cpu: compiled kernels" in text for text in told) == plots
