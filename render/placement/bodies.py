"""Objects as placement sees them: turned hulls that look for a free place."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from render.placement.hulls import Hull, PlacedHulls, centred_hull
from render.scene import Model

__all__ = ["Body", "OrientedShape", "PlacedBodies"]


@dataclass(frozen=True, eq=False, kw_only=True)
class OrientedShape:
    """A model in its orientation, at scale 1, about the centre of its box.

    Attributes:
        points_cam: ``(N, 3)`` hull relative to the box's centre, camera axes.
        model: The model.
        R_world_obj: ``(3, 3)`` its orientation.
        R_cam_obj: ``(3, 3)`` the same, to camera axes.
        radius_m: Radius of the sphere about the centre that holds it, metres.
        extent_m: Longest side of the box, object axes.

    """

    model: Model
    R_world_obj: NDArray[np.float64]
    R_cam_obj: NDArray[np.float64]
    points_cam: NDArray[np.float64]
    radius_m: float
    extent_m: float

    @classmethod
    def of(
        cls, model: Model, R_world_obj: NDArray[np.float64], R_world_cam: NDArray[np.float64]
    ) -> OrientedShape:
        """The shape of `model` turned by `R_world_obj`, seen by a camera."""
        hull = centred_hull(model)
        R_cam_obj = R_world_cam.T @ R_world_obj
        return cls(
            model=model,
            R_world_obj=R_world_obj,
            R_cam_obj=R_cam_obj,
            points_cam=hull.points @ R_cam_obj.T,
            radius_m=hull.radius_m,
            extent_m=hull.extent_m,
        )

    @cached_property
    def hull(self) -> Hull:
        """Its hull for the search of a place."""
        return centred_hull(self.model).turned(self.points_cam, self.R_cam_obj)


@dataclass(frozen=True, eq=False, kw_only=True)
class Body:
    """A shape at a scale, where it is placed.

    Attributes:
        shape: The model in its orientation.
        scale: Multiplies the size of the shape.
        center_cam: ``(3,)`` centre of its box, camera frame.
        points_cam: ``(N, 3)`` hull relative to `center_cam`, scaled.

    """

    shape: OrientedShape
    scale: float
    center_cam: NDArray[np.float64]
    points_cam: NDArray[np.float64]

    @classmethod
    def of(cls, shape: OrientedShape, scale: float, center_cam: NDArray[np.float64]) -> Body:
        """`shape` at a scale, its box's centre at ``(3,)`` `center_cam`."""
        points = shape.points_cam if scale == 1.0 else scale * shape.points_cam
        return cls(shape=shape, scale=scale, center_cam=center_cam, points_cam=points)

    @property
    def radius_m(self) -> float:
        """Radius of the sphere about `center_cam` that holds it, metres."""
        return self.scale * self.shape.radius_m

    @property
    def extent_m(self) -> float:
        """Longest side of its box, object axes."""
        return self.scale * self.shape.extent_m

    @property
    def depth_m(self) -> float:
        """Depth of its centre, metres."""
        return float(self.center_cam[2])

    @property
    def nearest_m(self) -> float:
        """Depth of its nearest point, metres; negative behind the camera."""
        return self.depth_m + float(self.points_cam[:, 2].min())

    @property
    def farthest_m(self) -> float:
        """Depth of its farthest point, metres."""
        return self.depth_m + float(self.points_cam[:, 2].max())


class AbstractVisibilityMap(Protocol):
    """What `PlacedBodies` needs of `render.placement.visibility.VisibilityMap`."""

    def admits(self, body: Body, *, is_target: bool) -> bool:
        """Whether the body may be there, by what it covers and what covers it."""
        ...

    def add(self, body: Body, *, is_target: bool) -> None:
        """Adds what the body shows and covers."""
        ...


class AbstractObstacles(Protocol):
    """What `PlacedBodies` needs of `render.placement.fixtures.Obstacles`."""

    @property
    def corners_cam(self) -> NDArray[np.float64]:
        """``(F, 3, 3)`` corners of all triangles, metres in the camera frame."""
        ...

    def is_clear(self, body: Body) -> bool:
        """Whether the body hits none of them."""
        ...


@dataclass(frozen=True, eq=False)
class PlacedBodies:
    """The bodies placed so far; grows.

    Attributes:
        bodies: Targets first.
        visibility: What the camera sees of them, where occlusion is asked.
        obstacles: What else no body may be in, such as fixtures.

    """

    bodies: list[Body] = field(default_factory=list)
    visibility: AbstractVisibilityMap | None = None
    obstacles: AbstractObstacles | None = None
    _hulls: PlacedHulls = field(default_factory=PlacedHulls, init=False, repr=False)

    def is_free(self, body: Body) -> bool:
        """Whether nothing that is placed hits the body."""
        if not self._is_clear(body):
            return False
        scales, centers = np.array([body.scale]), body.center_cam[None]
        return self._placed_hulls().first_free(body.shape.hull, scales, centers, 0, 0.0) == 0

    def _is_clear(self, body: Body) -> bool:
        return self.obstacles is None or self.obstacles.is_clear(body)

    def add(self, body: Body, *, is_target: bool = False) -> None:
        """Adds a body at its place."""
        self.bodies.append(body)
        if self.visibility is not None:
            self.visibility.add(body, is_target=is_target)

    def first_free(
        self,
        shape: OrientedShape,
        scales: NDArray[np.float64],
        centers_cam: NDArray[np.float64],
        *,
        is_target: bool,
        spacing: float = 0.0,
    ) -> Body | None:
        """The body at the first of ``(T,)`` scales and ``(T, 3)`` centres that hits nothing.

        Spheres are compared first, convex hulls where the spheres meet. Where occlusion is
        asked, the visibility map must admit what the body covers too.

        Args:
            shape: The body, in its orientation.
            scales: Multiply its size.
            centers_cam: Where it may be, camera frame, metres.
            is_target: It is one of the targets.
            spacing: Least gap to others, in means of the diameters of the spheres that hold them.

        """
        hulls, i = self._placed_hulls(), 0
        while (i := hulls.first_free(shape.hull, scales, centers_cam, i, spacing)) < len(scales):
            body = Body.of(shape, float(scales[i]), centers_cam[i])
            if self._is_clear(body) and (
                self.visibility is None or self.visibility.admits(body, is_target=is_target)
            ):
                return body
            i += 1
        return None

    def _placed_hulls(self) -> PlacedHulls:
        for body in self.bodies[len(self._hulls) :]:
            self._hulls.add(body.shape.hull, body.scale, body.center_cam)
        return self._hulls
