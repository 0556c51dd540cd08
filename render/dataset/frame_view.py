"""A frame as writers receive it: the same just after it was rendered and read back from disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, final

import numpy as np
from numpy.typing import NDArray

from render.assembly.scene import camera_of
from render.geometry.rle import decode_rle
from render.sample import Sample, Split
from render.scene import Camera
from render.theta import Placement, Theta

__all__ = ["FrameView", "LabelNames", "SampleView", "is_labelled", "labelled_rows", "stacked_masks"]


@dataclass(frozen=True, kw_only=True)
class LabelNames:
    """Names that the labels of a dataset use.

    Attributes:
        categories: Their ids count in this order.
        keypoints: Names of the keypoints of each category that has some.

    """

    categories: tuple[str, ...]
    keypoints: Mapping[str, tuple[str, ...]]


class FrameView(Protocol):
    """One frame of a dataset. Pixels are decoded or computed when they are asked for."""

    @property
    def names(self) -> LabelNames:
        """Names that the labels of the whole dataset use."""
        ...

    @property
    def frame_idx(self) -> int:
        """Index of the frame in the run, from 0."""
        ...

    @property
    def split(self) -> Split:
        """What the frame is for: ``train`` or ``val``."""
        ...

    @property
    def stem(self) -> str:
        """Name of the frame's files without suffix."""
        ...

    @property
    def size_wh(self) -> tuple[int, int]:
        """Width and height of the image, pixels."""
        ...

    @property
    def instances(self) -> Sequence[Mapping[str, Any]]:
        """Records of the instances in the order of ``instance_idx``, targets first.

        Filtered targets and distractors too; see `render.dataset.records.instance_rows`.
        """
        ...

    @property
    def labelled(self) -> Sequence[Mapping[str, Any]]:
        """Those of `instances` that annotations show: targets that are not filtered."""
        ...

    @property
    def image(self) -> NDArray[np.uint8]:
        """The picture: ``(H, W, 3)`` uint8, display sRGB; from disk as JPEG has left it."""
        ...

    @property
    def jpeg(self) -> bytes | None:
        """The file of the picture where it is a JPEG on disk: encoding it anew would change it."""
        ...

    @property
    def ids(self) -> NDArray[np.int32]:
        """``(H, W)`` int32: which of `instances` each pixel shows; -1 where none."""
        ...

    @property
    def depth_m(self) -> NDArray[np.float32]:
        """``(H, W)`` float32: z along the optical axis, metres; 0 where there is nothing.

        From disk also 0 where what is no target is farther than 65535 steps of the file.
        """
        ...

    @property
    def depth_unit_m(self) -> float:
        """Metres of one step of a stored depth."""
        ...

    @property
    def depth_sensor_m(self) -> NDArray[np.float32]:
        """``(H, W)`` float32: depth as the sensor of θ measures it; 0 = no measurement.

        There only where a writer asked for it.
        """
        ...

    @property
    def maps(self) -> Mapping[str, NDArray[np.uint16]]:
        """Per-pixel labels that were asked for: ``normals``, ``nocs``, ``parts``.

        Each is ``(H, W)`` or ``(H, W, 3)`` uint16, as docs/labels.md describes it.
        """
        ...

    @property
    def masks(self) -> NDArray[np.bool_]:
        """``(N, H, W)`` bool: whole silhouette of each instance inside the frame (amodal)."""
        ...

    @property
    def masks_visib(self) -> NDArray[np.bool_]:
        """``(N, H, W)`` bool: the visible pixels of each instance."""
        ...

    @property
    def theta(self) -> Theta:
        """All scene parameters that were drawn for the frame."""
        ...

    @property
    def placement(self) -> Placement:
        """Where θ put camera and instances."""
        ...

    @property
    def camera(self) -> Camera:
        """K, distortion and pose of the camera."""
        ...


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class SampleView:
    """A frame that was just rendered.

    Attributes:
        instances: The records of `sample`: `render.dataset.records.instance_rows`.
        depth_unit_m: Metres of one step of a stored depth.

    """

    sample: Sample
    instances: Sequence[Mapping[str, Any]]
    names: LabelNames
    depth_unit_m: float

    @property
    def frame_idx(self) -> int:
        return self.sample.key.frame_idx

    @property
    def split(self) -> Split:
        return self.sample.key.split

    @property
    def stem(self) -> str:
        return self.sample.key.stem

    @property
    def size_wh(self) -> tuple[int, int]:
        height, width = self.sample.rgb.shape[:2]
        return width, height

    @property
    def labelled(self) -> Sequence[Mapping[str, Any]]:
        return labelled_rows(self.instances)

    @property
    def image(self) -> NDArray[np.uint8]:
        return self.sample.rgb

    @property
    def jpeg(self) -> None:
        return None

    @property
    def ids(self) -> NDArray[np.int32]:
        return self.sample.buffers.instance_idx

    @property
    def depth_m(self) -> NDArray[np.float32]:
        return self.sample.buffers.depth_m

    @property
    def depth_sensor_m(self) -> NDArray[np.float32]:
        if self.sample.depth_sensor_m is None:
            raise ValueError("depth_sensor_m must be asked for: maps = ('depth_sensor',)")
        return self.sample.depth_sensor_m

    @property
    def maps(self) -> Mapping[str, NDArray[np.uint16]]:
        return self.sample.maps

    @property
    def masks(self) -> NDArray[np.bool_]:
        return stacked_masks(self.instances, "mask", self.size_wh)

    @property
    def masks_visib(self) -> NDArray[np.bool_]:
        return stacked_masks(self.instances, "mask_visib", self.size_wh)

    @property
    def theta(self) -> Theta:
        return self.sample.theta

    @property
    def placement(self) -> Placement:
        return self.sample.placement

    @property
    def camera(self) -> Camera:
        return camera_of(self.sample.placement)


def is_labelled(row: Mapping[str, Any]) -> bool:
    """Whether annotations show an instance: a target that is not filtered."""
    return row["role"] == "target" and not row["filtered"]


def labelled_rows(instances: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Targets that are not filtered, in order."""
    return [row for row in instances if is_labelled(row)]


def stacked_masks(
    instances: Sequence[Mapping[str, Any]], column: str, size_wh: tuple[int, int]
) -> NDArray[np.bool_]:
    """``(N, H, W)``: a mask of each instance, decoded from its record."""
    masks = np.zeros((len(instances), size_wh[1], size_wh[0]), np.bool_)
    for mask, row in zip(masks, instances, strict=True):
        mask[:] = decode_rle(row[column], size_wh=size_wh)
    return masks
