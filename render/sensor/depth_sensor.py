"""Depth as the sensor of a frame gives it."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from render.errors import RenderError, failure_of
from render.sampling.depth_sensors import DEPTH_SENSORS, DepthView
from render.sampling.sensor import Sensor

__all__ = ["depth_range", "is_exact", "lateral_reach_px", "sensor_depth"]


def is_exact(sensor: Sensor) -> bool:
    """Whether the sensor of a frame gives every depth as it is."""
    return DEPTH_SENSORS[sensor.depth].range_m is None


def depth_range(sensor: Sensor) -> tuple[float, float]:
    """Nearest and farthest depth, metres, that the sensor of a frame measures."""
    kind = DEPTH_SENSORS[sensor.depth]
    if kind.range_m is None:
        return 0.0, float("inf")
    near_m, far_m = kind.range_m if sensor.depth_range_m is None else sensor.depth_range_m
    return near_m, far_m


def lateral_reach_px(sensor: Sensor) -> int | None:
    """How far from a thing, at most, pixels may show its depth; None where it is not known."""
    sigma_px = DEPTH_SENSORS[sensor.depth].lateral_px
    return None if sigma_px is None else math.ceil(3.0 * sigma_px * sensor.depth_noise)


def sensor_depth(view: DepthView, sensor: Sensor) -> NDArray[np.float32]:
    """``(H, W)`` depth that a sensor measures, metres; 0 = no measurement.

    A pure function of its arguments: the random numbers are those of `sensor.depth_seed`.

    Args:
        view: What it looks at.
        sensor: As drawn.

    Raises:
        RenderError: A sensor of a plug-in fails, or gives something that is no depth.

    """
    kind = DEPTH_SENSORS[sensor.depth]
    asked_m = sensor.depth_baseline_m
    baseline_m = kind.baseline_m if asked_m is None else asked_m
    near_m, far_m = depth_range(sensor)
    try:
        measured = np.asarray(
            kind().measure(
                view,
                noise=sensor.depth_noise,
                baseline_m=baseline_m,
                range_m=(near_m, far_m),
                rng=np.random.Generator(np.random.SFC64(sensor.depth_seed)),
            )
        )
    # What a sensor of the user raises can be anything.
    except Exception as error:
        raise RenderError(
            f"sensor.depth={sensor.depth} must measure every frame, got {failure_of(error)}"
        ) from error
    if measured.shape != view.depth_m.shape or not np.isfinite(measured).all():
        raise RenderError(
            f"sensor.depth={sensor.depth} must give finite numbers of shape "
            f"{view.depth_m.shape}, got {measured.dtype} of shape {measured.shape}"
        )
    within = (measured > 0) & (measured >= near_m) & (measured <= far_m)
    return np.where(within, measured, 0.0).astype(np.float32)
