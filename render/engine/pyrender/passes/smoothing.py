"""Smooth edges of a shaded picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from render.engine.picture_lines import NO_SEGMENTS, ShownPixels, crossings_of, meetings_of
from render.engine.pyrender.passes.cutout_lines import cutout_crossings
from render.engine.pyrender.passes.draws import UploadedScene
from render.engine.pyrender.passes.ids import Ids
from render.engine.smooth import smooth

__all__ = ["smooth_lines"]


def smooth_lines(radiance: NDArray[np.float32], uploaded: UploadedScene, ids: Ids) -> None:
    """Smooths a picture in place.

    Args:
        radiance: ``(H, W, 3)``: one colour for each pixel's centre.
        uploaded: The scene.
        ids: What the pixels' centres show, without what is see-through.

    """
    camera = uploaded.scene.camera
    shown = ShownPixels(depth_m=ids.depth_m, draw=ids.draw_idx, body=ids.body_idx)
    # The border of what catches shadows alone is not to be seen.
    unseen = {draw.body_idx for draw in uploaded.catchers}
    segments = [
        NO_SEGMENTS if body_idx in unseen else body.segments(float(camera.K[0, 0]))
        for body_idx, body in enumerate(uploaded.bodies)
    ]
    lines = [crossings_of(segments, shown, camera)]
    lines.append(meetings_of(shown, lines))
    lines.append(cutout_crossings(uploaded, ids, lines))
    smooth(radiance, lines)
