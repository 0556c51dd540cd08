"""Where the further targets and the distractors go."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from render.errors import RejectedTheta
from render.geometry.projection import backproject, project
from render.placement.bodies import Body, OrientedShape, PlacedBodies
from render.placement.viewing import CameraView

__all__ = ["DISTRACTORS", "GROWTHS", "TARGETS", "TRIES", "Surroundings"]

TRIES = 150
# Nothing stands nearer than half the depth of the principal target, so that it is not
# dwarfed, nor so near that its sphere takes in the camera.
_NEAREST_SHARE = 0.5
_NEAREST_RADII = 1.5
# At true sizes, a target spans at most this share of the image's longer side (or what the
# principal one does), and the room is made so many times larger until it finds a place.
_WHOLE_FRAC = 0.9
GROWTHS = (1.0, 2.0, 4.0)
# A distractor in front lies between these shares of the deepest place it could have.
_FRONT_SHARE = 0.5
# The most of a target's box that the box of one distractor in front may cover.
_MAX_COVER = 0.8
# A sphere of this share of its depth takes up most of any picture.
_MAX_RADIUS_PER_DEPTH = 0.8
# What to loosen where they find no place.
TARGETS = ("objects.count", "objects.size_ratio")
DISTRACTORS = ("occlusion.count", "occlusion.size_ratio")


@dataclass(frozen=True, eq=False, kw_only=True)
class Surroundings:
    """Finds free places around the principal target.

    Attributes:
        view: The camera.
        placed: All bodies, the principal target first; grows.

    """

    view: CameraView
    placed: PlacedBodies

    @property
    def principal(self) -> Body:
        """Target 0."""
        return self.placed.bodies[0]

    def add_target(
        self,
        shape: OrientedShape,
        scale: float,
        depth_spread: float,
        rng: np.random.Generator,
        *,
        grows: bool = False,
    ) -> None:
        """Places a further target: even over the image, even in depth about the principal's.

        Args:
            shape: The target, in its orientation.
            scale: Multiplies its size.
            depth_spread: Whole depth of the volume, in extents of the principal target.
                Its near end is cut off where the target would dwarf the principal one or
                take in the camera.
            rng: The random stream of this target alone.
            grows: The volume reaches farther back for a target that is large or finds no place.

        Raises:
            RejectedTheta: If it hits another at every try.

        """
        first, radius = self.principal, scale * shape.radius_m
        half = 0.5 * depth_spread * first.extent_m
        floor = max(first.depth_m - half, _NEAREST_SHARE * first.depth_m, _NEAREST_RADII * radius)
        far = max(first.depth_m + half, floor)
        if grows:
            floor = max(floor, self._whole_from_m(scale * shape.extent_m))
            far = max(far, floor + _NEAREST_RADII * radius)
        u = rng.random((TRIES, 3))
        for growth in GROWTHS if grows else (1.0,):
            depth = floor + u[:, 2] * growth * (far - floor)
            body = self.placed.first_free(
                shape, np.full(TRIES, scale), self._at(u[:, :2], depth), is_target=True
            )
            if body is not None:
                self.placed.add(body, is_target=True)
                return
        raise RejectedTheta("targets do not fit without intersecting", *TARGETS)

    def add_beside(
        self, shape: OrientedShape, size_ratio: float, targets: list[Body], rng: np.random.Generator
    ) -> None:
        """Places a distractor anywhere in view, at the targets' depth.

        Args:
            shape: The distractor, in its orientation.
            size_ratio: Its extent over its depth, over that of the principal target.
            targets: All targets.
            rng: The random stream of this distractor alone.

        Raises:
            RejectedTheta: If it hits another at every try.

        """
        margin = 0.5 * self.principal.extent_m
        depths = [t.depth_m for t in targets]
        lo = max(min(depths) - margin, _NEAREST_SHARE * self.principal.depth_m)
        u = rng.random((TRIES, 3))
        depth = lo + u[:, 2] * (max(depths) + margin - lo)
        self._add_distractor(shape, self._apparent(shape, size_ratio) * depth, u[:, :2], depth)

    def add_in_front(
        self, shape: OrientedShape, size_ratio: float, targets: list[Body], rng: np.random.Generator
    ) -> None:
        """Places a distractor before a target, its box over part of the target's box.

        The target is drawn evenly. The whole distractor is nearer than the target's nearest
        point.

        Args:
            shape: The distractor, in its orientation.
            size_ratio: Its extent over its depth, over that of the principal target.
            targets: All targets.
            rng: The random stream of this distractor alone.

        Raises:
            RejectedTheta: If it hits another, or covers too much or nothing, at every try.

        """
        target = targets[int(rng.integers(len(targets)))]
        per_depth = self._apparent(shape, size_ratio)
        c = per_depth * shape.radius_m
        deepest = target.nearest_m / (1.0 + c)
        if deepest <= 0.0:
            raise RejectedTheta(
                "distractors do not fit: a target reaches behind the camera", *DISTRACTORS
            )
        u = rng.random((TRIES, 3))
        depth = deepest * (_FRONT_SHARE + u[:, 2] * (1.0 - _FRONT_SHARE))
        box = self._box(target.center_cam + target.points_cam)
        w, h = self.view.size_wh
        seen = np.array(
            [np.clip(box[0], -0.5, (w - 0.5, h - 0.5)), np.clip(box[1], -0.5, (w - 0.5, h - 0.5))]
        )
        if (seen[1] <= seen[0]).any():  # the target is out of the picture
            seen = box
        reach = c * np.array([self.view.K[0, 0], self.view.K[1, 1]])
        uv = seen[0] - reach + u[:, :2] * (seen[1] - seen[0] + 2 * reach)
        centers = backproject(uv, depth, self.view.K, self.view.distortion)
        fits = np.array(
            [
                self._covers_part(per_depth * z * shape.points_cam + center, seen)
                for center, z in zip(centers, depth)
            ]
        )
        self._fit(shape, (per_depth * depth)[fits], centers[fits])

    def _add_distractor(
        self,
        shape: OrientedShape,
        scales: NDArray[np.float64],
        at: NDArray[np.float64],
        depth_m: NDArray[np.float64],
    ) -> None:
        self._fit(shape, scales, self._at(at, depth_m))

    def _fit(
        self, shape: OrientedShape, scales: NDArray[np.float64], centers_cam: NDArray[np.float64]
    ) -> None:
        if len(scales) and scales[0] * shape.radius_m > _MAX_RADIUS_PER_DEPTH * centers_cam[0, 2]:
            raise RejectedTheta(
                "distractors do not fit: one would take in the camera", *DISTRACTORS
            )
        body = (
            self.placed.first_free(shape, scales, centers_cam, is_target=False)
            if len(scales)
            else None
        )
        if body is None:
            raise RejectedTheta("distractors do not fit without intersecting", *DISTRACTORS)
        self.placed.add(body)

    def _whole_from_m(self, extent_m: float) -> float:
        """Depth from which the picture shows an extent whole, or no larger than the principal."""
        per_depth = _WHOLE_FRAC * max(self.view.size_wh) / float(self.view.K[[0, 1], [0, 1]].max())
        return extent_m / max(per_depth, self.principal.extent_m / self.principal.depth_m)

    def _apparent(self, shape: OrientedShape, size_ratio: float) -> float:
        """Scale per metre of depth that gives the apparent extent."""
        first = self.principal
        return size_ratio * first.extent_m / (first.depth_m * shape.extent_m)

    def _at(
        self, unit_xy: NDArray[np.float64], depth_m: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """``(T, 3)`` camera points seen at shares of the image, at a depth."""
        uv = unit_xy * np.array(self.view.size_wh) - 0.5
        return backproject(uv, depth_m, self.view.K, self.view.distortion)

    def _box(self, points_cam: NDArray[np.float64]) -> NDArray[np.float64]:
        """``(2, 2)``: lowest and highest uv of points in front of the camera."""
        uv = project(points_cam, self.view.K, self.view.distortion)
        return np.stack([uv.min(axis=0), uv.max(axis=0)])

    def _covers_part(self, points_cam: NDArray[np.float64], seen: NDArray[np.float64]) -> bool:
        """The points' box meets the box `seen`, and leaves a share of it free."""
        if points_cam[:, 2].min() <= 0:
            return False
        box = self._box(points_cam)
        overlap = np.minimum(box[1], seen[1]) - np.maximum(box[0], seen[0])
        if (overlap <= 0).any():
            return False
        return bool(overlap.prod() <= _MAX_COVER * (seen[1] - seen[0]).prod())
