"""Smooth edges of a shaded picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from render.engine.picture_lines import Seen, crossings_of, meetings_of
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
    seen = Seen(depth_m=ids.depth_m, draw=ids.draw_idx, body=ids.body_idx)
    segments = [body.segments(float(camera.K[0, 0])) for body in uploaded.bodies]
    lines = [crossings_of(segments, seen, camera)]
    lines.append(meetings_of(seen, lines))
    lines.append(cutout_crossings(uploaded, ids, lines))
    smooth(radiance, lines)
