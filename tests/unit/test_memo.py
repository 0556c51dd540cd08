"""Memoised functions of a model: called once, their results gone with it."""

from __future__ import annotations

import gc
import weakref
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import trimesh
from numpy.typing import NDArray

from render.labels import sight
from render.library.annotations import Annotations
from render.library.meshes import mesh_of
from render.library.models import ModelLibrary
from render.placement import outlines, settling
from render.placement.bodies import Body, OrientedShape
from render.placement.outlines import nearest_hit, outline_of
from render.placement.viewing import CameraView
from render.scene import Model
from render.system.memo import Memo, per_model
from tests.hand_made import model_of


@dataclass(frozen=True)
class _Two:
    a: NDArray[np.float64]
    b: tuple[NDArray[np.int8], int]


def thing(name: str = "thing") -> Model:
    return model_of(trimesh.creation.icosphere(subdivisions=3), name)


def test_work_is_done_once_for_each_model_and_arguments() -> None:
    calls: list[tuple[str, int]] = []

    @per_model
    def work(model: Model, cells: int) -> object:
        calls.append((model.name, cells))
        return object()

    a, b = thing("a"), thing("b")

    assert work(a, 1) is work(a, 1)
    assert len({id(work(m, n)) for m in (a, b) for n in (1, 2)}) == 4
    assert [("a", 1), ("a", 2), ("b", 1), ("b", 2)] == calls


def test_functions_of_one_model_do_not_mix() -> None:
    @per_model
    def one(model: Model) -> str:
        return "one " + model.name

    @per_model
    def two(model: Model) -> str:
        return "two " + model.name

    model = thing()

    assert ("one thing", "two thing") == (one(model), two(model))


def test_bytes_are_counted_through_tuples_and_dataclasses() -> None:
    memo = Memo()
    memo.get(("x",), lambda: _Two(np.zeros(5), (np.zeros(3, np.int8), 7)))
    memo.get(("x",), lambda: np.zeros(1000))
    memo.get(("y",), lambda: {"k": [np.zeros(2)]})

    assert 5 * 8 + 3 + 2 * 8 == memo.n_bytes


def worked(name: str) -> Model:
    """A model of which all that placement and labels want has been worked out."""
    model = thing(name)
    shape = OrientedShape.of(model, np.eye(3), np.eye(3))
    body = Body.of(shape, 1.0, np.array([0.0, 0.0, 4.0]))
    K = np.array([[300.0, 0, 160], [0, 300.0, 120], [0, 0, 1]])
    view = CameraView(K=K, size_wh=(320, 240), R_world_cam=np.eye(3), ray_cam=np.array([0.0, 0, 1]))
    outline_of(body, view, cell_px=1.0)
    nearest_hit(body, view, np.array([0.0, 0.0, 1.0]))
    mesh_of(model)
    sight._solid(model)
    settling._solid(model)
    Annotations().parts(model)
    return model


def test_nothing_keeps_a_model_that_was_worked_with() -> None:
    model = worked("goes")
    assert model.memo.n_bytes > 0
    gone = weakref.ref(model)
    gc.disable()  # at once, not when cycles are looked for
    try:
        del model
        assert gone() is None
    finally:
        gc.enable()


def test_what_is_worked_out_counts_towards_the_bound_of_the_library(tmp_path: Path) -> None:
    for k in range(4):
        box = trimesh.creation.box((10.0, 10.0, 10.0 + k))
        for _ in range(6):
            box = box.subdivide()
        box.export(tmp_path / f"{k}.stl")
    library = ModelLibrary(tmp_path, memory_mb=12)
    first = library.load("0.stl")
    own = library.inspect("0.stl").n_bytes
    gone = weakref.ref(first)
    del first
    library.load("1.stl")
    assert gone() is not None  # both have their place
    mesh_of(library.load("0.stl"))
    outlines._rims(library.load("0.stl"), 1024)
    assert library.inspect("0.stl").n_bytes > 2 * own
    for k in (1, 2, 3):
        mesh_of(library.load(f"{k}.stl"))
        outlines._rims(library.load(f"{k}.stl"), 1024)

    assert gone() is None
