"""Occlusion as asked: bodies that are held in front of the targets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from render.errors import RejectedTheta
from render.geometry.projection import backproject, project
from render.placement.bodies import Body, OrientedShape, PlacedBodies
from render.placement.outlines import Outline, outline_of
from render.placement.viewing import CameraView
from render.placement.visibility import VisibilityMap, VisibleSurface, hidden_cells

__all__ = ["SLACK", "Candidate", "Occluders"]

# Each target is brought this near to the share that is asked; what is done for one target may
# take another off by as much again. Labels are promised within 0.03.
_TOLERANCE = 0.008
SLACK = 0.012
# More than this many occluders for one target make a picture of occluders.
_MOST = 4
_DIRECTIONS = 10
_CORRECTIONS = 4
_STEPS = 12
# The sizes that are tried when one as drawn also covers others, or fits nowhere.
_SHRINKS = (1.0, 0.7, 0.45)
# The sizes that one too small goes through; the largest is used if it hides at least this
# share of what is wanted.
_GROWTHS = 6
_LEAST_PART = 0.2
_MOST_RADIUS_PER_DEPTH = 0.8
# Depth over that of the nearest point of all targets; and what is tried when that place is
# taken: moved to the camera and made smaller alike, a body keeps its place in the picture.
_DEPTHS = (0.72, 0.97)
# As in the open: no further target is nearer than this share of the principal one's depth.
_NEAREST_SHARE = 0.5
_NEARER = 0.88
_NEARER_STEPS = 12
_LEAVES = ("occlusion.occluded_fract", "objects.count")


@dataclass(frozen=True, eq=False, kw_only=True)
class Candidate:
    """An occluder that may be used.

    Attributes:
        theta_idx: Its index in θ's tuples of distractors.
        shape: The model in its orientation.
        size_ratio: Its apparent extent over that of the principal target.
        rng: The random stream of this candidate alone.

    """

    theta_idx: int
    shape: OrientedShape
    size_ratio: float
    rng: np.random.Generator


@dataclass(frozen=True, eq=False, kw_only=True)
class Occluders:
    """Covers targets until each is hidden as much as asked.

    An occluder is nearer to the camera than every target, so what it covers is its outline.
    It is moved in the picture along a line through the middle of what the target still shows:
    from a place where it hides nothing to one where it hides most, and between them the wanted
    share is met.

    Attributes:
        view: The camera.
        placed: All bodies; grows.
        visibility: What the camera sees of them; grows with them.
        asked: Share of each target that is to be covered, 0 to 1.

    """

    view: CameraView
    placed: PlacedBodies
    visibility: VisibilityMap
    asked: float

    def cover(self, candidates: Iterator[Candidate]) -> tuple[int, ...]:
        """Covers every target that lies in the frame.

        Args:
            candidates: What may be put in front, in this order.

        Returns:
            `Candidate.theta_idx` of each body that was placed.

        Raises:
            RejectedTheta: A target is covered too much already, or cannot be covered enough
                without covering another too much or hitting something.

        """
        return tuple(
            idx for target in self.visibility.targets for idx in self._cover(target, candidates)
        )

    def put_before(
        self, shape: OrientedShape, scale: float, target: VisibleSurface, rng: np.random.Generator
    ) -> bool:
        """Places a further target before another, hiding what is asked of it or a part.

        Args:
            shape: The further target, in its orientation.
            scale: Multiplies its size.
            target: What it is to hide.
            rng: The random stream of the further target alone.

        Returns:
            False, and nothing is placed, if there is no such place.

        """
        wanted = (self.asked - target.occluded_fract) * target.outline.area
        share = _DEPTHS[0] + (_DEPTHS[1] - _DEPTHS[0]) * float(rng.random())
        nearest = min(s.body.nearest_m for s in self.visibility.targets)
        depth = share * nearest - scale * shape.radius_m
        if wanted < 1.0 or depth < _NEAREST_SHARE * self.placed.bodies[0].depth_m:
            return False
        slide = _Slide(self, target, shape, scale / depth, share, self._middle(target))
        goal = min(wanted, 0.9 * slide.hidden(0.0, 0.0))
        for angle in 2.0 * np.pi * rng.random(_DIRECTIONS):
            body = slide.solve(float(angle), goal, _TOLERANCE * target.outline.area)
            if (
                body is not None
                and self._leaves_others_visible(body, target)
                and self.visibility.admits(body, is_target=True)
                and self.placed.is_free(body)
            ):
                self.placed.add(body, is_target=True)
                return True
        return False

    def _cover(self, target: VisibleSurface, candidates: Iterator[Candidate]) -> Iterator[int]:
        area = target.outline.area
        if not area:
            return
        n_placed = 0
        while True:
            wanted = self.asked - target.occluded_fract
            if wanted < -_TOLERANCE - SLACK:
                raise RejectedTheta(
                    "occluded_fract not reached: targets cover each other more", *_LEAVES
                )
            if wanted <= max(_TOLERANCE, 0.5 / area):
                return
            candidate = next(candidates, None)
            if candidate is None or n_placed == _MOST:
                raise RejectedTheta("occluded_fract not reached: no occluder fits", *_LEAVES)
            body = self._fitted(target, wanted * area, candidate, may_be_part=n_placed < _MOST - 1)
            if body is not None:
                self.placed.add(body)
                n_placed += 1
                yield candidate.theta_idx

    def _fitted(
        self, target: VisibleSurface, wanted: float, candidate: Candidate, *, may_be_part: bool
    ) -> Body | None:
        """`candidate` where it hides `wanted` cells of the target, or a good part of them."""
        share = _DEPTHS[0] + (_DEPTHS[1] - _DEPTHS[0]) * float(candidate.rng.random())
        angles = 2.0 * np.pi * (candidate.rng.random() + np.arange(_DIRECTIONS) / _DIRECTIONS)
        candidate.rng.shuffle(angles)
        for shrink in _SHRINKS:
            slide, at_most = self._grown(target, wanted, candidate, shrink, share)
            goal = min(wanted, 0.9 * at_most)
            if goal < wanted and not (may_be_part and at_most >= _LEAST_PART * wanted):
                continue
            for angle in angles:
                body = slide.solve(float(angle), goal, _TOLERANCE * target.outline.area)
                body = None if body is None else self._free(body)
                if body is not None and self._leaves_others_visible(body, target):
                    return body
        return None

    def _grown(
        self,
        target: VisibleSurface,
        wanted: float,
        candidate: Candidate,
        shrink: float,
        share: float,
    ) -> tuple[_Slide, int]:
        """A slide of the candidate, enlarged until it hides enough; and what it hides at most."""
        first, radius = self.placed.bodies[0], candidate.shape.radius_m
        per_depth = (
            candidate.size_ratio * first.extent_m / (first.depth_m * candidate.shape.extent_m)
        )
        per_depth = min(shrink * per_depth, _MOST_RADIUS_PER_DEPTH / radius)
        middle = self._middle(target)
        for _ in range(_GROWTHS):
            slide = _Slide(self, target, candidate.shape, per_depth, share, middle)
            at_most = slide.hidden(0.0, 0.0)
            if at_most >= 1.12 * wanted or per_depth >= _MOST_RADIUS_PER_DEPTH / radius:
                break
            growth = float(np.clip(np.sqrt(1.25 * wanted / max(at_most, 1.0)), 1.1, 2.0))
            per_depth = min(growth * per_depth, _MOST_RADIUS_PER_DEPTH / radius)
        return slide, at_most

    def _middle(self, target: VisibleSurface) -> NDArray[np.float64]:
        """``(2,)`` uv of the middle of what the target still shows."""
        rows, columns = np.nonzero(target.visible)
        cells = np.array([target.outline.x0 + columns.mean(), target.outline.y0 + rows.mean()])
        return np.asarray((cells + 0.5) * self.visibility.cell_px - 0.5)

    def _leaves_others_visible(self, body: Body, target: VisibleSurface) -> bool:
        """Whether no other target is covered beyond what is asked."""
        for other in self.visibility.targets:
            if other is target or not other.outline.area:
                continue
            more = self.visibility.newly_hidden(body, other) / other.outline.area
            if more and other.occluded_fract + more > self.asked + SLACK:
                return False
        return True

    def _free(self, body: Body) -> Body | None:
        """The body, or what looks the same nearer to the camera, where it hits nothing."""
        for _ in range(_NEARER_STEPS):
            if self.placed.is_free(body):
                return body
            body = Body.of(body.shape, _NEARER * body.scale, _NEARER * body.center_cam)
        return None


@dataclass(eq=False)
class _Slide:
    """A shape of one size that is moved over the picture of a target.

    Attributes:
        occluders: The search that it belongs to.
        target: What it is to hide.
        shape: What is moved.
        per_depth: Scale per metre of depth.
        share: Depth over that of the deepest place that it can have in front of all targets.
        middle_uv: ``(2,)`` where it hides the most.

    """

    occluders: Occluders
    target: VisibleSurface
    shape: OrientedShape
    per_depth: float
    share: float
    middle_uv: NDArray[np.float64]

    def body(self, distance_px: float, angle: float) -> Body | None:
        """The shape at a distance from the middle; None if the lens does not show that place."""
        nearest = min(s.body.nearest_m for s in self.occluders.visibility.targets)
        depth = self.share * nearest / (1.0 + self.per_depth * self.shape.radius_m)
        if depth <= 0.0:
            return None
        view = self.occluders.view
        uv = self.middle_uv + distance_px * np.array([np.cos(angle), np.sin(angle)])
        center = backproject(uv[None], depth, view.K, view.distortion)[0]
        if np.isnan(center).any():
            return None
        return Body.of(self.shape, self.per_depth * depth, center)

    def hidden(self, distance_px: float, angle: float) -> int:
        """How many visible cells of the target the shape hides there."""
        body = self.body(distance_px, angle)
        if body is None:
            return 0
        return self.occluders.visibility.newly_hidden(body, self.target)

    def solve(self, angle: float, wanted: float, tolerance: float) -> Body | None:
        """The place on a ray from the middle where `wanted` cells are hidden.

        Its outline at the middle, moved over the picture as it is, tells the place nearly; what
        that is off by is added to what is wanted of the outline. Where this does not settle,
        halving between all and nothing does.
        """
        tolerance = max(tolerance, 0.5)
        goal = wanted
        for _ in range(_CORRECTIONS):
            at = self._about(angle, goal)
            off = self.hidden(at, angle) - wanted
            if abs(off) <= tolerance:
                return self.body(at, angle)
            goal -= off
        lo, hi = 0.0, self._reach_px
        for _ in range(_STEPS):
            at = 0.5 * (lo + hi)
            off = self.hidden(at, angle) - wanted
            if abs(off) <= tolerance:
                return self.body(at, angle)
            lo, hi = (at, hi) if off > 0.0 else (lo, at)
        return None

    def _about(self, angle: float, goal: float) -> float:
        """Where the outline as it is at the middle hides `goal` cells; to half a cell."""
        lo, hi = 0.0, self._reach_px
        cell_px = self.occluders.visibility.cell_px
        step = np.array([np.cos(angle), np.sin(angle)]) / cell_px
        outline, target = self._outline, self.target
        while hi - lo > 0.5 * cell_px:
            at = 0.5 * (lo + hi)
            dx, dy = np.rint(at * step).astype(int)
            moved = replace(outline, x0=outline.x0 + int(dx), y0=outline.y0 + int(dy))
            lo, hi = (at, hi) if hidden_cells(moved, target) > goal else (lo, at)
        return 0.5 * (lo + hi)

    @cached_property
    def _outline(self) -> Outline:
        """The outline of the shape at the middle."""
        body, visibility = self.body(0.0, 0.0), self.occluders.visibility
        assert body is not None  # it hid something there
        return outline_of(body, visibility.view, cell_px=visibility.cell_px)

    @cached_property
    def _reach_px(self) -> float:
        """A distance at which it hides nothing of the target."""
        view, body = self.occluders.view, self.target.body
        focal = float(max(view.K[0, 0], view.K[1, 1]))
        uv = project(body.center_cam + body.points_cam, view.K, view.distortion)
        far = float(np.linalg.norm(uv - self.middle_uv, axis=1).max())
        return far + 2.0 * focal * self.per_depth * self.shape.radius_m
