"""The exact depth, as the engine has it."""

from __future__ import annotations

from typing import final

import numpy as np
from numpy.typing import NDArray

from render.sampling.depth_sensors import DEPTH_SENSORS, AbstractDepthSensor, DepthView

__all__ = ["Exact"]


@final
@DEPTH_SENSORS.register("exact")
class Exact(AbstractDepthSensor):
    """No sensor: every pixel has its depth."""

    range_m = None

    def measure(
        self,
        view: DepthView,
        *,
        noise: float,
        baseline_m: float,
        range_m: tuple[float, float],
        rng: np.random.Generator,
    ) -> NDArray[np.float64]:
        return view.depth_m
