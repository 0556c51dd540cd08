"""Parts of the rasterizer's passes: faces that name themselves, outlines out of ids."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import trimesh

from render.engine.pyrender.context import GlContext, choose
from render.engine.pyrender.engine import PyrenderEngine
from render.engine.pyrender.naming import named_faces
from render.geometry.frames import look_at
from tests.lit_scenes import BALL, BOX, MATT, camera_at, floor, placed, scene, solid, square


@pytest.fixture(scope="module")
def context() -> Iterator[GlContext]:
    context = choose("auto", "auto")
    yield context
    context.close()


@pytest.mark.parametrize(
    "mesh",
    [
        trimesh.creation.box(),
        trimesh.creation.icosphere(subdivisions=3),
        trimesh.creation.cylinder(0.2, 1.0, sections=40),
        trimesh.Trimesh([[0, 0, 0], [1, 0, 0], [0, 1, 0]], [[0, 1, 2]] * 5, process=False),
    ],
    ids=["box", "ball", "cylinder", "one face five times"],
)
def test_each_face_ends_with_a_vertex_of_its_own(mesh: trimesh.Trimesh) -> None:
    model = solid(mesh, "named", smooth=True)
    (named,) = named_faces(model)
    faces = model.primitives[0].faces
    last = named.faces[:, 2]
    assert len(np.unique(last)) == len(faces)
    np.testing.assert_array_equal(named.face_of[last], np.arange(len(faces)))
    assert (np.delete(named.face_of, last) == -1).all()
    # The same corners, in the same round.
    back = named.sources[named.faces]
    turned = [(np.roll(back, k, axis=1) == faces).all(axis=1) for k in range(3)]
    assert np.any(turned, axis=0).all()
    assert len(named.sources) <= max(len(mesh.vertices), len(faces)) + 0.2 * len(faces)


def test_outlines_out_of_ids_are_those_that_are_drawn() -> None:
    camera = camera_at((0.0, -5.0, 0.4))
    bodies = placed(
        (BALL, (-1.6, 0.0, 0.0), 0.4, MATT),  # alone
        (BOX, (0.0, 0.0, 0.0), 0.8, MATT),  # behind the next one
        (BALL, (0.2, -1.5, 0.0), 0.2, MATT),  # before it
        (BOX, (2.6, 0.0, 0.0), 0.8, MATT),  # cut by the image
        (square("sheet", 0.3), (1.0, 0.5, 0.4), 1.0, MATT),  # edge-on
    )
    for surfaces in ((), (floor(-0.35, half=4.0),)):
        shown = scene(camera, bodies, surfaces=surfaces)
        with PyrenderEngine() as fresh:
            drawn = fresh.silhouettes(shown, shown.instances)  # no ids are known
            ids = fresh.render(shown).instance_idx
            ids[:] = -7  # what the caller does with them is the caller's
            taken = fresh.silhouettes(shown, shown.instances)
        assert sum(s.mask.sum() > 50 for s in drawn) == 4
        for one, other in zip(drawn, taken, strict=True):
            assert (one.x0, one.y0) == (other.x0, other.y0)
            np.testing.assert_array_equal(one.mask, other.mask)


def test_what_lies_in_one_plane_with_another_may_be_hidden() -> None:
    hidden = 0
    with PyrenderEngine() as engine:
        for z in np.linspace(0.05, 0.95, 19):
            camera = camera_at((0.0, 0.0, 3.0), (0.0, 0.1, 0.0))
            camera = replace(camera, T_world_cam=look_at(np.array([0, 0, 3.0]), np.zeros(3)))
            cards = placed(
                (square("card", 0.5), (0.0, 0.0, float(z)), 1.0, MATT),
                (square("card", 0.5), (0.4, 0.2, float(z)), 1.0, MATT),
            )
            shown = scene(camera, cards)
            ids = engine.render(shown).instance_idx
            taken = engine.silhouettes(shown, shown.instances)
            engine._drawn = None  # as if no ids were known
            for idx, (one, other) in enumerate(
                zip(taken, engine.silhouettes(shown, shown.instances), strict=True)
            ):
                np.testing.assert_array_equal(one.mask, other.mask)
                hidden += int(one.mask.sum() > (ids == idx).sum())
    assert hidden >= 19  # of each pair one hides some of the other


def test_bodies_that_are_not_culled_take_no_place_in_the_stream() -> None:
    ball = solid(trimesh.creation.icosphere(subdivisions=5), "fine ball", smooth=True)
    open_ball = replace(ball, is_closed=False)
    with PyrenderEngine() as engine:
        stream = engine._gpu_cache.stream._indices
        engine.render(scene(camera_at((0.0, -4.0, 0.0)), placed((ball, (0, 0, 0), 1.0, MATT))))
        culled = stream.size
        shown = scene(camera_at((0.0, -4.0, 0.0)), placed((open_ball, (0, 0, 0), 1.0, MATT)))
        ids = engine.render(shown).instance_idx
    assert (ids == 0).sum() > 1000
    assert stream.size < culled
