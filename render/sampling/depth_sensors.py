"""What a depth sensor is: what it is given of a frame, and the register of its kinds."""

from __future__ import annotations

import abc
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from render.system.registry import Registry

__all__ = ["DEPTH_SENSORS", "AbstractDepthSensor", "DepthView"]

Map = NDArray[np.float64]


@dataclass(frozen=True, eq=False, kw_only=True)
class DepthView:
    """What a depth sensor looks at, pixel by pixel.

    Attributes:
        depth_m: ``(H, W)`` exact z along the optical axis; 0 = nothing.
        rays: ``(H, W, 2)``: x and y of each pixel's ray at depth 1.
        focal_px: Horizontal focal length.
        tilt_cos: ``(H, W)`` cosine between the surface's normal and the way to the camera.
        albedo: ``(H, W)`` share of the lamp's light that is scattered, 0 to 1; as the next two, of
            the material that is seen.
        metallic: ``(H, W)``.
        roughness: ``(H, W)``, perceptual.

    """

    depth_m: Map
    rays: Map
    focal_px: float
    tilt_cos: Map
    albedo: Map
    metallic: Map
    roughness: Map


class AbstractDepthSensor(abc.ABC):
    """A kind of depth sensor.

    Attributes:
        range_m: Nearest and farthest depth that it measures, where `sensor.depth_range_m` is null;
            None: it measures all, whatever that leaf says.
        baseline_m: From the camera to the second camera or the projector, which is to its right,
            where `sensor.depth_baseline_m` is null; 0: it has neither.
        lateral_px: Standard deviation of where edges are, within three of which `render.verify`
            wants every measurement of a thing; None: it wants nothing.

    """

    range_m: ClassVar[tuple[float, float] | None]
    baseline_m: ClassVar[float] = 0.0
    lateral_px: ClassVar[float | None] = None

    @abc.abstractmethod
    def measure(
        self,
        view: DepthView,
        *,
        noise: float,
        baseline_m: float,
        range_m: tuple[float, float],
        rng: np.random.Generator,
    ) -> Map:
        """What the sensor gives: a function of its arguments alone.

        Args:
            view: What it looks at; it must stay as it is.
            noise: Factor of the standard deviations; 0: it errs by its steps and holes alone.
            baseline_m: As above, drawn; `range_m` likewise.
            rng: The frame's own random numbers.

        Returns:
            ``(H, W)`` depth, metres; 0 = no measurement. What is beyond the range is taken out
            afterwards.

        """


DEPTH_SENSORS: Registry[AbstractDepthSensor] = Registry(
    AbstractDepthSensor,  # type: ignore[type-abstract]
    key="sensor.depth",
    home="render.sensor.depth",
)
"""Kinds of depth sensors by the name that `sensor.depth` gives them."""
