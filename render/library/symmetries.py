"""Which turns of a model look the same: found by trying, and tested on its surface.

Every turn that leaves a surface as it is leaves its centroid where it is and its second moments
too. So turns are about the centroid; and about principal axes, where the moments along them
differ. Where two are equal, the third axis may have any order, and turns of order 2 lie across
it; where all three are equal (a cube, a ball), axes are sought in all directions.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from render.geometry.surface_samples import NearSurface, sample_surface, second_moments
from render.geometry.symmetry import Symmetry, SymmetryAxis, rotation_about
from render.scene import Model

__all__ = ["TOLERANCE", "find_symmetry"]

TOLERANCE = 0.01
"""How far the turned surface may be from the surface, in diameters of the model."""

Points = NDArray[np.float64]

# Moments that differ by less than this share are taken for equal.
_EQUAL_MOMENTS = 0.03
_LARGEST_ORDER = 60
_SOLID_ORDERS = (2, 3, 4, 5)  # of the axes of cubes, tetrahedra, icosahedra
_DIRECTIONS = 1500
_ANGLES = 180
# A start that is nearer than this, in diameters on average, is worth refining.
_PROMISING = 0.04
_MOST_STARTS = 8
_PROBES, _COARSE_PROBES = 3000, 160
_REFINEMENTS, _SETTLED = 60, 1e-7
# No two turns of a group of this module are closer, as matrices.
_SAME = 0.05


def find_symmetry(model: Model) -> Symmetry:
    """The turns that map a model onto itself, within `TOLERANCE`.

    By its shape and by which of its materials is where, not by images upon them. Deterministic.
    """
    return _Search.of(model).run()


@dataclass(frozen=True, eq=False)
class _Search:
    """A search on one surface, about its centroid, lengths in diameters.

    Attributes:
        moments: Along the principal axes, ascending.
        axes: ``(3, 3)``, rows: principal axes.
        probes: Points of it that are turned and looked at.
        kinds: Material of each.

    """

    center_m: Points
    diameter_m: float
    moments: NDArray[np.float64]
    axes: Points
    surface: NearSurface
    probes: Points
    kinds: NDArray[np.int64]

    @classmethod
    def of(cls, model: Model) -> _Search:
        triangles = np.concatenate([p.positions_m[p.faces] for p in model.primitives])
        materials = {id(p.material): k for k, p in enumerate(model.primitives)}
        kinds = np.concatenate(
            [np.full(len(p.faces), materials[id(p.material)]) for p in model.primitives]
        )
        center, covariance = second_moments(triangles)
        diameter = _diameter(model.hull_m)
        triangles = (triangles - center) / diameter
        moments, vectors = np.linalg.eigh(covariance / diameter**2)
        points, face = sample_surface(triangles, _PROBES)
        corners = triangles.reshape(-1, 3)
        some = np.linspace(0, len(corners) - 1, min(len(corners), _PROBES)).astype(int)
        count = int(np.clip(4 * len(triangles), 20_000, 400_000))
        return cls(
            center_m=center,
            diameter_m=diameter,
            moments=moments,
            axes=vectors.T,
            surface=NearSurface.of(triangles, kinds, count),
            probes=np.concatenate([points, corners[some]]),
            kinds=np.concatenate([kinds[face], kinds[some // 3]]),
        )

    def run(self) -> Symmetry:
        """The symmetry with all turns that hold."""
        low, middle, high = self.moments
        equal = [middle - low < _EQUAL_MOMENTS * high, high - middle < _EQUAL_MOMENTS * high]
        if all(equal):
            return self._of_ball_or_solid()
        if not any(equal):
            return self._group([(axis, 2) for axis in self.axes if self._holds(axis, 2)])
        axis = self._refined_axis(self.axes[2] if equal[0] else self.axes[0])
        return self._about_one(axis)

    def _about_one(self, axis: Points) -> Symmetry:
        """Turns about an axis of any order, and those of order 2 across it."""
        # One is enough: the others are that one, turned about the axis.
        across = [(a, 2) for a in self._half_turn_across(axis)]
        if self._is_round(axis):
            motions = [self._motion(rotation_about(a, math.pi)) for a, _ in across]
            return Symmetry.of(motions, [self._axis(axis)], same=_SAME)
        order = self._order(axis)
        return self._group([(axis, order)] * (order > 1) + across)

    def _of_ball_or_solid(self) -> Symmetry:
        if all(self._is_round(axis) for axis in self.axes):
            return Symmetry.of([], [self._axis(axis) for axis in self.axes[:2]])
        found: list[tuple[Points, int]] = []
        for axis in self._solid_axes():
            order = self._order(axis)
            if order > max(_SOLID_ORDERS):
                return self._about_one(axis)
            found.append((axis, order))
            # Two of order 3 or more make the whole group of a solid; so do three of order 2.
            if sum(order > 2 for _, order in found) == 2 or len(found) == 3:
                break
        return self._group(found)

    def _solid_axes(self) -> Iterator[Points]:
        """Axes in all directions, those of the highest order first."""
        directions = _half_sphere(_DIRECTIONS)
        taken: list[Points] = []
        for order in sorted(_SOLID_ORDERS, reverse=True):
            for start in self._starts(directions, order, apart=0.3):
                axis = self._refined(start, order)
                if any(abs(float(t @ axis)) > math.cos(0.05) for t in taken):
                    continue
                if self._holds(axis, order):
                    taken.append(axis)
                    yield axis

    def _half_turn_across(self, axis: Points) -> Iterator[Points]:
        """An axis of order 2 at right angles to `axis`, if there is one."""
        first = np.cross(axis, np.eye(3)[int(np.argmin(np.abs(axis)))])
        first /= np.linalg.norm(first)
        second = np.cross(axis, first)
        angles = np.arange(_ANGLES) * math.pi / _ANGLES
        directions = np.cos(angles)[:, None] * first + np.sin(angles)[:, None] * second
        for start in self._starts(directions, 2, apart=0.04):
            found = self._refined(start, 2)
            found = found - (found @ axis) * axis
            found /= np.linalg.norm(found)
            if self._holds(found, 2):
                yield found
                return

    def _starts(self, directions: Points, order: int, *, apart: float) -> Iterator[Points]:
        """The few directions that come nearest to axes of an order, `apart` radians or more."""
        means = self._means([rotation_about(d, 2 * math.pi / order) for d in directions])
        tried: list[Points] = []
        for idx in np.argsort(means, kind="stable"):
            if means[idx] > _PROMISING or len(tried) == _MOST_STARTS:
                return
            direction = directions[idx]
            if all(abs(float(t @ direction)) < math.cos(apart) for t in tried):
                tried.append(direction)
                yield direction

    def _order(self, axis: Points) -> int:
        """The highest order of an axis; 1 if no turn about it holds."""
        for order in range(_LARGEST_ORDER, 1, -1):
            if self._error(rotation_about(axis, 2 * math.pi / order)) <= TOLERANCE:
                return order
        return 1

    def _is_round(self, axis: Points) -> bool:
        golden = math.pi * (3 - math.sqrt(5))
        return all(self._error(rotation_about(axis, golden * k)) <= TOLERANCE for k in range(1, 9))

    def _refined_axis(self, axis: Points) -> Points:
        """The axis of two equal moments, sharper than the moments of an uneven mesh give it."""
        for order in (2, 3, 5):
            if self._holds(axis, order):
                return self._refined(axis, order)
        return axis

    def _refined(self, axis: Points, order: int) -> Points:
        """Turns an axis so that the surface turned about it comes to lie best on itself."""
        angle = 2 * math.pi / order
        R = rotation_about(axis, angle)
        some = slice(None, None, max(1, len(self.probes) // 400))
        probes, kinds = self.probes[some], self.kinds[some]
        for _ in range(_REFINEMENTS):
            before = R
            near = self.surface.nearest(probes @ R.T, kinds)
            u, _, v = np.linalg.svd(near.T @ probes)
            R = u @ np.diag([1.0, 1.0, float(np.sign(np.linalg.det(u @ v)))]) @ v
            if np.abs(R - before).max() < _SETTLED:
                break
        # The axis is what R leaves as it is: the null vector of R - 1.
        found = np.linalg.svd(R - np.eye(3))[2][2]
        found = found * (1.0 if found @ axis >= 0 else -1.0)
        # Drawn shapes mostly have their axes along those of the file: then exactly so.
        nearest = np.zeros(3)
        nearest[int(np.argmax(np.abs(found)))] = np.sign(found[int(np.argmax(np.abs(found)))])
        errors = [self._error(rotation_about(a, angle)) for a in (axis, found, nearest)]
        if errors[2] <= errors[1] + _SETTLED:
            return nearest
        return found if errors[1] <= errors[0] else axis

    def _holds(self, axis: Points, order: int) -> bool:
        return self._error(rotation_about(axis, 2 * math.pi / order)) <= TOLERANCE

    def _error(self, R: Points) -> float:
        """Largest distance of the turned surface from the surface, in diameters."""
        few = slice(None, None, 20)
        coarse = float(self.surface.distances(self.probes[few] @ R.T, self.kinds[few]).max())
        if coarse > TOLERANCE:
            return coarse
        return float(self.surface.distances(self.probes @ R.T, self.kinds).max())

    def _means(self, turns: list[Points]) -> NDArray[np.float64]:
        """Mean distance of the turned surface from the surface, for each turn."""
        some = slice(None, None, max(1, len(self.probes) // _COARSE_PROBES))
        probes, kinds = self.probes[some], self.kinds[some]
        turned = np.einsum("tij,pj->tpi", np.stack(turns), probes)
        away = self.surface.sample_distances(turned.reshape(-1, 3), np.tile(kinds, len(turns)))
        return np.asarray(away.reshape(len(turns), -1).mean(axis=1))

    def _group(self, found: list[tuple[Points, int]]) -> Symmetry:
        """The group that some turns generate; that of fewer where the whole group does not hold."""
        for count in range(len(found), 0, -1):
            turns = [rotation_about(axis, 2 * math.pi / order) for axis, order in found[:count]]
            try:
                group = Symmetry.of([self._motion(R) for R in turns], same=_SAME)
            except ValueError:
                continue
            if all(self._error(T[:3, :3]) <= TOLERANCE for T in group.motions):
                return group
        return Symmetry.of([])

    def _motion(self, R: Points) -> Points:
        T = np.eye(4)
        T[:3, :3] = R
        T[:3, 3] = self.center_m - R @ self.center_m
        return T

    def _axis(self, axis: Points) -> SymmetryAxis:
        x, y, z = (float(v) for v in axis)
        a, b, c = (float(v) for v in self.center_m)
        return SymmetryAxis(direction=(x, y, z), point_m=(a, b, c))


def _diameter(hull_m: Points) -> float:
    """Largest distance between two points, to 0.2 %: their widest extent in 1,500 directions."""
    along = hull_m @ _half_sphere(_DIRECTIONS).T
    return float(np.ptp(along, axis=0).max())


def _half_sphere(count: int) -> Points:
    """``(N, 3)`` directions evenly over a half sphere (Fibonacci)."""
    z = (np.arange(count) + 0.5) / count
    turn = math.pi * (3 - math.sqrt(5)) * np.arange(count)
    r = np.sqrt(1 - z * z)
    return np.stack([r * np.cos(turn), r * np.sin(turn), z], axis=1)
