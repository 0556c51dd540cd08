"""Time of flight: the phase of a lamp at the camera, as the second Kinect measures it."""

from __future__ import annotations

from typing import final

import numpy as np
from numpy.typing import NDArray

from render.sampling.depth_sensors import DEPTH_SENSORS, AbstractDepthSensor, DepthView
from render.sensor.depth_image import displaced, returned_light, tilt_term, touches_edge

__all__ = ["TimeOfFlight"]

Map = NDArray[np.float64]

_STEP_M = 0.001
# The lamp suits the range: light is lost below a tenth of what a white sheet that faces the sensor
# returns from the far end, and saturates above twice what one returns from the near end.
_LEAST_LIGHT, _MOST_LIGHT = 0.1, 2.0
_LEAST_REFLECTED, _LEAST_COS = 1e-3, 1e-3


@final
@DEPTH_SENSORS.register("tof")
class TimeOfFlight(AbstractDepthSensor):
    """Noise by distance, angle and darkness, flying pixels, holes where light lacks or saturates.

    The standard deviation of a white surface is that of Fankhauser et al. 2015, "Kinect v2 for
    Mobile Robot Navigation: Evaluation and Modeling": ``1.5 - 0.5 z + 0.3 z^2 + 0.1 z^(3/2)
    theta^2 / (pi/2 - theta)^2`` millimetres. It grows as one over the root of the reflected
    share, as shot noise has it (Lange and Seitz 2001, "Solid-State Time-of-Flight Range Camera").
    A pixel at an edge gathers light of both surfaces and gives the mean of their depths weighed
    by it, to first order in the phase. Light that takes more than one way (multipath) and depths
    beyond the range that come back within it are not modelled.
    """

    range_m = (0.5, 4.5)
    lateral_px = 0.5

    def measure(
        self,
        view: DepthView,
        *,
        noise: float,
        baseline_m: float,
        range_m: tuple[float, float],
        rng: np.random.Generator,
    ) -> Map:
        there = view.depth_m > 0
        z = np.where(there, view.depth_m, 1.0)
        returned = np.where(there, returned_light(view), 0.0)
        light = returned / (z * z)
        edge = touches_edge(view)
        gathered = np.where(edge, _gathered(z * light) / np.maximum(_gathered(light), 1e-12), z)
        at = displaced(edge, noise * self.lateral_px, rng)
        z, light, cos = gathered[at], light[at], np.maximum(view.tilt_cos[at], _LEAST_COS)
        mm = 1.5 - 0.5 * z + 0.3 * z * z + 0.1 * z * np.sqrt(z) * tilt_term(cos)
        reflected = np.maximum(returned[at] / cos, _LEAST_REFLECTED)
        error_m = noise * 0.001 * mm / np.sqrt(reflected) * rng.standard_normal(z.shape)
        measured = np.rint((z + error_m) / _STEP_M) * _STEP_M
        near_m, far_m = range_m
        enough = light * (far_m * far_m) >= _LEAST_LIGHT
        return np.where(enough & (light * (near_m * near_m) <= _MOST_LIGHT), measured, 0.0)


def _gathered(image: Map) -> Map:
    """What a pixel gathers of itself and its neighbours: 1, 2 and 1 fourths each way."""
    padded = np.pad(image, 1, mode="edge")
    rows = 0.25 * padded[:-2] + 0.5 * padded[1:-1] + 0.25 * padded[2:]
    return np.asarray(0.25 * rows[:, :-2] + 0.5 * rows[:, 1:-1] + 0.25 * rows[:, 2:])
