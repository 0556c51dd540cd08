"""Static models of a cell: instances like all others, but for a label."""

from __future__ import annotations

import importlib.util
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import moderngl
import numpy as np
import pytest
import trimesh

import render
from render.engine.base import AbstractEngine
from render.engine.pyrender.passes.drawn_bodies import DrawnBody
from render.geometry.frames import look_at
from render.labels.surface_maps import nocs_map, normal_map, part_map
from render.library.annotations import Annotations
from render.pipeline import render_frame
from render.scene import Scene
from tests.lit_scenes import BALL, BOX, MATT, camera_at, placed, scene

NEEDS_MITSUBA = pytest.mark.skipif(
    importlib.util.find_spec("mitsuba") is None, reason="pip install '.[mitsuba]'"
)
DISTORTION = (-0.11, 0.04, 0.0008, -0.0005)
IN_PLACE = "[1,0,0,0,0,1,0,0,0,0,1,0,0,0,0,1]"


def labelled_and_cell(distortion: tuple[float, ...]) -> tuple[Scene, Scene]:
    """A ball and a box, and a bar before both: all of them labelled, and the bar a fixture."""
    camera = replace(camera_at((0.0, -5.0, 0.4)), distortion=distortion)
    bodies = placed(
        (BALL, (-0.8, 0.0, 0.0), 0.6, MATT),
        (BOX, (0.8, 0.0, 0.0), 0.8, MATT),
        (BOX, (0.0, -2.0, -0.3), 0.5, MATT),
    )
    cell = (*bodies[:2], replace(bodies[2], role="fixture"))
    return scene(camera, bodies), scene(camera, cell)


@pytest.mark.parametrize("distortion", [(), DISTORTION], ids=["pinhole", "lens"])
def test_a_fixture_is_seen_and_hides_but_has_no_name(
    engine: AbstractEngine, distortion: tuple[float, ...]
) -> None:
    labelled, cell = labelled_and_cell(distortion)
    assert [i.instance_idx for i in cell.labelled_instances] == [0, 1]

    expected, got = (engine.render(s, with_faces=True) for s in (labelled, cell))

    bar = expected.instance_idx == 2
    assert bar.sum() > 1000
    np.testing.assert_array_equal(got.instance_idx, np.where(bar, -1, expected.instance_idx))
    for name in ("radiance", "depth_m", "faces"):
        np.testing.assert_array_equal(getattr(got, name), getattr(expected, name))
    assert got.faces is not None
    assert (got.faces[bar, 0] == 2).all()
    known = Annotations()
    np.testing.assert_array_equal(normal_map(cell, got), normal_map(labelled, expected))
    for make in (nocs_map, part_map):
        found, whole = make(cell, got, known), make(labelled, expected, known)
        assert not found[bar].any()
        np.testing.assert_array_equal(found[~bar], whole[~bar])


def test_silhouettes_are_those_of_the_instances_that_are_wanted(engine: AbstractEngine) -> None:
    _, cell = labelled_and_cell(())
    ball, box, bar = cell.instances
    whole = engine.silhouettes(cell, cell.instances)
    assert all(s.mask.sum() > 900 for s in whole)

    engine.render(cell)
    for wanted in ((ball, box), (bar,), (box, ball), (box,), ()):
        some = engine.silhouettes(cell, wanted)
        assert len(some) == len(wanted)
        for instance, one in zip(wanted, some, strict=True):
            other = whole[instance.instance_idx]
            assert (one.x0, one.y0) == (other.x0, other.y0)
            np.testing.assert_array_equal(one.mask, other.mask)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counter[Any]:
    """How often each body was prepared, and bytes that went into buffers on the GPU."""
    counts: Counter[Any] = Counter()
    prepare, make, write = DrawnBody.of, moderngl.Context.buffer, moderngl.Buffer.write

    def prepared(instance: Any, *args: Any, **options: Any) -> DrawnBody:
        counts[instance.model, instance.T_world_obj.tobytes()] += 1
        return prepare(instance, *args, **options)

    def made(self: Any, data: Any = None, *args: Any, **options: Any) -> Any:
        counts["bytes"] += 0 if data is None else memoryview(data).nbytes
        return make(self, data, *args, **options)

    def written(self: Any, data: Any, *args: Any, **options: Any) -> None:
        counts["bytes"] += memoryview(data).nbytes
        write(self, data, *args, **options)

    monkeypatch.setattr(DrawnBody, "of", prepared)
    monkeypatch.setattr(moderngl.Context, "buffer", made)
    monkeypatch.setattr(moderngl.Buffer, "write", written)
    return counts


@pytest.mark.parametrize(
    "overrides",
    [
        ("engine=pyrender",),
        ("engine=pyrender", f"camera.distortion={list(DISTORTION)}"),
        pytest.param(("engine=mitsuba", "engine.samples=1"), marks=NEEDS_MITSUBA),
    ],
    ids=["pinhole", "lens", "mitsuba"],
)
def test_nothing_of_a_frame_with_a_fixture_is_prepared_or_uploaded_twice(
    overrides: tuple[str, ...], counted: Counter[Any], tmp_path: Path
) -> None:
    trimesh.creation.box((0.3, 0.3, 0.005)).export(tmp_path / "plate.stl")
    (tmp_path / "plate.yaml").write_text("unit: m\nup: z\n")
    T_world_cam = look_at(np.array([0.45, -0.5, 0.55]), np.array([0.0, 0.0, 0.02]))
    plan = render.compose(
        f"camera.T_world_cam={T_world_cam.ravel().tolist()}", "camera.fov_deg=40",
        "camera.size_wh=[160,120]", "objects.region_m=[-0.1,0.1,-0.1,0.1,0.05,0.1]",
        "objects.count=2", "models=[gear,valve]", "occlusion=none", "background=color",
        f"assets.fixtures_dir={tmp_path}", f"fixtures=[{{model:plate,T_world_obj:{IN_PLACE}}}]",
        *overrides,
    )  # fmt: skip
    shown = plan.scene(0)
    assert [i.role for i in shown.instances] == ["target", "target", "fixture"]

    with plan.engine() as engine:
        sample = render_frame(plan, engine, 0)
    whole, counts = counted.pop("bytes"), dict(counted)
    assert len(sample.labels) == 2
    assert list(counts.values()) == [1] * len(shown.instances)

    with plan.engine() as engine:
        engine.render(shown)
    assert whole == counted["bytes"]
