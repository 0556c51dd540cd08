"""A projector of a pattern beside one camera, as the first Kinect has it."""

from __future__ import annotations

from typing import final

import numpy as np
from numpy.typing import NDArray

from render.sampling.depth_sensors import DEPTH_SENSORS, AbstractDepthSensor, DepthView
from render.sensor.depth_image import (
    displaced,
    is_lit,
    quantised,
    returned_light,
    sees_from_aside,
    supported,
    tilt_term,
    touches_edge,
)

__all__ = ["StructuredLight"]

# Khoshelham and Elberink 2012, "Accuracy and Resolution of Kinect Depth Data for Indoor Mapping
# Applications": disparities come in eighths of a pixel and err by half a step, so that depth errs
# by sigma_d z^2 / (f b), 3.6 cm at 5 m with f = 580 px and b = 7.5 cm.
_STEP_PX = 0.125
_SIGMA_PX = 0.5 * _STEP_PX
# Nguyen, Izadi and Lovell 2012, "Modeling Kinect Sensor Noise for Improved 3D Reconstruction and
# Tracking": what the angle adds, in metres times the root of metres, and the lateral noise.
_TILT_M = 0.0001
_WINDOW_PX, _LEAST_SUPPORT = 9, 0.6  # Konolige and Mihelich 2011, "Technical description of Kinect"


@final
@DEPTH_SENSORS.register("structured_light")
class StructuredLight(AbstractDepthSensor):
    """Noise and steps in disparity, noise by angle, shadow of the projector, holes."""

    range_m = (0.5, 5.0)
    baseline_m = 0.075
    lateral_px = 0.8

    def measure(
        self,
        view: DepthView,
        *,
        noise: float,
        baseline_m: float,
        range_m: tuple[float, float],
        rng: np.random.Generator,
    ) -> NDArray[np.float64]:
        fb = view.focal_px * baseline_m
        edge = touches_edge(view)
        seen = (
            sees_from_aside(view, baseline_m)
            & supported(view, edge, window_px=_WINDOW_PX, least=_LEAST_SUPPORT)
            & is_lit(returned_light(view), noise, rng)
        )
        at = displaced(edge, noise * self.lateral_px, rng)
        seen, z = seen[at], np.where(view.depth_m > 0, view.depth_m, 1.0)[at]
        by_tilt_px = _TILT_M * tilt_term(view.tilt_cos[at]) * fb / (z * z * np.sqrt(z))
        error_px = noise * (_SIGMA_PX + by_tilt_px) * rng.standard_normal(z.shape)
        measured = quantised(fb / z + error_px, step_px=_STEP_PX, fb=fb)
        return np.where(seen, measured, 0.0)
