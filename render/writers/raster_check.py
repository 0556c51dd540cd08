"""Pixels of a frame's files against its records."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from render.dataset.findings import Findings
from render.dataset.pictures import check_plain, decoded_picture
from render.errors import ConfigError, DatasetError
from render.sensor.depth_image import near_edges
from render.sensor.depth_sensor import depth_range, is_exact, lateral_reach_px
from render.system.plain_data import json_of
from render.writers.base import Row, StoredFrame
from render.writers.depth_check import posed_depth_problem, posed_nocs_problem, rays_of

__all__ = ["PixelCheck"]

_U16_MAX = 65535
_DEPTH_SLACK = 1e-4
_NORMAL_SLACK = 1e-3
_NO_SURFACES = ("color", "procedural", "photo", "environment")

_Mask = NDArray[np.bool_]


def _has_surfaces(frame: Row) -> bool:
    """Whether there may be floor, walls or a container, which have a depth and no label."""
    try:
        if json_of(frame["placement"]).get("container_m"):
            return True
        kind = json_of(frame["theta"])["background"]["kind"]
    except (ValueError, KeyError, TypeError, AttributeError):
        return True  # said of the record
    return kind not in _NO_SURFACES


class PixelCheck:
    """Checks on one file of a frame."""

    def __init__(self, file: str, data: bytes, stored: StoredFrame, findings: Findings) -> None:
        self._file = file
        self._data = data
        self._stored = stored
        self._recorded = stored.recorded
        self._frame_idx = stored.view.frame_idx
        self._size_hw = stored.view.size_wh[::-1]
        self._instances = stored.view.instances
        self._findings = findings

    def image(self) -> None:
        """A picture of three channels."""
        image = self._decoded()
        if image is not None:
            self._require(
                image.dtype == np.uint8 and image.shape == (*self._size_hw, 3),
                f"must be 8 bit RGB, {self._size()}, got {image.dtype} {image.shape}",
            )

    def ids(self) -> None:
        """Every pixel has the id that the records' visible masks give it."""
        ids, recorded = self._u16(), self._recorded
        if ids is None or recorded is None or np.array_equal(ids, recorded.ids):
            self._require(True, "")
            return
        wrong = ids != recorded.ids
        count = int(np.count_nonzero(wrong))
        y, x = (int(v[0]) for v in np.nonzero(wrong))
        found = sorted({*np.unique(ids[wrong]).tolist()})
        self._require(
            False,
            f"{count} px differ from the records' visible masks, the first at x {x}, y {y} "
            f"({ids[y, x]}, not {recorded.ids[y, x]}); ids there: {str(found[:6])[1:-1]}",
        )

    def depth(self, unit_m: float) -> None:
        """There is depth wherever there is an object, between the planes and where its pose is.

        Only what is no target may be 0 where it can be beyond what a file holds.
        """
        units, recorded = self._u16(), self._recorded
        if units is None or recorded is None:
            return
        ends_m = (_U16_MAX + 0.5) * unit_m
        targets = [row for row in self._instances if row["role"] == "target"]
        known = recorded.ids > 0
        if recorded.far_m > ends_m:
            known = np.isin(recorded.ids, [row["instance_idx"] + 1 for row in targets])
        without = int(np.count_nonzero(units[known] == 0))
        self._require(not without, f"{without} px of objects have no depth")
        for row in targets:
            # No point is nearer than the sphere around its box.
            radius_m = float(np.linalg.norm(row["box3d_size_m"])) / 2
            if row["box3d_center_cam_m"][2] - radius_m > ends_m:
                idx = row["instance_idx"]
                beyond = int(np.count_nonzero(units[recorded.ids == idx + 1]))
                self._require(
                    not beyond,
                    f"{beyond} px of instance {idx} are beyond {_U16_MAX * unit_m:.6g} m",
                )
        here = units[recorded.ids > 0].astype(np.float64)
        # The nearer end of the range also stands for what lies before it.
        far, near = here[here > 1], here[here > 0]
        lo = recorded.near_m * (1 - _DEPTH_SLACK) - 0.51 * unit_m
        hi = recorded.far_m * (1 + _DEPTH_SLACK) + 0.51 * unit_m
        self._require(
            not near.size or near.min() * unit_m >= lo,
            f"objects must be farther than {recorded.near_m:g} m",
        )
        self._require(
            not far.size or far.max() * unit_m <= hi,
            f"objects must be nearer than {recorded.far_m:g} m",
        )
        if not recorded.has_fixtures and not _has_surfaces(self._stored.row):
            beside = int(np.count_nonzero(units[recorded.ids == 0]))
            self._require(not beside, f"{beside} px have depth where nothing is")
        problem = posed_depth_problem(
            units, recorded.ids, self._stored.row, self._instances, unit_m
        )
        self._require(not problem, problem)

    def depth_sensor(self) -> None:
        """Measurements lie within the sensor's range and beside things; exact ones as `depth`."""
        unit_m = self._stored.view.depth_unit_m
        try:
            sensor = self._stored.view.theta.sensor
            near_m, far_m = depth_range(sensor)
        except (DatasetError, ConfigError):
            return  # said of the record
        if is_exact(sensor):
            self.depth(unit_m)
            return
        units, recorded = self._u16(), self._recorded
        if units is None:
            return
        measured_m = units[units > 0] * unit_m
        beyond = (measured_m < near_m - 0.51 * unit_m) | (measured_m > far_m + 0.51 * unit_m)
        self._require(
            not beyond.any(),
            f"{np.count_nonzero(beyond)} px are beyond the range of {near_m:g} to {far_m:g} m",
        )
        reach_px = lateral_reach_px(sensor)
        if recorded is None or recorded.has_fixtures or _has_surfaces(self._stored.row):
            return
        if reach_px is not None:
            beside = int(np.count_nonzero((units > 0) & ~near_edges(recorded.ids > 0, reach_px)))
            self._require(not beside, f"{beside} px are measured where nothing is")

    def normals(self) -> None:
        """There is a normal wherever there is an object, and each has length 1."""
        values, is_there, _ = self._values(channels=3)
        if values is not None:
            # OpenCV reads blue first.
            normals = values[is_there][:, ::-1].astype(np.float64) * (2 / _U16_MAX) - 1
            off = np.abs(np.linalg.norm(normals, axis=1) - 1).max(initial=0.0)
            self._require(off <= _NORMAL_SLACK, f"normals must have length 1, off by {off:.3g}")
            ys, xs = np.nonzero(is_there)
            rays = rays_of(np.stack([xs, ys], axis=1), self._stored.row)
            # Smooth normals may look away near an outline.
            away = int(np.count_nonzero(np.einsum("ni,ni->n", normals, rays) > 0))
            most = len(normals) // 2
            self._require(away <= most, f"{away} of {len(normals)} normals look away")

    def of_objects(self, *, channels: int) -> None:
        """There is a value wherever there is an object, and nowhere else."""
        values, is_there, here = self._values(channels=channels)
        if values is not None:
            beside = int(np.count_nonzero(is_there & ~here))
            self._require(not beside, f"{beside} px have a value where no object is")

    def nocs(self) -> None:
        """As `of_objects`, and each value is where the pose of its instance shows it."""
        self.of_objects(channels=3)
        values, recorded = self._u16(3), self._recorded
        if values is None or recorded is None:
            return
        problem = posed_nocs_problem(values, recorded.ids, self._stored.row, self._instances)
        self._require(not problem, problem)

    def _values(self, *, channels: int) -> tuple[NDArray[Any] | None, _Mask, _Mask]:
        """The values, where there are some, and where objects are."""
        values, recorded = self._u16(channels), self._recorded
        if values is None or recorded is None:
            return None, np.zeros(0, bool), np.zeros(0, bool)
        here = recorded.ids > 0
        is_there: _Mask = np.asarray((values > 0).reshape(*here.shape, channels).all(axis=2))
        without = int(np.count_nonzero(here & ~is_there))
        self._require(not without, f"{without} px of objects have no value")
        return values, is_there, here

    def _u16(self, channels: int = 1) -> NDArray[Any] | None:
        image = self._decoded()
        if image is None:
            return None
        shape = self._size_hw if channels == 1 else (*self._size_hw, channels)
        is_right = image.dtype == np.uint16 and image.shape == shape
        kind = "one channel" if channels == 1 else "RGB"
        got = f"{image.dtype} {image.shape}"
        self._require(is_right, f"must be {kind} of 16 bit, {self._size()}, got {got}")
        return image if is_right else None

    def _decoded(self) -> NDArray[Any] | None:
        suffix = ".jpg" if self._file.endswith(".jpg") else ".png"
        try:
            image = decoded_picture(self._data, suffix, size_wh=self._stored.view.size_wh)
            check_plain(self._data, suffix)
        except ValueError as error:
            self._require(False, str(error))
            return None
        self._require(True, "")
        return image

    def _size(self) -> str:
        return f"{self._size_hw[1]} x {self._size_hw[0]}"

    def _require(self, holds: object, message: str) -> bool:
        return self._findings.require(holds, message, file=self._file, frame_idx=self._frame_idx)
