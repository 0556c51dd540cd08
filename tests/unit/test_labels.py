"""Labels against counts by hand and by brute force."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import trimesh
from numpy.typing import NDArray

from render.buffers import Buffers, Silhouette
from render.errors import InvariantError
from render.geometry.frames import rigid
from render.geometry.pixels import Box
from render.geometry.runs import Runs
from render.labels.boxes import boxes_obj
from render.labels.invariants import check_invariants
from render.labels.labeller import LabelFilters, label
from render.sample import ObjectLabel
from render.scene import Camera, Instance, Model, Role, Scene
from tests.hand_made import model_of

H, W = 12, 16
ALL = LabelFilters(min_visib_fract=0.0, min_px=1)
Canvas = NDArray[np.bool_]
# Where the image lies on the canvas that `silhouette_of` cuts its windows from.
X, Y = 20, 14


def plate(name: str, rectangle: tuple[int, int, int, int]) -> Model:
    """A rectangle at z = 0.5 m that covers just the pixels x0..x1, y0..y1 (half open)."""
    x0, y0, x1, y1 = (0.05 * (edge - 0.5) for edge in rectangle)
    corners = np.array([[x0, y0, 0.5], [x1, y0, 0.5], [x1, y1, 0.5], [x0, y1, 0.5]])
    faces = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
    model = model_of(trimesh.creation.box((1, 1, 1)), name)
    primitive = replace(model.primitives[0], positions_m=corners, faces=faces)
    return replace(model, primitives=(primitive,), hull_m=corners, unit_m=0.001)


def camera() -> Camera:
    """A pixel is 0.05 m wide at z = 0.5 m."""
    K = np.array([[10.0, 0.0, 0.0], [0.0, 10.0, 0.0], [0.0, 0.0, 1.0]])
    return Camera(K=K, size_wh=(W, H), T_world_cam=np.eye(4), near_m=0.1, far_m=2.0)


def plates_in_a_row(
    *plates: tuple[Role, tuple[int, int, int, int]],
) -> tuple[Scene, Buffers, list[Silhouette], list[Canvas]]:
    """Rectangles, the first in front of the next; and their outlines on a large canvas."""
    canvas = np.full((3 * H + Y, 3 * W + X), -1, np.int32)
    outlines: list[Canvas] = []
    instances: list[Instance] = []
    silhouettes: list[Silhouette] = []
    for idx, (role, (x0, y0, x1, y1)) in enumerate(plates):
        outline = np.zeros(canvas.shape, np.bool_)
        outline[Y + y0 : Y + y1, X + x0 : X + x1] = True
        outlines.append(outline)
        # A window with a margin: the labeller must not take it for the silhouette.
        window = outline[Y + y0 - 2 : Y + y1 + 1, X + x0 - 1 : X + x1 + 3]
        silhouettes.append(Silhouette(x0=x0 - 1, y0=y0 - 2, mask=window))
        model = plate(f"plates/{idx}.ply", (x0, y0, x1, y1))
        instances.append(
            Instance(
                instance_idx=idx,
                role=role,
                model=model,
                materials=(model.primitives[0].material,),
                T_world_obj=np.eye(4),
            )
        )
    for idx in reversed(range(len(plates))):
        canvas[outlines[idx]] = idx
    ids = canvas[Y : Y + H, X : X + W].copy()
    radiance = np.zeros((H, W, 3), np.float32)
    buffers = Buffers(
        radiance=radiance, depth_m=np.where(ids >= 0, 0.5, 0).astype(np.float32), instance_idx=ids
    )
    scene = Scene(camera=camera(), instances=tuple(instances), lights=(), backdrop=radiance)
    return scene, buffers, silhouettes, outlines


SITUATIONS = {
    "alone": [("target", (3, 2, 9, 8))],
    "overlapping": [("target", (3, 2, 9, 8)), ("target", (5, 5, 12, 11))],
    "hidden": [("target", (2, 2, 12, 10)), ("target", (4, 4, 8, 8))],
    "cut by the left and upper edge": [("target", (-5, -3, 4, 6))],
    "cut by all edges": [("target", (-4, -3, W + 7, H + 5))],
    "outside": [("target", (-9, 3, -2, 7)), ("target", (1, 1, 4, 4))],
    "one column in": [("target", (W - 1, 3, W + 6, 7))],
    "a distractor in front": [("distractor", (3, 2, 9, 8)), ("target", (5, 5, 12, 11))],
}


@pytest.mark.parametrize("plates", SITUATIONS.values(), ids=SITUATIONS.keys())
def test_labels_equal_brute_force_on_a_large_canvas(
    plates: list[tuple[Role, tuple[int, int, int, int]]],
) -> None:
    scene, buffers, silhouettes, outlines = plates_in_a_row(*plates)

    labels = label(scene, buffers, silhouettes, filters=ALL)

    check_invariants(labels, buffers, scene)
    assert [x.instance_idx for x in labels] == list(range(len(plates)))
    for got, outline, (role, rectangle) in zip(labels, outlines, plates):
        in_front = np.zeros_like(outline)
        for other in outlines[: got.instance_idx]:
            in_front |= other
        mask = outline[Y : Y + H, X : X + W]
        visible = (outline & ~in_front)[Y : Y + H, X : X + W]
        assert np.array_equal(mask, got.mask.pixels())
        assert np.array_equal(visible, got.mask_visib.pixels())
        assert outline.sum() == got.px_count_all
        assert visible.sum() == got.px_count_visib
        assert visible.sum() / outline.sum() == got.visib_fract
        assert 1 - mask.sum() / outline.sum() == pytest.approx(got.truncated_fract)
        if mask.any():
            assert 1 - visible.sum() / mask.sum() == pytest.approx(got.occluded_fract)
        else:
            assert got.occluded_fract is None
        rows, cols = np.nonzero(visible)
        if len(rows):
            extent = Box(cols.min(), rows.min(), cols.max() + 1, rows.max() + 1)
            assert extent == got.bbox_visib
        else:
            assert got.bbox_visib is None
        assert got.bbox_obj is not None
        assert rectangle == pytest.approx(
            (got.bbox_obj.x0, got.bbox_obj.y0, got.bbox_obj.x1, got.bbox_obj.y1)
        )
        assert (role, f"plates/{got.instance_idx}.ply", "plates") == (
            got.role, got.model, got.category,
        )  # fmt: skip


def test_nothing_divided_by_nothing_is_null() -> None:
    scene, buffers, _, _ = plates_in_a_row(("target", (3, 2, 9, 8)))
    empty = Silhouette(x0=0, y0=0, mask=np.zeros((0, 0), np.bool_))
    buffers = replace(
        buffers,
        instance_idx=np.full((H, W), -1, np.int32),
        depth_m=np.zeros((H, W), np.float32),
    )
    behind = replace(scene.instances[0], T_world_obj=rigid(np.eye(3), np.array([0, 0, -3.0])))
    scene = replace(scene, instances=(behind,))

    (got,) = label(scene, buffers, [empty], filters=ALL)

    check_invariants([got], buffers, scene)
    assert (None, None, None) == (got.visib_fract, got.truncated_fract, got.occluded_fract)
    assert (None, None) == (got.bbox_obj, got.bbox_visib)
    assert got.filtered == "below labels.min_px"
    assert not got.mask.pixels().any()
    assert not got.mask_visib.pixels().any()


@pytest.mark.parametrize(
    ("min_px", "min_visib_fract", "expected"),
    [
        (1, 0.0, ["", "", "distractor"]),
        (42, 0.0, ["", "below labels.min_px", "distractor"]),
        (1, 0.9, ["", "below labels.min_visib_fract", "distractor"]),
        (1, 33 / 42, ["", "", "distractor"]),
        (1000, 1.0, ["below labels.min_px", "below labels.min_px", "distractor"]),
    ],
)
def test_filters_mark_and_keep(min_px: int, min_visib_fract: float, expected: list[str]) -> None:
    # Targets come first in a scene; here the first covers nine pixels of the second.
    scene, buffers, silhouettes, _ = plates_in_a_row(
        ("target", (2, 1, 9, 8)), ("target", (6, 5, 13, 11)), ("distractor", (0, 0, 1, 1))
    )
    filters = LabelFilters(min_visib_fract=min_visib_fract, min_px=min_px)

    labels = label(scene, buffers, silhouettes, filters=filters)

    assert [49, 33, 1] == [x.px_count_visib for x in labels]
    assert expected == [x.filtered for x in labels]


def test_pose_takes_points_of_the_file_to_the_camera() -> None:
    rng = np.random.default_rng(5)
    scene, buffers, silhouettes, _ = plates_in_a_row(("target", (3, 2, 9, 8)))
    R_cam, R_obj = (np.linalg.qr(rng.normal(size=(3, 3)))[0] for _ in range(2))
    T_world_cam = rigid(R_cam, rng.normal(size=3))
    instance = replace(scene.instances[0], T_world_obj=rigid(R_obj, rng.normal(size=3)), scale=1.7)
    moved = replace(scene.camera, T_world_cam=T_world_cam)
    scene = replace(scene, camera=moved, instances=(instance,))

    (got,) = label(scene, buffers, silhouettes, filters=ALL)

    p_file = rng.normal(size=3) * 1000
    p_obj = np.append(1.7 * instance.model.unit_m * p_file, 1.0)
    p_cam = np.linalg.solve(T_world_cam, instance.T_world_obj @ p_obj)[:3]
    assert got.R_cam_obj @ (got.model_scale * p_file) + got.t_cam_obj_m == pytest.approx(p_cam)


def test_a_box_through_the_near_plane_ends_where_the_surface_does() -> None:
    """A slab from z = -1 to 1 on the right of the camera: its box reaches the near plane."""
    slab = trimesh.creation.box((0.1, 0.2, 2.0))
    slab.apply_translation((0.15, 0.0, 0.0))
    model = model_of(slab, "slab.ply")
    instance = Instance(
        instance_idx=0,
        role="target",
        model=model,
        materials=(model.primitives[0].material,),
        T_world_obj=np.eye(4),
    )

    (box,) = boxes_obj([instance], camera())

    assert box is not None
    # Left at the far end: 10 * 0.1 / 1 + 0.5. Right on the near plane: 10 * 0.2 / 0.1 + 0.5.
    assert (1.5, -9.5, 20.5, 10.5) == pytest.approx((box.x0, box.y0, box.x1, box.y1))


def test_silhouettes_must_be_one_per_instance() -> None:
    scene, buffers, silhouettes, _ = plates_in_a_row(("target", (3, 2, 9, 8)))

    with pytest.raises(ValueError, match="one per instance"):
        label(scene, buffers, silhouettes * 2, filters=ALL)


def changed_pixel(array: NDArray[Any], value: Any) -> NDArray[Any]:
    """A copy with another value at row 3, column 4, inside the first instance."""
    copy = array.copy()
    copy[3, 4] = value
    return copy


def without_pixel(mask: Runs) -> Runs:
    return Runs.of(changed_pixel(mask.pixels(), False))


BROKEN_LABELS: dict[str, tuple[Callable[[ObjectLabel], ObjectLabel], str]] = {
    "index": (lambda x: replace(x, instance_idx=1), "labels must be"),
    "visible outside amodal": (
        lambda x: replace(x, mask=without_pixel(x.mask)), "subset of amodal"
    ),
    "visible mask lacks a pixel": (
        lambda x: replace(x, mask_visib=without_pixel(x.mask_visib)), "mask_visib must be its 36"
    ),
    "count": (lambda x: replace(x, px_count_visib=x.px_count_visib - 1), "px_count_visib must"),
    "count of all": (lambda x: replace(x, px_count_all=5), "px_count_all must"),
    "visib_fract": (lambda x: replace(x, visib_fract=1.0 - 1e-9), "visib_fract must"),
    "truncated_fract": (lambda x: replace(x, truncated_fract=None), "truncated_fract must"),
    "occluded_fract": (lambda x: replace(x, occluded_fract=0.1), "occluded_fract must"),
    "bbox_visib": (
        lambda x: replace(x, bbox_visib=Box(3.0, 2.0, 9.0, 7.0)), "bbox_visib must be"
    ),
    "larger bbox_visib": (
        lambda x: replace(x, bbox_visib=Box(3.0, 2.0, 9.0, 9.0)), "bbox_visib must be"
    ),
    "no bbox_visib": (lambda x: replace(x, bbox_visib=None), "bbox_visib must be"),
    "bbox_obj": (lambda x: replace(x, bbox_obj=Box(3.0, 4.0, 9.0, 8.0)), "bbox_obj must"),
    "no bbox_obj": (lambda x: replace(x, bbox_obj=None), "bbox_obj must"),
}  # fmt: skip


@pytest.mark.parametrize(("broken", "message"), BROKEN_LABELS.values(), ids=BROKEN_LABELS.keys())
def test_a_broken_label_is_found(
    broken: Callable[[ObjectLabel], ObjectLabel], message: str
) -> None:
    scene, buffers, silhouettes, _ = plates_in_a_row(("target", (3, 2, 9, 8)))
    (good,) = label(scene, buffers, silhouettes, filters=ALL)
    check_invariants([good], buffers, scene)

    with pytest.raises(InvariantError, match=message):
        check_invariants([broken(good)], buffers, scene)


BROKEN_BUFFERS: dict[str, tuple[str, Any, str]] = {
    "an id of nobody": ("instance_idx", 1, "instance_idx must"),
    "an id below none": ("instance_idx", -2, "instance_idx must"),
    "an instance without depth": ("depth_m", 0.0, "near"),
    "an instance nearer than near": ("depth_m", 0.09, "near"),
    "an instance beyond far": ("depth_m", 2.1, "far"),
    "a depth that is no number": ("depth_m", np.nan, "depth"),
    "a negative depth": ("depth_m", -0.5, "depth"),
}


@pytest.mark.parametrize(
    ("name", "value", "message"), BROKEN_BUFFERS.values(), ids=BROKEN_BUFFERS.keys()
)
def test_a_broken_buffer_is_found(name: str, value: Any, message: str) -> None:
    scene, buffers, silhouettes, _ = plates_in_a_row(("target", (3, 2, 9, 8)))
    labels = label(scene, buffers, silhouettes, filters=ALL)
    broken = replace(buffers, **{name: changed_pixel(getattr(buffers, name), value)})

    with pytest.raises(InvariantError, match=message):
        check_invariants(labels, broken, scene)


def test_an_instance_seen_outside_its_silhouette_is_found() -> None:
    scene, buffers, silhouettes, _ = plates_in_a_row(("target", (3, 2, 9, 8)))
    small = Silhouette(x0=3, y0=2, mask=silhouettes[0].mask[2:6, 1:5])

    labels = label(scene, buffers, [small], filters=ALL)

    assert labels[0].px_count_visib == labels[0].mask_visib.pixels().sum() == 36
    with pytest.raises(InvariantError, match="subset of amodal"):
        check_invariants(labels, buffers, scene)
