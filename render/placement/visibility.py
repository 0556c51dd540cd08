"""How much of each body the others cover: occlusion as placement measures it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from render.geometry.projection import backproject
from render.placement.bodies import Body
from render.placement.fixtures import Obstacles
from render.placement.outlines import Outline, nearest_hit, outline_of, outline_of_triangles
from render.placement.viewing import CameraView

__all__ = ["VisibilityMap", "VisibleSurface", "hidden_cells"]

# Outlines are drawn on the pixels of the image while the principal target is not larger than
# this, on coarser cells beyond: its shares are then known to a few thousandths all the same.
_MOST_CELLS = 128.0
# At least this share of a further target lies in the frame: a share of a few pixels cannot be
# brought to a wanted value.
_LEAST_IN_FRAME = 0.4


@dataclass(eq=False, kw_only=True)
class VisibleSurface:
    """What a body shows in the picture.

    Attributes:
        body: The body.
        outline: The part of its silhouette that lies in the frame.
        visible: ``(h, w)`` the cells of `outline` that nothing placed so far covers.

    """

    body: Body
    outline: Outline
    visible: NDArray[np.bool_]

    @property
    def occluded_fract(self) -> float:
        """Share of the silhouette in the frame that others cover; 0 where there is none."""
        area = self.outline.area
        return 1.0 - int(np.count_nonzero(self.visible)) / area if area else 0.0


@dataclass(eq=False)
class VisibilityMap:
    """What the camera sees of the bodies of a frame, on a grid; grows as bodies are placed.

    The convex hulls of the bodies are apart, so of any two that overlap in the picture one is
    in front of the other wherever they do.

    Attributes:
        view: The camera.
        cell_px: Side of a cell of the grid, pixels of the image.
        limit: Largest `VisibleSurface.occluded_fract` that a further body may leave any target
            with.
        obstacles: Fixtures, which cover targets too.
        targets: Those placed so far, in order.
        others: Further bodies placed so far.

    """

    view: CameraView
    cell_px: float
    limit: float
    obstacles: Obstacles | None = None
    targets: list[VisibleSurface] = field(default_factory=list)
    others: list[VisibleSurface] = field(default_factory=list)

    @classmethod
    def of(
        cls, view: CameraView, principal: Body, *, limit: float, obstacles: Obstacles | None
    ) -> VisibilityMap:
        """A map whose grid suits a principal target of that size."""
        side_px = view.K[0, 0] * principal.extent_m / principal.depth_m
        return cls(
            view=view, cell_px=max(1.0, side_px / _MOST_CELLS), limit=limit, obstacles=obstacles
        )

    @property
    def grid_wh(self) -> tuple[int, int]:
        """How many cells wide and high the frame is."""
        w, h = self.view.size_wh
        return round(w / self.cell_px), round(h / self.cell_px)

    def see(self, body: Body) -> Outline:
        """The part of a body's silhouette that lies in the frame."""
        return outline_of(body, self.view, cell_px=self.cell_px, window=(0, 0, *self.grid_wh))

    def admits(self, body: Body, *, is_target: bool) -> bool:
        """Whether no target would be covered beyond `limit`, and a new one be well in the frame."""
        if is_target:
            whole = outline_of(body, self.view, cell_px=self.cell_px)
            if whole.share_within(self.grid_wh) < _LEAST_IN_FRAME:
                return False
        outline = self.see(body)
        visible = self._before_fixtures(body, outline)
        for other in (*self.targets, *self.others):
            mine, theirs = _overlap(outline, other.outline)
            both = outline.mask[mine] & other.outline.mask[theirs]
            if not both.any():
                continue
            if not self._is_before(body, other.body, outline, mine, both):
                visible[mine] &= ~both
            elif any(other is target for target in self.targets):
                left = np.count_nonzero(other.visible[theirs] & both)
                covered = other.occluded_fract + left / other.outline.area
                if covered > self.limit:
                    return False
        area = outline.area
        return not is_target or 1.0 - int(np.count_nonzero(visible)) / area <= self.limit

    def add(self, body: Body, *, is_target: bool) -> None:
        """Adds a body: what it covers, and what covers it."""
        outline = self.see(body)
        visible = self._before_fixtures(body, outline)
        seen = VisibleSurface(body=body, outline=outline, visible=visible)
        for other in (*self.targets, *self.others):
            mine, theirs = _overlap(outline, other.outline)
            both = outline.mask[mine] & other.outline.mask[theirs]
            if not both.any():
                continue
            if self._is_before(body, other.body, outline, mine, both):
                other.visible[theirs] &= ~both
            else:
                seen.visible[mine] &= ~both
        (self.targets if is_target else self.others).append(seen)

    def newly_hidden(self, body: Body, target: VisibleSurface) -> int:
        """Visible cells of a target that a body in front of it covers."""
        window = target.outline.window
        return hidden_cells(
            outline_of(body, self.view, cell_px=self.cell_px, window=window), target
        )

    def _before_fixtures(self, body: Body, outline: Outline) -> NDArray[np.bool_]:
        """The cells of an outline that no fixture in front of the body covers."""
        visible = outline.mask.copy()
        if self.obstacles is None:
            return visible
        before = self.obstacles.facing(body.center_cam)
        cover = outline_of_triangles(before, self.view, cell_px=self.cell_px, window=outline.window)
        mine, theirs = _overlap(outline, cover)
        visible[mine] &= ~cover.mask[theirs]
        return visible

    def _is_before(
        self,
        a: Body,
        b: Body,
        outline: Outline,
        part: tuple[slice, slice],
        both: NDArray[np.bool_],
    ) -> bool:
        """Whether body `a` is the nearer one where both are."""
        if a.farthest_m <= b.nearest_m:
            return True
        if b.farthest_m <= a.nearest_m:
            return False
        rows, columns = np.nonzero(both)
        for pick in (len(rows) // 2, 0, len(rows) - 1):
            cell = np.array(
                [[
                    outline.x0 + part[1].start + columns[pick],
                    outline.y0 + part[0].start + rows[pick],
                ]]
            )  # fmt: skip
            uv = (cell + 0.5) * self.cell_px - 0.5
            ray = backproject(uv, 1.0, self.view.K, self.view.distortion)[0]
            hits = nearest_hit(a, self.view, ray), nearest_hit(b, self.view, ray)
            if np.isfinite(hits).all():
                return hits[0] < hits[1]
        return a.depth_m < b.depth_m


def hidden_cells(outline: Outline, target: VisibleSurface) -> int:
    """Visible cells of a target that an outline covers."""
    mine, theirs = _overlap(outline, target.outline)
    return int(np.count_nonzero(outline.mask[mine] & target.visible[theirs]))


def _overlap(a: Outline, b: Outline) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """The rows and columns of each that lie in the window of the other; may be empty."""
    x0, x1 = max(a.x0, b.x0), min(a.x0 + a.mask.shape[1], b.x0 + b.mask.shape[1])
    y0, y1 = max(a.y0, b.y0), min(a.y0 + a.mask.shape[0], b.y0 + b.mask.shape[0])
    x1, y1 = max(x0, x1), max(y0, y1)
    return (
        (slice(y0 - a.y0, y1 - a.y0), slice(x0 - a.x0, x1 - a.x0)),
        (slice(y0 - b.y0, y1 - b.y0), slice(x0 - b.x0, x1 - b.x0)),
    )
