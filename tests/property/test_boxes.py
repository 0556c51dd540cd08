"""`bbox_obj` against exact rational clipping of every triangle, and against samples of it."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import trimesh
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from render.geometry.frames import rigid
from render.geometry.pixels import Box
from render.labels.boxes import boxes_obj
from render.scene import Camera, Instance
from tests.hand_made import bracket, mesh_of, model_of

NEAR_M = 0.01
MODELS = [
    model_of(bracket(), "bracket.stl"),
    model_of(trimesh.creation.box((0.02, 0.04, 0.06)), "brick.ply"),
    model_of(trimesh.creation.cone(0.02, 0.05, sections=7), "cone.obj"),
    model_of(trimesh.creation.torus(0.03, 0.008, major_sections=6, minor_sections=4), "ring.obj"),
]
Point = tuple[Fraction, Fraction, Fraction]

numbers = st.floats(-1, 1, allow_nan=False, width=32)


@st.composite
def situations(draw: st.DrawFn) -> tuple[Instance, Camera]:
    """A model anywhere about a camera anywhere: in front, behind, or through the near plane."""
    seed = draw(st.integers(0, 2**32 - 1))
    R_world_obj, R_world_cam = (r.as_matrix() for r in Rotation.random(2, random_state=seed))
    T_world_cam = rigid(R_world_cam, np.array([draw(numbers) for _ in range(3)]))
    model = draw(st.sampled_from(MODELS))
    scale = draw(st.sampled_from([0.5, 1.0, 3.0]))
    center_cam = np.array([0.1 * draw(numbers), 0.1 * draw(numbers), 0.3 * draw(numbers)])
    center_world = R_world_cam @ center_cam + T_world_cam[:3, 3]
    t = center_world - R_world_obj @ (scale * model.center_m)
    instance = Instance(
        instance_idx=0,
        role="target",
        model=model,
        materials=tuple(p.material for p in model.primitives),
        T_world_obj=rigid(R_world_obj, t),
        scale=scale,
    )
    K = np.array([[600.0, 0.0, 320.3], [0.0, 580.0, 239.1], [0.0, 0.0, 1.0]])
    camera = Camera(K=K, size_wh=(640, 480), T_world_cam=T_world_cam, near_m=NEAR_M, far_m=100.0)
    return instance, camera


def triangles_cam(instance: Instance, camera: Camera) -> NDArray[np.float64]:
    """``(F, 3, 3)`` corners in the camera frame, by homogeneous matrices."""
    mesh = mesh_of(instance.model)
    p = np.c_[instance.scale * mesh.vertices, np.ones(len(mesh.vertices))]
    T = np.linalg.solve(camera.T_world_cam, instance.T_world_obj)
    return np.asarray((p @ T.T)[:, :3][mesh.faces])


def clip(polygon: list[Point], near: Fraction) -> list[Point]:
    """Sutherland and Hodgman's clipping against z >= near, without rounding."""
    kept: list[Point] = []
    for a, b in zip(polygon, polygon[1:] + polygon[:1]):
        if a[2] >= near:
            kept.append(a)
        if (a[2] >= near) != (b[2] >= near):
            s = (near - a[2]) / (b[2] - a[2])
            kept.append(
                (a[0] + s * (b[0] - a[0]), a[1] + s * (b[1] - a[1]), a[2] + s * (b[2] - a[2]))
            )
    return kept


def exact_box(triangles: NDArray[np.float64], camera: Camera) -> Box | None:
    """Box of all clipped triangles; no number is rounded before the last line."""
    fx, fy, cx, cy = (Fraction(float(camera.K[i])) for i in ((0, 0), (1, 1), (0, 2), (1, 2)))
    us: list[Fraction] = []
    vs: list[Fraction] = []
    for triangle in triangles:
        corners = [tuple(Fraction(float(c)) for c in corner) for corner in triangle]
        for x, y, z in clip(corners, Fraction(camera.near_m)):  # type: ignore[arg-type]
            us.append(fx * x / z + cx)
            vs.append(fy * y / z + cy)
    if not us:
        return None
    half = Fraction(1, 2)
    return Box(*(float(c + half) for c in (min(us), min(vs), max(us), max(vs))))


@settings(max_examples=120, deadline=None)
@given(situations())
def test_it_is_the_box_of_the_clipped_triangles(situation: tuple[Instance, Camera]) -> None:
    instance, camera = situation
    triangles = triangles_cam(instance, camera)
    # A corner within rounding of the plane may fall on either side of it.
    assume(np.abs(triangles[..., 2] - NEAR_M).min() > 1e-9)

    expected = exact_box(triangles, camera)
    (box,) = boxes_obj([instance], camera)

    assert (expected is None) == (box is None)
    if expected is not None and box is not None:
        # Points on the near plane may project far out: allow for float64 there.
        assert box.x0 == pytest.approx(expected.x0, abs=1e-6, rel=1e-9)
        assert box.y0 == pytest.approx(expected.y0, abs=1e-6, rel=1e-9)
        assert box.x1 == pytest.approx(expected.x1, abs=1e-6, rel=1e-9)
        assert box.y1 == pytest.approx(expected.y1, abs=1e-6, rel=1e-9)


@settings(max_examples=60, deadline=None)
@given(situations(), st.integers(0, 2**32 - 1))
def test_no_point_of_the_surface_lies_outside(
    situation: tuple[Instance, Camera], seed: int
) -> None:
    instance, camera = situation
    triangles = triangles_cam(instance, camera)
    weights = np.random.default_rng(seed).dirichlet([0.3, 0.3, 0.3], (len(triangles), 200))
    points = (weights @ triangles).reshape(-1, 3)
    points = points[points[:, 2] > NEAR_M + 1e-12]
    assume(len(points) > 0)

    (box,) = boxes_obj([instance], camera)

    assert box is not None
    x = camera.K[0, 0] * points[:, 0] / points[:, 2] + camera.K[0, 2] + 0.5
    y = camera.K[1, 1] * points[:, 1] / points[:, 2] + camera.K[1, 2] + 0.5
    assert box.x0 - 1e-6 <= x.min()
    assert x.max() <= box.x1 + 1e-6
    assert box.y0 - 1e-6 <= y.min()
    assert y.max() <= box.y1 + 1e-6
