"""A mask as closed polygons: pixel edges, holes and fragments joined by corridors.

Label files in YOLO's format hold one ring per instance, and programs fill it with
`cv2.fillPoly`, which also fills every pixel the line touches. ultralytics cuts the
coordinates down to integers before it does so; supervision rounds them. So the line runs
just inside the outermost pixels: 1/256 px inside left and top edges, and half a pixel and
1/256 px inside right and bottom edges, the farthest that both still take for the same pixel.
Two spikes without width, one to the right and one to the bottom edge of the mask, make the
extent of the polygon that of the mask, because ultralytics takes its boxes from it. For
programs that round, each spike is one pixel too many.

Rings are joined by corridors without width, walked to and fro. A corridor to a hole runs
over the mask itself and costs nothing. One between fragments fills the pixels under it, so
the shortest are taken, and a fragment that has fewer pixels than its corridor is left out.

COCO's polygons are a list for each instance, so each fragment has a ring of its own and none is
left out; holes are joined to it as above, because no polygon of COCO can be one. The line runs
1/64 px inside the pixels' edges on all sides, so that its area is that of the pixels; pycocotools,
which samples near their centres, and programs that cut coordinates down to integers fill just the
mask. No line does so for them and for programs that round, too (supervision, sahi's pictures of
masks): those fill a pixel more at right and lower edges.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from render.writers.fragments import Bridge, join_fragments

__all__ = ["outline", "outlines"]

_UNIT = 2048  # integer coordinates per pixel: all of the below is exact
_LOW, _HIGH = 8, 1016  # where a line runs in its pixel: at left and top edges; at the others
_TIP = 2040  # where a spike ends
_MIDDLE = 1023  # where a bridge runs: the middle itself would round up
_INSIDE = 32  # how far inside all edges the lines of several polygons run

_Ints = NDArray[np.int64]
_Point = tuple[int, int]


def outline(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The outline of a mask as one ring.

    Args:
        mask: ``(H, W)`` with at least one pixel.

    Returns:
        ``(N, 2)`` x and y in edge coordinates, pixels, within the mask's extent; N >= 4;
        the last point is joined to the first. Clockwise as seen, holes against it.

    """
    x0, y0, width, height = cv2.boundingRect(mask.view(np.uint8))
    window = mask[y0 : y0 + height, x0 : x0 + width]
    window, bridges = join_fragments(window)
    rings = _Rings.of(window, low=_LOW, high=_HIGH)
    links = [*_hole_links(rings, window), *(_bridge_link(rings, b) for b in bridges)]
    points = np.array(_with_spikes(_join(rings, links)))
    return points / _UNIT + (x0, y0)


def outlines(mask: NDArray[np.bool_]) -> list[NDArray[np.float64]]:
    """The outlines of a mask: a ring for each of its 4-connected fragments.

    Args:
        mask: ``(H, W)``.

    Returns:
        Each ``(N, 2)`` x and y in edge coordinates, pixels, N >= 4; the last point is joined to
        the first. Clockwise as seen, holes against it.

    """
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        mask.view(np.uint8), connectivity=4, ltype=cv2.CV_32S
    )
    found = []
    for piece in range(1, count):
        x0, y0, width, height, _ = stats[piece].tolist()
        window = labels[y0 : y0 + height, x0 : x0 + width] == piece
        rings = _Rings.of(window, low=_INSIDE, high=_UNIT - _INSIDE)
        points = np.array(_join(rings, list(_hole_links(rings, window))))
        found.append(points / _UNIT + (x0, y0))
    return found


@dataclass(frozen=True, eq=False, kw_only=True)
class _Rings:
    """All rings of a mask. Edge i goes from `start[i]` to `end[i]`, along x or y.

    Attributes:
        start: ``(N, 2)``.
        low: Where in its pixel an edge runs at the left and at the top.
        end: ``(N, 2)``; the start of the ring's next edge.
        ring: ``(N,)`` which ring; edges of a ring are consecutive and in order.

    """

    low: int
    start: _Ints
    end: _Ints
    ring: _Ints

    @staticmethod
    def of(mask: NDArray[np.bool_], *, low: int, high: int) -> _Rings:
        """Traces the 4-connected parts of a mask, the mask at the right hand.

        Args:
            mask: ``(H, W)``.
            low: Where in their pixels the lines run at left and top edges.
            high: Likewise, at right and bottom edges.

        """
        corners = _corners(mask, low, high)
        across, down = _partners(corners[:, ::-1]), _partners(corners)
        is_left_top = (corners[:, 1] % _UNIT == low) & (corners[across, 0] > corners[:, 0])
        order: list[int] = []
        sizes: list[int] = []
        unseen = np.ones(len(corners), dtype=bool)
        across_of, down_of = across.tolist(), down.tolist()
        for first in np.flatnonzero(is_left_top).tolist():
            if not unseen[first]:
                continue
            begin, at = len(order), first
            while True:
                order += (at, across_of[at])
                at = down_of[across_of[at]]
                if at == first:
                    break
            unseen[order[begin:]] = False
            sizes.append(len(order) - begin)
        start = corners[order]
        ring = np.repeat(np.arange(len(sizes)), sizes)
        following = np.arange(1, len(order) + 1)
        lasts = np.cumsum(sizes) - 1
        following[lasts] = lasts - sizes + 1
        return _Rings(low=low, start=start, end=start[following], ring=ring)

    def edge_at(self, point: _Point) -> int:
        """An edge that holds a point of the outline."""
        low, high = np.minimum(self.start, self.end), np.maximum(self.start, self.end)
        return int(np.flatnonzero(((low <= point) & (point <= high)).all(axis=1))[0])

    def edge_in(self, pixel_xy: _Point) -> tuple[int, _Point]:
        """An edge that crosses a pixel of the rim, and a point of it there."""
        low, high = np.minimum(self.start, self.end), np.maximum(self.start, self.end)
        crosses = (low // _UNIT <= pixel_xy) & (pixel_xy <= high // _UNIT)
        edge = int(np.flatnonzero(crosses.all(axis=1))[0])
        middle = np.array(pixel_xy) * _UNIT + (_LOW + _HIGH) // 2
        x, y = np.clip(middle, low[edge], high[edge]).tolist()
        return edge, (x, y)


@dataclass(frozen=True, kw_only=True)
class _Link:
    """A corridor between two rings, from a point on `edge_a` to one on `edge_b`."""

    edge_a: int
    edge_b: int
    path: tuple[_Point, ...]


def _corners(mask: NDArray[np.bool_], low: int, high: int) -> _Ints:
    """``(N, 2)`` corners of the outline, each inside the pixel of the mask it belongs to.

    Where two pixels touch by a corner there are two: such pixels are not connected.
    """
    p = np.pad(mask, 1)
    a, b, c, d = p[:-1, :-1], p[:-1, 1:], p[1:, :-1], p[1:, 1:]
    # Pixel, its two neighbours at this grid point, the one across; x and y of the pixel
    # relative to the grid point, and where in the pixel the corner lies.
    cases = (
        (a, b, c, d, (-1, -1), (high, high)),
        (b, a, d, c, (0, -1), (low, high)),
        (c, a, d, b, (-1, 0), (high, low)),
        (d, b, c, a, (0, 0), (low, low)),
    )
    found = []
    for pixel, beside, below, across, step_xy, inside_xy in cases:
        convex = pixel & ~beside & ~below
        reflex = pixel & beside & below & ~across
        y, x = np.nonzero(convex | reflex)
        found.append((np.stack([x, y], axis=1) + step_xy) * _UNIT + inside_xy)
    return np.concatenate(found).astype(np.int64)


def _partners(corners: _Ints) -> _Ints:
    """For each corner the other end of its edge along the second coordinate."""
    order = np.lexsort((corners[:, 1], corners[:, 0]))
    partner = np.empty_like(order)
    partner[order[0::2]], partner[order[1::2]] = order[1::2], order[0::2]
    return partner


def _hole_links(rings: _Rings, mask: NDArray[np.bool_]) -> Iterator[_Link]:
    """From the leftmost corner of each hole straight left to the next ring.

    That ring reaches farther left than the hole, so these links never make a circle.
    """
    (x0, y0), (x1, y1) = rings.start.T, rings.end.T
    double_areas = np.bincount(rings.ring, weights=x0 * y1 - x1 * y0)
    firsts = np.searchsorted(rings.ring, np.arange(len(double_areas) + 1))
    for hole in np.flatnonzero(double_areas < 0):
        edge = int(firsts[hole] + np.argmin(x0[firsts[hole] : firsts[hole + 1]]))
        x, y = rings.start[edge].tolist()
        before = mask[y // _UNIT, : x // _UNIT]
        gaps = np.flatnonzero(~before)
        column = int(gaps[-1]) + 1 if len(gaps) else 0
        target = (column * _UNIT + rings.low, y)
        yield _Link(edge_a=edge, edge_b=rings.edge_at(target), path=((x, y), target))


def _bridge_link(rings: _Rings, bridge: Bridge) -> _Link:
    edge_a, point_a = rings.edge_in(bridge.pixel_a_xy)
    edge_b, point_b = rings.edge_in(bridge.pixel_b_xy)
    # ultralytics puts points between those of the file, and only a diagonal through the
    # middle of the pixels stays on them. This one passes by so closely that such a point
    # falls beside it once in a thousand steps: a pixel too many.
    middles = [(x * _UNIT + _MIDDLE, y * _UNIT + _MIDDLE) for x, y in bridge.turns_xy]
    return _Link(edge_a=edge_a, edge_b=edge_b, path=(point_a, *middles, point_b))


def _join(rings: _Rings, links: list[_Link]) -> list[_Point]:
    """All rings as one: each is walked around from where its corridor arrives, then back."""
    ends: dict[int, list[tuple[tuple[int, int], int, bool]]] = defaultdict(list)
    keys: dict[tuple[int, bool], tuple[int, int]] = {}
    for number, link in enumerate(links):
        for edge, point, is_a in (
            (link.edge_a, link.path[0], True),
            (link.edge_b, link.path[-1], False),
        ):
            key = (edge, int(np.abs(rings.start[edge] - point).sum()))
            keys[number, is_a] = key
            ends[int(rings.ring[edge])].append((key, number, is_a))
    starts = rings.start.tolist()

    def stops(ring: int, entry: tuple[int, int]) -> Iterator[tuple[tuple[int, int], int, bool]]:
        first, last = np.searchsorted(rings.ring, [ring, ring + 1])
        corners = [((edge, 0), -1, False) for edge in range(first, last)]
        all_stops = sorted([*corners, *ends[ring]])
        turn = next((i for i, stop in enumerate(all_stops) if stop[0] >= entry), 0)
        return iter([*all_stops[turn:], *all_stops[:turn]])

    joined: list[_Point] = []
    done: set[int] = set()
    walks: list[tuple[Iterator[tuple[tuple[int, int], int, bool]], tuple[_Point, ...]]]
    walks = [(stops(0, (0, 0)), ())]
    while walks:
        walk, way_back = walks[-1]
        stop = next(walk, None)
        if stop is None:
            joined += way_back
            walks.pop()
            continue
        (edge, _), number, is_a = stop
        if number < 0:
            joined.append(tuple(starts[edge]))
        elif number not in done:
            done.add(number)
            path = links[number].path if is_a else links[number].path[::-1]
            joined += path
            walks.append(
                (
                    stops(int(rings.ring[keys[number, not is_a][0]]), keys[number, not is_a]),
                    path[::-1],
                )
            )
    return joined


def _with_spikes(points: list[_Point]) -> list[_Point]:
    for axis in (0, 1):
        at = max(range(len(points)), key=lambda i: points[i][axis])
        x, y = points[at]
        tip = (x - _HIGH + _TIP, y) if axis == 0 else (x, y - _HIGH + _TIP)
        points = [*points[: at + 1], tip, *points[at:]]
    return points
