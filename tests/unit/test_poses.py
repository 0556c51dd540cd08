"""Poses of real scenes in BOP's form, against a picture made by hand."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from numpy.typing import NDArray
from scipy.spatial import ConvexHull
from scipy.spatial.transform import Rotation

import render
from render.dataset.rows import frame_row, instance_rows
from render.errors import AssetError, ConfigError
from render.geometry.frames import nearest_rotation
from render.library.models import ModelLibrary
from render.library.poses import Poses
from render.writers.coco import coco_image

SIDES_MM = np.array([60.0, 40.0, 20.0])
TURN = Rotation.from_euler("xyz", [35, -50, 20], degrees=True).as_matrix()
PLACE_MM = np.array([12.0, -9.0, 400.0])
CAMERA = {
    "width": 160, "height": 120, "fx": 210.0, "fy": 205.0, "cx": 83.25, "cy": 58.6,
    "depth_scale": 1.0,
}  # fmt: skip
IM_ID = 17
SYMMETRY = [1, 0, 0, 0, 0, -1, 0, 0, 0, 0, -1, 0, 0, 0, 0, 1]
INFO: dict[str, Any] = {
    "diameter": float(np.linalg.norm(SIDES_MM)), "min_x": -30.0, "size_x": 60.0,
    "symmetries_discrete": [SYMMETRY],
}  # fmt: skip


def pose_of(matrix: NDArray[np.float64]) -> dict[str, Any]:
    return {
        "obj_id": 5, "cam_R_m2c": matrix.ravel().tolist(), "cam_t_m2c": PLACE_MM.tolist()
    }  # fmt: skip


def write_data_set(
    folder: Path,
    matrix: NDArray[np.float64] = TURN,
    *,
    info: dict[str, Any] = INFO,
    camera: dict[str, Any] = CAMERA,
    has_K: bool = True,
) -> Path:
    """A BOP data set of one box in one image; the path of its scene_gt.json."""
    scene = folder / "test" / "000001"
    scene.mkdir(parents=True)
    (folder / "models").mkdir()
    trimesh.creation.box(SIDES_MM).export(folder / "models" / "obj_000005.ply")
    (folder / "models" / "models_info.json").write_text(json.dumps({"5": info}))
    (folder / "camera.json").write_text(json.dumps(camera))
    (scene / "scene_gt.json").write_text(json.dumps({str(IM_ID): [pose_of(matrix)]}))
    K = [camera["fx"], 0.0, camera["cx"], 0.0, camera["fy"], camera["cy"], 0.0, 0.0, 1.0]
    entry = {"depth_scale": 1.0} | ({"cam_K": K} if has_K else {})
    (scene / "scene_camera.json").write_text(json.dumps({str(IM_ID): entry}))
    return scene / "scene_gt.json"


def composed(folder: Path, *words: str) -> render.Plan:
    return render.compose(
        "objects=poses", "occlusion=none", "background=color", "lighting=sun", "n_frames=1",
        f"assets.models_dir={folder / 'models'}", f"poses.file={folder}/test/000001/scene_gt.json",
        "camera.size_wh=[160,120]", "workers=1", *words,
    )  # fmt: skip


def outside_by_hand(matrix: NDArray[np.float64], at: float) -> NDArray[np.float64]:
    """How far outside of the hull of the box's corners each pixel is, sampled at i + `at`."""
    signs = np.array([[i & 1, i >> 1 & 1, i >> 2 & 1] for i in range(8)]) - 0.5
    corners = (signs * SIDES_MM) @ matrix.T + PLACE_MM
    u = CAMERA["fx"] * corners[:, 0] / corners[:, 2] + CAMERA["cx"]
    v = CAMERA["fy"] * corners[:, 1] / corners[:, 2] + CAMERA["cy"]
    hull = ConvexHull(np.stack([u, v], axis=1))
    y, x = np.mgrid[0:120, 0:160] + at
    outside = hull.equations[:, :2] @ np.stack([x.ravel(), y.ravel()]) + hull.equations[:, 2:]
    return np.asarray(outside.max(axis=0).reshape(120, 160))


def assert_is(mask: NDArray[np.bool_], outside: NDArray[np.float64]) -> None:
    """A mask is a picture to the pixel, but for centres on the edge itself, to 1/200 pixel."""
    wrong = mask != (outside <= 0)
    assert np.abs(outside[wrong]).max(initial=0.0) < 1 / 200
    assert mask.sum() > 500


def silhouette(plan: render.Plan) -> tuple[NDArray[np.bool_], render.Sample]:
    (sample,) = render.frames(plan)
    return sample.labels[0].mask.pixels(), sample


@pytest.mark.parametrize(("convention", "at"), [("bop", 0.5), ("opencv", 0.0)])
@pytest.mark.parametrize("has_K", [True, False])
def test_masks_are_those_of_the_convention_to_the_pixel(
    convention: str, at: float, has_K: bool, tmp_path: Path
) -> None:
    write_data_set(tmp_path, has_K=has_K)
    # What is said nowhere is BOP's.
    words = [] if convention == "bop" else [f"poses.convention={convention}"]
    mask, sample = silhouette(composed(tmp_path, *words))

    assert_is(mask, outside_by_hand(TURN, at))
    # Half a pixel is seen: the other picture is far from it.
    assert np.count_nonzero(mask ^ (outside_by_hand(TURN, 0.5 - at) <= 0)) > 30
    assert sample.placement.K[2] == pytest.approx(CAMERA["cx"] - at)


def test_the_number_of_the_image_is_in_records_and_in_coco(tmp_path: Path) -> None:
    write_data_set(tmp_path)
    plan = composed(tmp_path)
    _, sample = silhouette(plan)
    row = frame_row(sample, image="jpg", hashes={})

    assert row["im_id"] == IM_ID
    assert coco_image(row)["im_id"] == IM_ID
    assert "im_id" not in coco_image(row | {"im_id": None})


def test_an_image_of_a_file_has_one_view(tmp_path: Path) -> None:
    write_data_set(tmp_path)
    with pytest.raises(
        ConfigError, match=r"views must be 1 where objects.arrangement=poses, got 2"
    ):
        composed(tmp_path, "viewpoint.views=2", "n_frames=2")


def test_a_camera_that_is_off_orthonormal_is_told(tmp_path: Path) -> None:
    path = write_data_set(tmp_path)
    cameras = json.loads(path.with_name("scene_camera.json").read_text())
    cameras[str(IM_ID)] |= {"cam_R_w2c": (1.004 * TURN).ravel().tolist(), "cam_t_w2c": [0, 0, 0]}
    path.with_name("scene_camera.json").write_text(json.dumps(cameras))
    poses = Poses.read(path, models={}, names=["obj_000005.ply"])

    assert (
        f"{path.with_name('scene_camera.json')}: 1 of 1 rotations of the camera (cam_R_w2c) are "
        "off orthonormal by up to 0.008; the nearest rotation is taken",
    ) == poses.remarks
    np.testing.assert_allclose(poses.images[0].T_world_cam[:3, :3], TURN.T, atol=1e-12)


def test_a_uniform_scale_in_a_rotation_is_the_model_s(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    matrix = 1.0045 * TURN  # off orthonormal by 9.02e-3, as LM-O's are
    write_data_set(tmp_path, matrix)
    with caplog.at_level(logging.WARNING, "render"):
        plan = composed(tmp_path)
    mask, sample = silhouette(plan)
    (row,) = instance_rows(sample)

    (warning,) = [r.getMessage() for r in caplog.records if "orthonormal" in r.getMessage()]
    assert "1 of 1 rotations are off orthonormal by up to 0.009" in warning
    assert "1 of them are a uniform scale of 1.0045 to 1.0045, which model_scale holds" in warning
    assert row["model_scale"] == pytest.approx(1.0045e-3, rel=1e-9)
    R = np.array(row["cam_R_m2c"]).reshape(3, 3)
    np.testing.assert_allclose(R, TURN, atol=1e-12)
    np.testing.assert_allclose(row["cam_t_m2c"], PLACE_MM / 1000, atol=1e-12)
    # BOP's pictures are those of the matrix as it stands.
    assert_is(mask, outside_by_hand(matrix, 0.5))


def read(folder: Path) -> Poses:
    path = folder / "test" / "000001" / "scene_gt.json"
    return Poses.read(path, models={}, names=("obj_000005.ply",))


@pytest.mark.parametrize(
    ("matrix", "scale", "says"),
    [
        (TURN, 1.0, None),
        (np.round(TURN, 4), 1.0, None),
        (TURN @ np.diag([1.006, 1.0, 0.996]), 1.0, "none is a uniform scale"),
        (TURN @ np.diag([1.0045, 1.0045, 1.0043]), 3.0133 / 3, "1 of them are a uniform scale"),
    ],
)
def test_the_nearest_rotation_is_taken(
    matrix: NDArray[np.float64], scale: float, says: str | None, tmp_path: Path
) -> None:
    write_data_set(tmp_path, matrix)
    poses = read(tmp_path)
    (image,) = poses.images
    # The closest of all rotations, by a way of its own: Horn's, from the matrix as correlations.
    nearest = Rotation.align_vectors(matrix.T, np.eye(3))[0].as_matrix()

    np.testing.assert_allclose(image.T_cam_obj[0][:3, :3], nearest, atol=1e-9)
    assert image.scales[0] == pytest.approx(scale, abs=1e-9)
    assert len(poses.remarks) == (says is not None)
    assert says is None or says in poses.remarks[0]


@pytest.mark.parametrize(
    "matrix",
    [
        1.02 * TURN,
        TURN @ np.diag([1.0, 1.0, -1.0]),
        np.zeros((3, 3)),
        np.eye(3) + 0.05 * np.eye(3)[::-1],
    ],
)
def test_what_is_no_rotation_stays_refused(matrix: NDArray[np.float64], tmp_path: Path) -> None:
    write_data_set(tmp_path, matrix)

    with pytest.raises(ConfigError, match=f"image {IM_ID} has no proper cam_R_m2c"):
        read(tmp_path)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_matrix_that_is_not_finite_is_no_rotation(bad: float) -> None:
    assert nearest_rotation(np.diag([1.0, bad, 1.0])).off == np.inf


def _rewritten(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    held = json.loads(path.read_text())
    change(held)
    path.write_text(json.dumps(held))


@pytest.mark.parametrize("obj_id", [5.0, 5.7, True, "5", None])
def test_ids_of_objects_are_whole_numbers(obj_id: object, tmp_path: Path) -> None:
    path = write_data_set(tmp_path)
    _rewritten(path, lambda held: held[str(IM_ID)][0].update(obj_id=obj_id))

    with pytest.raises(ConfigError, match=r"no proper obj_id \(it must be a whole number, got"):
        read(tmp_path)


@pytest.mark.parametrize("at", [1, 3, 6, 7])
def test_a_camera_with_skew_is_refused(at: int, tmp_path: Path) -> None:
    path = write_data_set(tmp_path).with_name("scene_camera.json")
    _rewritten(path, lambda held: held[str(IM_ID)]["cam_K"].__setitem__(at, 2.0))

    with pytest.raises(ConfigError, match=r"no proper cam_K \(it must be \[fx, 0, cx"):
        read(tmp_path)


def test_an_image_without_its_camera_is_refused_by_the_name_of_the_file(tmp_path: Path) -> None:
    path = write_data_set(tmp_path)
    _rewritten(path.with_name("scene_camera.json"), dict.clear)
    (tmp_path / "camera.json").unlink()

    with pytest.raises(ConfigError, match=r"image 17 has no proper entry in scene_camera\.json"):
        read(tmp_path)


def test_an_image_id_stands_once(tmp_path: Path) -> None:
    path = write_data_set(tmp_path)
    _rewritten(path, lambda held: held.update({f"0{IM_ID}": held[str(IM_ID)]}))

    with pytest.raises(ConfigError, match="must hold each image id once"):
        read(tmp_path)


def test_images_without_objects_are_left_out_with_a_line(tmp_path: Path) -> None:
    path = write_data_set(tmp_path)
    _rewritten(path, lambda held: held.update({"2": [], "30": []}))
    poses = read(tmp_path)

    assert [IM_ID] == [image.im_id for image in poses.images]
    assert (f"{path}: images without an object are left out, 2 of them",) == poses.remarks


def test_another_size_than_that_of_the_images_is_refused(tmp_path: Path) -> None:
    write_data_set(tmp_path)
    plan = composed(tmp_path, "camera.size_wh=[320,240]")

    with pytest.raises(ConfigError, match=r"camera\.size_wh must be 160 x 120, .* got 320 x 240"):
        plan.draw(0)


@pytest.mark.parametrize(
    "change", [{"width": 0}, {"height": "120"}, {"fx": -1.0}, {"cx": None}, {"width": 160.5}]
)
def test_a_camera_that_says_nonsense_is_refused(change: dict[str, Any], tmp_path: Path) -> None:
    write_data_set(tmp_path)
    (tmp_path / "camera.json").write_text(json.dumps(CAMERA | change))

    with pytest.raises(ConfigError, match=r"camera\.json must hold the width, height, fx"):
        read(tmp_path)


def test_models_info_says_unit_symmetries_and_diameter(tmp_path: Path) -> None:
    axis = {"axis": [1, 0, 0], "offset": [0, 2, 0]}
    write_data_set(tmp_path, info=INFO | {"symmetries_continuous": [axis]})
    model = ModelLibrary(tmp_path / "models").load("obj_000005.ply")

    assert model.unit_m == 1e-3
    assert model.diameter_m == pytest.approx(0.0748331, rel=1e-5)
    assert model.symmetry is not None
    motion = np.array(SYMMETRY, float).reshape(4, 4)
    np.testing.assert_allclose(model.symmetry.motions, [np.eye(4), motion])
    (found,) = model.symmetry.axes
    assert found.direction == (1, 0, 0)
    assert found.point_m == pytest.approx((0, 0.002, 0))


def test_a_side_file_wins_over_models_info(tmp_path: Path) -> None:
    write_data_set(tmp_path)
    (tmp_path / "models" / "obj_000005.yaml").write_text("symmetries: {}\nunit: cm")
    library = ModelLibrary(tmp_path / "models")
    library.check_all()
    model = library.load("obj_000005.ply")

    assert model.unit_m == 0.01
    assert model.symmetry is not None
    assert model.symmetry.is_trivial
    assert not any("diameter" in remark for remark in library.remarks)


@pytest.mark.parametrize(("diameter", "n"), [(74.8, 0), (60.0, 0), (50.0, 1), (0.0748, 1)])
def test_a_diameter_that_the_model_cannot_have_is_told(
    diameter: float, n: int, tmp_path: Path
) -> None:
    write_data_set(tmp_path, info=INFO | {"diameter": diameter})
    library = ModelLibrary(tmp_path / "models")
    library.check_all()

    assert sum("says a diameter" in remark for remark in library.remarks) == n


@pytest.mark.parametrize(
    ("info", "says"),
    [
        ({}, "the diameter of object 5 must be a number above 0"),
        ({"diameter": "wide"}, "the diameter of object 5 must be a number above 0"),
        (INFO | {"symmetries_discrete": [[1, 2]]}, "16 numbers each"),
        (INFO | {"symmetries_continuous": [{"offset": [0, 0, 0]}]}, "axis"),
    ],
)
def test_models_info_that_breaks_its_rules_is_refused(
    info: dict[str, Any], says: str, tmp_path: Path
) -> None:
    write_data_set(tmp_path, info=info)

    with pytest.raises(AssetError, match=says):
        ModelLibrary(tmp_path / "models")
