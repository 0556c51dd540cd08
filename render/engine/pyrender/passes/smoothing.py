"""Smooth edges of a shaded picture."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from render.engine.edges import CutOut, EdgedBody, EdgeSmoother, ShownPixels
from render.engine.meshes import mesh_of
from render.engine.pyrender.naming import named_faces
from render.engine.pyrender.passes.draws import Draw, UploadedScene
from render.engine.pyrender.passes.ids import Ids

__all__ = ["smooth_lines"]


def smooth_lines(
    smoother: EdgeSmoother, radiance: NDArray[np.float32], uploaded: UploadedScene, ids: Ids
) -> None:
    """Smooths a picture in place.

    Args:
        smoother: Does it.
        radiance: ``(H, W, 3)``: one colour for each pixel's centre.
        uploaded: The scene.
        ids: What the pixels' centres show, without what is see-through.

    """
    inverse = np.zeros_like(ids.depth_m)
    np.divide(np.float32(1.0), ids.depth_m, out=inverse, where=ids.depth_m > 0.0)
    # The border of what catches shadows alone is not to be seen.
    unseen = {draw.body_idx for draw in uploaded.catchers}
    smoother.smooth(
        radiance,
        ShownPixels(inverse_m=inverse, part=ids.draw_idx, body=ids.body_idx),
        [
            EdgedBody(body=k, model=body.model, cam_mesh=body.cam_mesh, culls=body.culls)
            for k, body in enumerate(uploaded.bodies)
            if k not in unseen
        ],
        uploaded.scene.camera,
        cut_outs=list(_cut_outs(uploaded, ids)),
    )


def _cut_outs(uploaded: UploadedScene, ids: Ids) -> Iterator[CutOut]:
    for draws in uploaded.draws_by_instance:
        for k, draw in enumerate(draws):
            if draw.material.alpha_mode == "mask":
                yield _cut_out(uploaded, ids, draw, k)


def _cut_out(uploaded: UploadedScene, ids: Ids, draw: Draw, k: int) -> CutOut:
    body = uploaded.bodies[draw.body_idx]
    mesh = mesh_of(body.model)
    face_of = named_faces(body.model)[k].face_of
    return CutOut(
        part=draw.draw_idx,
        material=draw.material,
        mesh=mesh,
        cam_mesh=body.cam_mesh,
        window=uploaded.windows[draw.instance_idx],
        # Of no meaning where another draw is shown.
        faces=face_of.take(ids.ends_with, mode="clip"),
        first_face=-int(mesh.ends[k - 1]) if k else 0,
    )
