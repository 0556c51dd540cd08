"""Rigid motions that leave an object as it is, and the pose that stands for all that look alike."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Symmetry", "SymmetryAxis", "rotation_about"]

# The icosahedron, the largest of the solids that have finitely many, has 60.
_MOST_MOTIONS = 360
_SAME = 1e-3
# Poses whose rotations are closer than this to equally far from none are taken for a tie.
_TIE = 1e-9


@dataclass(frozen=True, kw_only=True)
class SymmetryAxis:
    """A line that the object can be turned about by any angle.

    Attributes:
        direction: Unit vector, object frame.
        point_m: A point of the line, object frame, metres.

    """

    direction: tuple[float, float, float]
    point_m: tuple[float, float, float] = (0.0, 0.0, 0.0)


@dataclass(frozen=True, eq=False, kw_only=True)
class Symmetry:
    """What turns an object into itself.

    Attributes:
        motions: ``(N, 4, 4)`` rigid, object frame, metres: with the one that moves nothing, and
            with the product of any two of them.
        axes: Lines of revolution; those that meet in one point stand for every rotation about it.

    """

    motions: NDArray[np.float64]
    axes: tuple[SymmetryAxis, ...] = ()

    @classmethod
    def of(
        cls,
        motions: Sequence[NDArray[np.float64]],
        axes: Sequence[SymmetryAxis] = (),
        *,
        same: float = _SAME,
    ) -> Symmetry:
        """Completes motions to a group.

        Args:
            motions: ``(4, 4)`` each, rigid, metres.
            axes: Lines of revolution.
            same: Motions whose matrices differ by no more are one; of translations, relative
                to the largest.

        Raises:
            ValueError: The motions make more than 360 together: they do not fit each other.

        """
        size = max((float(np.abs(T[:3, 3]).max()) for T in motions), default=0.0)
        tolerance = np.array([same] * 3 + [same * size + 1e-12])
        group = np.eye(4)[None]
        done = 0
        while done < len(group):
            for T in motions:
                product = group[done] @ T
                if (np.abs(group - product)[:, :3] <= tolerance).all(axis=(1, 2)).any():
                    continue
                if len(group) == _MOST_MOTIONS:
                    raise ValueError(f"its motions make more than {_MOST_MOTIONS} when combined")
                group = np.concatenate([group, product[None]])
            done += 1
        return cls(motions=group, axes=tuple(axes))

    def scaled(self, factor: float) -> Symmetry:
        """The symmetry of the object made `factor` times as large about its origin."""
        motions = self.motions.copy()
        motions[:, :3, 3] *= factor
        axes = []
        for axis in self.axes:
            x, y, z = axis.point_m
            axes.append(replace(axis, point_m=(factor * x, factor * y, factor * z)))
        return Symmetry(motions=motions, axes=tuple(axes))

    def as_dict(self) -> dict[str, Any]:
        """In BOP's form (models_info.json), without the motion that moves nothing; metres."""
        return {
            "discrete": [T.ravel().tolist() for T in self.motions[1:]],
            "continuous": [
                {"axis": list(a.direction), "offset": list(a.point_m)} for a in self.axes
            ],
        }

    @property
    def is_trivial(self) -> bool:
        """Whether the object has no symmetry: only the identity leaves it as it is."""
        return len(self.motions) == 1 and not self.axes

    @cached_property
    def _is_ball(self) -> bool:
        first, *others = self.axes or (None,)
        if first is None:
            return False
        a = np.array(first.direction)
        return any(float(np.linalg.norm(np.cross(a, o.direction))) > _SAME for o in others)

    def canonical(self, T_cam_obj: NDArray[np.float64], scale: float = 1.0) -> NDArray[np.float64]:
        """The one pose, of all that look alike, whose rotation is nearest to none.

        "None" is the object's axes along the camera's: x right, y down, z away. That is the
        rotation with the largest trace, as in Pitteri et al., "On Object Symmetries and 6D Pose
        Estimation from Images", 2019, section 4. It jumps where two are equally near, which no
        choice can avoid.

        Args:
            T_cam_obj: ``(4, 4)`` rigid.
            scale: How many times the object is as large in the scene as its model.

        """
        if scale != 1.0:
            return self.scaled(scale).canonical(T_cam_obj)
        if self._is_ball:
            return _about(T_cam_obj, T_cam_obj[:3, :3].T, self.axes[0])
        best, largest = T_cam_obj, -math.inf
        for S in self.motions:
            T = T_cam_obj @ S
            if self.axes:
                axis = np.array(self.axes[0].direction)
                turn = rotation_about(axis, _best_angle(T[:3, :3], axis))
                T = _about(T, turn, self.axes[0])
            trace = float(np.trace(T[:3, :3]))
            if trace > largest + _TIE:
                best, largest = T, trace
        return best


def rotation_about(axis: NDArray[np.float64], angle_rad: float) -> NDArray[np.float64]:
    """``(3, 3)`` right-handed rotation about a unit vector (Rodrigues)."""
    x, y, z = (float(v) for v in axis)
    K = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.asarray(np.eye(3) + math.sin(angle_rad) * K + (1 - math.cos(angle_rad)) * (K @ K))


def _best_angle(R: NDArray[np.float64], axis: NDArray[np.float64]) -> float:
    """The angle about `axis`, object frame, after which `R` has its largest trace."""
    x, y, z = (float(v) for v in axis)
    K = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return math.atan2(float(np.trace(R @ K)), float(np.trace(R) - axis @ R @ axis))


def _about(
    T: NDArray[np.float64], R_obj: NDArray[np.float64], axis: SymmetryAxis
) -> NDArray[np.float64]:
    """`T` after a turn of the object about a point of an axis."""
    point = np.array(axis.point_m)
    turn = np.eye(4)
    turn[:3, :3] = R_obj
    turn[:3, 3] = point - R_obj @ point
    return np.asarray(T @ turn)
