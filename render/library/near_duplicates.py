"""Finds models that differ only by scale or are mirror images, whatever their triangles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from render.scene import Model

__all__ = ["SAME", "AreaMoments", "EqualModels", "kinship"]

# Two tessellations of one part differ by less, two parts that people tell apart by more.
_SAME = 0.004
_SKEWED = 0.02
SAME = "the same shape and size as"
# Points and weights of a rule on the triangle that is exact for cubics (Strang and Fix 1973).
_RULE = np.array([[1 / 3, 1 / 3, 1 / 3], [0.6, 0.2, 0.2], [0.2, 0.6, 0.2], [0.2, 0.2, 0.6]])
_WEIGHTS = np.array([-27.0, 25.0, 25.0, 25.0]) / 48.0


@dataclass(frozen=True, eq=False, kw_only=True)
class AreaMoments:
    """What a surface is, apart from place and turn: moments of its area.

    Attributes:
        size_m: Root mean square distance of the surface from its centroid.
        ratios: Free of scale: spread along the three principal axes, and the root of the
            area, over `size_m`.
        skews: Third moment along each principal axis over `size_m`, its cube root.
        handedness: 1 or -1, opposite for the mirror image; 0 if the shape is (nearly) its own
            mirror image, or has no distinct principal axes.

    """

    size_m: float
    ratios: NDArray[np.float64]
    skews: NDArray[np.float64]
    handedness: int

    @classmethod
    def of(cls, model: Model) -> AreaMoments:
        """Moments of all surfaces of a model."""
        corners = np.concatenate([p.positions_m[p.faces] for p in model.primitives])
        corners = corners - model.center_m
        edges = corners[:, 1:] - corners[:, :1]
        area = np.linalg.norm(np.cross(edges[:, 0], edges[:, 1]), axis=1) / 2
        points = np.einsum("qk,fkx->fqx", _RULE, corners).reshape(-1, 3)
        weights = (area[:, None] * _WEIGHTS).ravel() / area.sum()
        points = points - weights @ points
        spread, axes = np.linalg.eigh((points * weights[:, None]).T @ points)
        size = float(np.sqrt(spread.sum()))
        along = points @ axes
        skews = np.cbrt(weights @ along**3) / size
        ratios = np.sqrt(np.maximum(spread, 0.0)) / size
        distinct = bool((np.diff(ratios) > 10 * _SAME).all())
        turned = np.sign(skews).prod() * np.sign(np.linalg.det(axes))
        chiral = distinct and bool((np.abs(skews) > _SKEWED).all())
        return cls(
            size_m=size,
            ratios=np.append(ratios, np.sqrt(area.sum()) / size),
            skews=np.sort(np.abs(skews)),
            handedness=int(turned) if chiral else 0,
        )


@dataclass(eq=False, kw_only=True)
class EqualModels:
    """Models of one shape and size.

    Attributes:
        shape: That of the first one.
        names: Grows; in the order in which they were met.

    """

    shape: AreaMoments
    names: list[str]

    @property
    def text(self) -> str:
        """The first one's name, and how many others are equal to it."""
        more = len(self.names) - 1
        return self.names[0] + (f" (and {more} like it)" if more else "")


def kinship(one: AreaMoments, other: AreaMoments) -> str | None:
    """How `one` is made of `other`, as words that go before its name; None if it is not.

    Approximate: by second and third moments of the area, within 0.4 percent.
    """
    if np.abs(one.ratios - other.ratios).max() > _SAME:
        return None
    # Cube roots are steep at zero.
    if np.abs(one.skews**3 - other.skews**3).max() > _SAME:
        return None
    factor = one.size_m / other.size_m
    same_size = abs(factor - 1) < _SAME
    if one.handedness * other.handedness < 0:
        return "the mirror image of" if same_size else f"the mirror image, {factor:.4g} x, of"
    return SAME if same_size else f"the same shape, {factor:.4g} x, as"
