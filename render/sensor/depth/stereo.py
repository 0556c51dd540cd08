"""Two cameras beside each other and a lamp that gives everything a texture: active stereo."""

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
    touches_edge,
)

__all__ = ["Stereo"]

# Keselman et al. 2017, "Intel RealSense Stereoscopic Depth Cameras", and Intel's papers on tuning
# and on subpixel linearity of the D400 series: depth errs by sigma_d z^2 / (f b), sigma_d below a
# tenth of a pixel, in steps of 1/32.
_STEP_PX = 1 / 32
_SIGMA_PX = 0.08
# Edges err by half a pixel: Barron and Malik 2013, "Intrinsic Scene Properties from a Single RGB-D
# Image"; Handa et al. 2014, "A Benchmark for RGB-D Visual Odometry, 3D Reconstruction and SLAM".
_WINDOW_PX, _LEAST_SUPPORT = 7, 0.6
_LEAST_COS = 0.1  # 84 degrees: hardly a pixel of the window is left in the other picture


@final
@DEPTH_SENSORS.register("stereo")
class Stereo(AbstractDepthSensor):
    """Noise and steps in disparity, what one camera alone sees, holes.

    Over a tilted surface the window that is matched has fewer pixels of the other picture by the
    cosine of the tilt, and noise is larger by as much: the assumption of this program. A wrong
    match is taken to be found by the comparison of both pictures, and is a hole.
    """

    range_m = (0.2, 10.0)
    baseline_m = 0.05
    lateral_px = 0.5

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
        z = np.where(view.depth_m > 0, view.depth_m, 1.0)
        seen = (
            sees_from_aside(view, baseline_m)
            # The second picture ends where this one does.
            & (np.arange(z.shape[1]) - fb / z >= -0.5)
            & supported(view, edge, window_px=_WINDOW_PX, least=_LEAST_SUPPORT)
            & is_lit(returned_light(view), noise, rng)
            & (view.tilt_cos >= _LEAST_COS)
        )
        at = displaced(edge, noise * self.lateral_px, rng)
        seen, z = seen[at], z[at]
        sigma_px = noise * _SIGMA_PX / np.maximum(view.tilt_cos[at], _LEAST_COS)
        error_px = sigma_px * rng.standard_normal(z.shape)
        measured = quantised(fb / z + error_px, step_px=_STEP_PX, fb=fb)
        return np.where(seen, measured, 0.0)
