"""Pictures of each frame: what the camera gave, and a value for each pixel."""

from __future__ import annotations

import abc
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, TypeVar, final

import numpy as np
from numpy.typing import NDArray

from render.config.settings import setting
from render.dataset.findings import Findings
from render.dataset.frame_view import FrameView
from render.dataset.layout import IMAGES, raster
from render.dataset.rasters import (
    depth_problem,
    encode_depth,
    encode_ids,
    encode_map,
    encode_png,
)
from render.errors import ConfigError
from render.sample import DEPTH_SENSOR
from render.sensor.jpeg import encode_jpeg
from render.writers.base import WRITERS, AbstractWriter, StoredFrame
from render.writers.raster_check import PixelCheck

if TYPE_CHECKING:
    from render.dataset.reader import Dataset

__all__ = [
    "AbstractRaster",
    "DepthSensorWriter",
    "DepthWriter",
    "IdsWriter",
    "ImageWriter",
    "MasksWriter",
    "NocsWriter",
    "NormalsWriter",
    "PartsWriter",
]

S = TypeVar("S")


class AbstractRaster(AbstractWriter[S]):
    """One picture of each frame, in a folder that is named as the key which turns it on."""

    switch: ClassVar[str]

    @classmethod
    def paths(cls) -> tuple[str, ...]:
        return (raster(cls.switch),)

    @abc.abstractmethod
    def encoded(self, view: FrameView) -> bytes:
        """The file of a frame."""

    @abc.abstractmethod
    def check_pixels(self, pixels: PixelCheck) -> None:
        """Checks the file of a frame on disk."""

    @final
    def frame_files(self, view: FrameView) -> dict[str, bytes]:
        return dict.fromkeys(self.frame_paths(view), self.encoded(view))

    @final
    def check(self, dataset: Dataset, findings: Findings) -> Callable[[StoredFrame], None]:
        def check_frame(stored: StoredFrame) -> None:
            for path, data in stored.files.items():
                self.check_pixels(PixelCheck(path, data, stored, findings))

        return check_frame


@dataclass(frozen=True, kw_only=True)
class ImageSettings:
    """Keys of ``output`` of the picture."""

    image: Literal["jpg", "png"] = setting(
        kind="choice", options=("jpg", "png"), doc="File format of the images.", example="png"
    )


@final
@WRITERS.register("image")
class ImageWriter(AbstractRaster[ImageSettings]):
    """What the camera gave; every dataset has it."""

    Settings = ImageSettings
    switch = "image"

    @classmethod
    def paths(cls) -> tuple[str, ...]:
        return (IMAGES + "/{stem}.{image}",)

    def encoded(self, view: FrameView) -> bytes:
        if self.settings.image == "png":
            return encode_png(view.image)
        if view.jpeg is not None:
            return view.jpeg
        return encode_jpeg(view.image, view.theta.sensor.jpeg_quality)

    def check_pixels(self, pixels: PixelCheck) -> None:
        pixels.image()


@dataclass(frozen=True, kw_only=True)
class IdsSettings:
    """Keys of ``output`` of the ids."""

    ids: bool = setting(
        kind="flag",
        doc="Whether each pixel's instance is written.",
        example="false",
        formerly="output.masks",
    )


@WRITERS.register("ids")
class IdsWriter(AbstractRaster[IdsSettings]):
    """Which instance each pixel shows."""

    Settings = IdsSettings
    switch = "ids"

    def encoded(self, view: FrameView) -> bytes:
        return encode_ids(view.ids)

    def check_pixels(self, pixels: PixelCheck) -> None:
        pixels.ids()


@final
class MasksWriter(IdsWriter):
    """The ids of datasets of format 1, which lie in another folder; only read."""

    @classmethod
    def paths(cls) -> tuple[str, ...]:
        return (raster("masks"),)


@dataclass(frozen=True, kw_only=True)
class DepthSettings:
    """Keys of ``output`` of the depth."""

    depth: bool = setting(
        kind="flag",
        doc="Whether each pixel's depth along the optical axis is written.",
        example="true",
    )
    depth_unit_m: float = setting(
        kind="number",
        lo=1e-7,
        hi=10,
        doc="Metres that one step of a depth file stands for; it holds 65535 of them.",
        example="0.001",
    )


@final
@WRITERS.register("depth")
class DepthWriter(AbstractRaster[DepthSettings]):
    """Depth along the optical axis of each pixel; targets are never beyond what it can hold."""

    Settings = DepthSettings
    switch = "depth"

    def encoded(self, view: FrameView) -> bytes:
        return _encoded_depth(view, view.depth_m, unit_m=self.settings.depth_unit_m)

    def check_pixels(self, pixels: PixelCheck) -> None:
        pixels.depth(self.settings.depth_unit_m)


@dataclass(frozen=True, kw_only=True)
class DepthSensorSettings:
    """Keys of ``output`` of the depth of a sensor."""

    depth_sensor: bool = setting(
        kind="flag",
        default=False,
        doc="Whether depth as `sensor.depth` measures it is written, in steps of "
        "`output.depth_unit_m`; 0: no measurement.",
        example="true",
    )


@final
@WRITERS.register("depth_sensor")
class DepthSensorWriter(AbstractRaster[DepthSensorSettings]):
    """Depth as the sensor of θ measures it; exact where that is exact."""

    Settings = DepthSensorSettings
    switch = "depth_sensor"
    maps = (DEPTH_SENSOR,)

    def encoded(self, view: FrameView) -> bytes:
        return _encoded_depth(view, view.depth_sensor_m, unit_m=view.depth_unit_m)

    def check_pixels(self, pixels: PixelCheck) -> None:
        pixels.depth_sensor()


def _encoded_depth(view: FrameView, depth_m: NDArray[np.float32], *, unit_m: float) -> bytes:
    """A depth file, which must hold every target; ConfigError where it cannot."""
    # Where all can be held, it need not be known what the targets are.
    if depth_problem(float(depth_m.max(initial=0.0)), unit_m=unit_m):
        targets = [row["instance_idx"] for row in view.instances if row["role"] == "target"]
        farthest_m = float(depth_m[np.isin(view.ids, targets)].max(initial=0.0))
        if problem := depth_problem(farthest_m, unit_m=unit_m):
            raise ConfigError(f"frame {view.frame_idx}: {problem}")
    return encode_depth(depth_m, unit_m=unit_m)


@dataclass(frozen=True, kw_only=True)
class NormalsSettings:
    """Keys of ``output`` of the normals."""

    normals: bool = setting(
        kind="flag",
        doc="Whether each pixel's surface normal is written, in the camera's frame.",
        example="true",
    )


@final
@WRITERS.register("normals")
class NormalsWriter(AbstractRaster[NormalsSettings]):
    """The surface normal of each pixel."""

    Settings = NormalsSettings
    switch = "normals"
    maps = ("normals",)

    def encoded(self, view: FrameView) -> bytes:
        return encode_map(view.maps["normals"])

    def check_pixels(self, pixels: PixelCheck) -> None:
        pixels.normals()


@dataclass(frozen=True, kw_only=True)
class NocsSettings:
    """Keys of ``output`` of the object coordinates."""

    nocs: bool = setting(
        kind="flag",
        doc="Whether each pixel's normalised object coordinates are written.",
        example="true",
    )


@final
@WRITERS.register("nocs")
class NocsWriter(AbstractRaster[NocsSettings]):
    """Normalised object coordinates of each pixel."""

    Settings = NocsSettings
    switch = "nocs"
    maps = ("nocs",)

    def encoded(self, view: FrameView) -> bytes:
        return encode_map(view.maps["nocs"])

    def check_pixels(self, pixels: PixelCheck) -> None:
        pixels.nocs()


@dataclass(frozen=True, kw_only=True)
class PartsSettings:
    """Keys of ``output`` of the parts."""

    parts: bool = setting(
        kind="flag",
        doc="Whether it is written which body of its model each pixel shows.",
        example="true",
    )


@final
@WRITERS.register("parts")
class PartsWriter(AbstractRaster[PartsSettings]):
    """Which body of its model each pixel shows."""

    Settings = PartsSettings
    switch = "parts"
    maps = ("parts",)

    def encoded(self, view: FrameView) -> bytes:
        return encode_map(view.maps["parts"])

    def check_pixels(self, pixels: PixelCheck) -> None:
        pixels.of_objects(channels=1)
