"""Where things stand on a level plane under the principal target."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import product

import numpy as np
from numpy.typing import NDArray

from render.errors import RejectedTheta
from render.geometry.projection import project
from render.placement.bodies import Body, OrientedShape
from render.placement.level import (
    FARTHEST_SHARE,
    MARGIN,
    NEAREST_RADII,
    NEAREST_SHARE,
    are_in_picture,
    disc,
    reach_m,
    standing,
)
from render.placement.scatter import DISTRACTORS, GROWTHS, TARGETS, Surroundings

__all__ = ["Ground"]

# Of what is strewn, many fall where the picture does not show them.
_TRIES, _STREWN_TRIES = 250, 2000
# At true sizes, what is too large for its centre to be in view shows at least this share of its
# box, from this share of the depth of the principal target on; what is larger than the principal
# one keeps behind it the more.
_PARTLY_SEEN = 0.4
_NEAREST_POINT_SHARE = 0.1
# A distractor in front stands this many of its and the target's radii towards the camera.
_FRONT_RADII = (1.0, 2.6)
_SIDE_RADII = 0.7

_IsSeen = Callable[[OrientedShape, float, NDArray[np.float64]], NDArray[np.bool_]]


@dataclass(frozen=True, eq=False, kw_only=True)
class Ground:
    """A level plane, world Z up, and what stands on it.

    Attributes:
        around: The camera and all bodies.
        up_cam: ``(3,)`` world Z in the camera frame.
        height_m: How high the plane is over the camera, along `up_cam`; usually negative.

    """

    around: Surroundings
    up_cam: NDArray[np.float64]
    height_m: float

    @classmethod
    def under(cls, around: Surroundings) -> Ground:
        """The plane on which the principal target rests."""
        up = around.view.R_world_cam[2]
        body = around.principal
        lowest = float((body.points_cam @ up).min())
        return cls(around=around, up_cam=up, height_m=float(body.center_cam @ up) + lowest)

    def add_target(
        self,
        shape: OrientedShape,
        scale: float,
        depth_spread: float,
        rng: np.random.Generator,
        *,
        grows: bool = False,
        spread: float = 0.0,
        spacing: float = 0.0,
    ) -> None:
        """Stands a further target anywhere in view, in a disc about the principal one.

        Args:
            shape: The target, in its orientation.
            scale: Multiplies its size.
            depth_spread: Diameter of the disc, in extents of the principal target.
            rng: The random stream of this target alone.
            grows: The disc is made larger for a target that finds no place, and what is larger
                than the principal target keeps behind it.
            spread: 0: the disc is as small as that; 1: it holds all of the plane that the picture
                shows, to its edges.
            spacing: Least gap to others, in means of the diameters of the balls that hold them.

        Raises:
            RejectedTheta: If it hits another at every try.

        """
        first = self.around.principal
        radius = 0.5 * depth_spread * first.extent_m + first.radius_m + scale * shape.radius_m
        if spread:
            radius += spread * max(self._reach_m - radius, 0.0)
        at = disc(self.up_cam, rng, _STREWN_TRIES if spread else _TRIES)
        larger = (1.0 - spread) * 0.5 * scale * shape.radius_m / first.radius_m if grows else 0.0
        nearest_m = min(max(larger, NEAREST_SHARE), 1.0) * self._depth_m
        is_center_seen: _IsSeen = partial(self._is_seen, margin=(1.0 - spread) * MARGIN)
        ways = product(((is_center_seen, at), (self._is_partly_seen, at[:_TRIES])), GROWTHS)
        for (is_seen, steps), growth in ways if grows else [((is_center_seen, at), 1.0)]:
            centers = self.standing(shape, scale, first.center_cam + growth * radius * steps)
            centers = centers[centers[:, 2] >= nearest_m]
            centers = centers[is_seen(shape, scale, centers)]
            if self._add(shape, scale, centers, is_target=True, spacing=spacing):
                return
        leaves = (*TARGETS, "objects.spacing") if spacing else TARGETS
        raise RejectedTheta("targets do not fit without intersecting", *leaves)

    def stand_target(
        self, shape: OrientedShape, scale: float, at_cam: NDArray[np.float64], *, reason: str
    ) -> None:
        """Stands a further target at one place.

        Args:
            shape: The target, in its orientation.
            scale: Multiplies its size.
            at_cam: ``(3,)`` camera frame, metres: the centre of its box is put over or under
                it, so that the target touches the plane.
            reason: Counted where the place is not free.

        Raises:
            RejectedTheta: The target hits something there, or takes in the camera.

        """
        placed = self.around.placed
        body = Body.of(shape, scale, self.standing(shape, scale, at_cam[None])[0])
        if float(np.linalg.norm(body.center_cam)) <= body.radius_m or not placed.is_free(body):
            raise RejectedTheta(reason, *TARGETS)
        placed.add(body, is_target=True)

    def add_beside(
        self, shape: OrientedShape, size_ratio: float, targets: list[Body], rng: np.random.Generator
    ) -> None:
        """Stands a distractor anywhere in view, among the targets and around them.

        Args:
            shape: The distractor, in its orientation.
            size_ratio: Its extent over that of the principal target.
            targets: All targets.
            rng: The random stream of this distractor alone.

        Raises:
            RejectedTheta: If it hits another at every try.

        """
        first, scale = self.around.principal, self._scale(shape, size_ratio)
        reach = max(float(np.linalg.norm(t.center_cam - first.center_cam)) for t in targets)
        radius = reach + 1.5 * first.extent_m + scale * shape.radius_m
        at = first.center_cam + radius * disc(self.up_cam, rng, _TRIES)
        self._add_distractor(shape, scale, self.standing(shape, scale, at))

    def add_in_front(
        self, shape: OrientedShape, size_ratio: float, targets: list[Body], rng: np.random.Generator
    ) -> None:
        """Stands a distractor on the side of a target where the camera is.

        VisibleSurface from high above it hides nothing of it.

        Args:
            shape: The distractor, in its orientation.
            size_ratio: Its extent over that of the principal target.
            targets: All targets; one is drawn evenly.
            rng: The random stream of this distractor alone.

        Raises:
            RejectedTheta: If it hits another at every try.

        """
        target = targets[int(rng.integers(len(targets)))]
        scale = self._scale(shape, size_ratio)
        towards = -target.center_cam + self.up_cam * float(target.center_cam @ self.up_cam)
        length = float(np.linalg.norm(towards))
        if length < 1e-9 * float(np.linalg.norm(target.center_cam)):
            towards, length = np.cross(self.up_cam, [1.0, 0.0, 0.0]), 1.0
        towards = towards / length
        side = np.cross(self.up_cam, towards)
        near, far = _FRONT_RADII
        u = rng.random((_TRIES, 2))
        reach = (target.radius_m + scale * shape.radius_m) * (near + u[:, 0] * (far - near))
        aside = (target.radius_m + scale * shape.radius_m) * _SIDE_RADII * (2.0 * u[:, 1] - 1.0)
        at = target.center_cam + reach[:, None] * towards + aside[:, None] * side
        self._add_distractor(shape, scale, self.standing(shape, scale, at))

    def _scale(self, shape: OrientedShape, size_ratio: float) -> float:
        return size_ratio * self.around.principal.extent_m / shape.extent_m

    def standing(
        self, shape: OrientedShape, scale: float, at_cam: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """``(N, 3)`` points moved along the vertical, so that the shape touches the plane."""
        return standing(shape, scale, at_cam, up_cam=self.up_cam, height_m=self.height_m)

    @property
    def _depth_m(self) -> float:
        """Depth of what the camera looks at."""
        view = self.around.view
        if view.plane_m is None:
            return self.around.principal.depth_m
        return view.plane_m * float(view.ray_cam[2])

    @cached_property
    def _reach_m(self) -> float:
        """How far from the principal target the picture shows the plane."""
        center_cam = self.around.principal.center_cam
        return reach_m(self.around.view, self.up_cam, center_cam, FARTHEST_SHARE * self._depth_m)

    def _is_seen(
        self,
        shape: OrientedShape,
        scale: float,
        centers_cam: NDArray[np.float64],
        margin: float = MARGIN,
    ) -> NDArray[np.bool_]:
        """``(N,)`` whether each centre lies in the picture, and not too near."""
        view, first = self.around.view, self.around.principal
        nearest = max(NEAREST_SHARE * self._depth_m, NEAREST_RADII * scale * shape.radius_m)
        deep = centers_cam[:, 2] >= nearest
        at_cam = np.where(deep[:, None], centers_cam, first.center_cam)
        return np.asarray(deep & are_in_picture(view, at_cam, margin))

    def _is_partly_seen(
        self, shape: OrientedShape, scale: float, centers_cam: NDArray[np.float64]
    ) -> NDArray[np.bool_]:
        """``(N,)`` whether enough of the box about each silhouette lies in the picture."""
        view, first = self.around.view, self.around.principal
        points = centers_cam[:, None] + scale * shape.points_cam
        deep = points[:, :, 2].min(axis=1) >= _NEAREST_POINT_SHARE * self._depth_m
        points[~deep] = first.center_cam
        uv = project(points.reshape(-1, 3), view.K, view.distortion).reshape(points[..., :2].shape)
        low, high = uv.min(axis=1), uv.max(axis=1)
        inside = np.clip(high, -0.5, np.array(view.size_wh) - 0.5)
        inside -= np.clip(low, -0.5, np.array(view.size_wh) - 0.5)
        whole = np.maximum(high - low, 1e-12)
        return np.asarray(deep & ((inside / whole).prod(axis=1) >= _PARTLY_SEEN))

    def _add_distractor(
        self, shape: OrientedShape, scale: float, centers_cam: NDArray[np.float64]
    ) -> None:
        seen = centers_cam[self._is_seen(shape, scale, centers_cam)]
        if not self._add(shape, scale, seen, is_target=False):
            raise RejectedTheta("distractors do not fit without intersecting", *DISTRACTORS)

    def _add(
        self,
        shape: OrientedShape,
        scale: float,
        centers_cam: NDArray[np.float64],
        *,
        is_target: bool,
        spacing: float = 0.0,
    ) -> bool:
        """Adds the body at the first place that is free; False if none is."""
        placed = self.around.placed
        body = (
            placed.first_free(
                shape,
                np.full(len(centers_cam), scale),
                centers_cam,
                is_target=is_target,
                spacing=spacing,
            )
            if len(centers_cam)
            else None
        )
        if body is not None:
            placed.add(body, is_target=is_target)
        return body is not None
