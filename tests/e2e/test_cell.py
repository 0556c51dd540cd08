"""The user's own scene: a calibrated camera among fixtures, and poses of a real scene."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import trimesh
import yaml
from numpy.typing import NDArray

from render.dataset.records import read_frames, read_instances
from render.errors import ConfigError
from render.geometry.rle import decode_rle
from render.library.poses import Poses
from render.system.paths import find_assets
from tests.e2e.cli import render, run_module

# A camera as cv2.calibrateCamera and cv2.solvePnP give it, above a bin, aimed at its middle.
K = np.array([[612.5, 0.0, 322.25], [0.0, 611.0, 236.5], [0.0, 0.0, 1.0]])
DISTORTION = (-0.11, 0.04, 0.0008, -0.0005, 0.0)
EYE = np.array([0.45, -0.5, 0.55])
CELL = (
    "lighting=sun", "sensor=clean", "output.image=png", "occlusion=none", "camera.vignette=0",
    "camera.size_wh=[640,480]",
)  # fmt: skip


def camera_pose() -> NDArray[np.float64]:
    """``T_world_cam`` by hand: z towards the bin, x level."""
    z = np.array([0.0, 0.0, 0.02]) - EYE
    z /= np.linalg.norm(z)
    x = np.cross(z, [0.0, 0.0, 1.0])
    x /= np.linalg.norm(x)
    T = np.eye(4)
    T[:3, :3] = np.stack([x, np.cross(z, x), z], axis=1)
    T[:3, 3] = EYE
    return T


def calibrated(T_world_cam: NDArray[np.float64]) -> tuple[str, ...]:
    return (
        f"camera.T_world_cam={numbers(T_world_cam)}",
        f"camera.K={numbers([K[0, 0], K[1, 1], K[0, 2], K[1, 2]])}",
        f"camera.distortion={numbers(DISTORTION)}",
    )


def numbers(values: Any) -> str:
    return "[" + ",".join(repr(float(v)) for v in np.ravel(values)) + "]"


def seen_by(T_world_cam: NDArray[np.float64], points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Pixels of world points, by OpenCV alone."""
    T_cam_world = np.linalg.inv(T_world_cam)
    rvec, _ = cv2.Rodrigues(T_cam_world[:3, :3])
    uv, _ = cv2.projectPoints(points, rvec, T_cam_world[:3, 3], K, np.array(DISTORTION))
    return uv[:, 0]


@pytest.fixture(scope="module")
def bin_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bin of 0.4 x 0.3 x 0.12 m, in millimetres, its floor at z = 0."""
    folder = tmp_path_factory.mktemp("fixtures")
    w, d, h, t = 400.0, 300.0, 120.0, 5.0
    walls = [((w, d, t), (0, 0, -t / 2))]
    walls += [((t, d, h), (s * w / 2, 0, h / 2)) for s in (-1, 1)]
    walls += [((w, t, h), (0, s * d / 2, h / 2)) for s in (-1, 1)]
    boxes = []
    for size, at in walls:
        box = trimesh.creation.box(size)
        box.apply_translation(at)
        boxes.append(box)
    trimesh.util.concatenate(boxes).export(folder / "bin.stl")
    (folder / "bin.yaml").write_text("unit: mm\nup: z\n")
    return folder


def test_a_known_board_reprojects_within_a_pixel(tmp_path: Path) -> None:
    """Corners of a checkerboard, found in the picture, are where OpenCV projects them."""
    (tmp_path / "models").mkdir()
    square, columns, rows = 0.03, 9, 7
    vertices, faces, colors = [], [], []
    for i in range(columns):
        for j in range(rows):
            x, y = (i - columns / 2) * square, (j - rows / 2) * square
            corners = [[x, y, 0], [x + square, y, 0]]
            corners += [[x + square, y + square, 0], [x, y + square, 0]]
            faces += [[len(vertices), len(vertices) + 1, len(vertices) + 2]]
            faces += [[len(vertices), len(vertices) + 2, len(vertices) + 3]]
            vertices += corners
            colors += [[30, 30, 30, 255] if (i + j) % 2 else [225, 225, 225, 255]] * 4
    board = trimesh.Trimesh(vertices, faces, vertex_colors=colors, process=False)
    board.export(tmp_path / "models" / "board.ply")
    (tmp_path / "models" / "board.yaml").write_text("unit: m\nup: z\n")
    T_world_cam = camera_pose()
    done = render(
        *CELL, *calibrated(T_world_cam), "assets.models_dir=models", "models=[board]",
        "objects=single",
        "objects.orientation=fixed", "objects.region_m=[0.01,0.01,-0.02,-0.02,0,0]",
        "background=color", "background.color=[128,128,128]", "n_frames=1", "output_dir=data",
        cwd=tmp_path,
    )  # fmt: skip

    picture = cv2.imread(str(next((tmp_path / "data" / "images").rglob("*.png"))), 0)
    found, corners = cv2.findChessboardCornersSB(picture, (columns - 1, rows - 1))
    assert found, done.stderr
    inner = np.array(
        [
            [(i - columns / 2) * square + 0.01, (j - rows / 2) * square - 0.02, 0.0]
            for j in range(1, rows)
            for i in range(1, columns)
        ]
    )
    expected = seen_by(T_world_cam, inner)
    # In whatever order they were found.
    nearest = np.linalg.norm(corners.reshape(-1, 1, 2) - expected, axis=2)
    assert nearest.min(axis=1).max() < 0.3
    assert sorted(nearest.argmin(axis=1).tolist()) == list(range(len(inner)))


def test_objects_lie_in_the_bin_and_the_bin_has_no_label(bin_folder: Path, tmp_path: Path) -> None:
    T_world_cam = camera_pose()
    eye = "[1,0,0,0,0,1,0,0,0,0,1,0,0,0,0,1]"
    done = render(
        *CELL, *calibrated(T_world_cam), "objects.count=4", "models=[mug,valve,gear]",
        "objects.size_m_by_category=[{category:mug,size_m:0.08},{category:valve,size_m:0.07},"
        "{category:gear,size_m:0.06}]",
        "objects.region_m=[-0.195,0.195,-0.145,0.145,0,0.1]", f"assets.fixtures_dir={bin_folder}",
        f"fixtures=[{{model:bin,T_world_obj:{eye}}}]", "background=photo",
        "background.catch_shadows=true", "camera.jitter_deg=[0.2,0,0]",
        "camera.jitter_m=[0,0,0.01]", "output.depth=true", "n_frames=3", "output_dir=data",
        cwd=tmp_path,
    )  # fmt: skip
    data = tmp_path / "data"
    frames = list(read_frames(data))
    assert len(frames) == 3, done.stderr
    for frame in frames:
        placement = json.loads(frame["placement"])
        off = np.linalg.inv(T_world_cam) @ np.reshape(placement["T_world_cam"], (4, 4))
        turn = np.degrees(np.arccos((np.trace(off[:3, :3]) - 1) / 2))
        assert turn == pytest.approx(0.2, abs=1e-6)
        assert off[:3, 3] == pytest.approx([0, 0, 0.01], abs=1e-9)
        _check_inside(placement)
        stem = f"{frame['split']}/{frame['file_name'][:-4]}.png"
        mask = cv2.imread(str(data / "ids" / stem), cv2.IMREAD_UNCHANGED)
        depth = cv2.imread(str(data / "depth" / stem), cv2.IMREAD_UNCHANGED)
        rows = [r for r in read_instances(data) if r["frame_idx"] == frame["frame_idx"]]
        assert {r["role"] for r in rows} == {"target"}
        assert len(rows) == 4
        assert mask.max() <= 4
        # The bin is in the depth where no object is.
        assert np.count_nonzero(depth[mask == 0]) > 20_000
        for row in rows:
            size_wh = frame["width"], frame["height"]
            visible = decode_rle(row["mask_visib"], size_wh=size_wh)
            assert np.array_equal(mask == row["instance_idx"] + 1, visible)
    verified = run_module("render.verify", str(data), cwd=tmp_path)
    assert verified.returncode == 0, verified.stdout
    replayed = run_module("render.replay", str(data), "1", cwd=tmp_path)
    assert replayed.returncode == 0, replayed.stdout + replayed.stderr
    other = tmp_path / "other"
    other.mkdir()
    trimesh.creation.box((300.0, 300.0, 5.0)).export(other / "bin.stl")
    refused = run_module(
        "render.replay", str(data), "1", "--fixtures-dir", str(other), cwd=tmp_path
    )
    assert refused.returncode == 1
    assert "fixture:bin.stl is not the model that this dataset was made from" in refused.stderr


def _check_inside(placement: dict[str, Any]) -> None:
    """Every vertex of every object is in the bin's inside or above its rim."""
    folder = find_assets("models")
    for one in placement["instances"]:
        scene = trimesh.load(folder / one["model"], force="scene")
        points = np.asarray(scene.to_geometry().vertices)
        unit = yaml.safe_load((folder / "valve.yaml").read_text())["unit"]
        scale = one["scale"] * ({"mm": 1e-3, "m": 1.0}[unit] if "valve" in one["model"] else 1.0)
        T = np.reshape(one["T_world_obj"], (4, 4))
        world = scale * points @ T[:3, :3].T + T[:3, 3]
        assert world[:, 2].min() > -1e-9
        low = world[world[:, 2] < 0.12]
        assert np.abs(low[:, 0]).max() < 0.1975
        assert np.abs(low[:, 1]).max() < 0.1475


def test_poses_of_a_dataset_give_its_masks_again(tmp_path: Path) -> None:
    common = ("sensor=clean", "lighting=sun", "background=color", "occlusion=none", "n_frames=3")
    first = render(
        *common, "objects=grid", "objects.count=4", "objects.size_ratio=null", "models=[nut,gear]",
        "camera.fov_deg=50", "output_dir=first", cwd=tmp_path,
    )  # fmt: skip
    ids = {"gear.glb": 7, "nut.glb": 3}
    rows = list(read_instances(tmp_path / "first"))
    poses = {
        str(100 - i): [
            {
                "obj_id": ids[row["model"]],
                "cam_R_m2c": row["cam_R_m2c"],
                "cam_t_m2c": [1000.0 * v for v in row["cam_t_m2c"]],
            }
            for row in rows
            if row["frame_idx"] == i
        ]
        for i in range(3)
    }
    frames = list(read_frames(tmp_path / "first"))
    cameras = {str(100 - f["frame_idx"]): {"cam_K": f["cam_K"]} for f in frames}
    (tmp_path / "scene_gt.json").write_text(json.dumps(poses))
    (tmp_path / "scene_camera.json").write_text(json.dumps(cameras))
    second = render(
        *common, "objects=poses", "poses.file=scene_gt.json", "models=[nut,gear]",
        "poses.models=[{obj_id:7,model:gear},{obj_id:3,model:nut}]",
        "poses.convention=opencv", "output_dir=second", cwd=tmp_path,
    )  # fmt: skip

    again = list(read_instances(tmp_path / "second"))
    assert len(again) == len(rows) == 12, first.stderr + second.stderr
    # Ids 98, 99, 100: the last frame comes first.
    for row in rows:
        twin = next(
            r
            for r in again
            if r["frame_idx"] == 2 - row["frame_idx"] and r["instance_idx"] == row["instance_idx"]
        )
        assert twin["model"] == row["model"]
        assert twin["cam_t_m2c"] == pytest.approx(row["cam_t_m2c"], abs=1e-9)
        size_wh = row["width"], row["height"]
        a = decode_rle(row["mask"], size_wh=size_wh)
        b = decode_rle(twin["mask"], size_wh=size_wh)
        assert np.count_nonzero(a != b) <= 2


def test_a_posed_frame_is_replayed_without_its_file(tmp_path: Path) -> None:
    pose = {"obj_id": 1, "cam_R_m2c": [1, 0, 0, 0, -1, 0, 0, 0, -1], "cam_t_m2c": [5, 0, 400]}
    focal = [200.0, 0.0, 79.5, 0.0, 200.0, 59.5, 0.0, 0.0, 1.0]
    (tmp_path / "scene_gt.json").write_text(json.dumps({"0": [pose], "4": [pose, pose | {
        "cam_t_m2c": [-90, 20, 420]}]}))  # fmt: skip
    cameras = {"0": {"cam_K": focal}, "4": {"cam_K": focal}}
    (tmp_path / "scene_camera.json").write_text(json.dumps(cameras))
    render(
        "objects=poses", "poses.file=scene_gt.json", "models=[nut]", "n_frames=2",
        "poses.models=[{obj_id:1,model:nut}]", "output_dir=data", cwd=tmp_path,
    )  # fmt: skip
    (tmp_path / "scene_gt.json").unlink()

    replayed = run_module("render.replay", "data", "1", cwd=tmp_path)
    assert replayed.returncode == 0, replayed.stdout + replayed.stderr
    verified = run_module("render.verify", "data", cwd=tmp_path)
    assert verified.returncode == 0, verified.stdout


def test_negatives_show_look_alikes_of_a_folder_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "alike").mkdir()
    trimesh.creation.annulus(8.0, 12.0, 6.0).export(tmp_path / "alike" / "washer.stl")
    trimesh.creation.capsule(20.0, 6.0).export(tmp_path / "alike" / "pin.stl")
    done = render(
        "negatives_fract=0.5", "occlusion.by=model", "occlusion.count=2", "n_frames=8",
        "val_fraction=0.5", "assets.distractors_dir=alike", "output_dir=data", cwd=tmp_path,
    )  # fmt: skip
    data = tmp_path / "data"
    roles: dict[int, list[str]] = {i: [] for i in range(8)}
    for row in read_instances(data):
        roles[row["frame_idx"]].append(row["role"])
        if row["role"] == "distractor":
            assert row["model"] in ("distractor:pin.stl", "distractor:washer.stl")
    assert all(found.count("distractor") == 2 for found in roles.values()), done.stderr
    splits = {f["frame_idx"]: f["split"] for f in read_frames(data)}
    for split in ("train", "val"):
        negative = [i for i in roles if splits[i] == split and "target" not in roles[i]]
        assert len(negative) == 2
        for i in negative:
            assert (data / "labels" / split / f"{i:08d}.txt").read_text() == ""
    verified = run_module("render.verify", "data", cwd=tmp_path)
    assert verified.returncode == 0, verified.stdout
    frame = next(i for i in roles if "target" not in roles[i])
    replayed = run_module("render.replay", "data", str(frame), cwd=tmp_path)
    assert replayed.returncode == 0, replayed.stdout + replayed.stderr


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        (("objects=poses",), "poses.file must be set where objects=poses"),
        (("objects=poses", "poses.file=nowhere.json"), "poses.file must be a scene_gt.json"),
        (
            ("camera.T_world_cam=[1,0,0,0,0,1,0,0,0,0,1,0,0,0,0,1]",),
            "objects.region_m must be set where camera.T_world_cam is",
        ),
        (
            (
                "camera.T_world_cam=[1,0,0,0,0,2,0,0,0,0,1,0,0,0,0,1]",
                "objects.region_m=[0,1,0,1,0,0]",
            ),
            "camera.T_world_cam must be a rigid transform",
        ),
        (
            ("fixtures=[{model:bin,T_world_obj:[1,0,0,0,0,1,0,0,0,0,1,0,0,0,0,1]}]",),
            "assets.fixtures_dir must be the folder",
        ),
        (
            (
                "camera.T_world_cam=[1,0,0,0,0,1,0,0,0,0,1,0,0,0,0,1]",
                "objects.region_m=[0,1,0,1,0,0]", "truncation=some",
            ),
            "a calibrated camera does not turn",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said(overrides: tuple[str, ...], says: str, tmp_path: Path) -> None:
    done = run_module("render.run", *overrides, "output_dir=data", cwd=tmp_path)

    assert done.returncode == 1
    assert says in done.stderr


def test_a_file_of_poses_must_have_rotations_and_models(tmp_path: Path) -> None:
    pose = {"obj_id": 1, "cam_R_m2c": [1, 0, 0, 0, 1, 0, 0, 0, 1], "cam_t_m2c": [0, 0, 900]}
    (tmp_path / "scene_camera.json").write_text(json.dumps({"0": {"cam_K": K.ravel().tolist()}}))
    path = tmp_path / "scene_gt.json"

    def read(**changes: Any) -> Poses:
        path.write_text(json.dumps({"0": [pose | changes]}))
        return Poses.read(path, models={}, names=("obj_000001.ply", "nut.glb"))

    (image,) = read().images
    assert image.models == ("obj_000001.ply",)
    assert image.T_cam_obj[0][:3, 3] == pytest.approx([0, 0, 0.9])
    with pytest.raises(ConfigError, match="no proper cam_R_m2c"):
        read(cam_R_m2c=[1, 0, 0, 0, 1, 0, 0, 0, 2])
    with pytest.raises(ConfigError, match=r"poses\.models must name one model for each obj_id"):
        read(obj_id=2)
