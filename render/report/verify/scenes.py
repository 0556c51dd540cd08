"""The views of one scene against each other: they differ in their cameras alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from render.dataset.description import Description
from render.writers.base import Row

__all__ = ["SceneCheck"]

_SLACK = 1e-9
_ANGLES = ("azimuth_deg", "elevation_deg", "roll_deg")
_JITTER = ("jitter_m", "jitter_deg")
_OF_THE_CAMERA = ("T_world_cam", "near_m", "far_m")


@dataclass(eq=False)
class SceneCheck:
    """Compares each frame with the first view of its scene, which it keeps."""

    description: Description
    _first: tuple[int, str, Mapping[str, Any], Mapping[str, Any]] | None = None

    def problems(
        self, frame: Row, theta: Mapping[str, Any], placement: Mapping[str, Any]
    ) -> Iterator[str]:
        """What contradicts the other views of the scene, a sentence each.

        Args:
            frame: Its record, after those of earlier frames.
            theta: As the record holds it, as is `placement`.

        Raises:
            KeyError: A leaf is missing; TypeError and ValueError likewise where it is of another
                kind.

        """
        n_views = self.description.views
        scene_id, view_idx = divmod(frame["frame_idx"], n_views)
        wanted = (scene_id, view_idx) if n_views > 1 else (None, None)
        if (frame["scene_id"], frame["view_idx"]) != wanted:
            yield f"scene_id and view_idx must be {wanted[0]} and {wanted[1]}"
        eyes = placement.get("eyes_m", [])
        if len(eyes) != (3 * n_views if n_views > 1 else 0):
            yield f"placement.eyes_m must have 3 numbers for each of {n_views} views"
            return
        if n_views == 1:
            return
        at = _matrix(placement)[:3, 3].tolist()
        if at != eyes[3 * view_idx : 3 * view_idx + 3]:
            yield "placement.eyes_m must have the camera where T_world_cam has it"
        if view_idx == 0:
            self._first = scene_id, frame["split"], theta, placement
        elif self._first is not None and self._first[0] == scene_id:
            yield from self._unlike_first(frame, theta, placement, view_idx)

    def _unlike_first(
        self, frame: Row, theta: Mapping[str, Any], placement: Mapping[str, Any], view_idx: int
    ) -> Iterator[str]:
        assert self._first is not None
        _, split, first_theta, first = self._first
        if frame["split"] != split:
            yield f"split must be {split}, as of all views of its scene"
        own = [key for key in {*placement} | {*first} if key not in _OF_THE_CAMERA]
        if odd := sorted(key for key in own if placement.get(key) != first.get(key)):
            yield f"placement must be that of its scene, odd: {', '.join(odd)}"
        layout = theta["viewpoint"]["layout"]
        may_differ = {("sensor", "noise_seed"), ("sensor", "depth_seed")}
        is_calibrated = theta["camera"]["T_world_cam"] is not None
        if is_calibrated and layout == "listed":
            may_differ |= {("camera", name) for name in _JITTER}
        elif not is_calibrated and layout != "stereo":
            may_differ |= {("viewpoint", name) for name in _ANGLES}
        differ = {
            (group, leaf)
            for group, leaves in theta.items()
            for leaf in {*leaves} | {*first_theta[group]}
            if leaves.get(leaf) != first_theta[group].get(leaf)
        }
        if odd := sorted(f"{group}.{leaf}" for group, leaf in differ - may_differ):
            yield f"θ must be that of its scene, odd: {', '.join(odd)}"
        viewpoint = theta["viewpoint"]
        if is_calibrated and layout == "listed":
            pose = viewpoint["listed"][16 * (view_idx - 1) : 16 * view_idx]
            jitter, turn_deg = np.eye(4), theta["camera"]["jitter_deg"]
            jitter[:3, :3] = cv2.Rodrigues(np.radians(np.reshape(turn_deg, 3)))[0]
            jitter[:3, 3] = theta["camera"]["jitter_m"]
            yield from _unlike(placement, np.reshape(pose, (4, 4)) @ jitter, 1e-6)
        elif layout == "stereo":
            wanted = _matrix(first)
            wanted[:3, 3] += wanted[:3, 0] * viewpoint["baseline_m"]
            yield from _unlike(placement, wanted, _SLACK)
        elif is_calibrated:  # around the region
            x0, x1, y0, y1 = theta["objects"]["region_m"][:4]
            turn = cv2.Rodrigues(np.array([0, 0, 2 * np.pi * view_idx / viewpoint["views"]]))[0]
            middle = np.array([(x0 + x1) / 2, (y0 + y1) / 2, 0])
            wanted = _matrix(first)
            wanted[:3, :3] = turn @ wanted[:3, :3]
            wanted[:3, 3] = middle + turn @ (wanted[:3, 3] - middle)
            yield from _unlike(placement, wanted, _SLACK)
        elif layout == "around":
            off = viewpoint["azimuth_deg"] - first_theta["viewpoint"]["azimuth_deg"]
            off -= 360 * view_idx / viewpoint["views"]
            if abs((off + 180) % 360 - 180) > _SLACK or any(
                viewpoint[name] != first_theta["viewpoint"][name] for name in _ANGLES[1:]
            ):
                yield "θ.viewpoint must be turned evenly from that of the first view"
        elif layout == "listed":
            angles = viewpoint["listed"][3 * (view_idx - 1) : 3 * view_idx]
            if [viewpoint[name] for name in _ANGLES] != angles:
                yield f"θ.viewpoint must have the angles that are listed, {angles}"


def _matrix(placement: Mapping[str, Any]) -> NDArray[np.float64]:
    return np.array(placement["T_world_cam"], np.float64).reshape(4, 4)


def _unlike(
    placement: Mapping[str, Any], wanted: NDArray[np.float64], slack: float
) -> Iterator[str]:
    if np.abs(_matrix(placement) - wanted).max() > slack * (1 + np.abs(wanted).max()):
        yield "placement.T_world_cam must be where viewpoint.layout has this view"
