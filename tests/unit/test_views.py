"""Several views of one scene: the same bodies before cameras that stand where they should."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray

import render
from render.dataset.reader import Dataset
from render.dataset.records import read_frames, read_instances, write_shard_records
from render.engine.cpu.engine import CpuEngine
from render.job.replay import replay
from render.job.top_up import prepare
from render.report.achieved import reached
from render.report.coverage import read_coverage
from render.report.verify.dataset import verify
from tests.oracle.compare import DEPTH_REL, NEAR_PX, compare
from tests.oracle.flatten import rays_of

Matrix = NDArray[np.float64]
SMALL = (
    "engine=cpu", "camera.size_wh=[200,150]", "models=[mug,nut,valve]", "workers=1",
    "output.image=png", "sensor=mild",
)  # fmt: skip
AROUND = (
    "objects=surface", "objects.count=3", "background=color", "occlusion=none",
    "viewpoint.views=3", "n_frames=6", "val_fraction=0.5",
)  # fmt: skip
STEREO = (
    "objects=surface", "objects.count=3", "background=floor", "viewpoint.views=2",
    "viewpoint.layout=stereo", "viewpoint.baseline_m=0.02", "n_frames=2", "scale.distance_m=0.5",
    "scale.size_frac=null", "objects.size_ratio=1", "output.depth=true",
)  # fmt: skip
CELL = (
    "objects=surface", "objects.count=2", "camera.jitter_m=[[uniform,-0.01,0.01],0,0]",
    "camera.T_world_cam=[1,0,0,0,0,-0.6,0.8,-0.9,0,-0.8,-0.6,0.7,0,0,0,1]",
    "objects.region_m=[-0.2,0.2,-0.1,0.1,0,0.2]",
)  # fmt: skip
OPPOSITE = "-1,0,0,0,0,0.6,-0.8,0.9,0,-0.8,-0.6,0.7,0,0,0,1"


def composed(*words: str) -> render.Plan:
    return render.compose(*SMALL, *words)


def poses_of(plan: render.Plan, frames: int) -> list[Matrix]:
    return [np.reshape(plan.draw(i)[1].T_world_cam, (4, 4)) for i in range(frames)]


@pytest.fixture(scope="module")
def around(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return render.write(composed(*AROUND), tmp_path_factory.mktemp("data") / "around")


@pytest.fixture(scope="module")
def stereo(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return render.write(composed(*STEREO), tmp_path_factory.mktemp("data") / "stereo")


def world_poses(dataset: Dataset, frame_idx: int) -> list[Matrix]:
    """``T_world_obj`` of each instance of a frame, from its labels and its camera."""
    frame = dataset.frames[frame_idx]
    found = []
    for row in frame.instances:
        T_cam_obj = np.eye(4)
        T_cam_obj[:3, :3] = np.reshape(row["cam_R_m2c"], (3, 3))
        T_cam_obj[:3, 3] = row["cam_t_m2c"]
        found.append(frame.camera.T_world_cam @ T_cam_obj)
    return found


def test_labels_of_all_views_put_each_body_at_one_place(around: Dataset) -> None:
    for scene in (0, 1):
        first, *others = (world_poses(around, 3 * scene + view) for view in range(3))
        for other in others:
            np.testing.assert_allclose(other, first, atol=1e-9)
    assert np.abs(np.array(world_poses(around, 0)) - world_poses(around, 3)).max() > 1e-3


def test_cameras_stand_evenly_around_the_principal_target(around: Dataset) -> None:
    for scene in (0, 1):
        frames = [around.frames[3 * scene + view] for view in range(3)]
        arms = [
            f.camera.T_world_cam[:3, 3] - np.array(f.placement.center_m) for f in frames
        ]  # fmt: skip
        azimuths = np.degrees([np.arctan2(arm[1], arm[0]) for arm in arms])
        np.testing.assert_allclose((azimuths - azimuths[0]) % 360, [0, 120, 240], atol=1e-9)
        np.testing.assert_allclose(
            [f.theta.viewpoint.azimuth_deg % 360 for f in frames], azimuths % 360
        )
        for arm in arms:
            assert arm[2] == pytest.approx(arms[0][2], abs=1e-12)
            assert np.linalg.norm(arm) == pytest.approx(float(np.linalg.norm(arms[0])))
        # Each sees the target's centre at the same place of the picture.
        in_cam = [
            np.linalg.inv(f.camera.T_world_cam)[:3] @ [*f.placement.center_m, 1] for f in frames
        ]
        np.testing.assert_allclose(in_cam, [in_cam[0]] * 3, atol=1e-9)


def test_views_share_scene_split_and_theta_but_for_the_camera(around: Dataset) -> None:
    frames = list(around.frames)
    assert [(f.scene_id, f.view_idx) for f in frames] == [(i // 3, i % 3) for i in range(6)]
    assert [f.split for f in frames] == ["train"] * 3 + ["val"] * 3
    for first, *others in (frames[:3], frames[3:]):
        thetas = [json.loads(f.row["theta"]) for f in (first, *others)]
        assert len({t["viewpoint"].pop("azimuth_deg") for t in thetas}) == 3
        for seed in ("noise_seed", "depth_seed"):
            assert len({t["sensor"].pop(seed) for t in thetas}) == 3
        assert thetas[1:] == [thetas[0]] * 2
        assert [f.placement.instances for f in others] == [first.placement.instances] * 2
    images = [
        one
        for split in ("train", "val")
        for one in json.loads(
            (Path(str(around.folder)) / f"annotations/instances_{split}.json").read_text()
        )["images"]
    ]
    assert [(one["scene_id"], one["view_idx"]) for one in images] == [
        (i // 3, i % 3) for i in range(6)
    ]


def test_a_frame_of_one_view_each_is_its_own_scene(tmp_path: Path) -> None:
    plan = composed("n_frames=2", "camera.size_wh=[64,48]", "objects=single")
    dataset = render.write(plan, tmp_path / "data")
    assert [(f.scene_id, f.view_idx) for f in dataset.frames] == [(0, 0), (1, 0)]
    assert (
        "scene_id"
        not in (Path(str(dataset.folder)) / "annotations/instances_train.json").read_text()
    )
    assert "eyes_m" not in dataset.frames[0].row["placement"]


def test_what_was_asked_is_counted_of_first_views(around: Dataset, tmp_path: Path) -> None:
    rows = list(read_frames(around.folder)), list(read_instances(around.folder))
    assert {one.name: len(one.asked) for one in reached(*rows)} == {"size_frac": 2}
    assert read_coverage(around.folder).counts.sum() == 2


def test_any_frame_can_be_drawn_alone(around: Dataset) -> None:
    (alone,) = render.frames(composed(*AROUND), 4, 5)
    np.testing.assert_array_equal(alone.rgb, around.frames[4].image)
    assert replay(around.folder, 4) == []


def test_stereo_cameras_differ_by_the_baseline(stereo: Dataset) -> None:
    left, right = stereo.frames[0], stereo.frames[1]
    shift = np.linalg.inv(left.camera.T_world_cam) @ right.camera.T_world_cam
    np.testing.assert_allclose(shift[:3, :3], np.eye(3), atol=1e-12)
    np.testing.assert_allclose(shift[:3, 3], [0.02, 0, 0], atol=1e-12)
    f, _, cx, _, fy, cy, *_ = left.row["cam_K"]
    for a, b in zip(left.instances, right.instances, strict=True):
        (xa, ya, za), (xb, yb, zb) = a["cam_t_m2c"], b["cam_t_m2c"]
        disparity = (f * xa / za + cx) - (f * xb / zb + cx)
        assert disparity == pytest.approx(f * 0.02 / za, rel=1e-9)
        assert fy * ya / za + cy == pytest.approx(fy * yb / zb + cy)


def test_a_stereo_pair_shows_each_pixel_shifted_by_its_depth(stereo: Dataset) -> None:
    left, right = stereo.frames[0], stereo.frames[1]
    f = left.row["cam_K"][0]
    rows, columns = np.nonzero((left.ids >= 0) & (left.depth_m > 0))
    at = columns - f * 0.02 / left.depth_m[rows, columns]
    inside = (at > 1) & (at < 198)
    rows, columns, at = rows[inside], columns[inside], np.rint(at[inside]).astype(int)
    same = left.ids[rows, columns] == right.ids[rows, at]
    near = np.abs(right.depth_m[rows, at] / left.depth_m[rows, columns] - 1) < 0.02
    assert len(rows) > 500
    # The rest is hidden behind an edge, or lies on a steep face.
    assert (same & near).mean() > 0.9


@pytest.mark.parametrize(
    "words",
    [
        AROUND,
        (*AROUND, "objects=scatter", "viewpoint.layout=drawn", "objects.count=4"),
        (*STEREO, "background=color"),
    ],
    ids=["around", "drawn", "stereo"],
)
def test_labels_of_each_view_are_those_of_the_ray_caster(words: tuple[str, ...]) -> None:
    plan = composed(*words)
    with CpuEngine() as engine:
        figures = [compare(s, rays_of(s), engine) for s in map(plan.scene, range(plan.space.views))]
    for one in figures:
        assert one.visible.agree >= 0.9995
        assert one.visible.farthest_px <= NEAR_PX
        assert one.amodal.farthest_px <= NEAR_PX
        assert one.depth_rel <= DEPTH_REL
        assert one.box_obj_px <= 0.01
        assert (one.n_box_visib_off, one.n_count_off) == (0, 0)


def test_all_views_are_in_one_room() -> None:
    plan = composed(*AROUND, "background=room", "viewpoint.views=6", "viewpoint.offset_x=0.3")
    eyes = [T[:3, 3] for T in poses_of(plan, 6)]
    floors = [plan.scene(i).surfaces[0] for i in range(6)]
    for floor in floors:
        np.testing.assert_array_equal(floor.T_world_obj, floors[0].T_world_obj)
        assert floor.scale == floors[0].scale
        for eye in eyes:
            assert (np.abs(eye[:2] - floor.T_world_obj[:2, 3]) < floor.scale).all()
    reach = np.abs(np.array(eyes)[:, :2] - floors[0].T_world_obj[:2, 3]).max(axis=1)
    assert reach.argmax() != 0  # a room about the first camera alone would be smaller


def test_drawn_views_have_directions_of_their_own() -> None:
    plan = composed(
        *AROUND, "objects=single", "viewpoint.layout=drawn", "viewpoint.views=40", "n_frames=40",
        "viewpoint.azimuth_deg=[uniform,20,50]", "sampling=sobol",
    )  # fmt: skip
    center = np.array(plan.draw(0)[1].center_m)
    arms = [T[:3, 3] - center for T in poses_of(plan, 40)]
    azimuths = np.degrees([np.arctan2(arm[1], arm[0]) for arm in arms])
    assert len(set(azimuths.round(6))) == 40
    assert 20 <= azimuths.min() < 25
    assert 45 < azimuths.max() <= 50
    np.testing.assert_allclose(azimuths, [plan.draw(i)[0].viewpoint.azimuth_deg for i in range(40)])


def test_listed_angles_are_those_of_the_further_views() -> None:
    listed = "viewpoint.listed=[10,20,5,[uniform,200,210],70,0]"
    plan = composed(
        *AROUND, "viewpoint=fixed", "viewpoint.layout=listed", "viewpoint.views=3", listed
    )
    first, *others = poses_of(plan, 3)
    center = np.array(plan.draw(0)[1].center_m)
    for T, (azimuth, elevation) in zip(others, ((10, 20), (None, 70)), strict=True):
        x, y, z = (T[:3, 3] - center) / np.linalg.norm(first[:3, 3] - center)
        assert np.degrees(np.arcsin(z)) == pytest.approx(elevation)
        found = np.degrees(np.arctan2(y, x)) % 360
        assert found == pytest.approx(azimuth) if azimuth else 200 <= found <= 210
        np.testing.assert_allclose(
            T[:3, :3].T @ (center - T[:3, 3]) / np.linalg.norm(center - T[:3, 3]),
            [0, 0, 1],
            atol=1e-9,
        )
    # 5 degrees of roll: x of the camera leaves the horizontal by as much, seen along its axis.
    assert abs(np.degrees(np.arcsin(others[0][2, 0] / np.cos(np.radians(20))))) == pytest.approx(5)


def test_calibrated_cameras_are_where_they_are_listed_each_with_its_jitter() -> None:
    words = (*CELL, "viewpoint.views=2", "n_frames=4", "viewpoint.layout=listed")
    plan = composed(*words, f"viewpoint.listed=[{OPPOSITE}]")
    listed = np.reshape([float(n) for n in OPPOSITE.split(",")], (4, 4))
    shifts = [(np.linalg.inv(listed) @ T)[:3, 3] for T in poses_of(plan, 4)[1::2]]
    assert all(0 < abs(x) <= 0.01 and abs(y) + abs(z) < 1e-12 for x, y, z in shifts)
    jitters = [plan.draw(i)[0].camera.jitter_m[0] for i in range(4)]
    np.testing.assert_allclose([s[0] for s in shifts], jitters[1::2])
    assert len(set(jitters)) == 4


def test_a_calibrated_camera_goes_around_its_region() -> None:
    plan = composed(*CELL, "viewpoint.views=4", "n_frames=4", "camera.jitter_m=[0,0,0]")
    eyes = np.array([T[:3, 3] for T in poses_of(plan, 4)])
    expected = [[0, -0.9, 0.7], [0.9, 0, 0.7], [0, 0.9, 0.7], [-0.9, 0, 0.7]]
    np.testing.assert_allclose(eyes, expected, atol=1e-12)


def test_planes_of_each_camera_hold_all_bodies() -> None:
    far_off = "-1,0,0,0,0,0.6,-0.8,4.5,0,-0.8,-0.6,3.5,0,0,0,1"  # five times as far
    plan = composed(
        *CELL, "viewpoint.views=2", "viewpoint.layout=listed", f"viewpoint.listed=[{far_off}]",
        "n_frames=4", "background=color", "background.catch_shadows=false", "objects.count=4",
    )  # fmt: skip
    for i in range(4):
        scene = plan.scene(i)
        T_cam_world, depths = np.linalg.inv(scene.camera.T_world_cam), np.zeros(0)
        for one in scene.instances:
            T_cam_obj = T_cam_world @ one.T_world_obj
            for part in one.model.primitives:
                points_cam = one.scale * part.positions_m @ T_cam_obj[:3, :3].T + T_cam_obj[:3, 3]
                depths = np.concatenate([depths, points_cam[:, 2]])
        near, far = scene.camera.near_m, scene.camera.far_m
        assert 0.4 * depths.min() < near < depths.min() < depths.max() < far < 1.2 * depths.max()


LISTED = ("viewpoint.layout=listed", "viewpoint.views=2")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("n_frames=7",),
            "n_frames must be a multiple of viewpoint.views, 3.*set n_frames=6 or n_fr",
        ),
        (
            ("viewpoint.views=[integers,2,3]",),
            "viewpoint.views must be one whole number over the wh",
        ),
        (("viewpoint.views=0",), "viewpoint.views must lie in 1 to 1000, got 0"),
        (
            ("viewpoint.layout=stereo",),
            "viewpoint.views must be 2 where viewpoint.layout=stereo, got 3",
        ),
        (("viewpoint.layout=stereo", "viewpoint.views=2"), "viewpoint.baseline_m must be set"),
        ((*STEREO[3:5], "viewpoint.baseline_m=0"), "viewpoint.baseline_m must be set and not 0"),
        (
            ("viewpoint.layout=drawn", "viewpoint=fixed"),
            "viewpoint.layout must not be drawn where az",
        ),
        (("viewpoint.layout=listed",), "viewpoint.listed must have 6 numbers .* got null"),
        (("viewpoint.layout=listed", "viewpoint.listed=[1,2,3]"), "must have 6 numbers .* got 3"),
        ((*CELL, "viewpoint.layout=drawn"), "viewpoint.layout must not be drawn where camera.T_wo"),
        (
            (*CELL, *LISTED, "viewpoint.listed=[1,2,3]"),
            "must have 16 numbers .* camera.T_world_cam is",
        ),
        (
            (*CELL, *LISTED, f"viewpoint.listed=[2{OPPOSITE[2:]}]"),
            "viewpoint.listed must be a rigid transform",
        ),
        (
            (*CELL, *LISTED, "viewpoint.listed=[1,0,0,0,0,1,0,0.9,0,0,1,0.7,0,0,0,1]"),
            "viewpoint.listed must have cameras that see objects.region_m, got view 1",
        ),
    ],
)
def test_what_is_no_layout_of_views_is_refused(words: tuple[str, ...], message: str) -> None:
    with pytest.raises(render.ConfigError, match=message):
        composed(*AROUND, "n_frames=12", *words)


def test_views_that_see_nothing_name_the_leaf_before_the_first_frame(tmp_path: Path) -> None:
    plan = composed(*STEREO, "viewpoint.baseline_m=5")
    with pytest.raises(
        render.UnrealisableError, match=r"view 1 sees no target.*viewpoint.baseline_m"
    ):
        render.write(plan, tmp_path / "none")
    assert not list(tmp_path.glob("none/images/*/*"))


def moved(placement: Any, theta: Any) -> None:
    placement["T_world_cam"][3] += 0.01


def of_another_body(placement: Any, theta: Any) -> None:
    placement["instances"][0]["T_world_obj"][3] += 0.01


def dimmed(placement: Any, theta: Any) -> None:
    theta["lighting"]["ambient"] += 0.01


def with_torn_eyes(placement: Any, theta: Any) -> None:
    placement["eyes_m"] = 7


def without_eyes(placement: Any, theta: Any) -> None:
    del placement["eyes_m"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (moved, "T_world_cam must be where viewpoint.layout has this view"),
        (of_another_body, "placement must be that of its scene, odd: instances"),
        (dimmed, "θ must be that of its scene, odd: lighting.ambient"),
        (with_torn_eyes, "placement.eyes_m must be a list of"),
        (without_eyes, "placement.eyes_m must have 3 numbers for each of 2 views"),
    ],
)
def test_verify_compares_views_of_a_scene(
    change: Callable[[Any, Any], Any], told: str, stereo: Dataset, tmp_path: Path
) -> None:
    folder = cast(Path, stereo.folder)
    assert not verify(folder).findings.problems
    torn = shutil.copytree(folder, tmp_path / "torn")
    rows = list(read_frames(torn))
    placement, theta = json.loads(rows[1]["placement"]), json.loads(rows[1]["theta"])
    change(placement, theta)
    rows[1] |= {"placement": json.dumps(placement), "theta": json.dumps(theta)}
    write_shard_records(torn, 0, rows, list(read_instances(torn)))
    assert told in "\n".join(verify(torn).findings.lines())


def test_datasets_of_several_views_are_not_topped_up(around: Dataset) -> None:
    config = {"top_up": str(around.folder), "n_frames": 3}
    with pytest.raises(render.ConfigError, match=r"viewpoint.views is 1, got .* have 3"):
        prepare(config, [f"top_up={around.folder}", "n_frames=3"])
