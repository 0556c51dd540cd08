"""Models with their poses, and which of their faces the camera sees."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from render.engine.pyrender.naming import named_faces
from render.engine.surface_edges import surface_edges
from render.scene import Instance, Model

__all__ = ["DrawnBody"]

# Sine of the angle below which a face counts as edge-on.
_MARGIN = np.float32(2e-3)


@dataclass(frozen=True, eq=False, kw_only=True)
class DrawnBody:
    """A model with its pose: an instance, or a surface.

    Attributes:
        cam_mesh: ``(4, 4)`` float64: from points that count from the model's centre to the
            camera frame.
        world_mesh: ``(4, 4)`` float64: likewise, to the world.
        culls: Back faces cannot be seen.
        may_show: ``(F,)``: which faces of all primitives look towards the camera, and which are
            nearly edge-on: which way these turn is up to the rasterizer, whose corners lie on a
            grid.

    """

    model: Model
    cam_mesh: NDArray[np.float64]
    world_mesh: NDArray[np.float64]
    culls: bool
    may_show: NDArray[np.bool_]

    @classmethod
    def of(cls, placed: Instance, T_cam_world: NDArray[np.float64], *, culls: bool) -> DrawnBody:
        """Finds what looks towards the camera."""
        # Meshes count from the centre, so that float32 holds a small part far from its origin.
        model = placed.model
        world_mesh = placed.T_world_obj.copy()
        world_mesh[:3, :3] *= placed.scale
        world_mesh[:3, 3] += placed.scale * (placed.T_world_obj[:3, :3] @ model.center_m)
        cam_mesh = T_cam_world @ world_mesh
        eye = np.linalg.solve(cam_mesh, [0.0, 0.0, 0.0, 1.0]).astype(np.float32)
        before_plane = surface_edges(model).planes @ eye
        margin = _MARGIN * np.float32(np.linalg.norm(eye[:3]))
        return cls(
            model=model,
            cam_mesh=cam_mesh,
            world_mesh=world_mesh,
            culls=culls,
            may_show=before_plane > -margin,
        )

    def shown_faces(self) -> Iterator[NDArray[np.int32]]:
        """``(F, 3)`` for each primitive: named faces, without those that look away for sure.

        A body that is not culled gives none: all of its faces are to be drawn.
        """
        first = 0
        for named in named_faces(self.model):
            may_show = self.may_show[first : first + len(named.faces)]
            yield named.faces[may_show] if self.culls else named.faces[:0]
            first += len(named.faces)
