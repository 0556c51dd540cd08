"""The placement of a frame against θ, its camera and the poses of its instances."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from render.report.verify.scenes import SceneCheck
from render.report.verify.theta import ThetaCheck, chooses_models
from render.sampling.arrangement import ARRANGEMENTS
from render.sampling.axes import DIRECTION
from render.sampling.groups import GROUPS
from render.system import values
from render.system.plain_data import json_of
from render.writers.base import Row

__all__ = ["placement_problems", "read_record", "unlike_placed"]

_POSE_SLACK = 1e-9
_RIGID_SLACK = 1e-6
_ANGLE_SLACK = 1e-6
_FAR_M = 1e12

_DISTORTIONS = (0, 4, 5, 8)
_NUMBERS: Mapping[str, Sequence[int]] = {
    "K": (9,), "size_wh": (2,), "T_world_cam": (16,), "distortion": _DISTORTIONS, "center_m": (3,),
}  # fmt: skip
_SINGLE = ("near_m", "far_m", "extent_m", "lowest_m")
# Earlier versions did not record the first; what has a container records the second, and scenes of
# several views the third.
_LATER = {"im_id", "container_m", "eyes_m"}
_INSTANCE = {"model", "role", "theta_idx", "T_world_obj", "scale"}


def read_record(frame: Row) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """θ and placement of a frame, whose numbers are such.

    Raises:
        ValueError: They are torn; with what is.

    """
    theta, placement = json_of(frame["theta"]), json_of(frame["placement"])
    for name, value in (("θ", theta), ("placement", placement)):
        if not isinstance(value, dict):
            raise ValueError(f"{name} must be a mapping")
    for group, leaves in theta.items():
        if not isinstance(leaves, dict):
            raise ValueError(f"θ.{group} must be a mapping")
    for name, lengths in _NUMBERS.items():
        _checked(f"placement.{name}", values.numbers, placement.get(name), lengths, -_FAR_M, _FAR_M)
    for name in _SINGLE:
        _checked(f"placement.{name}", values.number, placement.get(name), -_FAR_M, _FAR_M)
    eyes_m = placement.get("eyes_m", [])
    lengths = (len(eyes_m),) if isinstance(eyes_m, list) else ()
    _checked("placement.eyes_m", values.numbers, eyes_m, lengths, -_FAR_M, _FAR_M)
    if odd := sorted(({*placement} - _LATER) ^ {*_NUMBERS, *_SINGLE, "instances"}):
        raise ValueError(f"placement must hold exactly its fields, odd: {', '.join(odd)}")
    for i, box in enumerate(placement.get("container_m", ())):
        _checked(f"placement.container_m.{i}", values.numbers, box, (6,), -_FAR_M, _FAR_M)
    placed = placement["instances"]
    if not isinstance(placed, list) or not all(
        isinstance(one, dict) and {*one} == _INSTANCE for one in placed
    ):
        raise ValueError(f"placement.instances must be a list of {', '.join(sorted(_INSTANCE))}")
    for i, one in enumerate(placed):
        name = f"placement.instances.{i}"
        _checked(f"{name}.T_world_obj", values.numbers, one["T_world_obj"], (16,), -_FAR_M, _FAR_M)
        _checked(f"{name}.scale", values.number, one["scale"], 0, _FAR_M)
        _checked(f"{name}.theta_idx", values.whole, one["theta_idx"], 0, 2**31)
        for key in ("model", "role"):
            _checked(f"{name}.{key}", values.name, one[key])
    return theta, placement


def _checked(name: str, rule: Callable[..., object], value: Any, *arguments: Any) -> None:
    try:
        rule(value, *arguments)
    except ValueError as error:
        raise ValueError(f"{name} must {error}, got {value!r:.120}") from None


def placement_problems(
    frame: Row,
    rows: Sequence[Row],
    theta: Mapping[str, Any],
    placement: Mapping[str, Any],
    possible: ThetaCheck,
    scenes: SceneCheck,
) -> Iterator[str]:
    """The problem of each check of the frame's record; "" where the check holds.

    Args:
        frame: Its record.
        rows: Records of its instances.
        theta: As `read_record` gives it, as is `placement`.
        possible: What the config draws.
        scenes: What the other views of its scene record.

    """
    yield from _camera_problems(frame, placement)
    placed = placement["instances"]
    yield (
        ""
        if len(placed) == len(rows)
        else f"there must be {len(placed)} instances as placed, got {len(rows)}"
    )
    yield _rigid_problem("placement.T_world_cam", placement["T_world_cam"])
    for i, one in enumerate(placed):
        yield _rigid_problem(f"placement.instances.{i}.T_world_obj", one["T_world_obj"])
    odd = sorted({*theta} ^ {*GROUPS})
    yield "" if not odd else f"θ must hold exactly its groups, odd: {', '.join(odd)}"
    try:
        yield from possible.problems(theta, frame["frame_idx"])
        yield from _drawn_problems(rows, theta, placed)
        yield from _aimed_problems(theta, placement, is_first=not frame["view_idx"])
        yield from scenes.problems(frame, theta, placement)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        yield f"θ is torn: {type(error).__name__}: {error}"


def _camera_problems(frame: Row, placement: Mapping[str, Any]) -> Iterator[str]:
    for name, key in (("cam_K", "K"), ("cam_dist", "distortion")):
        yield "" if frame[name] == placement[key] else f"{name} must be the placement's {key}"
    size_wh = [frame["width"], frame["height"]]
    same = placement["size_wh"] == size_wh
    yield "" if same else f"size must be {placement['size_wh']} as placed"
    same = frame["im_id"] == placement.get("im_id")
    yield "" if same else f"im_id must be {placement.get('im_id')} as placed, got {frame['im_id']}"
    near_m, far_m = placement["near_m"], placement["far_m"]
    yield "" if 0 < near_m < far_m else "near must be nearer than far"
    yield "" if placement["extent_m"] >= 0 else "placement.extent_m must be at least 0"


def _rigid_problem(name: str, numbers: Sequence[float]) -> str:
    T = np.array(numbers, np.float64).reshape(4, 4)
    R = T[:3, :3]
    is_rigid = (
        np.abs(R @ R.T - np.eye(3)).max() < _RIGID_SLACK
        and np.linalg.det(R) > 0
        and T[3].tolist() == [0, 0, 0, 1]
    )
    return "" if is_rigid else f"{name} must be a rigid transform"


def _drawn_problems(
    rows: Sequence[Row], theta: Mapping[str, Any], placed: Sequence[Mapping[str, Any]]
) -> Iterator[str]:
    objects = theta["objects"]
    n_drawn = {"target": objects["count"], "distractor": len(theta["occlusion"]["kind"])}
    shown = {role: [one["theta_idx"] for one in placed if one["role"] == role] for role in n_drawn}
    for role, numbers in shown.items():
        right = numbers == sorted({*numbers}) and all(i < n_drawn[role] for i in numbers)
        yield "" if right else f"placement.instances must have the {role}s of θ in order"
    targets = [row["model"] for row in rows if row["role"] == "target"]
    drawn = [objects["model"][i] for i in shown["target"]]
    yield "" if drawn == targets else "targets must be the models of θ"
    unplaced = {*range(objects["count"])} - {*shown["target"]}
    right = all(i and _is_true_size(objects, i) for i in unplaced)
    yield "" if right else "only further targets at true size may be left out"


def _is_true_size(objects: Mapping[str, Any], i: int) -> bool:
    """Whether a target has a size of its own, whatever the principal one is."""
    return objects["size_ratio"][i] is None or objects["size_m_by_category"][i] is not None


def _aimed_problems(
    theta: Mapping[str, Any], placement: Mapping[str, Any], *, is_first: bool
) -> Iterator[str]:
    """The camera is the one that θ asks for; of a view beside the first, `SceneCheck` tells."""
    camera, arrangement = theta["camera"], theta["objects"]["arrangement"]
    is_real = placement.get("im_id") is not None
    yield "" if chooses_models(arrangement) or not is_real else "im_id must be null: no real image"
    if chooses_models(arrangement):
        return  # it has the camera from where it has the models
    yield from (
        f"placement.{name} must be {wanted} as θ asks, got {placement[name]}"
        if not np.allclose(placement[name], wanted, rtol=_POSE_SLACK, atol=_POSE_SLACK)
        else ""
        for name, wanted in (
            ("size_wh", [round(n) for n in camera["size_wh"]]),
            ("K", _wanted_K(camera)),
        )
    )
    dist = camera["distortion"] or []
    yield "" if placement["distortion"] == dist else "placement.distortion must be that of θ"
    T_world_cam = np.array(placement["T_world_cam"], np.float64).reshape(4, 4)
    is_calibrated = camera["T_world_cam"] is not None
    if not is_first and (is_calibrated or theta["viewpoint"]["layout"] == "stereo"):
        return
    if is_calibrated:
        off = np.abs(T_world_cam - _calibrated(camera)).max()
        yield (
            "" if off < _RIGID_SLACK else "placement.T_world_cam must be that of θ with its jitter"
        )
        return
    settled = ARRANGEMENTS[arrangement].settles
    on_plane = theta["viewpoint"].get("look_at") == "plane"  # earlier versions knew no such leaf
    looked_at = np.zeros(3) if on_plane else np.array(placement["center_m"])
    to_camera = T_world_cam[:3, 3] - looked_at
    distance = float(np.linalg.norm(to_camera))
    if not settled & {*DIRECTION}:
        view = theta["viewpoint"]
        az, el = np.radians(view["azimuth_deg"]), np.radians(view["elevation_deg"])
        asked = np.array([np.cos(el) * np.cos(az), np.cos(el) * np.sin(az), np.sin(el)])
        off = np.abs(to_camera - distance * asked).max()
        yield (
            "" if off <= _ANGLE_SLACK * distance else "the camera must stand where θ.viewpoint says"
        )
    wanted_m = theta["scale"]["distance_m"]
    if wanted_m is not None and "scale.distance_m" not in settled:
        off = abs(distance - wanted_m)
        yield "" if off <= _ANGLE_SLACK * wanted_m else "the camera must be as far as θ.scale says"


def _wanted_K(camera: Mapping[str, Any]) -> list[float]:
    K = camera["K"]
    if K is not None and len(K) == 4:
        return [K[0], 0, K[2], 0, K[1], K[3], 0, 0, 1]
    if K is not None:
        return list(K)
    w, h = (round(n) for n in camera["size_wh"])
    f = w / 2 / np.tan(np.radians(camera["fov_deg"]) / 2)
    return [f, 0, (w - 1) / 2, 0, f, (h - 1) / 2, 0, 0, 1]


def _calibrated(camera: Mapping[str, Any]) -> NDArray[np.float64]:
    T = np.array(camera["T_world_cam"], np.float64).reshape(4, 4)
    jitter = np.eye(4)
    jitter[:3, :3] = cv2.Rodrigues(np.radians(camera["jitter_deg"]))[0]
    jitter[:3, 3] = camera["jitter_m"]
    return np.asarray(T @ jitter)


def unlike_placed(
    row: Row, placed: Mapping[str, Any], world_cam: NDArray[np.float64], unit_m: float | None
) -> list[str]:
    """Fields of an instance that its placement contradicts.

    Args:
        world_cam: ``(4, 4)`` rigid.
        unit_m: Metres per unit of the model's file; None of what the program makes, in metres.

    """
    world_obj = np.array(placed["T_world_obj"]).reshape(4, 4)
    # Solved, not inverted by transposition: an independent way to the same pose.
    cam_obj = np.linalg.solve(world_cam, world_obj)
    R, t = np.array(row["cam_R_m2c"]).reshape(3, 3), np.array(row["cam_t_m2c"])
    size = 1 + float(np.abs(world_cam[:3, 3]).max() + np.abs(world_obj[:3, 3]).max())
    wrong = [name for name in ("model", "role") if row[name] != placed[name]]
    if np.abs(cam_obj[:3, :3] - R).max() > _POSE_SLACK:
        wrong.append("cam_R_m2c")
    if np.abs(cam_obj[:3, 3] - t).max() > _POSE_SLACK * size:
        wrong.append("cam_t_m2c")
    scale = placed["scale"] * (1.0 if unit_m is None else unit_m)
    if abs(row["model_scale"] - scale) > _POSE_SLACK * abs(scale):
        wrong.append("model_scale")
    return wrong
