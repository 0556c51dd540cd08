"""Runs the steps that plug-ins add to lens and sensor, each after its stage."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from render.errors import RenderError, failure_of
from render.sampling.steps import STEPS, Steps

__all__ = ["after"]


def after(stage: str, image: NDArray[Any], steps: Steps) -> NDArray[Any]:
    """A picture after the further steps that follow a stage.

    Args:
        stage: One of `render.sampling.steps.STAGES`.
        image: ``(H, W, 3)``.
        steps: The steps of the frame, as drawn.

    Returns:
        `image` itself where no step follows.

    Raises:
        RenderError: A step fails, or gives something that is no picture.

    """
    for name, settings in steps:
        if STEPS[name].after != stage:
            continue
        try:
            made = np.asarray(STEPS[name](**dict(settings)).apply(image))
        # What a step of the user raises can be anything.
        except Exception as error:
            raise RenderError(
                f"sensor.steps.{name} must develop every picture, got {failure_of(error)}"
            ) from error
        if (made.shape, made.dtype) != (image.shape, image.dtype) or not np.isfinite(made).all():
            raise RenderError(
                f"sensor.steps.{name} must give finite numbers, {image.dtype} of shape "
                f"{image.shape}, got {made.dtype} of shape {made.shape}"
            )
        image = made
    return image
