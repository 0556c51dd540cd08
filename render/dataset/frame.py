"""One frame of a finished dataset as Python reads it: its record, its pictures and its labels."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, final

import cv2
import numpy as np
from numpy.typing import NDArray

from render.assembly.scene import camera_of
from render.dataset.frame_files import FrameFiles
from render.dataset.frame_view import LabelNames, labelled_rows, stacked_masks
from render.dataset.layout import PathTemplate, image_path, raster
from render.dataset.pictures import MOST_SIDE_PX, decoded_picture
from render.dataset.sharding import Sharding
from render.errors import DatasetError
from render.sample import DEPTH_SENSOR, MAPS, Split
from render.scene import Camera
from render.system.plain_data import MOST_BYTES, json_of
from render.system.stores import Folder
from render.theta import Placement, Theta, placement_from_json, theta_from_json

__all__ = ["Frame"]

_T = TypeVar("_T")

# Datasets of format 1 call the folder of ids masks.
_IDS = ("ids", "masks")
_MOST_BYTES_PER_PX = 8


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class Frame:
    """One frame of a dataset on disk.

    Attributes:
        folder: Folder of the dataset.
        row: Its record, as `render.dataset.records.frame_row` describes it.
        instances: The records of its instances in the order of ``instance_idx``, targets first,
            filtered ones and distractors too; see `render.dataset.records.instance_rows`.
        depth_unit_m: Metres of one step of a stored depth.
        names: Names of all categories and keypoints of the dataset.
        sharding: How the frames of the dataset are divided into shards.

    """

    folder: Folder
    row: Mapping[str, Any]
    instances: tuple[Mapping[str, Any], ...]
    depth_unit_m: float
    names: LabelNames
    sharding: Sharding

    @property
    def frame_idx(self) -> int:
        """Index of the frame in the run, from 0."""
        return int(self.row["frame_idx"])

    @property
    def scene_id(self) -> int:
        """Number of the scene that it shows, from 0: all its views have it, and their split."""
        scene_id = self.row["scene_id"]
        return self.frame_idx if scene_id is None else int(scene_id)

    @property
    def view_idx(self) -> int:
        """Which view of its scene it is, from 0."""
        return int(self.row["view_idx"] or 0)

    @property
    def split(self) -> Split:
        """What the frame is for: training or validation."""
        return "val" if self.row["split"] == "val" else "train"

    @property
    def stem(self) -> str:
        """Name of the frame's files without suffix."""
        return Path(self.row["file_name"]).stem

    @property
    def size_wh(self) -> tuple[int, int]:
        """Width and height of the image, pixels.

        Raises:
            DatasetError: The record is torn.

        """
        width, height = int(self.row["width"]), int(self.row["height"])
        if not 0 < width <= MOST_SIDE_PX or not 0 < height <= MOST_SIDE_PX:
            raise DatasetError(
                f"the record of frame {self.frame_idx} is torn: its size must be from 1 to "
                f"{MOST_SIDE_PX} px, got {width} x {height}"
            )
        return width, height

    @property
    def stored_files(self) -> FrameFiles:
        """Its files, wherever they lie."""
        return FrameFiles(self.folder, self.row, self.sharding)

    @property
    def labelled(self) -> list[Mapping[str, Any]]:
        """Those of `instances` that annotations show: targets that are not filtered."""
        return labelled_rows(self.instances)

    @property
    def image(self) -> NDArray[np.uint8]:
        """The picture: ``(H, W, 3)`` uint8, display sRGB, as stored (JPEG changes pixels).

        Raises:
            DatasetError: The file is missing, torn or of another size; so for all pictures.

        """
        bgr = self._pixels(image_path(self.row), np.dtype(np.uint8), channels=3)
        return np.ascontiguousarray(bgr[..., ::-1])

    @property
    def jpeg(self) -> bytes | None:
        """The file of the picture if it is a JPEG: to encode it anew would change it."""
        path = image_path(self.row)
        return self._bytes(path) if path.endswith(".jpg") else None

    @property
    def files(self) -> dict[str, bytes]:
        """All files of the frame, by path relative to the dataset, read from disk or a tar.

        Raises:
            DatasetError: One cannot be read, or the record names what is no path in the dataset.

        """
        paths = [str(entry["path"]) for entry in self.row["files"]]
        try:
            return {PathTemplate(path).text: self._bytes(path) for path in paths}
        except ValueError as error:
            raise DatasetError(
                f"the record of frame {self.frame_idx} is torn: its paths must {error}"
            ) from error

    @property
    def ids(self) -> NDArray[np.int32]:
        """``(H, W)`` int32: which of `instances` each pixel shows; -1 where none."""
        stored = self._pixels(self._raster(*_IDS), np.dtype(np.uint16), channels=1)
        return stored.astype(np.int32) - 1

    @property
    def depth_m(self) -> NDArray[np.float32]:
        """``(H, W)`` float32: z along the optical axis, metres; 0 where it is unknown.

        That is where nothing is, or what is no target is beyond what the file can hold; in
        datasets of format 1 the greatest value of the file means "this far or farther".
        """
        return self._metres("depth")

    @property
    def depth_sensor_m(self) -> NDArray[np.float32]:
        """``(H, W)`` float32: depth as the sensor of θ measures it; 0 = no measurement.

        There where the dataset was written with `output.depth_sensor=true`.
        """
        return self._metres(DEPTH_SENSOR)

    @property
    def masks(self) -> NDArray[np.bool_]:
        """``(N, H, W)`` bool: whole silhouette of each instance inside the frame (amodal)."""
        return stacked_masks(self.instances, "mask", self.size_wh)

    @property
    def masks_visib(self) -> NDArray[np.bool_]:
        """``(N, H, W)`` bool: the visible pixels of each instance."""
        return stacked_masks(self.instances, "mask_visib", self.size_wh)

    @property
    def maps(self) -> dict[str, NDArray[np.uint16]]:
        """Per-pixel labels that were written, by name: ``normals``, ``nocs``, ``parts``.

        Each is ``(H, W)`` or ``(H, W, 3)`` uint16, as docs/labels.md describes it.
        """
        recorded = {str(entry["path"]) for entry in self.row["files"]}
        found: dict[str, NDArray[np.uint16]] = {}
        for name in MAPS:
            if self._path(name) in recorded:
                image = self._pixels(self._path(name), np.dtype(np.uint16), channels=None)
                found[name] = image if image.ndim == 2 else np.ascontiguousarray(image[..., ::-1])
        return found

    @property
    def theta(self) -> Theta:
        """All scene parameters that were drawn for the frame.

        Raises:
            DatasetError: The record is torn.

        """
        return self._recorded("theta", theta_from_json)

    @property
    def placement(self) -> Placement:
        """Where θ put camera and instances; errors as for `theta`."""
        return self._recorded("placement", placement_from_json)

    @property
    def camera(self) -> Camera:
        """K, distortion and pose of the camera; errors as for `theta`."""
        return camera_of(self.placement)

    def _metres(self, kind: str) -> NDArray[np.float32]:
        stored = self._pixels(self._raster(kind), np.dtype(np.uint16), channels=1)
        return (stored * self.depth_unit_m).astype(np.float32)

    def _recorded(self, column: str, read: Callable[[Any], _T]) -> _T:
        try:
            return read(json_of(self.row[column]))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DatasetError(f"the record of frame {self.frame_idx} is torn: {error}") from error

    def _path(self, kind: str) -> str:
        return raster(kind).format(split=self.split, stem=self.stem)

    def _raster(self, *kinds: str) -> str:
        """The frame's file in the first of these folders that has one; no tar has others."""
        paths = [self._path(kind) for kind in kinds]
        return next((path for path in paths if (self.folder / path).is_file()), paths[0])

    def _pixels(self, path: str, dtype: np.dtype[Any], *, channels: int | None) -> NDArray[Any]:
        """A picture in OpenCV's order of channels; DatasetError if it cannot be decoded."""
        color = channels == 3
        flags = cv2.IMREAD_COLOR if color else cv2.IMREAD_UNCHANGED
        try:
            image = decoded_picture(
                self._bytes(path), Path(path).suffix, size_wh=self.size_wh, flags=flags
            )
        except ValueError as error:
            raise DatasetError(f"{self.folder / path} {error}") from error
        if image.dtype != dtype:
            raise DatasetError(f"{self.folder / path} must be a {dtype} picture, got {image.dtype}")
        if channels is not None and image.ndim != (3 if color else 2):
            raise DatasetError(f"{self.folder / path} is torn: it must have {channels} channels")
        return image

    def _bytes(self, path: str) -> bytes:
        most = MOST_BYTES + _MOST_BYTES_PER_PX * math.prod(self.size_wh)
        try:
            return self.stored_files.read(path, most=most)
        except FileNotFoundError as error:
            raise DatasetError(
                f"{self.folder / path} is missing: the dataset was written without it, or the "
                "file was removed"
            ) from error
        except OSError as error:
            raise DatasetError(f"{self.folder / path} cannot be read: {error.strerror}") from error
